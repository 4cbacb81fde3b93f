//! Metadata: schemas, entities, statistics and property tables (3D Metadata specification, version 1.0).

pub(super) mod class;
pub(super) mod entity;
pub(super) mod model;
pub(super) mod schema;
pub(super) mod semantics;
pub(super) mod table;
pub(super) mod table_data;
pub(super) mod value;

//! Frames, camera poses, bounding volumes, rays and frusta, all in `f64`.
//!
//! *World* is the frame of a tileset's root: Earth-centred Earth-fixed (ECEF, metres, EPSG:4978) for a tileset
//! with a place on Earth, a plain local frame (x east, y north, z up, metres) for one without. Names say which
//! way a transform goes: `ecef_from_enu * point_in_enu` is a point in ECEF.

pub mod bounds;
pub mod camera;
pub mod crs;
pub mod ellipsoid;
pub mod frustum;
pub mod gcj02;
pub mod ray;
pub mod s2;

pub use bounds::{BoundingVolume, CylinderRegion, Obb, Region, Sphere};
pub use camera::{CameraPose, CameraTextError, OrbitPose, WorldFrame, orbit_path};
pub use ellipsoid::{Geodetic, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef};
pub use frustum::{Frustum, PlaneMask, Visibility, vertical_fov_rad};
pub use glam;
pub use ray::Ray;
pub use s2::S2Volume;

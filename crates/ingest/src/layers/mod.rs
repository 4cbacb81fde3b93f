//! The layers of a county: borders, villages, grids, roads, cameras, key places.
//!
//! Each lies in `layers/<name>.geojson`, WGS 84 degrees, one feature a line; `county.toml` names it. Every feature has
//!
//! | property | what |
//! |---|---|
//! | `id` | permanent: the code of a village or grid; else the source's own id (longer than three letters); else `<county>-<letters><number>`, never given twice |
//! | `source_file`, `source_feature`, `source_id` | file, number of the feature in it from 1, and the source's own id |
//! | `source_properties` | an object of everything else that the source said |
//!
//! and all fields of its layer, `null` where unknown:
//!
//! | layer | geometry | fields |
//! |---|---|---|
//! | `borders` | area | `code` (6 digits), `name` |
//! | `villages` | area, or none until it is known | `code` (12 digits), `name`, `legal_name`, `town`, `town_code` |
//! | `grids-police`, `grids-governance`, `grids-epidemic` | area | `code`, `name`, `village_code` |
//! | `roads` | line | `name`, `class`, `width_m`, `village_code` |
//! | `cameras` | point | `name`, `height_m` (above ground), `ellipsoidal_height_m`, `heading_deg` (clockwise from north), `pitch_deg` (negative downwards), `horizontal_fov_deg`, `range_m`, `stream`, `village_code` |
//! | `places` | point | `name`, `kind`, `address`, `village_code` |
//!
//! `village_code` is the source's own, else that of the village in which the middle lies. Beside a layer lie
//! `<name>-rejected.csv` (file, feature, line, outcome, reason) and `<name>-report.json`. A delivery that comes again
//! replaces the layer (or adds to it); features keep their ids by own id, code, name, or place.

mod borders;
mod document;
mod guess;
mod identity;
mod import;
mod schema;

use crate::county::{County, CountyError};

pub use borders::{Borders, COUNTY_MARGIN_M, Elsewhere, VILLAGE_MARGIN_M};
pub use document::{LayerDocument, LayerFeature};
pub use guess::guess;
pub use import::{FileReport, LayerOptions, LayerPlan, LayerReport, Rejected, plan};
pub use schema::{ColumnError, Field, FieldKind, LayerKind, SOURCE_ID};

pub(crate) use document::{collection, geometry_json};
pub(crate) use import::rejected_csv;
pub(crate) use schema::Finder;

impl LayerPlan {
    /// Writes the layer with what was refused and the report, and names it in `county.toml`.
    ///
    /// # Errors
    /// What the disk answers. Until the layer itself is written, last, the old one is there.
    pub fn write(&self, county: &mut County) -> Result<(), CountyError> {
        let name = self.kind.name();
        let report = serde_json::to_vec_pretty(&self.report).map_err(|error| CountyError::Corrupt {
            path: county.folder().to_owned(),
            reason: error.to_string(),
        })?;
        let rejected = rejected_csv(&self.rejected).map_err(|error| CountyError::Corrupt {
            path: county.folder().to_owned(),
            reason: error.to_string(),
        })?;
        county.write_file(&format!("layers/{name}-rejected.csv"), &rejected)?;
        county.write_file(&format!("layers/{name}-report.json"), &report)?;
        let file = format!("layers/{name}.geojson");
        county.write_file(&file, &self.document.bytes(name))?;
        county.set_layer(name, &file)
    }
}

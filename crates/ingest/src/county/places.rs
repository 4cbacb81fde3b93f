//! The layers of a county, and whether things lie where they belong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::write::write_atomic;

use super::{County, CountyError, config::is_code, root};
use crate::{
    layers::{Borders, LayerDocument, LayerKind},
    vector::Position,
};

impl County {
    /// A layer; one that was never imported is empty.
    ///
    /// # Errors
    /// One that cannot be read.
    pub fn layer(&self, kind: LayerKind) -> Result<LayerDocument, CountyError> {
        let name = kind.name();
        let file = self.config.layers.get(name).cloned().unwrap_or_else(|| format!("layers/{name}.geojson"));
        LayerDocument::read(&self.folder.join(file)).map_err(CountyError::Layer)
    }

    /// Borders of the county and its villages.
    ///
    /// # Errors
    /// Layers that cannot be read.
    pub fn borders(&self) -> Result<Borders, CountyError> {
        Ok(Borders::new(&self.layer(LayerKind::Borders)?, &self.layer(LayerKind::Villages)?))
    }

    /// Whether something of a village, with its middle at `at` (longitude and latitude, degrees), may be imported; what is
    /// worth a word.
    ///
    /// # Errors
    /// A village that is not in the county's list, and a place outside the border of the village or the county.
    pub fn check_place(&self, village: &str, at: Option<Position>) -> Result<Vec<String>, CountyError> {
        let borders = self.borders()?;
        if !borders.knows(village) {
            return Err(CountyError::UnknownVillage { village: village.to_owned() });
        }
        let mut notes = Vec::new();
        if borders.is_empty() {
            notes.push("the county has no borders: nothing is refused for its place".to_owned());
        } else if let Some(at) = at {
            borders.check_village(village, at).map_err(CountyError::OutsideBorder)?;
        }
        Ok(notes)
    }

    /// Codes with which those of its villages begin.
    pub fn codes(&self) -> Vec<String> {
        // A county that an import made without being told its code is no limit.
        if self.config.code.bytes().all(|b| b == b'0') {
            return Vec::new();
        }
        std::iter::once(&self.config.code).chain(&self.config.former_codes).cloned().collect()
    }

    /// Names a layer in `county.toml`.
    pub(crate) fn set_layer(&mut self, name: &str, file: &str) -> Result<(), CountyError> {
        if self.config.layers.get(name).is_some_and(|known| known == file) {
            return Ok(());
        }
        self.config.layers.insert(name.to_owned(), file.to_owned());
        self.write_config()
    }

    /// Writes a file of the county, whole or not at all; makes its folder.
    pub(crate) fn write_file(&self, file: &str, bytes: &[u8]) -> Result<(), CountyError> {
        let path = self.folder.join(file);
        let io = |source| CountyError::Io { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        write_atomic(&path, bytes).map_err(io)
    }

    /// Villages that have a folder, by code.
    pub(crate) fn village_folder(&self, village: &str) -> Result<PathBuf, CountyError> {
        if !is_code(village, super::VILLAGE_DIGITS) {
            return Err(CountyError::BadKey {
                what: "village code",
                text: village.to_owned(),
                expected: "twelve digits are expected",
            });
        }
        Ok(self.folder.join("villages").join(village))
    }
}

/// Longitude and latitude, degrees, of the middle of a tileset in a folder; `None` for packages and tilesets without a place.
pub(super) fn middle_of_tileset(source: &Path) -> Option<Position> {
    /// Nearer to the Earth's centre nothing has a place on Earth, metres.
    const LEAST_RADIUS_M: f64 = 1e6;
    let file = if source.is_dir() { source.join(root::FILE) } else { source.to_owned() };
    let child = root::child_of(&file, "", serde_json::Value::Null).ok()?;
    let center = root::center(&child).filter(|center| center.length() > LEAST_RADIUS_M)?;
    let place = geodesy::geodetic_from_ecef(center);
    Some([place.lon_rad.to_degrees(), place.lat_rad.to_degrees()])
}

//! Layers and addresses of a county: that they are there and open.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Component, Path},
};

use address_index::index::{AddressIndex, AlignedBytes};
use serde_json::Value;

use super::Check;
use crate::flat::read_tiles;

const MAX_GEOJSON_BYTES: u64 = 1 << 30;
const MAX_INDEX_BYTES: u64 = 4 << 30;
/// Longest header of a FlatGeobuf.
const MAX_HEADER_BYTES: u32 = 64 << 20;
const GEOMETRIES: [&str; 7] =
    ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];
/// Features that are named when they are wrong; the rest are counted.
const LISTED: usize = 20;

impl Check<'_> {
    /// Every layer that the county names, and those that lie beside them.
    pub(super) fn layers(&mut self) {
        let named: Vec<(String, String)> =
            self.county.config().layers.iter().map(|(name, path)| (name.clone(), path.clone())).collect();
        for (name, path) in &named {
            let leads_away = Path::new(path)
                .components()
                .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
            if path.is_empty() || leads_away {
                self.problem("county.toml", format!("layer {name}: {path:?} is no path in the county"));
                continue;
            }
            if !self.folder().join(path).is_file() {
                self.problem("county.toml", format!("layer {name}: {path} is not there"));
                continue;
            }
            self.report.figures.layers += 1;
            self.layer(path);
        }
        for name in self.entries("layers", |path| path.is_file()) {
            let path = format!("layers/{name}");
            let tells_of_a_layer = ["-report.json", "-rejected.csv"].iter().any(|end| name.ends_with(end));
            let is_named = named.iter().any(|(_, known)| *known == path);
            if !is_named && !tells_of_a_layer && !store::write::is_temporary_name(&name) {
                self.note(path, "county.toml does not name it: it is not shown");
            }
        }
    }

    /// A layer, or the flat map of a survey.
    pub(super) fn layer(&mut self, path: &str) {
        let full = self.folder().join(path);
        let extension = full.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "geojson" | "json" => self.geojson(path, &full),
            "fgb" => {
                if let Err(reason) = flatgeobuf(&full) {
                    self.problem(path, reason);
                }
            }
            "pmtiles" => {
                if let Err(reason) = pmtiles(&full) {
                    self.problem(path, reason);
                }
            }
            _ => self.note(path, "of a kind that is not checked"),
        }
    }

    fn geojson(&mut self, path: &str, full: &Path) {
        let read = || -> io::Result<Value> {
            let length = fs::metadata(full)?.len();
            if length > MAX_GEOJSON_BYTES {
                return Err(io::Error::other(format!("{length} bytes; {MAX_GEOJSON_BYTES} are allowed")));
            }
            serde_json::from_reader(BufReader::new(File::open(full)?)).map_err(io::Error::from)
        };
        let document = match read() {
            Ok(document) => document,
            Err(error) => return self.problem(path, error.to_string()),
        };
        let features = document["features"].as_array();
        let Some(features) = features.filter(|_| document["type"] == "FeatureCollection") else {
            return self.problem(path, "no FeatureCollection");
        };
        self.report.figures.features += features.len() as u64;
        let mut wrong = 0;
        for (index, feature) in features.iter().enumerate() {
            let geometry = &feature["geometry"];
            let is_fine = feature["type"] == "Feature" && (geometry.is_null() || is_geometry(geometry, 0));
            if !is_fine {
                wrong += 1;
                if wrong <= LISTED {
                    self.problem(
                        path,
                        format!("feature {index}: no feature with a geometry that can be read"),
                    );
                }
            }
        }
        if wrong > LISTED {
            self.problem(path, format!("and {} more such features", wrong - LISTED));
        }
    }

    /// The index opens, and the tables beside it have rows of one length.
    pub(super) fn addresses(&mut self) {
        let index = "addresses.hai";
        let full = self.folder().join(index);
        if full.is_file() {
            let opened = fs::metadata(&full).map_err(|error| error.to_string()).and_then(|metadata| {
                if metadata.len() > MAX_INDEX_BYTES {
                    return Err(format!("{} bytes; {MAX_INDEX_BYTES} are allowed", metadata.len()));
                }
                let bytes = fs::read(&full).map_err(|error| error.to_string())?;
                AddressIndex::open(AlignedBytes::copy_of(&bytes)).map_err(|error| error.to_string()).map(drop)
            });
            if let Err(reason) = opened {
                self.problem(index, format!("{reason}: import the addresses again"));
            }
        }
        for table in ["addresses.csv", "address-matches.csv"] {
            let full = self.folder().join(table);
            if !full.is_file() {
                continue;
            }
            let reader = csv::ReaderBuilder::new().flexible(false).from_path(&full);
            let first_error = match reader {
                Err(error) => Some(error),
                Ok(mut reader) => reader.records().find_map(Result::err),
            };
            if let Some(error) = first_error {
                self.problem(table, error.to_string());
            }
        }
    }
}

fn is_geometry(geometry: &Value, depth: u32) -> bool {
    let Some(kind) = geometry["type"].as_str().filter(|kind| GEOMETRIES.contains(kind)) else { return false };
    if kind == "GeometryCollection" {
        let members = geometry["geometries"].as_array();
        return depth < 8 && members.is_some_and(|list| list.iter().all(|one| is_geometry(one, depth + 1)));
    }
    let levels = match kind {
        "Point" => 0,
        "MultiPoint" | "LineString" => 1,
        "MultiLineString" | "Polygon" => 2,
        _ => 3,
    };
    are_positions(&geometry["coordinates"], levels)
}

fn are_positions(value: &Value, levels: u32) -> bool {
    let Some(list) = value.as_array() else { return false };
    if levels == 0 {
        return list.len() >= 2 && list.iter().all(|number| number.as_f64().is_some_and(f64::is_finite));
    }
    list.iter().all(|inner| are_positions(inner, levels - 1))
}

/// Magic number, and a header within the file.
fn flatgeobuf(path: &Path) -> Result<(), String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    let mut head = [0u8; 12];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).map_err(|error| error.to_string())?;
    let [a, b, c, d, e, f, g, _, sizes @ ..] = head;
    if [a, b, c, d, e, f, g] != *b"fgb\x03fgb" {
        return Err("no FlatGeobuf of version 3".into());
    }
    let header = u32::from_le_bytes(sizes);
    if header > MAX_HEADER_BYTES || u64::from(header) + 12 > length {
        return Err(format!("its header would have {header} bytes; the file has {length}"));
    }
    Ok(())
}

/// Its directories open, and its tiles lie within the file.
fn pmtiles(path: &Path) -> Result<(), String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    let mut file = BufReader::new(File::open(path).map_err(|error| error.to_string())?);
    let tiles = read_tiles(&mut file).map_err(|error| error.to_string())?;
    if tiles.is_empty() {
        return Err("it holds no tiles".into());
    }
    let beyond = tiles.iter().find(|tile| tile.3.checked_add(tile.4.into()).is_none_or(|end| end > length));
    beyond.map_or(Ok(()), |(zoom, x, y, ..)| Err(format!("tile {zoom}/{x}/{y} lies beyond the file")))
}

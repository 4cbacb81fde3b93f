//! The root `tileset.json` of a county: one child for each village's current survey, and others such as terrain.
//!
//! It is the one switch: whoever reads a county takes "the current survey" from the `extras` of its children, and one
//! atomic rename of this file changes all of it. Children that are not known here are kept as they are.

use std::{fs, path::Path};

use geodesy::{Obb, ecef_from_enu};
use glam::{DMat4, DVec3};
use serde_json::{Map, Value, json};
use store::write::write_atomic;

use super::CountyError;

/// Name of the file.
pub(super) const FILE: &str = "tileset.json";
/// Longer files are refused.
const MAX_BYTES: u64 = 64 << 20;
/// Boxes are this much larger than what they hold, metres: numbers are rounded on the way.
const MARGIN_M: f64 = 0.01;

/// What a child of the root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildKey {
    /// The current survey of a village, by its code.
    Village(String),
    /// The simple blocks of a village without a survey.
    Blocks(String),
    /// The ground.
    Terrain,
}

impl ChildKey {
    fn is(&self, extras: &Value) -> bool {
        match self {
            Self::Village(code) => extras["village"].as_str() == Some(code) && extras["blocks"].is_null(),
            Self::Blocks(code) => extras["village"].as_str() == Some(code) && !extras["blocks"].is_null(),
            Self::Terrain => !extras["terrain"].is_null(),
        }
    }
}

/// The root document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RootDocument {
    pub(super) children: Vec<Value>,
    extras: Value,
}

impl RootDocument {
    pub(super) fn empty(code: &str) -> Self {
        Self { children: Vec::new(), extras: json!({ "county": code }) }
    }

    pub(super) fn read(county: &Path) -> Result<Self, CountyError> {
        let path = county.join(FILE);
        let corrupt = |reason: String| CountyError::Corrupt { path: path.clone(), reason };
        let document = read_json(&path)?;
        let root = &document["root"];
        if !root.is_object() {
            return Err(corrupt("it has no root".to_owned()));
        }
        let children = root["children"].as_array().cloned().unwrap_or_default();
        Ok(Self { children, extras: document["extras"].clone() })
    }

    /// The child of a key.
    pub(super) fn child(&self, key: &ChildKey) -> Option<&Value> {
        self.children.iter().find(|child| key.is(&child["extras"]))
    }

    /// Puts a child in the place of the one with the same key, or removes it.
    pub(super) fn set(&mut self, key: &ChildKey, child: Option<Value>) {
        self.children.retain(|child| !key.is(&child["extras"]));
        self.children.extend(child);
        // In a fixed order, however the county grew: the ground, then villages by code.
        self.children.sort_by_key(|child| {
            let extras = &child["extras"];
            (extras["village"].as_str().unwrap_or_default().to_owned(), extras["blocks"].is_null())
        });
    }

    pub(super) fn write(&self, county: &Path) -> Result<(), CountyError> {
        let path = county.join(FILE);
        let boxes: Vec<Obb> =
            self.children.iter().filter_map(|child| obb(&child["boundingVolume"]["box"])).collect();
        let bounds = around(&boxes);
        let size_m = 2.0 * bounds.half_axes.iter().map(|axis| axis.length()).sum::<f64>();
        let error =
            self.children.iter().filter_map(|child| child["geometricError"].as_f64()).fold(size_m, f64::max);
        let mut root = Map::new();
        root.insert("boundingVolume".into(), json!({ "box": numbers(&bounds) }));
        root.insert("geometricError".into(), error.into());
        root.insert("refine".into(), "ADD".into());
        if !self.children.is_empty() {
            root.insert("children".into(), self.children.clone().into());
        }
        let document = json!({
            "asset": { "version": "1.1" }, "extras": self.extras, "geometricError": error, "root": root
        });
        let mut bytes = serde_json::to_vec_pretty(&document)
            .map_err(|error| CountyError::Corrupt { path: path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        write_atomic(&path, &bytes).map_err(|source| CountyError::Io { path, source })
    }
}

/// The child for a tileset of the county at `uri` (relative to the county), whose file lies at `path`.
pub(super) fn child_of(path: &Path, uri: &str, extras: Value) -> Result<Value, CountyError> {
    let corrupt = |reason: &str| CountyError::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    let document = read_json(path)?;
    let root = &document["root"];
    let matrix: Option<Vec<f64>> = match &root["transform"] {
        Value::Null => Some(DMat4::IDENTITY.to_cols_array().to_vec()),
        list => list.as_array().and_then(|list| list.iter().map(Value::as_f64).collect()),
    };
    let matrix: Option<[f64; 16]> = matrix.and_then(|list| list.try_into().ok());
    let matrix =
        DMat4::from_cols_array(&matrix.ok_or_else(|| corrupt("the transform of its root is no matrix"))?);
    let bounds =
        volume(&root["boundingVolume"]).ok_or_else(|| corrupt("its root has no box, sphere or region"))?;
    // Regions are in the world already.
    let in_world =
        if root["boundingVolume"]["region"].is_array() { bounds } else { bounds.transformed(&matrix) };
    let error = root["geometricError"].as_f64().ok_or_else(|| corrupt("its root has no geometric error"))?;
    let scale = [matrix.x_axis, matrix.y_axis, matrix.z_axis]
        .map(|a| a.truncate().length())
        .into_iter()
        .fold(0.0, f64::max);
    Ok(json!({
        "boundingVolume": { "box": numbers(&grown(in_world)) },
        "geometricError": error * scale,
        "refine": "REPLACE",
        "content": { "uri": uri },
        "extras": extras,
    }))
}

fn read_json(path: &Path) -> Result<Value, CountyError> {
    let io = |source| CountyError::Io { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(io)?.len();
    if length > MAX_BYTES {
        let reason = format!("{length} bytes; {MAX_BYTES} are allowed");
        return Err(CountyError::Corrupt { path: path.to_owned(), reason });
    }
    serde_json::from_slice(&fs::read(path).map_err(io)?)
        .map_err(|error| CountyError::Corrupt { path: path.to_owned(), reason: error.to_string() })
}

fn volume(volume: &Value) -> Option<Obb> {
    if let Some(found) = obb(&volume["box"]) {
        return Some(found);
    }
    let list = |value: &Value| -> Option<Vec<f64>> { value.as_array()?.iter().map(Value::as_f64).collect() };
    if let Some([x, y, z, radius]) = list(&volume["sphere"]).as_deref() {
        let center = DVec3::new(*x, *y, *z);
        return Some(Obb { center, half_axes: [DVec3::X * *radius, DVec3::Y * *radius, DVec3::Z * *radius] });
    }
    let region = list(&volume["region"])?;
    let [west, south, east, north, low, high] = region.as_slice().try_into().ok()?;
    let region = geodesy::Region { west, south, east, north, min_height_m: low, max_height_m: high };
    Some(region.bounding_box())
}

fn obb(list: &Value) -> Option<Obb> {
    let numbers: Vec<f64> = list.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    let vector = |at: usize| Some(DVec3::from_slice(numbers.get(at..at + 3)?));
    let found = Obb { center: vector(0)?, half_axes: [vector(3)?, vector(6)?, vector(9)?] };
    let finite = numbers.len() == 12 && numbers.iter().all(|n| n.is_finite());
    finite.then_some(found)
}

fn numbers(bounds: &Obb) -> Vec<f64> {
    std::iter::once(bounds.center).chain(bounds.half_axes).flat_map(|v| v.to_array()).collect()
}

fn grown(bounds: Obb) -> Obb {
    let half_axes = bounds.half_axes.map(|axis| {
        let length = axis.length();
        if length > 0.0 { axis * ((length + MARGIN_M) / length) } else { axis }
    });
    Obb { half_axes, ..bounds }
}

/// A box around others, level at the first.
fn around(boxes: &[Obb]) -> Obb {
    let axes = match boxes.first() {
        Some(first) if first.center.length() > 1e6 => {
            let matrix = ecef_from_enu(first.center);
            [matrix.x_axis, matrix.y_axis, matrix.z_axis].map(|axis| axis.truncate())
        }
        _ => [DVec3::X, DVec3::Y, DVec3::Z],
    };
    let corners = boxes.iter().flat_map(Obb::corners);
    Obb::around(axes, corners)
        .map_or(Obb { center: DVec3::ZERO, half_axes: [DVec3::X, DVec3::Y, DVec3::Z] }, grown)
}

/// Middle of a child, in the world.
pub(super) fn center(child: &Value) -> Option<DVec3> {
    Some(obb(&child["boundingVolume"]["box"])?.center)
}

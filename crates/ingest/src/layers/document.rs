//! A layer as it lies in the county: GeoJSON with one feature a line.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::vector::{Feature, Geometry, ReadOptions, VectorError, read};

/// Decimals of degrees: a tenth of a millimetre.
const DECIMALS: f64 = 1e9;

/// A feature of a layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerFeature {
    /// Permanent id.
    pub id: String,
    /// Where it lies; a village of a list may have no border yet.
    pub geometry: Option<Geometry>,
    /// Fields of the layer's schema, all of them, null where unknown.
    pub fields: Map<String, Value>,
    /// File that it came from.
    pub source_file: String,
    /// Its number there, from 1.
    pub source_feature: u64,
    /// The source's own id.
    pub source_id: Option<String>,
    /// What else its source said.
    pub source_properties: Map<String, Value>,
}

/// A layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerDocument {
    /// Its features.
    pub features: Vec<LayerFeature>,
    /// The number that the next id made here will have; never goes back.
    pub next_number: u64,
}

impl LayerFeature {
    /// A text of a field; empty if unknown.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it says and shows the same as another, whichever file it came from.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let near = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).abs() < 2e-9 && (a[1] - b[1]).abs() < 2e-9;
        let same_place = match (&self.geometry, &other.geometry) {
            (Some(a), Some(b)) => {
                a.kind() == b.kind()
                    && a.positions().count() == b.positions().count()
                    && a.positions().zip(b.positions()).all(|(a, b)| near(a, b))
            }
            (a, b) => a == b,
        };
        same_place && self.fields == other.fields && self.source_properties == other.source_properties
    }

    pub(crate) fn properties(&self, id_name: &str) -> Value {
        let mut properties = self.fields.clone();
        properties.insert(id_name.to_owned(), self.id.clone().into());
        properties.insert("source_file".to_owned(), self.source_file.clone().into());
        properties.insert("source_feature".to_owned(), self.source_feature.into());
        properties.insert("source_id".to_owned(), json!(self.source_id));
        properties.insert("source_properties".to_owned(), self.source_properties.clone().into());
        properties.into()
    }

    pub(crate) fn from_feature(feature: Feature, id_name: &str) -> Option<Self> {
        let mut fields: Map<String, Value> = feature.properties.into_iter().collect();
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let rest = text(fields.remove("source_properties")).unwrap_or_default();
        Some(Self {
            id: text(fields.remove(id_name))?,
            geometry: feature.geometry,
            source_file: text(fields.remove("source_file")).unwrap_or_default(),
            source_feature: fields.remove("source_feature").and_then(|v| v.as_u64()).unwrap_or_default(),
            source_id: text(fields.remove("source_id")),
            source_properties: serde_json::from_str(&rest).unwrap_or_default(),
            fields,
        })
    }
}

/// The text of a geometry.
pub(crate) fn geometry_json(geometry: &Geometry) -> Value {
    let at = |p: &[f64; 2]| json!(p.map(|v| (v * DECIMALS).round() / DECIMALS));
    let line = |line: &Vec<[f64; 2]>| line.iter().map(at).collect::<Value>();
    let polygon = |polygon: &Vec<Vec<[f64; 2]>>| polygon.iter().map(line).collect::<Value>();
    let coordinates = match geometry {
        Geometry::Points(points) => match points.as_slice() {
            [one] => at(one),
            several => several.iter().map(at).collect(),
        },
        Geometry::Lines(lines) => match lines.as_slice() {
            [one] => line(one),
            several => several.iter().map(line).collect(),
        },
        Geometry::Polygons(polygons) => match polygons.as_slice() {
            [one] => polygon(one),
            several => several.iter().map(polygon).collect(),
        },
    };
    json!({ "type": geometry.kind(), "coordinates": coordinates })
}

/// A file of features, one a line, with members of its own beside them.
pub(crate) fn collection(
    name: &str,
    own: &Value,
    features: impl Iterator<Item = (Value, Option<Value>)>,
) -> Vec<u8> {
    let mut text =
        format!("{{\"type\":\"FeatureCollection\",\"name\":{},\"hamlet\":{own},\"features\":[", json!(name));
    for (index, (properties, geometry)) in features.enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        let geometry = geometry.unwrap_or(Value::Null);
        text.push_str(&format!(
            "{{\"type\":\"Feature\",\"properties\":{properties},\"geometry\":{geometry}}}"
        ));
    }
    text.push_str("\n]}\n");
    text.into_bytes()
}

impl LayerDocument {
    /// Reads a layer; one that is not there is empty.
    ///
    /// # Errors
    /// Those of [`read`]; and features that were damaged by whoever wrote them, because an import must not lose them.
    pub fn read(path: &Path) -> Result<Self, VectorError> {
        if !path.exists() {
            return Ok(Self { features: Vec::new(), next_number: 1 });
        }
        let data = read(path, &ReadOptions::default())?;
        if let Some(issue) = data.issues.iter().find(|issue| issue.refused) {
            return Err(VectorError::Corrupt {
                format: "layer of the county",
                reason: format!("{}: feature {}: {}", path.display(), issue.number, issue.reason),
            });
        }
        let features: Vec<LayerFeature> = data
            .features
            .into_iter()
            .filter_map(|feature| LayerFeature::from_feature(feature, "id"))
            .collect();
        let next_number = next_number(path)?;
        Ok(Self { features, next_number })
    }

    /// The bytes of its file.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let own = json!({ "format": 1, "next_number": self.next_number });
        let features = self
            .features
            .iter()
            .map(|feature| (feature.properties("id"), feature.geometry.as_ref().map(geometry_json)));
        collection(name, &own, features)
    }
}

/// The counter in the head of a file, which stands before the features.
fn next_number(path: &Path) -> Result<u64, VectorError> {
    use std::io::Read;
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut head = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(4096).read_to_end(&mut head).map_err(io)?;
    let head = String::from_utf8_lossy(&head);
    let number = head.split("\"next_number\":").nth(1).unwrap_or_default();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| VectorError::Corrupt {
        format: "layer of the county",
        reason: format!("{}: its head has no next_number; it was written by something else", path.display()),
    })
}

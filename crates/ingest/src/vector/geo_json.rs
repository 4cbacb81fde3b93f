//! GeoJSON, read feature by feature, so that what comes before a fault is not lost.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    Geometry, Issue, Raw, RawFeature, Shape, VectorError,
    cursor::Budget,
    geometry::{Polygon, Position},
    text_of,
    wkb::merged,
};

/// Reads a collection, a single feature or a single geometry.
pub(super) fn read(bytes: &[u8]) -> Result<Raw, VectorError> {
    let (text, was_foreign) = text_of(bytes);
    let mut reader = Reader { raw: Raw { is_degrees: true, ..Raw::default() }, ..Reader::new() };
    if was_foreign {
        reader.raw.notes.push("it is not in UTF-8: read as GB 18030".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(&text);
    let outcome = Document(&mut reader).deserialize(&mut json).and_then(|()| json.end());
    if let Some(error) = reader.error {
        return Err(error);
    }
    let corrupt = |reason: String| VectorError::Corrupt { format: "GeoJSON", reason };
    match outcome {
        Err(error) if reader.raw.features.is_empty() => return Err(corrupt(error.to_string())),
        Err(error) => reader.raw.issues.push(Issue {
            number: reader.raw.features.len() as u64 + 1,
            line: Some(error.line() as u64),
            reason: format!("the file is cut or broken here ({error}): nothing from there on was read"),
            refused: true,
        }),
        Ok(()) => {}
    }
    let rest = Value::Object(reader.rest);
    match rest["type"].as_str() {
        Some("FeatureCollection") | None if reader.has_features => {}
        Some("Feature") => reader.raw.features.push(feature(1, rest)),
        Some(_) if rest["coordinates"].is_array() || rest["geometries"].is_array() => {
            let shape = shape(&rest).transpose();
            reader.raw.features.push(RawFeature { number: 1, shape, ..RawFeature::default() });
        }
        other => {
            let found = other.unwrap_or("nothing");
            return Err(corrupt(format!("a FeatureCollection is expected, not {found:?}")));
        }
    }
    Ok(reader.raw)
}

struct Reader {
    raw: Raw,
    budget: Budget,
    rest: Map<String, Value>,
    has_features: bool,
    error: Option<VectorError>,
}

impl Reader {
    fn new() -> Self {
        Self {
            raw: Raw::default(),
            budget: Budget::new(),
            rest: Map::new(),
            has_features: false,
            error: None,
        }
    }
}

struct Document<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "features" => {
                    self.0.has_features = true;
                    map.next_value_seed(Features(self.0))?;
                }
                "crs" => self.0.raw.crs = named_crs(&map.next_value()?),
                "type" | "id" | "geometry" | "properties" | "coordinates" | "geometries" => {
                    let value = map.next_value()?;
                    self.0.rest.insert(key, value);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Features<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<Value>()? {
            let feature = feature(self.0.raw.features.len() as u64 + 1, value);
            let shape = feature.shape.as_ref().and_then(|shape| shape.as_ref().ok());
            let positions = shape.map_or(0, |shape| shape.geometry.positions().count());
            let words: usize = feature.properties.iter().map(|(name, v)| 96 + name.len() + size(v)).sum();
            if let Err(error) = self.0.budget.take(256 + positions * 16 + words) {
                self.0.error = Some(error);
                return Err(A::Error::custom("too large"));
            }
            self.0.raw.features.push(feature);
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// The name of the system, as GeoJSON had it before 2016; degrees as everybody writes them are no system of their own.
fn named_crs(crs: &Value) -> Option<String> {
    let name = crs["properties"]["name"].as_str()?;
    let folded = name.to_ascii_uppercase();
    if folded.contains("CRS84") || folded.ends_with("4326") || folded.ends_with("4490") {
        return None;
    }
    // urn:ogc:def:crs:EPSG::4549
    match folded.rsplit_once("EPSG:") {
        Some((_, code)) => Some(format!("EPSG:{}", code.rsplit(':').next().unwrap_or(code))),
        None => Some(name.to_owned()),
    }
}

fn feature(number: u64, mut value: Value) -> RawFeature {
    let id = match &value["id"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let shape = match &value["geometry"] {
        _ if value["type"] != "Feature" => Some(Err("it is no feature".to_owned())),
        Value::Null => None,
        geometry => shape(geometry).transpose(),
    };
    let properties = match value.get_mut("properties").map(Value::take) {
        Some(Value::Object(map)) => map
            .into_iter()
            .map(|(name, value)| match value {
                Value::Array(_) | Value::Object(_) => (name, value.to_string().into()),
                plain => (name, plain),
            })
            .collect(),
        _ => Vec::new(),
    };
    RawFeature { number, id, shape, properties, line: None }
}

/// A geometry; `None` if it is empty.
fn shape(value: &Value) -> Result<Option<Shape>, String> {
    let mut z = None;
    let coordinates = &value["coordinates"];
    let one = |value: &Value, z: &mut Option<[f64; 2]>| -> Result<Position, String> {
        let number = |at: usize| value.get(at).and_then(Value::as_f64);
        if let Some(height) = number(2) {
            *z = merged(*z, Some([height, height]));
        }
        number(0).zip(number(1)).map(|(x, y)| [x, y]).ok_or_else(|| "a position is no pair of numbers".into())
    };
    let list = |value: &Value| value.as_array().cloned().ok_or_else(|| "coordinates are no list".to_owned());
    let line = |value: &Value, z: &mut Option<[f64; 2]>| -> Result<Vec<Position>, String> {
        value.as_array().ok_or("coordinates are no list")?.iter().map(|value| one(value, z)).collect()
    };
    let polygon = |value: &Value, z: &mut Option<[f64; 2]>| -> Result<Polygon, String> {
        value.as_array().ok_or("coordinates are no list")?.iter().map(|value| line(value, z)).collect()
    };
    let geometry = match value["type"].as_str().unwrap_or_default() {
        "Point" if coordinates.as_array().is_some_and(Vec::is_empty) => return Ok(None),
        "Point" => Geometry::Points(vec![one(coordinates, &mut z)?]),
        "MultiPoint" => Geometry::Points(line(coordinates, &mut z)?),
        "LineString" => Geometry::Lines(vec![line(coordinates, &mut z)?]),
        "MultiLineString" => Geometry::Lines(polygon(coordinates, &mut z)?),
        "Polygon" => Geometry::Polygons(vec![polygon(coordinates, &mut z)?]),
        "MultiPolygon" => {
            let polygons: Result<_, _> =
                list(coordinates)?.iter().map(|value| polygon(value, &mut z)).collect();
            Geometry::Polygons(polygons?)
        }
        "GeometryCollection" => return Err("collections of geometries are not read".to_owned()),
        other => return Err(format!("{other:?} is no kind of geometry")),
    };
    Ok((!geometry.is_empty()).then_some(Shape { geometry, z }))
}

//! From a file's own coordinates to WGS 84 degrees.

use geodesy::{
    crs::{Crs, CrsKind, Projector},
    gcj02::{wgs84_from_bd09, wgs84_from_gcj02},
};

use super::{
    Feature, Issue, Raw, RawFeature, ReadOptions, Shape, VectorData, VectorError, geometry::Position,
    validity,
};

/// Degrees in which China lies: longitudes and latitudes there cannot be taken for one another.
const CHINA: [[f64; 2]; 2] = [[73.0, 136.0], [3.0, 54.0]];

enum Way {
    Degrees,
    Gcj02,
    Bd09,
    Projected { projector: Projector, shift_m: f64 },
}

/// Places and checks every feature.
pub(super) fn place(raw: Raw, file: String, options: &ReadOptions) -> Result<VectorData, VectorError> {
    let read = raw.features.len();
    let mut data = VectorData { file, issues: raw.issues, notes: raw.notes, read, ..VectorData::default() };
    let firsts = || raw.features.iter().filter_map(first_position);
    let Some(first) = firsts().next() else {
        // A table of codes: nothing to place.
        data.crs = "none".to_owned();
        for feature in raw.features {
            add(feature, &Way::Degrees, false, &mut data);
        }
        return Ok(data);
    };
    let named = options.crs.as_deref().or(raw.crs.as_deref());
    if let (Some(said), Some(own)) = (&options.crs, &raw.crs) {
        let own: String = own.chars().take(60).collect();
        data.notes.push(format!("the coordinate system given ({said}) overrules that of the file ({own})"));
    }
    let text = match named {
        Some(text) => Some(text.to_owned()),
        None if raw.is_degrees && firsts().all(is_degrees) => None,
        None if raw.is_degrees => {
            return Err(VectorError::NoCrs { file: data.file, x: first[0], y: first[1] });
        }
        None => match &options.fallback_crs {
            Some(text) => {
                data.notes.push(format!("it names no coordinate system: taken in the county's, {text}"));
                Some(text.clone())
            }
            None if firsts().all(is_degrees) => {
                data.notes
                    .push("it names no coordinate system: taken as CGCS2000 or WGS 84 degrees".to_owned());
                None
            }
            None => return Err(VectorError::NoCrs { file: data.file, x: first[0], y: first[1] }),
        },
    };
    let way = match text.as_deref() {
        None => {
            data.crs = "WGS 84 degrees".to_owned();
            Way::Degrees
        }
        Some(text) if is_word(text, &["gcj02", "gcj-02"]) => {
            data.crs = "GCJ-02".to_owned();
            data.notes.push("GCJ-02, as was said: moved by some hundred metres to WGS 84".to_owned());
            Way::Gcj02
        }
        Some(text) if is_word(text, &["bd09", "bd-09", "bd09ll"]) => {
            data.crs = "BD-09".to_owned();
            data.notes.push("BD-09, as was said: moved by up to a kilometre to WGS 84".to_owned());
            Way::Bd09
        }
        Some(text) => {
            let crs = Crs::parse(text)?;
            data.crs = crs.name().to_owned();
            let projector = crs.projector()?;
            let (checked, notes) = crs.check_origin_with(&projector, first)?;
            data.notes.extend(notes.iter().map(ToString::to_string));
            if crs.kind() == CrsKind::Geographic && !projector_moves(&projector, first) {
                Way::Degrees
            } else {
                Way::Projected { projector, shift_m: checked[0] - first[0] }
            }
        }
    };
    let in_degrees = !matches!(way, Way::Projected { .. });
    let is_swapped = in_degrees && firsts().all(is_china_swapped);
    if is_swapped {
        data.notes.push(
            "longitude and latitude stand in the wrong order (all would lie outside China): exchanged"
                .to_owned(),
        );
    }
    for feature in raw.features {
        add(feature, &way, is_swapped, &mut data);
    }
    Ok(data)
}

fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

fn first_position(feature: &RawFeature) -> Option<Position> {
    feature.shape.as_ref()?.as_ref().ok()?.geometry.positions().next().copied()
}

fn is_degrees([x, y]: Position) -> bool {
    (-180.0..=180.0).contains(&x) && (-90.0..=90.0).contains(&y) || is_china_swapped([x, y])
}

fn is_china_swapped([x, y]: Position) -> bool {
    (CHINA[1][0]..=CHINA[1][1]).contains(&x) && (CHINA[0][0]..=CHINA[0][1]).contains(&y)
}

/// Whether degrees of a system are others in WGS 84.
fn projector_moves(projector: &Projector, at: Position) -> bool {
    match projector.lon_lat_rad(at) {
        Ok(to) => (0..2).any(|i| (to[i].to_degrees() - at[i]).abs() > 1e-9),
        Err(_) => false,
    }
}

fn add(raw: RawFeature, way: &Way, is_swapped: bool, data: &mut VectorData) {
    let RawFeature { number, line, id, shape, properties } = raw;
    let issue = |reason: String, refused: bool| Issue { number, line, reason, refused };
    let placed = shape.map(|shape| placed(shape?, way, is_swapped)).transpose();
    match placed {
        Err(reason) => data.issues.push(issue(reason, true)),
        Ok(None) => {
            data.features.push(Feature { number, line, id, geometry: None, z: None, properties });
        }
        Ok(Some(shape)) => match validity::checked(shape.geometry) {
            Err(reason) => data.issues.push(issue(reason, true)),
            Ok((geometry, mended)) => {
                data.issues.extend(mended.into_iter().map(|reason| issue(reason, false)));
                let geometry = Some(geometry);
                data.features.push(Feature { number, line, id, geometry, z: shape.z, properties });
            }
        },
    }
}

fn placed(mut shape: Shape, way: &Way, is_swapped: bool) -> Result<Shape, String> {
    for at in shape.geometry.positions_mut() {
        if !at.iter().all(|v| v.is_finite()) {
            return Err("a coordinate is no number".to_owned());
        }
        if is_swapped {
            at.swap(0, 1);
        }
        let [x, y] = *at;
        *at = match way {
            Way::Degrees => *at,
            Way::Gcj02 => wgs84_from_gcj02(*at),
            Way::Bd09 => wgs84_from_bd09(*at),
            Way::Projected { projector, shift_m } => projector
                .lon_lat_rad([x + shift_m, y])
                .map_err(|error| error.to_string())?
                .map(f64::to_degrees),
        };
        if !((-180.0..=180.0).contains(&at[0]) && (-90.0..=90.0).contains(&at[1])) {
            return Err(format!("{x}, {y} is no place on Earth"));
        }
    }
    Ok(shape)
}

//! Reading JSON values that are nearly right.

use std::fmt;

use geodesy::{
    BoundingVolume, CylinderRegion, Obb, Region, Sphere,
    glam::{DMat4, DQuat, DVec3},
    s2::S2Volume,
};
use serde_json::{Map, Value};

use crate::tileset::log::WarningLog;

/// Numbers beyond this are no lengths on Earth and would overflow when transforms multiply.
pub(crate) const LARGEST_NUMBER: f64 = 1e15;
const LARGEST_GEOMETRIC_ERROR: f64 = 1e30;

/// A place in a JSON document, turned into a pointer (RFC 6901) only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
    Pointer(&'a dyn Fn() -> String),
}

impl<'a> At<'a> {
    pub(crate) fn pointer(pointer: &'a dyn Fn() -> String) -> Self {
        Self { parent: None, step: Step::Pointer(pointer) }
    }
    pub(crate) fn name(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Name(name) }
    }
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Name(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => write!(f, "/{index}"),
            Step::Pointer(pointer) => f.write_str(&pointer()),
        }
    }
}

impl WarningLog {
    pub(crate) fn at(&mut self, at: &At<'_>, reason: impl Into<String>) {
        self.push(|| at.to_string(), reason);
    }
}

/// The member, unless it is absent or `null`; `null` is worth a warning.
pub(crate) fn present<'v>(
    object: &'v Map<String, Value>,
    name: &str,
    at: &At<'_>,
    log: &mut WarningLog,
) -> Option<&'v Value> {
    let value = object.get(name)?;
    if value.is_null() {
        log.at(&at.name(name), "null; taken as absent");
        return None;
    }
    Some(value)
}

pub(crate) fn object<'v>(
    value: &'v Value,
    at: &At<'_>,
    log: &mut WarningLog,
) -> Option<&'v Map<String, Value>> {
    let found = value.as_object();
    if found.is_none() {
        log.at(at, format!("{} where an object is expected; ignored", kind_of(value)));
    }
    found
}

pub(crate) fn array<'v>(value: &'v Value, at: &At<'_>, log: &mut WarningLog) -> &'v [Value] {
    match value {
        Value::Array(items) => items,
        _ => {
            log.at(at, format!("{} where an array is expected; ignored", kind_of(value)));
            &[]
        }
    }
}

pub(crate) fn text<'v>(value: &'v Value, at: &At<'_>, log: &mut WarningLog) -> Option<&'v str> {
    let found = value.as_str();
    if found.is_none() {
        log.at(at, format!("{} where a string is expected; ignored", kind_of(value)));
    }
    found
}

/// A finite number; a number written as a string is read with a warning.
pub(crate) fn number(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    let from_text = value.as_str().and_then(|t| t.trim().parse().ok()).filter(|n: &f64| n.is_finite());
    match from_text {
        Some(_) => log.at(at, "a number written as a string"),
        None => log.at(at, format!("{} where a number is expected; ignored", kind_of(value))),
    }
    from_text
}

/// A whole number that is not negative.
pub(crate) fn count(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<u64> {
    let number = number(value, at, log)?;
    if number.fract() != 0.0 || !(0.0..=9e15).contains(&number) {
        log.at(at, format!("{number} where a whole number is expected; ignored"));
        return None;
    }
    Some(number as u64)
}

/// Exactly `N` finite numbers of sane size.
pub(crate) fn numbers<const N: usize>(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<[f64; N]> {
    let items = array(value, at, log);
    if items.len() != N {
        if value.is_array() {
            log.at(at, format!("{} numbers where {N} are expected; ignored", items.len()));
        }
        return None;
    }
    let mut found = [0.0; N];
    for (index, (slot, item)) in found.iter_mut().zip(items).enumerate() {
        let at = at.index(index);
        *slot = number(item, &at, log)?;
        if slot.abs() > LARGEST_NUMBER {
            log.at(&at, format!("{slot} is beyond ±{LARGEST_NUMBER}; the array is ignored"));
            return None;
        }
    }
    Some(found)
}

/// `None`: unusable. Negative errors become 0.
pub(crate) fn geometric_error(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<f64> {
    let error = number(value, at, log)?;
    if error < 0.0 {
        log.at(at, format!("geometric error {error} is negative; taken as 0"));
    }
    Some(error.clamp(0.0, LARGEST_GEOMETRIC_ERROR))
}

pub(crate) fn transform(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<DMat4> {
    let transform = DMat4::from_cols_array(&numbers::<16>(value, at, log)?);
    if transform.row(3) != DMat4::IDENTITY.row(3) {
        log.at(at, "not affine: the last row is not 0 0 0 1; taken as if it were");
    }
    let transform =
        DMat4::from_mat3_translation(geodesy::glam::DMat3::from_mat4(transform), transform.w_axis.truncate());
    if transform.determinant() == 0.0 {
        log.at(at, "not invertible");
    }
    Some(transform)
}

/// A `boundingVolume`, in tile space. S2 before cylinder, box, region, sphere where several are given.
pub(crate) fn volume(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<BoundingVolume> {
    let members = object(value, at, log)?;
    let mut found = None;
    let mut extra = 0;
    let mut take = |volume: Option<BoundingVolume>| match (&found, volume) {
        (_, None) => {}
        (None, volume) => found = volume,
        (Some(_), Some(_)) => extra += 1,
    };
    if let Some(extensions) = present(members, "extensions", at, log) {
        let at = at.name("extensions");
        if let Some(s2) = extensions.get("3DTILES_bounding_volume_S2") {
            take(s2_volume(s2, &at.name("3DTILES_bounding_volume_S2"), log));
        }
        if let Some(cylinder) = extensions.get("3DTILES_bounding_volume_cylinder") {
            take(cylinder_volume(cylinder, &at.name("3DTILES_bounding_volume_cylinder"), log));
        }
    }
    if let Some(value) = present(members, "box", at, log) {
        take(numbers::<12>(value, &at.name("box"), log).map(|n| BoundingVolume::Box(obb_of(&n))));
    }
    if let Some(value) = present(members, "region", at, log) {
        take(region(value, &at.name("region"), log));
    }
    if let Some(value) = present(members, "sphere", at, log) {
        take(sphere(value, &at.name("sphere"), log));
    }
    if extra > 0 {
        log.at(at, "more than one bounding volume; the first of S2, cylinder, box, region, sphere is used");
    }
    if found.is_none() {
        log.at(at, "no bounding volume that can be read");
    }
    found
}

pub(crate) fn obb_of(numbers: &[f64; 12]) -> Obb {
    let [center, x, y, z] =
        std::array::from_fn(|i| DVec3::new(numbers[3 * i], numbers[3 * i + 1], numbers[3 * i + 2]));
    Obb { center, half_axes: [x, y, z] }
}

/// Heights and latitudes in the wrong order are swapped, angles out of range clamped.
pub(crate) fn region_of(numbers: &[f64; 6]) -> (Region, bool) {
    use std::f64::consts::{FRAC_PI_2, PI};
    let [west, south, east, north, low, high] = *numbers;
    // Files round π and π/2 upwards.
    const SLACK: f64 = 1e-5;
    let (south_kept, north_kept) = (south.min(north), south.max(north));
    let region = Region {
        west: west.clamp(-PI, PI),
        south: south_kept.clamp(-FRAC_PI_2, FRAC_PI_2),
        east: east.clamp(-PI, PI),
        north: north_kept.clamp(-FRAC_PI_2, FRAC_PI_2),
        min_height_m: low.min(high),
        max_height_m: low.max(high),
    };
    let in_range =
        west.abs().max(east.abs()) <= PI + SLACK && south.abs().max(north.abs()) <= FRAC_PI_2 + SLACK;
    (region, in_range && south <= north && low <= high)
}

fn region(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<BoundingVolume> {
    let (region, was_fine) = region_of(&numbers::<6>(value, at, log)?);
    if !was_fine {
        log.at(at, "angles out of range or limits in the wrong order; clamped and swapped");
    }
    Some(BoundingVolume::from_region(region))
}

fn sphere(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<BoundingVolume> {
    let [x, y, z, radius] = numbers::<4>(value, at, log)?;
    if radius < 0.0 {
        log.at(at, "negative radius; the sign is ignored");
    }
    Some(BoundingVolume::Sphere(Sphere { center: DVec3::new(x, y, z), radius: radius.abs() }))
}

fn s2_volume(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<BoundingVolume> {
    let members = object(value, at, log)?;
    let token = text(present(members, "token", at, log)?, &at.name("token"), log)?;
    let height = |name: &str, log: &mut WarningLog| {
        present(members, name, at, log).and_then(|v| number(v, &at.name(name), log))
    };
    let (low, high) = (height("minimumHeight", log)?, height("maximumHeight", log)?);
    let volume = S2Volume::from_token(token, low.min(high), low.max(high));
    if volume.is_none() {
        log.at(at, format!("token {token:?} with heights {low}..{high} is no S2 volume; ignored"));
    }
    volume.map(|v| BoundingVolume::S2(Box::new(v)))
}

fn cylinder_volume(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<BoundingVolume> {
    use std::f64::consts::PI;
    let members = object(value, at, log)?;
    let size = |name: &str, log: &mut WarningLog| {
        present(members, name, at, log).and_then(|v| number(v, &at.name(name), log))
    };
    let (inner, outer, height) =
        (size("minRadius", log).unwrap_or(0.0), size("maxRadius", log)?, size("height", log)?);
    if inner < 0.0 || outer < inner || height < 0.0 {
        log.at(at, "negative sizes or radii in the wrong order; mended");
    }
    let (inner, outer) = (inner.abs().min(outer.abs()), inner.abs().max(outer.abs()));
    let (first, last) = (size("minAngle", log).unwrap_or(-PI), size("maxAngle", log).unwrap_or(PI));
    // Files round π upwards.
    if first.abs().max(last.abs()) > PI + 1e-5 {
        log.at(at, "angles out of range; clamped");
    }
    let translation =
        present(members, "translation", at, log).and_then(|v| numbers::<3>(v, &at.name("translation"), log));
    let rotation = present(members, "rotation", at, log)
        .and_then(|v| numbers::<4>(v, &at.name("rotation"), log))
        .map(|[x, y, z, w]| DQuat::from_xyzw(x, y, z, w));
    let rotation = match rotation {
        Some(rotation) if (rotation.length() - 1.0).abs() < 0.1 => rotation.normalize(),
        Some(_) => {
            log.at(at, "the rotation is no unit quaternion; ignored");
            DQuat::IDENTITY
        }
        None => DQuat::IDENTITY,
    };
    let translation = translation.map_or(DVec3::ZERO, DVec3::from_array);
    Some(BoundingVolume::from_cylinder(CylinderRegion {
        here_from_cylinder: DMat4::from_rotation_translation(rotation, translation),
        min_radius_m: inner,
        max_radius_m: outer,
        min_angle_rad: first.clamp(-PI, PI),
        max_angle_rad: last.clamp(-PI, PI),
        min_height_m: height.abs() * -0.5,
        max_height_m: height.abs() * 0.5,
    }))
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Heap bytes of a JSON value, near enough for accounting.
pub(crate) fn heap_bytes_of(value: &Value) -> u64 {
    const MAP_ENTRY_BYTES: u64 = 64;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity() as u64,
        Value::Array(items) => {
            (items.capacity() * size_of::<Value>()) as u64 + items.iter().map(heap_bytes_of).sum::<u64>()
        }
        Value::Object(members) => {
            members.iter().map(|(name, v)| MAP_ENTRY_BYTES + name.capacity() as u64 + heap_bytes_of(v)).sum()
        }
    }
}

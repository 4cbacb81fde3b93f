//! Well-known binary: ISO and the extended form of PostGIS; and the blobs of GeoPackage and SpatiaLite around it.

use super::{Geometry, Raw, RawFeature, Shape, cursor::Cursor, geometry::Polygon};

/// Collections in collections deeper than this are refused.
const MAX_DEPTH: usize = 6;

/// A geometry out of a blob of GeoPackage, SpatiaLite, or plain WKB. `None` if it is empty.
pub(super) fn read_blob(bytes: &[u8]) -> Result<Option<Shape>, String> {
    match bytes {
        [b'G', b'P', _, flags, rest @ ..] => {
            let envelope = match (flags >> 1) & 7 {
                0 => 0,
                1 => 32,
                2 | 3 => 48,
                4 => 64,
                other => return Err(format!("the geometry has an envelope of unknown kind {other}")),
            };
            // After the flags: id of the system, envelope, WKB.
            read(rest.get(4 + envelope..).ok_or("the geometry is cut short")?)
        }
        [0, endian @ (0 | 1), rest @ ..] if bytes.get(38) == Some(&0x7c) => {
            let body = rest.get(37..).ok_or("the geometry is cut short")?;
            let mut cursor = Cursor::little(body);
            cursor.set_little(*endian == 1);
            finish(geometry(&mut cursor, 0, Form::SpatiaLite { is_inner: false }))
        }
        plain => read(plain),
    }
}

/// A geometry out of WKB.
fn read(bytes: &[u8]) -> Result<Option<Shape>, String> {
    finish(geometry(&mut Cursor::little(bytes), 0, Form::Wkb))
}

/// A file of one geometry.
pub(super) fn read_alone(bytes: &[u8]) -> Raw {
    let shape = read_blob(bytes).transpose();
    Raw {
        features: vec![RawFeature { number: 1, shape, ..RawFeature::default() }],
        is_degrees: true,
        ..Raw::default()
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Wkb,
    SpatiaLite { is_inner: bool },
}

#[derive(Debug, Default)]
struct Parts {
    points: Vec<[f64; 2]>,
    lines: Vec<Vec<[f64; 2]>>,
    polygons: Vec<Polygon>,
    z: Option<[f64; 2]>,
}

fn finish(parts: Result<Parts, String>) -> Result<Option<Shape>, String> {
    let Parts { mut points, lines, polygons, z } = parts?;
    // An empty point is written as not-a-number.
    points.retain(|p| p.iter().any(|v| !v.is_nan()));
    let geometry = match (points.is_empty(), lines.is_empty(), polygons.is_empty()) {
        (true, true, true) => return Ok(None),
        (false, true, true) => Geometry::Points(points),
        (true, false, true) => Geometry::Lines(lines),
        (true, true, false) => Geometry::Polygons(polygons),
        _ => return Err("the geometry mixes points, lines and areas".to_owned()),
    };
    Ok(Some(Shape { geometry, z }))
}

fn geometry(cursor: &mut Cursor<'_>, depth: usize, form: Form) -> Result<Parts, String> {
    const CUT: &str = "the geometry is cut short, or counts more than it has";
    if depth > MAX_DEPTH {
        return Err("geometries are nested too deep".to_owned());
    }
    match form {
        Form::SpatiaLite { is_inner: false } => {}
        // A mark before each part.
        Form::SpatiaLite { is_inner: true } => match cursor.u8().ok_or(CUT)? {
            0x69 => {}
            other => return Err(format!("a part of the geometry begins with {other:#x}")),
        },
        Form::Wkb => match cursor.u8().ok_or(CUT)? {
            0 => cursor.set_little(false),
            1 => cursor.set_little(true),
            other => return Err(format!("the geometry has byte order {other}")),
        },
    }
    let code = cursor.u32().ok_or(CUT)?;
    let flags = code >> 29;
    let code = code & 0x1fff_ffff;
    if flags & 1 != 0 {
        // The number of the system, which the table says too.
        cursor.u32().ok_or(CUT)?;
    }
    let has_z = flags & 4 != 0 || matches!(code / 1000, 1 | 3);
    let has_m = flags & 2 != 0 || matches!(code / 1000, 2 | 3);
    if code / 1000 > 3 {
        return Err(format!("geometries of kind {code} are not read"));
    }
    let mut parts = Parts::default();
    let mut reader = Positions { has_z, has_m, z: None };
    match code % 1000 {
        1 => parts.points.push(reader.one(cursor).ok_or(CUT)?),
        2 => parts.lines.push(reader.list(cursor).ok_or(CUT)?),
        3 => {
            let count = cursor.count(4).ok_or(CUT)?;
            let rings: Option<Polygon> = (0..count).map(|_| reader.list(cursor)).collect();
            let rings = rings.ok_or(CUT)?;
            if !rings.is_empty() {
                parts.polygons.push(rings);
            }
        }
        4..=7 => {
            let count = cursor.count(5).ok_or(CUT)?;
            let inner = match form {
                Form::Wkb => Form::Wkb,
                Form::SpatiaLite { .. } => Form::SpatiaLite { is_inner: true },
            };
            for _ in 0..count {
                let part = geometry(cursor, depth + 1, inner)?;
                parts.points.extend(part.points);
                parts.lines.extend(part.lines);
                parts.polygons.extend(part.polygons);
                reader.z = merged(reader.z, part.z);
            }
        }
        other => return Err(format!("geometries of kind {other} (curves, surfaces) are not read")),
    }
    parts.z = reader.z;
    Ok(parts)
}

/// The range that holds both.
pub(super) fn merged(a: Option<[f64; 2]>, b: Option<[f64; 2]>) -> Option<[f64; 2]> {
    match (a, b) {
        (Some([al, ah]), Some([bl, bh])) => Some([al.min(bl), ah.max(bh)]),
        (one, other) => one.or(other),
    }
}

struct Positions {
    has_z: bool,
    has_m: bool,
    z: Option<[f64; 2]>,
}

impl Positions {
    fn one(&mut self, cursor: &mut Cursor<'_>) -> Option<[f64; 2]> {
        let at = [cursor.f64()?, cursor.f64()?];
        if self.has_z {
            let z = cursor.f64()?;
            if z.is_finite() {
                self.z = merged(self.z, Some([z, z]));
            }
        }
        if self.has_m {
            cursor.f64()?;
        }
        Some(at)
    }

    fn list(&mut self, cursor: &mut Cursor<'_>) -> Option<Vec<[f64; 2]>> {
        let each = 16 + 8 * (usize::from(self.has_z) + usize::from(self.has_m));
        let count = cursor.count(each)?;
        (0..count).map(|_| self.one(cursor)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: u32, numbers: &[f64], count: u32) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(code.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        numbers.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes
    }

    #[test]
    fn lines_with_and_without_heights() {
        let plain = read(&line(2, &[1.0, 2.0, 3.0, 4.0], 2)).unwrap().unwrap();
        assert_eq!(plain.geometry, Geometry::Lines(vec![vec![[1.0, 2.0], [3.0, 4.0]]]));
        for code in [1002, 0x8000_0002] {
            let high = read(&line(code, &[1.0, 2.0, 9.0, 3.0, 4.0, 7.0], 2)).unwrap().unwrap();
            assert_eq!((high.geometry, high.z), (plain.geometry.clone(), Some([7.0, 9.0])));
        }
        let boxed = [b"GP\0\x01\xe6\x10\0\0".as_slice(), &line(2, &[1.0, 2.0, 3.0, 4.0], 2)].concat();
        assert_eq!(read_blob(&boxed).unwrap().unwrap(), plain);
    }

    #[test]
    fn counts_that_lie_and_nests_that_never_end_are_refused() {
        assert!(read(&line(2, &[1.0, 2.0], 0xffff_ffff)).unwrap_err().contains("cut short"));
        let mut nest = Vec::new();
        for _ in 0..100_000 {
            nest.extend([1, 7, 0, 0, 0, 1, 0, 0, 0]);
        }
        assert!(read(&nest).unwrap_err().contains("too deep"));
        assert!(read(&line(8, &[], 0)).unwrap_err().contains("not read"));
        assert_eq!(read(&line(7, &[], 0)), Ok(None));
    }
}

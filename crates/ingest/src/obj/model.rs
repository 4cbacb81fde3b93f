//! The text of an OBJ file.

use super::ObjLimits;
use crate::osgb::raw::text;

/// What is wrong with an OBJ file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ObjError {
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Positions.
    pub positions: Vec<[f64; 3]>,
    /// Texture coordinates, v up.
    pub uvs: Vec<[f32; 2]>,
    /// Triangles by material.
    pub groups: Vec<Group>,
    /// Material libraries, as they are named.
    pub libraries: Vec<String>,
}

/// Triangles of one material.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Name of the material.
    pub material: Option<String>,
    /// Triangles.
    pub faces: Vec<Face>,
}

/// A triangle: indices of positions and, where there are any, of texture coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Face {
    /// Positions.
    pub positions: [u32; 3],
    /// Texture coordinates; [`Face::NO_UV`] for none.
    pub uvs: [u32; 3],
}

impl Face {
    /// No texture coordinate.
    pub const NO_UV: u32 = u32::MAX;
}

/// Reads a model. Lines that say nothing about triangles and materials are passed over.
///
/// # Errors
/// Numbers that are none, indices of what is not there, and more triangles than allowed.
pub fn parse_model(bytes: &[u8], limits: &ObjLimits) -> Result<Model, ObjError> {
    let mut model = Model::default();
    let mut group_of: std::collections::BTreeMap<Option<String>, usize> = std::collections::BTreeMap::new();
    let mut current: Option<usize> = None;
    let mut material: Option<String> = None;
    let mut triangles = 0;
    let mut corners: Vec<(u32, u32)> = Vec::new();
    let mut joined: Vec<u8> = Vec::new();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let fail = |reason: String| ObjError { line: number + 1, reason };
        let line = line.trim_ascii();
        // A backslash at the end goes on with the next line.
        if let Some(part) = line.strip_suffix(b"\\") {
            joined.extend_from_slice(part);
            joined.push(b' ');
            continue;
        }
        let whole;
        let line = if joined.is_empty() {
            line
        } else {
            joined.extend_from_slice(line);
            whole = std::mem::take(&mut joined);
            whole.as_slice()
        };
        let (word, rest) = split_word(line);
        match word {
            b"v" => {
                let mut numbers = words(rest).map(number_of);
                let mut next = || numbers.next().flatten().filter(|n| n.is_finite());
                match (next(), next(), next()) {
                    (Some(x), Some(y), Some(z)) => model.positions.push([x, y, z]),
                    _ => return Err(fail("a vertex without three numbers".to_owned())),
                }
            }
            b"vt" => {
                let mut numbers = words(rest).map(number_of);
                let u = numbers.next().flatten().filter(|n| n.is_finite());
                let v = numbers.next().flatten().unwrap_or(0.0);
                match u {
                    Some(u) => model.uvs.push([u as f32, if v.is_finite() { v as f32 } else { 0.0 }]),
                    None => return Err(fail("a texture coordinate without numbers".to_owned())),
                }
            }
            b"f" => {
                corners.clear();
                for corner in words(rest) {
                    let corner = corner_of(corner, model.positions.len(), model.uvs.len());
                    corners.push(corner.ok_or_else(|| fail("a face names what is not there".to_owned()))?);
                }
                triangles += corners.len().saturating_sub(2);
                if triangles > limits.max_triangles {
                    return Err(fail(format!("more than {} triangles", limits.max_triangles)));
                }
                let index = *current.get_or_insert_with(|| {
                    *group_of.entry(material.clone()).or_insert_with(|| {
                        model.groups.push(Group { material: material.clone(), faces: Vec::new() });
                        model.groups.len() - 1
                    })
                });
                let Some(group) = model.groups.get_mut(index) else { continue };
                for pair in corners.windows(2).skip(1) {
                    if let ([first, ..], [b, c]) = (corners.as_slice(), pair) {
                        group.faces.push(Face { positions: [first.0, b.0, c.0], uvs: [first.1, b.1, c.1] });
                    }
                }
            }
            b"usemtl" => {
                material = Some(text(rest).into_owned()).filter(|name| !name.is_empty());
                current = None;
            }
            b"mtllib" => model.libraries.push(text(rest).into_owned()),
            _ => {}
        }
    }
    model.libraries.retain(|name| !name.is_empty());
    Ok(model)
}

pub(super) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    (word, rest.trim_ascii())
}

pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

pub(super) fn number_of(word: &[u8]) -> Option<f64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `position[/uv[/normal]]`, counted from 1, or backwards from what was read so far.
fn corner_of(word: &[u8], positions: usize, uvs: usize) -> Option<(u32, u32)> {
    let mut parts = word.split(|b| *b == b'/');
    let position = index_of(parts.next()?, positions)?;
    let uv = match parts.next() {
        None | Some(b"") => Face::NO_UV,
        Some(part) => index_of(part, uvs)?,
    };
    Some((position, uv))
}

fn index_of(word: &[u8], count: usize) -> Option<u32> {
    let number: i64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    let index = if number < 0 { count as i64 + number } else { number - 1 };
    let index = u32::try_from(index).ok()?;
    ((index as usize) < count).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Model, ObjError> {
        parse_model(text.as_bytes(), &ObjLimits::default())
    }

    #[test]
    fn faces_of_all_forms_become_triangles() {
        let model = parse(
            "# x\nmtllib a b.mtl\no thing\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\r\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 \\\n1\nusemtl red\n\
             f 1/1 2/2 3/2 4/1\nusemtl blue\nf -4//1 -3//1 -2//1\nusemtl red\nf 1 2 3\n",
        )
        .unwrap();
        assert_eq!(model.libraries, ["a b.mtl"]);
        assert_eq!((model.positions.len(), model.uvs.len(), model.groups.len()), (4, 2, 2));
        let red = &model.groups[0];
        assert_eq!(red.material.as_deref(), Some("red"));
        assert_eq!(red.faces[1], Face { positions: [0, 2, 3], uvs: [0, 1, 0] });
        assert_eq!(red.faces[2].uvs, [Face::NO_UV; 3]);
        assert_eq!(model.groups[1].faces, [Face { positions: [0, 1, 2], uvs: [Face::NO_UV; 3] }]);
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        for (text, line) in [
            ("v 0 0 0\nf 1 2 3", 2),
            ("v 0 0 0\n\nv a b c", 3),
            ("v 0 0 0\nf 0 1 1", 2),
            ("vt x", 1),
            ("v nan 0 0", 1),
            ("v 0 0 0\nf -2 1 1", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
        let many = format!("v 0 0 0\nf {}", "1 ".repeat(50));
        let limits = ObjLimits { max_triangles: 40 };
        assert!(parse_model(many.as_bytes(), &limits).unwrap_err().reason.contains("more than 40"));
        assert_eq!(parse("").unwrap(), Model::default());
    }
}

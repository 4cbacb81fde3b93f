//! Triangles from the primitives of OpenGL.

use crate::osgb::raw::{Corners, PrimitiveSet};

/// Why a primitive set gives no triangles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Points or lines.
    NotTriangles,
    /// It names vertices that are not there, or makes no sense.
    Corrupt(String),
    /// More corners than allowed.
    OverBudget,
}

/// Appends the triangles of a primitive set over `vertex_count` vertices; at most `max_corners` in all.
pub(super) fn append(
    set: &PrimitiveSet<'_>,
    vertex_count: usize,
    big_endian: bool,
    max_corners: u64,
    corners: &mut Vec<u32>,
) -> Result<(), Refused> {
    match set.mode {
        0..=3 => return Err(Refused::NotTriangles),
        4..=9 => {}
        other => return Err(Refused::Corrupt(format!("primitive mode {other} does not exist"))),
    }
    let end = |first: i32, count: i32| -> Result<(u32, u32), Refused> {
        let (from, length) = (u32::try_from(first), u32::try_from(count));
        match (from, length) {
            (Ok(from), Ok(length)) if from as usize + length as usize <= vertex_count => Ok((from, length)),
            _ => Err(Refused::Corrupt(format!("vertices {first} + {count} of {vertex_count}"))),
        }
    };
    let check = |corners: &Vec<u32>, count: usize| {
        // A strip makes at most three corners of one.
        let most = corners.len() as u64 + 3 * count as u64;
        if most > max_corners { Err(Refused::OverBudget) } else { Ok(()) }
    };
    match &set.corners {
        Corners::Range { first, count } => {
            let (first, count) = end(*first, *count)?;
            check(corners, count as usize)?;
            resolve(set.mode, count as usize, |i| first + i as u32, corners);
        }
        Corners::Lengths { first, bytes } => {
            let mut next = *first;
            for four in bytes.as_chunks::<4>().0 {
                let length = if big_endian { i32::from_be_bytes(*four) } else { i32::from_le_bytes(*four) };
                let (from, count) = end(next, length)?;
                check(corners, count as usize)?;
                resolve(set.mode, count as usize, |i| from + i as u32, corners);
                next = next.saturating_add(length);
            }
        }
        Corners::Indices { width, bytes } => {
            check(corners, bytes.len() / width.max(&1))?;
            match (width, big_endian) {
                (1, _) => indexed(set.mode, bytes, vertex_count, corners, |b: &[u8; 1]| u32::from(b[0]))?,
                (2, false) => {
                    indexed(set.mode, bytes, vertex_count, corners, |b| u32::from(u16::from_le_bytes(*b)))?;
                }
                (2, true) => {
                    indexed(set.mode, bytes, vertex_count, corners, |b| u32::from(u16::from_be_bytes(*b)))?;
                }
                (_, false) => indexed(set.mode, bytes, vertex_count, corners, |b| u32::from_le_bytes(*b))?,
                (_, true) => indexed(set.mode, bytes, vertex_count, corners, |b| u32::from_be_bytes(*b))?,
            }
        }
    }
    Ok(())
}

fn indexed<const N: usize>(
    mode: i32,
    bytes: &[u8],
    vertex_count: usize,
    corners: &mut Vec<u32>,
    read: impl Fn(&[u8; N]) -> u32,
) -> Result<(), Refused> {
    let list = bytes.as_chunks::<N>().0;
    let before = corners.len();
    if mode == 4 {
        corners.extend(list.iter().take(list.len() - list.len() % 3).map(&read));
    } else {
        resolve(mode, list.len(), |i| list.get(i).map_or(0, &read), corners);
    }
    let largest = corners.get(before..).unwrap_or_default().iter().copied().max();
    match largest {
        Some(largest) if largest as usize >= vertex_count => {
            corners.truncate(before);
            Err(Refused::Corrupt(format!("index {largest} of {vertex_count} vertices")))
        }
        _ => Ok(()),
    }
}

/// Appends the triangles of one primitive (or of a list of them) whose corners `at` gives.
fn resolve(mode: i32, count: usize, at: impl Fn(usize) -> u32, corners: &mut Vec<u32>) {
    let mut triangle = |a: usize, b: usize, c: usize| {
        let (a, b, c) = (at(a), at(b), at(c));
        // Strips turn corners by repeating vertices.
        if a != b && b != c && a != c {
            corners.extend([a, b, c]);
        }
    };
    match mode {
        5 => (2..count)
            .for_each(|i| if i % 2 == 0 { triangle(i - 2, i - 1, i) } else { triangle(i - 1, i - 2, i) }),
        6 | 9 => (2..count).for_each(|i| triangle(0, i - 1, i)),
        7 => (0..count / 4).map(|q| q * 4).for_each(|q| {
            triangle(q, q + 1, q + 2);
            triangle(q, q + 2, q + 3);
        }),
        8 => (0..(count / 2).saturating_sub(1)).map(|q| q * 2).for_each(|q| {
            triangle(q, q + 1, q + 3);
            triangle(q, q + 3, q + 2);
        }),
        _ => (0..count / 3 * 3).for_each(|i| corners.push(at(i))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangles(mode: i32, count: i32) -> Vec<u32> {
        let mut corners = Vec::new();
        let set = PrimitiveSet { mode, corners: Corners::Range { first: 0, count } };
        append(&set, count as usize, false, 1 << 20, &mut corners).unwrap();
        corners
    }

    #[test]
    fn every_mode_keeps_its_winding() {
        assert_eq!(triangles(4, 7), [0, 1, 2, 3, 4, 5]);
        assert_eq!(triangles(5, 5), [0, 1, 2, 2, 1, 3, 2, 3, 4]);
        assert_eq!(triangles(6, 4), [0, 1, 2, 0, 2, 3]);
        assert_eq!(triangles(7, 8), [0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7]);
        assert_eq!(triangles(8, 6), [0, 1, 3, 0, 3, 2, 2, 3, 5, 2, 5, 4]);
        assert_eq!(triangles(9, 5), [0, 1, 2, 0, 2, 3, 0, 3, 4]);
        for short in 0..3 {
            assert!((4..=9).all(|mode| triangles(mode, short).is_empty()));
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let mut corners = Vec::new();
        let five = [0u8, 1, 2, 3, 4, 5];
        let set = PrimitiveSet { mode: 4, corners: Corners::Indices { width: 1, bytes: &five } };
        assert!(matches!(append(&set, 5, false, 100, &mut corners), Err(Refused::Corrupt(_))));
        assert!(corners.is_empty());
        append(&set, 6, false, 100, &mut corners).unwrap();
        assert_eq!(append(&set, 6, false, 10, &mut Vec::new()), Err(Refused::OverBudget));
        for (first, count) in [(-1, 3), (0, -3), (3, 3), (i32::MAX, i32::MAX)] {
            let set = PrimitiveSet { mode: 4, corners: Corners::Range { first, count } };
            assert!(append(&set, 5, false, 100, &mut corners).is_err());
        }
        let set = PrimitiveSet { mode: 1, corners: Corners::Range { first: 0, count: 2 } };
        assert_eq!(append(&set, 5, false, 100, &mut corners), Err(Refused::NotTriangles));
    }

    #[test]
    fn lengths_are_primitives_of_their_own() {
        let bytes: Vec<u8> = [3_i32, 4].iter().flat_map(|n| n.to_be_bytes()).collect();
        let set = PrimitiveSet { mode: 6, corners: Corners::Lengths { first: 1, bytes: &bytes } };
        let mut corners = Vec::new();
        append(&set, 8, true, 100, &mut corners).unwrap();
        assert_eq!(corners, [1, 2, 3, 4, 5, 6, 4, 6, 7]);
        assert!(append(&set, 7, true, 100, &mut corners).is_err());
    }
}

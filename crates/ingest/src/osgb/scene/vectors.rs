//! Vertex attributes as they lie in the file.

use glam::DVec3;

use crate::osgb::raw::{Array, Component};

/// A list of vectors of two to four components in single or double precision, borrowed from the file.
#[derive(Clone, Copy, Debug)]
pub struct Vectors<'a> {
    bytes: &'a [u8],
    is_double: bool,
    width: usize,
    big_endian: bool,
}

impl<'a> Vectors<'a> {
    /// `None` for arrays of anything but two to four floating-point components.
    pub(super) fn of(array: &Array<'a>, big_endian: bool) -> Option<Self> {
        let is_double = match array.component {
            Component::F32 => false,
            Component::F64 => true,
            _ => return None,
        };
        (2..=4).contains(&array.width).then_some(Self {
            bytes: array.bytes,
            is_double,
            width: array.width,
            big_endian,
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.stride()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn stride(&self) -> usize {
        self.width * if self.is_double { 8 } else { 4 }
    }

    /// The first three components of each; a missing one is 0.
    pub fn to_dvec3s(&self) -> Vec<DVec3> {
        if !self.is_double && self.width == 3 && !self.big_endian {
            let triples = self.bytes.as_chunks::<12>().0;
            return triples
                .iter()
                .map(|t| {
                    let of = |at: usize| f32::from_le_bytes([t[at], t[at + 1], t[at + 2], t[at + 3]]);
                    glam::Vec3::new(of(0), of(4), of(8)).as_dvec3()
                })
                .collect();
        }
        self.bytes
            .chunks_exact(self.stride())
            .map(|element| {
                DVec3::new(self.component(element, 0), self.component(element, 1), self.component(element, 2))
            })
            .collect()
    }

    /// Texture coordinates with v pointing down, as glTF has them.
    pub fn to_uvs_v_down(&self) -> Vec<[f32; 2]> {
        if !self.is_double && self.width == 2 && !self.big_endian {
            let pairs = self.bytes.as_chunks::<8>().0;
            return pairs
                .iter()
                .map(|p| {
                    let of = |at: usize| f32::from_le_bytes([p[at], p[at + 1], p[at + 2], p[at + 3]]);
                    [of(0), 1.0 - of(4)]
                })
                .collect();
        }
        self.bytes
            .chunks_exact(self.stride())
            .map(|element| [self.component(element, 0) as f32, 1.0 - self.component(element, 1) as f32])
            .collect()
    }

    /// Whether every component is a number.
    pub fn is_finite(&self) -> bool {
        if !self.is_double && !self.big_endian {
            // The exponent of what is no number is all ones.
            return self
                .bytes
                .as_chunks::<4>()
                .0
                .iter()
                .all(|b| u32::from_le_bytes(*b) & 0x7f80_0000 != 0x7f80_0000);
        }
        self.bytes
            .chunks_exact(self.stride())
            .all(|element| (0..self.width).all(|at| self.component(element, at).is_finite()))
    }

    fn component(&self, element: &[u8], at: usize) -> f64 {
        let bytes = if self.is_double { 8 } else { 4 };
        let Some(slice) = element.get(at * bytes..(at + 1) * bytes) else { return 0.0 };
        match (<[u8; 4]>::try_from(slice), <[u8; 8]>::try_from(slice), self.big_endian) {
            (Ok(four), _, false) => f64::from(f32::from_le_bytes(four)),
            (Ok(four), _, true) => f64::from(f32::from_be_bytes(four)),
            (_, Ok(eight), false) => f64::from_le_bytes(eight),
            (_, Ok(eight), true) => f64::from_be_bytes(eight),
            _ => 0.0,
        }
    }
}

//! Accessors: typed, checked reading of vertex and index data (glTF 2.0, section 3.6.2).

use std::borrow::Cow;

use gltf::json::accessor::{Accessor, ComponentType, Type};
use gltf::json::validation::Checked;

use super::document::Document;
use crate::content::{ContentError, ContentErrorKind};

/// The data of an accessor: `count` elements of `components` scalars, every byte range checked.
#[derive(Clone, Debug)]
pub struct AccessorData<'a> {
    /// Number of elements.
    pub count: usize,
    /// Scalars per element.
    pub components: usize,
    /// Type of a scalar.
    pub component_type: ComponentType,
    /// Integers stand for 0..1 or -1..1.
    pub normalized: bool,
    data: Cow<'a, [u8]>,
    stride: usize,
}

/// Bytes of a scalar.
pub(super) fn component_size(component_type: ComponentType) -> usize {
    match component_type {
        ComponentType::I8 | ComponentType::U8 => 1,
        ComponentType::I16 | ComponentType::U16 => 2,
        ComponentType::U32 | ComponentType::F32 => 4,
    }
}

pub(super) fn component_count(kind: Type) -> usize {
    match kind {
        Type::Scalar => 1,
        Type::Vec2 => 2,
        Type::Vec3 => 3,
        Type::Vec4 | Type::Mat2 => 4,
        Type::Mat3 => 9,
        Type::Mat4 => 16,
    }
}

impl<'a> AccessorData<'a> {
    /// Tightly packed elements from elsewhere (Draco). `data` must hold `count` elements.
    pub(super) fn packed(
        data: Vec<u8>,
        components: usize,
        component_type: ComponentType,
        normalized: bool,
    ) -> Self {
        let stride = (components * component_size(component_type)).max(1);
        Self {
            count: data.len() / stride,
            components,
            component_type,
            normalized,
            data: Cow::Owned(data),
            stride,
        }
    }

    fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        self.data.chunks(self.stride.max(1)).take(self.count)
    }

    /// The elements without gaps, as they are stored.
    pub(super) fn packed_bytes(&self) -> Vec<u8> {
        let size = self.components * component_size(self.component_type);
        let mut packed = Vec::with_capacity(self.count.saturating_mul(size));
        for row in self.rows() {
            packed.extend_from_slice(row.get(..size).unwrap_or(row));
        }
        packed
    }

    fn map<const N: usize, const W: usize, T: Copy>(&self, fill: T, f: impl Fn([u8; W]) -> T) -> Vec<[T; N]> {
        let used = self.components.min(N);
        // The common case as a loop of fixed shape.
        if used == N && self.stride == N * W {
            let (scalars, _) = self.data.as_chunks::<W>();
            let (rows, _) = scalars.as_chunks::<N>();
            return rows.iter().take(self.count).map(|row| row.map(&f)).collect();
        }
        self.rows()
            .map(|row| {
                let mut out = [fill; N];
                for (slot, scalar) in out.iter_mut().take(used).zip(row.as_chunks::<W>().0) {
                    *slot = f(*scalar);
                }
                out
            })
            .collect()
    }

    /// Elements as floats, normalised integers expanded; missing components are `fill`.
    pub fn to_f32<const N: usize>(&self, fill: f32) -> Vec<[f32; N]> {
        match (self.component_type, self.normalized) {
            (ComponentType::F32, _) => self.map(fill, f32::from_le_bytes),
            (ComponentType::I8, true) => {
                self.map(fill, |[b]: [u8; 1]| (f32::from(b as i8) / 127.0).max(-1.0))
            }
            (ComponentType::I8, false) => self.map(fill, |[b]: [u8; 1]| f32::from(b as i8)),
            (ComponentType::U8, true) => self.map(fill, |[b]: [u8; 1]| f32::from(b) / 255.0),
            (ComponentType::U8, false) => self.map(fill, |[b]: [u8; 1]| f32::from(b)),
            (ComponentType::I16, true) => {
                self.map(fill, |b| (f32::from(i16::from_le_bytes(b)) / 32767.0).max(-1.0))
            }
            (ComponentType::I16, false) => self.map(fill, |b| f32::from(i16::from_le_bytes(b))),
            (ComponentType::U16, true) => self.map(fill, |b| f32::from(u16::from_le_bytes(b)) / 65535.0),
            (ComponentType::U16, false) => self.map(fill, |b| f32::from(u16::from_le_bytes(b))),
            (ComponentType::U32, _) => self.map(fill, |b| u32::from_le_bytes(b) as f32),
        }
    }

    /// First component of each element as an unsigned integer; floats are rounded, negative values become `u32::MAX`.
    pub fn to_u32(&self) -> Vec<u32> {
        let rows: Vec<[u32; 1]> = match self.component_type {
            ComponentType::U8 => self.map(0, |[b]: [u8; 1]| u32::from(b)),
            ComponentType::U16 => self.map(0, |b| u32::from(u16::from_le_bytes(b))),
            ComponentType::U32 => self.map(0, u32::from_le_bytes),
            ComponentType::I8 => self.map(0, |[b]: [u8; 1]| u32::try_from(b as i8).unwrap_or(u32::MAX)),
            ComponentType::I16 => self.map(0, |b| u32::try_from(i16::from_le_bytes(b)).unwrap_or(u32::MAX)),
            ComponentType::F32 => self.map(0, |b| {
                let value = f32::from_le_bytes(b).round();
                if value >= 0.0 { value as u32 } else { u32::MAX }
            }),
        };
        rows.into_flattened()
    }

    /// Elements as unsigned bytes, if that is how they are stored; missing components are `fill`.
    pub(super) fn to_u8<const N: usize>(&self, fill: u8) -> Option<Vec<[u8; N]>> {
        (self.component_type == ComponentType::U8).then(|| self.map(fill, |[b]: [u8; 1]| b))
    }

    /// Elements as normalised signed bytes, if that is how they are stored; missing components are `fill`.
    pub(super) fn to_i8<const N: usize>(&self, fill: i8) -> Option<Vec<[i8; N]>> {
        (self.component_type == ComponentType::I8).then(|| self.map(fill, |[b]: [u8; 1]| b as i8))
    }
}

impl Document {
    fn accessor_json(&self, index: usize) -> Result<&Accessor, ContentError> {
        self.json.accessors.get(index).ok_or_else(|| {
            let reason = format!("accessor {index} of {}", self.json.accessors.len());
            self.invalid(format!("/accessors/{index}"), reason)
        })
    }

    /// Number of elements that an accessor declares.
    ///
    /// # Errors
    /// No such accessor.
    pub fn accessor_count(&self, index: usize) -> Result<u64, ContentError> {
        self.accessor_json(index).map(|a| a.count.0)
    }

    /// Scalar type and scalars per element of an accessor.
    pub(super) fn accessor_layout(&self, index: usize) -> Result<(ComponentType, usize, bool), ContentError> {
        let accessor = self.accessor_json(index)?;
        match (&accessor.component_type, &accessor.type_) {
            (Checked::Valid(component), Checked::Valid(kind)) => {
                Ok((component.0, component_count(*kind), accessor.normalized))
            }
            _ => Err(self.invalid(format!("/accessors/{index}"), "unknown componentType or type")),
        }
    }

    /// The data of accessor `index`, sparse values applied.
    ///
    /// # Errors
    /// No such accessor, unknown type, outside its buffer view, or larger than the budget.
    pub fn accessor(&self, index: usize) -> Result<AccessorData<'_>, ContentError> {
        let accessor = self.accessor_json(index)?;
        let (component_type, components, normalized) = self.accessor_layout(index)?;
        let place = format!("/accessors/{index}");
        let size = component_size(component_type) * components;
        let total = accessor.count.0.checked_mul(size as u64).filter(|&bytes| bytes <= self.budget());
        let Some(total) = total else {
            let reason =
                format!("{} elements of {size} bytes, {} bytes are allowed", accessor.count.0, self.budget());
            return Err(self.error(ContentErrorKind::OverBudget, place, reason));
        };
        let count = accessor.count.0 as usize;
        let mut data = AccessorData {
            count,
            components,
            component_type,
            normalized,
            data: Cow::Borrowed(&[]),
            stride: size,
        };
        match accessor.buffer_view {
            Some(view) => {
                let view_index = view.value();
                let bytes = self.buffer_view(view_index)?;
                let stride =
                    self.json.buffer_views.get(view_index).and_then(|v| v.byte_stride).map_or(0, |s| s.0);
                data.stride = if stride == 0 { size } else { stride };
                let offset = accessor.byte_offset.unwrap_or_default().0;
                data.data = self.strided(bytes, offset, count, data.stride, size, &place)?;
            }
            None => {
                self.reserve(total, &place)?;
                data.data = Cow::Owned(vec![0; total as usize]);
            }
        }
        if let Some(sparse) = &accessor.sparse {
            self.reserve(total, &place)?;
            let mut packed = Vec::with_capacity(total as usize);
            data.rows().for_each(|row| packed.extend_from_slice(row.get(..size).unwrap_or_default()));
            self.apply_sparse(sparse, &mut packed, size, &place)?;
            data.data = Cow::Owned(packed);
            data.stride = size;
        }
        Ok(data)
    }

    fn strided<'a>(
        &self,
        bytes: Cow<'a, [u8]>,
        offset: u64,
        count: usize,
        stride: usize,
        size: usize,
        place: &str,
    ) -> Result<Cow<'a, [u8]>, ContentError> {
        if count == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        if stride < size {
            return Err(
                self.invalid(place, format!("byteStride {stride} is less than an element's {size} bytes"))
            );
        }
        let needed = (count as u64 - 1).checked_mul(stride as u64).and_then(|n| n.checked_add(size as u64));
        let end = needed.and_then(|n| n.checked_add(offset)).filter(|&end| end <= bytes.len() as u64);
        let Some(end) = end else {
            let reason = format!(
                "{count} elements of {size} bytes every {stride} bytes from byte {offset} of a buffer view of {} bytes",
                bytes.len()
            );
            return Err(self.error(ContentErrorKind::Truncated, place, reason));
        };
        let (from, to) = (offset as usize, end as usize);
        Ok(match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(from..to).unwrap_or_default()),
            Cow::Owned(bytes) => Cow::Owned(bytes.get(from..to).unwrap_or_default().to_vec()),
        })
    }

    fn apply_sparse(
        &self,
        sparse: &gltf::json::accessor::sparse::Sparse,
        packed: &mut [u8],
        size: usize,
        place: &str,
    ) -> Result<(), ContentError> {
        let place = format!("{place}/sparse");
        let Checked::Valid(index_type) = &sparse.indices.component_type else {
            return Err(self.invalid(place, "unknown componentType of the indices"));
        };
        let total = packed.len().checked_div(size).unwrap_or(0);
        if sparse.count.0 > total as u64 {
            return Err(self.invalid(place, format!("{} sparse values for {total} elements", sparse.count.0)));
        }
        let count = sparse.count.0 as usize;
        let index_size = component_size(index_type.0);
        let index_view = self.buffer_view(sparse.indices.buffer_view.value())?;
        let indices = AccessorData {
            count,
            components: 1,
            component_type: index_type.0,
            normalized: false,
            data: self.strided(
                index_view,
                sparse.indices.byte_offset.0,
                count,
                index_size,
                index_size,
                &place,
            )?,
            stride: index_size,
        };
        let value_view = self.buffer_view(sparse.values.buffer_view.value())?;
        let values = self.strided(value_view, sparse.values.byte_offset.0, count, size, size, &place)?;
        for (index, value) in indices.to_u32().into_iter().zip(values.chunks_exact(size.max(1))) {
            let from = index as usize * size;
            let Some(slot) = packed.get_mut(from..from + size) else {
                return Err(self.invalid(place, format!("sparse index {index} of {total} elements")));
            };
            slot.copy_from_slice(value);
        }
        Ok(())
    }
}

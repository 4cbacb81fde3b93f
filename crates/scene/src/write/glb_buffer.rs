//! Buffer views and accessors of a GLB.

use serde_json::{Map, Value, json};

use super::WriteError;

/// Enough for metadata, which asks for 8 (`EXT_structural_metadata` §"Binary table format").
const ALIGNMENT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Attributes,
    Indices,
}

/// How the elements of a stream are read.
#[derive(Clone, Debug)]
pub(super) struct ElementFormat {
    pub(super) component_type: u32,
    pub(super) shape: &'static str,
    pub(super) normalized: bool,
    /// `min` and `max`.
    pub(super) bounds: Option<(Value, Value)>,
}

/// The BIN chunk and what points into it.
#[derive(Debug, Default)]
pub(super) struct GlbBuffer {
    pub(super) bytes: Vec<u8>,
    pub(super) views: Vec<Value>,
    pub(super) accessors: Vec<Value>,
    /// Length of the buffer that meshopt-compressed views decompress to; 0: nothing is compressed.
    pub(super) fallback_len: usize,
}

impl GlbBuffer {
    fn append(&mut self, bytes: &[u8]) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        offset
    }

    /// A view of plain bytes: an image or a column.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> usize {
        let offset = self.append(bytes);
        self.views.push(json!({ "buffer": 0, "byteOffset": offset, "byteLength": bytes.len() }));
        self.views.len() - 1
    }

    /// An accessor over its own view; `N` bytes per element, a multiple of 4 for attributes.
    pub(super) fn push_stream<const N: usize>(
        &mut self,
        elements: &[[u8; N]],
        format: ElementFormat,
        target: Target,
        compress: bool,
    ) -> Result<usize, WriteError> {
        let count = elements.len();
        let plain = elements.as_flattened();
        let mut view = Map::new();
        view.insert("byteLength".into(), plain.len().into());
        view.insert("target".into(), if target == Target::Attributes { 34_962 } else { 34_963 }.into());
        if target == Target::Attributes {
            view.insert("byteStride".into(), N.into());
        }
        if compress {
            let (packed, mode) = match target {
                // EXT_meshopt_compression fixes version 0 of the vertex codec.
                Target::Attributes => {
                    (meshopt::encode_vertex_buffer_level(elements, 2, Some(0)), "ATTRIBUTES")
                }
                Target::Indices => {
                    let indices: Vec<u32> = elements.iter().map(|e| little_endian(e)).collect();
                    let vertex_count = indices.iter().max().map_or(0, |&m| m as usize + 1);
                    (meshopt::encode_index_buffer(&indices, vertex_count), "TRIANGLES")
                }
            };
            let packed = packed.map_err(|e| WriteError::invalid("meshopt", e.to_string()))?;
            let offset = self.append(&packed);
            let compression = json!({
                "buffer": 0, "byteOffset": offset, "byteLength": packed.len(), "byteStride": N, "count": count, "mode": mode
            });
            view.insert("buffer".into(), 1.into());
            view.insert("byteOffset".into(), self.fallback_len.into());
            view.insert("extensions".into(), json!({ "EXT_meshopt_compression": compression }));
            self.fallback_len = (self.fallback_len + plain.len()).next_multiple_of(ALIGNMENT);
        } else {
            let offset = self.append(plain);
            view.insert("buffer".into(), 0.into());
            view.insert("byteOffset".into(), offset.into());
        }
        self.views.push(Value::Object(view));

        let mut accessor = Map::new();
        accessor.insert("bufferView".into(), (self.views.len() - 1).into());
        accessor.insert("componentType".into(), format.component_type.into());
        accessor.insert("count".into(), count.into());
        accessor.insert("type".into(), format.shape.into());
        if format.normalized {
            accessor.insert("normalized".into(), true.into());
        }
        if let Some((min, max)) = format.bounds {
            accessor.insert("min".into(), min);
            accessor.insert("max".into(), max);
        }
        self.accessors.push(Value::Object(accessor));
        Ok(self.accessors.len() - 1)
    }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

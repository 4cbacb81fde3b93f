//! `EXT_meshopt_compression` and `KHR_meshopt_compression`: compressed buffer views.

use bytes::Bytes;
use gltf::json::buffer::View;
use serde::Deserialize;

use super::document::Document;
use crate::content::{ContentError, ContentErrorKind};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compression {
    buffer: usize,
    #[serde(default)]
    byte_offset: u64,
    byte_length: u64,
    byte_stride: u64,
    count: u64,
    mode: String,
    #[serde(default)]
    filter: Option<String>,
}

/// The compression of a view: `None` if it has none, an error text if the extension does not parse.
pub(super) fn compression(view: &View) -> Option<Result<Compression, String>> {
    let others = &view.extensions.as_ref()?.others;
    let value = others.get("EXT_meshopt_compression").or_else(|| others.get("KHR_meshopt_compression"))?;
    Some(Compression::deserialize(value).map_err(|e| e.to_string()))
}

pub(super) fn decompress(
    document: &Document,
    compression: Result<Compression, String>,
    place: &str,
) -> Result<Bytes, ContentError> {
    let place = format!("{place}/extensions/EXT_meshopt_compression");
    let c = compression.map_err(|reason| document.invalid(&*place, reason))?;
    let encoded = document.slice(c.buffer, c.byte_offset, c.byte_length, &place)?;
    let total =
        c.count.checked_mul(c.byte_stride).ok_or_else(|| document.invalid(&*place, "count overflows"))?;
    document.reserve(total, &place)?;
    let (count, stride) = (c.count as usize, c.byte_stride as usize);
    let corrupt = || document.invalid(&*place, format!("the {} stream does not decode", c.mode));
    if count == 0 {
        return Ok(Bytes::new());
    }
    let words = match (c.mode.as_str(), stride) {
        ("ATTRIBUTES", 4..=256) if stride.is_multiple_of(4) => {
            let mut words = vertices(&encoded, count, stride).ok_or_else(corrupt)?;
            let filter = c.filter.as_deref().unwrap_or("NONE");
            apply_filter(filter, stride, &mut words).map_err(|reason| document.invalid(&*place, reason))?;
            words
        }
        ("TRIANGLES", 2) if count.is_multiple_of(3) => {
            let indices: Vec<u16> = meshopt::decode_index_buffer(&encoded, count).map_err(|_| corrupt())?;
            return Ok(Bytes::from(bytemuck::cast_slice(&indices).to_vec()));
        }
        ("TRIANGLES", 4) if count.is_multiple_of(3) => {
            meshopt::decode_index_buffer::<u32>(&encoded, count).map_err(|_| corrupt())?
        }
        ("INDICES", 2) => {
            let indices: Vec<u16> = meshopt::decode_index_sequence(&encoded, count).map_err(|_| corrupt())?;
            return Ok(Bytes::from(bytemuck::cast_slice(&indices).to_vec()));
        }
        ("INDICES", 4) => meshopt::decode_index_sequence::<u32>(&encoded, count).map_err(|_| corrupt())?,
        (mode, _) => {
            let reason = format!("mode {mode} with {count} elements of {stride} bytes");
            return Err(document.error(ContentErrorKind::Invalid, &*place, reason));
        }
    };
    Ok(Bytes::from(bytemuck::cast_slice(&words).to_vec()))
}

/// A vertex of `N` words: the decoder takes its stride from the size of a type.
#[derive(Clone)]
struct Row<const N: usize>([u32; N]);

impl<const N: usize> Default for Row<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

fn rows<const N: usize>(encoded: &[u8], count: usize) -> Option<Vec<u32>> {
    let rows: Vec<Row<N>> = meshopt::decode_vertex_buffer(encoded, count).ok()?;
    Some(rows.into_iter().flat_map(|row| row.0).collect())
}

macro_rules! by_words {
    ($words:expr, $encoded:expr, $count:expr; $($n:literal)*) => {
        match $words { $($n => rows::<$n>($encoded, $count),)* _ => None }
    };
}

fn vertices(encoded: &[u8], count: usize, stride: usize) -> Option<Vec<u32>> {
    by_words!(stride / 4, encoded, count;
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64)
}

fn apply_filter(filter: &str, stride: usize, words: &mut [u32]) -> Result<(), String> {
    match (filter, stride) {
        ("NONE", _) => {}
        ("OCTAHEDRAL", 4) => meshopt::decode_filter_oct::<i8>(bytemuck::cast_slice_mut(words)),
        ("OCTAHEDRAL", 8) => meshopt::decode_filter_oct::<i16>(bytemuck::cast_slice_mut(words)),
        ("QUATERNION", 8) => meshopt::decode_filter_quat(bytemuck::cast_slice_mut(words)),
        ("EXPONENTIAL", _) => meshopt::decode_filter_exp::<1>(bytemuck::cast_slice_mut(words)),
        ("COLOR", 4) => meshopt::decode_filter_color::<u8>(bytemuck::cast_slice_mut(words)),
        ("COLOR", 8) => meshopt::decode_filter_color::<u16>(bytemuck::cast_slice_mut(words)),
        _ => return Err(format!("filter {filter} with a stride of {stride} bytes")),
    }
    Ok(())
}

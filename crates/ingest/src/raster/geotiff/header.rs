//! The tags that matter, read and checked.

use std::io::{Read, Seek};

use tiff::{
    ColorType,
    decoder::{ChunkType, Decoder},
    tags::Tag,
};

use super::{
    super::{
        geo_keys::{GeoKeys, RawGeoKeys},
        geo_transform::GeoTransform,
    },
    Bands, MAX_CHUNK_BYTES, RasterError, RasterInfo, SampleKind,
};

const COMPRESSION_JPEG: u16 = 7;
/// More rows or columns are no raster of this world.
const MAX_SIDE: u32 = 1 << 26;

/// How the file is laid out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) is_tiled: bool,
    /// Each band in chunks of its own.
    pub(super) is_planar: bool,
    pub(super) is_jpeg: bool,
    /// Chunks across, and per band.
    pub(super) across: u32,
    pub(super) per_plane: u32,
    /// Where each chunk lies, and how long it is; 0 where it was never written.
    pub(super) offsets: Vec<u64>,
    pub(super) lengths: Vec<u64>,
}

fn invalid(what: &'static str, reason: impl Into<String>) -> RasterError {
    RasterError::Invalid { what, reason: reason.into() }
}

pub(super) fn read<R: Read + Seek>(decoder: &mut Decoder<R>) -> Result<(RasterInfo, Layout), RasterError> {
    let (width, height) = decoder.dimensions()?;
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(invalid("size", format!("{width} × {height}")));
    }
    let samples: u16 = decoder.find_tag_unsigned(Tag::SamplesPerPixel)?.unwrap_or(1);
    let bits: Vec<u16> = decoder.find_tag_unsigned_vec(Tag::BitsPerSample)?.unwrap_or_else(|| vec![1]);
    let bits = bits.first().copied().unwrap_or(1);
    let format: Vec<u16> = decoder.find_tag_unsigned_vec(Tag::SampleFormat)?.unwrap_or_default();
    let kind = match (format.first().copied().unwrap_or(1), bits) {
        (1 | 4, 8 | 16 | 32 | 64) => SampleKind::Unsigned(bits as u8),
        (2, 8 | 16 | 32 | 64) => SampleKind::Signed(bits as u8),
        (3, 16 | 32 | 64) => SampleKind::Float(bits as u8),
        (format, bits) => {
            return Err(RasterError::Unsupported(format!("samples of {bits} bits, format {format}")));
        }
    };
    let bands = match decoder.colortype()? {
        ColorType::Gray(_) | ColorType::GrayA(_) => Bands::Gray,
        ColorType::RGB(_) | ColorType::RGBA(_) => Bands::Rgb,
        ColorType::YCbCr(_) => Bands::YCbCr,
        ColorType::Palette(_) => Bands::Palette,
        // Several bands of numbers; the first is taken for the height.
        ColorType::Multiband { .. } => Bands::Gray,
        _ => Bands::Other,
    };
    let extra: Vec<u16> = decoder.find_tag_unsigned_vec(Tag::ExtraSamples)?.unwrap_or_default();
    let first_extra = samples.saturating_sub(extra.len() as u16);
    let alpha = extra.iter().position(|kind| matches!(kind, 1 | 2)).map(|k| first_extra + k as u16);

    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
    let is_planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration)?.unwrap_or(1) == 2;
    let per_chunk = if is_planar { 1 } else { u64::from(samples) };
    let pixels = u64::from(chunk_width).saturating_mul(u64::from(chunk_height.min(height.max(1))));
    let chunk_bytes = pixels.saturating_mul(per_chunk).saturating_mul(u64::from(bits) / 8);
    if chunk_width == 0 || chunk_height == 0 || chunk_bytes > MAX_CHUNK_BYTES as u64 {
        let reason = format!("{chunk_width} × {chunk_height} pixels of {per_chunk} × {bits} bits");
        return Err(invalid(if is_tiled { "tiles" } else { "strips" }, reason));
    }
    let (across, down) = (width.div_ceil(chunk_width), height.div_ceil(chunk_height));
    let per_plane = u64::from(across) * u64::from(down);
    let planes = if is_planar { u64::from(samples) } else { 1 };
    let (offset_tag, length_tag) = if is_tiled {
        (Tag::TileOffsets, Tag::TileByteCounts)
    } else {
        (Tag::StripOffsets, Tag::StripByteCounts)
    };
    let offsets: Vec<u64> = decoder.find_tag_unsigned_vec(offset_tag)?.unwrap_or_default();
    let lengths: Vec<u64> = decoder.find_tag_unsigned_vec(length_tag)?.unwrap_or_default();
    if (offsets.len() as u64) < per_plane * planes || offsets.len() != lengths.len() {
        let reason = format!(
            "{} offsets and {} lengths of {} chunks",
            offsets.len(),
            lengths.len(),
            per_plane * planes
        );
        return Err(invalid("chunks", reason));
    }
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression)?.unwrap_or(1);
    let layout = Layout {
        is_tiled,
        is_planar,
        is_jpeg: compression == COMPRESSION_JPEG,
        across,
        per_plane: per_plane as u32,
        offsets,
        lengths,
    };
    let keys = geo_keys(decoder)?;
    let info = RasterInfo {
        width,
        height,
        samples,
        bands,
        alpha,
        kind,
        no_data: no_data(decoder)?,
        transform: transform(decoder, keys.as_ref())?,
        keys,
        chunk: (chunk_width, chunk_height),
    };
    Ok((info, layout))
}

fn doubles<R: Read + Seek>(decoder: &mut Decoder<R>, tag: Tag) -> Result<Option<Vec<f64>>, RasterError> {
    Ok(decoder.find_tag(tag)?.map(|value| value.into_f64_vec()).transpose()?)
}

fn geo_keys<R: Read + Seek>(decoder: &mut Decoder<R>) -> Result<Option<GeoKeys>, RasterError> {
    let Some(directory) = decoder.find_tag_unsigned_vec::<u16>(Tag::GeoKeyDirectoryTag)? else {
        return Ok(None);
    };
    let numbers = doubles(decoder, Tag::GeoDoubleParamsTag)?.unwrap_or_default();
    let text = decoder.find_tag(Tag::GeoAsciiParamsTag)?;
    let text = text.map(|value| value.into_string()).transpose()?.unwrap_or_default();
    let raw = RawGeoKeys { directory: &directory, doubles: &numbers, ascii: text.as_bytes() };
    GeoKeys::parse(raw).map(Some).map_err(|error| invalid("GeoKeys", error.to_string()))
}

fn transform<R: Read + Seek>(
    decoder: &mut Decoder<R>,
    keys: Option<&GeoKeys>,
) -> Result<Option<GeoTransform>, RasterError> {
    let scale = doubles(decoder, Tag::ModelPixelScaleTag)?;
    let ties = doubles(decoder, Tag::ModelTiepointTag)?;
    let matrix = doubles(decoder, Tag::ModelTransformationTag)?;
    let pixel_is = keys.map_or(super::super::geo_keys::PixelIs::Area, GeoKeys::pixel_is);
    GeoTransform::from_tags(scale.as_deref(), ties.as_deref(), matrix.as_deref(), pixel_is)
        .map_err(|error| invalid("placement", error.to_string()))
}

/// The text of GDAL's own tag.
fn no_data<R: Read + Seek>(decoder: &mut Decoder<R>) -> Result<Option<f64>, RasterError> {
    let text = decoder.find_tag(Tag::GdalNodata)?.map(|value| value.into_string()).transpose()?;
    Ok(text.and_then(|text| text.trim_matches(['\0', ' ']).parse().ok()))
}

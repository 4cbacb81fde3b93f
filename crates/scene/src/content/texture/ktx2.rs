//! KTX2: Basis Universal transcoded to what the GPU samples, plain levels passed through.
//!
//! Source: Khronos KTX 2.0 specification; `KHR_texture_basisu`.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use basisu::{DecodeFlags, SourceFormat, TargetFormat, Transcoder};
use ktx2::{ColorModel, Format, Reader, SupercompressionScheme};
use ruzstd::decoding::StreamingDecoder;

use super::{ImageError, ImageInfo, ImageKind, Rgba, full_chain, level_bytes, mips};
use crate::content::{TextureFormat, TextureSupport};

/// Sides above this cannot be a texture anywhere.
const MAX_KTX_SIDE: u32 = 1 << 15;

fn open(bytes: &[u8]) -> Result<Reader<&[u8]>, ImageError> {
    let reader = Reader::new(bytes).map_err(|e| ImageError::invalid(format!("KTX2: {e}")))?;
    let header = reader.header();
    let (width, height) = (header.pixel_width, header.pixel_height);
    if height == 0 || header.pixel_depth > 1 || header.layer_count > 1 || header.face_count != 1 {
        return Err(ImageError::unsupported("KTX2: not a single 2D image"));
    }
    if width.max(height) > MAX_KTX_SIDE || header.level_count > full_chain(width, height) {
        let levels = header.level_count;
        return Err(ImageError::invalid(format!("KTX2: {width} x {height} pixels with {levels} levels")));
    }
    // Decompression must not give more than the largest format takes, whatever the level index says.
    for (i, level) in reader.levels().enumerate() {
        let largest =
            level_bytes(TextureFormat::Rgba8Srgb, width.next_multiple_of(4), height.next_multiple_of(4));
        if level.uncompressed_byte_length > largest {
            let claimed = level.uncompressed_byte_length;
            return Err(ImageError::invalid(format!(
                "KTX2: level {i} claims {claimed} bytes, {largest} is the most"
            )));
        }
    }
    Ok(reader)
}

/// Whether the GPU can sample block-compressed levels of this size: sides must be whole blocks.
fn whole_blocks(width: u32, height: u32) -> bool {
    width.is_multiple_of(4) && height.is_multiple_of(4)
}

fn plain_format(format: Format) -> Option<TextureFormat> {
    Some(match format {
        Format::R8G8B8A8_SRGB | Format::R8G8B8A8_UNORM => TextureFormat::Rgba8Srgb,
        Format::BC1_RGB_UNORM_BLOCK
        | Format::BC1_RGB_SRGB_BLOCK
        | Format::BC1_RGBA_UNORM_BLOCK
        | Format::BC1_RGBA_SRGB_BLOCK => TextureFormat::Bc1Srgb,
        Format::BC3_UNORM_BLOCK | Format::BC3_SRGB_BLOCK => TextureFormat::Bc3Srgb,
        Format::BC7_UNORM_BLOCK | Format::BC7_SRGB_BLOCK => TextureFormat::Bc7Srgb,
        Format::ETC2_R8G8B8_UNORM_BLOCK | Format::ETC2_R8G8B8_SRGB_BLOCK => TextureFormat::Etc2RgbSrgb,
        Format::ETC2_R8G8B8A8_UNORM_BLOCK | Format::ETC2_R8G8B8A8_SRGB_BLOCK => TextureFormat::Etc2RgbaSrgb,
        Format::ASTC_4x4_UNORM_BLOCK | Format::ASTC_4x4_SRGB_BLOCK => TextureFormat::Astc4x4Srgb,
        _ => return None,
    })
}

fn supported(format: TextureFormat, support: TextureSupport) -> bool {
    match format {
        TextureFormat::Rgba8Srgb => true,
        TextureFormat::Bc1Srgb | TextureFormat::Bc3Srgb | TextureFormat::Bc7Srgb => support.bc,
        TextureFormat::Etc2RgbSrgb | TextureFormat::Etc2RgbaSrgb => support.etc2,
        TextureFormat::Astc4x4Srgb => support.astc,
    }
}

/// What Basis Universal is transcoded to. ETC1S keeps to half a byte per texel where it can: it has no more detail.
fn basis_target(is_uastc: bool, alpha: bool, support: TextureSupport) -> TextureFormat {
    match (is_uastc, alpha) {
        _ if support.bc && is_uastc => TextureFormat::Bc7Srgb,
        (false, false) if support.bc => TextureFormat::Bc1Srgb,
        (false, true) if support.bc => TextureFormat::Bc3Srgb,
        (true, _) if support.astc => TextureFormat::Astc4x4Srgb,
        (_, false) if support.etc2 => TextureFormat::Etc2RgbSrgb,
        (_, true) if support.etc2 => TextureFormat::Etc2RgbaSrgb,
        _ if support.astc => TextureFormat::Astc4x4Srgb,
        _ => TextureFormat::Rgba8Srgb,
    }
}

pub(super) fn probe(bytes: &[u8], support: TextureSupport) -> Result<ImageInfo, ImageError> {
    let reader = open(bytes)?;
    let header = reader.header();
    let (width, height) = (header.pixel_width, header.pixel_height);
    let mut info = ImageInfo {
        kind: ImageKind::Ktx2,
        width,
        height,
        format: TextureFormat::Rgba8Srgb,
        levels: full_chain(width, height),
    };
    let format = match header.format {
        None => {
            let dfd =
                reader.basic_dfd().ok_or_else(|| ImageError::invalid("KTX2: no data format descriptor"))?;
            let is_uastc = match dfd.color_model {
                Some(ColorModel::ETC1S) => false,
                Some(ColorModel::UASTC) => true,
                other => return Err(ImageError::unsupported(format!("KTX2: colour model {other:?}"))),
            };
            // Channel ids of the Basis Universal models (Khronos Data Format): 15 and 3 stand for alpha.
            let alpha = match is_uastc {
                false => dfd.sample_information.len() > 1,
                true => dfd.sample_information.first().is_some_and(|s| s.channel_type == 3),
            };
            basis_target(is_uastc, alpha, support)
        }
        Some(format) => {
            let texture = plain_format(format)
                .ok_or_else(|| ImageError::unsupported(format!("KTX2: texel format {format:?}")))?;
            let usable = texture == TextureFormat::Rgba8Srgb || whole_blocks(width, height);
            if !supported(texture, support) || !usable {
                let reason =
                    format!("KTX2: {texture:?} of {width} x {height} texels cannot be sampled by this GPU");
                return Err(ImageError::unsupported(reason));
            }
            texture
        }
    };
    if format != TextureFormat::Rgba8Srgb && whole_blocks(width, height) {
        info.format = format;
        info.levels = header.level_count.max(1);
    }
    Ok(info)
}

/// All levels, largest first. Uncompressed images get a new mip chain, compressed ones keep the levels of the file.
pub(super) fn decode(bytes: &[u8], info: &ImageInfo) -> Result<Vec<Vec<u8>>, ImageError> {
    let reader = open(bytes)?;
    let compressed = info.format != TextureFormat::Rgba8Srgb;
    let wanted = if compressed { info.levels } else { 1 };
    let levels = match reader.header().format {
        // The transcoder is young and the data untrusted: a panic in it is one more way of being corrupt.
        None => catch_unwind(AssertUnwindSafe(|| transcode(bytes, info.format, wanted)))
            .unwrap_or_else(|_| Err(ImageError::invalid("KTX2: the Basis Universal data is corrupt")))?,
        Some(_) => {
            let scheme = reader.header().supercompression_scheme;
            let levels = reader.levels().take(wanted as usize);
            levels.map(|l| inflate(l.data, l.uncompressed_byte_length, scheme)).collect::<Result<_, _>>()?
        }
    };
    for (i, level) in levels.iter().enumerate() {
        let (width, height) = ((info.width >> i).max(1), (info.height >> i).max(1));
        let expected = level_bytes(info.format, width, height);
        if level.len() as u64 != expected {
            let reason = format!("KTX2: level {i} has {} bytes, {expected} are needed", level.len());
            return Err(ImageError::invalid(reason));
        }
    }
    if compressed {
        return Ok(levels);
    }
    let pixels = levels.into_iter().next().unwrap_or_default();
    Ok(mips::chain(Rgba { width: info.width, height: info.height, pixels }))
}

fn transcode(bytes: &[u8], format: TextureFormat, levels: u32) -> Result<Vec<Vec<u8>>, ImageError> {
    let failed = |e: basisu::Error| ImageError::invalid(format!("KTX2: {e:?}"));
    let transcoder = Transcoder::new(bytes).map_err(failed)?;
    let target = match format {
        TextureFormat::Rgba8Srgb => TargetFormat::Rgba32,
        TextureFormat::Bc1Srgb => TargetFormat::Bc1Rgb,
        TextureFormat::Bc3Srgb => TargetFormat::Bc3Rgba,
        TextureFormat::Bc7Srgb => TargetFormat::Bc7Rgba,
        TextureFormat::Etc2RgbSrgb => TargetFormat::Etc1Rgb,
        TextureFormat::Etc2RgbaSrgb => TargetFormat::Etc2Rgba,
        TextureFormat::Astc4x4Srgb => TargetFormat::Astc4x4Rgba,
    };
    if !matches!(transcoder.source_format(), SourceFormat::Etc1s | SourceFormat::UastcLdr) {
        return Err(ImageError::unsupported(format!("KTX2: {:?}", transcoder.source_format())));
    }
    let level =
        |l| transcoder.transcode(l, target, DecodeFlags::BC1_FORBID_THREE_COLOR_BLOCKS).map_err(failed);
    (0..levels).map(level).collect()
}

fn inflate(data: &[u8], size: u64, scheme: Option<SupercompressionScheme>) -> Result<Vec<u8>, ImageError> {
    match scheme {
        None => Ok(data.to_vec()),
        Some(SupercompressionScheme::Zstandard) => {
            let invalid = |e: String| ImageError::invalid(format!("KTX2: Zstandard: {e}"));
            let decoder = StreamingDecoder::new(data).map_err(|e| invalid(e.to_string()))?;
            let mut out = Vec::new();
            decoder.take(size.saturating_add(1)).read_to_end(&mut out).map_err(|e| invalid(e.to_string()))?;
            Ok(out)
        }
        Some(other) => Err(ImageError::unsupported(format!("KTX2: supercompression {other:?}"))),
    }
}

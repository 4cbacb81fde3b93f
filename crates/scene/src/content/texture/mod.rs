//! Images to textures: JPEG, PNG, WebP and KTX2, with mips, in a format the GPU samples.

mod jpeg;
mod ktx2;
mod mips;
mod png;
pub(crate) mod srgb;
mod webp;

use crate::content::{ContentErrorKind, Sampler, Texture, TextureFormat, TextureSupport};

/// Largest side of a texture; larger images are drawn at half, quarter ... size.
pub(crate) const MAX_SIDE: u32 = 8192;

/// Why an image cannot be used. The caller knows file and place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ImageError {
    pub(crate) kind: ContentErrorKind,
    pub(crate) reason: String,
}

impl ImageError {
    fn invalid(reason: impl Into<String>) -> Self {
        Self { kind: ContentErrorKind::Invalid, reason: reason.into() }
    }

    fn unsupported(reason: impl Into<String>) -> Self {
        Self { kind: ContentErrorKind::Unsupported, reason: reason.into() }
    }
}

/// File formats, told apart by their first bytes: declared MIME types are often wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageKind {
    Jpeg,
    Png,
    WebP,
    Ktx2,
}

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ImageInfo {
    pub(crate) kind: ImageKind,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Format and number of levels that decoding will give for the asked support.
    pub(crate) format: TextureFormat,
    pub(crate) levels: u32,
}

/// Pixels, four bytes each, row by row from the top.
#[derive(Clone, Debug)]
pub(crate) struct Rgba {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

fn kind(bytes: &[u8]) -> Option<ImageKind> {
    if bytes.starts_with(&[0xFF, 0xD8]) {
        Some(ImageKind::Jpeg)
    } else if bytes.starts_with(b"\x89PNG") {
        Some(ImageKind::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(ImageKind::WebP)
    } else if bytes.starts_with(b"\xABKTX 20\xBB") {
        Some(ImageKind::Ktx2)
    } else {
        None
    }
}

/// Reads the header only.
pub(crate) fn probe(bytes: &[u8], support: TextureSupport) -> Result<ImageInfo, ImageError> {
    let Some(kind) = kind(bytes) else {
        let start = bytes.get(..bytes.len().min(8)).unwrap_or_default().escape_ascii();
        return Err(ImageError::unsupported(format!("not JPEG, PNG, WebP or KTX2: starts with \"{start}\"")));
    };
    let (width, height) = match kind {
        ImageKind::Jpeg => jpeg::dimensions(bytes)?,
        ImageKind::Png => png::dimensions(bytes)?,
        ImageKind::WebP => webp::dimensions(bytes)?,
        ImageKind::Ktx2 => return ktx2::probe(bytes, support),
    };
    check_sides(width, height)?;
    Ok(ImageInfo { kind, width, height, format: TextureFormat::Rgba8Srgb, levels: full_chain(width, height) })
}

/// Number of levels down to 1 x 1.
pub(crate) fn full_chain(width: u32, height: u32) -> u32 {
    width.max(height).max(1).ilog2() + 1
}

/// Bytes of one level.
pub(crate) fn level_bytes(format: TextureFormat, width: u32, height: u32) -> u64 {
    let blocks = u64::from(width.div_ceil(4)) * u64::from(height.div_ceil(4));
    let (units, unit_bytes) = match format {
        TextureFormat::Rgba8Srgb => (u64::from(width) * u64::from(height), 4),
        TextureFormat::Bc1Srgb | TextureFormat::Etc2RgbSrgb => (blocks, 8),
        TextureFormat::Bc3Srgb
        | TextureFormat::Bc7Srgb
        | TextureFormat::Etc2RgbaSrgb
        | TextureFormat::Astc4x4Srgb => (blocks, 16),
    };
    units.saturating_mul(unit_bytes)
}

/// Bytes of all levels.
pub(crate) fn chain_bytes(format: TextureFormat, width: u32, height: u32, levels: u32) -> u64 {
    (0..levels.min(32))
        .map(|l| level_bytes(format, (width >> l).max(1), (height >> l).max(1)))
        .fold(0, u64::saturating_add)
}

/// Sides beyond this are no picture: more than any format that occurs can hold, and small enough that nothing overflows.
const MAX_IMAGE_SIDE: u32 = 1 << 17;

pub(crate) fn check_sides(width: u32, height: u32) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::invalid(format!("an image of {width} x {height} pixels")));
    }
    if width > MAX_IMAGE_SIDE || height > MAX_IMAGE_SIDE {
        let reason = format!("an image of {width} x {height} pixels; sides up to {MAX_IMAGE_SIDE} are read");
        return Err(ImageError { kind: ContentErrorKind::OverBudget, reason });
    }
    Ok(())
}

impl ImageInfo {
    /// Levels that are left out because their sides exceed [`MAX_SIDE`].
    pub(crate) fn skipped_levels(&self) -> u32 {
        let mut skip = 0;
        while self.width.max(self.height) >> skip > MAX_SIDE {
            skip += 1;
        }
        skip
    }

    /// Bytes of the texture on the GPU: exact.
    pub(crate) fn gpu_bytes(&self) -> u64 {
        let skip = self.skipped_levels();
        let levels = self.levels.saturating_sub(skip).max(1);
        chain_bytes(self.format, (self.width >> skip).max(1), (self.height >> skip).max(1), levels)
    }

    /// Bytes of the decoded image before levels are left out.
    pub(crate) fn decoded_bytes(&self) -> u64 {
        chain_bytes(self.format, self.width, self.height, self.levels)
    }
}

/// Decodes an image into a texture with mips. `budget` bounds the memory of its pixels.
/// The second value says what was changed (size), if anything.
pub(crate) fn decode(
    bytes: &[u8],
    support: TextureSupport,
    sampler: Sampler,
    budget: u64,
) -> Result<(Texture, Option<String>), ImageError> {
    let info = probe(bytes, support)?;
    let decoded = info.decoded_bytes();
    if decoded > budget {
        let (w, h) = (info.width, info.height);
        let reason = format!("an image of {w} x {h} pixels takes {decoded} bytes, {budget} are allowed");
        return Err(ImageError { kind: ContentErrorKind::OverBudget, reason });
    }
    let mut mips = match info.kind {
        ImageKind::Ktx2 => ktx2::decode(bytes, &info)?,
        _ => {
            let rgba = decode_pixels(bytes, &info)?;
            mips::chain(rgba)
        }
    };
    let skip = (info.skipped_levels() as usize).min(mips.len().saturating_sub(1));
    mips.drain(..skip);
    let (width, height) = ((info.width >> skip).max(1), (info.height >> skip).max(1));
    let note = (skip > 0).then(|| {
        format!(
            "{} x {} pixels are more than {MAX_SIDE} a side: drawn at {width} x {height}",
            info.width, info.height
        )
    });
    Ok((Texture { width, height, format: info.format, mips, sampler }, note))
}

/// Decodes the pixels of an image without mips, for textures that hold data instead of colour.
pub(crate) fn decode_rgba(bytes: &[u8], budget: u64) -> Result<Rgba, ImageError> {
    let info = probe(bytes, TextureSupport::default())?;
    let size = level_bytes(TextureFormat::Rgba8Srgb, info.width, info.height);
    if size > budget {
        let reason =
            format!("an image of {} x {} pixels, {budget} bytes are allowed", info.width, info.height);
        return Err(ImageError { kind: ContentErrorKind::OverBudget, reason });
    }
    match info.kind {
        ImageKind::Ktx2 => {
            let pixels = ktx2::decode(bytes, &info)?.into_iter().next().unwrap_or_default();
            if info.format != TextureFormat::Rgba8Srgb {
                return Err(ImageError::unsupported(
                    "a block-compressed image where exact values are needed",
                ));
            }
            Ok(Rgba { width: info.width, height: info.height, pixels })
        }
        _ => decode_pixels(bytes, &info),
    }
}

fn decode_pixels(bytes: &[u8], info: &ImageInfo) -> Result<Rgba, ImageError> {
    let (width, height) = (info.width, info.height);
    let pixels = match info.kind {
        ImageKind::Jpeg => jpeg::decode(bytes, width, height)?,
        ImageKind::Png => png::decode(bytes, width, height)?,
        ImageKind::WebP => webp::decode(bytes, width, height)?,
        ImageKind::Ktx2 => return Err(ImageError::unsupported("KTX2 has levels of its own")),
    };
    if pixels.len() as u64 != level_bytes(TextureFormat::Rgba8Srgb, width, height) {
        return Err(ImageError::invalid(format!("{} bytes for {width} x {height} pixels", pixels.len())));
    }
    Ok(Rgba { width, height, pixels })
}

/// Opaque pixels from three bytes each.
fn rgba_from_rgb(rgb: &[u8]) -> Vec<u8> {
    rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_claims_everything_is_refused() {
        for (width, height) in [(u32::MAX >> 1, u32::MAX >> 1), (1 << 20, 1), (0, 5)] {
            // Signature, then the header chunk: 8 bits RGBA. Only the header is read.
            let mut png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
            png.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
            png.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
            assert!(probe(&png, TextureSupport::default()).is_err(), "{width} x {height}");
        }
        assert_eq!(chain_bytes(TextureFormat::Rgba8Srgb, u32::MAX, u32::MAX, 32), u64::MAX);
    }
}

//! Textures: passed through as they are where readers know them, else encoded.

use crate::osgb::raw::{Image, ImageData, Pixels, text};

/// A texture for glTF.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Picture<'a> {
    /// A JPEG or PNG file, as it lies in the source.
    AsIs(&'a [u8]),
    /// A file that was made here.
    Encoded(Vec<u8>),
}

impl Picture<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::AsIs(bytes) => bytes,
            Self::Encoded(bytes) => bytes,
        }
    }

    pub(super) fn extension(&self) -> &'static str {
        if self.bytes().starts_with(&[0x89, b'P', b'N', b'G']) { "png" } else { "jpg" }
    }
}

const RGB: [i32; 2] = [0x1907, 3];
const RGBA: [i32; 2] = [0x1908, 4];
const BGR: i32 = 0x80e0;
const BGRA: i32 = 0x80e1;
const LUMINANCE: [i32; 2] = [0x1909, 1];
const DXT1: [i32; 2] = [0x83f0, 0x83f1];
const DXT3: i32 = 0x83f2;
const DXT5: i32 = 0x83f3;
/// Larger sides are refused.
const MAX_SIDE: i32 = 32_768;
/// Texels of one image.
const MAX_TEXELS: u64 = 1 << 28;
const JPEG_QUALITY: u8 = 90;

/// The picture of an image; `load` reads a file beside the source by its name.
///
/// # Errors
/// A reason in words.
pub(super) fn picture<'a>(
    image: &Image<'a>,
    load: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Picture<'a>, String> {
    match &image.data {
        ImageData::File(bytes) if is_known(bytes) => Ok(Picture::AsIs(bytes)),
        ImageData::File(bytes) => Err(unknown(bytes)),
        ImageData::External => {
            let name = text(image.file_name);
            let bytes = load(&name).map_err(|reason| format!("texture {name:?}: {reason}"))?;
            if is_known(&bytes) { Ok(Picture::Encoded(bytes)) } else { Err(unknown(&bytes)) }
        }
        ImageData::Pixels(pixels) => {
            let rgba = decode(pixels)?;
            encode(&rgba).map(Picture::Encoded)
        }
    }
}

fn is_known(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.starts_with(&[0x89, b'P', b'N', b'G'])
}

fn unknown(bytes: &[u8]) -> String {
    let kind = match bytes.get(..4).unwrap_or(bytes) {
        b"DDS " => "DDS",
        b"RIFF" => "WebP",
        [b'B', b'M', ..] => "BMP",
        [b'I', b'I', 42, 0] | [b'M', b'M', 0, 42] => "TIFF",
        b"GIF8" => "GIF",
        [] => "empty",
        _ => "unknown",
    };
    format!("a texture of {kind} format ({} bytes)", bytes.len())
}

/// Pixels, top row first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rgba {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

pub(super) fn decode(pixels: &Pixels<'_>) -> Result<Rgba, String> {
    let [s, t, r] = pixels.size;
    let fits = (1..=MAX_SIDE).contains(&s) && (1..=MAX_SIDE).contains(&t) && r <= 1;
    if !fits || i64::from(s) as u64 * i64::from(t) as u64 > MAX_TEXELS {
        return Err(format!("an image of {s} x {t} x {r} texels"));
    }
    if pixels.data_type != 0x1401 {
        return Err(format!("an image with channels of type {:#x}", pixels.data_type));
    }
    let (width, height) = (s as usize, t as usize);
    let mut out = match pixels.pixel_format {
        f if DXT1.contains(&f) => blocks(pixels.bytes, width, height, Block::Bc1)?,
        DXT3 => blocks(pixels.bytes, width, height, Block::Bc2)?,
        DXT5 => blocks(pixels.bytes, width, height, Block::Bc3)?,
        format => {
            // Legacy internal formats say the number of channels.
            let format = if format == 0 { pixels.internal_format } else { format };
            let (channels, swap) = match format {
                f if RGB.contains(&f) => (3, false),
                f if RGBA.contains(&f) => (4, false),
                f if LUMINANCE.contains(&f) => (1, false),
                BGR => (3, true),
                BGRA => (4, true),
                other => return Err(format!("an image of pixel format {other:#x}")),
            };
            rows(pixels, width, height, channels, swap)?
        }
    };
    // 0: the first row is the bottom one.
    if pixels.origin == 0 {
        let stride = width * 4;
        for row in 0..height / 2 {
            let (above, below) = out.split_at_mut((height - 1 - row) * stride);
            above[row * stride..(row + 1) * stride].swap_with_slice(&mut below[..stride]);
        }
    }
    Ok(Rgba { width: width as u32, height: height as u32, pixels: out })
}

fn rows(
    pixels: &Pixels<'_>,
    width: usize,
    height: usize,
    channels: usize,
    swap: bool,
) -> Result<Vec<u8>, String> {
    let packing = pixels.packing.clamp(1, 8) as usize;
    let stride = (width * channels).next_multiple_of(packing);
    let needed = stride * (height - 1) + width * channels;
    if pixels.bytes.len() < needed {
        return Err(format!("an image of {} bytes that needs {needed}", pixels.bytes.len()));
    }
    let mut out = Vec::with_capacity(width * height * 4);
    for row in 0..height {
        let line = &pixels.bytes[row * stride..row * stride + width * channels];
        for texel in line.chunks_exact(channels) {
            let mut rgba = match texel {
                [l] => [*l, *l, *l, 255],
                [r, g, b] => [*r, *g, *b, 255],
                [r, g, b, a] => [*r, *g, *b, *a],
                _ => [0; 4],
            };
            if swap {
                rgba.swap(0, 2);
            }
            out.extend_from_slice(&rgba);
        }
    }
    Ok(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Bc1,
    Bc2,
    Bc3,
}

/// S3TC blocks of 4 × 4 texels (Khronos Data Format 1.3, §18).
fn blocks(bytes: &[u8], width: usize, height: usize, kind: Block) -> Result<Vec<u8>, String> {
    let size = if kind == Block::Bc1 { 8 } else { 16 };
    let (columns, rows) = (width.div_ceil(4), height.div_ceil(4));
    if bytes.len() < columns * rows * size {
        return Err(format!(
            "a compressed image of {} bytes that needs {}",
            bytes.len(),
            columns * rows * size
        ));
    }
    let mut out = vec![0; width * height * 4];
    for (index, block) in bytes.chunks_exact(size).take(columns * rows).enumerate() {
        let (alpha, color) = block.split_at(size - 8);
        let texels = color_block(color, kind == Block::Bc1);
        let alphas = match kind {
            Block::Bc1 => None,
            Block::Bc2 => Some(std::array::from_fn(|i| (alpha[i / 2] >> (i % 2 * 4) & 15) * 17)),
            Block::Bc3 => Some(alpha_block(alpha)),
        };
        let (left, top) = (index % columns * 4, index / columns * 4);
        for i in 0..16 {
            let (x, y) = (left + i % 4, top + i / 4);
            if x < width && y < height {
                let mut texel = texels[i];
                if let Some(alphas) = &alphas {
                    texel[3] = alphas[i];
                }
                out[(y * width + x) * 4..][..4].copy_from_slice(&texel);
            }
        }
    }
    Ok(out)
}

fn color_block(block: &[u8], may_be_transparent: bool) -> [[u8; 4]; 16] {
    let color = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
    let (first, second) = (color(0), color(2));
    let wide = |c: u16| -> [u32; 3] {
        let (r, g, b) = (u32::from(c >> 11), u32::from(c >> 5 & 63), u32::from(c & 31));
        [r << 3 | r >> 2, g << 2 | g >> 4, b << 3 | b >> 2]
    };
    let (a, b) = (wide(first), wide(second));
    let mix = |wa: u32, wb: u32| -> [u8; 4] {
        let [r, g, b] = std::array::from_fn(|i| ((a[i] * wa + b[i] * wb) / (wa + wb)) as u8);
        [r, g, b, 255]
    };
    let palette = if first > second || !may_be_transparent {
        [mix(1, 0), mix(0, 1), mix(2, 1), mix(1, 2)]
    } else {
        [mix(1, 0), mix(0, 1), mix(1, 1), [0; 4]]
    };
    std::array::from_fn(|i| palette[usize::from(block[4 + i / 4] >> (i % 4 * 2) & 3)])
}

fn alpha_block(block: &[u8]) -> [u8; 16] {
    let (a, b) = (u32::from(block[0]), u32::from(block[1]));
    let palette: [u8; 8] = std::array::from_fn(|i| {
        let i = i as u32;
        (match (i, a > b) {
            (0, _) => a,
            (1, _) => b,
            (_, true) => ((8 - i) * a + (i - 1) * b) / 7,
            (6, false) => 0,
            (7, false) => 255,
            (_, false) => ((6 - i) * a + (i - 1) * b) / 5,
        }) as u8
    });
    let bits = block[2..8].iter().rev().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    std::array::from_fn(|i| palette[(bits >> (3 * i) & 7) as usize])
}

/// JPEG where nothing is transparent, else PNG.
pub(crate) fn encode(image: &Rgba) -> Result<Vec<u8>, String> {
    let opaque = image.pixels.as_chunks::<4>().0.iter().all(|texel| texel[3] == 255);
    let mut file = Vec::new();
    let jpeg_size = u16::try_from(image.width).ok().zip(u16::try_from(image.height).ok());
    if opaque && let Some((width, height)) = jpeg_size {
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, JPEG_QUALITY);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        let encoded = encoder.encode(&image.pixels, width, height, jpeg_encoder::ColorType::Rgba);
        encoded.map_err(|error| error.to_string())?;
    } else {
        let mut encoder = png::Encoder::new(&mut file, image.width, image.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
        writer.write_image_data(&image.pixels).map_err(|error| error.to_string())?;
        writer.finish().map_err(|error| error.to_string())?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(format: i32, size: [i32; 3], bytes: &[u8], origin: i32) -> Pixels<'_> {
        Pixels {
            origin,
            size,
            internal_format: format,
            pixel_format: format,
            data_type: 0x1401,
            packing: 1,
            bytes,
        }
    }

    #[test]
    fn rows_come_top_first() {
        let rgb = [1, 2, 3, 4, 5, 6];
        let bottom_first = decode(&pixels(0x1907, [1, 2, 1], &rgb, 0)).unwrap();
        assert_eq!(bottom_first.pixels, [4, 5, 6, 255, 1, 2, 3, 255]);
        let top_first = decode(&pixels(0x1907, [1, 2, 1], &rgb, 1)).unwrap();
        assert_eq!(top_first.pixels, [1, 2, 3, 255, 4, 5, 6, 255]);
        assert_eq!(decode(&pixels(BGRA, [1, 1, 1], &[1, 2, 3, 4], 1)).unwrap().pixels, [3, 2, 1, 4]);
    }

    #[test]
    fn compressed_blocks_are_decoded() {
        // Red and blue ends; texel i of each row has index i.
        let color = [0x00, 0xf8, 0x1f, 0x00, 0xe4, 0xe4, 0xe4, 0xe4];
        let bc1 = decode(&pixels(0x83f0, [4, 4, 1], &color, 1)).unwrap();
        assert_eq!(bc1.pixels[..16], [255, 0, 0, 255, 0, 0, 255, 255, 170, 0, 85, 255, 85, 0, 170, 255]);
        let mut bc3 = vec![255, 0, 0b0000_1000, 0, 0, 0, 0, 0];
        bc3.extend(color);
        let bc3 = decode(&pixels(0x83f3, [3, 2, 1], &bc3, 1)).unwrap();
        assert_eq!((bc3.width, bc3.height, bc3.pixels[3], bc3.pixels[7]), (3, 2, 255, 0));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            pixels(0x1907, [2, 2, 1], &[0; 11], 1),
            pixels(0x1907, [-1, 2, 1], &[0; 12], 1),
            pixels(0x1907, [i32::MAX, i32::MAX, 1], &[0; 12], 1),
            pixels(0x83f0, [5, 4, 1], &[0; 8], 1),
            pixels(0x1234, [1, 1, 1], &[0; 12], 1),
        ] {
            assert!(decode(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn opaque_becomes_jpeg_and_the_rest_png() {
        let image = |alpha| Rgba { width: 8, height: 8, pixels: [10, 20, 30, alpha].repeat(64) };
        assert!(encode(&image(255)).unwrap().starts_with(&[0xff, 0xd8, 0xff]));
        assert!(encode(&image(9)).unwrap().starts_with(&[0x89, b'P']));
    }
}

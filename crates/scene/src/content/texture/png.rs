//! PNG: all colour types and depths to eight-bit RGBA.

use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};

use super::{ImageError, rgba_from_rgb};

/// Width and height from the header chunk.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageError> {
    let u32_at =
        |at: usize| -> Option<u32> { Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    match (bytes.get(12..16), u32_at(16), u32_at(20)) {
        (Some(b"IHDR"), Some(width), Some(height)) => Ok((width, height)),
        _ => Err(ImageError::invalid("a PNG without a header chunk")),
    }
}

pub(super) fn decode(bytes: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ImageError> {
    let invalid = |e: png::DecodingError| ImageError::invalid(format!("PNG: {e}"));
    let size = width as usize * height as usize * 4;
    // Room for one raw row per interlace pass and the ancillary chunks, not for the image itself.
    let limits = Limits { bytes: (64 << 20) + width as usize * 16 };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(invalid)?;
    let needed = reader.output_buffer_size().filter(|&n| n <= size);
    let Some(needed) = needed else {
        return Err(ImageError::invalid(format!("PNG: more data than {width} x {height} pixels")));
    };
    let mut data = vec![0; needed];
    let frame = reader.next_frame(&mut data).map_err(invalid)?;
    data.truncate(frame.buffer_size());
    Ok(match frame.color_type {
        ColorType::Rgba => data,
        ColorType::Rgb => rgba_from_rgb(&data),
        ColorType::Grayscale => data.iter().flat_map(|&g| [g, g, g, 255]).collect(),
        ColorType::GrayscaleAlpha => {
            data.as_chunks::<2>().0.iter().flat_map(|&[g, a]| [g, g, g, a]).collect()
        }
        ColorType::Indexed => return Err(ImageError::invalid("PNG: a palette was not expanded")),
    })
}

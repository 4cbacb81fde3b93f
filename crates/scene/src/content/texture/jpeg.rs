//! JPEG, baseline and progressive.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{ImageError, rgba_from_rgb};

/// Width and height from the first start-of-frame marker.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageError> {
    let u16_at = |at: usize| -> Option<u32> {
        let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(u32::from(u16::from_be_bytes(two)))
    };
    let mut at = 2;
    loop {
        let (Some(0xFF), Some(&marker)) = (bytes.get(at).copied(), bytes.get(at + 1)) else {
            if bytes.get(at).is_some() {
                at += 1;
                continue;
            }
            return Err(ImageError::invalid("a JPEG without a frame header"));
        };
        match marker {
            // Fill bytes and markers without a length.
            0xFF => at += 1,
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let size = u16_at(at + 7).zip(u16_at(at + 5));
                return size.ok_or_else(|| ImageError::invalid("a JPEG that ends in its frame header"));
            }
            _ => match u16_at(at + 2) {
                Some(length) => at += 2 + length as usize,
                None => return Err(ImageError::invalid("a JPEG that ends in a marker")),
            },
        }
    }
}

pub(super) fn decode(bytes: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ImageError> {
    let rgba = decode_as(bytes, width, height, ColorSpace::RGBA);
    match rgba {
        Ok(pixels) => Ok(pixels),
        // Some source colour spaces (CMYK) convert to RGB only.
        Err(error) => match decode_as(bytes, width, height, ColorSpace::RGB) {
            Ok(rgb) => Ok(rgba_from_rgb(&rgb)),
            Err(_) => Err(error),
        },
    }
}

fn decode_as(bytes: &[u8], width: u32, height: u32, output: ColorSpace) -> Result<Vec<u8>, ImageError> {
    let invalid = |reason: String| ImageError::invalid(format!("JPEG: {reason}"));
    let options = DecoderOptions::new_fast()
        .set_max_width(width as usize)
        .set_max_height(height as usize)
        .jpeg_set_out_colorspace(output);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| invalid(e.to_string()))?;
    let info = decoder.info().ok_or_else(|| invalid("no header".into()))?;
    if (u32::from(info.width), u32::from(info.height)) != (width, height) {
        return Err(invalid(format!(
            "two frame headers: {width} x {height}, {} x {}",
            info.width, info.height
        )));
    }
    let size = width as usize * height as usize * output.num_components();
    let mut pixels = vec![0; size];
    decoder.decode_into(&mut pixels).map_err(|e| invalid(e.to_string()))?;
    Ok(pixels)
}

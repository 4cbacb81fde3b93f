//! WebP, lossy and lossless; the first frame of an animation.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::{ImageError, rgba_from_rgb};

fn open(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, ImageError> {
    WebPDecoder::new(Cursor::new(bytes)).map_err(|e| ImageError::invalid(format!("WebP: {e}")))
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageError> {
    open(bytes).map(|decoder| decoder.dimensions())
}

pub(super) fn decode(bytes: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ImageError> {
    let mut decoder = open(bytes)?;
    let pixels = width as usize * height as usize;
    let size = pixels * if decoder.has_alpha() { 4 } else { 3 };
    if decoder.output_buffer_size() != Some(size) {
        return Err(ImageError::invalid("WebP: its headers contradict each other"));
    }
    let mut data = vec![0; size];
    decoder.read_image(&mut data).map_err(|e| ImageError::invalid(format!("WebP: {e}")))?;
    Ok(if decoder.has_alpha() { data } else { rgba_from_rgb(&data) })
}

//! Images: where they lie, their size, and the texels of those that hold data (glTF 2.0 §"Images").

use bytes::Bytes;
use serde_json::Value;

use super::asset::Asset;
use crate::content::check_sides;
use crate::inspect::json::{index_below, string};
use crate::inspect::session::{Session, Unread, read_uri};

/// Texels that an image of data may have.
const MAX_TEXELS: u64 = 1 << 26;

/// Texels, row by row, `channels` bytes each.
pub(super) struct Texels {
    pub(super) channels: usize,
    pub(super) bytes: Vec<u8>,
}

/// Checks all images; gives the number of texels together.
pub(super) fn check_all(session: &mut Session<'_>, uri: &str, asset: &Asset<'_>) -> u64 {
    let mut texels = 0u64;
    let Some(images) = asset.at.get("images") else { return 0 };
    for image in images.elements() {
        let out = &mut session.out(uri);
        let (address, view) = (image.get("uri"), image.get("bufferView"));
        match (&address, &view) {
            (None, None) => {
                out.error(image, "has neither 'uri' nor 'bufferView'");
                continue;
            }
            (Some(_), Some(_)) => out.error(image, "has both 'uri' and 'bufferView'"),
            _ => {}
        }
        if let Some(address) = &address {
            string(address, out);
        }
        if let Some(view) = &view {
            index_below(view, asset.count("bufferViews"), "buffer views", out);
            if image.get("mimeType").is_none() {
                out.error(image, "an image in a buffer view needs a 'mimeType'");
            }
        }
        match read(session, uri, asset, image.value) {
            Some(Ok(bytes)) => match size(&bytes) {
                Some((width, height)) => {
                    if let Err(error) = check_sides(width, height) {
                        session.summary.undrawable += 1;
                        session.out(uri).warning(image, error.reason);
                    }
                    texels = texels.saturating_add(u64::from(width) * u64::from(height));
                }
                None => {
                    session.summary.undrawable += 1;
                    session.out(uri).warning(image, "is of no known image format");
                }
            },
            Some(Err(unread)) => {
                let place = address.as_ref().or(view.as_ref()).unwrap_or(&image);
                unread.report("the image", place, &mut session.out(uri));
            }
            None => {}
        }
    }
    texels
}

/// The encoded bytes; `None` if the reference is broken (reported elsewhere).
fn read(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    image: &Value,
) -> Option<Result<Bytes, Unread>> {
    if let Some(reference) = image.get("uri") {
        return Some(read_uri(session, uri, reference.as_str()?));
    }
    let view = usize::try_from(image.get("bufferView")?.as_u64()?).ok()?;
    asset.view(view).map(Ok)
}

/// Width and height from the header of a PNG, JPEG, WebP or KTX2 file.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let be = |at: usize| bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_be_bytes(*b));
    let le = |at: usize| bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be(16)?, be(20)?));
    }
    if bytes.starts_with(b"\xabKTX 20\xbb\r\n\x1a\n") {
        return Some((le(20)?, le(24)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        let decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).ok()?;
        return Some(decoder.dimensions());
    }
    if bytes.starts_with(&[0xFF, 0xD8]) {
        return jpeg_size(bytes);
    }
    None
}

/// The frame header of a JPEG file (ITU-T T.81 §B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let be16 = |at: usize| bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b));
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((u32::from(be16(at + 7)?), u32::from(be16(at + 5)?)));
            }
            _ => at += 2 + usize::from(be16(at + 2)?),
        }
    }
}

/// The texels of the image of a texture: `None` if a reference is broken (reported elsewhere).
pub(super) fn texels_of(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    texture: usize,
) -> Option<Result<Texels, Unread>> {
    let texture = asset.item("textures", texture)?;
    let image = asset.referred(texture, "source", "images")?;
    Some(read(session, uri, asset, image)?.and_then(|bytes| decode(&bytes)))
}

fn decode(bytes: &[u8]) -> Result<Texels, Unread> {
    match size(bytes) {
        None => return Err("it is of no known format".into()),
        Some((w, h)) if u64::from(w) * u64::from(h) > MAX_TEXELS => {
            return Err(Unread::by_choice(format!("it has {w} × {h} texels, more than are inspected")));
        }
        Some(_) => {}
    }
    if bytes.starts_with(b"\x89PNG") {
        return decode_png(bytes).map_err(|error| format!("the PNG data are broken: {error}").into());
    }
    if bytes.starts_with(&[0xFF, 0xD8]) {
        let mut decoder = zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(bytes));
        let bytes = decoder.decode().map_err(|error| format!("the JPEG data are broken: {error:?}"))?;
        let channels = decoder.output_colorspace().map_or(3, |space| space.num_components());
        return Ok(Texels { channels, bytes });
    }
    Err(Unread::by_choice("data are read from PNG and JPEG images only"))
}

fn decode_png(bytes: &[u8]) -> Result<Texels, png::DecodingError> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().ok_or(png::DecodingError::LimitsExceeded)?;
    let mut texels = vec![0; size];
    let info = reader.next_frame(&mut texels)?;
    texels.truncate(info.buffer_size());
    Ok(Texels { channels: info.color_type.samples(), bytes: texels })
}

//! GeoTIFF: heights and pictures.

use std::io::Cursor;

use glam::DVec2;
use tiff::{
    encoder::{Compression, DeflateLevel, Predictor, TiffEncoder, colortype},
    tags::Tag,
};

use super::frame::EPSG;
use crate::county_sample::{CountySampleError, skin::Picture};

/// Where a raster lies: its north-western corner (of the first pixel, not its middle) in the map plane, and its pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) north_west: DVec2,
    pub(super) pixel_m: f64,
}

/// Heights, the northernmost row first.
pub(super) fn heights(
    values: &[f32],
    width: usize,
    placement: Placement,
) -> Result<Vec<u8>, CountySampleError> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file)?.with_compression(Compression::Deflate(DeflateLevel::Fast));
    let height = values.len() / width.max(1);
    let mut image = encoder.new_image::<colortype::Gray32Float>(size(width)?, size(height)?)?;
    tags(image.encoder(), placement)?;
    image.encoder().write_tag(Tag::GdalNodata, "-9999")?;
    image.write_data(values)?;
    Ok(file.into_inner())
}

/// A picture from above.
pub(super) fn picture(picture: &Picture, placement: Placement) -> Result<Vec<u8>, CountySampleError> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file)?
        .with_compression(Compression::Deflate(DeflateLevel::Fast))
        .with_predictor(Predictor::Horizontal);
    let mut image = encoder.new_image::<colortype::RGB8>(size(picture.width)?, size(picture.height)?)?;
    tags(image.encoder(), placement)?;
    image.write_data(picture.rgb.as_flattened())?;
    Ok(file.into_inner())
}

fn size(pixels: usize) -> Result<u32, CountySampleError> {
    u32::try_from(pixels).map_err(|_| CountySampleError::TooLarge(pixels))
}

fn tags<W: std::io::Write + std::io::Seek, K: tiff::encoder::TiffKind>(
    directory: &mut tiff::encoder::DirectoryEncoder<'_, W, K>,
    placement: Placement,
) -> Result<(), CountySampleError> {
    directory.write_tag(Tag::ModelPixelScaleTag, [placement.pixel_m, placement.pixel_m, 0.0].as_slice())?;
    let corner = [0.0, 0.0, 0.0, placement.north_west.x, placement.north_west.y, 0.0];
    directory.write_tag(Tag::ModelTiepointTag, corner.as_slice())?;
    let citation = "CGCS2000 / 3-degree Gauss-Kruger CM 120E|";
    let keys: [u16; 24] = [
        // Version, revision, and how many keys follow.
        1,
        1,
        0,
        5, //
        1024,
        0,
        1,
        1, // A projected system,
        1025,
        0,
        1,
        1, // pixels are areas,
        1026,
        34737,
        citation.len() as u16,
        0, //
        3072,
        0,
        1,
        EPSG, //
        3076,
        0,
        1,
        9001, // in metres.
    ];
    directory.write_tag(Tag::GeoKeyDirectoryTag, keys.as_slice())?;
    directory.write_tag(Tag::GeoAsciiParamsTag, citation)?;
    Ok(())
}

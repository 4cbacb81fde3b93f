//! KTX2: Basis Universal transcoded to what the GPU samples, plain block-compressed levels passed through.

use super::{ImageError, ImageInfo};
use crate::content::TextureSupport;

pub(super) fn probe(_bytes: &[u8], _support: TextureSupport) -> Result<ImageInfo, ImageError> {
    Err(ImageError::unsupported("KTX2"))
}

pub(super) fn decode(_bytes: &[u8], _info: &ImageInfo) -> Result<Vec<Vec<u8>>, ImageError> {
    Err(ImageError::unsupported("KTX2"))
}

//! Image bytes: embedded, `data:`, or a file beside the model.

use bytes::Bytes;

use super::data_uri;
use super::document::Document;
use super::material;
use crate::content::{ContentError, ContentErrorKind};

impl Document {
    /// The encoded bytes of image `index`.
    ///
    /// # Errors
    /// No such image, outside its buffer view, or its file was not supplied.
    pub fn image(&self, index: usize) -> Result<Bytes, ContentError> {
        let place = format!("/images/{index}");
        let Some(image) = self.json.images.get(index) else {
            return Err(self.invalid(place, format!("image {index} of {}", self.json.images.len())));
        };
        if let Some(view) = image.buffer_view {
            return self.buffer_view_bytes(view.value());
        }
        let Some(uri) = &image.uri else {
            return Err(self.invalid(place, "neither bufferView nor uri"));
        };
        if let Some(data) = data_uri::decode(uri) {
            return data.map_err(|reason| self.invalid(format!("{place}/uri"), reason));
        }
        self.resource(uri).cloned().ok_or_else(|| {
            self.error(
                ContentErrorKind::MissingResource,
                format!("{place}/uri"),
                format!("the file is missing: {uri}"),
            )
        })
    }

    /// The bytes of the first image of a texture that is there; `None` if the texture names none.
    pub(super) fn image_of_texture(&self, texture: usize) -> Result<Option<Bytes>, ContentError> {
        let mut error = None;
        for image in material::image_candidates(self, texture) {
            match self.image(image) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(e) => error = Some(e),
            }
        }
        error.map_or(Ok(None), Err)
    }
}

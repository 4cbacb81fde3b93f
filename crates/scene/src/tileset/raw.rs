//! What a `tileset.json` says (3D Tiles 1.0 and 1.1).
/// A parsed `tileset.json`; tiles are flat.
#[derive(Clone, Debug)]
pub struct RawTileset {}
impl RawTileset {
    /// Parses a `tileset.json` of at most `max_bytes`-like limits; `file` is only named in messages.
    pub fn parse(
        _bytes: &[u8],
        _file: &str,
    ) -> Result<(Self, Vec<crate::content::Warning>), crate::content::ContentError> {
        todo!()
    }
}

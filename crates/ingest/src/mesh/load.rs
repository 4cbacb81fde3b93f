//! The bytes of a source file as OSGB, whatever its form.

use std::path::Path;

use super::source;
use crate::obj::{self, ObjLimits};

/// An OBJ file may be longer than an OSGB file: it is the whole model, as text.
const MAX_OBJ_BYTES: u64 = 4 << 30;
/// Material libraries.
const MAX_MTL_BYTES: u64 = 64 << 20;

/// A source file.
pub(super) struct Loaded {
    /// Its bytes as OSGB.
    pub(super) osgb: Vec<u8>,
    /// How many bytes it had.
    pub(super) source_bytes: u64,
}

/// Reads a source file; OBJ is turned into OSGB.
///
/// # Errors
/// A reason in words.
pub(super) fn load(path: &Path, delivery: &Path, max_bytes: u64) -> Result<Loaded, String> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("obj")) {
        let osgb = source::read(path, max_bytes)?;
        let source_bytes = osgb.len() as u64;
        return Ok(Loaded { osgb, source_bytes });
    }
    let bytes = source::read(path, MAX_OBJ_BYTES)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut beside = |name: &Path| {
        let path = source::existing(&source::resolve(delivery, folder, name.to_str()?).ok()?)?;
        source::read(&path, MAX_MTL_BYTES).ok()
    };
    let osgb = obj::osgb_of(&bytes, &ObjLimits::default(), &mut beside).map_err(|error| error.to_string())?;
    Ok(Loaded { osgb, source_bytes: bytes.len() as u64 })
}

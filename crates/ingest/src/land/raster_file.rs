//! Raster files with what lies beside them: world files and `.prj`.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use super::LandError;
use crate::{
    place::StatedPlace,
    raster::{GeoTiff, GeoTransform, RasterError},
};

/// Longer texts are none.
const MAX_TEXT_BYTES: u64 = 1 << 16;

pub(super) type RasterFile = GeoTiff<BufReader<File>>;

/// Opens a GeoTIFF, placed by its tags or by a world file.
pub(super) fn open(path: &Path) -> Result<RasterFile, LandError> {
    let file = File::open(path).map_err(|source| LandError::Unreadable { path: path.to_owned(), source })?;
    let mut tiff = GeoTiff::open(BufReader::new(file)).map_err(LandError::raster(path))?;
    if tiff.info().transform.is_none() {
        let world = ["tfw", "tifw", "tiffw", "wld", "TFW"].iter().find_map(|extension| {
            GeoTransform::from_world_file(&text(&path.with_extension(extension))?).ok()
        });
        match world {
            Some(transform) => tiff.place(transform),
            None => {
                let reason =
                    "a raster without a place: neither tags nor a world file (.tfw) say where it lies";
                return Err(LandError::raster(path)(RasterError::Unsupported(reason.into())));
            }
        }
    }
    Ok(tiff)
}

/// What a raster says about its place.
pub(super) fn stated(path: &Path, tiff: &RasterFile) -> StatedPlace {
    let mut stated = tiff.info().keys.as_ref().map(StatedPlace::of_keys).unwrap_or_default();
    if stated.crs.is_none() {
        let prj = ["prj", "PRJ"].iter().find_map(|extension| text(&path.with_extension(extension)));
        stated.crs = prj.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    stated
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_TEXT_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The rasters in a path, by name: a file itself, or those of a folder and the folders in it.
pub(super) fn list(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    const MAX_DEPTH: u32 = 4;
    const MAX_FILES: usize = 100_000;
    fn walk(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() && depth < MAX_DEPTH {
                walk(&path, depth + 1, found)?;
            } else if path.extension().and_then(|e| e.to_str()).is_some_and(is_tiff) {
                if found.len() >= MAX_FILES {
                    return Err(std::io::Error::other(format!("more than {MAX_FILES} rasters")));
                }
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    if fs::metadata(path)?.is_file() {
        found.push(path.to_owned());
    } else {
        walk(path, 0, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn is_tiff(extension: &str) -> bool {
    extension.eq_ignore_ascii_case("tif") || extension.eq_ignore_ascii_case("tiff")
}

//! Importing meshes: what comes out, on made deliveries and a real one.

mod cover;
pub(crate) mod made;
mod results;
mod resume;
mod town;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use geodesy::crs::HeightDatum;
use ingest::mesh::{MeshError, MeshOptions, MeshReport, MeshRequest, Silent, import, plan};
use scene::inspect::{self, Options, Report, Severity};
use serde_json::Value;

pub(crate) fn request(path: &Path) -> MeshRequest {
    MeshRequest { path: path.to_owned(), heights: Some(HeightDatum::Ellipsoidal), ..MeshRequest::default() }
}

fn run(path: &Path, survey: &Path, options: &MeshOptions) -> Result<MeshReport, MeshError> {
    import(&plan(&request(path))?, survey, options, &Silent)
}

/// Inspects a tileset and wants nothing wrong with it.
pub(crate) fn inspect(folder: &Path) -> Report {
    let root = folder.to_owned();
    let mut files = move |uri: &str| {
        let path = store::decoded_path(uri).ok_or_else(|| "no path".to_owned())?;
        fs::read(root.join(path)).map(Bytes::from).map_err(|error| error.to_string())
    };
    let report = inspect::inspect_tileset("tileset.json", &mut files, &Options::default());
    let bad =
        report.count(Severity::Error) + report.count(Severity::Warning) + report.count(Severity::NotChecked);
    assert_eq!(bad, 0, "{report}");
    report
}

/// Every file below a folder with its bytes.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A tile of a tileset on disk, external tilesets followed.
pub(crate) struct Tile {
    json: Value,
    /// Folder that its content is relative to.
    folder: PathBuf,
    pub(crate) children: Vec<Tile>,
}

impl Tile {
    pub(crate) fn read(tileset: &Path) -> Self {
        let json: Value = serde_json::from_slice(&fs::read(tileset).unwrap()).unwrap();
        Self::of(&json["root"], tileset.parent().unwrap())
    }

    fn of(json: &Value, folder: &Path) -> Self {
        if let Some(uri) = json["content"]["uri"].as_str().filter(|uri| uri.ends_with(".json")) {
            return Self::read(&folder.join(store::decoded_path(uri).unwrap()));
        }
        let children = json["children"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            json: json.clone(),
            folder: folder.to_owned(),
            children: children.iter().map(|child| Self::of(child, folder)).collect(),
        }
    }

    fn error(&self) -> f64 {
        self.json["geometricError"].as_f64().unwrap()
    }

    fn content(&self) -> Option<PathBuf> {
        Some(self.folder.join(store::decoded_path(self.json["content"]["uri"].as_str()?).unwrap()))
    }

    fn all(&self) -> Vec<&Tile> {
        let mut list = vec![self];
        list.extend(self.children.iter().flat_map(Tile::all));
        list
    }
}

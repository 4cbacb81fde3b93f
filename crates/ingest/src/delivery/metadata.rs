//! What the metadata of a delivery says about its place.

use std::path::{Path, PathBuf};

use super::xml::{self, Element};

/// Coordinate system and origin, as a delivery states them.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The file.
    pub path: PathBuf,
    /// Which program's form it has.
    pub form: MetadataForm,
    /// The coordinate system as text: a code, WKT, `ENU:lat,lon`; `None` if the file names none.
    pub srs: Option<String>,
    /// Origin of the model in that system: easting, northing, height (or longitude, latitude, height).
    pub origin: [f64; 3],
    /// What was assumed.
    pub notes: Vec<String>,
}

/// Whose metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataForm {
    /// `metadata.xml` with `ModelMetadata`: ContextCapture, Smart3D, newer DJI Terra and others.
    ModelMetadata,
    /// DJI Terra's own (`production_meta.xml`).
    DjiTerra,
    /// Metashape's (`doc.xml`).
    Metashape,
    /// A coordinate system alone (`.prj`), with vertices that are coordinates.
    Prj,
}

/// Files that may hold it, in order of preference.
const NAMES: &[&str] =
    &["metadata.xml", "production_meta.xml", "productionmeta.xml", "mission.xml", "config.xml", "doc.xml"];
/// Longer files are no metadata.
const MAX_BYTES: u64 = 4 << 20;

/// Finds and reads the metadata that belongs to `folder`; `None` if there is none. Problems of files that look like
/// metadata but cannot be read are appended to `notes`.
pub(super) fn find(folder: &Path, notes: &mut Vec<String>) -> Option<Metadata> {
    let Ok(entries) = std::fs::read_dir(folder) else { return None };
    let mut candidates: Vec<(usize, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_ascii_lowercase();
            let known = NAMES.iter().position(|known| *known == name);
            let rank = known.or_else(|| name.ends_with(".xml").then_some(NAMES.len()))?;
            Some((rank, path))
        })
        .collect();
    candidates.sort();
    for (rank, path) in candidates {
        match read(&path) {
            Ok(Some(metadata)) => return Some(metadata),
            Err(reason) if rank < NAMES.len() => notes.push(format!("{}: {reason}", path.display())),
            _ => {}
        }
    }
    prj(folder)
}

/// The coordinate system of the only `.prj` in a folder.
fn prj(folder: &Path) -> Option<Metadata> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("prj")))
        .collect();
    found.sort();
    let [path] = found.as_slice() else { return None };
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let srs = xml::decode(&std::fs::read(path).ok()?).trim().to_owned();
    (!srs.is_empty()).then(|| Metadata {
        path: path.clone(),
        form: MetadataForm::Prj,
        srs: Some(srs),
        origin: [0.0; 3],
        notes: vec!["a .prj names no origin: vertices are taken for coordinates".to_owned()],
    })
}

fn read(path: &Path) -> Result<Option<Metadata>, String> {
    let length = path.metadata().map_err(|e| e.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("{length} bytes are no metadata"));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    parse(path, &bytes)
}

/// Reads metadata in any of the known forms; `None` if the file says nothing about a place.
///
/// # Errors
/// A file that is no XML, or names a place that makes no sense.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Option<Metadata>, String> {
    let root = xml::parse(&xml::decode(bytes))?;
    model_metadata(path, &root)
        .or_else(|| dji_terra(path, &root))
        .or_else(|| metashape(path, &root))
        .transpose()
}

/// `SRS` and `SRSOrigin`.
fn model_metadata(path: &Path, root: &Element) -> Option<Result<Metadata, String>> {
    let srs = root.find("SRS").map(|e| e.text.clone()).filter(|text| !text.is_empty());
    let origin = root.find("SRSOrigin");
    if srs.is_none() && origin.is_none() {
        return None;
    }
    let mut notes = Vec::new();
    let origin = match origin.map(|e| e.text.as_str()).filter(|text| !text.is_empty()) {
        Some(text) => match numbers(text) {
            Some(origin) => origin,
            None => return Some(Err(format!("SRSOrigin {text:?} is not three numbers"))),
        },
        None => {
            notes.push("no SRSOrigin: the model's coordinates are taken as they are".to_owned());
            [0.0; 3]
        }
    };
    Some(Ok(Metadata { path: path.to_owned(), form: MetadataForm::ModelMetadata, srs, origin, notes }))
}

/// `Center` with attributes, or `center_longitude` and the like.
fn dji_terra(path: &Path, root: &Element) -> Option<Result<Metadata, String>> {
    let of_attributes = |element: &Element| {
        let any = |names: &[&str]| names.iter().find_map(|n| element.attribute(n)).map(str::to_owned);
        Some((any(&["longitude", "lon"])?, any(&["latitude", "lat"])?, any(&["altitude", "height", "alt"])))
    };
    let of_children = |element: &Element| {
        let text = |name: &str| element.find(name).map(|e| e.text.clone());
        Some((text("longitude")?, text("latitude")?, text("altitude").or_else(|| text("height"))))
    };
    let flat = || {
        let text = |name: &str| root.find(name).map(|e| e.text.clone());
        Some((text("center_longitude")?, text("center_latitude")?, text("center_altitude")))
    };
    let (lon, lat, height) = ["Center", "Origin", "position"]
        .iter()
        .filter_map(|name| root.find(name))
        .find_map(|element| of_attributes(element).or_else(|| of_children(element)))
        .or_else(flat)?;
    Some(tangent(path, MetadataForm::DjiTerra, &lon, &lat, height.as_deref()))
}

/// A `reference` with `x` and `y` that belongs to the model, not to a camera or marker.
fn metashape(path: &Path, root: &Element) -> Option<Result<Metadata, String>> {
    fn search(element: &Element) -> Option<&Element> {
        element.children.iter().find_map(|child| match child.name.to_ascii_lowercase().as_str() {
            "camera" | "cameras" | "marker" | "markers" | "scalebars" => None,
            "reference" if child.attribute("x").is_some() && child.attribute("y").is_some() => Some(child),
            _ => search(child),
        })
    }
    let reference = search(root)?;
    let (x, y) = (reference.attribute("x")?, reference.attribute("y")?);
    Some(tangent(path, MetadataForm::Metashape, x, y, reference.attribute("z")))
}

fn tangent(
    path: &Path,
    form: MetadataForm,
    lon: &str,
    lat: &str,
    height: Option<&str>,
) -> Result<Metadata, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let place = number(lon).zip(number(lat)).filter(|(lon, lat)| lon.abs() <= 180.0 && lat.abs() <= 90.0);
    let Some((lon, lat)) = place else {
        return Err(format!("{lon:?}, {lat:?} is no longitude and latitude"));
    };
    let height_m = height.and_then(number).unwrap_or(0.0);
    Ok(Metadata {
        path: path.to_owned(),
        form,
        srs: Some(format!("ENU:{lat},{lon}")),
        origin: [0.0, 0.0, height_m],
        notes: vec![format!(
            "the file names only a centre: the model is taken to stand in the tangent plane at {lat}, {lon}"
        )],
    })
}

/// Two or three numbers, separated by commas, semicolons or spaces of any width.
fn numbers(text: &str) -> Option<[f64; 3]> {
    let parts: Vec<f64> = text
        .split(|c: char| matches!(c, ',' | ';' | '，' | '；') || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<f64>().ok().filter(|n| n.is_finite()))
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [x, y] => Some([*x, *y, 0.0]),
        [x, y, z] => Some([*x, *y, *z]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Metadata {
        parse(Path::new("metadata.xml"), text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn every_way_of_writing_a_wkt_gives_the_same_text() {
        let plain = r#"PROJCS["x & y",UNIT["metre",1]]"#;
        for srs in [
            r#"PROJCS[&quot;x &amp; y&quot;,UNIT[&#34;metre&#x22;,1]]"#,
            r#"<![CDATA[PROJCS["x & y",UNIT["metre",1]]]]>"#,
            "\n  PROJCS[\"x &amp; y\",UNIT[\"metre\",1]]\n ",
        ] {
            let found = read(&format!(
                "<?xml version=\"1.0\"?>\n<!-- c --><ModelMetadata version=\"1\"><SRS>{srs}</SRS><!--x-->\
                 <SRSOrigin>1, -2.5 ,3e2</SRSOrigin><Texture><ColorSource>Visible</ColorSource></Texture></ModelMetadata>"
            ));
            assert_eq!(found.srs.as_deref(), Some(plain));
            assert_eq!((found.origin, found.form), ([1.0, -2.5, 300.0], MetadataForm::ModelMetadata));
        }
    }

    #[test]
    fn old_encodings_and_missing_parts_are_read() {
        let text = "<?xml version=\"1.0\" encoding=\"GB2312\"?><ModelMetadata><!--坐标--><SRS>EPSG:4547</SRS>\
                    <SRSOrigin>500000，3000000</SRSOrigin><备注>某村</备注></ModelMetadata>";
        let (bytes, _, _) = encoding_rs::GBK.encode(text);
        let found = parse(Path::new("x"), &bytes).unwrap().unwrap();
        assert_eq!((found.srs.as_deref(), found.origin), (Some("EPSG:4547"), [500_000.0, 3_000_000.0, 0.0]));
        let no_origin = read("<m:ModelMetadata xmlns:m='x'><m:SRS>ENU:27.1,119.9</m:SRS></m:ModelMetadata>");
        assert_eq!((no_origin.origin, no_origin.notes.len()), ([0.0; 3], 1));
        let utf16: Vec<u8> = std::iter::once(0xfeff)
            .chain("<M><SRS>EPSG:4547</SRS></M>".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(parse(Path::new("x"), &utf16).unwrap().is_some());
    }

    #[test]
    fn other_programs_name_a_centre() {
        for text in [
            r#"<Production><Center longitude="119.9" latitude="27.2" altitude="50.5"/></Production>"#,
            "<P><center_longitude>119.9</center_longitude><center_latitude>27.2</center_latitude>\
             <center_altitude>50.5</center_altitude></P>",
        ] {
            let found = read(text);
            assert_eq!((found.form, found.srs.as_deref()), (MetadataForm::DjiTerra, Some("ENU:27.2,119.9")));
            assert_eq!(found.origin, [0.0, 0.0, 50.5]);
        }
        let doc = read(
            r#"<document><chunk><cameras><camera><reference x="1" y="2" z="3"/></camera></cameras>
               <reference x="119.9" y="27.2" z="50.5"/></chunk></document>"#,
        );
        assert_eq!((doc.form, doc.srs.as_deref()), (MetadataForm::Metashape, Some("ENU:27.2,119.9")));
    }

    #[test]
    fn what_is_no_metadata_is_no_metadata() {
        assert_eq!(parse(Path::new("x"), b"<html><body>hello</body></html>"), Ok(None));
        for bad in [
            "",
            "nothing",
            "<SRS",
            "<M><SRSOrigin>a,b</SRSOrigin></M>",
            "<P><Center longitude='500' latitude='1'/></P>",
        ] {
            assert!(parse(Path::new("x"), bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

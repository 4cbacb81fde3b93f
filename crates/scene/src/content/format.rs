//! Telling formats apart by their first bytes.

use serde::{Deserialize, de::IgnoredAny};

/// What a content is, as its bytes say; file names are not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Batched 3D Model.
    B3dm,
    /// Instanced 3D Model.
    I3dm,
    /// Point Cloud.
    Pnts,
    /// Composite.
    Cmpt,
    /// Binary glTF.
    Glb,
    /// glTF as JSON.
    GltfJson,
    /// An external tileset.
    TilesetJson,
    /// A known format that Hamlet does not read: its name.
    Unsupported(&'static str),
    /// Nothing known: the first bytes, readable.
    Unknown(String),
}

/// Looks at the first bytes, and for JSON at the names of the top-level members.
pub fn format(bytes: &[u8]) -> Format {
    match bytes.first_chunk::<4>() {
        Some(b"b3dm") => return Format::B3dm,
        Some(b"i3dm") => return Format::I3dm,
        Some(b"pnts") => return Format::Pnts,
        Some(b"cmpt") => return Format::Cmpt,
        Some(b"glTF") => return Format::Glb,
        Some(b"vctr") => return Format::Unsupported("vctr (vector tile)"),
        Some(b"geom") => return Format::Unsupported("geom (geometry tile)"),
        Some(b"subt") => return Format::Unsupported("subt (subtree of implicit tiling, not a content)"),
        Some(b"voxl") => return Format::Unsupported("voxl (voxel tile)"),
        _ => {}
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Format::Unsupported("gzip (should have been decompressed by the source)");
    }
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return json_format(json);
    }
    let head = bytes.get(..4).unwrap_or(bytes);
    Format::Unknown(head.escape_ascii().to_string())
}

#[derive(Deserialize)]
struct TopLevel {
    root: Option<IgnoredAny>,
    #[serde(rename = "geometricError")]
    geometric_error: Option<IgnoredAny>,
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
    asset: Option<IgnoredAny>,
}

fn json_format(json: &[u8]) -> Format {
    let Ok(top) = serde_json::from_slice::<TopLevel>(json) else {
        // The glTF reader says what is wrong with the text.
        return Format::GltfJson;
    };
    let geojson = ["FeatureCollection", "Feature", "GeometryCollection", "Point", "LineString", "Polygon"];
    match top.kind.as_ref().and_then(serde_json::Value::as_str) {
        Some(kind) if geojson.contains(&kind) || kind.starts_with("Multi") => Format::Unsupported("GeoJSON"),
        _ if top.root.is_some() && (top.geometric_error.is_some() || top.asset.is_some()) => {
            Format::TilesetJson
        }
        _ if top.asset.is_some() => Format::GltfJson,
        _ => Format::Unknown("{ (JSON that is neither a glTF nor a tileset)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_bytes() {
        assert_eq!(format(b"b3dm\x01\0\0\0"), Format::B3dm);
        assert_eq!(format(b"glTF\x02\0\0\0"), Format::Glb);
        assert_eq!(format(b"\xef\xbb\xbf {\"asset\":{\"version\":\"2.0\"}}"), Format::GltfJson);
        assert_eq!(format(b"{\"asset\":{},\"root\":{},\"geometricError\":1}"), Format::TilesetJson);
        assert_eq!(
            format(b"{\"type\":\"FeatureCollection\",\"features\":[]}"),
            Format::Unsupported("GeoJSON")
        );
        assert_eq!(format(b"abcd"), Format::Unknown("abcd".into()));
        assert_eq!(format(b""), Format::Unknown(String::new()));
        assert!(matches!(format(b"vctr1234"), Format::Unsupported(name) if name.starts_with("vctr")));
    }
}

//! What vector data are about, where nobody says.

use super::schema::{Finder, LayerKind};
use crate::{
    subject::{GridKind, Subject},
    table::columns::folded,
    vector::{Geometry, VectorData},
};

/// Names of files and columns that say what kind a grid is.
const GRID_WORDS: [(GridKind, &[&str]); 3] = [
    (GridKind::Police, &["police", "警务", "公安", "jw"]),
    (GridKind::Governance, &["governance", "综治", "治理", "社会治理", "zz"]),
    (GridKind::Epidemic, &["epidemic", "防疫", "疫情", "fy"]),
];

/// The subject, and why.
pub fn guess(data: &VectorData) -> Option<(Subject, String)> {
    let stem = folded(data.file.rsplit_once('.').map_or(data.file.as_str(), |(stem, _)| stem));
    let sample: Vec<_> = data.features.iter().take(200).collect();
    let mut columns: Vec<String> =
        sample.iter().flat_map(|feature| feature.properties.iter().map(|(name, _)| folded(name))).collect();
    columns.sort();
    columns.dedup();
    let says = |words: &[&str]| words.iter().any(|word| stem.contains(&folded(word)));
    let has = |words: &[&str]| words.iter().any(|word| columns.iter().any(|column| column == word));
    let geometry = sample.iter().find_map(|feature| feature.geometry.as_ref());
    let count = |kind: LayerKind| Finder::new(kind.fields(), &[]).map_or(0, |finder| finder.count(&columns));
    let by_columns = |what: &str| format!("its columns look like {what}");
    match geometry {
        Some(Geometry::Lines(_)) => Some((Subject::Roads, "its features are lines".to_owned())),
        Some(Geometry::Points(_)) => {
            let is_camera = says(&["camera", "监控", "摄像", "视频"])
                || has(&["stream", "rtsp", "headingdeg", "方位角", "视场角", "俯仰角", "取流地址"]);
            if is_camera {
                return Some((Subject::Cameras, by_columns("those of cameras")));
            }
            if says(&["place", "poi", "场所", "单位"]) || count(LayerKind::Places) >= 2 {
                return Some((Subject::Places, by_columns("those of places")));
            }
            None
        }
        Some(Geometry::Polygons(_)) => {
            let grid = GRID_WORDS.into_iter().find(|(_, words)| says(words));
            if let Some((kind, _)) = grid.filter(|_| says(&["grid", "网格", "wg", "警务区"])) {
                return Some((Subject::Grids(kind), format!("its name says so: {}", data.file)));
            }
            let is_building = says(&["building", "footprint", "房屋", "建筑", "fw", "jzw", "pand"])
                || has(&["building", "cs", "楼层", "层数", "floors", "jg", "结构", "buildinglevels"]);
            if is_building {
                return Some((Subject::Buildings, by_columns("those of footprints")));
            }
            let has_codes = sample.iter().any(|feature| {
                feature.properties.iter().any(|(_, value)| {
                    value.as_str().is_some_and(|t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit()))
                })
            });
            if says(&["village", "村界", "村", "社区", "cj", "xzq"]) || has_codes && !says(&["grid", "网格"])
            {
                return Some((Subject::Villages, "its areas have codes of twelve digits".to_owned()));
            }
            None
        }
        None => {
            (count(LayerKind::Villages) >= 2).then(|| (Subject::Villages, by_columns("a list of villages")))
        }
    }
}

use std::collections::BTreeMap;

use bytes::Bytes;
use geodesy::{
    Geodetic, ecef_from_geodetic, geodetic_from_ecef,
    glam::{DMat4, DVec3, Vec3},
};
use ingest::points::{
    CloudInfo, MemorySpill, PointBatch, PointSource, PointTilesError, PointTilesOptions, PointTilesReport,
    PointsError, Reproject, write_point_tiles,
};
use proptest::prelude::*;
use scene::{
    content,
    inspect::{self, Options, Severity},
    tileset::{RawTileset, Tree, TreeLimits},
};

use super::{all, data, las};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Points in memory.
struct Made {
    info: CloudInfo,
    points: Vec<PointBatch>,
}

impl Made {
    fn new(positions: &[[f64; 3]], per_batch: usize) -> Self {
        let points = positions
            .chunks(per_batch)
            .map(|positions| PointBatch {
                positions: positions.to_vec(),
                colors: positions.iter().map(|p| [(p[0] as u16) << 8, 20_000, 65_535]).collect(),
                ..PointBatch::default()
            })
            .rev()
            .collect();
        Self { info: CloudInfo { has_colors: true, ..CloudInfo::default() }, points }
    }
}

impl PointSource for Made {
    fn info(&self) -> &CloudInfo {
        &self.info
    }
    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError> {
        *batch = self.points.pop().unwrap_or_default();
        Ok(())
    }
}

fn written(
    source: &mut dyn PointSource,
    reproject: Option<&mut Reproject<'_>>,
    options: &PointTilesOptions,
) -> Result<(Files, PointTilesReport), PointTilesError> {
    let mut files = Files::new();
    let mut spill = MemorySpill::default();
    let report = write_point_tiles(&mut [source], reproject, &mut spill, options, &mut |path, bytes| {
        assert!(files.insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} twice");
        Ok(())
    })?;
    Ok((files, report))
}

/// The report of a tileset in which there is nothing wrong.
pub(crate) fn inspected(files: &Files) -> inspect::Report {
    let mut source = |uri: &str| {
        files.get(uri).map(|bytes| Bytes::from(bytes.clone())).ok_or_else(|| format!("there is no {uri}"))
    };
    let report = inspect::inspect_tileset("tileset.json", &mut source, &Options::default());
    let bad = report.problems.iter().filter(|p| matches!(p.severity, Severity::Error | Severity::Warning));
    let bad: Vec<_> = bad.map(|p| format!("{} {}: {}", p.file, p.place, p.reason)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    report
}

/// Positions and colours of all points of all tiles, in the world.
fn shown(files: &Files) -> Vec<(DVec3, Option<[u8; 4]>)> {
    let (raw, _) = RawTileset::parse(&files["tileset.json"], "tileset.json").unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    let (root, _) = tree.add_root(&raw, "tileset.json", &DMat4::IDENTITY).unwrap();
    let world_from_tile = *tree.get(root).unwrap().world_from_tile();
    let mut points = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".glb")) {
        let (decoded, warnings) =
            content::decode(&Bytes::from(bytes.clone()), &crate::context(path)).unwrap();
        assert_eq!(warnings, vec![], "{path}");
        for primitive in &decoded.primitives {
            for (index, position) in primitive.positions.iter().enumerate() {
                let at = primitive.content_from_primitive.transform_point3(Vec3::from(*position).as_dvec3());
                let color = primitive.colors.as_ref().map(|colors| colors[index]);
                points.push((world_from_tile.transform_point3(at), color));
            }
        }
    }
    points
}

fn places(shown: &[(DVec3, Option<[u8; 4]>)]) -> Vec<DVec3> {
    shown.iter().map(|(place, _)| *place).collect()
}

fn vectors(points: &[[f64; 3]]) -> Vec<DVec3> {
    points.iter().map(|p| DVec3::from_array(*p)).collect()
}

/// As many points are shown as there are, each near one of them and the other way round, within a distance along each
/// axis. (Which is which cannot be told where points are closer to each other than they are moved.)
fn assert_same(shown: &[DVec3], wanted: &[DVec3], tolerance_m: f64) {
    assert_eq!(shown.len(), wanted.len());
    let cell_m = (2.0 * tolerance_m).max(0.25);
    let key = |p: DVec3| (p / cell_m).floor().as_i64vec3().to_array();
    let sorted = |points: &[DVec3]| {
        let mut cells: BTreeMap<[i64; 3], Vec<DVec3>> = BTreeMap::new();
        points.iter().for_each(|p| cells.entry(key(*p)).or_default().push(*p));
        cells
    };
    for (points, others) in [(shown, sorted(wanted)), (wanted, sorted(shown))] {
        for p in points {
            let corners = (0..8u32)
                .map(|k| DVec3::new((k & 1).into(), (k >> 1 & 1).into(), (k >> 2).into()) * 2.0 - 1.0);
            let near =
                corners.map(|corner| key(*p + corner * tolerance_m)).flat_map(|id| others.get(&id)).flatten();
            let off = near.map(|q| (*q - *p).abs().max_element()).fold(f64::INFINITY, f64::min);
            assert!(off <= tolerance_m, "{p} is {off} m off");
        }
    }
}

/// A rough surface of points with a tower.
fn terrain(count: u32, extent_m: f64) -> Vec<[f64; 3]> {
    let side = f64::from(count).sqrt();
    (0..count)
        .map(|k| {
            let (x, y) =
                (f64::from(k) % side / side * extent_m, (f64::from(k) / side).floor() / side * extent_m);
            let z = 5.0 * (x * 0.1).sin() + if k % 97 == 0 { f64::from(k % 1000) * 0.05 } else { 0.0 };
            [x, y + f64::from(k % 7) * 0.003, z]
        })
        .collect()
}

#[test]
fn every_point_is_shown_once_and_where_it_was() {
    let points = terrain(300_000, 200.0);
    let options = PointTilesOptions { max_bytes: 16 << 20, ..PointTilesOptions::default() };
    let (files, report) = written(&mut Made::new(&points, 10_000), None, &options).unwrap();
    assert_eq!((report.points, report.left_out), (300_000, 0));
    assert!(report.levels >= 3 && report.tiles > 20, "{report:?}");
    let inspection = inspected(&files);
    assert_eq!(inspection.summary.total().points, 300_000);
    let shown = shown(&files);
    assert!(shown.iter().all(|(_, color)| color.is_some_and(|c| c[2] == 255)));
    // Half a step, and half a millimetre for setting aside.
    assert_same(&places(&shown), &vectors(&points), 0.0056);
}

#[test]
fn neither_threads_nor_budget_nor_batches_change_the_points() {
    let points = terrain(120_000, 90.0);
    let run = |threads, options: &PointTilesOptions, per_batch| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&mut Made::new(&points, per_batch), None, options).unwrap())
    };
    let options = PointTilesOptions { max_bytes: 48 << 20, ..PointTilesOptions::default() };
    let one = run(1, &options, 65_536);
    assert!(one == run(3, &options, 65_536), "threads");
    assert!(one == run(1, &options, 999), "batches");
    let (files, report) = run(2, &PointTilesOptions { max_bytes: 1 << 20, ..options }, 999);
    assert_eq!(report.points, one.1.points);
    assert_eq!(inspected(&files).summary.total().points, 120_000);
}

/// A transverse map of my own making: curved, turned and scaled, as maps are.
fn ecef_from_map(points: &mut [[f64; 3]]) {
    for point in points {
        let [x, y, z] = *point;
        let (lon, lat) = (119.9 + x / 98_000.0 * (1.0 + y * 1e-7), 27.2 + (y - 0.01 * x) / 111_000.0);
        *point = ecef_from_geodetic(Geodetic::from_degrees(lon, lat, z * 0.3048)).to_array();
    }
}

#[test]
fn reprojected_points_are_within_a_millimetre_of_exact() {
    // Over 3 km, in feet, with what no reprojection takes.
    let mut points: Vec<[f64; 3]> = terrain(60_000, 3000.0);
    points.push([f64::NAN, 0.0, 0.0]);
    let mut reproject = ecef_from_map;
    let options = PointTilesOptions { step_m: 0.001, ..PointTilesOptions::default() };
    let (files, report) = written(&mut Made::new(&points, 7000), Some(&mut reproject), &options).unwrap();
    assert_eq!((report.points, report.left_out), (60_000, 1));
    inspected(&files);
    let shown: Vec<DVec3> = shown(&files).into_iter().map(|(p, _)| p).collect();
    points.pop();
    let mut exact = points;
    ecef_from_map(&mut exact);
    let first = geodetic_from_ecef(shown[0]);
    assert!((first.lon_rad.to_degrees() - 119.9).abs() < 0.1);
    // Coarse tiles of 3 km take steps of 6 cm; most points are in fine ones.
    let exact: Vec<DVec3> = exact.iter().map(|p| DVec3::from_array(*p)).collect();
    assert_same(&shown, &exact, 0.06);
    let mut offs: Vec<f64> = shown
        .iter()
        .step_by(97)
        .map(|p| exact.iter().map(|q| p.distance_squared(*q)).fold(f64::INFINITY, f64::min).sqrt())
        .collect();
    offs.sort_by(f64::total_cmp);
    assert!(offs[offs.len() / 2] < 0.02, "{}", offs[offs.len() / 2]);
}

#[test]
fn clouds_without_colours_are_shaded_by_what_they_have() {
    let Some(folder) = data("points/delft/example_data/ahn3") else { return };
    let bytes = std::fs::read(folder.join("ahn3_cropped_2.laz")).unwrap();
    let mut source = las(bytes.clone()).unwrap();
    let (files, report) = written(&mut source, None, &PointTilesOptions::default()).unwrap();
    assert_eq!(report.points, 208_432);
    let per_point = report.bytes as f64 / report.points as f64;
    println!("{report:?}, {per_point:.2} bytes a point");
    inspected(&files);
    let shown = shown(&files);
    let mut colors: Vec<[u8; 4]> = shown.iter().filter_map(|(_, color)| *color).collect();
    colors.sort_unstable();
    colors.dedup();
    assert!(colors.len() > 100);
    let wanted = all(&mut las(bytes).unwrap()).unwrap().positions;
    assert_same(&places(&shown), &vectors(&wanted), 0.0056);
}

#[test]
fn nothing_is_made_of_nothing() {
    let options = PointTilesOptions::default();
    let empty = written(&mut Made::new(&[], 1), None, &options).unwrap_err();
    assert!(matches!(empty, PointTilesError::Empty(0)));
    let nowhere = written(&mut Made::new(&[[f64::NAN; 3]; 3], 2), None, &options).unwrap_err();
    assert!(matches!(nowhere, PointTilesError::Empty(3)));
    let odd = PointTilesOptions { step_m: f64::NAN, ..options.clone() };
    assert!(matches!(written(&mut Made::new(&[[0.0; 3]], 1), None, &odd), Err(PointTilesError::Step(_))));
    // All at one place, and two far apart.
    let (files, report) = written(&mut Made::new(&[[1.0, 2.0, 3.0]; 50], 9), None, &options).unwrap();
    assert_eq!((report.points, inspected(&files).summary.total().points), (50, 50));
    let apart = [[0.0; 3], [700_000.0, 0.0, 9000.0], [5_000_000.0, 0.0, 0.0]];
    let (files, report) = written(&mut Made::new(&apart, 9), None, &options).unwrap();
    assert_eq!((report.points, report.left_out), (2, 1));
    inspected(&files);
}

#[test]
fn what_store_and_spill_answer_is_handed_on() {
    let points = terrain(1000, 10.0);
    let mut spill = MemorySpill::default();
    let full = |_: &str, _: &[u8]| Err(std::io::ErrorKind::StorageFull.into());
    let error = write_point_tiles(
        &mut [&mut Made::new(&points, 100)],
        None,
        &mut spill,
        &PointTilesOptions::default(),
        &mut { full },
    );
    assert!(matches!(error, Err(PointTilesError::Write(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Clusters of any size at any place: each point is shown once.
    #[test]
    fn any_cloud_is_shown_whole(
        clusters in prop::collection::vec(([-3000.0..3000.0, -3000.0..3000.0, -200.0..200.0], 1u32..4000, 0.0001..50.0), 1..6), budget in 20u32..24,
    ) {
        let points: Vec<[f64; 3]> = clusters
            .iter()
            .flat_map(|(at, count, size)| (0..*count).map(move |k| {
                let spread = |n: u32| f64::from(k.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24) * size;
                [at[0] + spread(3), at[1] + spread(5), at[2] + spread(7) * 0.2]
            }))
            .collect();
        let options = PointTilesOptions { max_bytes: 1 << budget, ..PointTilesOptions::default() };
        let (files, report) = written(&mut Made::new(&points, 1000), None, &options).unwrap();
        prop_assert_eq!(report.points as usize, points.len());
        prop_assert_eq!(inspected(&files).summary.total().points as usize, points.len());
        assert_same(&places(&shown(&files)), &vectors(&points), 8192.0 / 65_535.0 * 0.51 + 0.001);
    }
}

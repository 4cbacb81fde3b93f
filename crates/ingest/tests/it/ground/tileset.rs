use std::io::Cursor;

use bytes::Bytes;
use geodesy::{
    geodetic_from_ecef,
    glam::{DMat4, DVec2, DVec3, Vec3},
};
use ingest::{
    ground::{Dem, EARTH_RADIUS_M, LocalPlan, OrthoTiff, TerrainOptions, TerrainReport, write_terrain},
    raster::{GeoTiff, RasterError},
};
use scene::{content, write::implicit_uri};
use terrain::{CutOut, TerrainTiles, TileGrid, TileId};

use crate::points::{
    data,
    tiles::{Files, inspected},
};
use crate::raster::made::{Tiff, Value};

fn written(
    tiles: &TerrainTiles,
    plan: &LocalPlan,
    ortho: Option<&dyn ingest::ground::Ortho>,
    cuts: &[CutOut],
    options: &TerrainOptions,
) -> (Files, TerrainReport) {
    let mut files = Files::new();
    let report = write_terrain(tiles, plan, ortho, cuts, options, &mut |path, bytes| {
        assert!(files.insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} twice");
        Ok(())
    })
    .unwrap();
    (files, report)
}

/// Corners of a tile's mesh in the world.
fn corners(bytes: &[u8], world_from_tile: &DMat4) -> Vec<DVec3> {
    let (decoded, warnings) =
        content::decode(&Bytes::from(bytes.to_vec()), &crate::context("t.glb")).unwrap();
    assert_eq!(warnings, vec![]);
    let placed = decoded.primitives.iter().flat_map(|primitive| {
        let content = primitive.content_from_primitive;
        primitive.positions.iter().map(move |p| content.transform_point3(Vec3::from(*p).as_dvec3()))
    });
    placed.map(|p| world_from_tile.transform_point3(p)).collect()
}

/// A plateau with a dome, as a DEM of longitudes and latitudes around a place.
const PLACE: [f64; 2] = [119.9, 27.2];
const PIXEL_DEG: f64 = 0.0001;

fn dome(lon: f64, lat: f64) -> f64 {
    let (x, y) = ((lon - PLACE[0]) * 99_000.0, (lat - PLACE[1]) * 110_800.0);
    400.0 + (200.0 - 0.002 * (x * x + y * y)).max(0.0)
}

fn dem(width: u32, height: u32) -> GeoTiff<Cursor<Vec<u8>>> {
    let north_west =
        [PLACE[0] - f64::from(width) * 0.5 * PIXEL_DEG, PLACE[1] + f64::from(height) * 0.5 * PIXEL_DEG];
    let at = |column: u32, row: u32| {
        let lon = north_west[0] + (f64::from(column) + 0.5) * PIXEL_DEG;
        let lat = north_west[1] - (f64::from(row) + 0.5) * PIXEL_DEG;
        dome(lon, lat) as f32
    };
    let tiff = Tiff::heights(width, height, at).placed(
        north_west,
        PIXEL_DEG,
        &[[1024, 0, 1, 2], [2048, 0, 1, 4326]],
    );
    GeoTiff::open(Cursor::new(tiff.write())).unwrap()
}

fn terrain_of(raster: &mut GeoTiff<Cursor<Vec<u8>>>, plan: &LocalPlan, cell_m: f64) -> TerrainTiles {
    let info = raster.info();
    let [low, high] = info.transform.unwrap().bounds(info.width, info.height);
    let area = plan.area_of_degrees([low[0], low[1], high[0], high[1]]);
    let grid = TileGrid::covering(area, cell_m, 16).unwrap();
    let mut heights = vec![f32::NAN; (grid.samples() * grid.samples()) as usize];
    let mut same = |_: &mut [[f64; 3]]| {};
    let mut higher = |points: &mut [[f64; 3]]| points.iter_mut().for_each(|p| p[2] += 10.0);
    Dem { raster, band: 0, to_raster: &mut same, to_ellipsoid: Some(&mut higher) }
        .sample(plan, &grid, &mut heights)
        .unwrap();
    TerrainTiles::new(grid, heights, Some(EARTH_RADIUS_M)).unwrap()
}

#[test]
fn the_plan_is_metres_around_its_place() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let east = plan.ecef_from_plan(DVec3::new(1000.0, 0.0, 50.0));
    let origin = plan.ecef_from_plan(DVec3::new(0.0, 0.0, 50.0));
    assert!((east.distance(origin) - 1000.0).abs() < 0.02);
    let [lon, lat] = plan.degrees_from_plan(DVec2::new(-3000.0, 8000.0));
    assert!(plan.plan_from_degrees(lon, lat).distance(DVec2::new(-3000.0, 8000.0)) < 1e-6);
    let found = geodetic_from_ecef(plan.ecef_from_plan(DVec3::new(-3000.0, 8000.0, 77.0)));
    assert!((found.lon_rad.to_degrees() - lon).abs() < 1e-10 && (found.height_m - 77.0).abs() < 1e-6);
    assert!(LocalPlan::at(0.0, 90.0).is_none() && LocalPlan::at(f64::NAN, 0.0).is_none());
}

#[test]
fn tiles_lie_on_the_elevation_model_at_every_level() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let mut raster = dem(120, 90);
    let tiles = terrain_of(&mut raster, &plan, 10.0);
    let options = TerrainOptions { max_error_m: 0.4, picture_side: 32, ..TerrainOptions::default() };
    let (files, report) = written(&tiles, &plan, None, &[], &options);
    let inspection = inspected(&files);
    assert_eq!(report.levels.len() as u32, tiles.grid().levels());
    assert_eq!(inspection.summary.total().triangles, report.triangles);
    for level in 0..tiles.grid().levels() {
        let [error, deviation, skirt] = report.levels[level as usize];
        assert!(deviation <= error && skirt > 0.0 && skirt < 60.0, "{level}: {error} {deviation} {skirt}");
        let mut seen = 0;
        for id in tiles.grid().tiles(level) {
            let Some(bytes) = files.get(&implicit_uri("{level}/{x}-{y}.glb", level, [id.x, id.y, 0])) else {
                continue;
            };
            let (mut above, mut all) = (0, 0);
            for corner in corners(bytes, &plan.frame()) {
                let at = geodetic_from_ecef(corner);
                let ground = dome(at.lon_rad.to_degrees(), at.lat_rad.to_degrees()) + 10.0;
                let off = at.height_m - ground;
                all += 1;
                // Corners are samples: on the ground, but for those of the skirt, and beyond the model's border.
                above += u32::from(off.abs() < 0.6);
                assert!(off < 5.0 && off > -skirt - 5.0, "{id:?}: {off}");
            }
            assert!(above * 3 > all, "{id:?}: {above} of {all} corners are on the ground");
            seen += 1;
        }
        assert!(seen > 0, "level {level} has tiles");
    }
}

#[test]
fn ground_is_cut_away_at_all_levels_and_nothing_else() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let mut raster = dem(120, 90);
    let tiles = terrain_of(&mut raster, &plan, 10.0);
    let ring = |half: f64| {
        vec![vec![
            DVec2::new(-half, -half),
            DVec2::new(half, -half),
            DVec2::new(half, half),
            DVec2::new(-half, half),
        ]]
    };
    let options = TerrainOptions { picture_side: 32, compress: false, ..TerrainOptions::default() };
    let (files, whole) = written(&tiles, &plan, None, &[CutOut::new(&ring(150.0)).unwrap()], &options);
    inspected(&files);
    let enu_from_ecef = plan.frame().inverse();
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".glb")) {
        for corner in corners(bytes, &plan.frame()) {
            let at = geodetic_from_ecef(corner);
            let place = plan.plan_from_degrees(at.lon_rad.to_degrees(), at.lat_rad.to_degrees());
            assert!(
                place.abs().max_element() > 149.9,
                "{path}: {place} {}",
                enu_from_ecef.transform_point3(corner)
            );
        }
    }
    // A cut that leaves nothing of some tiles still makes a valid tileset.
    let (files, less) = written(&tiles, &plan, None, &[CutOut::new(&ring(400.0)).unwrap()], &options);
    inspected(&files);
    assert!(less.tiles < whole.tiles && files.len() as u64 > less.tiles);
}

#[test]
fn an_orthophoto_is_draped_where_it_lies() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let mut raster = dem(120, 90);
    let tiles = terrain_of(&mut raster, &plan, 10.0);
    // Red in the west, blue in the east, over the middle of the model only.
    let pixel = PIXEL_DEG / 4.0;
    let corner = [PLACE[0] - 96.0 * pixel, PLACE[1] + 64.0 * pixel];
    let mut photo = Tiff::heights(192, 128, |_, _| 0.0)
        .placed(corner, pixel, &[[1024, 0, 1, 2]])
        .with(258, Value::Short(vec![8; 3]))
        .with(262, Value::Short(vec![2]))
        .with(277, Value::Short(vec![3]))
        .with(339, Value::Short(vec![1; 3]));
    photo.chunks.clear();
    for _ in 0..8 {
        for left in 0..12 {
            let color = if left < 6 { [230u8, 20, 20] } else { [20, 20, 230] };
            photo.chunks.push(color.repeat(256));
        }
    }
    let photo = photo.write();
    let open = || -> Result<_, RasterError> { GeoTiff::open(Cursor::new(photo.clone())) };
    let mut same = |_: &mut [[f64; 3]]| {};
    let ortho = OrthoTiff::new(&open, plan, &mut same);
    let options = TerrainOptions { picture_side: 64, picture_quality: 95, ..TerrainOptions::default() };
    let (files, _) = written(&tiles, &plan, Some(&ortho), &[], &options);
    inspected(&files);
    // The root's picture has both colours left and right of its middle, and relief at its border.
    for level in [0, tiles.grid().levels() - 1] {
        let side = 1u32 << level;
        for (x, red_wins) in [(side.div_ceil(2).saturating_sub(1), true), (side / 2, false)] {
            let path = implicit_uri("{level}/{x}-{y}.glb", level, [x, side / 2, 0]);
            let (decoded, _) =
                content::decode(&Bytes::from(files[&path].clone()), &crate::context("t.glb")).unwrap();
            let texture = &decoded.textures[0];
            let texel = |u: f64, v: f64| {
                let (x, y) =
                    ((u * f64::from(texture.width)) as usize, (v * f64::from(texture.height)) as usize);
                let at = (y * texture.width as usize + x) * 4;
                [0, 1, 2].map(|c| texture.mips[0][at + c])
            };
            if level == 0 {
                let (west, east) = (texel(0.47, 0.5), texel(0.53, 0.5));
                assert!(west[0] > 180 && west[2] < 90 && east[2] > 180 && east[0] < 90, "{west:?} {east:?}");
                let border = texel(0.5, 0.75);
                assert!(border[0].abs_diff(border[2]) < 110, "{border:?}");
            } else {
                let [r, _, b] = texel(if red_wins { 0.9 } else { 0.1 }, 0.9);
                assert_eq!(r > b, red_wins, "level {level}");
            }
        }
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let mut raster = dem(32, 32);
    let tiles = terrain_of(&mut raster, &plan, 10.0);
    let refused = |options: TerrainOptions| {
        write_terrain(&tiles, &plan, None, &[], &options, &mut |_, _| Ok(())).is_err()
    };
    let good = TerrainOptions { picture_side: 16, ..TerrainOptions::default() };
    assert!(!refused(good.clone()));
    assert!(refused(TerrainOptions { picture_side: 100, ..good.clone() }));
    assert!(refused(TerrainOptions { max_error_m: f64::NAN, ..good.clone() }));
    assert!(refused(TerrainOptions { picture_quality: 0, ..good.clone() }));
    let full = write_terrain(&tiles, &plan, None, &[], &good, &mut |_, _| {
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert!(full.is_err());
}

#[test]
fn neither_threads_nor_order_change_the_tileset() {
    let plan = LocalPlan::at(PLACE[0], PLACE[1]).unwrap();
    let mut raster = dem(120, 90);
    let tiles = terrain_of(&mut raster, &plan, 4.0);
    let options = TerrainOptions { picture_side: 16, ..TerrainOptions::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&tiles, &plan, None, &[], &options))
    };
    assert!(run(1) == run(3));
}

/// A real mountain: 2,543 to 3,946 m in Colorado.
#[test]
fn the_mountain_of_colorado() {
    let Some(folder) = data("raster/colorado") else { return };
    let file = std::fs::read(folder.join("co_elevation_roi.tif")).unwrap();
    let mut raster = GeoTiff::open(Cursor::new(file)).unwrap();
    let info = raster.info().clone();
    let [low, high] = info.transform.unwrap().bounds(info.width, info.height);
    let plan = LocalPlan::at((low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5).unwrap();
    let grid =
        TileGrid::covering(plan.area_of_degrees([low[0], low[1], high[0], high[1]]), 20.0, 64).unwrap();
    let mut heights = vec![f32::NAN; (grid.samples() * grid.samples()) as usize];
    let mut same = |_: &mut [[f64; 3]]| {};
    Dem { raster: &mut raster, band: 0, to_raster: &mut same, to_ellipsoid: None }
        .sample(&plan, &grid, &mut heights)
        .unwrap();
    let known = heights.iter().filter(|h| !h.is_nan()).count();
    let tiles = TerrainTiles::new(grid, heights, Some(EARTH_RADIUS_M)).unwrap();
    let options = TerrainOptions { max_error_m: 2.0, picture_side: 64, ..TerrainOptions::default() };
    let (files, report) = written(&tiles, &plan, None, &[], &options);
    println!("{known} samples known; {} files; {report:?}", files.len());
    let inspection = inspected(&files);
    assert_eq!(inspection.summary.tiles, report.tiles);
    assert!(report.triangles < 4 * known as u64);
    // Corners of the finest tiles are where the model is, and its highest point is among them.
    let last = grid.levels() - 1;
    let mut top: f64 = 0.0;
    for id in grid.tiles(last) {
        let path = implicit_uri("{level}/{x}-{y}.glb", last, [id.x, id.y, 0]);
        let Some(bytes) = files.get(&path) else { continue };
        for corner in corners(bytes, &plan.frame()) {
            let at = geodetic_from_ecef(corner);
            let (lon, lat) = (at.lon_rad.to_degrees(), at.lat_rad.to_degrees());
            assert!(
                lon > low[0] - 0.001
                    && lon < high[0] + 0.001
                    && lat > low[1] - 0.001
                    && lat < high[1] + 0.001,
                "{path}"
            );
            top = top.max(at.height_m);
        }
    }
    assert!((3930.0..3950.0).contains(&top), "{top}");
    let _ = TileId::ROOT;
}

use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{
    CellGrid, CellGridError, PlanRect,
    raster::{
        CellMeans, Coverage, HighestPoints, OpenGaps, RasterError, RasterOptions, SurfaceRaster, Tin,
        TinError,
    },
};

fn area(columns: f64, rows: f64) -> PlanRect {
    PlanRect {
        low: DVec2::new(84_000.25, 447_000.25),
        high: DVec2::new(84_000.25 + columns, 447_000.25 + rows),
    }
}

#[test]
fn a_gap_in_a_slope_is_filled_with_the_slope_and_marked() {
    let plane = |p: DVec2| (p.x - 84_000.0) * 0.4 - (p.y - 447_000.0) * 0.25 + 7.0;
    let gap = |p: DVec2| p.distance(DVec2::new(84_020.0, 447_015.0)) < 6.0;
    let mut means = CellMeans::new(area(40.0, 30.0), 0.5, 1 << 20).unwrap();
    let mut highest = HighestPoints::new(area(40.0, 30.0), 0.5, 1 << 20).unwrap();
    for k in 0..20_000u32 {
        let place = area(40.0, 30.0).low + DVec2::new(f64::from(k % 160), f64::from(k / 160)) * 0.25 + 0.01;
        if !gap(place) {
            means.add(place.extend(plane(place)));
            highest.add(place.extend(plane(place)));
        }
    }
    let options = RasterOptions { max_side_m: 1.5, ..RasterOptions::default() };
    for (raster, tolerance) in [
        (SurfaceRaster::terrain(&means, options).unwrap(), 1e-3),
        (SurfaceRaster::surface(highest, options).unwrap(), 0.2),
    ] {
        let field = raster.heights();
        let mut marked = 0;
        for row in 0..field.rows() {
            for column in 0..field.columns() {
                let place = field.position(column, row);
                let Some(height) = field.sample(column, row) else {
                    assert_eq!(raster.coverage_of(column, row), Coverage::Void);
                    let (low, high) = (area(40.0, 30.0).low, area(40.0, 30.0).high);
                    let inside = (place - low).min(high - place).min_element();
                    assert!(inside < 0.6, "{place} is void");
                    continue;
                };
                assert!((f64::from(height) - plane(place)).abs() < tolerance, "{place}: {height}");
                let filled = raster.coverage_of(column, row) == Coverage::Filled;
                if place.distance(DVec2::new(84_020.0, 447_015.0)) < 5.0 {
                    assert!(filled);
                }
                marked += u32::from(filled);
            }
        }
        assert!((300..560).contains(&marked), "{marked}");
        assert_eq!(raster.coverage_of(u32::MAX, 0), Coverage::Void);
    }
}

#[test]
fn gaps_at_the_border_can_stay_open() {
    let grid = CellGrid::covering(area(9.0, 9.0), 1.0, 1 << 10).unwrap();
    let columns = grid.columns() as usize;
    let heights: Vec<f32> = (0..grid.len())
        .map(|i| (i % columns, i / columns))
        .map(|(x, y)| if (x < 3 && (3..6).contains(&y)) || (x, y) == (6, 6) { f32::NAN } else { 5.0 })
        .collect();
    let make = |open_gaps| {
        SurfaceRaster::filled(&grid, heights.clone(), RasterOptions { max_side_m: 2.0, open_gaps }).unwrap()
    };
    let (left, filled) = (make(OpenGaps::Leave), make(OpenGaps::Fill));
    assert_eq!(left.coverage_of(6, 6), Coverage::Filled);
    assert_eq!(left.coverage_of(1, 4), Coverage::Void);
    assert_eq!(left.heights().sample(1, 4), None);
    assert_eq!(filled.coverage_of(1, 4), Coverage::Filled);
    assert_eq!(filled.heights().sample(1, 4), Some(5.0));
    assert_eq!(filled.coverage_of(8, 8), Coverage::Measured);
}

#[test]
fn too_little_or_too_much_is_refused() {
    let line: Vec<DVec3> = (0..5).map(|k| DVec3::splat(f64::from(k))).collect();
    assert_eq!(Tin::new(&line).unwrap_err(), TinError::NoArea(5));
    assert_eq!(Tin::new(&[]).unwrap_err(), TinError::NoArea(0));
    assert_eq!(
        Tin::new(&[DVec3::ZERO, DVec3::new(0.0, f64::NAN, 0.0)]).unwrap_err(),
        TinError::Coordinate(1)
    );
    let means = CellMeans::new(area(5.0, 5.0), 1.0, 100).unwrap();
    let nothing = SurfaceRaster::terrain(&means, RasterOptions::default()).unwrap_err();
    assert_eq!(nothing, RasterError::Tin(TinError::NoArea(0)));
    let too_large = CellMeans::new(area(1e5, 1e5), 0.01, u64::MAX).unwrap_err();
    assert!(matches!(too_large, CellGridError::TooLarge { .. }));
    for (low, high, cell_m) in
        [(0.0, -1.0, 1.0), (0.0, f64::NAN, 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, f64::NAN), (1e30, 2e30, 1.0)]
    {
        let rect = PlanRect { low: DVec2::splat(low), high: DVec2::splat(high) };
        assert!(
            matches!(CellGrid::covering(rect, cell_m, 100), Err(CellGridError::Shape { .. })),
            "{low} {high} {cell_m}"
        );
    }
}

#[test]
fn windows_cover_an_area_once_and_share_cells() {
    let rect = PlanRect { low: DVec2::new(-130.0, 40.0), high: DVec2::new(260.0, 301.0) };
    let windows = rect.windows(100.0, 15.0);
    assert_eq!(windows.len(), 5 * 4);
    for k in 0..2000 {
        let place = rect.low + rect.size() * DVec2::new(f64::from(k % 50) / 49.5, f64::from(k / 50) / 40.0);
        assert_eq!(windows.iter().filter(|window| window.core.contains(place)).count(), 1, "{place}");
    }
    for window in &windows {
        let grid = CellGrid::covering(window.outer, 0.5, 1 << 20).unwrap();
        assert_eq!(grid.area().low, window.outer.low);
        assert!(grid.index_of(window.core.low).is_some() && grid.index_of(window.outer.high).is_some());
    }
    assert!(rect.windows(0.0, 1.0).is_empty() && rect.windows(1e-4, 1.0).is_empty());
    assert!(rect.windows(f64::NAN, 1.0).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Every centre within the convex hull gets the height of the triangle that holds it.
    #[test]
    fn rasters_of_triangulations_agree_with_their_triangles(
        points in prop::collection::vec([0.0..12.0, 0.0..9.0, -3.0..3.0], 3..40), snap in any::<bool>(),
    ) {
        let low = DVec3::new(500.0, 900.0, 0.0);
        let points: Vec<DVec3> = points
            .into_iter()
            .map(DVec3::from_array)
            // On centres and corners of cells, where rounding decides.
            .map(|p| low + if snap { ((p * 2.0).round() / 2.0).truncate().extend(p.z) } else { p })
            .collect();
        let Ok(tin) = Tin::new(&points) else { return Ok(()) };
        let grid = CellGrid::covering(PlanRect { low: low.truncate(), high: low.truncate() + DVec2::new(12.0, 9.0) }, 1.0, 1 << 10).unwrap();
        let mut heights = vec![None; grid.len()];
        tin.rasterize(&grid, f64::INFINITY, |index, height| heights[index] = Some(height));
        for row in 0..grid.rows() {
            for column in 0..grid.columns() {
                let place = grid.center(column, row);
                let part = |p: DVec3, q: DVec3| (p.truncate() - place).perp_dot(q.truncate() - place);
                let mut held = tin.triangles().filter_map(|[a, b, c]| {
                    let (u, v, w) = (part(b, c), part(c, a), part(a, b));
                    let whole = u + v + w;
                    let least = u.min(v).min(w);
                    (least >= -1e-9).then(|| (least, (a.z * u + b.z * v + c.z * w) / whole, whole))
                });
                let found = heights[(row * grid.columns() + column) as usize];
                match found {
                    // A sliver's plane is steep, so rounding of the place shows.
                    Some(found) => prop_assert!(
                        held.any(|(_, height, whole)| (height - found).abs() < 1e-6 + 1e-9 / whole.abs()), "{} {}", place, found),
                    None => prop_assert!(held.all(|(least, ..)| least < 1e-9), "{} is missing", place),
                }
            }
        }
    }

    #[test]
    fn means_do_not_depend_on_order_or_division(points in prop::collection::vec([0.0..4.0, 0.0..4.0, -3.0..3000.0], 1..60), parts in 1usize..4) {
        let rect = area(4.0, 4.0);
        let points: Vec<DVec3> = points.into_iter().map(|[x, y, z]| (rect.low + DVec2::new(x, y)).extend(z)).collect();
        let gather = |points: &mut dyn Iterator<Item = &DVec3>| {
            let mut means = CellMeans::new(rect, 1.0, 100).unwrap();
            points.for_each(|point| means.add(*point));
            means
        };
        let whole = gather(&mut points.iter());
        let mut merged = gather(&mut points.iter().rev().step_by(parts));
        for part in 1..parts {
            prop_assert!(merged.merge(&gather(&mut points.iter().rev().skip(part).step_by(parts))));
        }
        prop_assert_eq!(whole.vertices(), merged.vertices());
        for vertex in whole.vertices() {
            let cell = whole.grid().index_of(vertex.truncate());
            let members: Vec<DVec3> = points.iter().copied().filter(|p| whole.grid().index_of(p.truncate()) == cell).collect();
            let mean = members.iter().copied().sum::<DVec3>() / members.len() as f64;
            prop_assert!((mean - vertex).abs().max_element() < 1e-3, "{} {}", mean, vertex);
        }
    }
}

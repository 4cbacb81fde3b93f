//! Ground, terrain and surface of a real survey against what was delivered with it.

use glam::DVec3;
use terrain::{
    ground::{GroundRelation, LowestPoints, SmrfOptions},
    outliers::{IsolationOptions, VoxelCounts},
    raster::{CellMeans, Coverage, HighestPoints, RasterOptions, SurfaceRaster},
};

use crate::delft_data::{Survey, delivered, precision_and_recall, survey};

fn ground(survey: &Survey, options: SmrfOptions, use_returns: bool) -> Vec<bool> {
    let mut lowest = LowestPoints::new(survey.area(), options, 1 << 24).unwrap();
    for (point, is_last) in survey.points.iter().zip(&survey.is_last) {
        if *is_last || !use_returns {
            lowest.add(*point);
        }
    }
    let surface = lowest.into_surface().unwrap();
    survey.points.iter().map(|point| surface.relation(*point) == Some(GroundRelation::On)).collect()
}

fn terrain(survey: &Survey, is_ground: impl Fn(usize) -> bool) -> SurfaceRaster {
    let mut means = CellMeans::new(survey.area(), 0.5, 1 << 24).unwrap();
    for (index, point) in survey.points.iter().enumerate() {
        if is_ground(index) {
            means.add(*point);
        }
    }
    SurfaceRaster::terrain(&means, RasterOptions::default()).unwrap()
}

/// Root mean square of the differences, and the share of samples that have a height.
fn compare(raster: &SurfaceRaster, with: &str, only_measured: bool) -> (f64, f64) {
    let (mut squares, mut count, mut missing) = (0.0, 0.0, 0.0);
    for (place, height) in delivered(with).unwrap().samples() {
        let Some(height) = height else { continue };
        let at = (place - raster.heights().extent().0) / raster.heights().cell_m();
        if only_measured && raster.coverage_of(at.x.round() as u32, at.y.round() as u32) != Coverage::Measured
        {
            continue;
        }
        match raster.heights().height_at(place) {
            Some(found) => {
                squares += (found - f64::from(height)).powi(2);
                count += 1.0;
            }
            None => missing += 1.0,
        }
    }
    ((squares / f64::max(count, 1.0)).sqrt(), count / (count + missing))
}

#[test]
fn lidar_ground_agrees_with_the_delivered_class() {
    let Some(survey) = survey() else { return };
    for use_returns in [true, false] {
        let found = ground(&survey, SmrfOptions::LIDAR, use_returns);
        let (precision, recall) = precision_and_recall(&survey.classes, &found);
        println!("returns used: {use_returns}: precision {precision:.4}, recall {recall:.4}");
        assert!(precision >= 0.96 && recall >= 0.96, "{precision} {recall}");

        let (rmse, share) = compare(&terrain(&survey, |index| found[index]), "dtm_0.5m_gaps.tif", false);
        println!("terrain: RMSE {rmse:.4} m on {:.2} % of the delivered cells", share * 100.0);
        assert!(rmse <= 0.12 && share > 0.995, "{rmse} {share}");
    }
}

#[test]
fn a_cloud_seen_from_above_only_still_shows_its_ground() {
    let Some(survey) = survey() else { return };
    // What photographs from above would give: one point per cell of 0.25 m, the highest.
    let mut highest = HighestPoints::new(survey.area(), 0.25, 1 << 24).unwrap();
    survey.points.iter().for_each(|point| highest.add(*point));
    let top = |point: &DVec3| {
        let cell = highest.grid().index_of(point.truncate()).unwrap();
        highest.height(cell) == Some(point.z as f32)
    };
    let seen: Vec<usize> = (0..survey.points.len()).filter(|&index| top(&survey.points[index])).collect();
    let seen = Survey {
        points: seen.iter().map(|&index| survey.points[index]).collect(),
        classes: seen.iter().map(|&index| survey.classes[index]).collect(),
        is_last: vec![true; seen.len()],
    };
    let found = ground(&seen, SmrfOptions::PHOTOGRAMMETRY, true);
    let (precision, recall) = precision_and_recall(&seen.classes, &found);
    let (rmse, _) = compare(&terrain(&seen, |index| found[index]), "dtm_0.5m_gaps.tif", true);
    println!(
        "{} points: precision {precision:.4}, recall {recall:.4}, RMSE {rmse:.4} m where measured",
        seen.points.len()
    );
    assert!(precision >= 0.93 && recall >= 0.93 && rmse < 0.15, "{precision} {recall} {rmse}");
}

#[test]
fn delivered_classes_give_the_delivered_rasters() {
    let Some(survey) = survey() else { return };
    let raster = terrain(&survey, |index| survey.classes[index] == 2);
    let (rmse, share) = compare(&raster, "dtm_0.5m_gaps.tif", false);
    println!("terrain from the delivered class: RMSE {rmse:.4} m, {:.2} %", share * 100.0);
    assert!(rmse < 0.07 && share > 0.995, "{rmse} {share}");
    // Most of what the delivered raster calls a gap is marked as filled, and all of it has a height.
    let gaps = delivered("dtm_0.5m_gaps.tif").unwrap();
    let (mut marked, mut all) = (0.0, 0.0);
    for (place, _) in gaps.samples().filter(|(_, height)| height.is_none()) {
        let at = (place - raster.heights().extent().0) / 0.5;
        let coverage = raster.coverage_of(at.x.round() as u32, at.y.round() as u32);
        all += 1.0;
        marked += f64::from(u8::from(coverage == Coverage::Filled));
        let outermost = coverage == Coverage::Void && raster.heights().height_at(place).is_none();
        assert!(coverage != Coverage::Void || outermost);
    }
    println!("{:.1} % of the delivered gaps are marked as filled", 100.0 * marked / all);
    assert!(marked / all > 0.8);
    let (filled_rmse, _) = compare(&raster, "dtm_0.5m_filled.tif", false);
    println!("filled terrain: RMSE {filled_rmse:.4} m");
    assert!(filled_rmse < 0.15, "{filled_rmse}");

    let mut highest = HighestPoints::new(survey.area(), 0.5, 1 << 24).unwrap();
    survey.points.iter().for_each(|point| highest.add(*point));
    let surface = SurfaceRaster::surface(highest, RasterOptions::default()).unwrap();
    let shares = [Coverage::Measured, Coverage::Filled, Coverage::Void].map(|of| surface.share(of));
    println!("surface: measured, filled, void: {shares:.3?}");
    assert!(shares[0] > 0.8 && shares[2] < 0.02, "{shares:?}");
    let lower = |column, row| {
        let (top, ground) = (surface.heights().sample(column, row), raster.heights().sample(column, row));
        top.zip(ground).is_some_and(|(top, ground)| top < ground - 0.5)
    };
    let (columns, rows) = (surface.heights().columns(), surface.heights().rows());
    let below =
        (0..rows).flat_map(|r| (0..columns).map(move |c| (c, r))).filter(|&(c, r)| lower(c, r)).count();
    assert!(below * 200 < (columns * rows) as usize, "the surface lies below the terrain at {below} samples");
}

#[test]
fn few_points_of_a_clean_survey_are_isolated() {
    let Some(survey) = survey() else { return };
    let mut counts = VoxelCounts::new(IsolationOptions::default()).unwrap();
    let birds = [DVec3::new(84900.0, 447500.0, 60.0), DVec3::new(84950.0, 447600.0, -20.0)];
    for point in survey.points.iter().chain(&birds) {
        counts.add(*point).unwrap();
    }
    let isolation = counts.finish();
    assert!(birds.iter().all(|bird| isolation.is_isolated(*bird)));
    let isolated = survey.points.iter().filter(|point| isolation.is_isolated(**point)).count();
    println!("{isolated} of {} points are isolated", survey.points.len());
    assert!(isolated < 60, "{isolated}");
}

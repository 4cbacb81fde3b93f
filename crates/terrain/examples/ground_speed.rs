//! Speed and agreement of ground classification and terrain on the survey of Delft, CPU time of the process:
//! `cargo run --release -p terrain --example ground_speed [NAME=VALUE…]`, the names being those of `SmrfOptions`.

#![allow(clippy::unwrap_used, reason = "an example")]

#[path = "../tests/it/delft_data.rs"]
mod delft_data;

use cpu_time::ProcessTime;
use terrain::{
    ground::{GroundRelation, LowestPoints, SmrfOptions},
    outliers::{IsolationOptions, VoxelCounts},
    raster::{CellMeans, Coverage, RasterOptions, SurfaceRaster},
};

fn main() {
    let mut options = SmrfOptions::LIDAR;
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').unwrap();
        let slot = match name {
            "cell_m" => &mut options.cell_m,
            "window_m" => &mut options.window_m,
            "slope" => &mut options.slope,
            "threshold_m" => &mut options.threshold_m,
            "scaling_m" => &mut options.scaling_m,
            "low_slope" => &mut options.low_slope,
            _ => panic!("{name}?"),
        };
        *slot = value.parse().unwrap();
    }
    let Some(survey) = delft_data::survey() else { return };
    let (points, count) = (&survey.points, survey.points.len() as f64);
    let area = survey.area();

    for run in 0..5 {
        let start = ProcessTime::now();
        let mut counts = VoxelCounts::new(IsolationOptions::default()).unwrap();
        points.iter().for_each(|point| counts.add(*point).unwrap());
        let isolation = counts.finish();
        let isolated: Vec<bool> = points.iter().map(|point| isolation.is_isolated(*point)).collect();
        let outliers_s = start.elapsed().as_secs_f64();

        let start = ProcessTime::now();
        let mut lowest = LowestPoints::new(area, options, 1 << 24).unwrap();
        for ((point, is_last), isolated) in points.iter().zip(&survey.is_last).zip(&isolated) {
            if *is_last && !isolated {
                lowest.add(*point);
            }
        }
        let surface = lowest.into_surface().unwrap();
        let found: Vec<bool> =
            points.iter().map(|point| surface.relation(*point) == Some(GroundRelation::On)).collect();
        let ground_s = start.elapsed().as_secs_f64();

        let start = ProcessTime::now();
        let mut means = CellMeans::new(area, 0.5, 1 << 24).unwrap();
        for (point, _) in points.iter().zip(&found).filter(|(_, found)| **found) {
            means.add(*point);
        }
        let raster = SurfaceRaster::terrain(&means, RasterOptions::default()).unwrap();
        let terrain_s = start.elapsed().as_secs_f64();

        let total_s = outliers_s + ground_s + terrain_s;
        println!(
            "run {run}: outliers {outliers_s:.3} s, ground {ground_s:.3} s, terrain {terrain_s:.3} s: {:.2} M points per CPU-second",
            count / total_s / 1e6
        );
        if run > 0 {
            continue;
        }
        let (precision, recall) = delft_data::precision_and_recall(&survey.classes, &found);
        println!("{options:?}: precision {precision:.4}, recall {recall:.4}");
        for class in [1, 2, 6, 9, 26] {
            let of = survey.classes.iter().zip(&found).filter(|(c, _)| **c == class);
            let (all, found) = of.fold((0, 0), |(all, on), (_, found)| (all + 1, on + u32::from(*found)));
            println!("  class {class}: {found} of {all} found on the ground");
        }
        let (mut squares, mut compared) = (0.0, 0.0);
        for (place, height) in delft_data::delivered("dtm_0.5m_gaps.tif").unwrap().samples() {
            if let Some((ours, theirs)) = raster.heights().height_at(place).zip(height) {
                squares += (ours - f64::from(theirs)).powi(2);
                compared += 1.0;
            }
        }
        let rmse = f64::sqrt(squares / compared);
        println!(
            "  terrain: RMSE {rmse:.4} m at {compared} cells, {:.1} % filled",
            100.0 * raster.share(Coverage::Filled)
        );
    }
}

use std::io::Cursor;

use geodesy::glam::DVec2;
use ingest::{
    ground::{SurveyError, SurveyOptions, SurveyReport, survey_ground},
    points::{MemorySpill, PointSource},
    raster::{GeoTiff, Window},
};
use terrain::raster::Coverage;

use crate::points::{data, las};

/// Root mean square of the differences to the delivered terrain, and how many cells were compared.
fn compare(found: &terrain::HeightField, delivered: &str) -> (f64, u32) {
    let folder = data("points/delft/derived").unwrap();
    let mut raster = GeoTiff::open(std::fs::File::open(folder.join(delivered)).unwrap()).unwrap();
    let all = raster.read_numbers(Window { x: 0, y: 0, width: 530, height: 460 }, 0).unwrap();
    let transform = raster.info().transform.unwrap();
    let (mut squares, mut count) = (0.0, 0);
    for (index, height) in all.iter().enumerate().filter(|(_, height)| height.is_finite()) {
        let place = transform.at((index % 530) as f64 + 0.5, (index / 530) as f64 + 0.5);
        if let Some(ours) = found.height_at(DVec2::from_array(place)) {
            squares += (ours - f64::from(*height)).powi(2);
            count += 1;
        }
    }
    ((squares / f64::from(count)).sqrt(), count)
}

#[test]
fn a_real_survey_with_and_without_its_classes() {
    let Some(folder) = data("points/delft/example_data/ahn3") else { return };
    let run = |believe_classes: bool, window_m: f64, threads: usize| {
        let open = |name: &str| las(std::fs::read(folder.join(name)).unwrap()).unwrap();
        let (mut one, mut two) = (open("ahn3_cropped_1.laz"), open("ahn3_cropped_2.laz"));
        let options = SurveyOptions { believe_classes, window_m, ..SurveyOptions::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut sources: [&mut dyn PointSource; 2] = [&mut one, &mut two];
            survey_ground(&mut sources, None, &mut MemorySpill::default(), &options).unwrap()
        })
    };
    for believe in [true, false] {
        // Windows of a tenth of the survey: their seams must not show.
        let found = run(believe, 80.0, 2);
        println!("{:?}", found.report);
        assert_eq!((found.report.points, found.report.classes_used), (848_942, believe));
        let (rmse, compared) = compare(found.terrain.heights(), "dtm_0.5m_gaps.tif");
        println!(
            "believed {believe}: RMSE {rmse:.4} m at {compared} cells; {:.1} % filled",
            100.0 * found.terrain.share(Coverage::Filled)
        );
        assert!(rmse < if believe { 0.04 } else { 0.08 } && compared > 115_000, "{rmse} {compared}");
        assert!(found.surface.share(Coverage::Measured) > 0.8);
        let buildings = found.buildings.as_ref().unwrap().iter().filter(|b| **b).count() as f64 * 0.25;
        assert!((8_000.0..25_000.0).contains(&buildings), "{buildings} m² of buildings");

        let again = run(believe, 80.0, 1);
        assert_eq!(found.report, again.report);
        let heights = |ground: &ingest::ground::SurveyGround| {
            let field = ground.terrain.heights();
            let all = (0..field.rows()).flat_map(|row| (0..field.columns()).map(move |column| (column, row)));
            all.map(|(column, row)| field.sample(column, row)).collect::<Vec<_>>()
        };
        assert!(heights(&found) == heights(&again), "threads change the terrain");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    let empty: Vec<u8> = crate::points::made((1, 2), 1, false, 0);
    let mut file = las(empty).unwrap();
    let result =
        survey_ground(&mut [&mut file], None, &mut MemorySpill::default(), &SurveyOptions::default());
    assert!(matches!(result, Err(SurveyError::Empty(0))));
    // Too fine for the budget.
    let mut file = las(crate::points::made((1, 2), 1, false, 500)).unwrap();
    let options = SurveyOptions { cell_m: 0.001, ..SurveyOptions::default() };
    let result = survey_ground(&mut [&mut file], None, &mut MemorySpill::default(), &options);
    assert!(matches!(result, Err(SurveyError::Grid(_))));
    let report = SurveyReport::default();
    assert_eq!(report.points, 0);
    let _ = Cursor::new(0);
}

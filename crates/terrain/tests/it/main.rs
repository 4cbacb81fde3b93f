//! Terrain against brute force.

#![allow(clippy::unwrap_used, reason = "tests")]

mod delft;
mod delft_data;
mod ground;
mod height_field;
mod queries;
mod raster;
mod rays;
mod rtin;
mod synthetic;
mod tiles;

use proptest::prelude::*;
use terrain::HeightField;
use terrain::height_field::HeightFieldError;

/// A field of the given shape from a list of heights that is repeated as needed; values above `hole` are absent.
fn field(columns: u32, rows: u32, heights: &[f32], hole: f32) -> Result<HeightField, HeightFieldError> {
    let all = heights.iter().cycle().take((columns * rows) as usize);
    let all = all.map(|&height| if height > hole { f32::NAN } else { height }).collect();
    HeightField::new(columns, rows, glam::DVec2::new(100.0, -50.0), 2.0, all, None)
}

fn heights() -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![
        prop::collection::vec(-10.0f32..10.0, 150..170),
        // Plateaus and steps.
        prop::collection::vec((0..4).prop_map(|step| step as f32 * 2.5), 150..170),
        Just(vec![3.0f32]),
    ]
}

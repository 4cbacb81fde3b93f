//! What an import of points made. Nothing in it depends on time, threads or the machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    mesh::{Finding, FindingKind},
    place::Placed,
};

/// Shares of the cells of a raster, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// From points close by.
    pub measured: f64,
    /// Triangulated across gaps.
    pub filled: f64,
    /// Without a height.
    pub void: f64,
}

/// The ground that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroundFigures {
    /// Side of the cells, metres.
    pub cell_m: f64,
    /// Cells from west to east, and from north to south.
    pub cells: [u32; 2],
    /// Points on the ground.
    pub ground_points: u64,
    /// Points below it.
    pub below: u64,
    /// Points left out as noise.
    pub noise: u64,
    /// Whether the classes that were delivered were used.
    pub classes_used: bool,
    /// The terrain.
    pub terrain: Shares,
    /// The surface.
    pub surface: Shares,
    /// Area of the cells with points of the building class, square metres.
    pub building_m2: f64,
    /// Lowest and highest terrain, metres above the ellipsoid.
    pub range_m: Option<[f32; 2]>,
}

/// The whole report of an import of points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudReport {
    /// Of the report itself.
    pub format: u32,
    /// Always `points`.
    pub kind: String,
    /// Names of the files.
    pub files: Vec<String>,
    /// Tells these files and options from others.
    pub fingerprint: String,
    /// How it was placed.
    pub place: Placed,
    /// West, south, east, north in degrees, lowest and highest in metres above the ellipsoid, by the headers.
    pub region_deg_m: [f64; 6],
    /// Points in the tileset.
    pub points: u64,
    /// Points without a place.
    pub left_out: u64,
    /// Tiles.
    pub tiles: u64,
    /// Levels.
    pub levels: u32,
    /// Bytes of the tiles.
    pub bytes: u64,
    /// The ground, if it could be found.
    pub ground: Option<GroundFigures>,
    /// What was found wrong.
    pub findings: Vec<Finding>,
}

impl CloudReport {
    /// How many findings of a kind there are.
    pub fn count(&self, kind: FindingKind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }
}

impl fmt::Display for CloudReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source           {} files: {}", self.files.len(), shortened(&self.files))?;
        writeln!(
            f,
            "result           {} points in {} tiles, {} levels, {} bytes ({:.2} a point); {} points left out",
            self.points,
            self.tiles,
            self.levels,
            self.bytes,
            self.bytes as f64 / self.points.max(1) as f64,
            self.left_out
        )?;
        match &self.ground {
            None => writeln!(f, "ground           none found")?,
            Some(ground) => {
                writeln!(
                    f,
                    "ground           {} points ({}), {} below it, {} noise; {} × {} cells of {} m",
                    ground.ground_points,
                    if ground.classes_used { "by the delivered classes" } else { "found by their shape" },
                    ground.below,
                    ground.noise,
                    ground.cells[0],
                    ground.cells[1],
                    ground.cell_m
                )?;
                for (name, shares) in [("terrain", ground.terrain), ("surface", ground.surface)] {
                    writeln!(
                        f,
                        "{name}          {:.1} % measured, {:.1} % filled, {:.1} % void",
                        shares.measured * 100.0,
                        shares.filled * 100.0,
                        shares.void * 100.0
                    )?;
                }
                if ground.building_m2 > 0.0 {
                    writeln!(f, "buildings        {:.0} m² by the delivered classes", ground.building_m2)?;
                }
            }
        }
        writeln!(f, "place            {}, heights from {}", self.place.crs, self.place.heights)?;
        let [w, s, e, n, low, high] = self.region_deg_m;
        writeln!(f, "extent           {w:.6},{s:.6} to {e:.6},{n:.6} degrees, {low:.1} to {high:.1} m")?;
        for note in &self.place.notes {
            writeln!(f, "note             {note}")?;
        }
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        Ok(())
    }
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

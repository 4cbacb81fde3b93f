//! What heights are measured from.

use std::sync::Arc;

use super::CrsError;

/// What the heights of a delivery are measured from. Never assumed: a model that floats or sinks by 20 m is the usual
/// outcome of guessing.
#[derive(Clone, Debug, PartialEq)]
pub enum HeightDatum {
    /// The WGS 84 ellipsoid.
    Ellipsoidal,
    /// A surface that lies a constant number of metres above the ellipsoid.
    Offset(f64),
    /// The geoid of a grid.
    Geoid(Arc<GeoidGrid>),
}

impl HeightDatum {
    /// Height of the surface above the ellipsoid, metres.
    ///
    /// # Errors
    /// [`CrsError::OutsideGrid`].
    pub fn separation_m(&self, lon_rad: f64, lat_rad: f64) -> Result<f64, CrsError> {
        match self {
            Self::Ellipsoidal => Ok(0.0),
            Self::Offset(metres) => Ok(*metres),
            Self::Geoid(grid) => {
                let (lon_deg, lat_deg) = (lon_rad.to_degrees(), lat_rad.to_degrees());
                grid.separation_m(lon_deg, lat_deg).ok_or(CrsError::OutsideGrid { lon_deg, lat_deg })
            }
        }
    }
}

/// A grid of geoid heights over longitude and latitude.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoidGrid {
    name: String,
    west_deg: f64,
    south_deg: f64,
    step_deg: [f64; 2],
    columns: usize,
    rows: usize,
    /// South row first, west to east; metres; NaN where there is none.
    values: Vec<f32>,
}

/// Why a grid cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("geoid grid {name}: {reason}")]
pub struct GeoidGridError {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}

/// More values are refused (a 1′ world grid has 233 million).
const MAX_VALUES: u64 = 300_000_000;
/// "No value" in GTX.
const GTX_NO_VALUE: f32 = -88.888_8;

impl GeoidGrid {
    /// From values, south row first, west to east.
    ///
    /// # Errors
    /// Steps or counts that make no grid.
    pub fn new(
        name: &str,
        south_west_deg: [f64; 2],
        step_deg: [f64; 2],
        [columns, rows]: [usize; 2],
        values: Vec<f32>,
    ) -> Result<Self, GeoidGridError> {
        let fail = |reason: String| GeoidGridError { name: name.to_owned(), reason };
        let [west_deg, south_deg] = south_west_deg;
        let sane = (-360.0..=360.0).contains(&west_deg)
            && (-90.0..=90.0).contains(&south_deg)
            && step_deg.iter().all(|s| *s > 0.0 && *s <= 90.0);
        if !sane {
            return Err(fail(format!(
                "it begins at {west_deg}, {south_deg} with steps of {step_deg:?} degrees"
            )));
        }
        if columns < 2 || rows < 2 || columns.checked_mul(rows) != Some(values.len()) {
            return Err(fail(format!("{} values for {columns} x {rows}", values.len())));
        }
        Ok(Self { name: name.to_owned(), west_deg, south_deg, step_deg, columns, rows, values })
    }

    /// From the bytes of a GTX file (NOAA VDatum): four big-endian `f64` (latitude and longitude of the south-west
    /// corner, steps), two `i32` (rows, columns), then rows from the south.
    ///
    /// # Errors
    /// A file that is none.
    pub fn from_gtx(name: &str, bytes: &[u8]) -> Result<Self, GeoidGridError> {
        let fail = |reason: String| GeoidGridError { name: name.to_owned(), reason };
        let (header, body) =
            bytes.split_at_checked(40).ok_or_else(|| fail(format!("a GTX file of {} bytes", bytes.len())))?;
        let number = |at: usize| -> f64 {
            header.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(f64::NAN, f64::from_be_bytes)
        };
        let count = |at: usize| -> i64 {
            header
                .get(at..at + 4)
                .and_then(|b| b.try_into().ok())
                .map_or(-1, |b| i64::from(i32::from_be_bytes(b)))
        };
        let (south, west, step_lat, step_lon) = (number(0), number(8), number(16), number(24));
        let (rows, columns) = (count(32), count(36));
        let expected =
            u64::try_from(rows).ok().zip(u64::try_from(columns).ok()).map(|(r, c)| r.saturating_mul(c));
        match expected {
            Some(expected) if expected <= MAX_VALUES && expected * 4 == body.len() as u64 => {}
            _ => return Err(fail(format!("{rows} x {columns} values in {} bytes", body.len()))),
        }
        let values = body
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_be_bytes(*bytes))
            .map(|value| if (value - GTX_NO_VALUE).abs() < 1e-3 { f32::NAN } else { value })
            .collect();
        Self::new(name, [west, south], [step_lon, step_lat], [columns as usize, rows as usize], values)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Height of the geoid above the ellipsoid, metres, between the four nearest values (bilinear, as PROJ does it);
    /// `None` outside.
    pub fn separation_m(&self, lon_deg: f64, lat_deg: f64) -> Option<f64> {
        let width_deg = self.step_deg[0] * self.columns as f64;
        let is_round = (width_deg - 360.0).abs() < self.step_deg[0] * 0.01;
        let x = (lon_deg - self.west_deg).rem_euclid(360.0) / self.step_deg[0];
        let y = (lat_deg - self.south_deg) / self.step_deg[1];
        // A hair beyond the edge is the edge: grids are written with rounded steps.
        let clamp = |value: f64, last: usize| {
            let last = last as f64;
            (value > -1e-9 && value < last + 1e-9).then(|| value.clamp(0.0, last))
        };
        let y = clamp(y, self.rows - 1)?;
        let x = if is_round { x } else { clamp(x, self.columns - 1)? };
        let (column, row) = (x.floor(), (y.floor()).min(self.rows as f64 - 2.0));
        let (fx, fy) = (x - column, y - row);
        let at = |dx: usize, dy: usize| -> Option<f64> {
            let mut column = column as usize + dx;
            if column >= self.columns {
                column = if is_round { column - self.columns } else { self.columns - 1 };
            }
            let value = *self.values.get((row as usize + dy) * self.columns + column)?;
            value.is_finite().then_some(f64::from(value))
        };
        let south = at(0, 0)? * (1.0 - fx) + at(1, 0)? * fx;
        let north = at(0, 1)? * (1.0 - fx) + at(1, 1)? * fx;
        Some(south * (1.0 - fy) + north * fy)
    }
}

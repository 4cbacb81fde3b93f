//! Where the pixels of a raster lie.

use super::geo_keys::PixelIs;

/// From pixels to coordinates: affine, in whatever system the raster is in. Pixel positions count from the outer corner
/// of the first pixel; its centre is (0.5, 0.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoTransform {
    /// Coordinates of the outer corner of the first pixel.
    pub origin: [f64; 2],
    /// What a step of one column adds.
    pub column: [f64; 2],
    /// What a step of one row adds.
    pub row: [f64; 2],
}

/// Why the placement of a raster was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GeoTransformError {
    /// Numbers that place nothing.
    #[error("{0} do not place a raster: {1:?}")]
    Numbers(&'static str, Vec<f64>),
    /// Placed by control points, which is no affine placement.
    #[error("{0} control points place the raster: have it rectified")]
    ControlPoints(usize),
    /// Not the six lines of a world file.
    #[error("a world file is six lines of one number each")]
    WorldFile,
}

impl GeoTransform {
    /// From the tags of a GeoTIFF: `ModelPixelScale`, `ModelTiepoint`, `ModelTransformation`. `None` without any.
    ///
    /// # Errors
    /// Numbers that are not finite, that map all pixels to a line, or too few of them.
    pub fn from_tags(
        scale: Option<&[f64]>,
        ties: Option<&[f64]>,
        matrix: Option<&[f64]>,
        pixel_is: PixelIs,
    ) -> Result<Option<Self>, GeoTransformError> {
        let found = match (matrix, scale, ties) {
            (Some(m), ..) => {
                let &[a, b, _, x, c, d, _, y, ..] = m else {
                    return Err(GeoTransformError::Numbers("a ModelTransformation", m.to_vec()));
                };
                Self { origin: [x, y], column: [a, c], row: [b, d] }
            }
            (None, Some(scale), Some(ties)) => {
                let (&[east, north, ..], &[column, row, _, x, y, ..]) = (scale, ties) else {
                    let numbers = [scale, ties].concat();
                    return Err(GeoTransformError::Numbers("a ModelPixelScale and a ModelTiepoint", numbers));
                };
                let origin = [x - column * east, y + row * north];
                Self { origin, column: [east, 0.0], row: [0.0, -north] }
            }
            (None, None, Some(ties)) if ties.len() > 6 => {
                return Err(GeoTransformError::ControlPoints(ties.len() / 6));
            }
            _ => return Ok(None),
        };
        let found = match pixel_is {
            PixelIs::Area => found,
            PixelIs::Point => found.shifted(-0.5),
        };
        found.checked("the tags").map(Some)
    }
    /// From the text of a world file, which places the centre of the first pixel.
    ///
    /// # Errors
    /// Not six numbers, or such as place nothing.
    pub fn from_world_file(text: &str) -> Result<Self, GeoTransformError> {
        let numbers: Option<Vec<f64>> =
            text.split_whitespace().map(|word| word.replace(',', ".").parse().ok()).collect();
        let Some(&[a, d, b, e, x, y]) = numbers.as_deref() else { return Err(GeoTransformError::WorldFile) };
        Self { origin: [x, y], column: [a, d], row: [b, e] }.shifted(-0.5).checked("the world file's numbers")
    }
    /// Coordinates of a place in pixels.
    pub fn at(&self, column: f64, row: f64) -> [f64; 2] {
        [0, 1].map(|axis| self.origin[axis] + self.column[axis] * column + self.row[axis] * row)
    }
    /// The place in pixels (column, row) of coordinates.
    pub fn pixel_at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (x, y) = (x - self.origin[0], y - self.origin[1]);
        let area = self.area();
        [(x * self.row[1] - y * self.row[0]) / area, (y * self.column[0] - x * self.column[1]) / area]
    }
    /// Length of a step along columns and rows, in the raster's units.
    pub fn pixel_size(&self) -> [f64; 2] {
        [self.column, self.row].map(|step| step[0].hypot(step[1]))
    }
    /// Lowest and highest coordinates of a raster of so many pixels.
    pub fn bounds(&self, width: u32, height: u32) -> [[f64; 2]; 2] {
        let (w, h) = (f64::from(width), f64::from(height));
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(column, row)| self.at(column, row));
        let fold = |pick: fn(f64, f64) -> f64, from: f64| {
            [0, 1].map(|axis| corners.iter().fold(from, |found, corner| pick(found, corner[axis])))
        };
        [fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY)]
    }

    fn area(&self) -> f64 {
        self.column[0] * self.row[1] - self.column[1] * self.row[0]
    }
    /// The same, with pixels counted from elsewhere.
    fn shifted(self, pixels: f64) -> Self {
        Self { origin: self.at(pixels, pixels), ..self }
    }
    fn checked(self, what: &'static str) -> Result<Self, GeoTransformError> {
        let numbers = [self.origin, self.column, self.row].concat();
        let area = self.area().abs();
        if numbers.iter().all(|n| n.is_finite() && n.abs() < 1e15) && area > 1e-30 {
            Ok(self)
        } else {
            Err(GeoTransformError::Numbers(what, numbers))
        }
    }
}

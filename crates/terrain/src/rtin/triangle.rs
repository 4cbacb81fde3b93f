//! Right triangles of a lattice, and the splitting of them.

/// A sample as (column, row).
pub(crate) type Sample = (u32, u32);

/// A right triangle by the ends of its longest side and its apex; clockwise seen from above.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    begin: Sample,
    end: Sample,
    apex: Sample,
}

impl Triangle {
    /// The two triangles that make up a square of `cells` at `(x, y)`.
    pub(crate) fn pair((x, y): Sample, cells: u32, rises_eastward: bool) -> [Self; 2] {
        let (sw, se, nw, ne) = ((x, y), (x + cells, y), (x, y + cells), (x + cells, y + cells));
        if rises_eastward {
            [Self { begin: sw, end: ne, apex: se }, Self { begin: ne, end: sw, apex: nw }]
        } else {
            [Self { begin: se, end: nw, apex: ne }, Self { begin: nw, end: se, apex: sw }]
        }
    }
    /// Corners, counter-clockwise seen from above.
    pub(crate) fn corners(self) -> [Sample; 3] {
        [self.begin, self.apex, self.end]
    }
    /// The sample that halves the longest side, if there is one.
    pub(crate) fn middle(self) -> Option<Sample> {
        let length = self.begin.0.abs_diff(self.end.0).max(self.begin.1.abs_diff(self.end.1));
        (length > 1).then(|| ((self.begin.0 + self.end.0) / 2, (self.begin.1 + self.end.1) / 2))
    }
    fn halves(self, middle: Sample) -> [Self; 2] {
        [
            Self { begin: self.apex, end: self.begin, apex: middle },
            Self { begin: self.end, end: self.apex, apex: middle },
        ]
    }
}

/// Hands on the coarsest triangles within two whose error, by the sample that halves their longest side, is at most
/// `max_error_m`.
pub(crate) fn refine(
    pair: [Triangle; 2],
    max_error_m: f64,
    error_m: impl Fn(Sample) -> f32,
    mut take: impl FnMut(Triangle),
) {
    // At most one triangle waits at each level of each half.
    let mut waiting: Vec<Triangle> = pair.into_iter().rev().collect();
    while let Some(triangle) = waiting.pop() {
        match triangle.middle() {
            Some(middle) if f64::from(error_m(middle)) > max_error_m => {
                let [left, right] = triangle.halves(middle);
                waiting.extend([right, left]);
            }
            _ => take(triangle),
        }
    }
}

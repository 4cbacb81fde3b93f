//! How far the triangles of a right-triangulated network are from the samples beneath them.
//!
//! At each scale the lattice is cut into squares of `side` cells. A square's diagonal halves it into two triangles, and
//! its centre cuts it into four; the middle of the longest side of the former is the centre, that of the latter the
//! middle of a side of the square, which two squares share. So errors kept per sample agree across squares, and across
//! tiles of the lattice, by themselves.

/// Heights of a square lattice, row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lattice<'a> {
    /// Finite, known or not.
    pub(crate) heights: &'a [f32],
    /// Which samples count; `None`: all.
    pub(crate) known: Option<&'a [bool]>,
    /// Samples along a side, a multiple of the tile's cells plus 1.
    pub(crate) samples: usize,
    /// Cells along the side of a tile: the largest triangles. A power of two, at least 2.
    pub(crate) tile_cells: usize,
}

/// Deviations of the triangles of a square, metres.
#[derive(Clone, Copy, Debug)]
struct Deviations {
    /// The four around the centre, at the south, east, north and west side.
    around: [f32; 4],
    /// The greater of the two beside the diagonal.
    beside: f32,
}

/// Per sample: the error, metres, that remains if the triangles whose longest side it halves are not split, those they
/// would be split into and their neighbours across a shared side included: whatever is split, no vertex hangs on an
/// edge. Infinite where some of the samples beneath are known and some are not; unknown ones have no error.
pub(crate) fn measure(lattice: Lattice<'_>) -> Vec<f32> {
    let Lattice { samples, tile_cells, .. } = lattice;
    let mut errors = vec![0.0f32; samples * samples];
    let mut side = 2;
    while side <= tile_cells {
        let (half, quarter) = (side / 2, side / 4);
        let squares = (samples - 1) / side;
        let corner = |k: usize| (k % squares * side, k / squares * side);
        for (x, y) in (0..squares * squares).map(corner) {
            let Deviations { around, beside } = lattice.deviations(x, y, side);
            let at = |dx: usize, dy: usize| (y + dy) * samples + x + dx;
            // Centres of the quadrants: south-west, south-east, north-west, north-east.
            let quadrants = if quarter > 0 {
                let far = half + quarter;
                [(quarter, quarter), (far, quarter), (quarter, far), (far, far)]
                    .map(|(dx, dy)| errors[at(dx, dy)])
            } else {
                [0.0; 4]
            };
            let [sw, se, nw, ne] = quadrants;
            let middles = [at(half, 0), at(side, half), at(half, side), at(0, half)];
            let below = [sw.max(se), se.max(ne), nw.max(ne), sw.max(nw)];
            for ((middle, own), below) in middles.into_iter().zip(around).zip(below) {
                errors[middle] = errors[middle].max(own).max(below);
            }
            errors[at(half, half)] = beside;
        }
        // Only now are the errors of all sides complete.
        for (x, y) in (0..squares * squares).map(corner) {
            let at = |dx: usize, dy: usize| (y + dy) * samples + x + dx;
            let sides = [at(half, 0), at(side, half), at(half, side), at(0, half)];
            let worst = sides.into_iter().map(|middle| errors[middle]).fold(0.0, f32::max);
            let center = at(half, half);
            errors[center] = errors[center].max(worst);
        }
        side *= 2;
    }
    errors
}

/// Whether the diagonal of a square runs from south-west to north-east; the others run from north-west to south-east.
pub(crate) fn rises_eastward(square_x: usize, square_y: usize) -> bool {
    (square_x + square_y).is_multiple_of(2)
}

impl Lattice<'_> {
    fn deviations(&self, x: usize, y: usize, side: usize) -> Deviations {
        let rises = rises_eastward(x / side, y / side);
        let Some(known) = self.known else { return self.of_known(x, y, side, rises) };
        let rows = (y..=y + side).map(|row| &known[row * self.samples + x..=row * self.samples + x + side]);
        let found = rows.flatten().filter(|known| **known).count();
        match found {
            0 => Deviations { around: [0.0; 4], beside: 0.0 },
            all if all == (side + 1) * (side + 1) => self.of_known(x, y, side, rises),
            _ => self.of_mixed(known, x, y, side, rises),
        }
    }
    fn height(&self, x: usize, y: usize) -> f64 {
        f64::from(self.heights[y * self.samples + x])
    }
    /// Row by row, each in the stretches that lie in one triangle.
    fn of_known(&self, x: usize, y: usize, side: usize, rises: bool) -> Deviations {
        let planes = Planes::of(self, x, y, side, rises);
        let half = side / 2;
        let mut around = [0.0f64; 4];
        let mut beside = 0.0f64;
        for v in 0..=side {
            let row = &self.heights[(y + v) * self.samples + x..=(y + v) * self.samples + x + side];
            let (near, middle) = if v <= half { (v, 0) } else { (side - v, 2) };
            for (triangle, from, to) in [(3, 0, near), (middle, near, side - near), (1, side - near, side)] {
                around[triangle] = around[triangle].max(planes.around[triangle].deviation(row, v, from, to));
            }
            // South-east and north-west of the one diagonal, or south-west and north-east of the other.
            let cut = if rises { v } else { side - v };
            let (first, second) = if rises { (1, 0) } else { (0, 1) };
            beside = beside.max(planes.beside[first].deviation(row, v, 0, cut));
            beside = beside.max(planes.beside[second].deviation(row, v, cut, side));
        }
        Deviations { around: around.map(rounded_up), beside: rounded_up(beside) }
    }
    /// Sample by sample, borders belonging to the triangles on both sides.
    fn of_mixed(&self, known: &[bool], x: usize, y: usize, side: usize, rises: bool) -> Deviations {
        let planes = Planes::of(self, x, y, side, rises);
        // Known and unknown samples, and the worst deviation, of the four and the two triangles.
        let mut found = [(false, false, 0.0f64); 6];
        for v in 0..=side {
            for u in 0..=side {
                let is_known = known[(y + v) * self.samples + x + u];
                let [south, north] = [v <= u && v <= side - u, v >= u && v >= side - u];
                let [west, east] = [u <= v && u <= side - v, u >= v && u >= side - v];
                let beside = if rises { [v <= u, v >= u] } else { [u + v <= side, u + v >= side] };
                let inside = [south, east, north, west, beside[0], beside[1]];
                for ((slot, plane), _) in
                    found.iter_mut().zip(planes.all()).zip(inside).filter(|(_, inside)| *inside)
                {
                    slot.0 |= is_known;
                    slot.1 |= !is_known;
                    if is_known {
                        slot.2 = slot.2.max((plane.at(u, v) - self.height(x + u, y + v)).abs());
                    }
                }
            }
        }
        let of = |(known, unknown, worst): (bool, bool, f64)| {
            if known && unknown { f32::INFINITY } else { rounded_up(worst) }
        };
        let [south, east, north, west, first, second] = found.map(of);
        Deviations { around: [south, east, north, west], beside: first.max(second) }
    }
}

/// A plane over a square: height at its south-west corner, and rise per cell.
#[derive(Clone, Copy)]
struct Plane {
    corner: f64,
    east: f64,
    north: f64,
}

struct Planes {
    around: [Plane; 4],
    /// The triangle at the south side, then the one at the north side.
    beside: [Plane; 2],
}

impl Planes {
    fn of(lattice: &Lattice<'_>, x: usize, y: usize, side: usize, rises: bool) -> Self {
        let cells = side as f64;
        let corner = |dx: usize, dy: usize| lattice.height(x + dx, y + dy);
        let (sw, se, nw, ne) = (corner(0, 0), corner(side, 0), corner(0, side), corner(side, side));
        let center = corner(side / 2, side / 2);
        // Along a side, and from its middle to the centre.
        let south =
            Plane { corner: sw, east: (se - sw) / cells, north: (center - (sw + se) * 0.5) / (cells * 0.5) };
        let north = {
            let (east, north) = ((ne - nw) / cells, ((nw + ne) * 0.5 - center) / (cells * 0.5));
            Plane { corner: nw - north * cells, east, north }
        };
        let west =
            Plane { corner: sw, east: (center - (sw + nw) * 0.5) / (cells * 0.5), north: (nw - sw) / cells };
        let east = {
            let (east, north) = (((se + ne) * 0.5 - center) / (cells * 0.5), (ne - se) / cells);
            Plane { corner: se - east * cells, east, north }
        };
        let beside = if rises {
            [
                Plane { corner: sw, east: (se - sw) / cells, north: (ne - se) / cells },
                Plane { corner: sw, east: (ne - nw) / cells, north: (nw - sw) / cells },
            ]
        } else {
            let (along_north, along_east) = ((ne - nw) / cells, (ne - se) / cells);
            [
                Plane { corner: sw, east: (se - sw) / cells, north: (nw - sw) / cells },
                Plane {
                    corner: ne - (along_north + along_east) * cells,
                    east: along_north,
                    north: along_east,
                },
            ]
        };
        Self { around: [south, east, north, west], beside }
    }
    fn all(&self) -> impl Iterator<Item = Plane> {
        self.around.into_iter().chain(self.beside)
    }
}

impl Plane {
    fn at(self, u: usize, v: usize) -> f64 {
        self.corner + self.north * v as f64 + self.east * u as f64
    }
    /// Greatest distance from the heights of a part of a row.
    fn deviation(self, row: &[f32], v: usize, from: usize, to: usize) -> f64 {
        let start = self.corner + self.north * v as f64;
        row[from..=to].iter().enumerate().fold(0.0, |worst, (k, &height)| {
            let off = (start + self.east * (from + k) as f64 - f64::from(height)).abs();
            if off > worst { off } else { worst }
        })
    }
}

fn rounded_up(value: f64) -> f32 {
    let rounded = value as f32;
    if f64::from(rounded) < value { rounded.next_up() } else { rounded }
}

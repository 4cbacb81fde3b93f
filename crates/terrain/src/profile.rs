//! The ground along a line.

use glam::DVec2;

use crate::HeightField;

/// A part of a profile within one cell, where the height is a polynomial of the distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileSpan {
    /// Where it begins, metres of plan from the start of the line.
    pub start_m: f64,
    /// Where it ends.
    pub end_m: f64,
    /// Height, rise per metre and half the change of the rise per metre at `start_m`: the height at distance d is
    /// `[0] + [1] (d − start) + [2] (d − start)²`. `None` outside the field and in cells with an absent corner.
    pub ground: Option<[f64; 3]>,
}

/// The ground along a line of the plan, exact on the bilinear surface: one span per cell crossed, end to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    spans: Vec<ProfileSpan>,
}

impl ProfileSpan {
    /// Height at a distance from the start of the line, metres; `None` where there is no ground.
    pub fn height_at(&self, distance_m: f64) -> Option<f64> {
        let [height, rise, bend] = self.ground?;
        let along = distance_m - self.start_m;
        Some(height + along * (rise + along * bend))
    }
    /// Lowest and highest height in the span, metres.
    pub fn range(&self) -> Option<(f64, f64)> {
        let [_, rise, bend] = self.ground?;
        let turn = self.start_m - rise / (2.0 * bend);
        let turn = (turn > self.start_m && turn < self.end_m).then_some(turn);
        let heights = [Some(self.start_m), Some(self.end_m), turn].into_iter().flatten();
        heights.filter_map(|distance| self.height_at(distance)).fold(None, |range, height| match range {
            None => Some((height, height)),
            Some((low, high)) => Some((height.min(low), height.max(high))),
        })
    }
}

impl Profile {
    /// The spans, end to end from 0 to the length.
    pub fn spans(&self) -> &[ProfileSpan] {
        &self.spans
    }
    /// Length of the line in the plan, metres.
    pub fn length_m(&self) -> f64 {
        self.spans.last().map_or(0.0, |span| span.end_m)
    }
    /// Height at a distance from the start, metres; `None` beyond the ends and where there is no ground.
    pub fn height_at(&self, distance_m: f64) -> Option<f64> {
        let after = self.spans.partition_point(|span| span.end_m < distance_m);
        let span = self.spans.get(after).filter(|span| span.start_m <= distance_m)?;
        // On a border either side has the height; one may lack it.
        let next = self.spans.get(after + 1).filter(|next| next.start_m <= distance_m);
        span.height_at(distance_m).or_else(|| next?.height_at(distance_m))
    }
    /// Lowest and highest height along the line, metres; `None` if there is no ground at all.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.spans.iter().filter_map(ProfileSpan::range).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
    /// Share of the line that has ground, in [0, 1].
    pub fn known_share(&self) -> f64 {
        let known = self.spans.iter().filter(|span| span.ground.is_some());
        let known_m: f64 = known.map(|span| span.end_m - span.start_m).sum();
        if self.length_m() > 0.0 { (known_m / self.length_m()).min(1.0) } else { 0.0 }
    }
}

impl HeightField {
    /// The ground along a line between two points of the plan. Empty if they are the same or not finite.
    pub fn profile(&self, from: DVec2, to: DVec2) -> Profile {
        let length = from.distance(to);
        if !length.is_finite() || length == 0.0 {
            return Profile { spans: Vec::new() };
        }
        let direction = (to - from) / length;
        let mut cuts: Vec<f64> = vec![0.0, length];
        for axis in 0..2 {
            self.cut(from[axis], direction[axis], axis, length, &mut cuts);
        }
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let spans = cuts.windows(2).map(|pair| {
            let (start_m, end_m) = (pair[0], pair[1]);
            let ground = self.along(from, direction, start_m, end_m);
            ProfileSpan { start_m, end_m, ground }
        });
        Profile { spans: spans.collect() }
    }

    /// Distances at which a line crosses the lines of samples of one axis, those at the border included.
    fn cut(&self, start: f64, speed: f64, axis: usize, length: f64, cuts: &mut Vec<f64>) {
        if speed == 0.0 {
            return;
        }
        let (origin, cell_m) = (self.extent().0[axis], self.cell_m());
        let count = if axis == 0 { self.columns() } else { self.rows() };
        let line = |distance: f64| (start + speed * distance - origin) / cell_m;
        let (a, b) = (line(0.0), line(length));
        let last = f64::from(count - 1);
        let (first, last) = (a.min(b).ceil().max(0.0), a.max(b).floor().min(last));
        let mut index = first;
        while index <= last {
            let distance = (origin + index * cell_m - start) / speed;
            if distance > 0.0 && distance < length {
                cuts.push(distance);
            }
            index += 1.0;
        }
    }
    /// The polynomial over the cell that a part of a line lies in.
    fn along(&self, from: DVec2, direction: DVec2, start_m: f64, end_m: f64) -> Option<[f64; 3]> {
        let middle = from + direction * (0.5 * (start_m + end_m));
        let (low, high) = self.extent();
        if !(middle.cmpge(low).all() && middle.cmple(high).all()) {
            return None;
        }
        let in_cells = (middle - low) / self.cell_m();
        let column = (in_cells.x as u32).min(self.columns() - 2);
        let row = (in_cells.y as u32).min(self.rows() - 2);
        let [sw, se, nw, ne] = self.cell_corners(column, row).map(f64::from);
        let start = (from + direction * start_m - self.position(column, row)) / self.cell_m();
        let step = direction / self.cell_m();
        let (east, north, twist) = (se - sw, nw - sw, ne - se - nw + sw);
        let ground = [
            sw + east * start.x + north * start.y + twist * start.x * start.y,
            east * step.x + north * step.y + twist * (start.x * step.y + start.y * step.x),
            twist * step.x * step.y,
        ];
        ground.iter().all(|part| part.is_finite()).then_some(ground)
    }
}

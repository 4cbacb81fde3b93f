//! Outlines of masks: rings around the cells that are set, and masks made tidy before.

use std::collections::BTreeMap;

use glam::DVec2;

/// A mask of square cells, row by row from the south, each from the west.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    columns: usize,
    rows: usize,
    cells: Vec<bool>,
}

impl Mask {
    /// A mask with no cell set.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![false; columns * rows] }
    }

    /// A mask of these cells; `None` if they are not `columns × rows`.
    pub fn of(columns: usize, rows: usize, cells: Vec<bool>) -> Option<Self> {
        (cells.len() == columns * rows).then_some(Self { columns, rows, cells })
    }

    /// Whether a cell is set; not outside.
    pub fn get(&self, column: i64, row: i64) -> bool {
        let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row)) else { return false };
        column < self.columns && self.cells.get(row * self.columns + column).copied().unwrap_or(false)
    }

    /// Sets a cell, if it is one.
    pub fn set(&mut self, column: usize, row: usize) {
        if column < self.columns
            && let Some(cell) = self.cells.get_mut(row * self.columns + column)
        {
            *cell = true;
        }
    }

    /// Cells that are set.
    pub fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// Sets the cells whose middles lie in a triangle; corners are in cells from the south-west corner.
    pub fn draw(&mut self, corners: [DVec2; 3]) {
        let low = corners[0].min(corners[1]).min(corners[2]);
        let high = corners[0].max(corners[1]).max(corners[2]);
        if !(low.is_finite() && high.is_finite()) {
            return;
        }
        let first = (low - 0.5).ceil().max(DVec2::ZERO);
        let last = (high - 0.5).floor().min(DVec2::new(self.columns as f64 - 1.0, self.rows as f64 - 1.0));
        if !first.cmple(last).all() {
            return;
        }
        let [a, b, c] = corners;
        for row in first.y as usize..=last.y as usize {
            for column in first.x as usize..=last.x as usize {
                let p = DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
                let sides = [(a, b), (b, c), (c, a)].map(|(from, to)| (to - from).perp_dot(p - from));
                if sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0) {
                    self.set(column, row);
                }
            }
        }
    }

    /// The mask with all cells within `cells` (by rows and columns) of one that is set.
    pub fn grown(&self, cells: usize) -> Self {
        (0..cells).fold(self.clone(), |mask, _| mask.stepped(true))
    }

    /// The mask without the cells within `cells` (by rows and columns) of one that is not set; what lies outside is not.
    pub fn shrunk(&self, cells: usize) -> Self {
        (0..cells).fold(self.clone(), |mask, _| mask.stepped(false))
    }

    fn stepped(&self, to: bool) -> Self {
        let mut out = self.clone();
        for (index, cell) in out.cells.iter_mut().enumerate().filter(|(_, cell)| **cell != to) {
            let (column, row) = ((index % self.columns) as i64, (index / self.columns) as i64);
            let near = (-1..=1).any(|dy| (-1..=1).any(|dx| self.get(column + dx, row + dy) == to));
            if near {
                *cell = to;
            }
        }
        out
    }

    /// Clears areas of fewer than `least` cells, and fills holes of fewer than `least` cells. Cells touch by their sides.
    pub fn tidied(&self, least: usize) -> Self {
        let mut out = self.clone();
        let mut seen = vec![false; self.cells.len()];
        let mut stack = Vec::new();
        let mut area = Vec::new();
        for start in 0..self.cells.len() {
            if seen[start] {
                continue;
            }
            let kind = self.cells[start];
            area.clear();
            stack.push(start);
            seen[start] = true;
            let mut at_border = false;
            while let Some(index) = stack.pop() {
                area.push(index);
                let (column, row) = (index % self.columns, index / self.columns);
                at_border |= column == 0 || row == 0 || column + 1 == self.columns || row + 1 == self.rows;
                let near = [
                    (column > 0).then(|| index - 1),
                    (column + 1 < self.columns).then(|| index + 1),
                    (row > 0).then(|| index - self.columns),
                    (row + 1 < self.rows).then(|| index + self.columns),
                ];
                for next in near.into_iter().flatten() {
                    if !seen[next] && self.cells[next] == kind {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
            if area.len() < least && (kind || !at_border) {
                area.iter().for_each(|index| out.cells[*index] = !kind);
            }
        }
        out
    }

    /// Rings around the cells that are set, corners in cells from the south-west corner: outer rings counter-clockwise,
    /// holes clockwise, each where it begins farthest south, then west. Cells that touch at a corner only are apart.
    pub fn rings(&self) -> Vec<Vec<DVec2>> {
        // Sides with the cell on the left, by where they begin.
        let mut sides: BTreeMap<(i64, i64), Vec<(i64, i64)>> = BTreeMap::new();
        for (index, _) in self.cells.iter().enumerate().filter(|(_, cell)| **cell) {
            let (column, row) = ((index % self.columns) as i64, (index / self.columns) as i64);
            let mut side = |from: (i64, i64), to: (i64, i64)| {
                // By row first: rings begin in the south.
                sides.entry((from.1, from.0)).or_default().push((to.1, to.0));
            };
            if !self.get(column, row - 1) {
                side((column, row), (column + 1, row));
            }
            if !self.get(column + 1, row) {
                side((column + 1, row), (column + 1, row + 1));
            }
            if !self.get(column, row + 1) {
                side((column + 1, row + 1), (column, row + 1));
            }
            if !self.get(column - 1, row) {
                side((column, row + 1), (column, row));
            }
        }
        let mut rings = Vec::new();
        while let Some((&start, _)) = sides.iter().next() {
            let mut ring: Vec<(i64, i64)> = vec![start];
            let (mut before, mut at) = (None::<(i64, i64)>, start);
            while let Some(nexts) = sides.get_mut(&at) {
                // At a corner of two cells turn left: they stay apart.
                let left = |next: &(i64, i64)| match before {
                    None => 0,
                    Some(before) => {
                        let (ay, ax) = (at.0 - before.0, at.1 - before.1);
                        let (by, bx) = (next.0 - at.0, next.1 - at.1);
                        ay * bx - ax * by
                    }
                };
                let Some(k) = (0..nexts.len()).min_by_key(|k| left(&nexts[*k])) else { break };
                let next = nexts.swap_remove(k);
                if nexts.is_empty() {
                    sides.remove(&at);
                }
                (before, at) = (Some(at), next);
                if at == start {
                    break;
                }
                ring.push(at);
            }
            rings.push(straightened(&ring));
        }
        rings
    }
}

/// Without the corners at which a ring goes straight on.
fn straightened(ring: &[(i64, i64)]) -> Vec<DVec2> {
    let count = ring.len();
    let turns = |k: usize| {
        let (a, b, c) = (ring[(k + count - 1) % count], ring[k], ring[(k + 1) % count]);
        (b.0 - a.0) * (c.1 - b.1) != (b.1 - a.1) * (c.0 - b.0)
    };
    (0..count).filter(|k| turns(*k)).map(|k| DVec2::new(ring[k].1 as f64, ring[k].0 as f64)).collect()
}

/// Area of a ring, positive counter-clockwise.
pub fn ring_area(ring: &[DVec2]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a.perp_dot(*b)).sum::<f64>() * 0.5
}

/// Polygons of rings: each outer ring (counter-clockwise) with the holes (clockwise) in it. Holes in nothing are left out.
pub fn polygons(rings: Vec<Vec<DVec2>>) -> Vec<Vec<Vec<DVec2>>> {
    let (outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| ring_area(ring) > 0.0);
    let mut polygons: Vec<Vec<Vec<DVec2>>> = outer.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        let Some(first) = hole.first().copied() else { continue };
        let area = |polygon: &[Vec<DVec2>]| polygon.first().map_or(0.0, |ring| ring_area(ring));
        let home = polygons
            .iter_mut()
            .filter(|polygon| polygon.first().is_some_and(|ring| ring_contains(ring, first)))
            .min_by(|a, b| area(a).total_cmp(&area(b)));
        if let Some(home) = home {
            home.push(hole);
        }
    }
    polygons
}

/// Whether a place lies in a ring.
pub fn ring_contains(ring: &[DVec2], place: DVec2) -> bool {
    let sides = ring.iter().zip(ring.iter().cycle().skip(1));
    let crossings = sides.filter(|(a, b)| {
        (a.y > place.y) != (b.y > place.y) && place.x < a.x + (b.x - a.x) * ((place.y - a.y) / (b.y - a.y))
    });
    crossings.count() % 2 == 1
}

/// A ring with fewer corners that is nowhere farther than `tolerance` from it (Douglas and Peucker); nothing if fewer than
/// three are left.
pub fn simplified(ring: &[DVec2], tolerance: f64) -> Vec<DVec2> {
    let Some(first) = ring.first() else { return Vec::new() };
    // The corner farthest from the first splits the ring in two lines.
    let far = (0..ring.len())
        .max_by(|a, b| ring[*a].distance_squared(*first).total_cmp(&ring[*b].distance_squared(*first)))
        .unwrap_or(0);
    if far == 0 {
        return Vec::new();
    }
    let mut keep = vec![false; ring.len() + 1];
    (keep[0], keep[far]) = (true, true);
    let at = |k: usize| ring[k % ring.len()];
    let mut lines = vec![(0, far), (far, ring.len())];
    while let Some((from, to)) = lines.pop() {
        let (a, b) = (at(from), at(to));
        let line = b - a;
        let off = |p: DVec2| {
            let along = if line == DVec2::ZERO { 0.0 } else { (p - a).dot(line) / line.length_squared() };
            p.distance(a + line * along.clamp(0.0, 1.0))
        };
        let worst = (from + 1..to).max_by(|i, k| off(at(*i)).total_cmp(&off(at(*k))));
        if let Some(worst) = worst.filter(|worst| off(at(*worst)) > tolerance) {
            keep[worst] = true;
            lines.push((from, worst));
            lines.push((worst, to));
        }
    }
    let kept: Vec<DVec2> = ring.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(p, _)| *p).collect();
    if kept.len() < 3 { Vec::new() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let columns = rows[0].len();
        let cells = rows.iter().rev().flat_map(|row| row.bytes().map(|b| b == b'#')).collect();
        Mask::of(columns, rows.len(), cells).unwrap()
    }

    #[test]
    fn rings_go_around_what_is_set() {
        let one = mask(&["....", ".##.", ".##.", "...."]).rings();
        assert_eq!(
            one,
            vec![vec![
                DVec2::new(1.0, 1.0),
                DVec2::new(3.0, 1.0),
                DVec2::new(3.0, 3.0),
                DVec2::new(1.0, 3.0)
            ]]
        );
        let holed = mask(&["#####", "#...#", "#.#.#", "#...#", "#####"]);
        let rings = holed.rings();
        let areas: Vec<f64> = rings.iter().map(|ring| ring_area(ring)).collect();
        assert_eq!(areas, [25.0, -9.0, 1.0]);
        let grouped: Vec<usize> = polygons(rings).iter().map(Vec::len).collect();
        assert_eq!(grouped, [2, 1]);
        // Two cells at a corner are two rings.
        let rings = mask(&["#.", ".#"]).rings();
        assert_eq!(rings.iter().map(|ring| ring_area(ring)).collect::<Vec<_>>(), [1.0, 1.0]);
        // Two holes at a corner: whatever the rings, the area is right.
        let rings = mask(&["####", "#.##", "##.#", "####"]).rings();
        assert_eq!(rings.iter().map(|ring| ring_area(ring)).sum::<f64>(), 14.0);
        assert!(Mask::new(3, 3).rings().is_empty());
    }

    #[test]
    fn masks_are_drawn_grown_shrunk_and_tidied() {
        let mut drawn = Mask::new(10, 10);
        drawn.draw([DVec2::new(1.0, 1.0), DVec2::new(9.0, 1.0), DVec2::new(1.0, 9.0)]);
        drawn.draw([DVec2::new(9.0, 9.0), DVec2::new(9.0, 1.0), DVec2::new(1.0, 9.0)]);
        drawn.draw([DVec2::new(f64::NAN, 9.0), DVec2::new(9.0, 1.0), DVec2::new(1.0, 9.0)]);
        assert_eq!(drawn.count(), 64);
        assert_eq!(drawn.shrunk(1).count(), 36);
        assert_eq!(drawn.shrunk(1).grown(1), drawn);
        let holed = mask(&["#####.", "#.###.", "#####.", "#####.", ".....#"]);
        assert_eq!(holed.tidied(2), mask(&["#####.", "#####.", "#####.", "#####.", "......"]));
        assert_eq!(holed.tidied(1), holed);
    }

    #[test]
    fn stairs_become_lines() {
        let mut mask = Mask::new(40, 40);
        mask.draw([DVec2::new(1.0, 1.0), DVec2::new(39.0, 1.0), DVec2::new(1.0, 39.0)]);
        let rings = mask.rings();
        assert!(rings[0].len() > 60);
        let simple = simplified(&rings[0], 0.8);
        assert!((3..8).contains(&simple.len()), "{simple:?}");
        assert!((ring_area(&simple) - 722.0).abs() < 40.0, "{}", ring_area(&simple));
        assert!(simplified(&[DVec2::ZERO], 1.0).is_empty() && simplified(&[], 1.0).is_empty());
        assert!(simplified(&[DVec2::ZERO, DVec2::X, DVec2::X * 2.0], 0.1).is_empty());
    }
}

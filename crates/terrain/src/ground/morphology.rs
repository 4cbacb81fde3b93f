//! Grey-scale morphology with flat disks.

/// Heights in rows; cells beyond the border do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// Opening by a disk of radius `radius` cells: what is left of the heights when the disk is pushed up from below, so
/// that humps too narrow for it are cut off. NaN-free input.
pub(crate) fn open(heights: &[f32], shape: Shape, radius: usize) -> Vec<f32> {
    let eroded = sweep(heights, shape, radius, f32::min, f32::INFINITY);
    sweep(&eroded, shape, radius, f32::max, f32::NEG_INFINITY)
}

/// Closing by a disk: pits too narrow for it are filled. NaN-free input.
pub(crate) fn close(heights: &[f32], shape: Shape, radius: usize) -> Vec<f32> {
    let dilated = sweep(heights, shape, radius, f32::max, f32::NEG_INFINITY);
    sweep(&dilated, shape, radius, f32::min, f32::INFINITY)
}

/// The lowest (or highest) height within a disk around each cell.
///
/// The disk is cut into chords (Urbach and Wilkinson 2008). Per source row the results for chords of all half-widths
/// follow from each other by one comparison a cell, and each is folded into the rows above and below that it belongs
/// to: about three comparisons per cell and radius, all along contiguous rows.
fn sweep(heights: &[f32], shape: Shape, radius: usize, pick: fn(f32, f32) -> f32, nothing: f32) -> Vec<f32> {
    let Shape { columns, rows } = shape;
    // An indirect call per comparison would cost more than the comparison.
    if pick(0.0, 1.0) == 0.0 {
        return sweep_with(heights, columns, rows, radius, nothing, |a, b| if b < a { b } else { a });
    }
    sweep_with(heights, columns, rows, radius, nothing, |a, b| if b > a { b } else { a })
}

fn sweep_with(
    heights: &[f32],
    columns: usize,
    rows: usize,
    radius: usize,
    nothing: f32,
    pick: impl Fn(f32, f32) -> f32,
) -> Vec<f32> {
    let mut out = vec![nothing; heights.len()];
    let half_widths = half_widths(radius);
    // Room for chords that reach beyond both ends.
    let mut chord = vec![nothing; columns + 2 * radius];
    let mut wider = chord.clone();
    for (row, source) in heights.chunks_exact(columns).enumerate().take(rows) {
        chord.fill(nothing);
        chord[radius..radius + columns].copy_from_slice(source);
        let mut width = 0;
        // From the poles, where chords are short, to the middle.
        for (distance, &half_width) in half_widths.iter().enumerate().rev() {
            while width < half_width {
                widen(&chord, &mut wider, nothing, &pick);
                std::mem::swap(&mut chord, &mut wider);
                width += 1;
            }
            let found = &chord[radius..radius + columns];
            let above = row.checked_sub(distance);
            let below = Some(row + distance).filter(|&row| row < rows && distance > 0);
            for target in [above, below].into_iter().flatten() {
                for (slot, &value) in
                    out[target * columns..(target + 1) * columns].iter_mut().zip(found.iter())
                {
                    *slot = pick(*slot, value);
                }
            }
        }
    }
    out
}

/// From chords of half-width w to w + 1: each is the pick of its two neighbours' (and its own if w is 0, where the
/// neighbours' do not cover it).
fn widen(chord: &[f32], wider: &mut [f32], nothing: f32, pick: &impl Fn(f32, f32) -> f32) {
    let len = chord.len();
    if len < 3 {
        let all = chord.iter().fold(nothing, |found, &value| pick(found, value));
        wider.fill(all);
        return;
    }
    wider[0] = pick(chord[0], chord[1]);
    wider[len - 1] = pick(chord[len - 1], chord[len - 2]);
    for (slot, triple) in wider[1..len - 1].iter_mut().zip(chord.windows(3)) {
        *slot = pick(pick(triple[0], triple[1]), triple[2]);
    }
}

/// Half the width of the disk's chord at each distance from its middle, cells.
fn half_widths(radius: usize) -> Vec<usize> {
    (0..=radius).map(|distance| (radius * radius - distance * distance).isqrt()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(heights: &[f32], shape: Shape, radius: usize, pick: fn(f32, f32) -> f32) -> Vec<f32> {
        let Shape { columns, rows } = shape;
        let r = radius as i64;
        (0..rows as i64)
            .flat_map(|y| (0..columns as i64).map(move |x| (x, y)))
            .map(|(x, y)| {
                let disk = (-r..=r).flat_map(|dy| (-r..=r).map(move |dx| (dx, dy)));
                disk.filter(|(dx, dy)| dx * dx + dy * dy <= r * r)
                    .map(|(dx, dy)| (x + dx, y + dy))
                    .filter(|&(x, y)| (0..columns as i64).contains(&x) && (0..rows as i64).contains(&y))
                    .map(|(x, y)| heights[(y * columns as i64 + x) as usize])
                    .reduce(pick)
                    .unwrap()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_looking_at_every_cell_of_the_disk(
            columns in 1usize..14, rows in 1usize..14, radius in 0usize..9, seed in prop::collection::vec(-50.0f32..50.0, 196),
        ) {
            let heights = &seed[..columns * rows];
            let shape = Shape { columns, rows };
            let opened = brute(&brute(heights, shape, radius, f32::min), shape, radius, f32::max);
            prop_assert_eq!(open(heights, shape, radius), opened);
            let closed = brute(&brute(heights, shape, radius, f32::max), shape, radius, f32::min);
            prop_assert_eq!(close(heights, shape, radius), closed);
        }
    }
}

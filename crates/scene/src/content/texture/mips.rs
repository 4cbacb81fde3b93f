//! Mip chains: each texel is the average of what it covers, taken in linear light.

use super::Rgba;
use super::srgb::{ENCODED_QUARTER, LINEAR, ONE};

/// All levels down to 1 x 1, the image itself first.
pub(super) fn chain(image: Rgba) -> Vec<Vec<u8>> {
    let (mut width, mut height) = (image.width as usize, image.height as usize);
    let mut levels = vec![image.pixels];
    while width > 1 || height > 1 {
        let Some(above) = levels.last() else { break };
        let even = (width.is_multiple_of(2) || width == 1) && (height.is_multiple_of(2) || height == 1);
        let level = if even { halve_even(above, width, height) } else { halve_odd(above, width, height) };
        levels.push(level);
        (width, height) = ((width / 2).max(1), (height / 2).max(1));
    }
    levels
}

/// Averages blocks of 2 x 2 (2 x 1 or 1 x 2 where a side is 1).
fn halve_even(above: &[u8], width: usize, height: usize) -> Vec<u8> {
    let tables = (&*LINEAR, &**ENCODED_QUARTER);
    let mut out = vec![0; (width / 2).max(1) * (height / 2).max(1) * 4];
    let row_bytes = width * 4;
    let rows_per_step = if height == 1 { 1 } else { 2 };
    let out_rows = out.chunks_exact_mut((width / 2).max(1) * 4);
    for (rows, out) in above.chunks_exact(row_bytes * rows_per_step).zip(out_rows) {
        let (upper, rest) = rows.split_at(row_bytes);
        let lower = if rest.is_empty() { upper } else { rest };
        let out = out.as_chunks_mut::<4>().0;
        if width == 1 {
            let (upper, lower) = (upper.as_chunks::<4>().0, lower.as_chunks::<4>().0);
            for ((&a, &c), out) in upper.iter().zip(lower).zip(out) {
                *out = average(tables, twice(a), twice(c));
            }
            continue;
        }
        let (upper, lower) = (upper.as_chunks::<8>().0, lower.as_chunks::<8>().0);
        for ((&ab, &cd), out) in upper.iter().zip(lower).zip(out) {
            *out = average(tables, ab, cd);
        }
    }
    out
}

fn twice([r, g, b, a]: [u8; 4]) -> [u8; 8] {
    [r, g, b, a, r, g, b, a]
}

/// Average of two texels above two.
#[inline(always)]
fn average(
    (linear, encoded): (&[u16; 256], &[u8; 4 * ONE as usize + 4]),
    upper: [u8; 8],
    lower: [u8; 8],
) -> [u8; 4] {
    // Atlases are mostly background: equal texels need no tables.
    let pair = u64::from_le_bytes(upper);
    if pair == u64::from_le_bytes(lower) && pair as u32 == (pair >> 32) as u32 {
        return (pair as u32).to_le_bytes();
    }
    let mut out = [0; 4];
    for i in 0..3 {
        let sum = linear[usize::from(upper[i])]
            + linear[usize::from(upper[i + 4])]
            + linear[usize::from(lower[i])]
            + linear[usize::from(lower[i + 4])];
        out[i] = encoded[usize::from(sum) & (4 * ONE as usize + 3)];
    }
    let alpha = u16::from(upper[3]) + u16::from(upper[7]) + u16::from(lower[3]) + u16::from(lower[7]);
    out[3] = ((alpha + 2) / 4) as u8;
    out
}

/// Up to three source texels and their weights for each texel along one axis; the weights sum to the returned total.
fn taps(size: usize) -> (Vec<[(usize, u64); 3]>, u64) {
    if size == 1 {
        return (vec![[(0, 1), (0, 0), (0, 0)]], 1);
    }
    let half = size / 2;
    if size.is_multiple_of(2) {
        return ((0..half).map(|i| [(2 * i, 1), (2 * i + 1, 1), (0, 0)]).collect(), 2);
    }
    // A texel covers 2 + 1/half source texels, parts of the outer two of three.
    let texel =
        |i: usize| [(2 * i, (half - i) as u64), (2 * i + 1, half as u64), (2 * i + 2, (i + 1) as u64)];
    ((0..half).map(texel).collect(), size as u64)
}

/// Averages by covered area, for sides that are not even.
fn halve_odd(above: &[u8], width: usize, height: usize) -> Vec<u8> {
    let (linear, encoded) = (&*LINEAR, &**ENCODED_QUARTER);
    let (columns, column_total) = taps(width);
    let (rows, row_total) = taps(height);
    let total = column_total * row_total;
    let (texels, _) = above.as_chunks::<4>();
    let mut out = Vec::with_capacity(columns.len() * rows.len() * 4);
    for row in &rows {
        for column in &columns {
            let mut sums = [0u64; 4];
            for &(y, wy) in row.iter().filter(|tap| tap.1 > 0) {
                for &(x, wx) in column.iter().filter(|tap| tap.1 > 0) {
                    let Some(&[r, g, b, a]) = texels.get(y * width + x) else { continue };
                    let weight = wx * wy;
                    for (sum, value) in sums.iter_mut().zip([r, g, b].map(|c| linear[usize::from(c)])) {
                        *sum += weight * u64::from(value) * 4;
                    }
                    sums[3] += weight * u64::from(a);
                }
            }
            let [r, g, b, a] = sums.map(|sum| (sum + total / 2) / total);
            out.extend([r, g, b].map(|c| encoded[c as usize & (4 * ONE as usize + 3)]));
            out.push(a as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<Vec<u8>> {
        let pixels = (0..height)
            .flat_map(|y| {
                (0..width).flat_map({
                    let pixel = &pixel;
                    move |x| pixel(x, y)
                })
            })
            .collect();
        chain(Rgba { width, height, pixels })
    }

    #[test]
    fn a_constant_colour_stays_itself_at_every_size() {
        for (width, height) in [(8, 8), (7, 5), (1, 6), (13, 1), (1, 1), (6, 9)] {
            let color = [201, 87, 3, 120];
            let chain = levels(width, height, |_, _| color);
            assert_eq!(chain.len() as u32, super::super::full_chain(width, height));
            for (i, level) in chain.iter().enumerate() {
                let texels = ((width >> i).max(1) * (height >> i).max(1)) as usize;
                assert_eq!(level.len(), texels * 4, "level {i} of {width} x {height}");
                assert!(
                    level.as_chunks::<4>().0.iter().all(|c| *c == color),
                    "level {i} of {width} x {height}"
                );
            }
        }
    }

    #[test]
    fn black_and_white_average_to_half_the_light() {
        for (width, height) in [(2, 2), (4, 4), (1, 2), (2, 1)] {
            let chain =
                levels(width, height, |x, y| if (x + y) % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] });
            assert_eq!(chain[1][..4], [188, 188, 188, 255]);
        }
    }

    #[test]
    fn an_odd_side_weighs_every_texel_by_its_area() {
        let chain = levels(3, 1, |x, _| if x == 1 { [255; 4] } else { [0, 0, 0, 255] });
        // One third of the light.
        assert_eq!(chain[1], [156, 156, 156, 255]);
    }
}

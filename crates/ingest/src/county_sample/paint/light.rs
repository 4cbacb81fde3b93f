//! Sun and sky over a site: which heights lie in shadow, and how open the sky is.

use glam::{Vec2, Vec3};

use crate::county_sample::{
    math::{ramp, smooth},
    site::{Raster, Site},
};

/// Towards the sun: an afternoon in the south-west. Of unit length to 1e-3.
pub(in crate::county_sample) const SUN: Vec3 = Vec3::new(-0.46, -0.47, 0.753);
const SUN_COLOR: Vec3 = Vec3::new(0.80, 0.75, 0.65);
const SKY_COLOR: Vec3 = Vec3::new(0.47, 0.52, 0.60);
/// Light thrown back by sunlit ground.
const GROUND_COLOR: Vec3 = Vec3::new(0.14, 0.13, 0.10);

/// What light asks for, every half metre.
#[derive(Debug)]
pub(in crate::county_sample) struct Light {
    around: Raster<[f32; 8]>,
}

/// What lies around a point.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Around {
    /// Height of the ground.
    pub(in crate::county_sample) ground_m: f32,
    /// Height of plants above it.
    pub(in crate::county_sample) canopy_m: f32,
    /// Rise of ground and plants eastwards and northwards.
    pub(in crate::county_sample) slope: Vec2,
    /// Height below which a point lies in the shadow of something else.
    shade_m: f32,
    /// How far the surface itself lies in shadow (positive) or in the sun, softened at the edges, metres.
    soft_shade_m: f32,
    /// Mean height of what stands within 1.5 m and 6 m.
    near_m: f32,
    wide_m: f32,
}

impl Light {
    pub(in crate::county_sample) fn over(site: &Site) -> Self {
        let mut top = site.ground.clone();
        for (z, canopy) in top.values.iter_mut().zip(&site.canopy.values) {
            *z += canopy;
        }
        let surface = top.clone();
        for building in &site.buildings {
            let reach = building.reach_m();
            top.each_within(building.center - reach, building.center + reach, |p, z| {
                // Without eaves: the wall below them is not inside something.
                if building.plan_distance_m(p) < 0.0
                    && let Some(roof) = building.roof_over(building.to_local(p))
                {
                    *z = z.max(building.base_m + roof.height_m);
                }
            });
        }
        let shade = shade(&top);
        // Edges of shadows on the surface follow the raster's cells: softened, without moving them.
        let mut soft = top.clone();
        for (z, shade) in soft.values.iter_mut().zip(&shade.values) {
            *z = (shade - *z).clamp(-1.0, 1.0);
        }
        let soft = soft.blurred(1);
        let (near, wide) = (top.blurred(3), top.blurred(12));
        let mut around = Raster::over(site.spec.side_m(), 0.5, |_| [0.0; 8]);
        let (side, last) = (surface.side, surface.side - 1);
        for (i, lanes) in around.values.iter_mut().enumerate() {
            let (x, y) = (i % side, i / side);
            let z = |x: usize, y: usize| surface.values[y.min(last) * side + x.min(last)];
            let east = z(x + 1, y) - z(x.saturating_sub(1), y);
            let north = z(x, y + 1) - z(x, y.saturating_sub(1));
            *lanes = [
                site.ground.values[i],
                site.canopy.values[i],
                east,
                north,
                shade.values[i],
                near.values[i],
                wide.values[i],
                soft.values[i],
            ];
        }
        Self { around }
    }

    /// What lies around a point of the plan.
    pub(in crate::county_sample) fn around(&self, at: Vec2) -> Around {
        let [ground_m, canopy_m, east, north, shade_m, near_m, wide_m, soft_shade_m] = self.around.lanes(at);
        Around { ground_m, canopy_m, slope: Vec2::new(east, north), shade_m, soft_shade_m, near_m, wide_m }
    }
}

impl Around {
    /// Share of the sun that reaches a height, 0 to 1.
    pub(in crate::county_sample) fn sun_at(&self, height_m: f32) -> f32 {
        smooth(-0.35, 0.25, height_m - self.shade_m)
    }

    /// Share of the sun that reaches the surface of ground and plants.
    pub(in crate::county_sample) fn sun_on_surface(&self) -> f32 {
        smooth(0.45, -0.45, self.soft_shade_m)
    }

    /// Share of the sky that is seen from a height, roughly.
    pub(in crate::county_sample) fn sky_at(&self, height_m: f32) -> f32 {
        let near = ramp(0.0, 3.0, self.near_m - height_m);
        let wide = ramp(0.0, 9.0, self.wide_m - height_m);
        1.0 - 0.42 * near - 0.36 * wide
    }

    /// Light on a surface at a height that faces along a unit normal.
    pub(in crate::county_sample) fn light(&self, height_m: f32, normal: Vec3, sun_share: f32) -> Vec3 {
        let sun = normal.dot(SUN).max(0.0) * sun_share;
        let sky = (0.62 + 0.38 * normal.z) * self.sky_at(height_m);
        SUN_COLOR * sun + SKY_COLOR * sky + GROUND_COLOR * (1.0 - 0.5 * normal.z)
    }
}

/// The height of the shadow at each corner: the surface upstream, lowered along the ray, swept row by row.
fn shade(top: &Raster<f32>) -> Raster<f32> {
    let side = top.side as i64;
    let mut shade = Raster { values: vec![f32::NEG_INFINITY; top.values.len()], ..*top };
    // The sun stands further along y than along x: rows are swept away from it.
    let flat = Vec2::new(SUN.x, SUN.y);
    let shift = flat.x / flat.y.abs();
    let drop = top.cell_m * flat.length() / flat.y.abs() * SUN.z / flat.length();
    let toward = if flat.y < 0.0 { -1 } else { 1 };
    let rows: Vec<i64> = if toward < 0 { (1..side).collect() } else { (0..side - 1).rev().collect() };
    for row in rows {
        let from = (row + toward) * side;
        for column in 0..side {
            let x = (column as f32 + shift).clamp(0.0, side as f32 - 1.001);
            let (left, t) = (x as i64, x - x.floor());
            let height = |i: i64| {
                let i = (from + i) as usize;
                top.values[i].max(shade.values[i])
            };
            let upstream = height(left) + (height(left + 1) - height(left)) * t;
            shade.values[(row * side + column) as usize] = upstream - drop;
        }
    }
    // Rows that nothing shades.
    shade.values.iter_mut().filter(|z| !z.is_finite()).for_each(|z| *z = -1.0e4);
    shade
}

//! The lie of the land: where the houses, lanes, woods and the stream of the sample village are.

use glam::Vec2;

use super::noise::Noise;

/// Side of the site, metres.
pub(super) const SIZE_M: f32 = 512.0;
/// Grid cells along a side: one metre each.
pub(super) const CELLS: usize = 512;

/// A house on its levelled yard. x east, y north, metres from the south-western corner of the site.
#[derive(Clone, Debug)]
pub(super) struct House {
    /// Centre.
    pub(super) center: Vec2,
    /// Unit vector along the ridge.
    pub(super) along: Vec2,
    /// Half length along and across the ridge, metres.
    pub(super) half: Vec2,
    /// Level of the yard, metres.
    pub(super) base_m: f32,
    /// Storeys.
    pub(super) storeys: u32,
    /// Which wall and roof of the atlas.
    pub(super) style: u32,
    /// Number on its lane.
    pub(super) number: u32,
    /// Index into [`LANES`].
    pub(super) lane: usize,
}

/// Names of the lanes.
pub(super) const LANES: [&str; 3] = ["溪坪街", "岙里路", "垟头弄"];

/// Everything that stands or lies on the site.
pub(super) struct Site {
    /// Heights at grid corners, row by row from the south, metres.
    pub(super) heights_m: Vec<f32>,
    /// Heights of the canopy above ground at grid corners, metres.
    pub(super) canopy_m: Vec<f32>,
    /// Houses, in the order of their numbers lane by lane.
    pub(super) houses: Vec<House>,
    /// Centre lines of the lanes.
    pub(super) lanes: Vec<Vec<Vec2>>,
    /// Centre line of the stream.
    pub(super) stream: Vec<Vec2>,
    /// What painting asks for at every texel, at grid corners.
    fields: Fields,
    pub(super) noise: Noise,
}

#[derive(Default)]
struct Fields {
    lane_m: Vec<f32>,
    house_m: Vec<f32>,
    stream_m: Vec<f32>,
    wood: Vec<f32>,
    broad: Vec<f32>,
}

/// What lies around a point.
pub(super) struct Around {
    /// Distance to the nearest lane, metres.
    pub(super) lane_m: f32,
    /// Distance to the nearest wall, metres.
    pub(super) house_m: f32,
    /// Distance to the middle of the stream, metres.
    pub(super) stream_m: f32,
    /// 0 in the open, 1 in a wood.
    pub(super) wood: f32,
    /// Slow variation of the ground, 0 to 1.
    pub(super) broad: f32,
}

impl Site {
    /// Lays the village out on bare ground (`CELLS + 1` squared heights, row by row from the south).
    pub(super) fn lay_out(heights_m: Vec<f32>, stream: Vec<Vec2>, seed: u64) -> Self {
        let noise = Noise::new(seed);
        let mut site = Self {
            heights_m,
            canopy_m: vec![0.0; (CELLS + 1) * (CELLS + 1)],
            houses: Vec::new(),
            lanes: Vec::new(),
            stream,
            fields: Fields::default(),
            noise,
        };
        for lane in 0..LANES.len() {
            site.build_lane(lane);
        }
        site.level_yards();
        site.plant_woods();
        site.fields = Fields {
            lane_m: site.at_corners(|at| site.lane_distance_m(at)),
            house_m: site.at_corners(|at| site.house_distance_m(at)),
            stream_m: site.at_corners(|at| site.stream_distance_m(at)),
            wood: site.at_corners(|at| site.woodedness(at)),
            broad: site.at_corners(|at| site.noise.fractal(at / 38.0, 4)),
        };
        site
    }

    fn at_corners(&self, value: impl Fn(Vec2) -> f32) -> Vec<f32> {
        let side = CELLS + 1;
        (0..side * side).map(|i| value(Vec2::new((i % side) as f32, (i / side) as f32))).collect()
    }

    /// What lies around a point, by interpolation between grid corners.
    pub(super) fn around(&self, at: Vec2) -> Around {
        Around {
            lane_m: bilinear(&self.fields.lane_m, at),
            house_m: bilinear(&self.fields.house_m, at),
            stream_m: bilinear(&self.fields.stream_m, at),
            wood: bilinear(&self.fields.wood, at),
            broad: bilinear(&self.fields.broad, at),
        }
    }

    /// Ground height by bilinear interpolation, metres; clamped at the border.
    pub(super) fn ground_m(&self, at: Vec2) -> f32 {
        bilinear(&self.heights_m, at)
    }

    /// Height of what a camera sees: ground and canopy.
    pub(super) fn surface_m(&self, at: Vec2) -> f32 {
        self.ground_m(at) + bilinear(&self.canopy_m, at)
    }

    /// Gradient of the ground, metres per metre.
    pub(super) fn slope(&self, at: Vec2) -> Vec2 {
        let d = 2.0;
        Vec2::new(
            self.ground_m(at + Vec2::X * d) - self.ground_m(at - Vec2::X * d),
            self.ground_m(at + Vec2::Y * d) - self.ground_m(at - Vec2::Y * d),
        ) / (2.0 * d)
    }

    /// Distance to the nearest lane, metres.
    fn lane_distance_m(&self, at: Vec2) -> f32 {
        self.lanes
            .iter()
            .flat_map(|lane| lane.windows(2))
            .map(|pair| segment_distance(at, pair[0], pair[1]))
            .fold(f32::INFINITY, f32::min)
    }

    /// Distance to the middle of the stream, metres.
    fn stream_distance_m(&self, at: Vec2) -> f32 {
        self.stream
            .windows(2)
            .map(|pair| segment_distance(at, pair[0], pair[1]))
            .fold(f32::INFINITY, f32::min)
    }

    /// Distance to the nearest house wall, metres; 0 inside.
    fn house_distance_m(&self, at: Vec2) -> f32 {
        self.houses.iter().map(|house| house.distance_m(at)).fold(f32::INFINITY, f32::min)
    }

    /// A lane follows a contour from a start on gentle ground; houses stand on its uphill and downhill sides.
    fn build_lane(&mut self, lane: usize) {
        let mut best = (f32::INFINITY, Vec2::splat(SIZE_M / 2.0));
        for i in 0..400u32 {
            let at = Vec2::new(self.noise.unit(i, 11 + lane as u32), self.noise.unit(i, 71 + lane as u32))
                * (SIZE_M * 0.56)
                + SIZE_M * 0.22;
            let crowded = self.lane_distance_m(at) < 55.0 || self.stream_distance_m(at) < 28.0;
            let cost = self.slope(at).length() + if crowded { 10.0 } else { 0.0 };
            if cost < best.0 {
                best = (cost, at);
            }
        }
        let mut line = vec![best.1];
        for direction in [1.0_f32, -1.0] {
            let mut at = best.1;
            let level = self.ground_m(at);
            let mut heading = contour(self.slope(at)) * direction;
            for _ in 0..14 {
                let mut next = contour(self.slope(at));
                if next.dot(heading) < 0.0 {
                    next = -next;
                }
                heading = (heading * 0.6 + next * 0.4).normalize_or(heading);
                let slope = self.slope(at);
                let off = (level - self.ground_m(at)).clamp(-2.0, 2.0);
                let back = slope * (off / slope.length_squared().max(0.02)) * 0.2;
                at += (heading * 11.0 + back).clamp_length_max(13.0);
                if at.min_element() < 30.0 || at.max_element() > SIZE_M - 30.0 {
                    break;
                }
                if direction > 0.0 { line.push(at) } else { line.insert(0, at) }
            }
        }
        self.lanes.push(line.clone());
        let mut numbers = [1_u32, 2];
        for (i, pair) in line.windows(2).enumerate() {
            let along = (pair[1] - pair[0]).normalize_or(Vec2::X);
            for (side, sign) in [(0_usize, 1.0_f32), (1, -1.0)] {
                let salt = (lane * 1000 + i * 2 + side) as u32;
                let half =
                    Vec2::new(4.2 + 2.4 * self.noise.unit(salt, 1), 3.3 + 1.3 * self.noise.unit(salt, 2));
                let across = along.perp() * sign;
                let center =
                    (pair[0] + pair[1]) / 2.0 + across * (half.y + 3.2 + 1.8 * self.noise.unit(salt, 3));
                let free = self
                    .houses
                    .iter()
                    .all(|h| h.center.distance(center) > h.half.length() + half.length() * 0.75);
                let dry = self.stream_distance_m(center) > half.length() + 7.0;
                if free && dry && self.slope(center).length() < 0.7 && self.noise.unit(salt, 4) > 0.12 {
                    let storeys = 1 + (self.noise.unit(salt, 5) * 2.6) as u32;
                    let style = (self.noise.unit(salt, 6) * 4.0) as u32 % 4;
                    self.houses.push(House {
                        center,
                        along,
                        half,
                        base_m: 0.0,
                        storeys,
                        style,
                        number: numbers[side],
                        lane,
                    });
                    numbers[side] += 2;
                }
            }
        }
    }

    fn level_yards(&mut self) {
        let original = self.heights_m.clone();
        for house in &mut self.houses {
            house.base_m = bilinear(&original, house.center);
        }
        for y in 0..=CELLS {
            for x in 0..=CELLS {
                let at = Vec2::new(x as f32, y as f32);
                let mut level = original[y * (CELLS + 1) + x];
                let nearest = self
                    .houses
                    .iter()
                    .map(|h| (h.distance_m(at), h.base_m))
                    .min_by(|a, b| a.0.total_cmp(&b.0));
                if let Some((distance, base)) = nearest {
                    let keep = ((distance - 1.5) / 4.0).clamp(0.0, 1.0);
                    level = base + (level - base) * keep * keep * (3.0 - 2.0 * keep);
                }
                self.heights_m[y * (CELLS + 1) + x] = level;
            }
        }
    }

    fn plant_woods(&mut self) {
        for y in 0..=CELLS {
            for x in 0..=CELLS {
                let at = Vec2::new(x as f32, y as f32);
                let wood = self.woodedness(at);
                let crown = self.noise.crowns(at / 5.5);
                self.canopy_m[y * (CELLS + 1) + x] = wood * (1.5 + 6.0 * crown);
            }
        }
    }

    /// 0 in the open, 1 in the middle of a wood: steep and far from houses and lanes.
    fn woodedness(&self, at: Vec2) -> f32 {
        let steep = (self.slope(at).length() - 0.22) * 4.0;
        let patch = (self.noise.fractal(at / 90.0, 3) - 0.46) * 7.0;
        let built = self.house_distance_m(at).min(self.lane_distance_m(at));
        let clear = (built.min(self.stream_distance_m(at)) - 12.0) / 10.0;
        (steep.max(patch)).min(clear).clamp(0.0, 1.0)
    }
}

impl House {
    /// Distance from the wall, metres; 0 inside.
    fn distance_m(&self, at: Vec2) -> f32 {
        let d = at - self.center;
        let local = Vec2::new(d.dot(self.along), d.dot(self.along.perp())).abs() - self.half;
        local.max(Vec2::ZERO).length()
    }

    /// Its standard address.
    pub(super) fn address(&self) -> String {
        format!("{}{}号", LANES[self.lane], self.number)
    }
}

fn contour(slope: Vec2) -> Vec2 {
    slope.perp().normalize_or(Vec2::X)
}

fn segment_distance(at: Vec2, a: Vec2, b: Vec2) -> f32 {
    let ab = b - a;
    let t = ((at - a).dot(ab) / ab.length_squared().max(1e-6)).clamp(0.0, 1.0);
    at.distance(a + ab * t)
}

fn bilinear(grid: &[f32], at: Vec2) -> f32 {
    let p = at.clamp(Vec2::ZERO, Vec2::splat(CELLS as f32 - 0.001));
    let (x, y) = (p.x as usize, p.y as usize);
    let (u, v) = (p.x - x as f32, p.y - y as f32);
    let h = |x: usize, y: usize| grid[y * (CELLS + 1) + x];
    let south = h(x, y) * (1.0 - u) + h(x + 1, y) * u;
    let north = h(x, y + 1) * (1.0 - u) + h(x + 1, y + 1) * u;
    south * (1.0 - v) + north * v
}

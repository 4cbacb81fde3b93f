//! Synthetic tilesets: squares of ground, halved level by level.

use super::world::{Rng, World};

/// Half the side of the ground, metres.
pub(super) const HALF_M: f64 = 512.0;

/// What a tree looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// REPLACE everywhere.
    Replace,
    /// ADD everywhere.
    Add,
    /// REPLACE or ADD, tile by tile.
    Mixed,
    /// REPLACE; every third inner tile has no content.
    Gaps,
    /// REPLACE; subtrees below level 1 and below level 3 are files of their own.
    External,
    /// An empty root over 14 × 14 trees of two levels.
    Rootless,
}

pub(super) const SHAPES: [Shape; 6] =
    [Shape::Replace, Shape::Add, Shape::Mixed, Shape::Gaps, Shape::External, Shape::Rootless];

struct Builder<'w> {
    world: &'w mut World,
    shape: Shape,
    prefix: String,
    rng: Rng,
    levels: u32,
}

/// Writes a tileset of `levels` levels under `prefix`; returns its uri.
pub(super) fn build(world: &mut World, prefix: &str, shape: Shape, levels: u32, seed: u64) -> String {
    build_at(world, prefix, shape, levels, seed, [0.0, 0.0], HALF_M)
}

/// The same for another square.
pub(super) fn build_at(
    world: &mut World,
    prefix: &str,
    shape: Shape,
    levels: u32,
    seed: u64,
    center: [f64; 2],
    half: f64,
) -> String {
    let mut b = Builder { world, shape, prefix: prefix.to_owned(), rng: Rng(seed), levels };
    let root = if shape == Shape::Rootless {
        let side = 2.0 * HALF_M / 14.0;
        let mut children = Vec::new();
        for row in 0..14 {
            for column in 0..14 {
                let x = -HALF_M + (f64::from(column) + 0.5) * side;
                let y = -HALF_M + (f64::from(row) + 0.5) * side;
                children.push(b.tile(
                    levels.saturating_sub(2),
                    [x, y],
                    side / 2.0,
                    &format!("t{row}-{column}"),
                ));
            }
        }
        format!(
            r#"{{"boundingVolume":{},"geometricError":200,"refine":"REPLACE","children":[{}]}}"#,
            volume([0.0, 0.0], HALF_M),
            children.join(",")
        )
    } else {
        b.tile(0, center, half, "r")
    };
    let uri = format!("{prefix}/tileset.json");
    world.add_text(&uri, document(&root));
    uri
}

fn document(root: &str) -> String {
    format!(r#"{{"asset":{{"version":"1.0"}},"geometricError":400,"root":{root}}}"#)
}

fn volume([x, y]: [f64; 2], half: f64) -> String {
    format!(r#"{{"box":[{x},{y},10,{half},0,0,0,{half},0,0,0,10]}}"#)
}

impl Builder<'_> {
    fn tile(&mut self, level: u32, center: [f64; 2], half: f64, name: &str) -> String {
        if self.shape == Shape::External && (level == 2 || level == 4) && !name.ends_with('x') {
            let inner = self.tile(level, center, half, &format!("{name}x"));
            let uri = format!("{}/{name}.json", self.prefix);
            self.world.add_text(&uri, document(&inner));
            return format!(
                r#"{{"boundingVolume":{},"geometricError":{},"content":{{"uri":"{name}.json"}}}}"#,
                volume(center, half),
                error(level)
            );
        }
        let last = level + 1 >= self.levels;
        let empty = self.shape == Shape::Gaps && !last && self.rng.below(3) == 0;
        let content = if empty {
            String::new()
        } else {
            self.world.add_content(&format!("{}/{name}.fake", self.prefix));
            format!(r#","content":{{"uri":"{name}.fake"}}"#)
        };
        let add = self.shape == Shape::Add || self.shape == Shape::Mixed && self.rng.chance(0.5);
        let children = if last {
            String::new()
        } else {
            let h = half / 2.0;
            let children: Vec<String> = [[-h, -h], [h, -h], [-h, h], [h, h]]
                .iter()
                .enumerate()
                .map(|(n, d)| {
                    self.tile(level + 1, [center[0] + d[0], center[1] + d[1]], h, &format!("{name}{n}"))
                })
                .collect();
            format!(r#","children":[{}]"#, children.join(","))
        };
        format!(
            r#"{{"boundingVolume":{},"geometricError":{},"refine":"{}"{content}{children}}}"#,
            volume(center, half),
            if last { 0.0 } else { error(level) },
            if add { "ADD" } else { "REPLACE" },
        )
    }
}

/// Geometric error of a level, metres.
fn error(level: u32) -> f64 {
    64.0 / f64::from(1u32 << level)
}

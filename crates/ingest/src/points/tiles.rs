//! 3D Tiles of point clouds: an implicit octree of compressed glTF points, made with bounded memory.
//!
//! Points are read once, placed, and set aside in columns of the plan ([`spill`](super::spill)). Columns are gathered
//! into parts that fit memory; each part's subtree is made on its own, on the caller's pool; the levels above take their
//! points from the tops of the subtrees. The result does not depend on the number of threads.

use std::{collections::BTreeMap, io, ops::Range};

use geodesy::{
    Geodetic, Obb, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef,
    glam::{DMat4, DVec3},
};
use rayon::prelude::*;
use scene::{
    tileset::{Refine, implicit::SubdivisionScheme},
    write::{
        GlbBuilder, GlbOptions, ImplicitTile, ImplicitTilesetInput, MaterialInput, PointsInput, WriteError,
        implicit_uri, write_implicit_tileset,
    },
};

use super::{
    PointBatch, PointSource, PointsError,
    octree::{self, Bounds, Cube, Node, NodeId},
    shade::Shade,
    spill::{Column, ColumnId, Columns, Record, Spill},
    warp::{Reproject, Warp},
};

const CONTENT_URI: &str = "{level}/{x}-{y}-{z}.glb";
const SUBTREE_URI: &str = "subtrees/{level}-{x}-{y}-{z}.subtree";
const SUBTREE_LEVELS: u32 = 4;
/// Nodes show a point per 1/128 of their side; at 16 px of error two such steps are then some 4 px apart.
const ERROR_PER_SIDE: f64 = 1.0 / 16.0;
/// Parts that are worked on at the same time, at most. The budget is for so many whatever the number of threads, or the
/// result would depend on it.
const PARTS_AT_ONCE: usize = 8;
/// Memory that a point of a part takes while its subtree is made.
const BYTES_PER_POINT: usize = 130;
/// Share of the budget for columns that wait to be written; they are gone when subtrees are made.
const WAITING_SHARE: usize = 4;
/// Points in a column, about.
const COLUMN_POINTS: f64 = 100_000.0;
/// Columns are of 8 m to 1 km (squares of 2ⁿ mm).
const COLUMN_LEVELS: Range<u32> = 13..21;
/// Columns are not split below this, mm.
const NARROWEST_LEVEL: u32 = 8;
/// Farthest from the first point that coordinates in mm reach.
const FARTHEST_M: f64 = 1_000_000.0;

/// How a tileset of points is made.
#[derive(Clone, Debug)]
pub struct PointTilesOptions {
    /// Step of stored coordinates, metres: positions are within half of it along each axis (in the coarsest levels of
    /// large clouds within 1/131,000 of the tile's side).
    pub step_m: f64,
    /// Keep the strength of the echo, where there is one.
    pub intensity: bool,
    /// Keep classes, where there are any.
    pub classes: bool,
    /// Budget: bytes of memory, without what the source takes.
    pub max_bytes: usize,
    /// `asset.copyright` of the tiles.
    pub copyright: Option<String>,
    /// `asset.tilesetVersion`.
    pub tileset_version: Option<String>,
}

impl Default for PointTilesOptions {
    fn default() -> Self {
        Self {
            step_m: 0.01,
            intensity: true,
            classes: true,
            max_bytes: 350 << 20,
            copyright: None,
            tileset_version: None,
        }
    }
}

/// What became of the points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointTilesReport {
    /// Points in the tileset.
    pub points: u64,
    /// Points that have no place: not finite, not to be transformed, or more than 1,000 km from the first.
    pub left_out: u64,
    /// Tiles with points.
    pub tiles: u64,
    /// Bytes of the tiles.
    pub bytes: u64,
    /// Levels.
    pub levels: u32,
}

/// Why there is no tileset.
#[derive(Debug, thiserror::Error)]
pub enum PointTilesError {
    /// A source cannot be read.
    #[error("source {source_index}")]
    Source {
        /// Which of the sources.
        source_index: usize,
        /// What is wrong with it.
        source: PointsError,
    },
    /// The points could not be set aside.
    #[error("points could not be set aside")]
    Spill(#[source] io::Error),
    /// The tileset could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Not one point has a place.
    #[error("of {0} points none has a place")]
    Empty(u64),
    /// The step is no length.
    #[error("{0} m is no step between 1 mm and 100 m")]
    Step(f64),
}

/// Makes a tileset under `tileset.json` and hands its files to `store`, tiles first.
///
/// `reproject` takes source coordinates to ECEF; without it they are metres of a local frame, z up. What the pipeline
/// sets aside in `spill` is of no use afterwards.
///
/// # Errors
/// A source that cannot be read to its end, no points, and whatever spill and store answer.
pub fn write_point_tiles(
    sources: &mut [&mut dyn PointSource],
    reproject: Option<&mut Reproject<'_>>,
    spill: &mut dyn Spill,
    options: &PointTilesOptions,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<PointTilesReport, PointTilesError> {
    if !(0.001..=100.0).contains(&options.step_m) {
        return Err(PointTilesError::Step(options.step_m));
    }
    let placed = set_aside(sources, reproject, spill, options)?;
    let mut report = PointTilesReport { left_out: placed.left_out, ..PointTilesReport::default() };
    report.points = placed.columns.values().map(|column| column.count).sum();
    if report.points == 0 {
        return Err(PointTilesError::Empty(placed.left_out));
    }
    let cube = cube_over(placed.bounds, placed.column_level);
    let part_points = options.max_bytes / PARTS_AT_ONCE / BYTES_PER_POINT;
    let part_points = part_points.max(octree::LEAF_POINTS * 2) as u64;
    let columns = split_large(placed.columns, part_points, spill, options)?;
    let parts = gather(cube, &columns, part_points);

    let writer = Writer { cube, options, shade: &placed.shade };
    let mut tiles: Vec<ImplicitTile> = Vec::new();
    let mut waiting: BTreeMap<NodeId, Node> = BTreeMap::new();
    let mut take = |made: Made, report: &mut PointTilesReport| -> Result<(), PointTilesError> {
        report.tiles += u64::from(!made.bytes.is_empty());
        report.bytes += made.bytes.len() as u64;
        report.levels = report.levels.max(made.tile.level + 1);
        if !made.bytes.is_empty() {
            let path = implicit_uri(CONTENT_URI, made.tile.level, made.tile.at);
            store(&path, &made.bytes).map_err(|source| WriteError::Sink { path, source })?;
        }
        tiles.push(made.tile);
        Ok(())
    };
    let shared: &dyn Spill = spill;
    for wave in parts.chunks(rayon::current_num_threads().clamp(1, PARTS_AT_ONCE)) {
        // Files are stored in order.
        let results: Vec<_> = wave.par_iter().map(|part| writer.subtree(part, &columns, shared)).collect();
        for result in results {
            let (made, tops) = result?;
            made.into_iter().try_for_each(|made| take(made, &mut report))?;
            waiting.extend(tops.into_iter().map(|top| (top.id, top)));
        }
    }
    let root = writer.upper_levels(waiting, &mut |made| take(made, &mut report))?;
    if let Some(root) = root {
        take(writer.tile(root)?, &mut report)?;
    }
    let tileset = ImplicitTilesetInput {
        scheme: SubdivisionScheme::Octree,
        subtree_levels: SUBTREE_LEVELS,
        bounds: cube_bounds(cube),
        geometric_error: cube.side_m(0) * ERROR_PER_SIDE,
        refine: Refine::Add,
        transform: Some(placed.frame),
        content_uri: CONTENT_URI.into(),
        subtree_uri: SUBTREE_URI.into(),
        tiles,
        tileset_version: options.tileset_version.clone(),
        extras: None,
    };
    write_implicit_tileset(&tileset, "tileset.json", store)?;
    Ok(report)
}

/// All points, set aside.
struct Placed {
    /// `world_from_cloud`.
    frame: DMat4,
    columns: BTreeMap<ColumnId, Column>,
    column_level: u32,
    bounds: Bounds,
    shade: Shade,
    left_out: u64,
}

fn set_aside(
    sources: &mut [&mut dyn PointSource],
    reproject: Option<&mut Reproject<'_>>,
    spill: &mut dyn Spill,
    options: &PointTilesOptions,
) -> Result<Placed, PointTilesError> {
    let mut batch = PointBatch::default();
    let mut identity = |_: &mut [[f64; 3]]| {};
    let is_on_earth = reproject.is_some();
    let reproject: &mut Reproject<'_> = match reproject {
        Some(reproject) => reproject,
        None => &mut identity,
    };
    let mut left_out = 0u64;
    let mut shade = Shade::default();
    let mut bounds: Option<Bounds> = None;
    // Known with the first point that has a place.
    let mut started: Option<(DMat4, u32, Columns)> = None;
    let mut positions = Vec::new();
    let total: u64 = sources.iter().filter_map(|source| source.info().count).sum();
    let declared: Vec<[[f64; 3]; 2]> = sources.iter().filter_map(|source| source.info().bounds).collect();
    let mut warp: Option<Warp<'_>> = None;
    let mut lent = Some(reproject);
    for (source_index, source) in sources.iter_mut().enumerate() {
        loop {
            source.read(&mut batch).map_err(|source| PointTilesError::Source { source_index, source })?;
            if batch.is_empty() {
                break;
            }
            if let Some(reproject) = lent.take() {
                let Some(frame) = frame_at(&batch, reproject, is_on_earth) else {
                    left_out += batch.len() as u64;
                    lent = Some(reproject);
                    continue;
                };
                let cloud_from_world = frame.inverse();
                let level = column_level(&declared, total, reproject, cloud_from_world);
                let waiting = options.max_bytes / WAITING_SHARE;
                started = Some((frame, level, Columns::new(level, waiting)));
                warp = Some(Warp::new(reproject, move |p| cloud_from_world.transform_point3(p)));
            }
            let (Some(warp), Some((_, _, columns))) = (&mut warp, &mut started) else { continue };
            warp.apply(&batch.positions, &mut positions);
            shade.learn(&batch);
            for (index, position) in positions.iter().enumerate() {
                // What is no number lies nowhere.
                if position.abs().max_element().partial_cmp(&FARTHEST_M) != Some(std::cmp::Ordering::Less) {
                    left_out += 1;
                    continue;
                }
                let at_mm = (*position * 1000.0).round();
                let at_mm = [at_mm.x as i32, at_mm.y as i32, at_mm.z as i32];
                let found = Bounds { low: at_mm, high: at_mm };
                bounds = Some(bounds.map_or(found, |bounds| bounds.joined(found)));
                let record = Record {
                    at_mm,
                    color: batch.colors.get(index).map_or([0; 3], |color| shade.narrow(*color)),
                    class: batch.classes.get(index).copied().unwrap_or(0),
                    intensity: batch.intensities.get(index).copied().unwrap_or(0),
                };
                columns.push(record, spill).map_err(PointTilesError::Spill)?;
            }
        }
    }
    let (Some((frame, column_level, columns)), Some(bounds)) = (started, bounds) else {
        return Err(PointTilesError::Empty(left_out));
    };
    let columns = columns.finish(spill).map_err(PointTilesError::Spill)?;
    Ok(Placed { frame, columns, column_level, bounds, shade: shade.settled(), left_out })
}

/// The frame of the cloud, at the first point that has a place: east, north, up on Earth, at height 0; the local frame,
/// shifted by whole kilometres, elsewhere.
fn frame_at(batch: &PointBatch, reproject: &mut Reproject<'_>, is_on_earth: bool) -> Option<DMat4> {
    let mut positions = batch.positions.clone();
    reproject(&mut positions);
    let first = positions.into_iter().map(DVec3::from_array).find(|point| point.is_finite())?;
    if !is_on_earth {
        return Some(DMat4::from_translation((first / 1000.0).round() * 1000.0));
    }
    let place = Geodetic { height_m: 0.0, ..geodetic_from_ecef(first) };
    Some(ecef_from_enu(ecef_from_geodetic(place)))
}

/// Columns of about [`COLUMN_POINTS`], by what the sources say about themselves.
fn column_level(
    declared: &[[[f64; 3]; 2]],
    total: u64,
    reproject: &mut Reproject<'_>,
    cloud_from_world: DMat4,
) -> u32 {
    let mut area_m2 = 0.0;
    for [low, high] in declared {
        let mut corners = [[low[0], low[1], low[2]], [high[0], low[1], low[2]], [low[0], high[1], low[2]]];
        reproject(&mut corners);
        let [a, b, c] = corners.map(|corner| cloud_from_world.transform_point3(DVec3::from_array(corner)));
        area_m2 += (b - a).cross(c - a).length();
    }
    let side_mm = (area_m2 * COLUMN_POINTS / total.max(1) as f64).sqrt() * 1000.0;
    let level = side_mm.log2().round();
    if level.is_finite() { (level as u32).clamp(COLUMN_LEVELS.start, COLUMN_LEVELS.end - 1) } else { 16 }
}

/// The smallest cube over all points whose nodes are squares of columns.
fn cube_over(bounds: Bounds, column_level: u32) -> Cube {
    let low_mm = bounds.low.map(|low| i64::from(low) >> column_level << column_level);
    let extent = (0..3).map(|axis| i64::from(bounds.high[axis]) - low_mm[axis] + 1).max().unwrap_or(1);
    let side_log2 = (extent as u64).next_power_of_two().ilog2().max(column_level);
    Cube { low_mm, side_log2 }
}

fn cube_bounds(cube: Cube) -> Obb {
    let half = cube.side_m(0) * 0.5;
    let low = DVec3::new(cube.low_mm[0] as f64, cube.low_mm[1] as f64, cube.low_mm[2] as f64) / 1000.0;
    Obb { center: low + half, half_axes: [DVec3::X * half, DVec3::Y * half, DVec3::Z * half] }
}

/// Columns with more points than a part may have are split until none has.
fn split_large(
    mut columns: BTreeMap<ColumnId, Column>,
    part_points: u64,
    spill: &mut dyn Spill,
    options: &PointTilesOptions,
) -> Result<BTreeMap<ColumnId, Column>, PointTilesError> {
    let is_large = |(id, column): (&ColumnId, &Column)| column.count > part_points && id.0 > NARROWEST_LEVEL;
    while let Some(id) = columns.iter().find(|(id, column)| is_large((id, column))).map(|(id, _)| *id) {
        if let Some(column) = columns.remove(&id) {
            let halves = column
                .split(id.0, spill, options.max_bytes / WAITING_SHARE)
                .map_err(PointTilesError::Spill)?;
            columns.extend(halves);
        }
    }
    Ok(columns)
}

/// Columns whose subtrees are made together: those of a square of `2^level` mm.
#[derive(Debug)]
struct Part {
    level: u32,
    columns: Vec<ColumnId>,
    points: u64,
}

/// Joins columns to parts, four squares to one as long as they have few enough points.
fn gather(cube: Cube, columns: &BTreeMap<ColumnId, Column>, part_points: u64) -> Vec<Part> {
    let mut parts: BTreeMap<(u32, [i64; 2]), Part> = BTreeMap::new();
    for (&(level, at), column) in columns {
        let within: [i64; 2] =
            std::array::from_fn(|axis| ((i64::from(at[axis]) << level) - cube.low_mm[axis]) >> level);
        let part = Part { level, columns: vec![(level, at)], points: column.count };
        parts.insert((level, within), part);
    }
    let lowest = columns.keys().map(|(level, _)| *level).min().unwrap_or(cube.side_log2);
    for level in lowest..cube.side_log2 {
        let mut squares: BTreeMap<[i64; 2], Vec<(u32, [i64; 2])>> = BTreeMap::new();
        for (found, at) in parts.keys().filter(|(found, _)| *found <= level) {
            let square = at.map(|c| c >> (level + 1 - found));
            squares.entry(square).or_default().push((*found, *at));
        }
        for (square, members) in squares {
            let points: u64 = members.iter().filter_map(|id| parts.get(id)).map(|part| part.points).sum();
            // All of the square's parts must be of this level: none was left smaller because it has too many points.
            let is_whole = members.iter().all(|(found, _)| *found == level);
            if points > part_points || !is_whole {
                continue;
            }
            let joined = members.iter().filter_map(|id| parts.remove(id)).flat_map(|part| part.columns);
            let part = Part { level: level + 1, columns: joined.collect(), points };
            parts.insert((level + 1, square), part);
        }
    }
    parts.into_values().collect()
}

/// A tile and its file; without points there is none.
struct Made {
    tile: ImplicitTile,
    bytes: Vec<u8>,
}

struct Writer<'a> {
    cube: Cube,
    options: &'a PointTilesOptions,
    shade: &'a Shade,
}

impl Writer<'_> {
    fn subtree(
        &self,
        part: &Part,
        columns: &BTreeMap<ColumnId, Column>,
        spill: &dyn Spill,
    ) -> Result<(Vec<Made>, Vec<Node>), PointTilesError> {
        let mut points = Vec::with_capacity(usize::try_from(part.points).unwrap_or(0));
        for column in part.columns.iter().filter_map(|id| columns.get(id)) {
            column.read(spill, &mut points).map_err(PointTilesError::Spill)?;
        }
        let mut made = Vec::new();
        let mut failed = None;
        let level = self.cube.side_log2 - part.level;
        let tops = octree::build(self.cube, level, points, &mut |node| match self.tile(node) {
            Ok(tile) => made.push(tile),
            Err(error) => failed = Some(error),
        });
        failed.map_or(Ok((made, tops)), |error| Err(error.into()))
    }

    /// Joins nodes level by level up to the root, which is returned.
    fn upper_levels(
        &self,
        mut waiting: BTreeMap<NodeId, Node>,
        take: &mut dyn FnMut(Made) -> Result<(), PointTilesError>,
    ) -> Result<Option<Node>, PointTilesError> {
        let deepest = waiting.keys().map(|id| id.level).max().unwrap_or(0);
        for level in (1..=deepest).rev() {
            let first = NodeId { level, at: [0; 3] };
            let here = waiting.split_off(&first);
            let mut families: BTreeMap<NodeId, Vec<Node>> = BTreeMap::new();
            for (id, node) in here {
                families.entry(id.parent()).or_default().push(node);
            }
            for (id, mut children) in families {
                // Keeps points in Morton order.
                children.sort_by_key(|child| child.id.octant());
                let mut results = Vec::new();
                let parent = octree::join(self.cube, children, &mut |child| results.push(self.tile(child)));
                for made in results {
                    take(made?)?;
                }
                waiting.extend(parent.map(|parent| (id, parent)));
            }
        }
        Ok(waiting.into_values().next())
    }

    fn tile(&self, node: Node) -> Result<Made, WriteError> {
        let margin = DVec3::splat(self.options.step_m.max(self.cube.side_m(node.id.level) / 65_535.0));
        let corner = |at: [i32; 3]| DVec3::new(at[0].into(), at[1].into(), at[2].into()) / 1000.0;
        let (low, high) = (corner(node.bounds.low) - margin, corner(node.bounds.high) + margin);
        let half = (high - low) * 0.5;
        let bounds =
            Obb { center: low + half, half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z] };
        let tile = ImplicitTile {
            level: node.id.level,
            at: node.id.at,
            has_content: !node.points.is_empty(),
            bounds: Some(bounds),
        };
        if node.points.is_empty() {
            return Ok(Made { tile, bytes: Vec::new() });
        }
        let positions: Vec<DVec3> = node.points.iter().map(|point| corner(point.at_mm)).collect();
        let colors: Vec<[u8; 3]> = node.points.iter().map(|point| self.shade.color(point)).collect();
        let intensities: Option<Vec<u16>> = (self.options.intensity && self.shade.has_intensities())
            .then(|| node.points.iter().map(|point| point.intensity).collect());
        let classes: Option<Vec<u8>> = (self.options.classes && self.shade.has_classes())
            .then(|| node.points.iter().map(|point| point.class).collect());
        let mut glb = GlbBuilder::new(GlbOptions {
            quantize: true,
            meshopt: true,
            copyright: self.options.copyright.clone(),
            generator: Some("Hamlet".into()),
            ..GlbOptions::default()
        });
        let material = glb.add_material(&MaterialInput::default())?;
        glb.add_points(&PointsInput {
            positions: &positions,
            colors: Some(&colors),
            intensities: intensities.as_deref(),
            classes: classes.as_deref(),
            step_m: self.options.step_m,
            material,
        })?;
        Ok(Made { tile, bytes: glb.finish()? })
    }
}

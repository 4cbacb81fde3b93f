//! From a parsed `tileset.json` to tiles of the tree.

use std::sync::Arc;

use geodesy::{BoundingVolume, glam::DMat4};

use crate::{
    content::{UpAxis, Warning},
    streamer::TileId,
    tileset::{
        implicit::{ContentTemplate, Coordinates, ImplicitTiling},
        info::TilesetInfo,
        log::WarningLog,
        raw::{RawContent, RawTile, RawTileset},
        slots::{Sprout, vacant},
        tree::{
            Content, ContentKind, Detail, GraftError, NONE, Node, Part, PartKind, Refine, SubtreeLink,
            TileKind, Tree,
        },
    },
    uri::{self, Resolver},
};

/// Required extensions that the tree understands or that concern contents only.
const KNOWN_EXTENSIONS: [&str; 7] = [
    "3DTILES_content_gltf",
    "3DTILES_implicit_tiling",
    "3DTILES_multiple_contents",
    "3DTILES_metadata",
    "3DTILES_bounding_volume_S2",
    "3DTILES_bounding_volume_cylinder",
    "3DTILES_batch_table_hierarchy",
];

/// What a tile inherits.
struct Above {
    world_from_tile: DMat4,
    /// In world; `None` above the root of the forest.
    geometric_error: Option<f64>,
    refine: Option<Refine>,
    volume: Option<BoundingVolume>,
    depth: usize,
}

impl Tree {
    pub(crate) fn plant_root(
        &mut self,
        raw: &RawTileset,
        file: &str,
        world_from_root: &DMat4,
    ) -> Result<(TileId, Vec<Warning>), GraftError> {
        let above = Above {
            world_from_tile: *world_from_root,
            geometric_error: None,
            refine: None,
            volume: None,
            depth: 0,
        };
        let mut log = WarningLog::new(file);
        let sprout = self.sprout(raw, file, &above, &mut log)?;
        let part = self.plant(sprout, Part::of_tileset(raw, file, NONE, PartKind::Root, UpAxis::default()));
        let root = self.part_root(part, file)?;
        self.roots.push(root);
        Ok((root, log.finish()))
    }

    pub(crate) fn plant_external(
        &mut self,
        tile: TileId,
        content: usize,
        raw: &RawTileset,
        file: &str,
    ) -> Result<(TileId, Vec<Warning>), GraftError> {
        let host = self.get(tile).ok_or(GraftError::NoSuchTile { content })?;
        let found = host.contents().get(content).ok_or(GraftError::NoSuchTile { content })?;
        if found.is_grafted() {
            return Err(GraftError::AlreadyGrafted { uri: file.to_owned() });
        }
        if let Some(chain) = self.distance_to_ancestor(tile.index, file) {
            return Err(GraftError::Cycle { uri: file.to_owned(), chain });
        }
        let above = Above {
            world_from_tile: *host.world_from_tile(),
            geometric_error: Some(host.geometric_error()),
            refine: Some(host.refine()),
            volume: Some(host.volume().clone()),
            depth: usize::from(host.depth()) + 1,
        };
        let up_axis = host.gltf_up_axis();
        let mut log = WarningLog::new(file);
        let sprout = self.sprout(raw, file, &above, &mut log)?;
        let part = Part::of_tileset(raw, file, tile.index, PartKind::External, up_axis);
        let part = self.plant(sprout, part);
        let root = self.part_root(part, file)?;

        let mut last = self.nodes[tile.index as usize].first_graft;
        while let Some(next) = self.nodes.get(last as usize).map(|n| n.next_graft).filter(|&n| n != NONE) {
            last = next;
        }
        match self.nodes.get_mut(last as usize) {
            Some(node) => node.next_graft = root.index,
            None => self.nodes[tile.index as usize].first_graft = root.index,
        }
        self.nodes[tile.index as usize].kind = TileKind::External;
        if let Some(content) = self.details[tile.index as usize].contents.get_mut(content) {
            content.kind = ContentKind::Tileset;
            content.part = part;
        }
        Ok((root, log.finish()))
    }

    fn part_root(&self, part: u32, file: &str) -> Result<TileId, GraftError> {
        let start = self.parts.get(part as usize).and_then(Option::as_ref).map(|p| p.start);
        start.and_then(|s| self.id_at(s)).ok_or_else(|| GraftError::Invalid {
            file: file.to_owned(),
            place: "/root".to_owned(),
            reason: "there is no root tile".to_owned(),
        })
    }

    /// How many tilesets up the same file is found, if it is.
    fn distance_to_ancestor(&self, slot: u32, file: &str) -> Option<usize> {
        let without_fragment =
            |uri: &str| uri.split_once('#').map_or(uri.to_owned(), |(head, _)| head.to_owned());
        let wanted = without_fragment(file);
        let mut chain = 0;
        let mut slot = slot;
        while let Some(part) =
            self.nodes.get(slot as usize).and_then(|n| self.parts.get(n.part as usize)?.as_ref())
        {
            if part.kind != PartKind::Subtree {
                chain += 1;
                if without_fragment(&part.info.uri) == wanted {
                    return Some(chain);
                }
            }
            slot = part.host;
        }
        None
    }

    /// Room for so many more tiles and bytes?
    pub(crate) fn afford(&self, file: &str, tiles: u64, bytes: u64) -> Result<(), GraftError> {
        let refuse = |what, wanted, left| GraftError::OverBudget { uri: file.to_owned(), what, wanted, left };
        let tiles_left = u64::from(self.limits.max_tiles.saturating_sub(self.live));
        if tiles > tiles_left {
            return Err(refuse("tiles", tiles, tiles_left));
        }
        let bytes_left = self.limits.max_bytes.saturating_sub(self.bytes());
        if bytes > bytes_left {
            return Err(refuse("bytes", bytes, bytes_left));
        }
        Ok(())
    }

    pub(crate) fn check_depth(&self, file: &str, depth: usize) -> Result<u16, GraftError> {
        let max = self.limits.max_depth;
        match u16::try_from(depth) {
            Ok(level) if level < max => Ok(level),
            _ => Err(GraftError::TooDeep { uri: file.to_owned(), depth, max }),
        }
    }

    fn sprout(
        &self,
        raw: &RawTileset,
        file: &str,
        above: &Above,
        log: &mut WarningLog,
    ) -> Result<Sprout, GraftError> {
        let count = raw.tiles.len() as u64;
        self.afford(
            file,
            count,
            count * (size_of::<Node>() + size_of::<Detail>() + size_of::<Content>()) as u64,
        )?;
        for name in &raw.extensions_required {
            if !KNOWN_EXTENSIONS.contains(&name.as_str()) {
                log.push(|| "/extensionsRequired".into(), format!("{name} is required but not read"));
            }
        }
        let mut sprout = Sprout {
            nodes: Vec::with_capacity(raw.tiles.len()),
            details: Vec::with_capacity(raw.tiles.len()),
        };
        let resolver = Resolver::new(file);
        // Where a raw tile went; `NONE` for those below implicit roots, which are left out.
        let mut slots = vec![NONE; raw.tiles.len()];
        for (index, tile) in raw.tiles.iter().enumerate() {
            let place = || raw.pointer(index as u32);
            let parent = tile.parent.map(|p| slots.get(p as usize).copied().unwrap_or(NONE));
            let from_parent;
            let above = match parent {
                None => above,
                Some(slot) => {
                    let Some((node, detail)) =
                        sprout.nodes.get(slot as usize).zip(sprout.details.get(slot as usize))
                    else {
                        continue;
                    };
                    if node.kind == TileKind::ImplicitRoot {
                        if tile.child_number == 0 {
                            log.push(place, "children of an implicit tile; ignored");
                        }
                        continue;
                    }
                    from_parent = Above {
                        world_from_tile: detail.world_from_tile,
                        geometric_error: Some(node.geometric_error),
                        refine: Some(node.refine),
                        volume: tile.volume.is_none().then(|| node.volume.clone()),
                        depth: usize::from(node.depth) + 1,
                    };
                    &from_parent
                }
            };
            let depth = self.check_depth(file, above.depth)?;
            let (mut node, detail) = self.tile_of(raw, tile, &resolver, above, &place, log)?;
            node.depth = depth;
            node.parent = parent.unwrap_or(NONE);
            slots[index] = sprout.nodes.len() as u32;
            sprout.push(node, detail);
        }
        Ok(sprout)
    }

    fn tile_of(
        &self,
        raw: &RawTileset,
        tile: &RawTile,
        resolver: &Resolver<'_>,
        above: &Above,
        place: &dyn Fn() -> String,
        log: &mut WarningLog,
    ) -> Result<(Node, Detail), GraftError> {
        let mut world_from_tile = above.world_from_tile;
        if let Some(transform) = &tile.transform {
            let product = above.world_from_tile * **transform;
            if product.is_finite() {
                world_from_tile = product;
            } else {
                log.push(place, "its transform leads out of the range of numbers; ignored");
            }
        }
        let volume = match (&tile.volume, &above.volume) {
            (Some(volume), _) => volume.transformed(&world_from_tile),
            (None, Some(volume)) => {
                log.push(place, "no usable bounding volume; its parent's is used");
                volume.clone()
            }
            (None, None) => {
                return Err(GraftError::Invalid {
                    file: resolver.base().to_owned(),
                    place: place(),
                    reason: "the root has no usable bounding volume".to_owned(),
                });
            }
        };
        let geometric_error = match (tile.geometric_error, above.geometric_error, raw.geometric_error) {
            (Some(error), parent_error, _) => {
                let error = error * largest_scale(&world_from_tile);
                if let Some(parent_error) = parent_error.filter(|p| error > p * (1.0 + 1e-9)) {
                    log.push(
                        place,
                        format!("geometric error {error} m is greater than its parent's {parent_error} m"),
                    );
                }
                error
            }
            (None, Some(parent_error), _) => {
                log.push(place, "no geometric error; half its parent's is used");
                parent_error * 0.5
            }
            (None, None, Some(error)) => {
                log.push(place, "no geometric error; the tileset's is used");
                error * largest_scale(&world_from_tile)
            }
            (None, None, None) => {
                log.push(place, "no geometric error; the radius of its volume is used");
                volume.bounding_sphere().radius
            }
        };
        let refine = tile.refine.or(above.refine).unwrap_or(Refine::Replace);
        if tile.refine.is_none() && tile.parent.is_none() {
            let meant = if refine == Refine::Add { "ADD" } else { "REPLACE" };
            log.push(place, format!("the root has no `refine`; {meant} is used"));
        }

        let mut detail = Detail {
            world_from_tile,
            request_volume: tile
                .viewer_request_volume
                .as_ref()
                .map(|v| Box::new(v.transformed(&world_from_tile))),
            metadata: tile.metadata.clone(),
            extras: tile.extras.clone(),
            ..Detail::default()
        };
        let kind = match implicit_tiling(tile, resolver, world_from_tile, geometric_error, refine, place, log)
        {
            Some(tiling) => {
                detail.subtree = Some(Box::new(SubtreeLink::new(&tiling, Coordinates::ROOT)));
                TileKind::ImplicitRoot
            }
            None if tile.implicit_tiling.is_some() => TileKind::Empty,
            None => {
                detail.contents =
                    tile.contents.iter().map(|c| content_of(c, resolver, &world_from_tile)).collect();
                kind_of(&detail.contents)
            }
        };
        let has_request_volume = detail.request_volume.is_some();
        Ok((Node { volume, geometric_error, kind, refine, has_request_volume, ..vacant() }, detail))
    }
}

impl Part {
    fn of_tileset(
        raw: &RawTileset,
        file: &str,
        host: u32,
        kind: PartKind,
        inherited_up_axis: UpAxis,
    ) -> Self {
        let info = Arc::new(TilesetInfo::of(raw, file, inherited_up_axis));
        Self { start: 0, len: 0, host, kind, heap_bytes: info.heap_bytes(), info, rows: None }
    }
}

pub(crate) fn kind_of(contents: &[Content]) -> TileKind {
    if contents.is_empty() {
        TileKind::Empty
    } else if contents.iter().any(|c| c.kind == ContentKind::Tileset) {
        TileKind::External
    } else {
        TileKind::Contents
    }
}

pub(crate) fn content_kind(resolved: &str) -> ContentKind {
    if uri::has_extension(resolved, "json") { ContentKind::Tileset } else { ContentKind::Model }
}

fn content_of(raw: &RawContent, resolver: &Resolver<'_>, world_from_tile: &DMat4) -> Content {
    let resolved = resolver.resolve(&raw.uri);
    Content {
        kind: content_kind(&resolved),
        uri: resolved.into(),
        volume: raw.volume.as_ref().map(|v| Box::new(v.transformed(world_from_tile))),
        group: raw.group,
        metadata: raw.metadata.clone(),
        part: NONE,
        template: NONE,
        row: NONE,
    }
}

fn implicit_tiling(
    tile: &RawTile,
    resolver: &Resolver<'_>,
    world_from_root: DMat4,
    geometric_error: f64,
    refine: Refine,
    place: &dyn Fn() -> String,
    log: &mut WarningLog,
) -> Option<Arc<ImplicitTiling>> {
    let raw = tile.implicit_tiling.as_deref()?;
    let refused = |log: &mut WarningLog, reason: String| {
        log.push(|| format!("{}/implicitTiling", place()), format!("{reason}; the tile is left empty"));
        None
    };
    let volume = match &tile.volume {
        None => return refused(log, "the implicit root has no usable bounding volume".into()),
        Some(BoundingVolume::Sphere(_)) => return refused(log, "a sphere cannot be subdivided".into()),
        Some(volume) => volume.clone(),
    };
    if raw.subtree_levels > raw.scheme.max_subtree_levels() {
        return refused(
            log,
            format!(
                "{} levels in a subtree; {} are read",
                raw.subtree_levels,
                raw.scheme.max_subtree_levels()
            ),
        );
    }
    if raw.available_levels > Coordinates::MAX_LEVELS {
        return refused(
            log,
            format!("{} levels; {} are read", raw.available_levels, Coordinates::MAX_LEVELS),
        );
    }
    let contents = tile.contents.iter().map(|c| ContentTemplate {
        uri: resolver.resolve(&c.uri),
        group: c.group,
        metadata: c.metadata.clone(),
    });
    Some(Arc::new(ImplicitTiling {
        scheme: raw.scheme,
        subtree_levels: raw.subtree_levels,
        available_levels: raw.available_levels,
        subtrees_uri: resolver.resolve(&raw.subtrees_uri),
        contents: contents.collect(),
        volume,
        world_from_root,
        geometric_error,
        refine,
    }))
}

/// Length of the longest column of the linear part.
pub(crate) fn largest_scale(transform: &DMat4) -> f64 {
    [transform.x_axis, transform.y_axis, transform.z_axis]
        .map(|axis| axis.truncate().length_squared())
        .into_iter()
        .fold(0.0, f64::max)
        .sqrt()
}

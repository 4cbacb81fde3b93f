//! From a subtree to tiles of the tree.

use std::sync::Arc;

use geodesy::glam::DMat4;

use crate::{
    content::Warning,
    streamer::TileId,
    tileset::{
        graft::{content_kind, kind_of, largest_scale},
        implicit::{Coordinates, ImplicitTiling},
        lenient::heap_bytes_of,
        log::WarningLog,
        semantics::{Overrides, Semantics},
        slots::{Sprout, contents_bytes, vacant},
        subtree::Subtree,
        tree::{
            Content, Detail, GraftError, NONE, Node, Part, PartKind, Refine, SubtreeLink, SubtreeRows,
            TileKind, Tree,
        },
    },
    uri,
};

impl Tree {
    pub(crate) fn plant_subtree(
        &mut self,
        tile: TileId,
        subtree: &Subtree,
    ) -> Result<Vec<Warning>, GraftError> {
        let host = self.get(tile).ok_or(GraftError::NoSuchTile { content: 0 })?;
        let (slot, host_depth) = (tile.index as usize, usize::from(host.depth()));
        let link = self.details[slot].subtree.as_deref().ok_or(GraftError::NoSuchTile { content: 0 })?;
        if link.part != NONE {
            return Err(GraftError::AlreadyGrafted { uri: subtree.uri.clone() });
        }
        if link.tiling.shape() != subtree.shape {
            return Err(GraftError::Invalid {
                file: subtree.uri.clone(),
                place: String::new(),
                reason: "was parsed for another tiling".to_owned(),
            });
        }
        let count = subtree.available_tiles() + subtree.available_child_subtrees();
        self.afford(&subtree.uri, count, expected_bytes(&link.tiling, subtree))?;
        self.check_depth(&subtree.uri, host_depth + subtree.shape.levels as usize)?;

        let mut log = WarningLog::new(&subtree.uri);
        let (tiling, at_root) = (link.tiling.clone(), link.coordinates);
        // Not what the tile itself has: that may be of this subtree, grafted before.
        let world_from_parent = match self.details.get(self.nodes[slot].parent as usize) {
            Some(parent) if at_root.level > 0 => parent.world_from_tile,
            _ => tiling.world_from_root,
        };
        let part = self.parts.get(self.nodes[slot].part as usize).and_then(Option::as_ref);
        let budget_bytes = self.limits.max_bytes.saturating_sub(self.bytes());
        let info = part.map(|p| p.info.clone()).unwrap_or_default();
        let semantics = Semantics::read(subtree, info.schema.as_deref(), budget_bytes, &mut log);

        let mut sower = Sower {
            tiling,
            subtree,
            semantics,
            base_uri: &info.uri,
            at_root,
            world_from_root: world_from_parent,
            host_depth,
            sprout: Sprout::default(),
            log: &mut log,
        };
        let tables =
            SubtreeRows { tiles: sower.semantics.tile_rows(), contents: sower.semantics.content_rows() };
        let table_bytes = sower.semantics.bytes();
        let root_row = sower.semantics.tile_row(subtree, 0);
        let root_contents = if subtree.tiles.get(0) {
            let overrides = sower.semantics.tile(subtree, 0);
            sower.world_from_root = sower.world_of(&world_from_parent, &overrides);
            sower.sow();
            let world_from_tile = sower.world_from_root;
            sower.override_node(&mut self.nodes[slot], &overrides, &at_root, &world_from_tile);
            self.details[slot].world_from_tile = world_from_tile;
            sower.contents_of(&at_root, 0, &world_from_tile)
        } else {
            sower
                .log
                .push(|| "/tileAvailability".into(), "its root tile is not available; nothing to see here");
            Vec::new()
        };
        sower.note_orphans();
        let sprout = sower.sprout;

        let first_count = sprout.nodes.iter().take_while(|n| n.parent == NONE).count() as u32;
        let part = self.plant(
            sprout,
            Part {
                start: 0,
                len: 0,
                host: tile.index,
                kind: PartKind::Subtree,
                info,
                heap_bytes: contents_bytes(&root_contents) + table_bytes,
                rows: Some(Box::new(tables)),
            },
        );
        let start = self.parts.get(part as usize).and_then(Option::as_ref).map_or(0, |p| p.start);
        let (node, detail) = (&mut self.nodes[slot], &mut self.details[slot]);
        node.kind = kind_of(&root_contents);
        (node.first_child, node.child_count) = if first_count > 0 { (start, first_count) } else { (0, 0) };
        detail.contents = root_contents;
        detail.row = root_row;
        if let Some(link) = detail.subtree.as_mut() {
            link.part = part;
        }
        Ok(log.finish())
    }
}

/// Makes the tiles of one subtree.
struct Sower<'a> {
    tiling: Arc<ImplicitTiling>,
    subtree: &'a Subtree,
    semantics: Semantics,
    /// Uri of the tileset, which content uris in metadata refer to.
    base_uri: &'a str,
    at_root: Coordinates,
    /// `world_from_tile` of the root tile of the subtree.
    world_from_root: DMat4,
    host_depth: usize,
    sprout: Sprout,
    log: &'a mut WarningLog,
}

impl Sower<'_> {
    /// Everything below the root of the subtree, level by level; children of one parent side by side.
    fn sow(&mut self) {
        let (scheme, levels) = (self.tiling.scheme, self.subtree.shape.levels);
        // Slot in the sprout (`NONE`: the host) and Morton index of every tile of the level above.
        let mut parents: Vec<(u32, u64)> = vec![(NONE, 0)];
        for level in 1..=levels {
            let mut tiles = Vec::new();
            let first_bit = scheme.tiles_above(level);
            for &(parent, parent_index) in &parents {
                for child in 0..scheme.branching() {
                    let index = parent_index * scheme.branching() + child;
                    let is_placeholder = level == levels;
                    let available = match is_placeholder {
                        true => self.subtree.child_subtrees.get(index),
                        false => self.subtree.tiles.get(first_bit + index),
                    };
                    if !available {
                        continue;
                    }
                    let slot = self.sprout.nodes.len() as u32;
                    let bit = (!is_placeholder).then_some(first_bit + index);
                    if self.push(parent, level, index, bit) {
                        tiles.push((slot, index));
                    }
                }
            }
            parents = tiles;
        }
    }

    /// `bit`: place in the availability of the subtree; `None` for the root of a child subtree.
    fn push(&mut self, parent: u32, level: u32, morton_index: u64, bit: Option<u64>) -> bool {
        let Some(at) = self
            .at_root
            .descendant(self.tiling.scheme, level, morton_index)
            .filter(|at| at.level < self.tiling.available_levels)
        else {
            let levels = self.tiling.available_levels;
            self.log.push(
                || "/tileAvailability".into(),
                format!("tiles below the {levels} available levels; ignored"),
            );
            return false;
        };
        let Some(volume) = self.tiling.volume_of(&at) else {
            self.log.push(
                || "/tileAvailability".into(),
                format!("the volume cannot be divided down to level {}", at.level),
            );
            return false;
        };
        let above = self.sprout.details.get(parent as usize);
        let world_from_parent = above.map_or(self.world_from_root, |detail| detail.world_from_tile);
        let overrides = bit.map(|bit| self.semantics.tile(self.subtree, bit)).unwrap_or_default();
        let world_from_tile = self.world_of(&world_from_parent, &overrides);
        let mut node = Node {
            volume: volume.transformed(&world_from_tile),
            geometric_error: self.tiling.geometric_error_of(&at),
            parent,
            depth: (self.host_depth + level as usize).min(usize::from(u16::MAX)) as u16,
            kind: TileKind::ImplicitPlaceholder,
            refine: self.tiling.refine,
            ..vacant()
        };
        let mut detail = Detail { world_from_tile, ..Detail::default() };
        self.override_node(&mut node, &overrides, &at, &world_from_tile);
        match bit {
            Some(bit) => {
                detail.contents = self.contents_of(&at, bit, &world_from_tile);
                detail.row = self.semantics.tile_row(self.subtree, bit);
                node.kind = kind_of(&detail.contents);
            }
            None => detail.subtree = Some(Box::new(SubtreeLink::new(&self.tiling, at))),
        }
        self.sprout.push(node, detail);
        true
    }

    fn contents_of(&self, at: &Coordinates, bit: u64, world_from_tile: &DMat4) -> Vec<Content> {
        let mut found = Vec::new();
        for (index, (template, available)) in
            self.tiling.contents.iter().zip(&self.subtree.contents).enumerate()
        {
            if !available.get(bit) {
                continue;
            }
            let overrides = self.semantics.content(self.subtree, index, bit);
            let uri = match &overrides.uri {
                Some(uri) => uri::resolve(self.base_uri, uri),
                None => at.fill(&template.uri),
            };
            let volume = overrides.volume(self.tiling.volume_of(at).as_ref());
            found.push(Content {
                kind: content_kind(&uri),
                uri: uri.into(),
                volume: volume.map(|v| Box::new(v.transformed(world_from_tile))),
                group: overrides.group.or(template.group),
                metadata: template.metadata.clone(),
                part: NONE,
                template: index as u32,
                row: self.semantics.content_row(self.subtree, index, bit),
            });
        }
        found
    }

    /// `world_from_tile` of a tile below `world_from_parent`.
    fn world_of(&self, world_from_parent: &DMat4, overrides: &Overrides) -> DMat4 {
        let product = overrides.transform.map(|transform| *world_from_parent * transform);
        product.filter(|product| product.is_finite()).unwrap_or(*world_from_parent)
    }

    /// Applies what metadata says of a tile. A volume that only the tiling gives moves with the tile's transform, as a
    /// volume that is written out would.
    fn override_node(
        &self,
        node: &mut Node,
        overrides: &Overrides,
        at: &Coordinates,
        world_from_tile: &DMat4,
    ) {
        let implied = self.tiling.volume_of(at);
        let volume = overrides.volume(implied.as_ref()).or(implied.filter(|_| overrides.transform.is_some()));
        if let Some(volume) = volume {
            node.volume = volume.transformed(world_from_tile);
        }
        if let Some(error) = overrides.geometric_error {
            node.geometric_error = error * largest_scale(world_from_tile);
        } else if overrides.transform.is_some() {
            let scale = largest_scale(world_from_tile) / largest_scale(&self.tiling.world_from_root);
            if scale.is_finite() {
                node.geometric_error = self.tiling.geometric_error_of(at) * scale;
            }
        }
        if let Some(replace) = overrides.replace {
            node.refine = if replace { Refine::Replace } else { Refine::Add };
        }
    }

    /// Available tiles whose parents are not cannot be reached.
    fn note_orphans(&mut self) {
        let placed = self.sprout.details.iter().filter(|d| d.subtree.is_none()).count() as u64
            + u64::from(self.subtree.tiles.get(0));
        let orphans = self.subtree.available_tiles().saturating_sub(placed);
        if orphans > 0 {
            let reason = format!("{orphans} available tiles have no available parent; ignored");
            self.log.push(|| "/tileAvailability".into(), reason);
        }
    }
}

/// What grafting will take, at most: uris grow by the digits of their coordinates.
fn expected_bytes(tiling: &ImplicitTiling, subtree: &Subtree) -> u64 {
    const DIGITS: usize = 64;
    let tiles = (size_of::<Node>() + size_of::<Detail>()) as u64;
    let link = (size_of::<SubtreeLink>() + tiling.subtrees_uri.len() + DIGITS) as u64;
    let mut sum = subtree.available_tiles().saturating_mul(tiles);
    sum = sum.saturating_add(subtree.available_child_subtrees().saturating_mul(tiles + link));
    for (template, available) in tiling.contents.iter().zip(&subtree.contents) {
        let metadata = template.metadata.as_ref().map_or(0, |m| size_of_val(&**m) as u64 + heap_bytes_of(m));
        let each = (size_of::<Content>() + template.uri.len() + DIGITS) as u64 + metadata;
        sum = sum.saturating_add(available.count().saturating_mul(each));
    }
    sum
}

//! From a subtree to tiles of the tree.

use std::sync::Arc;

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
        let part = self.parts.get(self.nodes[slot].part as usize).and_then(Option::as_ref);
        let budget_bytes = self.limits.max_bytes.saturating_sub(self.bytes());
        let info = part.map(|p| p.info.clone()).unwrap_or_default();
        let semantics = Semantics::read(subtree, info.schema.as_deref(), budget_bytes, &mut log);

        let mut sower = Sower {
            tiling,
            subtree,
            semantics,
            at_root,
            host_depth,
            sprout: Sprout::default(),
            log: &mut log,
        };
        let tables =
            SubtreeRows { tiles: sower.semantics.tile_rows(), contents: sower.semantics.content_rows() };
        let table_bytes = sower.semantics.bytes();
        let root_row = sower.semantics.tile_row(subtree, 0);
        let root_contents = if subtree.tiles.get(0) {
            sower.sow();
            let overrides = sower.semantics.tile(subtree, 0);
            let contents = sower.contents_of(&at_root, 0);
            let node = &mut self.nodes[slot];
            sower.override_node(node, &overrides);
            contents
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
    at_root: Coordinates,
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
        let mut node = Node {
            volume: volume.transformed(&self.tiling.world_from_root),
            geometric_error: self.tiling.geometric_error_of(&at),
            parent,
            depth: (self.host_depth + level as usize).min(usize::from(u16::MAX)) as u16,
            kind: TileKind::ImplicitPlaceholder,
            refine: self.tiling.refine,
            ..vacant()
        };
        let mut detail = Detail { world_from_tile: self.tiling.world_from_root, ..Detail::default() };
        match bit {
            Some(bit) => {
                detail.contents = self.contents_of(&at, bit);
                detail.row = self.semantics.tile_row(self.subtree, bit);
                node.kind = kind_of(&detail.contents);
                let overrides = self.semantics.tile(self.subtree, bit);
                self.override_node(&mut node, &overrides);
            }
            None => detail.subtree = Some(Box::new(SubtreeLink::new(&self.tiling, at))),
        }
        self.sprout.push(node, detail);
        true
    }

    fn contents_of(&self, at: &Coordinates, bit: u64) -> Vec<Content> {
        let mut found = Vec::new();
        for (index, (template, available)) in
            self.tiling.contents.iter().zip(&self.subtree.contents).enumerate()
        {
            if !available.get(bit) {
                continue;
            }
            let uri = at.fill(&template.uri);
            let implied = self.tiling.volume_of(at);
            let volume = self.semantics.content_volume(self.subtree, index, bit, implied.as_ref());
            found.push(Content {
                kind: content_kind(&uri),
                uri: uri.into(),
                volume: volume.map(|v| Box::new(v.transformed(&self.tiling.world_from_root))),
                group: template.group,
                metadata: template.metadata.clone(),
                part: NONE,
                template: index as u32,
                row: self.semantics.content_row(self.subtree, index, bit),
            });
        }
        found
    }

    fn override_node(&self, node: &mut Node, overrides: &Overrides) {
        if let Some(volume) = &overrides.volume {
            node.volume = volume.transformed(&self.tiling.world_from_root);
        }
        if let Some(volume) = overrides.with_heights(&node.volume) {
            node.volume = volume;
        }
        if let Some(error) = overrides.geometric_error {
            node.geometric_error = error * largest_scale(&self.tiling.world_from_root);
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

//! What selection keeps per tile, beside the tree: one small record in an array indexed by the tile's slot.

use super::slots::NONE;
use crate::tileset::{ContentKind, TileKind, Tree};

/// The record was filled in from the tree.
pub(super) const SEEN: u8 = 1;
/// At least one content to draw, as far as known.
pub(super) const MODEL: u8 = 1 << 1;
/// All contents to draw that can be had are resident, and there is one.
pub(super) const READY: u8 = 1 << 2;
/// Everything the tile could show failed for good.
pub(super) const FAILED: u8 = 1 << 3;
/// Waits to be tried again.
pub(super) const RETRYING: u8 = 1 << 4;
/// An external tileset or a subtree is not here yet: children are unknown.
pub(super) const BLOCKED: u8 = 1 << 5;
/// Every content has a bounding volume of its own.
pub(super) const CONTENT_VOLUMES: u8 = 1 << 6;
/// A replacement of this tile is under way or done.
pub(super) const REPLACED: u8 = 1 << 7;

/// Per-tile record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// First slot of its contents.
    pub(super) first_slot: u32,
    /// Ready tiles strictly below.
    pub(super) ready_below: u32,
    /// What its contents cost once resident, KiB rounded up; 0: unknown.
    pub(super) cost_kib: u32,
    /// Frame in which it was last of use.
    pub(super) used: u32,
    /// Frame in which it may not be evicted.
    pub(super) pinned: u32,
    /// Frame in which its cost was counted as wanted.
    pub(super) counted: u32,
    /// Frame in which it got an entry in the list of draws, and which.
    pub(super) entry_frame: u32,
    pub(super) entry: u32,
    pub(super) flags: u8,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            first_slot: NONE,
            ready_below: 0,
            cost_kib: 0,
            used: 0,
            pinned: 0,
            counted: 0,
            entry_frame: 0,
            entry: NONE,
            flags: 0,
        }
    }
}

impl Side {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Fills in what the tree tells before any content was asked for.
    pub(super) fn see(&mut self, tree: &Tree, index: u32) {
        let Some(tile) = tree.tile(index) else { return };
        let keep = self.flags & REPLACED;
        self.flags = keep
            | SEEN
            | match tile.kind() {
                TileKind::Empty => 0,
                TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder => BLOCKED,
                TileKind::Contents => MODEL,
                TileKind::External => {
                    let model = tile.contents().iter().any(|c| c.kind == ContentKind::Model);
                    let blocked =
                        tile.contents().iter().any(|c| c.kind == ContentKind::Tileset && !c.is_grafted());
                    (u8::from(model) * MODEL) | (u8::from(blocked) * BLOCKED)
                }
            };
        if self.has(MODEL)
            && tile.contents().iter().all(|c| c.kind == ContentKind::Tileset || c.volume.is_some())
        {
            self.flags |= CONTENT_VOLUMES;
        }
    }
}

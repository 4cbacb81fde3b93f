//! Where streams and replacements hang, and how one tree takes the place of another while it is drawn.

use std::sync::Arc;

use super::{
    Streamer,
    api::{TileId, TilesetId},
    choice::Choice,
    side::REPLACED,
    slots::{NONE, Phase, Role},
};
use crate::tileset::RawTileset;
use geodesy::glam::{DMat4, DVec4};

/// What [`Streamer::replace_subtree`] replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceTarget {
    /// A whole stream.
    Tileset(TilesetId),
    /// A tile with its contents and everything below it. The new tree is placed by the tile's transform, as an
    /// external tileset of the tile would be.
    Tile(TileId),
}

/// Where a tileset goes in the world.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Placement {
    /// Where it says.
    #[default]
    AsIs,
    /// Where it says, but a tileset without a place on Earth that is y up ([`RawTileset::is_y_up`]) is turned about x, so
    /// that z is up: world = (x, −z, y).
    Upright,
    /// Placed by a matrix: `world_from_tileset`.
    Matrix(DMat4),
}

impl Placement {
    /// `world_from_root` of a tileset.
    pub(super) fn world_from_root(&self, raw: &RawTileset) -> DMat4 {
        match self {
            Self::AsIs => DMat4::IDENTITY,
            Self::Upright if raw.is_y_up() => DMat4::from_cols(DVec4::X, DVec4::Z, -DVec4::Y, DVec4::W),
            Self::Upright => DMat4::IDENTITY,
            Self::Matrix(world_from_tileset) => *world_from_tileset,
        }
    }
}

/// A tree that came, or is to come, from a `tileset.json` of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The slot that fetches the `tileset.json`.
    pub(super) slot: u32,
    /// Its root tile, once it is here.
    pub(super) tile: Option<TileId>,
}

/// The root of a stream, or a tile that was or is to be replaced.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The stream it belongs to; for a tile: none.
    pub(super) tileset: Option<TilesetId>,
    /// The tile replaced.
    pub(super) host: Option<TileId>,
    pub(super) placement: Placement,
    /// What is shown; for a host: `None` means the host itself.
    pub(super) current: Option<Arrival>,
    /// What shall be shown.
    pub(super) pending: Option<Arrival>,
    pub(super) live: bool,
}

impl Place {
    /// Whether a tile is the root of one of its trees.
    pub(super) fn has_root(&self, tile: u32) -> bool {
        let is = |a: &Option<Arrival>| a.and_then(|a| a.tile).is_some_and(|t| t.index == tile);
        self.live && (is(&self.current) || is(&self.pending))
    }

    fn choice(&self) -> Choice {
        let root = |a: &Option<Arrival>| a.and_then(|a| a.tile).map_or(NONE, |t| t.index);
        Choice {
            host: self.host.map_or(NONE, |t| t.index),
            current: root(&self.current),
            pending: root(&self.pending),
        }
    }
}

impl Streamer {
    /// Adds a stream, placed where its `tileset.json` says, which is the first thing fetched.
    pub fn add_tileset(&mut self, root_uri: &str) -> TilesetId {
        self.add_tileset_placed(root_uri, Placement::AsIs)
    }

    /// Adds a stream. What replaces it later is placed in the same way.
    pub fn add_tileset_placed(&mut self, root_uri: &str, placement: Placement) -> TilesetId {
        self.next_tileset += 1;
        let id = TilesetId(self.next_tileset);
        let place = self.new_place(Some(id), None, placement);
        let slot = self.slots.insert(NO_TILE, Role::Root(place), Arc::from(root_uri));
        if let Some(p) = self.places.get_mut(place as usize) {
            p.current = Some(Arrival { slot, tile: None });
        }
        id
    }

    /// Takes a stream off; its contents are dropped with the next plan.
    pub fn remove_tileset(&mut self, id: TilesetId) {
        let Some(place) = self.places.iter().position(|p| p.live && p.tileset == Some(id)) else { return };
        self.remove_place(place);
    }

    /// Starts to replace a stream or a subtree by the tileset at `new_root_uri` (a new survey). The old one stays drawn
    /// until the new one covers it in every view, and cross-fades to it; if the new one cannot be had, it stays for good. A replacement under
    /// way is given up for the new one. False: there is no such target.
    pub fn replace_subtree(&mut self, target: ReplaceTarget, new_root_uri: &str) -> bool {
        let existing = match target {
            ReplaceTarget::Tileset(id) => self.places.iter().position(|p| p.live && p.tileset == Some(id)),
            ReplaceTarget::Tile(id) => self.places.iter().position(|p| p.live && p.host == Some(id)),
        };
        let place = match (existing, target) {
            (Some(at), _) => at,
            (None, ReplaceTarget::Tile(id)) => {
                let Some(world_from_tile) = self.tree.get(id).map(|t| *t.world_from_tile()) else {
                    return false;
                };
                self.grow();
                if let Some(side) = self.sides.get_mut(id.index as usize) {
                    side.flags |= REPLACED;
                }
                self.new_place(None, Some(id), Placement::Matrix(world_from_tile)) as usize
            }
            (None, ReplaceTarget::Tileset(_)) => return false,
        };
        if let Some(old) = self.places.get_mut(place).and_then(|p| p.pending.take()) {
            self.remove_arrival(old);
        }
        let slot = self.slots.insert(NO_TILE, Role::Root(place as u32), Arc::from(new_root_uri));
        if let Some(p) = self.places.get_mut(place) {
            p.pending = Some(Arrival { slot, tile: None });
        }
        true
    }

    /// Replacements under way.
    pub fn replacing(&self) -> usize {
        self.places.iter().filter(|p| p.live && p.pending.is_some()).count()
    }

    /// Root tile of a stream, once its `tileset.json` is here.
    pub fn root_tile(&self, id: TilesetId) -> Option<TileId> {
        self.places.iter().find(|p| p.live && p.tileset == Some(id))?.current?.tile
    }

    fn new_place(&mut self, tileset: Option<TilesetId>, host: Option<TileId>, placement: Placement) -> u32 {
        let place = Place { tileset, host, placement, current: None, pending: None, live: true };
        match self.places.iter().position(|p| !p.live) {
            Some(at) => {
                if let Some(p) = self.places.get_mut(at) {
                    *p = place;
                }
                at as u32
            }
            None => {
                self.places.push(place);
                (self.places.len() - 1) as u32
            }
        }
    }

    fn remove_place(&mut self, at: usize) {
        let Some(place) = self.places.get(at).cloned() else { return };
        for arrival in place.current.into_iter().chain(place.pending) {
            self.remove_arrival(arrival);
        }
        if let Some(host) = place.host
            && self.tree.get(host).is_some()
            && let Some(side) = self.sides.get_mut(host.index as usize)
        {
            side.flags &= !REPLACED;
        }
        if let Some(p) = self.places.get_mut(at) {
            p.live = false;
            p.current = None;
            p.pending = None;
            p.host = None;
            p.tileset = None;
        }
    }

    /// Takes a tree off with everything in it.
    pub(super) fn remove_arrival(&mut self, arrival: Arrival) {
        self.release(arrival.slot, Phase::Absent);
        self.slots.remove(arrival.slot);
        let Some(root) = arrival.tile else { return };
        self.clear_below(root.index, true);
        for id in self.tree.remove_root(root) {
            self.forget(id);
        }
    }

    /// Drops all contents of a tile (if `own`) and of everything below it, and the replacements hanging there.
    pub(super) fn clear_below(&mut self, index: u32, own: bool) {
        let mut todo: Vec<u32> = if own { vec![index] } else { self.tree.children(index).collect() };
        while let Some(tile) = todo.pop() {
            let Some(side) = self.sides.get(tile as usize).copied() else { continue };
            if side.has(REPLACED)
                && let Some(at) =
                    self.places.iter().position(|p| p.live && p.host.is_some_and(|h| h.index == tile))
            {
                self.remove_place(at);
            }
            let mut at = side.first_slot;
            while let Some(next) = self.slots.get(at).map(|s| s.next) {
                if self.slots.get(at).is_some_and(|s| s.phase != Phase::Grafted) {
                    self.release(at, Phase::Absent);
                }
                at = next;
            }
            todo.extend(self.tree.children(tile));
        }
    }

    /// Forgets a tile that is no longer in the tree.
    pub(super) fn forget(&mut self, id: TileId) {
        let Some(side) = self.sides.get_mut(id.index as usize) else { return };
        let mut at = side.first_slot;
        *side = super::side::Side::default();
        for view in &mut self.views {
            view.forget(id.index);
        }
        while let Some(next) = self.slots.get(at).map(|s| s.next) {
            self.release(at, Phase::Absent);
            self.slots.remove(at);
            at = next;
        }
    }

    /// The choices selection has in this frame.
    pub(super) fn collect_choices(&mut self) {
        self.choices.clear();
        for place in &self.places {
            // A dead place keeps its number and shows nothing.
            self.choices.push(place.choice());
        }
    }

    /// Completes the replacements that cover every view that sees them, once their fades are over.
    pub(super) fn complete_replacements(&mut self) {
        for at in 0..self.places.len() {
            let Some(place) = self.places.get(at) else { break };
            let Some(pending) = place.pending else { continue };
            if !place.live {
                continue;
            }
            if self.slots.get(pending.slot).is_some_and(|s| s.phase == Phase::Failed) {
                if let Some(p) = self.places.get_mut(at) {
                    p.pending = None;
                }
                self.remove_arrival(pending);
                continue;
            }
            let refused = self.views.iter().any(|v| v.unswitched.contains(&(at as u32)));
            let (old, host) = (place.current, place.host);
            // Nothing is lost where the old one never came.
            let nothing_to_keep = host.is_none() && old.is_none_or(|a| a.tile.is_none());
            if pending.tile.is_none() || refused && !nothing_to_keep || self.is_swapping(at as u32) {
                continue;
            }
            if let Some(p) = self.places.get_mut(at) {
                p.current = Some(pending);
                p.pending = None;
            }
            self.dirty = true;
            match (old, host) {
                (Some(old), _) => self.remove_arrival(old),
                (None, Some(host)) => {
                    self.clear_below(host.index, false);
                    self.release_own(host.index);
                    for id in self.tree.ungraft(host) {
                        self.forget(id);
                    }
                }
                (None, None) => {}
            }
        }
    }

    fn release_own(&mut self, index: u32) {
        let mut at = self.sides.get(index as usize).map_or(NONE, |s| s.first_slot);
        while let Some(next) = self.slots.get(at).map(|s| s.next) {
            self.release(at, Phase::Absent);
            at = next;
        }
    }
}

/// A slot that belongs to no tile.
pub(super) const NO_TILE: TileId = TileId { index: NONE, generation: 0 };

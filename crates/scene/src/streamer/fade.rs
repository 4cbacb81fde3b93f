//! Cross-fades between levels.
//!
//! What a view draws (not counting fades) covers it completely in every frame. A change of level replaces one tile by
//! tiles below it or the other way round, so each change belongs to one *upper* tile. Its group has one clock: what
//! comes is kept where the dither pattern is below it, what goes where the pattern is not. Old and new both cover the
//! area, so together they leave no hole at any time, whatever happened before. A coarser tile that comes may cover more
//! than what goes (the camera turned meanwhile), so it is whole at once and the finer ones fade out over it.

use std::time::Duration;

use super::{side::Side, slots::NONE, views::ViewState};
use crate::tileset::Tree;

/// One change of level under way.
#[derive(Clone, Debug)]
struct Group {
    upper: u32,
    /// When the clock stood at 0 (may lie before the first frame: then it is cut off there).
    start: Duration,
    /// The upper tile goes, those below come; else the reverse.
    down: bool,
    lowers: Vec<u32>,
}

/// What a fading tile looks like now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fading {
    pub(super) tile: u32,
    /// In (0, 1).
    pub(super) fade: f32,
    /// Kept where the pattern is at or above `fade`.
    pub(super) out: bool,
}

/// All changes of one view.
#[derive(Clone, Debug, Default)]
pub(super) struct Fades {
    groups: Vec<Group>,
    /// Sorted by tile.
    now: Vec<Fading>,
}

impl Fades {
    /// What fades in this frame, sorted by tile.
    pub(super) fn now(&self) -> &[Fading] {
        &self.now
    }

    /// How a tile fades now.
    pub(super) fn of(&self, tile: u32) -> Option<Fading> {
        if self.now.is_empty() {
            return None;
        }
        self.now.binary_search_by_key(&tile, |f| f.tile).ok().and_then(|i| self.now.get(i).copied())
    }

    /// Ends everything at once.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.now.clear();
    }

    /// Forgets a tile that is no longer in the tree or no longer resident.
    pub(super) fn forget(&mut self, tile: u32) {
        self.groups.retain(|g| g.upper != tile);
        for group in &mut self.groups {
            group.lowers.retain(|&t| t != tile);
        }
        self.now.retain(|f| f.tile != tile);
    }

    fn begin(&mut self, upper: u32, down: bool, now: Duration, length: Duration) -> usize {
        match self.groups.iter().position(|g| g.upper == upper) {
            Some(at) => {
                if let Some(group) = self.groups.get_mut(at)
                    && group.down != down
                {
                    let left = length.saturating_sub(now.saturating_sub(group.start));
                    group.start = now.saturating_sub(left);
                    group.down = down;
                    group.lowers.clear();
                }
                at
            }
            None => {
                self.groups.push(Group { upper, start: now, down, lowers: Vec::new() });
                self.groups.len() - 1
            }
        }
    }

    fn leave_other_groups(&mut self, tile: u32, but: usize) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            if at != but {
                group.lowers.retain(|&t| t != tile);
            }
        }
    }
}

/// Brings the fades of a view up to date with its picks. Call before the picks are remembered.
pub(super) fn update(
    view: &mut ViewState,
    tree: &Tree,
    sides: &[Side],
    parent_of: &dyn Fn(u32) -> Option<u32>,
    frame: u32,
    now: Duration,
    length: Duration,
) {
    if length.is_zero() {
        view.fades.clear();
        return;
    }
    let mut fades = std::mem::take(&mut view.fades);
    fades.groups.retain(|g| now.saturating_sub(g.start) < length);

    // Marks of this frame's picks; `drawn_in` still tells the frame before for everything not picked now.
    let mut picked: Vec<u32> = view.picks.iter().map(|p| p.tile).collect();
    picked.sort_unstable();
    let is_picked = |tile: u32| picked.binary_search(&tile).is_ok();

    let fading_in = |view: &ViewState, at: usize| {
        view.picks.get(at).is_some_and(|p| p.swap != NONE && view.swap_fade(p.swap, now, length).is_some())
    };
    for at in 0..view.picks.len() {
        let Some(tile) = view.picks.get(at).map(|p| p.tile) else { break };
        // What fades in as a whole has no changes of level of its own meanwhile.
        if view.was_drawn(tile, frame) || fading_in(view, at) {
            continue;
        }
        let mut above = parent_of(tile);
        while let Some(upper) = above {
            if view.was_drawn(upper, frame) && !is_picked(upper) {
                let group = fades.begin(upper, true, now, length);
                fades.leave_other_groups(upper, group);
                fades.leave_other_groups(tile, group);
                if let Some(g) = fades.groups.get_mut(group) {
                    g.lowers.push(tile);
                }
                break;
            }
            above = parent_of(upper);
        }
    }
    for at in 0..view.previous.len() {
        let Some(&tile) = view.previous.get(at) else { break };
        if is_picked(tile) || !view.was_drawn(tile, frame) || tree.tile(tile).is_none() {
            continue;
        }
        let mut above = parent_of(tile);
        while let Some(upper) = above {
            if is_picked(upper) {
                if !view.was_drawn(upper, frame) {
                    let group = fades.begin(upper, false, now, length);
                    fades.leave_other_groups(upper, group);
                    fades.leave_other_groups(tile, group);
                    if let Some(g) = fades.groups.get_mut(group) {
                        g.lowers.push(tile);
                    }
                }
                break;
            }
            above = parent_of(upper);
        }
    }

    let ready = |tile: u32| sides.get(tile as usize).is_some_and(|s| s.has(super::side::READY));
    fades.groups.retain_mut(|group| {
        if group.down {
            group.lowers.retain(|&t| is_picked(t));
            ready(group.upper) && !is_picked(group.upper) && !group.lowers.is_empty()
        } else {
            group.lowers.retain(|&t| !is_picked(t) && ready(t));
            is_picked(group.upper) && !group.lowers.is_empty()
        }
    });

    fades.now.clear();
    let mut list = std::mem::take(&mut fades.now);
    for group in &fades.groups {
        let fade = (now.saturating_sub(group.start).as_secs_f32() / length.as_secs_f32()).min(1.0);
        if group.down {
            list.push(Fading { tile: group.upper, fade, out: true });
        }
        list.extend(group.lowers.iter().map(|&tile| Fading { tile, fade, out: !group.down }));
    }
    // What a replacement lets go fades with it.
    list.retain(|f| f.tile != NONE && view.leaving.iter().all(|p| p.tile != f.tile));
    // A tile in two groups: the one that shows more of it wins; coverage does not depend on it.
    list.sort_unstable_by(|a, b| {
        a.tile.cmp(&b.tile).then(shown(b).total_cmp(&shown(a))).then(a.out.cmp(&b.out))
    });
    list.dedup_by_key(|f| f.tile);
    fades.now = list;
    view.fades = fades;
}

fn shown(fading: &Fading) -> f32 {
    if fading.out { 1.0 - fading.fade } else { fading.fade }
}

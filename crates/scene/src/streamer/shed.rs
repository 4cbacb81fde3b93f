//! What happens when more is used than the ceiling allows, because it was lowered: everything above it is given back
//! in the same update, as far as it is in the streamer's hands.
//!
//! What is not on the screen goes first, then the finest tiles that a coarser resident one can stand in for, then the
//! farthest. Selection then runs once more over what is left, so that coarser tiles take the places of those that went.
//! What nothing can stand in for is reported over budget.

use super::{
    Streamer, View,
    slots::{Phase, Role, Slot},
};

/// Something that can be given back; sorts by what hurts least.
type Candidate = (Stage, u64, u64, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Under way, and wanted by nobody.
    Stray,
    /// Resident or hanging in the tree, and not used now: the longest unused first.
    Unused,
    /// Under way: the least wanted first.
    UnderWay,
    /// Used, but a coarser resident tile can stand in: the finest first, then the farthest.
    Finer,
    /// Used: the farthest first.
    Cover,
}

/// What had to go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shed {
    /// Something that selection had chosen, or might have.
    pub(super) used: bool,
    /// Contents that nothing coarser stands in for.
    pub(super) covers: usize,
}

impl Streamer {
    /// Gives back what exceeds the ceiling. Call after selection.
    pub(super) fn shed(&mut self) -> Shed {
        let ceiling = self.settings.memory_ceiling_bytes;
        let mut candidates: Vec<Candidate> =
            self.slots.iter().filter_map(|(index, slot)| self.candidate(index, slot)).collect();
        candidates.sort_unstable();
        let mut shed = Shed::default();
        for (stage, .., index) in candidates {
            if self.used_bytes() <= ceiling {
                break;
            }
            match self.slots.get(index).map(|s| s.phase) {
                Some(Phase::Grafted) => {
                    self.ungraft_unused(index);
                }
                Some(Phase::Resident | Phase::Fetching | Phase::Fetched | Phase::Decoded) => {
                    shed.used |= stage >= Stage::Finer;
                    shed.covers += usize::from(stage == Stage::Cover);
                    self.release(index, Phase::Absent);
                }
                _ => {}
            }
        }
        shed
    }

    fn candidate(&self, index: u32, slot: &Slot) -> Option<Candidate> {
        let side = self.sides.get(slot.tile.index as usize).copied().unwrap_or_default();
        match slot.phase {
            Phase::Fetching | Phase::Fetched | Phase::Decoded => {
                // Before the wants of this frame are ranked those of the last one count.
                if slot.rank_frame + 1 >= self.frame {
                    Some((Stage::UnderWay, u64::from(u32::MAX - slot.rank), 0, index))
                } else {
                    Some((Stage::Stray, u64::from(slot.rank_frame), 0, index))
                }
            }
            Phase::Grafted if matches!(slot.role, Role::Root(_)) => None,
            Phase::Resident | Phase::Grafted if side.used != self.frame => {
                Some((Stage::Unused, u64::from(side.used), u64::from(slot.phase == Phase::Grafted), index))
            }
            Phase::Resident => {
                let tile = self.tree.tile(slot.tile.index)?;
                let nearest = self
                    .last_views
                    .iter()
                    .map(|v| tile.distance_squared(v.eye_in_world))
                    .fold(f64::MAX, f64::min);
                let nearness = u64::MAX - ordered(nearest);
                if self.has_ready_above(slot.tile.index) {
                    Some((Stage::Finer, ordered(tile.geometric_error()), nearness, index))
                } else {
                    Some((Stage::Cover, nearness, ordered(tile.geometric_error()), index))
                }
            }
            _ => None,
        }
    }

    fn has_ready_above(&self, tile: u32) -> bool {
        let mut above = self.parent_of(tile);
        while let Some(parent) = above {
            if self.sides.get(parent as usize).is_some_and(|s| s.has(super::side::READY)) {
                return true;
            }
            above = self.parent_of(parent);
        }
        false
    }

    /// Selection over what is left, in the same frame.
    pub(super) fn select_again(&mut self, views: &[View]) -> u64 {
        for side in &mut self.sides {
            side.counted = 0;
        }
        for view in &mut self.views {
            view.undo_selection();
        }
        self.select(views)
    }

    /// Stays within the ceiling although the tables of the streamer itself grew while the frame was made. Returns how
    /// many contents vanish from the picture for it: as a rule none.
    pub(super) fn relieve(&mut self) -> usize {
        let ceiling = self.settings.memory_ceiling_bytes;
        if self.used_bytes() <= ceiling || self.make_room(0, false, ceiling) {
            return 0;
        }
        let covers = self.shed().covers;
        let before = self.plan.draw.len();
        let slots = &self.slots;
        self.plan.draw.retain(|d| {
            slots.by_id(d.content).and_then(|i| slots.get(i)).is_some_and(|s| s.phase == Phase::Resident)
        });
        covers.max(before - self.plan.draw.len())
    }

    /// What still exceeds the ceiling is not in the streamer's hands.
    pub(super) fn is_over_only_by_force(&self) -> bool {
        self.used_bytes() <= self.settings.memory_ceiling_bytes
            || self.slots.iter().all(|(_, s)| {
                !matches!(s.phase, Phase::Fetching | Phase::Fetched | Phase::Decoded | Phase::Resident)
            })
    }
}

/// Bits of a number that is not negative; they sort as the numbers do.
fn ordered(number: f64) -> u64 {
    if number > 0.0 { number.to_bits() } else { 0 }
}

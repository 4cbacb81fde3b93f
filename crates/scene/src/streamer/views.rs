//! What the streamer remembers per view, and the buffers a pass fills.

use super::{fade::Fades, selection::Want, slots::NONE, swap::Swap};

/// A tile to draw in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) tile: u32,
    /// First of the areas it is restricted to, into [`ViewState::boxes`].
    pub(super) boxes: u32,
    /// Number of them; 0: not restricted.
    pub(super) box_count: u32,
    /// The replacement that takes place here, into the choices, else `NONE`.
    pub(super) swap: u32,
    /// It is what is replaced; else what comes.
    pub(super) leaving: bool,
}

impl Pick {
    /// A tile, whole.
    pub(super) fn whole(tile: u32) -> Self {
        Self { tile, boxes: 0, box_count: 0, swap: NONE, leaving: false }
    }
}

/// State and buffers of one view.
#[derive(Clone, Debug, Default)]
pub(super) struct ViewState {
    /// What to draw.
    pub(super) picks: Vec<Pick>,
    /// Tiles whose boxes restrict picks.
    pub(super) boxes: Vec<u32>,
    /// Areas that wait for loading; after a pass: those that nothing covers.
    pub(super) holes: Vec<u32>,
    /// Areas that failed; after a pass: those that nothing covers.
    pub(super) clips: Vec<u32>,
    /// What to load.
    pub(super) wants: Vec<Want>,
    /// Replacements that are drawn, and were in the frame before.
    pub(super) shown_new: Vec<u32>,
    pub(super) had_new: Vec<u32>,
    /// Replacements that do not cover it yet.
    pub(super) unswitched: Vec<u32>,
    /// Replacements that fade in.
    pub(super) swaps: Vec<Swap>,
    /// What they replace.
    pub(super) leaving: Vec<Pick>,
    /// Picks that were drawn in the frame before.
    pub(super) kept: u32,
    /// Targets that failed and are covered from below until something above is ready.
    pub(super) stand_ins: u32,
    pub(super) visited: usize,
    pub(super) culled: usize,
    pub(super) missing: usize,
    pub(super) over_budget: usize,
    pub(super) failed: usize,
    /// Frame in which a tile was last picked, by slot.
    pub(super) drawn_in: Vec<u32>,
    /// What the frame before picked.
    pub(super) previous: Vec<u32>,
    pub(super) fades: Fades,
    /// Loading capacity used so far, in fetches over weight.
    pub(super) served: f64,
    pub(super) weight: f64,
}

impl ViewState {
    /// Empties the buffers.
    pub(super) fn begin_selection(&mut self) {
        self.picks.clear();
        self.boxes.clear();
        self.holes.clear();
        self.clips.clear();
        self.wants.clear();
        std::mem::swap(&mut self.shown_new, &mut self.had_new);
        self.shown_new.clear();
        self.unswitched.clear();
        self.kept = 0;
        self.stand_ins = 0;
        self.visited = 0;
        self.culled = 0;
        self.missing = 0;
        self.over_budget = 0;
        self.failed = 0;
    }

    /// Forgets that a selection ran in this frame, so that another may.
    pub(super) fn undo_selection(&mut self) {
        std::mem::swap(&mut self.shown_new, &mut self.had_new);
    }

    /// Whether a tile was drawn in the frame before `frame`.
    pub(super) fn was_drawn(&self, tile: u32, frame: u32) -> bool {
        self.drawn_in.get(tile as usize).is_some_and(|&f| f != 0 && f + 1 == frame)
    }

    /// Makes the picks of `frame` what the next frame compares with.
    pub(super) fn remember(&mut self, frame: u32) {
        self.previous.clear();
        for pick in &self.picks {
            if let Some(stamp) = self.drawn_in.get_mut(pick.tile as usize) {
                *stamp = frame;
            }
            self.previous.push(pick.tile);
        }
    }

    /// Forgets a tile whose slot is free now.
    pub(super) fn forget(&mut self, tile: u32) {
        if let Some(stamp) = self.drawn_in.get_mut(tile as usize) {
            *stamp = 0;
        }
        self.fades.forget(tile);
    }

    /// Main memory of the buffers.
    pub(super) fn bytes(&self) -> u64 {
        (self.drawn_in.capacity() * 4
            + (self.picks.capacity() + self.leaving.capacity()) * size_of::<Pick>()
            + self.wants.capacity() * size_of::<Want>()
            + (self.previous.capacity()
                + self.boxes.capacity()
                + self.holes.capacity()
                + self.clips.capacity())
                * 4) as u64
    }
}

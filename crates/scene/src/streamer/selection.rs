//! One depth-first pass per view over the flat tree: what to draw now, what to ask for, what must stay.
//!
//! A tile that is fine enough is a *target*; what is above it is refined. Where a target is not resident, what covers
//! its area is looked for: resident descendants first, else it is a *hole*, which the nearest ready ancestor closes.
//! The ancestor is drawn whole and everything below it withdrawn, unless finer tiles below it were drawn in the frame
//! before: then it is drawn only inside the holes, so that a turn of the camera does not blur what was sharp. Areas of
//! contents that failed are closed in the same way (*clips*), but never hold their siblings back.

use super::{
    api::View,
    choice::Choice,
    side::{BLOCKED, CONTENT_VOLUMES, FAILED, MODEL, READY, REPLACED, RETRYING, SEEN, Side},
    slots::NONE,
    views::{Pick, ViewState},
};
use crate::tileset::{Refine, Tree, tree::Children};
use geodesy::{PlaneMask, Visibility};

/// Largest factor that memory may put on the error: from here on only the coarsest cover is selected.
pub(super) const MAX_FACTOR: f64 = 4096.0;
/// More loading holes than this are closed by drawing the ancestor whole.
const MAX_LOADING_CLIPS: usize = 8;
/// Distance below which the error does not grow further, metres.
const MIN_DISTANCE_M: f64 = 1e-7;

/// How urgent a want is; lower is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// An area in view shows nothing at all.
    Urgent = 0,
    /// Coarse covers to fall back on, and coarser tiles whose arrival frees memory.
    Cover = 1,
    /// What the settled view shows, and steps on the way there.
    Refine = 2,
    /// Ancestors of what is shown, for zooming out.
    Ancestor = 3,
    /// Tiles just outside the view, for turning.
    Sibling = 4,
}

impl Class {
    /// The class of a sort key.
    pub(super) fn of(key: u64) -> Self {
        match key >> 61 {
            0 => Self::Urgent,
            1 => Self::Cover,
            2 => Self::Refine,
            3 => Self::Ancestor,
            _ => Self::Sibling,
        }
    }
}

/// A tile whose contents a view asks for. Sorts by importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Want {
    /// Class, then coarseness, then nearness to eye and centre.
    pub(super) key: u64,
    pub(super) tile: u32,
}

/// What does not change during the passes of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) frame: u32,
    /// On every view's error, ≥ 1.
    pub(super) factor: f64,
    /// Tiles farther than this are over budget, metres.
    pub(super) cut_m: f64,
    /// Memory is stuck: give finer tiles up where a coarser one is ready.
    pub(super) tight: bool,
    /// Memory is short: coarser tiles free some.
    pub(super) pressed: bool,
    /// What a tile of unknown cost is taken for, KiB.
    pub(super) unknown_cost_kib: u32,
    pub(super) preload_ancestors: bool,
    pub(super) preload_siblings: bool,
    /// Changes are cross-faded.
    pub(super) fades: bool,
}

/// A tile on the way down.
pub(super) struct Frame<'t> {
    pub(super) tile: u32,
    /// Into the choices, else `NONE`.
    pub(super) choice: u32,
    pub(super) stage: u8,
    pub(super) children: Option<Children<'t>>,
    pub(super) mask: PlaneMask,
    /// Only what is resident is looked for.
    pub(super) cover: bool,
    pub(super) model: bool,
    pub(super) ready: bool,
    pub(super) add: bool,
    /// Its own content is outside the view.
    pub(super) unseen: bool,
    pub(super) failed: bool,
    pub(super) retrying: bool,
    /// A ready content above.
    pub(super) ready_above: bool,
    /// A content above that is ready or may become so.
    pub(super) model_above: bool,
    pub(super) steps_above: u8,
    pub(super) steps: u8,
    pub(super) distance: f64,
    pub(super) picks: usize,
    /// End of what a replacement picked.
    pub(super) own_picks: usize,
    pub(super) own_kept: u32,
    pub(super) holes: usize,
    pub(super) clips: usize,
    pub(super) kept: u32,
    pub(super) stand_ins: u32,
}

/// What a pass hands down.
#[derive(Clone, Copy)]
pub(super) struct Down {
    pub(super) mask: PlaneMask,
    pub(super) cover: bool,
    pub(super) ready_above: bool,
    pub(super) model_above: bool,
    pub(super) steps: u8,
}

/// One pass.
pub(super) struct Pass<'t, 's> {
    pub(super) tree: &'t Tree,
    pub(super) sides: &'s mut [Side],
    pub(super) choices: &'s [Choice],
    pub(super) rules: Rules,
    pub(super) view: &'s View,
    pub(super) out: &'s mut ViewState,
    /// Sum over all views of what the settled view needs, KiB.
    pub(super) wanted_kib: &'s mut u64,
    /// Distance and cost of the same, only filled while the coarsest cover is selected.
    pub(super) wanted_by_distance: &'s mut Vec<(f64, u32)>,
    pub(super) pixels_per_metre_at_1_m: f64,
    pub(super) limit_px: f64,
    /// Above 0 while what is being replaced is looked for: nothing is asked for, counted or reported.
    pub(super) quiet: u32,
    /// Figures before that began: failed, over budget, stand-ins.
    pub(super) before_quiet: (usize, usize, u32),
}

impl<'t> Pass<'t, '_> {
    /// Walks everything.
    pub(super) fn run(&mut self) {
        self.out.begin_selection();
        let mut stack: Vec<Frame<'t>> = Vec::with_capacity(64);
        let down = Down {
            mask: PlaneMask::ALL,
            cover: false,
            ready_above: false,
            model_above: false,
            steps: u8::MAX,
        };
        for place in 0..self.choices.len() {
            if self.choices.get(place).is_some_and(|c| c.host == NONE) {
                stack.push(self.choice_frame(place as u32, down));
                self.drain(&mut stack);
            }
        }
        self.out.missing += self.out.clips.len();
    }

    fn drain(&mut self, stack: &mut Vec<Frame<'t>>) {
        while let Some(top) = stack.last_mut() {
            if top.choice != NONE {
                self.step_choice(stack);
            } else if let Some(child) = top.children.as_mut().and_then(Iterator::next) {
                let down = Down {
                    mask: top.mask,
                    cover: top.cover,
                    ready_above: top.ready_above || (top.ready && !top.unseen),
                    model_above: top.model_above || (top.model && !top.failed),
                    steps: if top.model { top.steps.min(top.steps_above) } else { top.steps_above },
                };
                self.enter(stack, child, down, false);
            } else if let Some(frame) = stack.pop() {
                self.leave(&frame);
            }
        }
    }

    pub(super) fn enter(&mut self, stack: &mut Vec<Frame<'t>>, index: u32, down: Down, bypass: bool) {
        let Some(tile) = self.tree.tile(index) else { return };
        let Some(mut side) = self.sides.get(index as usize).copied() else { return };
        if side.has(REPLACED)
            && !bypass
            && let Some(choice) = self.choices.iter().position(|c| c.host == index)
        {
            // What replaces a tile may be larger than the tile was.
            stack.push(self.choice_frame(choice as u32, down));
            return;
        }
        self.out.visited += 1;
        let (visibility, mask) = if down.mask == PlaneMask::NONE {
            (Visibility::Inside, PlaneMask::NONE)
        } else {
            tile.classify(&self.view.frustum_in_world, down.mask)
        };
        if !side.has(SEEN) {
            side.see(self.tree, index);
            if let Some(s) = self.sides.get_mut(index as usize) {
                *s = side;
            }
        }
        let in_request_volume = tile.may_be_viewed_from(self.view.eye_in_world);
        if visibility == Visibility::Outside || !in_request_volume {
            self.out.culled += 1;
            let wanted =
                side.has(MODEL) && !side.has(READY | FAILED) || side.has(BLOCKED) && !side.has(FAILED);
            if self.rules.preload_siblings && in_request_volume && !down.cover && wanted {
                let distance = tile.distance_squared(self.view.eye_in_world).sqrt();
                self.want(index, Class::Sibling, 0, distance);
            } else if side.has(READY) && !down.cover {
                self.touch(index);
            }
            return;
        }
        self.touch(index);
        let distance = tile.distance_squared(self.view.eye_in_world).sqrt();
        let model = side.has(MODEL);
        let (ready, failed, retrying) = (side.has(READY), side.has(FAILED), side.has(RETRYING));
        let children = !tile.is_leaf();
        if side.has(BLOCKED) && !failed && !down.cover {
            let class = if down.ready_above || side.ready_below > 0 { Class::Refine } else { Class::Urgent };
            self.want(index, class, 1, distance);
        }
        if side.has(BLOCKED) && !model && !children {
            self.close(index, failed || retrying, failed);
            return;
        }
        let unseen = side.has(CONTENT_VOLUMES) && self.content_is_outside(index);
        let mut frame = Frame {
            tile: index,
            choice: NONE,
            children: Some(tile.children()),
            mask,
            cover: down.cover,
            model,
            ready,
            add: tile.refine() == Refine::Add,
            unseen,
            failed,
            retrying,
            distance,
            ..self.choice_frame(NONE, down)
        };
        if down.cover {
            self.enter_cover(stack, frame, side, children);
            return;
        }
        let error = self.error_px(tile.geometric_error(), distance);
        let refine = children && (!model || error >= self.limit_px || (failed && !down.model_above));
        if refine {
            frame.steps = steps(error / self.limit_px);
            self.out.failed += usize::from(failed && !frame.add);
            if model && !unseen {
                if frame.add {
                    self.add_own(&frame);
                } else if !down.model_above && !failed {
                    self.count(index, distance);
                }
            }
            stack.push(frame);
            return;
        }
        if !model || unseen {
            return;
        }
        self.count(index, distance);
        if distance > self.cut_m() {
            self.out.over_budget += 1;
        } else if ready {
            self.pick(index);
        } else {
            if failed {
                self.out.failed += 1;
            } else {
                self.want_target(index, side.ready_below > 0, down.ready_above, distance);
            }
            // For what failed, a ready ancestor stands in; what is below may be there today and gone tomorrow.
            if side.ready_below > 0 && !((self.rules.tight || failed) && down.ready_above) {
                self.out.stand_ins += u32::from(failed);
                frame.cover = true;
                stack.push(frame);
            } else {
                self.close(index, failed || retrying, false);
            }
        }
    }

    fn want_target(&mut self, index: u32, ready_below: bool, ready_above: bool, distance: f64) {
        let class = if !ready_above && !ready_below {
            Class::Urgent
        } else if self.rules.pressed && ready_below {
            Class::Cover
        } else {
            Class::Refine
        };
        self.want(index, class, 0, distance);
    }

    /// Looks for what is resident; asks for nothing.
    fn enter_cover(&mut self, stack: &mut Vec<Frame<'t>>, frame: Frame<'t>, side: Side, children: bool) {
        if frame.model && frame.ready {
            if !frame.unseen {
                if frame.distance > self.cut_m() {
                    self.out.over_budget += 1;
                } else {
                    self.pick(frame.tile);
                }
            }
        } else if frame.model && frame.unseen || !frame.model && !children {
        } else if side.ready_below > 0 {
            stack.push(frame);
        } else {
            self.close(frame.tile, frame.failed || frame.retrying, false);
        }
    }

    /// The content of a refined tile whose children come beside it.
    fn add_own(&mut self, frame: &Frame<'t>) {
        self.count(frame.tile, frame.distance);
        if frame.distance > self.cut_m() {
            self.out.over_budget += 1;
        } else if frame.ready {
            self.pick(frame.tile);
        } else if frame.failed {
            self.out.failed += 1;
        } else {
            let class = if frame.ready_above { Class::Refine } else { Class::Urgent };
            self.want(frame.tile, class, frame.steps, frame.distance);
        }
    }

    fn leave(&mut self, frame: &Frame<'t>) {
        let drawn_below = self.out.picks.len() - frame.picks;
        let holes = self.out.holes.len() - frame.holes;
        let clips = self.out.clips.len() - frame.clips;
        if frame.model && frame.add && !frame.cover {
            // Children of an additive tile are independent of each other; its own content alone must be there.
            if frame.ready || frame.unseen || frame.distance > self.cut_m() {
                self.out.holes.truncate(frame.holes);
                self.out.clips.truncate(frame.clips);
            } else {
                self.out.holes.truncate(frame.holes);
                self.out.clips.truncate(frame.clips);
                self.close(frame.tile, frame.failed || frame.retrying, false);
            }
            return;
        }
        if frame.model && !frame.cover && frame.unseen {
            // What the tile itself would show lies outside the view.
            self.out.holes.truncate(frame.holes);
            self.out.clips.truncate(frame.clips);
            return;
        }
        if frame.model && frame.ready && !frame.cover {
            if holes + clips == 0 {
                return;
            }
            let keep_finer =
                self.out.kept > frame.kept && holes + clips <= MAX_LOADING_CLIPS && !self.rules.tight;
            if holes == 0 || keep_finer {
                self.pick_inside(frame.tile, frame.holes, frame.clips);
            } else {
                self.out.picks.truncate(frame.picks);
                self.out.kept = frame.kept;
                self.pick(frame.tile);
            }
            self.out.holes.truncate(frame.holes);
            self.out.clips.truncate(frame.clips);
            return;
        }
        let given_up = frame.cover && (frame.failed || frame.retrying);
        if drawn_below == 0 && holes + clips > 0 {
            self.out.holes.truncate(frame.holes);
            self.out.clips.truncate(frame.clips);
            self.close(frame.tile, holes == 0 || given_up, false);
        } else if given_up {
            // What stands in for it is incomplete, but nobody waits for the rest.
            let rest = self.out.holes.drain(frame.holes..);
            self.out.clips.extend(rest);
        }
        if frame.model && !frame.failed && !frame.cover {
            let stand_ins = (self.out.stand_ins - frame.stand_ins) as usize;
            self.want_ancestor(frame, holes, clips + stand_ins);
        }
    }

    /// A refined tile that is not resident: the first cover, a step on the way, or something to fall back on.
    fn want_ancestor(&mut self, frame: &Frame<'t>, holes: usize, clips: usize) {
        if !frame.model_above {
            let class = if holes + clips > 0 && !frame.ready_above { Class::Urgent } else { Class::Cover };
            if frame.distance <= self.cut_m() {
                self.want(frame.tile, class, frame.steps, frame.distance);
            }
        } else if clips > 0 {
            self.want(frame.tile, Class::Cover, frame.steps, frame.distance);
        } else if holes > 0 && frame.steps < frame.steps_above {
            self.want(frame.tile, Class::Refine, frame.steps, frame.distance);
        } else if self.rules.preload_ancestors {
            self.want(frame.tile, Class::Ancestor, 0, frame.distance);
        }
    }

    fn content_is_outside(&self, index: u32) -> bool {
        self.tree.tile(index).is_some_and(|t| {
            t.contents().iter().all(|c| {
                c.volume.as_deref().is_some_and(|v| {
                    v.classify(&self.view.frustum_in_world, PlaneMask::ALL).0 == Visibility::Outside
                })
            })
        })
    }

    /// Screen-space error in pixels: `error · height / (2 · distance · tan(fov / 2))`, bounded so that at the largest
    /// memory factor nothing is refined any more.
    fn error_px(&self, geometric_error_m: f64, distance_m: f64) -> f64 {
        let error = geometric_error_m * self.pixels_per_metre_at_1_m / distance_m.max(MIN_DISTANCE_M);
        error.min(self.view.max_screen_space_error_px * (MAX_FACTOR * 0.999))
    }

    /// Distance beyond which tiles are over budget, metres. What leaves a replacement is there already.
    fn cut_m(&self) -> f64 {
        if self.quiet > 0 { f64::INFINITY } else { self.rules.cut_m }
    }

    fn touch(&mut self, index: u32) {
        if let Some(side) = self.sides.get_mut(index as usize) {
            side.used = self.rules.frame;
        }
    }

    /// Counts a tile as part of the settled view: it may not be evicted.
    fn count(&mut self, index: u32, distance: f64) {
        if self.quiet > 0 {
            return;
        }
        let Some(side) = self.sides.get_mut(index as usize) else { return };
        if side.counted != self.rules.frame {
            side.counted = self.rules.frame;
            let cost = if side.has(FAILED) {
                0
            } else if side.cost_kib > 0 {
                side.cost_kib
            } else {
                self.rules.unknown_cost_kib
            };
            *self.wanted_kib += u64::from(cost);
            if self.rules.factor >= MAX_FACTOR {
                self.wanted_by_distance.push((distance, cost));
            }
        }
        if distance <= self.rules.cut_m {
            side.pinned = self.rules.frame;
        }
    }

    /// Keeps what was picked, even if something coarser is drawn over it in the end: it is a step on the way, and if two
    /// such steps could push each other out, neither would ever be left.
    fn keep(&mut self, index: u32) {
        if let Some(side) = self.sides.get_mut(index as usize) {
            side.pinned = self.rules.frame;
        }
    }

    fn pick(&mut self, index: u32) {
        self.keep(index);
        self.out.kept += u32::from(self.out.was_drawn(index, self.rules.frame));
        self.out.picks.push(Pick::whole(index));
    }

    /// Picks a tile for the areas of the holes and clips collected since.
    fn pick_inside(&mut self, index: u32, holes: usize, clips: usize) {
        self.keep(index);
        let first = self.out.boxes.len();
        self.out.boxes.extend(self.out.holes.iter().skip(holes));
        self.out.boxes.extend(self.out.clips.iter().skip(clips));
        self.out.kept += u32::from(self.out.was_drawn(index, self.rules.frame));
        let box_count = (self.out.boxes.len() - first) as u32;
        self.out.picks.push(Pick { boxes: first as u32, box_count, ..Pick::whole(index) });
    }

    /// Reports an area that nothing below covers.
    fn close(&mut self, index: u32, clip: bool, failed: bool) {
        self.out.failed += usize::from(failed);
        if clip {
            self.out.clips.push(index);
        } else {
            self.out.holes.push(index);
        }
    }

    fn want(&mut self, index: u32, class: Class, steps: u8, distance: f64) {
        if self.quiet > 0 {
            return;
        }
        let Some(tile) = self.tree.tile(index) else { return };
        let to_center = tile.volume().center() - self.view.eye_in_world;
        let length = to_center.length();
        let off_axis =
            if length > 0.0 { 1.0 - to_center.dot(self.view.forward_in_world) / length } else { 0.0 };
        let score = (distance * (1.0 + 4.0 * off_axis)) as f32;
        let score = if score >= 0.0 { score.to_bits() } else { 0 };
        let key = (class as u64) << 61 | u64::from(31 - steps.min(31)) << 56 | u64::from(score);
        self.out.wants.push(Want { key, tile: index });
    }
}

/// How many steps of eight a tile's error lies above the limit, rounded up; 0 for a tile that is fine enough.
fn steps(ratio: f64) -> u8 {
    if ratio < 1.0 { 0 } else { ((ratio.log2() / 3.0) as u8).saturating_add(1) }
}

//! How selection chooses between a tree and what shall replace it.

use super::{
    selection::{Down, Frame, Pass},
    slots::NONE,
};

/// Where a stream or a replaced tile hangs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// The tile replaced; `NONE` for the root of a stream.
    pub(super) host: u32,
    /// Root of what is shown; `NONE`: the host itself, or nothing yet.
    pub(super) current: u32,
    /// Root of what shall replace it; `NONE`: nothing.
    pub(super) pending: u32,
}

impl<'t> Pass<'t, '_> {
    /// An empty frame, for a choice or to be filled in for a tile.
    pub(super) fn choice_frame(&self, choice: u32, down: Down) -> Frame<'t> {
        Frame {
            tile: NONE,
            choice,
            stage: 0,
            children: None,
            mask: down.mask,
            cover: down.cover,
            model: false,
            ready: false,
            add: false,
            unseen: false,
            failed: false,
            retrying: false,
            ready_above: down.ready_above,
            model_above: down.model_above,
            steps_above: down.steps,
            steps: down.steps,
            distance: 0.0,
            picks: self.out.picks.len(),
            own_picks: 0,
            own_kept: 0,
            holes: self.out.holes.len(),
            clips: self.out.clips.len(),
            kept: self.out.kept,
            stand_ins: self.out.stand_ins,
        }
    }

    /// First what shall replace; if that does not cover everything yet, what is there.
    pub(super) fn step_choice(&mut self, stack: &mut Vec<Frame<'t>>) {
        let Some(top) = stack.last_mut() else { return };
        let Some(&choice) = self.choices.get(top.choice as usize) else {
            stack.pop();
            return;
        };
        let down = Down {
            mask: top.mask,
            cover: top.cover,
            ready_above: top.ready_above,
            model_above: top.model_above,
            steps: top.steps_above,
        };
        match top.stage {
            0 if choice.pending != NONE => {
                top.stage = 1;
                self.enter(stack, choice.pending, Down { model_above: false, ..down }, false);
            }
            1 if self.out.holes.len() == top.holes && self.out.clips.len() == top.clips => {
                self.out.shown_new.push(top.choice);
                let fading = self.rules.fades && self.out.is_swapping(top.choice);
                let comes = self.out.picks.len() > top.picks;
                if !fading || !comes || choice.current == NONE && choice.host == NONE {
                    stack.pop();
                    return;
                }
                top.stage = 4;
                top.own_picks = self.out.picks.len();
                top.own_kept = self.out.kept;
                for pick in self.out.picks.iter_mut().skip(top.picks) {
                    pick.swap = top.choice;
                }
                self.begin_quiet();
                self.enter_old(stack, choice, down);
            }
            0 | 1 => {
                if choice.pending != NONE {
                    self.out.unswitched.push(top.choice);
                }
                self.out.holes.truncate(top.holes);
                self.out.clips.truncate(top.clips);
                if self.out.had_new.contains(&top.choice) && self.out.picks.len() > top.picks {
                    // What is drawn may not vanish because the camera turned: keep it unless the old one is complete.
                    top.stage = 3;
                    top.own_picks = self.out.picks.len();
                } else {
                    top.stage = 2;
                    self.out.picks.truncate(top.picks);
                    self.out.kept = top.kept;
                }
                if choice.current == NONE && choice.host == NONE && choice.pending != NONE {
                    self.out.holes.push(choice.pending);
                }
                self.enter_old(stack, choice, down);
            }
            3 => {
                if self.out.holes.len() == top.holes && self.out.clips.len() == top.clips {
                    self.out.picks.drain(top.picks..top.own_picks);
                } else {
                    self.out.shown_new.push(top.choice);
                }
                stack.pop();
            }
            4 => {
                // What leaves is faded out only where it still covers everything that what comes covers.
                if self.out.holes.len() == top.holes && self.out.clips.len() == top.clips {
                    for pick in self.out.picks.iter_mut().skip(top.own_picks) {
                        pick.swap = top.choice;
                        pick.leaving = true;
                    }
                } else {
                    self.out.picks.truncate(top.own_picks);
                    self.out.holes.truncate(top.holes);
                    self.out.clips.truncate(top.clips);
                    self.out.kept = top.own_kept;
                }
                self.end_quiet();
                stack.pop();
            }
            _ => {
                stack.pop();
            }
        }
    }

    /// What is there already.
    fn enter_old(&mut self, stack: &mut Vec<Frame<'t>>, choice: Choice, down: Down) {
        if choice.current != NONE {
            self.enter(stack, choice.current, down, false);
        } else if choice.host != NONE {
            self.enter(stack, choice.host, down, true);
        }
    }

    fn begin_quiet(&mut self) {
        if self.quiet == 0 {
            self.before_quiet = (self.out.failed, self.out.over_budget, self.out.stand_ins);
        }
        self.quiet += 1;
    }

    fn end_quiet(&mut self) {
        self.quiet -= 1;
        if self.quiet == 0 {
            (self.out.failed, self.out.over_budget, self.out.stand_ins) = self.before_quiet;
        }
    }
}

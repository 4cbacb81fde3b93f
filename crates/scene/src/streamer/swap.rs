//! Cross-fades from a tree to the one that replaces it.
//!
//! What comes is drawn as soon as it covers a view. From then on the tree that leaves is selected too, without asking for
//! anything, and drawn in the complementary pattern, so that both together leave no hole wherever the camera turns
//! meanwhile. Where what leaves does not cover everything any more, what comes is whole at once. The old tree is taken
//! off when no view fades any more; until then its memory is counted like everything else.

use std::time::Duration;

use super::{Streamer, views::ViewState};

/// A replacement that fades in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swap {
    /// Into the choices.
    choice: u32,
    start: Duration,
}

impl ViewState {
    /// Whether a replacement that covers the view fades in, or is about to.
    pub(super) fn is_swapping(&self, choice: u32) -> bool {
        self.swaps.iter().any(|s| s.choice == choice) || !self.had_new.contains(&choice)
    }

    /// How much of a replacement is there; `None`: it does not fade.
    pub(super) fn swap_fade(&self, choice: u32, now: Duration, length: Duration) -> Option<f32> {
        let swap = self.swaps.iter().find(|s| s.choice == choice)?;
        Some((now.saturating_sub(swap.start).as_secs_f32() / length.as_secs_f32()).min(1.0))
    }

    /// Brings the swaps up to date with the picks of `frame`, and takes what leaves out of them.
    fn update_swaps(&mut self, frame: u32, now: Duration, length: Duration) {
        self.leaving.clear();
        self.leaving.extend(self.picks.iter().filter(|p| p.leaving));
        self.picks.retain(|p| !p.leaving);
        let leaving = &self.leaving;
        self.swaps
            .retain(|s| now.saturating_sub(s.start) < length && leaving.iter().any(|p| p.swap == s.choice));
        for at in 0..self.leaving.len() {
            let Some(&pick) = self.leaving.get(at) else { break };
            let begins = !self.had_new.contains(&pick.swap)
                && !self.swaps.iter().any(|s| s.choice == pick.swap)
                && self.was_drawn(pick.tile, frame);
            if begins {
                self.swaps.push(Swap { choice: pick.swap, start: now });
            }
        }
        let swaps = &self.swaps;
        self.leaving.retain(|p| swaps.iter().any(|s| s.choice == p.swap));
    }
}

impl Streamer {
    /// Begins and ends the cross-fades of replacements.
    pub(super) fn update_swaps(&mut self) {
        let length = self.fade_length();
        for view in &mut self.views {
            view.update_swaps(self.frame, self.now, length);
        }
    }

    /// Whether a replacement fades in somewhere.
    pub(super) fn is_swapping(&self, choice: u32) -> bool {
        self.views.iter().any(|v| v.swaps.iter().any(|s| s.choice == choice))
    }

    /// Duration of cross-fades.
    pub(super) fn fade_length(&self) -> Duration {
        Duration::try_from_secs_f32(self.settings.fade_secs).unwrap_or(Duration::ZERO)
    }
}

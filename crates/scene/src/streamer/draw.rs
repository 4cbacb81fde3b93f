//! From what the views picked to what is drawn: one entry per content and look, with the views that share it.

use super::{
    Streamer,
    api::DrawTile,
    slots::{NONE, Phase, Role},
    views::ViewState,
};

/// A tile with one look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    tile: u32,
    fade: f32,
    fading_out: bool,
    /// View whose boxes restrict it, first of them, number of them.
    boxes: (u32, u32, u32),
    views: u32,
}

impl Entry {
    fn looks_like(&self, other: &Self, views: &[ViewState]) -> bool {
        self.tile == other.tile
            && self.fade == other.fade
            && self.fading_out == other.fading_out
            && boxes_of(self, views) == boxes_of(other, views)
    }
}

fn boxes_of<'v>(entry: &Entry, views: &'v [ViewState]) -> &'v [u32] {
    let (view, first, count) = entry.boxes;
    views
        .get(view as usize)
        .and_then(|v| v.boxes.get(first as usize..(first + count) as usize))
        .unwrap_or_default()
}

impl Streamer {
    /// Pins what is drawn and makes the list of the plan.
    pub(super) fn collect_draws(&mut self) {
        let frame = self.frame;
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        let multiple = self.views.len() > 1;
        let (now, length) = (self.now, self.fade_length());
        for (number, view) in self.views.iter().enumerate() {
            let bit = 1u32 << number;
            let number = number as u32;
            let picked = view.picks.iter().map(|p| {
                let fade = if p.swap == NONE { None } else { view.swap_fade(p.swap, now, length) };
                let fade = fade.or_else(|| view.fades.of(p.tile).filter(|f| !f.out).map(|f| f.fade));
                Entry {
                    tile: p.tile,
                    fade: fade.unwrap_or(1.0),
                    fading_out: false,
                    boxes: (number, p.boxes, p.box_count),
                    views: bit,
                }
            });
            // What fades out is not picked; fades that are over were taken off the list.
            let leaving = view.fades.now().iter().filter(|f| f.out).map(|f| Entry {
                tile: f.tile,
                fade: f.fade,
                fading_out: true,
                boxes: (number, 0, 0),
                views: bit,
            });
            let replaced = view.leaving.iter().filter_map(|p| {
                Some(Entry {
                    tile: p.tile,
                    fade: view.swap_fade(p.swap, now, length)?,
                    fading_out: true,
                    boxes: (number, p.boxes, p.box_count),
                    views: bit,
                })
            });
            for entry in picked.chain(leaving).chain(replaced) {
                let Some(side) = self.sides.get_mut(entry.tile as usize) else { continue };
                side.used = frame;
                side.pinned = frame;
                if multiple {
                    let earlier = if side.entry_frame == frame { side.entry } else { NONE };
                    if let Some(same) = entries.get_mut(earlier as usize)
                        && same.looks_like(&entry, &self.views)
                    {
                        same.views |= bit;
                        continue;
                    }
                    side.entry = entries.len() as u32;
                    side.entry_frame = frame;
                }
                entries.push(entry);
            }
        }
        self.plan.draw.clear();
        for entry in &entries {
            let Some(tile) = self.tree.tile(entry.tile) else { continue };
            let mut at = self.sides.get(entry.tile as usize).map_or(NONE, |s| s.first_slot);
            while let Some(slot) = self.slots.get(at) {
                if slot.phase == Phase::Resident && matches!(slot.role, Role::Model(_)) {
                    self.plan.draw.push(DrawTile {
                        content: self.slots.id(at),
                        tile: tile.id(),
                        world_from_content: *tile.world_from_tile(),
                        fade: entry.fade,
                        fading_out: entry.fading_out,
                        views: entry.views,
                        depth: tile.depth(),
                        only_inside: boxes_of(entry, &self.views)
                            .iter()
                            .filter_map(|&t| Some(self.tree.tile(t)?.volume().bounding_box()))
                            .collect(),
                    });
                }
                at = slot.next;
            }
        }
        self.entries = entries;
    }
}

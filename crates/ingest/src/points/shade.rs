//! Colours of points: their own, or for those that have none what tells them apart.

use super::{PointBatch, spill::Record};

/// What is known about the attributes of a cloud.
#[derive(Clone, Debug)]
pub(super) struct Shade {
    has_colors: bool,
    /// Whether colours have 8 bits although there is room for 16; decided by the first batch that has any.
    are_narrow: Option<bool>,
    /// How many points have each intensity.
    intensities: Vec<u64>,
    /// Which classes occur.
    classes: [bool; 256],
    /// Intensities that are black and white.
    range: (u16, u16),
    /// Counted once all points are known: they are asked for with every point.
    has_intensities: bool,
    has_classes: bool,
}

impl Default for Shade {
    fn default() -> Self {
        Self {
            has_colors: false,
            are_narrow: None,
            intensities: vec![0; 1 << 16],
            classes: [false; 256],
            range: (0, u16::MAX),
            has_intensities: false,
            has_classes: false,
        }
    }
}

impl Shade {
    /// Looks at points.
    pub(super) fn learn(&mut self, batch: &PointBatch) {
        if !batch.colors.is_empty() && self.are_narrow.is_none() {
            let widest = batch.colors.iter().flatten().max().copied().unwrap_or(0);
            // All black says nothing.
            self.are_narrow = (widest > 0).then_some(widest <= 255);
            self.has_colors |= widest > 0;
        }
        for intensity in &batch.intensities {
            if let Some(count) = self.intensities.get_mut(usize::from(*intensity)) {
                *count += 1;
            }
        }
        batch.classes.iter().for_each(|class| self.classes[usize::from(*class)] = true);
    }
    /// What was learnt, in the form that is used.
    pub(super) fn settled(mut self) -> Self {
        let total: u64 = self.intensities.iter().sum();
        let at = |share: f64| {
            let wanted = (total as f64 * share) as u64;
            let mut sum = 0;
            let found = self.intensities.iter().position(|count| {
                sum += count;
                sum > wanted
            });
            found.unwrap_or(0) as u16
        };
        self.range = (at(0.02), at(0.98));
        self.has_intensities = self.intensities.iter().filter(|count| **count > 0).count() > 1;
        self.has_classes = self.classes.iter().skip(2).any(|is_there| *is_there);
        self
    }
    /// A colour in 8 bits.
    pub(super) fn narrow(&self, color: [u16; 3]) -> [u8; 3] {
        if self.are_narrow == Some(true) {
            color.map(|c| c.min(255) as u8)
        } else {
            color.map(|c| (c >> 8) as u8)
        }
    }
    /// Whether intensities tell points apart.
    pub(super) fn has_intensities(&self) -> bool {
        self.has_intensities
    }
    /// Whether points have classes other than "none".
    pub(super) fn has_classes(&self) -> bool {
        self.has_classes
    }
    /// The colour a point is shown in.
    pub(super) fn color(&self, point: &Record) -> [u8; 3] {
        if self.has_colors {
            return point.color;
        }
        let tint = if self.has_classes() { tint(point.class) } else { [200, 200, 200] };
        if !self.has_intensities() {
            return tint;
        }
        let (black, white) = self.range;
        let above = f32::from(point.intensity.saturating_sub(black));
        let light = (above / f32::from(white.saturating_sub(black).max(1))).min(1.0);
        tint.map(|c| (f32::from(c) * (0.35 + 0.65 * light.sqrt())) as u8)
    }
}

/// Colours of ASPRS classes.
fn tint(class: u8) -> [u8; 3] {
    match class {
        2 | 8 => [190, 158, 118],
        3 => [150, 196, 110],
        4 => [104, 170, 84],
        5 => [62, 136, 66],
        6 => [224, 130, 104],
        7 | 18 => [220, 70, 200],
        9 => [96, 150, 220],
        10 | 11 => [150, 150, 158],
        17 | 26 => [206, 186, 96],
        _ => [205, 205, 205],
    }
}

//! Classes that a survey brings along (ASPRS LAS 1.4, table 17), and whether to believe them.

/// Ground.
pub const GROUND: u8 = 2;
/// Building.
pub const BUILDING: u8 = 6;
/// Low point (noise).
pub const LOW_NOISE: u8 = 7;
/// Model key point: ground chosen for a thin model.
pub const KEY_POINT: u8 = 8;
/// Water.
pub const WATER: u8 = 9;
/// High noise.
pub const HIGH_NOISE: u8 = 18;

/// Whether a class means bare ground.
pub fn is_ground(class: u8) -> bool {
    class == GROUND || class == KEY_POINT
}

/// Whether a class means that the point is to be left out.
pub fn is_noise(class: u8) -> bool {
    class == LOW_NOISE || class == HIGH_NOISE
}

/// How many points have each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCounts([u64; 256]);

impl Default for ClassCounts {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl ClassCounts {
    /// Counts a point.
    pub fn add(&mut self, class: u8) {
        self.0[usize::from(class)] += 1;
    }
    /// Counts the points of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
    /// Points of a class.
    pub fn of(&self, class: u8) -> u64 {
        self.0[usize::from(class)]
    }
    /// All points.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
    /// Classes that occur, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        (0..=u8::MAX).zip(self.0).filter(|(_, count)| *count > 0)
    }
    /// Whether the ground class can be used as delivered: at least one point in a hundred has it. (A delivery of
    /// nothing but ground is one of bare earth; what was never classified has class 0 or 1 throughout.)
    pub fn have_ground(&self) -> bool {
        let ground: u64 = self.iter().filter(|(class, _)| is_ground(*class)).map(|(_, count)| count).sum();
        ground > 0 && ground.saturating_mul(100) >= self.total()
    }
}

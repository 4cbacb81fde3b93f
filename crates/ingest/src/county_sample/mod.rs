//! A made-up county as survey companies deliver one: raw deliveries, not finished tiles.

mod building;
mod land;
mod math;
mod paint;
mod site;
mod skin;

/// How much of everything is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// All of it: texels of 10 cm, a million points a village.
    #[default]
    Full,
    /// Lean, for many villages.
    Scale,
    /// As little as tests need.
    Tiny,
}

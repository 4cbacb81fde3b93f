//! Regions of a cylinder (extension `3DTILES_bounding_volume_cylinder`, draft).

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use glam::{DMat4, DVec2, DVec3};

use super::child_span;
use crate::Obb;

/// The part of a cylinder between two radii, two angles and two heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CylinderRegion {
    /// Places the cylinder, whose axis is z and whose middle is the origin, in the frame the volume is given in.
    pub here_from_cylinder: DMat4,
    /// Inner radius, metres.
    pub min_radius_m: f64,
    /// Outer radius, metres.
    pub max_radius_m: f64,
    /// First angle, radians, counter-clockwise from +x, in [-π, π].
    pub min_angle_rad: f64,
    /// Last angle; where it is below the first, the region crosses ±π.
    pub max_angle_rad: f64,
    /// Lower end along the axis, metres.
    pub min_height_m: f64,
    /// Upper end along the axis, metres.
    pub max_height_m: f64,
}

impl CylinderRegion {
    /// Extent in angle, radians, in [0, 2π].
    pub fn width_rad(&self) -> f64 {
        let width = self.max_angle_rad - self.min_angle_rad;
        if width < 0.0 { width + TAU } else { width.min(TAU) }
    }

    /// The smallest box around the region along the axes of the cylinder.
    pub fn bounding_box(&self) -> Obb {
        let (first, width) = (self.min_angle_rad, self.width_rad());
        let at = |angle: f64, radius: f64| DVec2::from_angle(angle) * radius;
        let mut low = DVec2::INFINITY;
        let mut high = DVec2::NEG_INFINITY;
        let mut include = |point: DVec2| {
            low = low.min(point);
            high = high.max(point);
        };
        for angle in [first, first + width] {
            include(at(angle, self.min_radius_m));
            include(at(angle, self.max_radius_m));
        }
        // The outer arc reaches farthest where it crosses an axis.
        for quarter in -4..=8 {
            let angle = f64::from(quarter) * FRAC_PI_2;
            if (first..=first + width).contains(&angle) {
                include(at(angle, self.max_radius_m));
            }
        }
        let extents = [(low.x, high.x), (low.y, high.y), (self.min_height_m, self.max_height_m)];
        Obb::from_extents([DVec3::X, DVec3::Y, DVec3::Z], extents).transformed(&self.here_from_cylinder)
    }

    /// The same region seen from another frame.
    pub fn transformed(&self, to_from_here: &DMat4) -> Self {
        Self { here_from_cylinder: *to_from_here * self.here_from_cylinder, ..*self }
    }

    /// The region of a tile at `(level, x, y, z)` of an implicit quadtree (`z` = `None`) or octree whose root has this
    /// region: x counts outwards, y counter-clockwise, z upwards. `None` outside the level.
    pub fn subdivided(&self, level: u32, x: u32, y: u32, z: Option<u32>) -> Option<Self> {
        let heights = match z {
            Some(z) => child_span(level, z)?,
            None => (0.0, 1.0),
        };
        let (radii, angles) = (child_span(level, x)?, child_span(level, y)?);
        let between = |low: f64, high: f64, at: f64| if at == 1.0 { high } else { low + (high - low) * at };
        let (first, width) = (self.min_angle_rad, self.width_rad());
        let angle = |at: f64| match at {
            0.0 => first,
            1.0 => self.max_angle_rad,
            _ => {
                let angle = first + width * at;
                if angle > PI { angle - TAU } else { angle }
            }
        };
        Some(Self {
            min_radius_m: between(self.min_radius_m, self.max_radius_m, radii.0),
            max_radius_m: between(self.min_radius_m, self.max_radius_m, radii.1),
            min_angle_rad: angle(angles.0),
            max_angle_rad: angle(angles.1),
            min_height_m: between(self.min_height_m, self.max_height_m, heights.0),
            max_height_m: between(self.min_height_m, self.max_height_m, heights.1),
            ..*self
        })
    }
}

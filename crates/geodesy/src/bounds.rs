//! Bounding volumes of 3D Tiles 1.1 (specification §"Bounding volumes"): box, sphere, region, S2 cell.

use glam::{DMat4, DVec3};

use crate::{Frustum, PlaneMask, Ray, Visibility, s2::S2Volume};

/// An oriented box: centre and three orthogonal (not necessarily unit) half axes, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obb {
    /// Centre.
    pub center: DVec3,
    /// Half axes; any may be zero.
    pub half_axes: [DVec3; 3],
}

/// A sphere, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    /// Centre.
    pub center: DVec3,
    /// Radius.
    pub radius: f64,
}

/// A geographic region on WGS 84: radians and metres above the ellipsoid; `west > east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Western longitude, radians.
    pub west: f64,
    /// Southern latitude, radians.
    pub south: f64,
    /// Eastern longitude, radians.
    pub east: f64,
    /// Northern latitude, radians.
    pub north: f64,
    /// Lower height, metres above the ellipsoid.
    pub min_height_m: f64,
    /// Upper height, metres above the ellipsoid.
    pub max_height_m: f64,
}

/// Any bounding volume, in one frame (usually world).
#[derive(Clone, Debug, PartialEq)]
pub enum BoundingVolume {
    /// Oriented box.
    Box(Obb),
    /// Sphere.
    Sphere(Sphere),
    /// Region, kept with the tight box around it that frustum tests use. Always in ECEF.
    Region(Box<(Region, Obb)>),
    /// `3DTILES_bounding_volume_S2`, as its eight-cornered hull. Always in ECEF.
    S2(Box<S2Volume>),
}

impl BoundingVolume {
    /// The same volume seen from another frame. Regions and S2 cells are defined in ECEF and do not move
    /// (specification §"Tile transforms").
    pub fn transformed(&self, _to_from_here: &DMat4) -> Self {
        todo!()
    }
    /// Squared distance from a point to the volume, 0 inside.
    pub fn distance_squared(&self, _point: DVec3) -> f64 {
        todo!()
    }
    /// Whether the point lies inside (boundary included).
    pub fn contains(&self, _point: DVec3) -> bool {
        todo!()
    }
    /// Where the volume lies relative to a frustum; `mask` names the planes still to be tested and the returned
    /// mask those that its descendants must test (hierarchical culling).
    pub fn classify(&self, _frustum: &Frustum, _mask: PlaneMask) -> (Visibility, PlaneMask) {
        todo!()
    }
    /// Centre of the volume.
    pub fn center(&self) -> DVec3 {
        todo!()
    }
    /// A sphere around the volume.
    pub fn bounding_sphere(&self) -> Sphere {
        todo!()
    }
    /// A box around the volume.
    pub fn bounding_box(&self) -> Obb {
        todo!()
    }
    /// Parameters `(enter, leave)` along the ray (≥ 0), if it meets the volume.
    pub fn intersect(&self, _ray: &Ray) -> Option<(f64, f64)> {
        todo!()
    }
}

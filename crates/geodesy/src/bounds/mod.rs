//! Bounding volumes of 3D Tiles 1.1 (specification §"Bounding volumes"): box, sphere, region, S2 cell, cylinder region.

mod cylinder;
mod obb;
mod region;

use glam::{DMat4, DVec3};

use crate::{Frustum, PlaneMask, Ray, Visibility, s2::S2Volume};

pub use cylinder::CylinderRegion;
pub use obb::Obb;
pub use region::Region;

/// A point this close to a volume counts as contained, metres; covers the rounding of ECEF-sized coordinates.
pub const CONTAINS_TOLERANCE_M: f64 = 1e-6;

/// A sphere, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    /// Centre.
    pub center: DVec3,
    /// Radius.
    pub radius: f64,
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
    /// `3DTILES_bounding_volume_cylinder`, with the tight box around it that everything else uses.
    Cylinder(Box<(CylinderRegion, Obb)>),
}

impl BoundingVolume {
    /// A region with its tight box.
    pub fn from_region(region: Region) -> Self {
        Self::Region(Box::new((region, region.bounding_box())))
    }
    /// A region of a cylinder with its tight box.
    pub fn from_cylinder(region: CylinderRegion) -> Self {
        Self::Cylinder(Box::new((region, region.bounding_box())))
    }
    /// The same volume seen from another frame. Regions and S2 cells are defined in ECEF and do not move
    /// (specification §"Tile transforms").
    ///
    /// A sphere's radius grows by the longest axis of the matrix.
    pub fn transformed(&self, to_from_here: &DMat4) -> Self {
        match self {
            Self::Box(obb) => Self::Box(obb.transformed(to_from_here)),
            Self::Sphere(sphere) => Self::Sphere(sphere.transformed(to_from_here)),
            Self::Region(_) | Self::S2(_) => self.clone(),
            Self::Cylinder(region) => Self::from_cylinder(region.0.transformed(to_from_here)),
        }
    }
    /// Squared distance from a point to the volume, 0 inside.
    ///
    /// Exact to rounding for boxes (also flat or skewed), spheres, regions and S2 hulls; of a cylinder region that of its
    /// tight box, which is never larger.
    pub fn distance_squared(&self, point: DVec3) -> f64 {
        match self {
            Self::Box(obb) => obb.distance_squared(point),
            Self::Sphere(sphere) => sphere.distance_squared(point),
            Self::Region(region) => region.0.distance_squared(point),
            Self::S2(volume) => volume.distance_squared(point),
            Self::Cylinder(region) => region.1.distance_squared(point),
        }
    }
    /// Whether the point lies inside (boundary included, to within [`CONTAINS_TOLERANCE_M`]).
    pub fn contains(&self, point: DVec3) -> bool {
        self.distance_squared(point) <= CONTAINS_TOLERANCE_M * CONTAINS_TOLERANCE_M
    }
    /// Where the volume lies relative to a frustum; `mask` names the planes still to be tested and the returned
    /// mask those that its descendants must test (hierarchical culling).
    ///
    /// Planes are tested one by one: a volume beside a corner of the frustum may be `Partial` although no point of
    /// it is visible. Regions and cylinder regions are tested as their boxes. When `Outside`, the mask comes back as it was.
    pub fn classify(&self, frustum: &Frustum, mask: PlaneMask) -> (Visibility, PlaneMask) {
        match self {
            Self::Box(obb) => frustum.classify(mask, |normal| obb.extent_along(normal)),
            Self::Sphere(sphere) => frustum.classify(mask, |normal| {
                let middle = normal.dot(sphere.center);
                (middle - sphere.radius, middle + sphere.radius)
            }),
            Self::Region(region) => frustum.classify(mask, |normal| region.1.extent_along(normal)),
            Self::S2(volume) => frustum.classify(mask, |normal| volume.extent_along(normal)),
            Self::Cylinder(region) => frustum.classify(mask, |normal| region.1.extent_along(normal)),
        }
    }
    /// Centre of the volume.
    ///
    /// For a region or cylinder region the centre of its tight box, for an S2 cell the mean of its corners.
    pub fn center(&self) -> DVec3 {
        match self {
            Self::Box(obb) => obb.center,
            Self::Sphere(sphere) => sphere.center,
            Self::Region(region) => region.1.center,
            Self::S2(volume) => volume.center(),
            Self::Cylinder(region) => region.1.center,
        }
    }
    /// A sphere around the volume.
    pub fn bounding_sphere(&self) -> Sphere {
        match self {
            Self::Box(obb) => obb.bounding_sphere(),
            Self::Sphere(sphere) => *sphere,
            Self::Region(region) => region.0.bounding_sphere(&region.1),
            Self::S2(volume) => volume.bounding_sphere(),
            Self::Cylinder(region) => region.1.bounding_sphere(),
        }
    }
    /// A box around the volume.
    pub fn bounding_box(&self) -> Obb {
        match self {
            Self::Box(obb) => *obb,
            Self::Sphere(sphere) => Obb {
                center: sphere.center,
                half_axes: [DVec3::X * sphere.radius, DVec3::Y * sphere.radius, DVec3::Z * sphere.radius],
            },
            Self::Region(region) => region.1,
            Self::S2(volume) => volume.bounding_box(),
            Self::Cylinder(region) => region.1,
        }
    }
    /// Parameters `(enter, leave)` along the ray (≥ 0), if it meets the volume.
    ///
    /// A region or cylinder region is met where its tight box is, which contains it.
    pub fn intersect(&self, ray: &Ray) -> Option<(f64, f64)> {
        match self {
            Self::Box(obb) => obb.intersect(ray),
            Self::Sphere(sphere) => sphere.intersect(ray),
            Self::Region(region) => region.1.intersect(ray),
            Self::S2(volume) => volume.intersect(ray),
            Self::Cylinder(region) => region.1.intersect(ray),
        }
    }
    /// The volume of a tile at `(level, x, y, z)` of an implicit quadtree (`z` = `None`) or octree whose root has
    /// this volume (specification §"Implicit tiling"). `None` for a sphere, which cannot be subdivided, for
    /// coordinates outside the level and for S2 cells beyond level 30.
    pub fn subdivided(&self, level: u32, x: u32, y: u32, z: Option<u32>) -> Option<Self> {
        match self {
            Self::Box(obb) => obb.subdivided(level, x, y, z).map(Self::Box),
            Self::Sphere(_) => None,
            Self::Region(region) => region.0.subdivided(level, x, y, z).map(Self::from_region),
            Self::S2(volume) => volume.subdivided(level, x, y, z).map(|child| Self::S2(Box::new(child))),
            Self::Cylinder(region) => region.0.subdivided(level, x, y, z).map(Self::from_cylinder),
        }
    }
}

impl Sphere {
    fn transformed(&self, to_from_here: &DMat4) -> Self {
        let scale_squared = [to_from_here.x_axis, to_from_here.y_axis, to_from_here.z_axis]
            .map(|axis| axis.truncate().length_squared())
            .into_iter()
            .fold(0.0, f64::max);
        Self {
            center: to_from_here.transform_point3(self.center),
            radius: self.radius * scale_squared.sqrt(),
        }
    }
    fn distance_squared(&self, point: DVec3) -> f64 {
        (point.distance(self.center) - self.radius).max(0.0).powi(2)
    }
    fn intersect(&self, ray: &Ray) -> Option<(f64, f64)> {
        let to_center = self.center - ray.origin;
        let nearest = to_center.dot(ray.direction);
        let miss_squared = (to_center - ray.direction * nearest).length_squared();
        let half_chord = (self.radius * self.radius - miss_squared).max(0.0).sqrt();
        let met = miss_squared <= self.radius * self.radius && nearest + half_chord >= 0.0;
        met.then(|| ((nearest - half_chord).max(0.0), nearest + half_chord))
    }
}

/// Fraction of the root's extent at which child `index` of `2^level` begins and ends; `None` if there is no such
/// child.
pub(crate) fn child_span(level: u32, index: u32) -> Option<(f64, f64)> {
    if level > 63 || u64::from(index) >= 1 << level {
        return None;
    }
    let count = 2f64.powi(level as i32);
    Some((f64::from(index) / count, (f64::from(index) + 1.0) / count))
}

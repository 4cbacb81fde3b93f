//! Rays against resident geometry, and what the point is.
//!
//! The worker that decodes a tile builds its [`PickMesh`]; while the tile is resident the [`Picker`] holds it. A ray
//! is asked against what is drawn ([`Picker::pick`]) or straight down for heights ([`Picker::surface_below`]).

mod bvh;
mod cast;
mod features;
mod mesh;

use std::{collections::BTreeMap, sync::Arc};

use geodesy::{
    Geodetic, Obb, Ray, WorldFrame, ecef_from_geodetic,
    glam::{DMat4, DVec3},
};

pub use cast::Element;
pub use features::FeatureAtPoint;
pub use mesh::PickMesh;

use crate::streamer::{ContentId, DrawTile, TileId};
use cast::{Acceptance, LocalHit, LocalRay};

/// A resident content.
#[derive(Clone, Debug)]
pub struct Resident {
    /// Its tile.
    pub tile: TileId,
    /// Its geometry.
    pub mesh: Arc<PickMesh>,
    /// Places content space in world.
    pub world_from_content: DMat4,
    /// Level in the tree, root 0: deeper is finer.
    pub depth: u16,
}

/// How a ray is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PickOptions {
    /// Only contents drawn in this view; `None`: in any.
    pub view: Option<u32>,
    /// Points are hit within this angle around the ray, radians.
    pub point_radius_rad: f64,
    /// Ignore triangles seen from behind (when drawing culls them).
    pub front_faces_only: bool,
}

impl Default for PickOptions {
    /// Any view, points within 0.2° (about three pixels of a 60° picture 1,000 pixels wide), both faces.
    fn default() -> Self {
        Self { view: None, point_radius_rad: 0.2_f64.to_radians(), front_faces_only: false }
    }
}

/// A point on resident geometry and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The content.
    pub content: ContentId,
    /// Its tile.
    pub tile: TileId,
    /// Index into [`crate::content::TileContent::primitives`].
    pub primitive: usize,
    /// Instance, if the primitive has any.
    pub instance: Option<u32>,
    /// Triangle or point.
    pub element: Element,
    /// The place, metres.
    pub position_in_world: DVec3,
    /// Distance along the ray, metres.
    pub distance_m: f64,
    /// Unit normal of the triangle in world, towards the start of the ray; `None` for points and slivers.
    pub normal_in_world: Option<DVec3>,
    /// Features and properties there.
    pub features: Vec<FeatureAtPoint>,
}

/// A place on a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfacePoint {
    /// The content.
    pub content: ContentId,
    /// Its tile.
    pub tile: TileId,
    /// Level of the tile in the tree.
    pub depth: u16,
    /// The place, metres.
    pub position_in_world: DVec3,
    /// Height: above the ellipsoid on Earth, z in a local frame; metres.
    pub height_m: f64,
}

/// Among what a height is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// What is drawn now: heights that agree with the picture.
    Drawn(&'a [DrawTile]),
    /// Everything resident; where levels overlap, the deepest that has a surface there.
    Resident,
}

/// The resident contents, by id. Cheap to hold: meshes are shared.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    resident: BTreeMap<ContentId, Resident>,
}

impl Picker {
    /// Adds a content, or replaces it.
    pub fn insert(&mut self, id: ContentId, resident: Resident) {
        self.resident.insert(id, resident);
    }

    /// Removes a content; its memory is free once nobody else holds its mesh.
    pub fn remove(&mut self, id: ContentId) -> Option<Resident> {
        self.resident.remove(&id)
    }

    /// A resident content.
    pub fn get(&self, id: ContentId) -> Option<&Resident> {
        self.resident.get(&id)
    }

    /// Number of contents.
    pub fn len(&self) -> usize {
        self.resident.len()
    }

    /// Whether nothing is resident.
    pub fn is_empty(&self) -> bool {
        self.resident.is_empty()
    }

    /// Bytes of all meshes.
    pub fn bytes(&self) -> u64 {
        self.resident.values().map(|resident| resident.mesh.bytes()).sum()
    }

    /// The nearest thing drawn along the ray. Contents that fade out do not count, and of contents drawn only inside
    /// some boxes nothing outside of them.
    pub fn pick(&self, ray_in_world: &Ray, drawn: &[DrawTile], options: &PickOptions) -> Option<Hit> {
        let ray = LocalRay::new(ray_in_world);
        let mut best: Option<Found<'_>> = None;
        for (source, only_inside) in self.drawn(drawn, options.view).map(Source::of_drawn) {
            let inside = |place: DVec3| is_inside_any(only_inside, place);
            let acceptance = Acceptance {
                limit: best.as_ref().map_or(f64::INFINITY, |found| found.hit.distance),
                point_spread: options.point_radius_rad.max(0.0).tan(),
                points: true,
                front_faces_only: options.front_faces_only,
                place_in_world: &inside,
            };
            if let Some(found) = source.cast(&ray, acceptance) {
                best = Some(found);
            }
        }
        best.map(|found| found.into_hit(ray_in_world))
    }

    /// The highest surface at a place, not above `from_height_m`: triangles only. On Earth `place` is longitude and
    /// latitude in radians and the way down is along the normal of the ellipsoid, in a local frame it is x and y in
    /// metres.
    pub fn surface_below(
        &self,
        frame: WorldFrame,
        place: [f64; 2],
        from_height_m: f64,
        among: Among<'_>,
    ) -> Option<SurfacePoint> {
        let ray_in_world = ray_down(frame, place, from_height_m);
        let ray = LocalRay::new(&ray_in_world);
        let (mut sources, by_depth): (Vec<(Source<'_>, &[Obb])>, bool) = match among {
            Among::Drawn(drawn) => (self.drawn(drawn, None).map(Source::of_drawn).collect(), false),
            Among::Resident => (self.resident.iter().map(Source::of_resident).collect(), true),
        };
        if by_depth {
            // The sort is stable: contents of one level stay in the order of their ids.
            sources.sort_by_key(|(source, _)| std::cmp::Reverse(source.resident.depth));
        }
        let mut best: Option<Found<'_>> = None;
        for (source, only_inside) in sources {
            if best
                .as_ref()
                .is_some_and(|found| by_depth && found.source.resident.depth > source.resident.depth)
            {
                break;
            }
            let inside = |place: DVec3| is_inside_any(only_inside, place);
            let acceptance = Acceptance {
                limit: best.as_ref().map_or(f64::INFINITY, |found| found.hit.distance),
                point_spread: 0.0,
                points: false,
                front_faces_only: false,
                place_in_world: &inside,
            };
            if let Some(found) = source.cast(&ray, acceptance) {
                best = Some(found);
            }
        }
        best.map(|found| SurfacePoint {
            content: found.source.id,
            tile: found.source.resident.tile,
            depth: found.source.resident.depth,
            position_in_world: ray_in_world.at(found.hit.distance),
            height_m: from_height_m - found.hit.distance,
        })
    }

    fn drawn<'a>(
        &'a self,
        drawn: &'a [DrawTile],
        view: Option<u32>,
    ) -> impl Iterator<Item = (&'a DrawTile, &'a Resident)> + 'a {
        drawn
            .iter()
            .filter(move |draw| !draw.fading_out)
            .filter(move |draw| {
                view.is_none_or(|view| draw.views.checked_shr(view).is_some_and(|v| v & 1 == 1))
            })
            .filter_map(|draw| Some((draw, self.resident.get(&draw.content)?)))
    }
}

/// A content at its place.
#[derive(Clone, Copy)]
struct Source<'a> {
    id: ContentId,
    resident: &'a Resident,
    world_from_content: DMat4,
}

/// A hit with all that is needed to describe it.
struct Found<'a> {
    source: Source<'a>,
    primitive: usize,
    instance: Option<u32>,
    world_from_primitive: DMat4,
    hit: LocalHit,
}

impl<'a> Source<'a> {
    fn of_drawn((draw, resident): (&'a DrawTile, &'a Resident)) -> (Self, &'a [Obb]) {
        let source = Self { id: draw.content, resident, world_from_content: draw.world_from_content };
        (source, &draw.only_inside)
    }

    fn of_resident((id, resident): (&ContentId, &'a Resident)) -> (Self, &'a [Obb]) {
        (Self { id: *id, resident, world_from_content: resident.world_from_content }, &[])
    }

    fn cast(self, ray: &LocalRay, mut acceptance: Acceptance<'_>) -> Option<Found<'a>> {
        let mut best = None;
        for (index, primitive) in self.resident.mesh.primitives.iter().enumerate() {
            for (instance, content_from_primitive) in primitive.placements() {
                let world_from_primitive = self.world_from_content * content_from_primitive;
                if let Some(hit) = primitive.cast(&world_from_primitive, ray, &acceptance) {
                    acceptance.limit = hit.distance;
                    best =
                        Some(Found { source: self, primitive: index, instance, world_from_primitive, hit });
                }
            }
        }
        best
    }
}

impl Found<'_> {
    fn into_hit(self, ray: &Ray) -> Hit {
        let mesh = &self.source.resident.mesh;
        let primitive = mesh.primitives.get(self.primitive);
        let place = |position: [f32; 3]| {
            self.world_from_primitive.transform_point3(DVec3::from(position.map(f64::from)))
        };
        let (position_in_world, normal_in_world) = match self.hit.element {
            Element::Point { number, .. } => {
                let position = primitive.and_then(|primitive| primitive.point(number)).map(place);
                (position.unwrap_or_else(|| ray.at(self.hit.distance)), None)
            }
            Element::Triangle { number, .. } => {
                let normal = primitive.and_then(|primitive| primitive.corners(number)).and_then(|corners| {
                    let [a, b, c] = corners.map(place);
                    let normal = (b - a).cross(c - a).try_normalize()?;
                    Some(if normal.dot(ray.direction) > 0.0 { -normal } else { normal })
                });
                (ray.at(self.hit.distance), normal)
            }
        };
        let features =
            primitive.map(|p| mesh.features_at(self.primitive, p, &self.hit.element, self.instance));
        Hit {
            content: self.source.id,
            tile: self.source.resident.tile,
            primitive: self.primitive,
            instance: self.instance,
            element: self.hit.element,
            position_in_world,
            distance_m: self.hit.distance,
            normal_in_world,
            features: features.unwrap_or_default(),
        }
    }
}

/// The ray straight down at a place (see [`Picker::surface_below`]).
pub fn ray_down(frame: WorldFrame, place: [f64; 2], from_height_m: f64) -> Ray {
    match frame {
        WorldFrame::Local => {
            Ray { origin: DVec3::new(place[0], place[1], from_height_m), direction: DVec3::NEG_Z }
        }
        WorldFrame::Earth => {
            let [lon_rad, lat_rad] = place;
            let origin = ecef_from_geodetic(Geodetic { lon_rad, lat_rad, height_m: from_height_m });
            let up = DVec3::new(lat_rad.cos() * lon_rad.cos(), lat_rad.cos() * lon_rad.sin(), lat_rad.sin());
            Ray { origin, direction: -up }
        }
    }
}

/// Whether a place lies in one of the boxes; no boxes means everywhere.
fn is_inside_any(boxes: &[Obb], place: DVec3) -> bool {
    boxes.is_empty()
        || boxes.iter().any(|obb| {
            let from_center = place - obb.center;
            obb.half_axes.iter().all(|axis| {
                let length = axis.length();
                let along = if length > 0.0 { from_center.dot(*axis) / length } else { 0.0 };
                along.abs() <= length + 1e-6
            })
        })
}

#[cfg(test)]
mod tests;

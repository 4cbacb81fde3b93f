//! What an import would do: recognised, placed, measured, nothing written.

use std::path::{Path, PathBuf};

use geodesy::{
    Geodetic,
    crs::{Crs, CrsKind, HeightDatum, LocalMap, Projector},
};
use glam::DVec3;
use rayon::prelude::*;

use super::{
    MeshError,
    bounds::Axes,
    load,
    placement::{Placement, bounds_of},
    report::PlaceReport,
    source,
};
use crate::{
    delivery::{self, Delivery, DeliveryKind, SourceTile},
    osgb::{
        Container, Limits,
        scene::{Level, Scene, StepContent},
    },
};

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct MeshRequest {
    /// Folder or file.
    pub path: PathBuf,
    /// Coordinate system, instead of what the delivery says: see [`Crs::parse`], or `local` for no place on Earth.
    pub crs: Option<String>,
    /// Origin in that system, instead of what the delivery says.
    pub origin: Option<[f64; 3]>,
    /// What heights are measured from. Needed unless the system is a tangent plane, whose heights follow from it.
    pub heights: Option<HeightDatum>,
    /// How to name `heights` in reports, such as `EGM96 (egm96_15.gtx)`.
    pub heights_name: Option<String>,
}

/// What an import would do.
#[derive(Clone, Debug)]
pub struct MeshPlan {
    /// What was recognised.
    pub delivery: Delivery,
    /// Where it stands.
    pub placement: Placement,
    /// How it was placed, for people.
    pub place: PlaceReport,
    /// Bytes of the source.
    pub source_bytes: u64,
    /// Maps of the source tiles, where they could be fitted.
    pub(super) maps: Vec<Option<LocalMap>>,
    /// Whether the roots of the source tiles show anything.
    has_bounds: Vec<bool>,
    /// Largest side of a root, metres; the middle one of all.
    pub(super) root_size_m: f64,
    pub(super) axes: Axes,
    pub(super) limits: Limits,
}

/// Coordinate system name for "no place on Earth".
const LOCAL: &str = "local";
/// A geographic model wider than this has its vertices in metres: its degrees are those of its origin.
const MAX_DEGREES: f64 = 1.0;
/// Longer files are refused.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 30;

/// Recognises a delivery, reads its roots and decides where it stands. Runs on the caller's rayon pool.
///
/// # Errors
/// What is no delivery, lies nowhere, or contradicts its coordinate system.
pub fn plan(request: &MeshRequest) -> Result<MeshPlan, MeshError> {
    let delivery = delivery::recognise(&request.path)?;
    if delivery.kind == DeliveryKind::Tiles3d {
        return Err(MeshError::AlreadyTiles { path: request.path.clone() });
    }
    let limits = Limits::default();
    let bounds: Vec<Option<(DVec3, DVec3)>> =
        delivery.tiles.par_iter().map(|tile| root_bounds(tile, &delivery.folder(), &limits)).collect();
    let whole = bounds.iter().flatten().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let Some(whole) = whole else { return Err(MeshError::Empty { path: request.path.clone() }) };
    let (placement, mut place, projector) = place(request, &delivery, whole)?;
    place.notes.extend(delivery.notes.iter().cloned());
    let maps: Vec<Option<LocalMap>> =
        bounds.iter().map(|bounds| placement.fit(projector.as_ref(), *bounds)).collect();
    place.max_residual_m = maps.iter().flatten().map(LocalMap::residual_m).fold(0.0, f64::max);
    let axes = Axes::new(maps.iter().flatten().next().map_or([DVec3::X, DVec3::Y, DVec3::Z], LocalMap::axes));
    let (region, root_size_m) = extents(&placement, &maps, &bounds);
    place.region_deg_m = region;
    let source_bytes = delivery.tiles.iter().map(|tile| tile.bytes).sum();
    let has_bounds = bounds.iter().map(Option::is_some).collect();
    Ok(MeshPlan { delivery, placement, place, source_bytes, maps, has_bounds, root_size_m, axes, limits })
}

fn place(
    request: &MeshRequest,
    delivery: &Delivery,
    (low, high): (DVec3, DVec3),
) -> Result<(Placement, PlaceReport, Option<Projector>), MeshError> {
    let mut notes = Vec::new();
    let metadata = delivery.metadata.as_ref();
    let stated = metadata.and_then(|m| m.srs.clone());
    if let Some(metadata) = metadata {
        notes.extend(metadata.notes.iter().cloned());
        if let (Some(given), Some(stated)) = (&request.crs, &stated)
            && given.trim() != stated.trim()
        {
            notes.push("the coordinate system that was given is used, not that of the delivery".to_owned());
        }
    }
    let text =
        request.crs.clone().or(stated).ok_or_else(|| MeshError::NoCrs { path: request.path.clone() })?;
    let mut origin = DVec3::from(request.origin.or(metadata.map(|m| m.origin)).unwrap_or_default());
    if text.trim().eq_ignore_ascii_case(LOCAL) {
        let report = PlaceReport {
            crs: None,
            definition: None,
            origin: [0.0; 3],
            heights: "the model's own zero".to_owned(),
            notes,
            max_residual_m: 0.0,
            region_deg_m: None,
        };
        return Ok((Placement::local(), report, None));
    }
    let mut crs = Crs::parse(&text)?;
    if crs.kind() == CrsKind::Geographic && (high - low).truncate().max_element() > MAX_DEGREES {
        // Longitude and latitude of the origin, but vertices in metres: what most tools mean by EPSG:4326.
        notes.push(format!(
            "{} names the origin only; the vertices are metres in the tangent plane there",
            crs.name()
        ));
        crs = Crs::parse(&format!("ENU:{},{}", origin.y, origin.x))?;
        origin = DVec3::new(0.0, 0.0, origin.z);
    }
    let middle = (low + high) * 0.5;
    let position = origin + middle;
    let projector = crs.projector()?;
    let (checked, crs_notes) = crs.check_origin_with(&projector, [position.x, position.y])?;
    origin.x += checked[0] - position.x;
    notes.extend(crs_notes.iter().map(ToString::to_string));
    let heights = match (&request.heights, crs.kind()) {
        (Some(heights), _) => heights.clone(),
        (None, CrsKind::TangentPlane(_) | CrsKind::Geocentric) => HeightDatum::Ellipsoidal,
        (None, _) => return Err(MeshError::NoHeightDatum { crs: crs.name().to_owned() }),
    };
    let heights_name = request.heights_name.clone().unwrap_or_else(|| match &heights {
        HeightDatum::Ellipsoidal => "the WGS 84 ellipsoid".to_owned(),
        HeightDatum::Offset(metres) => format!("a surface {metres} m above the ellipsoid"),
        HeightDatum::Geoid(grid) => format!("the geoid of {}", grid.name()),
    });
    let foot = DVec3::new(origin.x + middle.x, origin.y + middle.y, origin.z + low.z);
    let placement = Placement::on_earth(crs.clone(), heights, origin, foot, &projector)?;
    if let Some([lon_deg, lat_deg, _]) = placement.geodetic_deg(DVec3::ZERO)
        && lon_deg.abs() < NULL_ISLAND_DEG
        && lat_deg.abs() < NULL_ISLAND_DEG
    {
        return Err(MeshError::NullIsland { lon_deg, lat_deg });
    }
    let report = PlaceReport {
        crs: Some(crs.name().to_owned()),
        definition: Some(crs.definition().to_owned()),
        origin: origin.to_array(),
        heights: heights_name,
        notes,
        max_residual_m: 0.0,
        region_deg_m: None,
    };
    Ok((placement, report, Some(projector)))
}

/// Nothing is surveyed this close to 0°, 0°: it is the sea, and what wrong coordinates turn into.
const NULL_ISLAND_DEG: f64 = 0.05;

/// Region of all roots, and the middle one of their sizes.
fn extents(
    placement: &Placement,
    maps: &[Option<LocalMap>],
    bounds: &[Option<(DVec3, DVec3)>],
) -> (Option<[f64; 6]>, f64) {
    let mut region: Option<[f64; 6]> = None;
    let mut sizes = Vec::new();
    for (map, bounds) in maps.iter().zip(bounds) {
        let Some((low, high)) = *bounds else { continue };
        let corner = |i: usize| {
            let pick = |bit: usize, a: f64, b: f64| if i >> bit & 1 == 0 { a } else { b };
            let position = DVec3::new(pick(0, low.x, high.x), pick(1, low.y, high.y), pick(2, low.z, high.z));
            map.as_ref().map_or(position, |map| map.apply(placement.origin + position))
        };
        let (a, b) = (corner(0), corner(7));
        sizes.push((b - a).truncate().abs().max_element());
        for i in 0..8 {
            let Some([lon, lat, height]) = placement.geodetic_deg(corner(i)).filter(|_| map.is_some()) else {
                continue;
            };
            let [w, s, e, n, bottom, top] = region.unwrap_or([lon, lat, lon, lat, height, height]);
            region =
                Some([w.min(lon), s.min(lat), e.max(lon), n.max(lat), bottom.min(height), top.max(height)]);
        }
    }
    sizes.sort_by(f64::total_cmp);
    (region, sizes.get(sizes.len() / 2).copied().unwrap_or(0.0))
}

/// Bounds of what the root file of a tile shows, in the model's own coordinates; `None` if that is nothing. A root
/// without geometry of its own is looked into one file deep.
fn root_bounds(tile: &SourceTile, delivery: &Path, limits: &Limits) -> Option<(DVec3, DVec3)> {
    file_bounds(&tile.root, delivery, limits, 2)
}

fn file_bounds(path: &Path, delivery: &Path, limits: &Limits, files_deep: u32) -> Option<(DVec3, DVec3)> {
    let loaded = load::load(path, delivery, MAX_FILE_BYTES).ok()?;
    let container = Container::open("", &loaded.osgb, limits).ok()?;
    let scene = Scene::of("", container.read(limits).ok()?, limits).ok()?;
    let mut found = None;
    let mut files = Vec::new();
    level_bounds(&scene.root, &mut found, &mut files);
    if found.is_some() || files_deep == 0 {
        return found;
    }
    files
        .iter()
        .filter_map(|name| {
            let child = source::existing(&path.with_file_name(name))?;
            file_bounds(&child, delivery, limits, files_deep - 1)
        })
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn level_bounds(level: &Level<'_>, found: &mut Option<(DVec3, DVec3)>, files: &mut Vec<String>) {
    for mesh in &level.meshes {
        let mut positions = mesh.positions.to_dvec3s();
        if let Some(matrix) = &mesh.scene_from_mesh {
            positions.iter_mut().for_each(|p| *p = matrix.transform_point3(*p));
        }
        if let Some((low, high)) =
            bounds_of(&positions).filter(|(low, high)| low.is_finite() && high.is_finite())
        {
            let (a, b) = found.unwrap_or((low, high));
            *found = Some((a.min(low), b.max(high)));
        }
    }
    files.extend(level.files.iter().cloned());
    for step in level.lods.iter().flat_map(|lod| &lod.steps) {
        match &step.content {
            StepContent::Inline(inner) => level_bounds(inner, found, files),
            StepContent::File(name) => files.push(name.clone()),
        }
    }
}

/// A plan for people and programs: what a dry run shows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MeshPlanSummary {
    /// Name of the delivery's folder or file.
    pub delivery: String,
    /// What was recognised.
    pub kind: DeliveryKind,
    /// Source tiles.
    pub source_tiles: usize,
    /// Bytes of the source.
    pub source_bytes: u64,
    /// Source tiles whose root holds nothing that can be drawn, or cannot be read.
    pub empty_tiles: Vec<String>,
    /// File that the coordinate system comes from.
    pub metadata: Option<PathBuf>,
    /// How it would be placed.
    pub place: PlaceReport,
}

impl std::fmt::Display for MeshPlanSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "delivery         {} ({:?})", self.delivery, self.kind)?;
        writeln!(
            f,
            "source           {} tiles, {:.1} MB",
            self.source_tiles,
            self.source_bytes as f64 / 1e6
        )?;
        match &self.place.crs {
            Some(crs) => writeln!(f, "place            {crs}, heights from {}", self.place.heights)?,
            None => writeln!(f, "place            none on Earth")?,
        }
        if let Some(metadata) = &self.metadata {
            writeln!(f, "stated in        {}", metadata.display())?;
        }
        writeln!(f, "origin           {:?}", self.place.origin)?;
        if let Some([w, s, e, n, low, high]) = self.place.region_deg_m {
            writeln!(f, "extent           {w:.6},{s:.6} to {e:.6},{n:.6} degrees, {low:.1} to {high:.1} m")?;
        }
        for note in &self.place.notes {
            writeln!(f, "note             {note}")?;
        }
        for tile in &self.empty_tiles {
            writeln!(f, "empty            {tile}")?;
        }
        Ok(())
    }
}

impl MeshPlan {
    /// The plan for people and programs.
    pub fn summary(&self) -> MeshPlanSummary {
        let empty = self.delivery.tiles.iter().zip(&self.has_bounds).filter(|(_, has)| !**has);
        MeshPlanSummary {
            delivery: self
                .delivery
                .path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default(),
            kind: self.delivery.kind,
            source_tiles: self.delivery.tiles.len(),
            source_bytes: self.source_bytes,
            empty_tiles: empty.map(|(tile, _)| tile.name.clone()).collect(),
            metadata: self.delivery.metadata.as_ref().map(|metadata| metadata.path.clone()),
            place: self.place.clone(),
        }
    }

    /// Where the survey stands, if on Earth: longitude and latitude in degrees of its middle.
    pub fn middle(&self) -> Option<Geodetic> {
        let [lon, lat, height] = self.placement.geodetic_deg(DVec3::ZERO)?;
        Some(Geodetic::from_degrees(lon, lat, height))
    }
}

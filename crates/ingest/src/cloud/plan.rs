//! What an import of points would do: recognised, placed, measured, nothing written.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use geodesy::Geodetic;
use serde::Serialize;

use super::files::{self, CloudFile};
use crate::{
    ground::SurveyError,
    mesh::{Finding, FindingKind},
    place::{PlaceError, PlaceRequest, Placed, Reference, StatedPlace},
    points::{PointBatch, PointTilesError},
};

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct CloudRequest {
    /// Files, or folders of files.
    pub paths: Vec<PathBuf>,
    /// What is said about their place.
    pub place: PlaceRequest,
    /// Side of the cells of terrain and surface, metres; chosen if not given.
    pub cell_m: Option<f64>,
}

/// What an import would do.
#[derive(Clone, Debug)]
pub struct CloudPlan {
    /// Files that can be read, by name.
    pub files: Vec<CloudFile>,
    /// Where they stand.
    pub reference: Reference,
    /// Points, where all files say.
    pub points: Option<u64>,
    /// Bytes of the files.
    pub bytes: u64,
    /// West, south, east, north in degrees, lowest and highest in metres above the ellipsoid.
    pub region_deg_m: [f64; 6],
    /// Side of the cells of terrain and surface, metres.
    pub cell_m: f64,
    /// Files that cannot be read.
    pub findings: Vec<Finding>,
}

/// A plan for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CloudPlanSummary {
    /// Files.
    pub files: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Points, where all files say.
    pub points: Option<u64>,
    /// Whether there are colours.
    pub has_colors: bool,
    /// How it would be placed.
    pub place: Placed,
    /// West, south, east, north in degrees, lowest and highest in metres above the ellipsoid.
    pub region_deg_m: [f64; 6],
    /// Side of the cells of terrain and surface, metres.
    pub cell_m: f64,
    /// About how many bytes the tiles will take.
    pub tile_bytes: Option<u64>,
    /// About how many bytes are needed while it runs.
    pub working_bytes: Option<u64>,
    /// Files that cannot be read.
    pub findings: Vec<Finding>,
}

/// Why points cannot be imported, or why their import stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// A path cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No file of points can be read.
    #[error("{path}: no file of points that can be read{}", first.as_ref().map(|f| format!(" ({f})")).unwrap_or_default())]
    Nothing {
        /// The delivery.
        path: PathBuf,
        /// The first finding.
        first: Option<String>,
    },
    /// It has no place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Files in several systems.
    #[error("{one} and {other} are in different coordinate systems: import them one after the other")]
    SeveralSystems {
        /// A file.
        one: String,
        /// Another.
        other: String,
    },
    /// There are other points already.
    #[error("{path} holds points already, made from something else")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// The result cannot be stored.
    #[error("{path} cannot be written")]
    Store {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No tileset can be made.
    #[error("the point tiles")]
    Tiles(#[from] PointTilesError),
    /// No ground can be found, for a reason that is not the data's.
    #[error("the ground")]
    Ground(#[source] SurveyError),
    /// Somebody asked to stop.
    #[error("stopped as asked; nothing half-made is kept")]
    Cancelled,
}

/// Side of cells unless there is a reason for another.
const CELL_M: f64 = 0.5;
/// Cells of a raster at most.
pub(super) const MAX_CELLS: u64 = 1 << 26;
/// About how long a point is in the tiles, and set aside.
const TILE_BYTES: u64 = 6;
const SPILL_BYTES: u64 = 18;

/// Looks at a delivery of points and decides where it stands. Reads headers, and the first points of the first file.
///
/// # Errors
/// What holds no points, lies nowhere, or in several systems.
pub fn plan(request: &CloudRequest) -> Result<CloudPlan, CloudError> {
    let mut findings = Vec::new();
    let mut found: Vec<CloudFile> = Vec::new();
    for path in &request.paths {
        let unreadable = |source| CloudError::Unreadable { path: path.clone(), source };
        for file in files::list(path).map_err(unreadable)? {
            let name = label(path, &file);
            match files::look(&file, name.clone()) {
                Ok(file) => found.push(file),
                Err(error) => findings.push(finding(FindingKind::FailedFile, name, chain(&error))),
            }
        }
    }
    let path = request.paths.first().cloned().unwrap_or_default();
    let Some(first) = found.first() else {
        return Err(CloudError::Nothing { path, first: findings.first().map(ToString::to_string) });
    };
    let stated = stated(first);
    if request.place.crs.is_none()
        && let Some(other) = found.iter().find(|file| self::stated(file).crs != stated.crs)
    {
        return Err(CloudError::SeveralSystems { one: first.name.clone(), other: other.name.clone() });
    }
    let bounds = bounds(&found).ok_or_else(|| CloudError::Nothing {
        path: path.clone(),
        first: Some("it holds no points".into()),
    })?;
    let [low, high] = bounds;
    let middle = [(low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5];
    let mut reference = Reference::decide(&first.path, &stated, &request.place, middle, true)?;
    if let Some(unit) = first.info.geo_keys.as_ref().and_then(|keys| keys.linear_unit_m())
        && unit != 1.0
        && stated.height_unit_m.is_none()
    {
        let note = format!(
            "eastings are in units of {unit:.6} m; nothing says so of heights: they are taken as metres"
        );
        reference.placed.notes.push(note);
    }
    let projector = reference.crs().projector().map_err(PlaceError::from)?;
    let mut region: Option<[f64; 6]> = None;
    for corner in 0..8 {
        let pick = |axis: usize| if corner >> axis & 1 == 0 { low[axis] } else { high[axis] };
        let [lon, lat, height] = reference.geodetic_deg_m(&projector, [pick(0), pick(1), pick(2)]);
        if lon.is_finite() && lat.is_finite() && height.is_finite() {
            let [w, s, e, n, bottom, top] = region.unwrap_or([lon, lat, lon, lat, height, height]);
            region =
                Some([w.min(lon), s.min(lat), e.max(lon), n.max(lat), bottom.min(height), top.max(height)]);
        }
    }
    let region_deg_m = region.ok_or_else(|| CloudError::Nothing {
        path: path.clone(),
        first: Some("none of its corners has a place in its coordinate system".into()),
    })?;
    let cell_m = cell_size(request.cell_m, region_deg_m, &mut reference.placed.notes);
    let points = found.iter().map(|file| file.info.count).sum();
    let bytes = found.iter().map(|file| file.bytes).sum();
    Ok(CloudPlan { files: found, reference, points, bytes, region_deg_m, cell_m, findings })
}

impl CloudPlan {
    /// Where the middle of the cloud is.
    pub fn middle(&self) -> Geodetic {
        let [west, south, east, north, low, _] = self.region_deg_m;
        Geodetic::from_degrees((west + east) * 0.5, (south + north) * 0.5, low)
    }

    /// The plan for people and programs.
    pub fn summary(&self) -> CloudPlanSummary {
        CloudPlanSummary {
            files: self.files.len(),
            bytes: self.bytes,
            points: self.points,
            has_colors: self.files.iter().any(|file| file.info.has_colors),
            place: self.reference.placed.clone(),
            region_deg_m: self.region_deg_m,
            cell_m: self.cell_m,
            tile_bytes: self.points.map(|points| points.saturating_mul(TILE_BYTES)),
            working_bytes: self.points.map(|points| points.saturating_mul(SPILL_BYTES)),
            findings: self.findings.clone(),
        }
    }
}

impl fmt::Display for CloudPlanSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        let points = self.points.map_or("unknown".to_owned(), |points| points.to_string());
        let colors = if self.has_colors { ", with colours" } else { ", without colours" };
        writeln!(
            f,
            "points             {} files, {:.1} MiB, {points} points{colors}",
            self.files,
            mib(self.bytes)
        )?;
        writeln!(f, "coordinate system  {}", self.place.crs)?;
        writeln!(f, "heights            {}", self.place.heights)?;
        let [w, s, e, n, low, high] = self.region_deg_m;
        writeln!(
            f,
            "extent             {w:.6}, {s:.6} to {e:.6}, {n:.6} degrees, {low:.1} to {high:.1} m above the ellipsoid"
        )?;
        writeln!(f, "ground             terrain and surface in cells of {} m", self.cell_m)?;
        if let (Some(tiles), Some(working)) = (self.tile_bytes, self.working_bytes) {
            writeln!(
                f,
                "disk               about {:.0} MiB, and {:.0} MiB while it runs",
                mib(tiles),
                mib(working)
            )?;
        }
        for note in &self.place.notes {
            writeln!(f, "note: {note}")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// A square metre of the county per cell at the budget's end: cells grow until the area fits.
fn cell_size(asked: Option<f64>, [west, south, east, north, ..]: [f64; 6], notes: &mut Vec<String>) -> f64 {
    let metres_per_degree = 111_320.0;
    let width_m = (east - west) * metres_per_degree * ((south + north) * 0.5).to_radians().cos();
    let height_m = (north - south) * metres_per_degree;
    let mut cell_m = asked.unwrap_or(CELL_M);
    // Some room: a lattice may need a row and a column more.
    while width_m * height_m / (cell_m * cell_m) > MAX_CELLS as f64 * 0.9 {
        cell_m *= 2.0;
    }
    if cell_m > asked.unwrap_or(CELL_M) {
        notes.push(format!(
            "the cloud is {:.1} × {:.1} km: its ground is made in cells of {cell_m} m, so that it fits memory",
            width_m / 1000.0,
            height_m / 1000.0
        ));
    }
    cell_m
}

fn stated(file: &CloudFile) -> StatedPlace {
    let keys = file.info.geo_keys.as_ref().filter(|keys| !keys.is_empty());
    match (&file.info.wkt, keys) {
        (Some(wkt), _) if !wkt.trim_matches(['\0', ' ', '\n', '\r']).is_empty() => StatedPlace::of_wkt(wkt),
        (_, Some(keys)) => StatedPlace::of_keys(keys),
        _ => StatedPlace::default(),
    }
}

/// Bounds of all files, by their headers where these make sense of the first points, else by the first points.
fn bounds(found: &[CloudFile]) -> Option<[[f64; 3]; 2]> {
    let mut all: Option<[[f64; 3]; 2]> = None;
    let mut join = |[low, high]: [[f64; 3]; 2]| {
        let [a, b] = all.unwrap_or([low, high]);
        let joined = |pick: fn(f64, f64) -> f64, a: [f64; 3], b: [f64; 3]| {
            std::array::from_fn(|axis| pick(a[axis], b[axis]))
        };
        all = Some([joined(f64::min, a, low), joined(f64::max, b, high)]);
    };
    for file in found {
        let declared = file.info.bounds.filter(|[low, high]| {
            (0..3)
                .all(|axis| low[axis].is_finite() && high[axis] >= low[axis] && high[axis] - low[axis] < 1e7)
        });
        let first = if declared.is_none() { first_points(file) } else { None };
        if let Some(bounds) = declared.or(first) {
            join(bounds);
        }
    }
    all
}

fn first_points(file: &CloudFile) -> Option<[[f64; 3]; 2]> {
    let mut batch = PointBatch::default();
    files::open(&file.path).ok()?.read(&mut batch).ok()?;
    let first = *batch.positions.first()?;
    Some(batch.positions.iter().fold([first, first], |[low, high], p| {
        [std::array::from_fn(|k| low[k].min(p[k])), std::array::from_fn(|k| high[k].max(p[k]))]
    }))
}

fn label(root: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(root).ok().filter(|inside| !inside.as_os_str().is_empty());
    let parts: Vec<_> = match inside {
        Some(inside) => inside.components().map(|part| part.as_os_str().to_string_lossy()).collect(),
        None => file.file_name().map(|name| name.to_string_lossy()).into_iter().collect(),
    };
    parts.join("/")
}

pub(super) fn finding(kind: FindingKind, file: String, reason: String) -> Finding {
    Finding { kind, file, offset: None, class: None, field: None, reason }
}

/// An error with all its reasons.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

//! What an import of rasters would do: recognised, placed, measured, nothing written.

use std::{fmt, path::PathBuf};

use geodesy::Geodetic;
use serde::{Deserialize, Serialize};

use super::{LandError, raster_file};
use crate::{
    ground::LocalPlan,
    mesh::{Finding, FindingKind},
    place::{PlaceError, PlaceRequest, Placed, Reference, region_deg},
    raster::geotiff::{Bands, SampleKind},
};

/// What a raster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RasterKind {
    /// Heights.
    Dem,
    /// A picture from straight above.
    Ortho,
}

impl RasterKind {
    /// The word for it in commands and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dem => "dem",
            Self::Ortho => "ortho",
        }
    }
}

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct LandRequest {
    /// Files, or folders of files, with what they are if that was said.
    pub paths: Vec<(PathBuf, Option<RasterKind>)>,
    /// What is said about their place.
    pub place: PlaceRequest,
}

/// A raster that would be imported.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedRaster {
    /// The file.
    #[serde(skip)]
    pub path: PathBuf,
    /// Its name in reports.
    pub name: String,
    /// What it is.
    pub kind: RasterKind,
    /// Its length, bytes.
    pub bytes: u64,
    /// Pixels across and down.
    pub size: [u32; 2],
    /// Side of a pixel in its middle, metres.
    pub pixel_m: f64,
    /// West, south, east, north, degrees.
    pub region_deg: [f64; 4],
    /// How it would be placed.
    pub place: Placed,
    #[serde(skip)]
    pub(super) reference: Reference,
}

/// What an import would do.
#[derive(Clone, Debug, Serialize)]
pub struct LandPlan {
    /// Rasters that can be read, by name.
    pub rasters: Vec<PlannedRaster>,
    /// Files that cannot be read or placed.
    pub findings: Vec<Finding>,
}

/// Looks at rasters and decides where they stand. Reads headers only.
///
/// # Errors
/// What holds no raster that can be read, and rasters of which nobody says where they lie or what their heights are
/// measured from.
pub fn plan(request: &LandRequest) -> Result<LandPlan, LandError> {
    let mut plan = LandPlan { rasters: Vec::new(), findings: Vec::new() };
    for (path, said) in &request.paths {
        let unreadable = |source| LandError::Unreadable { path: path.clone(), source };
        for file in raster_file::list(path).map_err(unreadable)? {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match look(file, name.clone(), *said, &request.place) {
                Ok(raster) => plan.rasters.push(raster),
                // What a person can answer is asked, for all files at once.
                Err(LandError::Place(
                    error @ (PlaceError::NoCrs { .. } | PlaceError::NoHeightDatum { .. }),
                )) => return Err(error.into()),
                Err(error) => plan.findings.push(Finding {
                    kind: FindingKind::FailedFile,
                    file: name,
                    offset: None,
                    class: None,
                    field: None,
                    reason: chain(&error),
                }),
            }
        }
    }
    if plan.rasters.is_empty() {
        let path = request.paths.first().map(|(path, _)| path.clone()).unwrap_or_default();
        return Err(LandError::Nothing { path, first: plan.findings.first().map(ToString::to_string) });
    }
    Ok(plan)
}

fn look(
    path: PathBuf,
    name: String,
    said: Option<RasterKind>,
    place: &PlaceRequest,
) -> Result<PlannedRaster, LandError> {
    let tiff = raster_file::open(&path)?;
    let info = tiff.info();
    let bands = info.samples - u16::from(info.alpha.is_some());
    let is_dem = bands == 1 && !matches!(info.kind, SampleKind::Unsigned(8)) && info.bands != Bands::Palette;
    let kind = said.unwrap_or(if is_dem { RasterKind::Dem } else { RasterKind::Ortho });
    let transform = info
        .transform
        .ok_or_else(|| LandError::Corrupt { path: path.clone(), reason: "it has no place".into() })?;
    let middle = transform.at(f64::from(info.width) * 0.5, f64::from(info.height) * 0.5);
    let stated = raster_file::stated(&path, &tiff);
    let reference = Reference::decide(&path, &stated, place, middle, kind == RasterKind::Dem)?;
    let projector = reference.crs().projector().map_err(PlaceError::from)?;
    let bounds = transform.bounds(info.width, info.height);
    let region_deg = region_deg(&reference, &projector, bounds).map_err(PlaceError::from)?;
    let [lon, lat] = reference.degrees(&projector, middle).map_err(PlaceError::from)?;
    let local = LocalPlan::at(lon, lat)
        .ok_or_else(|| LandError::Corrupt { path: path.clone(), reason: "it lies at a pole".into() })?;
    let at = |column: f64, row: f64| -> Result<_, LandError> {
        let place = transform.at(f64::from(info.width) * 0.5 + column, f64::from(info.height) * 0.5 + row);
        let [lon, lat] = reference.degrees(&projector, place).map_err(PlaceError::from)?;
        Ok(local.plan_from_degrees(lon, lat))
    };
    let (here, east, south) = (at(0.0, 0.0)?, at(1.0, 0.0)?, at(0.0, 1.0)?);
    // The finer side: what is finer than the other in a raster of degrees is no reason to lose it.
    let pixel_m = here.distance(east).min(here.distance(south));
    if !(pixel_m.is_finite() && pixel_m > 1e-4) {
        let reason = format!("its pixels would be {pixel_m} m wide: the coordinate system is wrong");
        return Err(LandError::Corrupt { path, reason });
    }
    let bytes = std::fs::metadata(&path).map(|m| m.len()).unwrap_or(0);
    let size = [info.width, info.height];
    let place = reference.placed.clone();
    Ok(PlannedRaster { path, name, kind, bytes, size, pixel_m, region_deg, place, reference })
}

impl LandPlan {
    /// The middle of all rasters.
    pub fn middle(&self) -> Option<Geodetic> {
        let [west, south, east, north] = union(self.rasters.iter().map(|raster| raster.region_deg))?;
        Some(Geodetic::from_degrees((west + east) * 0.5, (south + north) * 0.5, 0.0))
    }

    /// Bytes of all rasters.
    pub fn bytes(&self) -> u64 {
        self.rasters.iter().map(|raster| raster.bytes).sum()
    }
}

impl fmt::Display for LandPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for raster in &self.rasters {
            let what = match raster.kind {
                RasterKind::Dem => "elevation model",
                RasterKind::Ortho => "orthophoto",
            };
            let [width, height] = raster.size;
            writeln!(
                f,
                "{}: {what}, {width} × {height} pixels of {:.2} m, {:.1} MiB",
                raster.name,
                raster.pixel_m,
                raster.bytes as f64 / 1_048_576.0
            )?;
            writeln!(f, "  coordinate system  {}", raster.place.crs)?;
            if raster.kind == RasterKind::Dem {
                writeln!(f, "  heights            {}", raster.place.heights)?;
            }
            let [w, s, e, n] = raster.region_deg;
            writeln!(f, "  extent             {w:.6}, {s:.6} to {e:.6}, {n:.6} degrees")?;
            for note in &raster.place.notes {
                writeln!(f, "  note: {note}")?;
            }
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// What holds some regions.
pub(super) fn union(regions: impl IntoIterator<Item = [f64; 4]>) -> Option<[f64; 4]> {
    regions.into_iter().reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

/// An error with all its reasons.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

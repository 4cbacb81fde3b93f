//! `hamlet import`: whatever a county receives.

mod bar;
mod land;
mod mesh;
mod points;
pub(crate) mod vector;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use geodesy::crs::HeightDatum;
use ingest::{
    county::{CONFIG_FILE, County, CountyConfig, SurveyKey},
    layers::LayerKind,
    place::PlaceRequest,
    subject::{Guess, Subject, guess},
};

pub(crate) use bar::Bar;

use crate::Outcome;

/// Code of a county that was made by an import that did not say where.
const UNKNOWN_CODE: &str = "000000";

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Deliveries: a ContextCapture, DJI Terra or Metashape folder of OSGB, an .osgb or .obj file, a 3D Tiles tileset;
    /// points (.las, .laz, .ply, .xyz); elevation models and orthophotos (GeoTIFF);
    /// Shapefile, GeoJSON, FlatGeobuf, GeoPackage, OpenStreetMap PBF; tables (CSV, Excel). Files of one subject are taken
    /// together.
    #[arg(required = true, value_name = "DELIVERY")]
    deliveries: Vec<PathBuf>,
    /// County folder; made if it does not exist.
    #[arg(long, value_name = "FOLDER")]
    county: PathBuf,
    /// What the deliveries are about, where that is not guessed or guessed wrongly: mesh, points, dem, ortho, buildings,
    /// roads, villages, grids:police, grids:governance, grids:epidemic, cameras, places, addresses.
    #[arg(long = "as", value_name = "SUBJECT")]
    subject: Option<Subject>,
    /// Division code of the village, twelve digits; needed for mesh, points and buildings.
    #[arg(long, value_name = "CODE")]
    village: Option<String>,
    /// Date of the survey, such as 2026-05-01; without it, the day on which the delivery was last changed.
    #[arg(long, value_name = "DATE")]
    survey: Option<String>,
    /// Coordinate system where the delivery names none or a wrong one: EPSG code, WKT, PROJ string, ENU:lat,lon, a file with
    /// one of these, or `local`; for vector data and tables also `gcj02` and `bd09`.
    #[arg(long, value_name = "EPSG|WKT|FILE")]
    crs: Option<String>,
    /// Origin of the model in that system: x,y or x,y,z.
    #[arg(long, value_name = "X,Y[,Z]", value_parser = origin, allow_hyphen_values = true)]
    origin: Option<[f64; 3]>,
    /// What heights are measured from: `ellipsoidal`, `egm96` (needs Debian's proj-data), `grid:FILE` (GTX or GeoTIFF), `offset:METRES`.
    #[arg(long, value_name = "DATUM")]
    height: Option<String>,
    /// Say what a column is, of vector data and tables: FIELD=COLUMN. May be given several times.
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<String>,
    /// Table of a database (GeoPackage, SpatiaLite) that has several.
    #[arg(long, value_name = "TABLE")]
    layer: Option<String>,
    /// Features of a layer that the delivery does not have stay; without it, the delivery is the whole layer.
    #[arg(long)]
    add: bool,
    /// Say what would be done; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Pack meshes (EXT_meshopt_compression, KHR_mesh_quantization): smaller, read by Hamlet and CesiumJS.
    #[arg(long)]
    compress: bool,
    /// Make no coarse cover over the tiles.
    #[arg(long)]
    no_cover: bool,
    /// Copyright to be shown with the picture.
    #[arg(long, value_name = "TEXT")]
    copyright: Option<String>,
    /// Replace a finished survey of the same date.
    #[arg(long)]
    replace: bool,
    /// Side of the cells of the ground, metres: terrain and surface of points, or the terrain of the county.
    #[arg(long, value_name = "METRES", value_parser = crate::args::positive)]
    cell: Option<f64>,
    /// Find the ground in points anew instead of believing their classes.
    #[arg(long)]
    own_classes: bool,
    /// Make simple blocks of the buildings that the classes of points name.
    #[arg(long)]
    blocks: bool,
    /// Leave the ground as it is: when many surveys are imported one by one, only the last needs to cut it.
    #[arg(long)]
    ground_later: bool,
    /// 3D Tiles are linked into the county instead of copied, where the disk can.
    #[arg(long)]
    link: bool,
    /// 3D Tiles are taken even if the inspection finds errors.
    #[arg(long)]
    despite_errors: bool,
    /// Print the report, and the progress, as JSON lines.
    #[arg(long)]
    json: bool,
}

fn origin(text: &str) -> Result<[f64; 3], String> {
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|n| n.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
    match numbers.as_deref() {
        Some([x, y]) => Ok([*x, *y, 0.0]),
        Some([x, y, z]) => Ok([*x, *y, *z]),
        _ => Err("an origin is x,y or x,y,z".into()),
    }
}

/// Imports one delivery after the other, and what belongs together at once: points, rasters, files of one layer. Villages
/// come before what lies in them, the ground after the meshes under which it is cut away.
pub(crate) fn import(args: &Import) -> Result<Outcome> {
    let mut jobs: Vec<(Subject, Vec<&Path>)> = Vec::new();
    let mut rasters = Vec::new();
    for delivery in &args.deliveries {
        let subject = args.subject_of(delivery)?;
        if matches!(subject, Subject::Dem | Subject::Ortho) {
            rasters.push((delivery.clone(), subject));
            continue;
        }
        let takes_several = subject == Subject::Points || vector::takes_several(subject);
        match jobs.iter_mut().find(|(other, _)| *other == subject && takes_several) {
            Some((_, deliveries)) => deliveries.push(delivery),
            None => jobs.push((subject, vec![delivery])),
        }
    }
    jobs.sort_by_key(|(subject, _)| *subject != Subject::Villages);
    let mut outcomes = Vec::new();
    for (subject, deliveries) in &jobs {
        outcomes.push(one_subject(args, *subject, deliveries)?);
    }
    if !rasters.is_empty() {
        let county = open_or_create(args, None)?;
        outcomes.push(land::import(args, &rasters, county)?);
    }
    Ok(if outcomes.contains(&Outcome::Problems) { Outcome::Problems } else { Outcome::Fine })
}

fn one_subject(args: &Import, subject: Subject, deliveries: &[&Path]) -> Result<Outcome> {
    let Some(delivery) = deliveries.first() else { return Ok(Outcome::Fine) };
    let key = subject.needs_village().then(|| args.key(delivery, subject)).transpose()?;
    let mut county = open_or_create(args, key.as_ref())?;
    match (subject, &key) {
        (Subject::Mesh, Some(key)) => mesh::import(args, delivery, county.as_ref(), key),
        (Subject::Points, Some(key)) => {
            let clouds: Vec<PathBuf> = deliveries.iter().map(|path| path.to_path_buf()).collect();
            points::import(args, &clouds, county.as_ref(), key)
        }
        (Subject::Buildings, Some(key)) => vector::footprints(args, deliveries, county.as_ref(), key),
        (Subject::Addresses, _) => vector::addresses(args, deliveries, county.as_ref()),
        _ => match LayerKind::of(subject) {
            Some(kind) => vector::layer(args, kind, subject, deliveries, county.as_mut()),
            None => bail!("{}: {subject} cannot be imported", delivery.display()),
        },
    }
}

/// The county; `None` if it does not exist and nothing is to be written.
fn open_or_create(args: &Import, key: Option<&SurveyKey>) -> Result<Option<County>> {
    let folder = &args.county;
    let is_new = !folder.join(CONFIG_FILE).exists()
        && std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_new {
        return County::open(folder)
            .with_context(|| {
                format!("{} is no county folder; `hamlet county new` makes one", folder.display())
            })
            .map(|county| Some(if args.ground_later { county.with_ground_later() } else { county }));
    }
    if args.dry_run {
        return Ok(None);
    }
    let name = folder.file_name().map_or_else(|| "county".into(), |name| name.to_string_lossy());
    let code = key.and_then(|key| key.village.get(..6)).unwrap_or(UNKNOWN_CODE);
    let county = County::create(folder, &CountyConfig::new(&name, code))?;
    eprintln!(
        "hamlet: {} is a new county, {name}, code {code}; it has no borders, so nothing is refused for its place",
        folder.display()
    );
    Ok(Some(county))
}

impl Import {
    fn subject_of(&self, delivery: &Path) -> Result<Subject> {
        if let Some(subject) = self.subject {
            return Ok(subject);
        }
        match guess(delivery)? {
            Guess::Subject(subject, _) => Ok(subject),
            Guess::Vector => vector::guess(self, delivery),
        }
    }

    fn key(&self, delivery: &Path, subject: Subject) -> Result<SurveyKey> {
        let Some(village) = &self.village else {
            bail!(WrongUse(format!(
                "{subject} belong to a village: give its code of 12 digits with --village"
            )));
        };
        let date = match &self.survey {
            Some(date) => date.clone(),
            None => changed_on(delivery)?,
        };
        Ok(SurveyKey::new(village, &date)?)
    }

    /// The coordinate system that was given, out of a file if there is one of that name.
    fn crs_text(&self) -> Result<Option<String>> {
        let Some(text) = &self.crs else { return Ok(None) };
        let file = Path::new(text);
        if file.is_file() {
            let bytes = std::fs::read(file).with_context(|| text.clone())?;
            return String::from_utf8(bytes).with_context(|| format!("{text} is no text")).map(Some);
        }
        Ok(Some(text.clone()))
    }

    /// What was said about the place of points and rasters, here or for the county.
    fn place_request(&self, county: Option<&County>) -> Result<PlaceRequest> {
        let (heights, heights_name) = self.heights(county)?.unzip();
        let fallback_crs = county.and_then(|county| county.config().crs.clone());
        Ok(PlaceRequest { crs: self.crs_text()?, fallback_crs, heights, heights_name })
    }

    /// What heights are measured from, as was said here or for the county, with its name.
    fn heights(&self, county: Option<&County>) -> Result<Option<(HeightDatum, String)>> {
        let said = self.height.as_deref().or(county.and_then(|county| county.config().heights.as_deref()));
        said.map(|text| ingest::heights::parse(text, &grid_folders())).transpose().map_err(Into::into)
    }
}

/// The day (UTC) on which a delivery was last changed.
fn changed_on(delivery: &Path) -> Result<String> {
    let metadata = delivery.join("metadata.xml");
    let file = if metadata.is_file() { &metadata } else { delivery };
    let changed = std::fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("{} does not say when it was changed: give --survey", file.display()))?;
    Ok(time::OffsetDateTime::from(changed).date().to_string())
}

/// Folders in which Debian, Ubuntu and self-built PROJ keep grids.
fn grid_folders() -> Vec<PathBuf> {
    ["/usr/share/proj", "/usr/local/share/proj"].map(PathBuf::from).to_vec()
}

/// A wrong use that only the data show.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUse(pub(crate) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_two_or_three_numbers() {
        assert_eq!(origin("1,2"), Ok([1.0, 2.0, 0.0]));
        assert_eq!(origin("-1, 2.5,3"), Ok([-1.0, 2.5, 3.0]));
        assert!(["", "1", "1,2,3,4", "a,b", "nan,1", "1,inf"].iter().all(|text| origin(text).is_err()));
    }
}

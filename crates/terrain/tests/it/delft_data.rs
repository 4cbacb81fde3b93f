//! The survey of a part of Delft: airborne lidar with classes, and rasters that others derived from it.

use std::path::PathBuf;

use glam::{DVec2, DVec3};
use terrain::PlanRect;

/// Points with what was delivered about them.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) points: Vec<DVec3>,
    pub(crate) classes: Vec<u8>,
    /// Last or only return.
    pub(crate) is_last: Vec<bool>,
}

/// A raster of 0.5 m, `None` where void; row by row from the north.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) columns: u32,
    /// Outer corner of the first sample's cell.
    pub(crate) north_west: DVec2,
    pub(crate) heights: Vec<Option<f32>>,
}

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/points/delft"));
    if !folder.is_dir() {
        println!("skipped: {} is absent", folder.display());
        return None;
    }
    Some(folder)
}

/// `None`, and a word about it, where the data is absent.
pub(crate) fn survey() -> Option<Survey> {
    let folder = folder()?;
    let mut survey = Survey::default();
    for name in ["ahn3_cropped_1.laz", "ahn3_cropped_2.laz"] {
        let mut reader = las::Reader::from_path(folder.join("example_data/ahn3").join(name)).unwrap();
        let data = reader.read_all().unwrap();
        survey.points.extend(data.x().zip(data.y()).zip(data.z()).map(|((x, y), z)| DVec3::new(x, y, z)));
        survey.classes.extend(data.classification());
        survey.is_last.extend(data.return_number().zip(data.number_of_returns()).map(|(n, of)| n == of));
    }
    Some(survey)
}

/// One of the derived rasters.
pub(crate) fn delivered(name: &str) -> Option<Delivered> {
    let path = folder()?.join("derived").join(name);
    let mut decoder = tiff::decoder::Decoder::new(std::fs::File::open(path).unwrap()).unwrap();
    let tie = decoder.get_tag_f64_vec(tiff::tags::Tag::ModelTiepointTag).unwrap();
    let (columns, _) = decoder.dimensions().unwrap();
    let tiff::decoder::DecodingResult::F32(samples) = decoder.read_image().unwrap() else {
        panic!("{name} does not hold heights");
    };
    let heights = samples.into_iter().map(|h| (h != -9999.0).then_some(h)).collect();
    Some(Delivered { columns, north_west: DVec2::new(tie[3], tie[4]), heights })
}

impl Survey {
    pub(crate) fn area(&self) -> PlanRect {
        let low = self.points.iter().copied().reduce(DVec3::min).unwrap();
        let high = self.points.iter().copied().reduce(DVec3::max).unwrap();
        PlanRect { low: low.truncate(), high: high.truncate() }
    }
}

impl Delivered {
    pub(crate) fn samples(&self) -> impl Iterator<Item = (DVec2, Option<f32>)> + '_ {
        self.heights.iter().enumerate().map(|(index, height)| {
            let (column, row) = (index as u32 % self.columns, index as u32 / self.columns);
            let offset = DVec2::new(f64::from(column) + 0.5, -(f64::from(row) + 0.5)) * 0.5;
            (self.north_west + offset, *height)
        })
    }
}

/// Precision and recall of `found` against the ground class, classes water and "artefact" left out.
pub(crate) fn precision_and_recall(classes: &[u8], found: &[bool]) -> (f64, f64) {
    let judged = classes.iter().zip(found).filter(|(class, _)| ![9, 26].contains(*class));
    let (mut both, mut ours, mut theirs) = (0.0, 0.0, 0.0);
    for (&class, &found) in judged {
        both += f64::from(u8::from(found && class == 2));
        ours += f64::from(u8::from(found));
        theirs += f64::from(u8::from(class == 2));
    }
    (both / ours, both / theirs)
}

//! Footprints of buildings, survey by survey, under ids that last.
//!
//! `villages/<code>/surveys/<date>/buildings.geojson`, WGS 84 degrees, one feature a line. Properties, `null` where unknown:
//!
//! | property | what |
//! |---|---|
//! | `building_id` | `<12-digit code>-B<number>`, kept across surveys by overlap, never given twice |
//! | `village_code` | the village |
//! | `name`, `use`, `structure`, `house_number` | as delivered |
//! | `floors` | number of floors |
//! | `height_m`, `height_from` | height above the ground: `attribute`, `floors` (three metres each) or `raster` |
//! | `ground_m` | the ground above the ellipsoid, where a raster gave it |
//! | `source_file`, `source_feature`, `source_id`, `source_properties` | where it comes from, and what else was said |
//!
//! Beside it lie `buildings-rejected.csv` and `buildings-report.json`; what became of which building is in the
//! [`lineage`] of the village.

mod heights;
pub mod lineage;
pub mod matching;

use std::{collections::BTreeSet, path::Path};

use serde::Serialize;
use serde_json::{Value, json};

pub use heights::{HeightFrom, HeightQuery};
use lineage::{Lineage, LineageEvent, Question};
use matching::{Matching, matched, overlaps};

use crate::{
    county::{County, CountyError, SurveyKey},
    layers::{
        Borders, ColumnError, Field, FieldKind, FileReport, Finder, LayerFeature, Rejected, collection,
        geometry_json, rejected_csv,
    },
    vector::{Geometry, Plane, Polygon, ReadOptions, VectorData, read},
};

/// Name of the file of footprints in a survey.
pub const FILE: &str = "buildings.geojson";
/// Name of the file of events in a village.
pub const LINEAGE_FILE: &str = "lineage.jsonl";
const ID: &str = "building_id";
/// Footprints that have so much in common are one, delivered twice.
const DOUBLE: f64 = 0.95;
/// A building that has less in common with itself, or whose middle went farther, has moved.
const UNCHANGED: f64 = 0.95;
const UNMOVED_M: f64 = 0.3;
/// Smaller footprints are none, square metres.
const LEAST_AREA_M2: f64 = 0.5;
/// If more of them lie elsewhere, all do.
const MOST_ELSEWHERE: f64 = 0.5;

const FIELDS: &[Field] = &[
    Field::new("name", FieldKind::Text, &["name", "名称", "建筑名称", "建筑物名称", "jzwmc", "楼名", "mc"]),
    Field::new(
        "use",
        FieldKind::Text,
        &["use", "用途", "房屋用途", "lx", "类型", "fwyt", "yt", "building", "function"],
    ),
    Field::new(
        "structure",
        FieldKind::Text,
        &["structure", "结构", "房屋结构", "jg", "fwjg", "buildingmaterial"],
    ),
    Field::new(
        "house_number",
        FieldKind::Text,
        &["housenumber", "门牌号", "门牌", "mph", "mlph", "addrhousenumber", "tekst"],
    ),
    Field::new(
        "floors",
        FieldKind::Number(0.0, 200.0),
        &["floors", "cs", "层数", "楼层", "楼层数", "fwcs", "地上层数", "buildinglevels", "levels", "floor"],
    ),
    Field::new(
        "height_m",
        FieldKind::Number(0.0, 1_000.0),
        &["heightm", "height", "gd", "高度", "建筑高度", "房屋高度", "jzgd", "楼高", "hgt"],
    ),
];

/// How footprints are imported.
#[derive(Default)]
pub struct BuildingsOptions<'a> {
    /// What was told about columns: `FIELD=COLUMN`.
    pub columns: Vec<String>,
    /// Heights of ground and surface, if rasters are at hand.
    pub heights: Option<&'a HeightQuery<'a>>,
}

/// Footprints that can be written, and what is to be said about them.
#[derive(Clone, Debug)]
pub struct BuildingsPlan {
    /// Village and survey.
    pub key: SurveyKey,
    /// The footprints, with their ids.
    pub buildings: Vec<LayerFeature>,
    /// Everything that was refused or changed.
    pub rejected: Vec<Rejected>,
    /// The events of the village, those of this import among them.
    pub lineage: Lineage,
    /// The report.
    pub report: BuildingsReport,
}

/// What came of an import of footprints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildingsReport {
    /// Village.
    pub village: String,
    /// Survey.
    pub survey: String,
    /// The survey that it was compared with.
    pub against: Option<String>,
    /// Files.
    pub files: Vec<FileReport>,
    /// Buildings now.
    pub buildings: usize,
    /// As they were.
    pub unchanged: usize,
    /// The same buildings, with other walls or a little elsewhere.
    pub moved: Vec<Moved>,
    /// Where nothing was before.
    pub new: Vec<String>,
    /// Where nothing is now.
    pub gone: Vec<String>,
    /// What a person has to decide.
    pub questions: Vec<Question>,
    /// East and north by which the survey as a whole lies off the one before, metres.
    pub shift_m: [f64; 2],
    /// Heights by where they come from: table, floors, raster, unknown.
    pub heights: [usize; 4],
    /// Refused.
    pub refused: usize,
    /// Taken, but mended or without a field.
    pub mended: usize,
    /// What should be known.
    pub notes: Vec<String>,
}

/// A building that moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Which.
    pub building_id: String,
    /// How far its middle went, beyond the shift of the survey, metres.
    pub metres: f64,
    /// Share of what either covers that both cover.
    pub in_common: f64,
}

/// Why footprints cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildingsError {
    /// The county's answer.
    #[error(transparent)]
    County(#[from] CountyError),
    /// A column that was told and is not understood.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// Most of them lie elsewhere.
    #[error("{outside} of {all} footprints lie outside their village; the first: {first}")]
    Elsewhere {
        /// How many.
        outside: usize,
        /// Of how many.
        all: usize,
        /// What the first has to say.
        first: String,
    },
    /// Nothing to import.
    #[error("there is no footprint in the delivery that can be used; {refused} were refused: {first}")]
    Nothing {
        /// How many were refused.
        refused: usize,
        /// The first reason.
        first: String,
    },
    /// An answer that does not fit its question.
    #[error("question {number} of village {village}: {reason}")]
    Answer {
        /// The village.
        village: String,
        /// The question.
        number: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Works out an import; writes nothing.
///
/// # Errors
/// A village that the county does not have, footprints that lie elsewhere, earlier ones that cannot be read.
pub fn plan(
    county: &County,
    key: &SurveyKey,
    inputs: &[VectorData],
    options: &BuildingsOptions<'_>,
) -> Result<BuildingsPlan, BuildingsError> {
    let notes = county.check_place(&key.village, None)?;
    let borders = county.borders()?;
    let mut report = BuildingsReport {
        village: key.village.clone(),
        survey: key.date.clone(),
        notes,
        ..BuildingsReport::default()
    };
    let mut rejected = Vec::new();
    let mut buildings = taken(key, inputs, options, &borders, &mut report, &mut rejected)?;
    let Some(origin) = buildings.iter().find_map(|b| b.geometry.as_ref()?.middle()) else {
        let refused: Vec<_> = rejected.iter().filter(|r| r.refused).collect();
        let first = refused.first().map(|r| r.reason.clone()).unwrap_or_default();
        return Err(BuildingsError::Nothing { refused: refused.len(), first });
    };
    let plane = Plane::around(origin);
    let in_metres = |list: &[LayerFeature]| -> Vec<Vec<Polygon>> {
        list.iter().map(|b| plane.polygons(b.geometry.as_ref().map_or(&[], Geometry::polygons))).collect()
    };
    without_doubles(&mut buildings, &in_metres, &mut rejected);
    let mut lineage = Lineage::read(&county.village_folder(&key.village)?.join(LINEAGE_FILE))?;
    let (against, old) = earlier(county, key)?;
    if against.as_deref() != Some(&key.date) {
        // What an import of this survey left behind that never came to its end, or was removed.
        lineage.events.retain(|event| !matches!(event, LineageEvent::Question(q) if q.survey == key.date));
    }
    let mut next_number = next_number(county, &key.village, &lineage)?;
    let (old_m, new_m) = (in_metres(&old), in_metres(&buildings));
    let matching = matched(&old_m, &new_m);
    give_ids(key, &matching, &old, &mut buildings, &mut next_number, &mut report);
    moved(&matching, (&old_m, &new_m), &old, &mut report);
    for (number, group) in (lineage.next_question()..).zip(&matching.questions) {
        let ids = |list: &[LayerFeature], at: &[usize]| -> Vec<String> {
            at.iter().filter_map(|index| Some(list.get(*index)?.id.clone())).collect()
        };
        let (old, new) = (ids(&old, &group.old), ids(&buildings, &group.new));
        let question = Question { number, kind: group.kind, survey: key.date.clone(), old, new };
        lineage.events.push(LineageEvent::Question(question.clone()));
        report.questions.push(question);
    }
    lineage.events.push(LineageEvent::Survey {
        survey: key.date.clone(),
        against: against.clone(),
        next_number,
    });
    if against.is_none() {
        report.notes.push("there are no footprints of the village to compare with".to_owned());
    }
    report.against = against;
    report.buildings = buildings.len();
    for building in &buildings {
        let slot = match building.text("height_from") {
            "attribute" => 0,
            "floors" => 1,
            "raster" => 2,
            _ => 3,
        };
        report.heights[slot] += 1;
    }
    let features = |refused: bool| {
        let all = rejected.iter().filter(|r| r.refused == refused);
        all.map(|r| (r.file.as_str(), r.feature)).collect::<BTreeSet<_>>().len()
    };
    (report.refused, report.mended) = (features(true), features(false));
    buildings.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(BuildingsPlan { key: key.clone(), buildings, rejected, lineage, report })
}

impl BuildingsPlan {
    /// Writes footprints, lineage, report and what was refused.
    ///
    /// # Errors
    /// What the disk answers. The footprints are written last.
    pub fn write(&self, county: &County) -> Result<(), CountyError> {
        let SurveyKey { village, date } = &self.key;
        let survey = format!("villages/{village}/surveys/{date}");
        let corrupt = |reason: String| CountyError::Corrupt { path: county.folder().join(&survey), reason };
        let report = serde_json::to_vec_pretty(&self.report).map_err(|error| corrupt(error.to_string()))?;
        let rejected = rejected_csv(&self.rejected).map_err(|error| corrupt(error.to_string()))?;
        // First the ids that are taken: a crash may waste some, never give one twice.
        county.write_file(&format!("villages/{village}/{LINEAGE_FILE}"), &self.lineage.bytes())?;
        county.write_file(&format!("{survey}/buildings-rejected.csv"), &rejected)?;
        county.write_file(&format!("{survey}/buildings-report.json"), &report)?;
        write_buildings(county, &self.key, &self.buildings)
    }
}

/// Footprints of a survey; none if there are none.
///
/// # Errors
/// A file that cannot be read or was damaged.
pub fn buildings_of(county: &County, key: &SurveyKey) -> Result<Vec<LayerFeature>, CountyError> {
    let path = county.survey_folder(key).join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let data = read(&path, &ReadOptions::default()).map_err(CountyError::Layer)?;
    if let Some(issue) = data.issues.iter().find(|issue| issue.refused) {
        let reason = format!("feature {}: {}", issue.number, issue.reason);
        return Err(CountyError::Corrupt { path, reason });
    }
    Ok(data.features.into_iter().filter_map(|feature| LayerFeature::from_feature(feature, ID)).collect())
}

/// The events of a village.
///
/// # Errors
/// A file that cannot be read.
pub fn lineage_of(county: &County, village: &str) -> Result<Lineage, CountyError> {
    Lineage::read(&county.village_folder(village)?.join(LINEAGE_FILE))
}

/// Answers a question: each pair is an old id and the id now that goes on under it; without pairs none goes on.
///
/// # Errors
/// A question that is not open, ids that are not in it, one old id for two buildings.
pub fn answer(
    county: &County,
    village: &str,
    number: u64,
    keep: &[(String, String)],
) -> Result<(), BuildingsError> {
    let wrong = |reason: String| BuildingsError::Answer { village: village.to_owned(), number, reason };
    let mut lineage = lineage_of(county, village)?;
    let question = lineage.open().into_iter().find(|question| question.number == number).cloned();
    let question = question.ok_or_else(|| wrong("it is not open".to_owned()))?;
    for (old, new) in keep {
        if !question.old.contains(old) || !question.new.contains(new) {
            return Err(wrong(format!(
                "{old}={new}: an id of {} and one of {} are expected",
                question.old.join(", "),
                question.new.join(", ")
            )));
        }
    }
    let olds: BTreeSet<&String> = keep.iter().map(|(old, _)| old).collect();
    let news: BTreeSet<&String> = keep.iter().map(|(_, new)| new).collect();
    if olds.len() < keep.len() || news.len() < keep.len() {
        return Err(wrong("an id is named twice".to_owned()));
    }
    // In this survey, and in later ones that took the id over.
    for survey in
        county.surveys()?.into_iter().filter(|s| s.key.village == village && s.key.date >= question.survey)
    {
        let mut buildings = buildings_of(county, &survey.key)?;
        let mut is_changed = false;
        for building in &mut buildings {
            if let Some((old, _)) = keep.iter().find(|(_, new)| *new == building.id) {
                building.id.clone_from(old);
                is_changed = true;
            }
        }
        if is_changed {
            buildings.sort_by(|a, b| a.id.cmp(&b.id));
            write_buildings(county, &survey.key, &buildings)?;
        }
    }
    lineage.events.push(LineageEvent::Answer { number, keep: keep.to_vec() });
    county.write_file(&format!("villages/{village}/{LINEAGE_FILE}"), &lineage.bytes())?;
    Ok(())
}

fn write_buildings(county: &County, key: &SurveyKey, buildings: &[LayerFeature]) -> Result<(), CountyError> {
    let own = json!({ "format": 1, "village": key.village, "survey": key.date });
    let features = buildings
        .iter()
        .map(|building| (building.properties(ID), building.geometry.as_ref().map(geometry_json)));
    let bytes = collection("buildings", &own, features);
    county.write_file(&format!("villages/{}/surveys/{}/{FILE}", key.village, key.date), &bytes)
}

/// The footprints that can be used, without ids.
fn taken(
    key: &SurveyKey,
    inputs: &[VectorData],
    options: &BuildingsOptions<'_>,
    borders: &Borders,
    report: &mut BuildingsReport,
    rejected: &mut Vec<Rejected>,
) -> Result<Vec<LayerFeature>, BuildingsError> {
    let mut buildings = Vec::new();
    let (mut outside, mut first_outside) = (0, None);
    for input in inputs {
        let row = |number: u64, line: Option<u64>, reason: String, refused: bool| Rejected {
            file: input.file.clone(),
            feature: number,
            line,
            reason,
            refused,
        };
        rejected.extend(input.issues.iter().map(|i| row(i.number, i.line, i.reason.clone(), i.refused)));
        let mut finder = Finder::new(FIELDS, &options.columns)?;
        for feature in &input.features {
            let tell = |reason: String, refused: bool| row(feature.number, feature.line, reason, refused);
            let found = finder.read(feature);
            let geometry = match &feature.geometry {
                Some(geometry @ Geometry::Polygons(_)) => geometry.clone(),
                Some(other) => {
                    rejected.push(tell(format!("a footprint is an area, no {}", other.kind()), true));
                    continue;
                }
                None => {
                    rejected.push(tell("it has no place".to_owned(), true));
                    continue;
                }
            };
            let Some(middle) = geometry.middle() else { continue };
            let area_m2 = crate::vector::area_deg2(&Plane::around(middle).polygons(geometry.polygons()));
            if area_m2 < LEAST_AREA_M2 {
                rejected.push(tell(format!("its area is {area_m2:.2} m²: no building"), true));
                continue;
            }
            if let Err(elsewhere) = borders.check_village(&key.village, middle) {
                outside += 1;
                first_outside.get_or_insert_with(|| elsewhere.to_string());
                rejected.push(tell(elsewhere.to_string(), true));
                continue;
            }
            rejected.extend(
                found.faults.iter().map(|(field, why)| tell(format!("{field} left out: {why}"), false)),
            );
            let number = |name: &str| found.fields.get(name).and_then(Value::as_f64);
            let (height, ground_m) =
                heights::height(&geometry, number("height_m"), number("floors"), options.heights);
            let mut fields = found.fields;
            let rounded = |value: f64| (value * 100.0).round() / 100.0;
            fields.insert("height_m".to_owned(), json!(height.map(|(metres, _)| rounded(metres))));
            fields.insert("height_from".to_owned(), json!(height.map(|(_, from)| from)));
            fields.insert("ground_m".to_owned(), json!(ground_m.map(rounded)));
            fields.insert("village_code".to_owned(), key.village.clone().into());
            buildings.push(LayerFeature {
                id: String::new(),
                geometry: Some(geometry),
                fields,
                source_file: input.file.clone(),
                source_feature: feature.number,
                source_id: found.source_id,
                source_properties: found.rest,
            });
        }
        let columns = finder.used().iter().map(|(column, field)| (column.clone(), (*field).to_owned()));
        report.files.push(FileReport {
            file: input.file.clone(),
            read: input.read,
            crs: input.crs.clone(),
            columns: columns.collect(),
            notes: input.notes.clone(),
        });
    }
    let all = outside + buildings.len();
    match first_outside {
        Some(first) if outside as f64 > all as f64 * MOST_ELSEWHERE => {
            Err(BuildingsError::Elsewhere { outside, all, first })
        }
        _ => Ok(buildings),
    }
}

/// Takes out what was delivered twice.
fn without_doubles(
    buildings: &mut Vec<LayerFeature>,
    in_metres: &dyn Fn(&[LayerFeature]) -> Vec<Vec<Polygon>>,
    rejected: &mut Vec<Rejected>,
) {
    let metres = in_metres(buildings);
    let area = |index: usize| metres.get(index).map_or(0.0, |polygons| crate::vector::area_deg2(polygons));
    let mut doubles: BTreeSet<usize> = BTreeSet::new();
    for (a, b, common) in overlaps(&metres, &metres) {
        if a < b && !doubles.contains(&a) && common > DOUBLE * (area(a) + area(b) - common) {
            doubles.insert(b);
            if let (Some(first), Some(second)) = (buildings.get(a), buildings.get(b)) {
                rejected.push(Rejected {
                    file: second.source_file.clone(),
                    feature: second.source_feature,
                    line: None,
                    reason: format!("it is feature {} of {} again", first.source_feature, first.source_file),
                    refused: true,
                });
            }
        }
    }
    let mut index = 0;
    buildings.retain(|_| {
        index += 1;
        !doubles.contains(&(index - 1))
    });
}

/// The footprints to compare with: of the same survey if it is imported again, else of the last before it, else of the
/// first after it.
fn earlier(county: &County, key: &SurveyKey) -> Result<(Option<String>, Vec<LayerFeature>), CountyError> {
    let mut dates: Vec<String> = county
        .surveys()?
        .into_iter()
        .filter(|survey| survey.key.village == key.village)
        .filter(|survey| county.survey_folder(&survey.key).join(FILE).is_file())
        .map(|survey| survey.key.date)
        .collect();
    dates.sort();
    let before = dates.iter().rev().find(|date| **date <= key.date);
    let Some(date) = before.or(dates.first()).cloned() else { return Ok((None, Vec::new())) };
    let buildings = buildings_of(county, &SurveyKey { village: key.village.clone(), date: date.clone() })?;
    Ok((Some(date), buildings))
}

/// The number of a building of this village; those of other villages (re-coded ones) have none here.
fn number_of(village: &str, id: &str) -> Option<u64> {
    id.strip_prefix(village)?.strip_prefix("-B")?.parse().ok()
}

/// A number that no building of the village ever had.
fn next_number(county: &County, village: &str, lineage: &Lineage) -> Result<u64, CountyError> {
    let mut next = lineage.next_number();
    for survey in county.surveys()?.into_iter().filter(|survey| survey.key.village == village) {
        let numbers =
            buildings_of(county, &survey.key)?.into_iter().filter_map(|b| number_of(village, &b.id));
        next = next.max(numbers.max().map_or(1, |number| number + 1));
    }
    Ok(next)
}

fn give_ids(
    key: &SurveyKey,
    matching: &Matching,
    old: &[LayerFeature],
    buildings: &mut [LayerFeature],
    next_number: &mut u64,
    report: &mut BuildingsReport,
) {
    for (o, n, _) in &matching.kept {
        if let (Some(before), Some(now)) = (old.get(*o), buildings.get_mut(*n)) {
            now.id.clone_from(&before.id);
        }
    }
    let waiting: BTreeSet<usize> =
        matching.questions.iter().flat_map(|group| group.new.iter().copied()).collect();
    for (index, building) in buildings.iter_mut().enumerate().filter(|(_, building)| building.id.is_empty()) {
        building.id = format!("{}-B{:04}", key.village, *next_number);
        *next_number += 1;
        if !waiting.contains(&index) {
            report.new.push(building.id.clone());
        }
    }
    report.gone = matching.gone.iter().filter_map(|index| Some(old.get(*index)?.id.clone())).collect();
}

fn moved(
    matching: &Matching,
    (old_m, new_m): (&[Vec<Polygon>], &[Vec<Polygon>]),
    old: &[LayerFeature],
    report: &mut BuildingsReport,
) {
    report.shift_m = matching.shift_m.map(|metres| (metres * 100.0).round() / 100.0);
    if report.shift_m != [0.0; 2] {
        let [east, north] = report.shift_m;
        report.notes.push(format!(
            "the survey as a whole lies {east:+.2} m east and {north:+.2} m north of the one before: taken off to compare"
        ));
    }
    for (o, n, share) in &matching.kept {
        let middle = |list: &[Vec<Polygon>], at: usize| Geometry::Polygons(list.get(at)?.clone()).middle();
        let (Some(a), Some(b)) = (middle(old_m, *o), middle(new_m, *n)) else { continue };
        let [east, north] = [0, 1].map(|i| b[i] - a[i] - matching.shift_m[i]);
        let metres = east.hypot(north);
        if *share >= UNCHANGED && metres <= UNMOVED_M {
            report.unchanged += 1;
        } else if let Some(before) = old.get(*o) {
            report.moved.push(Moved {
                building_id: before.id.clone(),
                metres: (metres * 100.0).round() / 100.0,
                in_common: (share * 1000.0).round() / 1000.0,
            });
        }
    }
    report.moved.sort_by(|a, b| a.building_id.cmp(&b.building_id));
}

/// Whether a file of footprints is there for a survey.
pub fn has_buildings(county: &County, key: &SurveyKey) -> bool {
    Path::is_file(&county.survey_folder(key).join(FILE))
}

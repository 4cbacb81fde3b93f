//! From delivered features to a layer, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Borders, LayerDocument, LayerFeature,
    identity::matched,
    schema::{ColumnError, Finder, LayerKind},
};
use crate::vector::{Feature, Geometry, VectorData};

/// How a layer is made.
#[derive(Clone, Debug, Default)]
pub struct LayerOptions {
    /// What was told about columns: `FIELD=COLUMN`.
    pub columns: Vec<String>,
    /// Features that the delivery does not have are kept.
    pub add: bool,
    /// Codes with which those of villages begin: that of the county and former ones; none are no limit.
    pub county_codes: Vec<String>,
}

/// A layer that can be written, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// Which.
    pub kind: LayerKind,
    /// The layer.
    pub document: LayerDocument,
    /// Everything that was refused or changed.
    pub rejected: Vec<Rejected>,
    /// The report.
    pub report: LayerReport,
}

/// A feature, or a part of what it says, that was not taken as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its file.
    pub file: String,
    /// Its number there, from 1; 0 for the file.
    pub feature: u64,
    /// Its line, of text files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
    /// Whether it was refused as a whole; else it was taken, mended or without a field.
    pub refused: bool,
}

/// A file that went into a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Features in it.
    pub read: usize,
    /// Its coordinate system.
    pub crs: String,
    /// Columns, and the fields that they were taken for.
    pub columns: BTreeMap<String, String>,
    /// What should be known.
    pub notes: Vec<String>,
}

/// What came of an import. Features are named by their ids.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerReport {
    /// The layer.
    pub layer: String,
    /// Its files.
    pub files: Vec<FileReport>,
    /// Features in the layer now.
    pub features: usize,
    /// As they were before.
    pub unchanged: usize,
    /// Not there before.
    pub new: Vec<String>,
    /// There before, and now different.
    pub changed: Vec<String>,
    /// There before, and no longer.
    pub gone: Vec<String>,
    /// Features that were refused.
    pub refused: usize,
    /// Features that were taken, but mended or without a field.
    pub mended: usize,
    /// West, south, east, north, degrees.
    pub extent_deg: Option<[f64; 4]>,
    /// What should be known.
    pub notes: Vec<String>,
}

/// Works out a layer; writes nothing.
///
/// # Errors
/// A column that was told and is not understood.
pub fn plan(
    kind: LayerKind,
    inputs: &[VectorData],
    before: &LayerDocument,
    borders: &Borders,
    options: &LayerOptions,
) -> Result<LayerPlan, ColumnError> {
    let mut rejected = Vec::new();
    let mut features: Vec<LayerFeature> = Vec::new();
    let mut files = Vec::new();
    for input in inputs {
        let mut finder = Finder::new(kind.fields(), &options.columns)?;
        rejected.extend(input.issues.iter().map(|issue| Rejected {
            file: input.file.clone(),
            feature: issue.number,
            line: issue.line,
            reason: issue.reason.clone(),
            refused: issue.refused,
        }));
        for feature in &input.features {
            let mut notes = Vec::new();
            let taken = take(kind, feature, &mut finder, borders, options, &mut notes);
            let mut tell = |reason: String, refused: bool| {
                let (number, line) = (feature.number, feature.line);
                rejected.push(Rejected { file: input.file.clone(), feature: number, line, reason, refused });
            };
            notes.into_iter().for_each(|note| tell(note, false));
            match taken {
                Ok(mut taken) => {
                    taken.source_file.clone_from(&input.file);
                    taken.source_feature = feature.number;
                    features.push(taken);
                }
                Err(reason) => tell(reason, true),
            }
        }
        let columns = finder.used().iter().map(|(column, field)| (column.clone(), (*field).to_owned()));
        files.push(FileReport {
            file: input.file.clone(),
            read: input.read,
            crs: input.crs.clone(),
            columns: columns.collect(),
            notes: input.notes.clone(),
        });
    }
    without_doubles(kind, &mut features, &mut rejected);
    let mut notes = Vec::new();
    if borders.is_empty() && !matches!(kind, LayerKind::Borders | LayerKind::Villages) {
        notes.push("the county has no borders: nothing is refused for its place".to_owned());
    }
    let (document, [new, changed, gone], unchanged) = merge(kind, features, before, options);
    let extent = document.features.iter().filter_map(|feature| feature.geometry.as_ref()?.bounds());
    let extent =
        extent.reduce(|[a, b], [c, d]| [[0, 1].map(|i| a[i].min(c[i])), [0, 1].map(|i| b[i].max(d[i]))]);
    let count = |refused: bool| {
        let features: BTreeSet<(&str, u64)> =
            rejected.iter().filter(|r| r.refused == refused).map(|r| (r.file.as_str(), r.feature)).collect();
        features.len()
    };
    let report = LayerReport {
        layer: kind.name().to_owned(),
        files,
        features: document.features.len(),
        unchanged,
        new,
        changed,
        gone,
        refused: count(true),
        mended: count(false),
        extent_deg: extent.map(|[[w, s], [e, n]]| [w, s, e, n]),
        notes,
    };
    Ok(LayerPlan { kind, document, rejected, report })
}

/// A feature as the layer has it, without its id; or why it is refused.
fn take(
    kind: LayerKind,
    feature: &Feature,
    finder: &mut Finder,
    borders: &Borders,
    options: &LayerOptions,
    notes: &mut Vec<String>,
) -> Result<LayerFeature, String> {
    let mut found = finder.read(feature);
    for (field, reason) in &found.faults {
        if kind.required() == Some(field) {
            return Err(format!("{field}: {reason}"));
        }
    }
    if let Some(required) = kind.required()
        && found.fields.get(required).is_none_or(serde_json::Value::is_null)
    {
        return Err(format!("it has no {required}"));
    }
    let (geometry, note) = kind.fit(feature.geometry.clone())?;
    let middle = geometry.as_ref().and_then(Geometry::middle);
    let code = |name: &str| found.fields.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let is_home = |code: &str| {
        options.county_codes.is_empty() || options.county_codes.iter().any(|c| code.starts_with(c))
    };
    if kind == LayerKind::Villages {
        let code = code("code").unwrap_or_default();
        if !is_home(&code) {
            return Err(format!(
                "code {code} does not begin with the county's, {}",
                options.county_codes.join(", ")
            ));
        }
    }
    if let Some(village) = code("village_code") {
        if !borders.knows(&village) {
            return Err(format!("village {village} is not in the county's list of villages"));
        }
    } else if let Some(village) = middle.and_then(|at| borders.village_at(at))
        && found.fields.contains_key("village_code")
    {
        found.fields.insert("village_code".to_owned(), village.into());
    }
    if kind != LayerKind::Borders
        && let Some(at) = middle
    {
        // A road may lead out of the county, as long as some of it lies in it.
        let mut places = geometry.iter().flat_map(Geometry::positions);
        let is_in = kind == LayerKind::Roads && places.any(|p| borders.check_county(*p).is_ok());
        // New villages are not judged by the old ones.
        let is_judged = kind != LayerKind::Villages || borders.has_county();
        if is_judged && !is_in {
            borders.check_county(at).map_err(|elsewhere| elsewhere.to_string())?;
        }
    }
    notes.extend(found.faults.into_iter().map(|(field, reason)| format!("{field} left out: {reason}")));
    notes.extend(note);
    Ok(LayerFeature {
        geometry,
        fields: found.fields,
        source_id: found.source_id,
        source_properties: found.rest,
        ..LayerFeature::default()
    })
}

/// Takes out features whose code, or own id in the same file, was there before; a list and borders of the same villages
/// are put together.
fn without_doubles(kind: LayerKind, features: &mut Vec<LayerFeature>, rejected: &mut Vec<Rejected>) {
    let mut by_code: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<LayerFeature> = Vec::new();
    for feature in features.drain(..) {
        let code = feature.text("code").to_owned();
        if kind.required() != Some("code") || code.is_empty() {
            kept.push(feature);
            continue;
        }
        let first = by_code.get(&code).and_then(|index| kept.get_mut(*index));
        match first {
            None => {
                by_code.insert(code, kept.len());
                kept.push(feature);
            }
            Some(first)
                if first.source_file != feature.source_file
                    && (first.geometry.is_none() || feature.geometry.is_none()) =>
            {
                first.geometry = first.geometry.take().or(feature.geometry);
                for (name, value) in feature.fields {
                    let own = first.fields.entry(name).or_insert(serde_json::Value::Null);
                    if own.is_null() {
                        *own = value;
                    }
                }
            }
            Some(first) => rejected.push(Rejected {
                file: feature.source_file.clone(),
                feature: feature.source_feature,
                line: None,
                reason: format!(
                    "code {code} is that of feature {} of {} already",
                    first.source_feature, first.source_file
                ),
                refused: true,
            }),
        }
    }
    *features = kept;
}

/// Gives ids: those of before where a feature is the same, else its code or own id, else a number.
fn merge(
    kind: LayerKind,
    mut features: Vec<LayerFeature>,
    before: &LayerDocument,
    options: &LayerOptions,
) -> (LayerDocument, [Vec<String>; 3], usize) {
    let matches = matched(kind, &before.features, &features);
    let mut used: BTreeSet<String> = before.features.iter().map(|feature| feature.id.clone()).collect();
    let mut next_number = before.next_number.max(1);
    let county = options.county_codes.first().cloned().unwrap_or_else(|| "000000".to_owned());
    let [mut new, mut changed, mut gone] = [const { Vec::new() }; 3];
    let mut unchanged = 0;
    for (feature, old) in features.iter_mut().zip(&matches) {
        if let Some(old) = old.and_then(|index| before.features.get(index)) {
            feature.id.clone_from(&old.id);
            if feature.geometry.is_none() {
                feature.geometry.clone_from(&old.geometry);
            }
            if feature.is_same(old) {
                unchanged += 1
            } else {
                changed.push(old.id.clone())
            }
            continue;
        }
        let code = Some(feature.text("code").to_owned()).filter(|code| !code.is_empty());
        let own = match kind {
            LayerKind::Borders | LayerKind::Villages | LayerKind::Grids(_) => code,
            _ => feature.source_id.clone(),
        };
        // An id that somebody else has already, or that is too short to mean anything elsewhere, is none of ours.
        let own = own.filter(|id| id.chars().count() > 3 && !used.contains(id));
        feature.id = own.unwrap_or_else(|| {
            loop {
                let id = format!("{county}-{}{next_number:05}", kind.letters());
                next_number += 1;
                if !used.contains(&id) {
                    break id;
                }
            }
        });
        used.insert(feature.id.clone());
        new.push(feature.id.clone());
    }
    let matched: BTreeSet<usize> = matches.into_iter().flatten().collect();
    for (_, old) in before.features.iter().enumerate().filter(|(index, _)| !matched.contains(index)) {
        if options.add {
            unchanged += 1;
            features.push(old.clone());
        } else {
            gone.push(old.id.clone());
        }
    }
    features.sort_by(|a, b| a.id.cmp(&b.id));
    (LayerDocument { features, next_number }, [new, changed, gone], unchanged)
}

/// The table of what was refused or changed.
pub(crate) fn rejected_csv(rejected: &[Rejected]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["file", "feature", "line", "outcome", "reason"])?;
    for row in rejected {
        let outcome = if row.refused { "refused" } else { "taken" };
        let line = row.line.map(|line| line.to_string()).unwrap_or_default();
        out.write_record([&row.file, &row.feature.to_string(), &line, outcome, &row.reason])?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

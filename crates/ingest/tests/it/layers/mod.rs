//! Layers, borders and buildings of a county.

mod buildings;
mod county;
mod matching;

use std::{collections::BTreeMap, path::Path};

use ingest::{
    county::{County, CountyConfig},
    layers::{self, LayerKind, LayerOptions, LayerReport},
    vector::{ReadOptions, VectorData, read},
};

/// A county in a temporary folder, with the code of the made-up one.
fn county(folder: &Path, code: &str) -> County {
    County::create(&folder.join("imported"), &CountyConfig::new("样例县", code)).unwrap()
}

fn data(path: &Path) -> VectorData {
    read(path, &ReadOptions::default()).unwrap()
}

fn options(county: &County) -> LayerOptions {
    LayerOptions { county_codes: county.codes(), ..LayerOptions::default() }
}

/// Imports files as a layer.
fn import(county: &mut County, kind: LayerKind, paths: &[&Path]) -> LayerReport {
    let inputs: Vec<VectorData> = paths.iter().map(|path| data(path)).collect();
    let options = options(county);
    let plan =
        layers::plan(kind, &inputs, &county.layer(kind).unwrap(), &county.borders().unwrap(), &options)
            .unwrap();
    plan.write(county).unwrap();
    plan.report
}

/// The rows of a table by the names in its head.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

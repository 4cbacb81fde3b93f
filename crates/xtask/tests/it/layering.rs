use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// Which crate of the house may name which (normal and build dependencies). ARCHITECTURE.md draws the same table.
const ALLOWED: &[(&str, &[&str])] = &[
    ("geodesy", &[]),
    ("store", &[]),
    ("shaders", &[]),
    ("terrain", &["geodesy"]),
    ("scene", &["geodesy"]),
    ("address-index", &["geodesy"]),
    ("ingest", &["geodesy", "store", "terrain", "scene", "address-index"]),
    ("viewer", &["geodesy", "store", "scene", "shaders"]),
    ("cli", &["geodesy", "store", "scene", "address-index", "ingest", "viewer"]),
    ("xtask", &[]),
    ("benches", &["geodesy", "scene", "address-index", "ingest"]),
];

/// Crates that bring the engine with them: only `viewer` may name one.
fn is_engine(name: &str) -> bool {
    name == "bevy" || name.starts_with("bevy_") || name == "wgpu" || name == "winit" || name == "egui"
}

/// Pure crates: no sockets, clocks or threads of their own, so none of the crates that bring them.
const PURE: &[&str] = &["geodesy", "terrain", "scene", "address-index"];
const IMPURE_DEPENDENCIES: &[&str] =
    &["tokio", "reqwest", "rayon", "crossbeam-channel", "object_store", "rusqlite", "chrono", "time", "rand"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--locked"])
        .current_dir(crate::workspace_root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Package → dependencies by kind: (normal and build, dev).
fn dependencies() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let of = |dev: bool| {
                all.iter().filter(|d| (d["kind"] == "dev") == dev).map(|d| text(&d["name"])).collect()
            };
            (text(&package["name"]), (of(false), of(true)))
        })
        .collect()
}

#[test]
fn crates_lean_only_on_those_below_them() {
    let house = dependencies();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, list)| (*name, list.iter().copied().collect())).collect();
    for (name, (normal, _)) in &house {
        let list =
            allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the table of layers"));
        for dependency in normal.iter().filter(|d| house.contains_key(*d)) {
            assert!(list.contains(dependency.as_str()), "{name} may not lean on {dependency}");
        }
    }
}

#[test]
fn only_the_viewer_names_the_engine() {
    for (name, (normal, dev)) in dependencies().iter().filter(|(name, _)| *name != "viewer") {
        for dependency in normal.union(dev) {
            assert!(!is_engine(dependency), "{name} names {dependency}: only viewer may");
        }
    }
}

#[test]
fn pure_crates_bring_no_clock_socket_or_thread() {
    let house = dependencies();
    for name in PURE {
        let (normal, _) = &house[*name];
        for dependency in IMPURE_DEPENDENCIES {
            assert!(!normal.contains(*dependency), "{name} must stay pure, but names {dependency}");
        }
    }
}

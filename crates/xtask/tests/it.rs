//! The rules of the house, as tests: who may lean on whom, and what every crate must carry.

#[path = "it/layering.rs"]
mod layering;
#[path = "it/tidiness.rs"]
mod tidiness;

use std::path::PathBuf;

fn workspace_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().expect("the workspace exists")
}

//! Finding and reading the shared test data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use scene::content::{DecodeContext, TextureSupport, UpAxis, gltf};

/// The shared data, or `None` (said once per test) where the folder is absent.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: ../shared/data is absent");
    None
}

/// Whether a test whose name begins with `long_` shall do its work: `cargo xtask test --long` says so.
pub(crate) fn is_long_run() -> bool {
    let is_long = std::env::var_os("HAMLET_LONG_TESTS").is_some_and(|value| value == "1");
    if !is_long {
        println!("skipped: a long test, for `make test-long`");
    }
    is_long
}

/// All files below `folder` with one of the extensions, sorted.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The glTF inside a b3dm; other files as they are. `None` if the header lies.
pub(crate) fn model_of(bytes: &Bytes) -> Option<Bytes> {
    if !bytes.starts_with(b"b3dm") {
        return Some(bytes.clone());
    }
    let mut start = 28usize;
    for at in [12, 16, 20, 24] {
        start = start.checked_add(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)?;
    }
    (start < bytes.len()).then(|| bytes.slice(start..))
}

pub(crate) fn context(uri: &str) -> DecodeContext {
    DecodeContext {
        uri: uri.into(),
        resources: HashMap::new(),
        gltf_up_axis: UpAxis::Y,
        texture_support: TextureSupport::default(),
        budget_bytes: 1 << 30,
    }
}

/// A context with the files that the model at `path` refers to.
pub(crate) fn context_of(path: &Path, model: &Bytes) -> DecodeContext {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut context = context(&name);
    for reference in gltf::references(model, &name).unwrap_or_default() {
        let file = path.parent().unwrap().join(reference.replace("%20", " "));
        if let Ok(bytes) = std::fs::read(file) {
            context.resources.insert(reference, Bytes::from(bytes));
        }
    }
    context
}

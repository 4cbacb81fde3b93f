//! Every `.wgsl` file of this crate parses and validates, with any values of its `override` constants.

use std::{fs, path::Path};

use naga::valid::{Capabilities, ValidationFlags, Validator};

#[test]
fn every_wgsl_file_validates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in fs::read_dir(folder).expect("the crate's folder") {
        let path = entry.expect("a folder entry").path();
        if path.extension().is_none_or(|e| e != "wgsl") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("readable WGSL");
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &path)));
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &path.to_string_lossy())));
        assert!(!module.entry_points.is_empty(), "{} has no entry point", path.display());
        checked += 1;
    }
    assert!(checked >= 2, "found only {checked} WGSL files");
}

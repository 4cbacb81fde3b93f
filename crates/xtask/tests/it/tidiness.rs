use std::{
    fs,
    path::{Path, PathBuf},
};

const LONGEST_FILE_LINES: usize = 700;

fn files_with(extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("readable folder").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != ".git" && name != "out" {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&crate::workspace_root(), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no .{extension} file found");
    found
}

fn members() -> Vec<(String, String)> {
    files_with("toml")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .filter_map(|path| {
            let text = fs::read_to_string(&path).expect("readable manifest");
            let name = text.lines().find_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"'))?.to_owned();
            Some((name, text))
        })
        .collect()
}

#[test]
fn every_crate_takes_the_lints_of_the_house() {
    for (name, manifest) in members() {
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take the workspace lints");
    }
}

#[test]
fn the_architecture_names_every_crate_and_no_other() {
    let page = fs::read_to_string(crate::workspace_root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut named: Vec<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.split('`').nth(1)?.trim_end_matches('/').to_owned()))
        .filter(|name| !name.is_empty())
        .collect();
    named.sort();
    named.dedup();
    for (name, _) in members() {
        assert!(named.contains(&name), "ARCHITECTURE.md has no row for {name}");
    }
    let members: Vec<String> = members().into_iter().map(|(name, _)| name).collect();
    for name in named {
        assert!(members.contains(&name), "ARCHITECTURE.md names {name}, which does not exist");
    }
}

#[test]
fn no_file_outgrows_its_room() {
    for path in files_with("rs") {
        let lines = fs::read_to_string(&path).expect("readable source").lines().count();
        assert!(
            lines <= LONGEST_FILE_LINES,
            "{} has {lines} lines: split it by what it is about",
            path.display()
        );
    }
}

#[test]
fn no_test_is_silenced() {
    for path in files_with("rs").into_iter().filter(|p| !p.ends_with("tidiness.rs")) {
        let text = fs::read_to_string(&path).expect("readable source");
        for word in ["#[ignore", "todo!(", "unimplemented!("] {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
    }
}

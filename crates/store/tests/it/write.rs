//! Atomic files and packing.

use std::{fs, io::Write};

use store::write::{
    AtomicFile, AtomicFolder, Compression, is_temporary_name, package_3tz, remove_temporary_files,
    remove_temporary_folders, remove_whole_folder, write_atomic,
};

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tileset.json");
    write_atomic(&path, b"one").unwrap();
    write_atomic(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");

    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(names(folder.path()).len(), 2);
    assert!(names(folder.path()).iter().any(|name| is_temporary_name(name)));
    drop(file);
    assert_eq!(names(folder.path()), ["tileset.json"]);
    assert!(write_atomic(&folder.path().join("no/such/folder"), b"").is_err());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        assert_eq!(mode & 0o111, 0);
    }

    fs::write(folder.path().join(".hamlet-tmp-left"), b"x").unwrap();
    assert_eq!(remove_temporary_files(folder.path()).unwrap(), 1);
    assert_eq!(names(folder.path()), ["tileset.json"]);
}

#[test]
fn a_package_needs_a_root_and_leaves_temporary_files_out() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("p.3tz");
    fs::write(folder.path().join("a.glb"), b"x").unwrap();
    assert!(package_3tz(folder.path(), &package, Compression::Stored).is_err());
    assert_eq!(names(folder.path()), ["a.glb"]);
    fs::write(folder.path().join("tileset.json"), b"{}").unwrap();
    fs::write(folder.path().join(".hamlet-tmp-left"), b"x").unwrap();
    let report = package_3tz(folder.path(), &package, Compression::Stored).unwrap();
    assert_eq!((report.files, report.plain_bytes), (2, 3));
}

#[test]
fn a_folder_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("瓦片");
    let mut first = AtomicFolder::create(&path).unwrap();
    first.write("a.glb", b"one").unwrap();
    first.write("deep/b.glb", b"two").unwrap();
    for bad in ["../x", "/x", "a//b", "", "a.glb"] {
        assert!(first.write(bad, b"").is_err(), "{bad}");
    }
    assert!(!path.exists());
    first.commit().unwrap();
    assert_eq!(fs::read(path.join("deep/b.glb")).unwrap(), b"two");

    let mut second = AtomicFolder::create(&path).unwrap();
    second.write("c.glb", b"three").unwrap();
    second.commit().unwrap();
    assert_eq!(names(&path), ["c.glb"]);
    drop(AtomicFolder::create(&path).unwrap());
    assert_eq!(names(folder.path()), ["瓦片"]);

    fs::create_dir(folder.path().join(".hamlet-tmp-left")).unwrap();
    assert_eq!(remove_temporary_folders(folder.path()).unwrap(), 1);
    remove_whole_folder(&path).unwrap();
    remove_whole_folder(&path).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

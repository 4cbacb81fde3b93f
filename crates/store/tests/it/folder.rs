//! Folders: what opens, what is refused.

use std::{fs, path::Path};

use store::{FetchError, OpenError, OpenOptions, Source, SourceKind};

use crate::gzipped;

fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn open(path: &Path) -> Source {
    Source::open_path(path, &OpenOptions::default()).unwrap()
}

#[test]
fn a_folder_and_a_named_document_open() {
    let folder = folder_with(&[
        ("tileset.json", b"{}"),
        ("other set.json", b"[]"),
        ("村/Tile_+000/x y.b3dm", b"b3dm"),
        ("100%.b3dm", b"percent"),
        ("a%20b.b3dm", b"literal"),
    ]);
    let source = open(folder.path());
    assert_eq!((source.kind(), source.root_uri()), (SourceKind::Folder, "tileset.json"));
    assert_eq!(source.read("tileset.json", 10).unwrap(), "{}");
    assert_eq!(source.read("%E6%9D%91/Tile_+000/x%20y.b3dm?v=1", 10).unwrap(), "b3dm");
    assert_eq!(source.read("村/./Tile_+000/../Tile_+000/x y.b3dm", 10).unwrap(), "b3dm");
    assert_eq!(source.read("100%.b3dm", 10).unwrap(), "percent");
    assert_eq!(source.read("a%20b.b3dm", 10).unwrap(), "literal");

    let source =
        Source::open(folder.path().join("other set.json").to_str().unwrap(), &OpenOptions::default())
            .unwrap();
    assert_eq!(source.root_uri(), "other%20set.json");
    assert_eq!(source.read(source.root_uri(), 10).unwrap(), "[]");

    let paths: Vec<_> = source.list().unwrap().into_iter().map(|entry| (entry.path, entry.bytes)).collect();
    let expected = [
        ("100%.b3dm", 7),
        ("a%20b.b3dm", 7),
        ("other set.json", 2),
        ("tileset.json", 2),
        ("村/Tile_+000/x y.b3dm", 4),
    ];
    assert_eq!(paths, expected.map(|(path, bytes)| (path.to_owned(), bytes)));
    for entry in source.list().unwrap() {
        assert_eq!(source.read(&entry.uri, 10).unwrap().len() as u64, entry.bytes, "{}", entry.uri);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let folder = folder_with(&[("tileset.json", b"{}"), ("a/b", b"")]);
    let source = open(folder.path());
    for uri in ["missing.b3dm", "a", "a/b/c", "tileset.json/x"] {
        let error = source.read(uri, 10).unwrap_err();
        assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
        assert!(!error.is_transient());
    }
    assert_eq!(source.read("a/b", 0).unwrap(), "");
    let empty = folder_with(&[]);
    let open = |path: &str| Source::open(path, &OpenOptions::default()).unwrap_err();
    assert!(matches!(open(empty.path().to_str().unwrap()), OpenError::NotFound { .. }));
    assert!(matches!(open("no/such/folder"), OpenError::NotFound { .. }));
    assert!(matches!(open("ftp://host/tileset.json"), OpenError::Unsupported { .. }));
    assert!(matches!(open("http://"), OpenError::Unsupported { .. }));
}

#[test]
fn what_leaves_the_folder_is_refused() {
    let outside =
        folder_with(&[("set/tileset.json", b"{}"), ("secret.json", b"secret"), ("set/in.json", b"in")]);
    let set = outside.path().join("set");
    let source = open(&set);
    let absolute = outside.path().join("secret.json");
    for uri in [
        "../secret.json",
        "%2e%2e/secret.json",
        "x/../../secret.json",
        "..%2Fsecret.json",
        "..\\secret.json",
        "..%5csecret.json",
        absolute.to_str().unwrap(),
        "file:///etc/hostname",
        "http://127.0.0.1:1/x",
        "//127.0.0.1/x",
    ] {
        let error = source.read(uri, 100).unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{uri}: {error:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&absolute, set.join("link.json")).unwrap();
        symlink(outside.path(), set.join("up")).unwrap();
        symlink(set.join("in.json"), set.join("fine.json")).unwrap();
        for uri in ["link.json", "up/secret.json", "up/set/../secret.json"] {
            let error = source.read(uri, 100).unwrap_err();
            // The last one is resolved as text first, as an address is.
            let is_fine = matches!(error, FetchError::Refused { .. });
            assert!(is_fine, "{uri}: {error:?}");
        }
        assert_eq!(source.read("fine.json", 100).unwrap(), "in");
        assert_eq!(source.read("up/set/in.json", 100).unwrap(), "in", "it ends inside");
        assert!(source.list().unwrap().iter().all(|entry| !entry.path.contains("link")));
    }
    let wider = OpenOptions { tileset_root: Some(outside.path().to_owned()), ..OpenOptions::default() };
    let source = Source::open_path(&set, &wider).unwrap();
    assert_eq!(source.root_uri(), "set/tileset.json");
    assert_eq!(source.read("set/../secret.json", 100).unwrap(), "secret");
    assert!(Source::open_path(&absolute, &OpenOptions { tileset_root: Some(set), ..wider }).is_err());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = folder_with(&[("tileset.json", b"{}")]);
    let pipe = folder.path().join("pipe.b3dm");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    assert!(matches!(open(folder.path()).read("pipe.b3dm", 10), Err(FetchError::NotFound { .. })));
}

#[test]
fn lengths_are_limited_before_and_after_inflating() {
    let plain = vec![7; 1 << 20];
    let packed = gzipped(&plain);
    let mut broken = packed.clone();
    broken.truncate(packed.len() / 2);
    let folder = folder_with(&[
        ("tileset.json", gzipped(b"{}").as_slice()),
        ("packed.b3dm", &packed),
        ("broken.b3dm", &broken),
        ("like-gzip.bin", &[0x1f, 0x8b, 9, 0, 1]),
    ]);
    let source = open(folder.path());
    assert_eq!(source.read("tileset.json", 100).unwrap(), "{}");
    // The stored and the inflated form are there together.
    let both = packed.len() as u64 + (1 << 20);
    assert_eq!(source.read("packed.b3dm", both).unwrap(), plain);
    assert_eq!(source.read("like-gzip.bin", 5).unwrap().as_ref(), [0x1f, 0x8b, 9, 0, 1]);
    let stored = |uri: &str| source.list().unwrap().iter().find(|e| e.uri == uri).map(|e| e.bytes);
    for (uri, max_bytes, needed) in [
        ("packed.b3dm", both - 1, Some(both)),
        ("packed.b3dm", 100, stored("packed.b3dm")),
        ("tileset.json", 1, stored("tileset.json")),
    ] {
        let error = source.read(uri, max_bytes).unwrap_err();
        assert_eq!(error, FetchError::TooLarge { uri: uri.to_owned(), max_bytes, needed });
    }
    assert!(matches!(source.read("broken.b3dm", 1 << 20), Err(FetchError::Corrupt { .. })));
}

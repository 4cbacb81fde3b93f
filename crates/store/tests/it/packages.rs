//! `.3tz` and `.3dtiles`, valid, tolerable and broken.

use std::fs;

use bytes::Bytes;
use proptest::prelude::*;
use store::{
    FetchError, OpenOptions, Source, SourceKind,
    archive::{self, Archive},
    write::{Compression, package_3tz},
};

use crate::{gzipped, noise, shared_data};

const MAX: u64 = 1 << 20;

/// A small tileset as a package.
pub(crate) fn package(compression: Compression) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("村/a")).unwrap();
    fs::write(path("tileset.json"), br#"{"asset":{"version":"1.1"}}"#).unwrap();
    fs::write(path("村/a/1.glb"), vec![42; 3000]).unwrap();
    fs::write(path("村/a/2 2.glb"), noise(2000, 7)).unwrap();
    fs::write(path("empty.bin"), b"").unwrap();
    fs::write(path("zipped.json"), gzipped(b"[1]")).unwrap();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("p.3tz");
    let report = package_3tz(folder.path(), &out, compression).unwrap();
    let bytes = fs::read(out).unwrap();
    assert_eq!((report.files, report.package_bytes), (5, bytes.len() as u64));
    bytes
}

fn check_content(source: &Source) {
    assert_eq!(source.read("tileset.json", MAX).unwrap(), r#"{"asset":{"version":"1.1"}}"#);
    assert_eq!(source.read("%E6%9D%91/a/1.glb?x", MAX).unwrap(), vec![42; 3000]);
    assert_eq!(source.read("村/a/2%202.glb", MAX).unwrap(), noise(2000, 7));
    assert_eq!(source.read("empty.bin", 0).unwrap(), "");
    assert_eq!(source.read("zipped.json", MAX).unwrap(), "[1]");
    assert!(matches!(source.read("missing", MAX), Err(FetchError::NotFound { .. })));
    assert!(matches!(source.read("../tileset.json", MAX), Err(FetchError::Refused { .. })));
    assert!(matches!(source.read("村/a/1.glb", 2999), Err(FetchError::TooLarge { needed: Some(3000), .. })));
    let paths: Vec<_> = source.list().unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["empty.bin", "tileset.json", "zipped.json", "村/a/1.glb", "村/a/2 2.glb"]);
}

#[test]
fn packages_of_every_compression_read_back() {
    for compression in [Compression::Stored, Compression::Deflate, Compression::Zstd] {
        let source = Source::open_archive_bytes(package(compression).into()).unwrap();
        check_content(&source);
        assert_eq!(source.warnings(), Vec::<String>::new(), "{compression:?}");
    }
}

#[test]
fn a_package_is_the_same_bytes_each_time() {
    assert_eq!(package(Compression::Deflate), package(Compression::Deflate));
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

#[test]
fn a_wrong_index_is_replaced_by_the_directory() {
    let whole = package(Compression::Stored);
    let index_at = find(&whole, b"@3dtilesIndex1@") + 15;
    let opened = |bytes: Vec<u8>| Source::open_archive_bytes(bytes.into()).unwrap();
    let recrc = |mut bytes: Vec<u8>| {
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[index_at..index_at + 5 * 24]);
        let sum = crc.sum().to_le_bytes();
        bytes[index_at - 15 - 16..index_at - 15 - 12].copy_from_slice(&sum);
        let directory_at = bytes.len() - 22 - 15 - 46;
        bytes[directory_at + 16..directory_at + 20].copy_from_slice(&sum);
        bytes
    };

    let mut no_index = whole.clone();
    let last_name = no_index.len() - 22 - 15;
    no_index[last_name] = b'#';
    let source = opened(no_index);
    assert!(source.warnings()[0].contains("has no index"), "{:?}", source.warnings());

    let mut bad_checksum = whole.clone();
    bad_checksum[index_at] ^= 1;
    let source = opened(bad_checksum);
    check_content(&source);
    assert!(source.warnings()[0].contains("cannot be used"), "{:?}", source.warnings());

    let mut unsorted = whole.clone();
    unsorted[index_at..index_at + 5 * 24].rotate_left(24);
    let source = opened(recrc(unsorted));
    check_content(&source);
    assert!(source.warnings()[0].contains("not sorted"), "{:?}", source.warnings());

    // Offsets of two entries exchanged.
    let mut wrong = whole.clone();
    for byte in 16..24 {
        wrong.swap(index_at + byte, index_at + 24 + byte);
    }
    let source = opened(recrc(wrong));
    check_content(&source);
    assert!(source.warnings()[0].contains("is wrong for"), "{:?}", source.warnings());

    let mut lacking = whole;
    lacking[index_at..index_at + 8].fill(0);
    let source = opened(recrc(lacking));
    check_content(&source);
    assert!(source.warnings()[0].contains("lacks"), "{:?}", source.warnings());
}

#[test]
fn declared_lengths_are_not_believed() {
    let whole = package(Compression::Deflate);
    // The directory and the local header declare fewer plain bytes than there are, then far more.
    for declared in [10_u32, 0xffff_fff0] {
        let mut bytes = whole.clone();
        let name = "村/a/1.glb".as_bytes();
        let local = find(&bytes, name) - 30;
        bytes[local + 22..local + 26].copy_from_slice(&declared.to_le_bytes());
        let source = Source::open_archive_bytes(bytes.into()).unwrap();
        let error = source.read("村/a/1.glb", MAX).unwrap_err();
        match declared {
            10 => assert!(
                matches!(&error, FetchError::Corrupt { reason, .. } if reason.contains("longer")),
                "{error}"
            ),
            _ => assert!(matches!(error, FetchError::TooLarge { .. }), "{error}"),
        }
    }
}

#[test]
fn zip64_records_are_read() {
    let whole = package(Compression::Stored);
    let end_at = whole.len() - 22;
    let word = |at: usize| u64::from(u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()));
    let (directory_bytes, directory_offset) = (word(end_at + 12), word(end_at + 16));
    let mut bytes = whole[..end_at].to_vec();
    bytes.extend_from_slice(b"PK\x06\x06");
    bytes.extend_from_slice(&44_u64.to_le_bytes());
    bytes.extend_from_slice(&[63, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [6, 6, directory_bytes, directory_offset] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    bytes.extend_from_slice(&(end_at as u64).to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03\0abc");
    let source = Source::open_archive_bytes(bytes.into()).unwrap();
    check_content(&source);
    assert_eq!(source.warnings(), Vec::<String>::new());
}

#[test]
fn packages_of_the_validator_read_as_they_should() {
    let Some(data) = shared_data() else { return };
    let packages = data.join("tiles/validator/data/tilesets/packages");
    for (name, kind, root_bytes) in [
        ("validTilesetPackage.3tz", SourceKind::Archive, 310),
        ("validTilesetPackageZipped.3tz", SourceKind::Archive, 310),
        ("tilesetPackageWithWarnings.3tz", SourceKind::Archive, 334),
        ("validTilesetPackage.3dtiles", SourceKind::PackageDb, 310),
        ("validTilesetPackageZipped.3dtiles", SourceKind::PackageDb, 310),
        ("tilesetPackageWithWarnings.3dtiles", SourceKind::PackageDb, 334),
    ] {
        let source = Source::open_path(&packages.join(name), &OpenOptions::default()).unwrap();
        assert_eq!(source.kind(), kind);
        assert_eq!(source.read(source.root_uri(), MAX).unwrap().len(), root_bytes, "{name}");
        let entries = source.list().unwrap();
        assert_eq!(entries.len(), 3, "{name}");
        for entry in entries {
            let bytes = source.read(&entry.uri, MAX).unwrap();
            assert!(bytes.len() as u64 >= entry.bytes, "{name}: {}", entry.path);
        }
        assert_eq!(source.warnings(), Vec::<String>::new(), "{name}");
        assert!(matches!(source.read("missing.glb", MAX), Err(FetchError::NotFound { .. })));
        assert!(matches!(source.read("tileset.json", 100), Err(FetchError::TooLarge { .. })), "{name}");
    }
    let inner = data.join("tiles/validator/data/tilesets/tiles/3tz");
    let bytes = |name: &str| Bytes::from(fs::read(inner.join(name)).unwrap());
    assert!(Source::open_archive_bytes(bytes("invalid.3tz")).is_err());
    assert!(Source::open_archive_bytes(bytes("simple.3tz")).unwrap().read("tileset.json", MAX).is_ok());
}

pub(crate) fn database(statements: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p #1%20?.3dtiles");
    rusqlite::Connection::open(&path).unwrap().execute_batch(statements).unwrap();
    (folder, path)
}

#[test]
fn a_database_must_be_plain() {
    let open = |statements: &str| {
        let (_folder, path) = database(statements);
        Source::open_path(&path, &OpenOptions::default())
    };
    let plain = "CREATE TABLE media (key TEXT PRIMARY KEY, content BLOB);";
    let source = open(&format!(
        "{plain} INSERT INTO media VALUES ('tileset.json', x'7b7d'), ('null', NULL), ('text', 'abc'), ('村/1 1', x'01')"
    ))
    .unwrap();
    drop(source);
    for hostile in [
        "CREATE TABLE other (key TEXT)",
        "CREATE TABLE media (key TEXT PRIMARY KEY)",
        "CREATE TABLE media (key TEXT PRIMARY KEY, content BLOB AS (zeroblob(100000000)))",
        "CREATE VIEW media AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i AS key, i AS content FROM n",
    ] {
        let error = open(hostile).unwrap_err();
        assert!(error.to_string().contains("`media`"), "{error}");
    }
}

#[test]
fn a_database_reads_by_key() {
    let (_folder, path) = database(
        "CREATE TABLE media (key TEXT PRIMARY KEY, content BLOB); INSERT INTO media VALUES
         ('tileset.json', x'7b7d'), ('null', NULL), ('村/1 1', x'01'), ('a%20b', x'02'), ('big', zeroblob(3000000))",
    );
    let source = Source::open_path(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.read("tileset.json", MAX).unwrap(), "{}");
    assert_eq!(source.read("null", MAX).unwrap(), "");
    assert_eq!(source.read("%E6%9D%91/1%201", MAX).unwrap().as_ref(), [1]);
    assert_eq!(source.read("a%20b", MAX).unwrap().as_ref(), [2], "a key that looks encoded");
    assert!(matches!(source.read("big", MAX), Err(FetchError::TooLarge { needed: Some(3_000_000), .. })));
    assert_eq!(source.read("big", 3_000_000).unwrap().len(), 3_000_000);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let source = source.clone();
            std::thread::spawn(move || (0..50).all(|_| source.read("big", 1 << 22).is_ok()))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn broken_archives_never_panic(
        compression in 0_usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        thread_local! {
            static WHOLE: Vec<Vec<u8>> = [Compression::Stored, Compression::Deflate, Compression::Zstd]
                .map(package).to_vec();
        }
        let mut bytes = WHOLE.with(|whole| whole[compression].clone());
        // Headers are a small part of the bytes, but the one that matters.
        let tail = bytes.len().saturating_sub(700);
        for (at, value) in edits {
            let at = if value % 2 == 0 { tail + at.index(700) } else { at.index(bytes.len()) };
            bytes[at] = value;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(bytes.len()));
        }
        archive::parse_for_fuzzing(&bytes);
        if let Ok(archive) = Archive::open(Box::new(Bytes::from(bytes))) {
            for path in ["tileset.json", "村/a/1.glb", "村/a/2 2.glb"] {
                if let Ok(read) = archive.read(path, 4000) {
                    prop_assert!(read.len() <= 4000);
                }
            }
        }
    }

    #[test]
    fn noise_is_no_archive(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        archive::parse_for_fuzzing(&bytes);
    }

    #[test]
    fn broken_databases_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        thread_local! {
            static WHOLE: Vec<u8> = {
                let (_folder, path) = database("PRAGMA page_size = 512;
                    CREATE TABLE media (key TEXT PRIMARY KEY, content BLOB); INSERT INTO media VALUES
                    ('tileset.json', x'7b7d'), ('a', zeroblob(2000)), ('b', x'01')");
                fs::read(path).unwrap()
            };
            static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
        }
        let path = FOLDER.with(|folder| folder.path().join("broken.3dtiles"));
        let mut bytes = WHOLE.with(Clone::clone);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(source) = Source::open_path(&path, &OpenOptions::default()) {
            for uri in ["tileset.json", "a", "b"] {
                if let Ok(read) = source.read(uri, 4000) {
                    prop_assert!(read.len() <= 4000);
                }
            }
            let _listed = source.list();
        }
    }
}

//! A `.3tz` on a server, read in ranges.

use std::fs;

use store::{
    FetchError, Fetcher, OpenOptions, Origin, Source, SourceKind,
    write::{Compression, package_3tz},
};

use crate::{
    fetcher::{next_done, order},
    noise,
    server::{Answer, Request, Server},
};

const MAX: u64 = 1 << 20;
const TILE_BYTES: usize = 150_000;

fn package() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tileset.json"), "{}").unwrap();
    for tile in 0..10 {
        fs::write(folder.path().join(format!("{tile}.glb")), noise(TILE_BYTES, tile)).unwrap();
    }
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("p.3tz");
    package_3tz(folder.path(), &path, Compression::Deflate).unwrap();
    fs::read(path).unwrap()
}

fn ranged(bytes: &[u8], request: &Request) -> Answer {
    let range = request.header("range").unwrap().strip_prefix("bytes=").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last) = (first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap());
    let answer = Answer::ok(&bytes[first..=last]).with("ETag", "\"1\"");
    answer.with("Content-Range", &format!("bytes {first}-{last}/{}", bytes.len())).status_is(206)
}

#[test]
fn entries_are_read_in_ranges() {
    let server = Server::start();
    let bytes = package();
    let served = bytes.clone();
    server.on_request("/p.3tz", move |request| ranged(&served, request));
    let source = Source::open(&server.address("/p.3tz?key=1"), &OpenOptions::default()).unwrap();
    assert_eq!((source.kind(), source.root_uri()), (SourceKind::RemoteArchive, "tileset.json"));
    let payload = source.fetch("tileset.json", MAX).unwrap();
    assert_eq!((payload.bytes.as_ref(), payload.origin), (b"{}".as_slice(), Origin::Network));
    assert_eq!(source.warnings(), Vec::<String>::new());
    let opened = server.requests("/p.3tz").len();
    assert!(opened <= 8, "{opened} requests to open a package");
    let fetcher = Fetcher::start(source.clone(), 4, || ()).unwrap();
    fetcher.submit((0..10).map(|id| order(id, &format!("{id}.glb"), 0.0)));
    for _ in 0..10 {
        let (id, result) = next_done(&fetcher);
        assert_eq!(result.unwrap().bytes, noise(TILE_BYTES, id));
    }
    assert!(server.requests("/p.3tz").iter().all(|request| request.target == "/p.3tz?key=1"));
    assert_eq!(source.list().unwrap().len(), 11);

    // Another package under the same address, as its validator tells.
    server.on_request("/p.3tz", move |request| {
        let mut answer = ranged(&bytes, request);
        answer.replace("ETag", "\"2\"");
        answer
    });
    let error = (0..10).find_map(|tile| source.read(&format!("{tile}.glb"), MAX).err()).unwrap();
    assert!(error.to_string().contains("changed on the server"), "{error}");
}

#[test]
fn failures_keep_their_kind() {
    let server = Server::start();
    let bytes = package();
    let served = bytes.clone();
    server.on_request("/p.3tz", move |request| ranged(&served, request));
    let source = Source::open(&server.address("/p.3tz"), &OpenOptions::default()).unwrap();
    server.on("/p.3tz", Answer::status(503).with("Retry-After", "3"));
    let error = source.read("5.glb", MAX).unwrap_err();
    assert!(error.is_transient() && error.retry_after().is_some(), "{error:?}");
    server.on("/p.3tz", Answer::ok(bytes));
    let error = Source::open(&server.address("/p.3tz"), &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("does not serve ranges"), "{error}");
    server.stop();
    let error = source.read("5.glb", MAX).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error:?}");
}

#[test]
fn cancelling_aborts_a_range() {
    let server = Server::start();
    let bytes = package();
    server.on_request("/p.3tz", {
        let bytes = bytes.clone();
        move |request| ranged(&bytes, request)
    });
    let source = Source::open(&server.address("/p.3tz"), &OpenOptions::default()).unwrap();
    server.on_request("/p.3tz", move |request| {
        let answer = ranged(&bytes, request);
        answer.hanging()
    });
    let fetcher = Fetcher::start(source, 1, || ()).unwrap();
    let before = server.requests("/p.3tz").len();
    fetcher.submit([order(1, "5.glb", 0.0)]);
    while server.requests("/p.3tz").len() == before {
        std::thread::yield_now();
    }
    fetcher.cancel(1);
    server.wait_for_close("/p.3tz");
}

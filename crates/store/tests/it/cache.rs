//! The disk cache: revalidation, bound, crashes, working without network.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use proptest::prelude::*;
use store::{DiskCache, FetchError, FetchEvent, Fetcher, OpenOptions, Origin, Source};

use crate::{
    fetcher::{WAIT, next_done, order},
    noise,
    server::{Answer, Server},
};

const MAX: u64 = 1 << 20;

fn cached(server: &Server, cache: &DiskCache) -> Source {
    let options = OpenOptions {
        cache: Some(cache.clone()),
        connect_timeout: Duration::from_secs(2),
        ..OpenOptions::default()
    };
    Source::open(&server.address("/"), &options).unwrap()
}

/// Waits until the writes in the background are done.
fn wait_for_files(cache: &DiskCache, files: usize) {
    for _ in 0..2000 {
        if cache.stats().files == files {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{:?}", cache.stats());
}

/// Files below `folder` with their lengths, half-written ones included.
fn lengths_below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut lengths = Vec::new();
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => lengths.extend(lengths_below(&entry.path())),
            // It may just have been deleted.
            _ => lengths.extend(entry.metadata().map(|metadata| (entry.path(), metadata.len()))),
        }
    }
    lengths.sort();
    lengths
}

/// Bytes in files below `folder` at one moment: None while they change too fast to be told.
fn bytes_on_disk(folder: &Path) -> Option<u64> {
    let lengths = lengths_below(folder);
    (lengths == lengths_below(folder)).then(|| lengths.iter().map(|(_, bytes)| bytes).sum())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(files_below(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files.retain(|file| file.file_name().unwrap() != "lock");
    files.sort();
    files
}

#[test]
fn fresh_copies_are_served_without_asking() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.on("/a.b3dm", Answer::ok("a").with("Cache-Control", "max-age=3600"));
    server.on("/secret.b3dm", Answer::ok("s").with("Cache-Control", "max-age=3600, no-store"));
    {
        let cache = DiskCache::open(folder.path(), None).unwrap();
        let source = cached(&server, &cache);
        assert_eq!(source.fetch("a.b3dm", MAX).unwrap().origin, Origin::Network);
        assert_eq!(source.fetch("secret.b3dm", MAX).unwrap().origin, Origin::Network);
        wait_for_files(&cache, 1);
        assert_eq!(source.fetch("a.b3dm", MAX).unwrap().origin, Origin::Cache);
        assert_eq!(source.fetch("secret.b3dm", MAX).unwrap().origin, Origin::Network);
        assert_eq!(source.fetch("a.b3dm?v=2", MAX).unwrap().origin, Origin::Network);
        wait_for_files(&cache, 2);
        // A copy is not even read where there is no room for it.
        assert!(matches!(source.fetch("a.b3dm", 10), Err(FetchError::TooLarge { needed: Some(11..), .. })));
    }
    wait_until_unlocked(folder.path());
    let cache = DiskCache::open(folder.path(), None).unwrap();
    let payload = cached(&server, &cache).fetch("a.b3dm", MAX).unwrap();
    assert_eq!((payload.bytes.as_ref(), payload.origin), (b"a".as_slice(), Origin::Cache));
    assert_eq!(server.requests("/a.b3dm").len(), 2);
}

/// A source's threads may hold the cache for a moment after the source is dropped.
fn wait_until_unlocked(folder: &Path) {
    while DiskCache::open(folder, None).unwrap().stats().read_only {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn old_copies_are_revalidated() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.on_request("/a.b3dm", |request| match request.header("if-none-match") {
        Some("\"v1\"") => Answer::status(304).with("ETag", "\"v1\""),
        _ => Answer::ok("one").with("ETag", "\"v1\""),
    });
    server.on_request("/dated.b3dm", |request| match request.header("if-modified-since") {
        Some(date) => Answer::status(304).with("Last-Modified", date).with("Cache-Control", "max-age=3600"),
        None => Answer::ok("dated").with("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
    });
    let cache = DiskCache::open(folder.path(), None).unwrap();
    let source = cached(&server, &cache);
    source.read("a.b3dm", MAX).unwrap();
    source.read("dated.b3dm", MAX).unwrap();
    wait_for_files(&cache, 2);
    for _ in 0..2 {
        let payload = source.fetch("a.b3dm", MAX).unwrap();
        assert_eq!((payload.bytes.as_ref(), payload.origin), (b"one".as_slice(), Origin::Cache));
    }
    assert_eq!(server.requests("/a.b3dm").len(), 3, "it has no lifetime, so the server is asked each time");

    assert_eq!(source.fetch("dated.b3dm", MAX).unwrap().origin, Origin::Cache);
    // The confirmation came with a lifetime, which is written in the background.
    for _ in 0..2000 {
        let asked = server.requests("/dated.b3dm").len();
        source.read("dated.b3dm", MAX).unwrap();
        if server.requests("/dated.b3dm").len() == asked {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let asked = server.requests("/dated.b3dm").len();
    source.read("dated.b3dm", MAX).unwrap();
    assert_eq!(server.requests("/dated.b3dm").len(), asked);

    server.on("/a.b3dm", Answer::ok("two").with("ETag", "\"v2\""));
    let payload = source.fetch("a.b3dm", MAX).unwrap();
    assert_eq!((payload.bytes.as_ref(), payload.origin), (b"two".as_slice(), Origin::Network));
    server.on("/a.b3dm", Answer::status(404));
    assert!(matches!(source.fetch("a.b3dm", MAX), Err(FetchError::NotFound { .. })));
}

#[test]
fn without_network_copies_are_served_as_stale() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.on("/a.b3dm", Answer::ok("a").with("Cache-Control", "max-age=0, must-revalidate"));
    let cache = DiskCache::open(folder.path(), None).unwrap();
    let source = cached(&server, &cache);
    source.read("a.b3dm", MAX).unwrap();
    wait_for_files(&cache, 1);
    server.on("/a.b3dm", Answer::status(503));
    assert_eq!(source.fetch("a.b3dm", MAX).unwrap().origin, Origin::StaleCache);
    server.on("/a.b3dm", Answer::status(429));
    assert!(source.fetch("a.b3dm", MAX).unwrap_err().is_transient());
    server.stop();
    let fetcher = Fetcher::start(source, 2, || ()).unwrap();
    for id in 0..3 {
        fetcher.submit([order(id, "a.b3dm", 0.0)]);
        assert_eq!(fetcher.next_timeout(WAIT), Some(FetchEvent::Length(id, 1)));
        let payload = next_done(&fetcher).1.unwrap();
        assert_eq!((payload.bytes.as_ref(), payload.origin), (b"a".as_slice(), Origin::StaleCache));
    }
    assert_eq!(fetcher.stats().stale, 3);
    fetcher.submit([order(9, "never-seen.b3dm", 0.0)]);
    assert!(next_done(&fetcher).1.unwrap_err().is_transient());
}

#[test]
fn broken_and_half_files_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    for tile in 0..4 {
        let answer = Answer::ok(noise(500, tile)).with("Cache-Control", "max-age=3600");
        server.on(&format!("/{tile}.b3dm"), answer);
    }
    {
        let cache = DiskCache::open(folder.path(), None).unwrap();
        let source = cached(&server, &cache);
        for tile in 0..4 {
            source.read(&format!("{tile}.b3dm"), MAX).unwrap();
        }
        wait_for_files(&cache, 4);
    }
    wait_until_unlocked(folder.path());
    let files = files_below(folder.path());
    let mut bytes = fs::read(&files[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&files[0], &bytes).unwrap();
    fs::write(&files[1], &bytes[..100]).unwrap();
    fs::write(&files[2], b"").unwrap();
    let left = files[3].with_file_name(".hamlet-tmp-left");
    fs::write(&left, b"half").unwrap();

    let cache = DiskCache::open(folder.path(), None).unwrap();
    assert!(!left.exists());
    assert_eq!(cache.stats().files, 4);
    let source = cached(&server, &cache);
    let mut origins = Vec::new();
    for tile in 0..4 {
        let payload = source.fetch(&format!("{tile}.b3dm"), MAX).unwrap();
        assert_eq!(payload.bytes, noise(500, tile));
        origins.push(payload.origin);
    }
    assert_eq!(origins.iter().filter(|origin| **origin == Origin::Cache).count(), 1);
    assert_eq!(cache.stats().broken, 3);
    wait_for_files(&cache, 4);
    for tile in 0..4 {
        assert_eq!(source.fetch(&format!("{tile}.b3dm"), MAX).unwrap().origin, Origin::Cache);
    }
}

#[test]
fn the_least_recently_used_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    for tile in 0..4 {
        let answer = Answer::ok(noise(1000, tile)).with("Cache-Control", "max-age=3600");
        server.on(&format!("/{tile}.b3dm"), answer);
    }
    let cache = DiskCache::open(folder.path(), Some(4000)).unwrap();
    let source = cached(&server, &cache);
    for tile in 0..3 {
        source.read(&format!("{tile}.b3dm"), MAX).unwrap();
        wait_for_files(&cache, tile + 1);
    }
    assert_eq!(source.fetch("0.b3dm", MAX).unwrap().origin, Origin::Cache);
    source.read("3.b3dm", MAX).unwrap();
    for _ in 0..2000 {
        if cache.stats().evicted == 1 && cache.stats().files == 3 {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let origin = |tile: u32| source.fetch(&format!("{tile}.b3dm"), MAX).unwrap().origin;
    assert_eq!([origin(0), origin(2), origin(3)], [Origin::Cache; 3]);
    assert_eq!(origin(1), Origin::Network);
}

#[test]
fn a_second_cache_over_the_same_folder_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    for path in ["/a.b3dm", "/b.b3dm"] {
        server.on(path, Answer::ok("a").with("Cache-Control", "max-age=3600"));
    }
    let first = DiskCache::open(folder.path(), None).unwrap();
    let second = DiskCache::open(folder.path(), Some(1)).unwrap();
    assert!(second.stats().read_only && !first.stats().read_only);
    cached(&server, &first).read("a.b3dm", MAX).unwrap();
    wait_for_files(&first, 1);
    // Found although it was written after this one was opened; its bound does not bind the folder.
    drop(second);
    let second = DiskCache::open(folder.path(), None).unwrap();
    let source = cached(&server, &second);
    assert_eq!(source.fetch("a.b3dm", MAX).unwrap().origin, Origin::Cache);
    assert_eq!(source.fetch("b.b3dm", MAX).unwrap().origin, Origin::Network);
    assert_eq!(source.fetch("b.b3dm", MAX).unwrap().origin, Origin::Network);
    assert_eq!(files_below(folder.path()).len(), 1);
}

#[test]
fn a_smaller_bound_holds_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    {
        let cache = DiskCache::open(folder.path(), None).unwrap();
        let source = cached(&server, &cache);
        for tile in 0..5 {
            server.on(&format!("/{tile}.b3dm"), Answer::ok(noise(1000, tile)));
            source.read(&format!("{tile}.b3dm"), MAX).unwrap();
        }
        wait_for_files(&cache, 5);
    }
    wait_until_unlocked(folder.path());
    let cache = DiskCache::open(folder.path(), Some(2500)).unwrap();
    assert_eq!(cache.stats().files, 2);
    assert!(bytes_on_disk(folder.path()).unwrap() <= 2500);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_bound_holds_at_every_moment(
        max_bytes in 2_000_u64..20_000,
        sizes in prop::collection::vec((0_u64..12, 0_usize..6_000), 10..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        let cache = DiskCache::open(folder.path(), Some(max_bytes)).unwrap();
        let sizes = Arc::new(sizes);
        for name in 0..12 {
            let sizes = Arc::clone(&sizes);
            server.on_request(&format!("/{name}.b3dm"), move |request| {
                let at: usize = request.target.split('=').nth(1).unwrap().parse().unwrap();
                Answer::ok(noise(sizes[at].1, at as u64)).with("ETag", &format!("\"{at}\""))
            });
        }
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let watcher = {
            let (folder, stop) = (folder.path().to_owned(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut highest = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    highest = highest.max(bytes_on_disk(&folder).unwrap_or(0));
                }
                highest
            })
        };
        let fetcher = Fetcher::start(cached(&server, &cache), 4, || ()).unwrap();
        for (at, (name, _)) in sizes.iter().enumerate() {
            fetcher.submit([order(at as u64, &format!("{name}.b3dm?at={at}"), 0.0)]);
        }
        for _ in 0..sizes.len() {
            let (id, result) = next_done(&fetcher);
            prop_assert_eq!(result.unwrap().bytes, noise(sizes[id as usize].1, id));
        }
        drop(fetcher);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let highest = watcher.join().unwrap();
        prop_assert!(highest <= max_bytes, "{} > {}", highest, max_bytes);
        // Writes in the background may still be going on; the last state counts, too.
        let mut last = None;
        for _ in 0..2000 {
            last = bytes_on_disk(folder.path());
            if last == Some(cache.stats().bytes) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        prop_assert_eq!(last, Some(cache.stats().bytes));
        prop_assert!(cache.stats().bytes <= max_bytes);
    }
}

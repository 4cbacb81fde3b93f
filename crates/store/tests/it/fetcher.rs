//! The fetcher over a folder: order, cancelling, bounds.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use store::{FetchError, FetchEvent, FetchOrder, Fetcher, OpenOptions, Origin, Source};

use crate::server::{Answer, Server};

pub(crate) const WAIT: Duration = Duration::from_secs(20);

pub(crate) fn order(id: u64, uri: &str, priority: f64) -> FetchOrder {
    FetchOrder { id, uri: uri.into(), max_bytes: 1 << 20, priority }
}

/// The next answer, lengths passed over.
pub(crate) fn next_done(fetcher: &Fetcher) -> (u64, Result<store::Payload, FetchError>) {
    loop {
        match fetcher.next_timeout(WAIT).expect("an event within the time") {
            FetchEvent::Done(id, result) => return (id, result),
            FetchEvent::Length(..) => {}
        }
    }
}

fn folder_of_tiles(tiles: u64) -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tileset.json"), "{}").unwrap();
    for tile in 0..tiles {
        fs::write(folder.path().join(format!("{tile}.b3dm")), vec![0; tile as usize]).unwrap();
    }
    let source = Source::open_path(folder.path(), &OpenOptions::default()).unwrap();
    (folder, source)
}

#[test]
fn every_order_is_answered_once() {
    let (_folder, source) = folder_of_tiles(500);
    let wakes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&wakes);
    let fetcher = Fetcher::start(source, 4, move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    fetcher.submit((0..500).map(|id| order(id, &format!("{id}.b3dm"), 0.0)));
    fetcher.submit([order(1000, "missing.b3dm", 0.0), order(1001, "../out", 0.0)]);
    let mut lengths = BTreeSet::new();
    let mut answered = BTreeSet::new();
    while answered.len() < 502 {
        match fetcher.next_timeout(WAIT).unwrap() {
            FetchEvent::Length(id, bytes) => {
                assert_eq!(id, bytes);
                assert!(lengths.insert(id) && !answered.contains(&id), "{id}");
            }
            FetchEvent::Done(id, result) => {
                assert!(answered.insert(id), "{id} twice");
                match (id, result) {
                    (0..500, Ok(payload)) => {
                        assert_eq!((payload.bytes.len() as u64, payload.origin), (id, Origin::Local));
                    }
                    (1000, Err(FetchError::NotFound { .. })) | (1001, Err(FetchError::Refused { .. })) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert_eq!(lengths.len(), 500);
    let stats = fetcher.stats();
    assert_eq!((stats.pending, stats.running, stats.events), (0, 0, 0));
    assert_eq!((stats.fetched, stats.fetched_bytes, stats.failed), (500, 499 * 500 / 2, 2));
    // An event can be taken before the waker has been called for it.
    while wakes.load(Ordering::Relaxed) < 1002 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(fetcher.try_next(), None);
}

/// Holds the only slot with a transfer that hangs, so that the others wait in the queue.
fn one_slot_held(server: &Server) -> Fetcher {
    server.on("/hang.b3dm", Answer::hang());
    for tile in 0..6 {
        server.on(&format!("/{tile}.b3dm"), Answer::ok(vec![1]));
    }
    let source = Source::open(&server.address("/tileset.json"), &OpenOptions::default()).unwrap();
    let fetcher = Fetcher::start(source, 1, || ()).unwrap();
    fetcher.submit([order(99, "hang.b3dm", 0.0)]);
    server.wait_for_request("/hang.b3dm");
    fetcher
}

#[test]
fn the_most_urgent_order_starts_first() {
    let server = Server::start();
    let fetcher = one_slot_held(&server);
    let priorities = [5.0, 3.0, f64::INFINITY, -1.0, 3.0, 4.0];
    fetcher.submit((0..6).zip(priorities).map(|(id, priority)| order(id, &format!("{id}.b3dm"), priority)));
    assert_eq!(fetcher.stats().pending, 6);
    assert!(fetcher.set_priority(0, -7.0));
    assert!(!fetcher.set_priority(99, 0.0), "it is under way");
    assert!(!fetcher.set_priority(12345, 0.0));
    fetcher.cancel(5);
    fetcher.cancel(99);
    let answered: Vec<u64> = (0..5).map(|_| next_done(&fetcher).0).collect();
    assert_eq!(answered, [0, 3, 1, 4, 2]);
    assert_eq!(fetcher.next_timeout(Duration::from_millis(50)), None);
    assert_eq!(server.requests("/5.b3dm").len(), 0);
}

#[test]
fn an_id_ordered_again_is_answered_once() {
    let server = Server::start();
    let fetcher = one_slot_held(&server);
    fetcher.submit([order(99, "1.b3dm", 0.0)]);
    let (id, result) = next_done(&fetcher);
    assert_eq!((id, result.unwrap().bytes.len()), (99, 1));
    server.wait_for_close("/hang.b3dm");
    assert_eq!(fetcher.next_timeout(Duration::from_millis(50)), None);
}

#[test]
fn untaken_answers_hold_back_further_orders() {
    let (_folder, source) = folder_of_tiles(500);
    let fetcher = Fetcher::start(source, 2, || ()).unwrap();
    fetcher.submit((0..500).map(|id| order(id, &format!("{id}.b3dm"), id as f64)));
    // Nobody takes anything: the queue fills, and then nothing moves any more.
    let mut pending = fetcher.stats().pending;
    loop {
        std::thread::sleep(Duration::from_millis(30));
        let now = fetcher.stats().pending;
        if now == pending {
            break;
        }
        pending = now;
    }
    let stats = fetcher.stats();
    assert!(stats.pending >= 500 - 64 - 4, "{stats:?}");
    assert!(stats.events <= 2 * (64 + 4), "{stats:?}");
    // Cancelling what waits to be taken makes room, too.
    for id in 0..32 {
        fetcher.cancel(id);
    }
    let answered: BTreeSet<u64> = (32..500).map(|_| next_done(&fetcher).0).collect();
    assert_eq!(answered, (32..500).collect());
}

#[test]
fn what_takes_more_than_allowed_is_cut_off_and_can_be_ordered_with_more() {
    let (folder, source) = folder_of_tiles(0);
    let plain = vec![5; 300_000];
    let packed = crate::gzipped(&plain);
    fs::write(folder.path().join("plain.b3dm"), &plain).unwrap();
    fs::write(folder.path().join("packed.b3dm"), &packed).unwrap();
    let server = Server::start();
    server.on("/tileset.json", Answer::ok("{}"));
    server.on("/plain.b3dm", Answer::ok(plain.clone()));
    server.on("/packed.b3dm", Answer::ok(packed.clone()));
    let remote = Source::open(&server.address("/tileset.json"), &OpenOptions::default()).unwrap();
    for source in [source, remote] {
        let fetcher = Fetcher::start(source, 2, || ()).unwrap();
        for (uri, takes) in [("plain.b3dm", 300_000), ("packed.b3dm", 300_000 + packed.len() as u64)] {
            let mut max_bytes = 100;
            let mut attempts = 0;
            let bytes = loop {
                attempts += 1;
                fetcher.submit([FetchOrder { max_bytes, ..order(attempts, uri, 0.0) }]);
                let mut told = None;
                let result = loop {
                    match fetcher.next_timeout(WAIT).expect("an event within the time") {
                        FetchEvent::Length(_, bytes) => told = Some(bytes),
                        FetchEvent::Done(_, result) => break result,
                    }
                };
                match result {
                    Ok(payload) => {
                        // A length is a promise, so there is none for what is inflated.
                        assert_eq!(told, (uri == "plain.b3dm").then_some(300_000));
                        break payload.bytes;
                    }
                    Err(FetchError::TooLarge { needed: Some(needed), max_bytes: allowed, .. }) => {
                        assert!(needed > allowed && allowed == max_bytes);
                        assert_eq!(told, None, "nothing is promised that is not kept");
                        max_bytes = needed;
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(bytes, plain);
            assert_eq!(max_bytes, takes);
            assert_eq!(attempts, if uri == "plain.b3dm" { 2 } else { 3 });
        }
    }
}

#[test]
fn more_slots_can_be_given() {
    let server = Server::start();
    let fetcher = one_slot_held(&server);
    fetcher.submit([order(1, "1.b3dm", 0.0)]);
    assert_eq!(fetcher.stats().pending, 1);
    fetcher.set_slots(2);
    assert_eq!(next_done(&fetcher).0, 1);
    assert_eq!(fetcher.stats().running, 1);
}

#[test]
fn dropping_the_fetcher_ends_its_transfers() {
    let server = Server::start();
    let fetcher = one_slot_held(&server);
    drop(fetcher);
    server.wait_for_close("/hang.b3dm");
}

//! A server: what is read, what is refused, how failures are classified.

use std::time::Duration;

use store::{FetchError, FetchEvent, Fetcher, OpenOptions, Origin, Source, SourceKind};

use crate::{
    fetcher::{WAIT, next_done, order},
    gzipped, noise,
    server::{Answer, Server},
};

const MAX: u64 = 1 << 20;

fn open(server: &Server, path: &str) -> Source {
    Source::open(&server.address(path), &OpenOptions::default()).unwrap()
}

fn impatient() -> OpenOptions {
    OpenOptions { stall_timeout: Duration::from_millis(200), ..OpenOptions::default() }
}

#[test]
fn documents_folders_and_paths_are_read() {
    let server = Server::start();
    server.on("/a/tileset.json", Answer::ok("{}"));
    server.on("/a/b/c%20d.b3dm", Answer::ok(noise(5000, 1)));
    server.on("/a/packed.b3dm", Answer::ok(gzipped(&[9; 4000])));
    let encoded = Answer::ok(gzipped(&[8; 4000])).with("Content-Encoding", "gzip");
    server.on("/a/encoded.b3dm", encoded);
    for path in ["/a/tileset.json", "/a/", "/a", "/a/#x"] {
        let source = open(&server, path);
        assert_eq!((source.kind(), source.root_uri()), (SourceKind::Http, "tileset.json"));
        assert_eq!(source.read(source.root_uri(), MAX).unwrap(), "{}", "{path}");
    }
    let source = open(&server, "/a");
    assert_eq!(source.fetch("b/./c d.b3dm#f", MAX).unwrap().bytes, noise(5000, 1));
    assert_eq!(source.fetch("b/c%20d.b3dm", MAX).unwrap().origin, Origin::Network);
    assert_eq!(source.read(&server.address("/a/b/c%20d.b3dm"), MAX).unwrap(), noise(5000, 1));
    assert_eq!(source.read("packed.b3dm", MAX).unwrap(), vec![9; 4000]);
    assert_eq!(source.read("encoded.b3dm", MAX).unwrap(), vec![8; 4000]);
    for uri in ["packed.b3dm", "encoded.b3dm"] {
        let error = source.read(uri, 3999).unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { max_bytes: 3999, .. }), "{error}");
    }
    // What is inflated here is held in both forms; what the client inflates on the way is not.
    let both = 4000 + gzipped(&[9; 4000]).len() as u64;
    assert_eq!(source.read("packed.b3dm", both).unwrap().len(), 4000);
    let error = source.read("packed.b3dm", both - 1).unwrap_err();
    assert_eq!(
        error,
        FetchError::TooLarge { uri: "packed.b3dm".to_owned(), max_bytes: both - 1, needed: Some(both) }
    );
    assert_eq!(source.read("encoded.b3dm", 4000).unwrap().len(), 4000);
    let sent = &server.requests("/a/encoded.b3dm")[0];
    assert!(sent.header("accept-encoding").unwrap().contains("br"));
    assert!(sent.header("user-agent").unwrap().starts_with("hamlet/"));
    assert!(matches!(source.list(), Err(FetchError::Refused { .. })));
}

#[test]
fn the_query_of_the_root_goes_with_its_files() {
    let server = Server::start();
    server.on("/t/tileset.json", Answer::ok("{}"));
    server.on("/t/a.b3dm", Answer::ok("a"));
    let source = open(&server, "/t/tileset.json?token=x%26y&v=1");
    source.read(source.root_uri(), MAX).unwrap();
    source.read("a.b3dm", MAX).unwrap();
    source.read("a.b3dm?v=2", MAX).unwrap();
    source.read(&server.address("/t/a.b3dm?own"), MAX).unwrap();
    let targets = |path| server.requests(path).into_iter().map(|request| request.target).collect::<Vec<_>>();
    assert_eq!(targets("/t/tileset.json"), ["/t/tileset.json?token=x%26y&v=1"]);
    let expected = ["/t/a.b3dm?token=x%26y&v=1", "/t/a.b3dm?v=2&token=x%26y", "/t/a.b3dm?own"];
    assert_eq!(targets("/t/a.b3dm"), expected);
}

#[test]
fn connections_are_used_again() {
    let server = Server::start();
    server.on("/tileset.json", Answer::ok("{}"));
    let source = open(&server, "/");
    for _ in 0..20 {
        source.read("tileset.json", MAX).unwrap();
    }
    // A connection may come back to the pool a moment too late for the next request.
    assert!(server.connections() <= 10, "{}", server.connections());
}

#[test]
fn what_leaves_the_tileset_is_refused() {
    let server = Server::start();
    let other = Server::start();
    other.on("/x.b3dm", Answer::ok("other"));
    server.on("/x.b3dm", Answer::ok("above"));
    server.on("/t/away.b3dm", Answer::redirect(&other.address("/x.b3dm")));
    server.on("/t/file.b3dm", Answer::redirect("file:///etc/hostname"));
    server.on("/t/ftp.b3dm", Answer::redirect("ftp://127.0.0.1/x"));
    server.on("/t/loop.b3dm", Answer::redirect("/t/loop.b3dm"));
    let source = open(&server, "/t/");
    let elsewhere = other.address("/x.b3dm");
    for (uri, reason) in [
        ("../x.b3dm", "leaves the tileset"),
        ("%2e%2e/x.b3dm", "leaves the tileset"),
        ("/x.b3dm", "absolute path"),
        ("..\\x.b3dm", "backslash"),
        (elsewhere.as_str(), "--other-servers"),
        ("file:///etc/hostname", "scheme `file`"),
        ("away.b3dm", "--other-servers"),
        ("file.b3dm", "scheme `file`"),
        ("ftp.b3dm", "scheme `ftp`"),
        ("loop.b3dm", "redirects"),
    ] {
        match source.read(uri, MAX) {
            Err(FetchError::Refused { reason: said, .. }) => assert!(said.contains(reason), "{uri}: {said}"),
            result => panic!("{uri}: {result:?}"),
        }
    }
    assert_eq!(server.requests("/x.b3dm").len() + other.requests("/x.b3dm").len(), 0);
    assert_eq!(server.requests("/t/loop.b3dm").len(), 11);
    // On the same server an absolute address is fine.
    assert_eq!(source.read(&server.address("/x.b3dm"), MAX).unwrap(), "above");

    let options = OpenOptions { allow_other_origins: true, ..OpenOptions::default() };
    let source = Source::open(&server.address("/t/"), &options).unwrap();
    assert_eq!(source.read(&elsewhere, MAX).unwrap(), "other");
    assert_eq!(source.read("away.b3dm", MAX).unwrap(), "other");
    assert!(matches!(source.read("file.b3dm", MAX), Err(FetchError::Refused { .. })));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tileset.json"), "{}").unwrap();
    let source = Source::open_path(folder.path(), &options).unwrap();
    assert_eq!(source.read(&elsewhere, MAX).unwrap(), "other");
    assert_eq!(source.read("tileset.json", MAX).unwrap(), "{}");
}

#[test]
fn redirects_on_the_same_server_are_followed() {
    let server = Server::start();
    server.on("/t/0.b3dm", Answer::ok("there"));
    for step in 1..=11 {
        server.on(&format!("/t/{step}.b3dm"), Answer::redirect(&format!("{}.b3dm", step - 1)));
    }
    let source = open(&server, "/t/");
    assert_eq!(source.read("10.b3dm", MAX).unwrap(), "there");
    assert!(matches!(source.read("11.b3dm", MAX), Err(FetchError::Refused { .. })));
}

#[test]
fn failures_are_classified() {
    let server = Server::start();
    server.on("/busy", Answer::status(503).with("Retry-After", "7"));
    server.on("/many", Answer::status(429).with("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"));
    for status in [400, 401, 403, 204, 410, 500, 502] {
        server.on(&format!("/{status}"), Answer::status(status));
    }
    server.on("/short", Answer::ok("123").declaring(10));
    let source = open(&server, "/");
    let fail = |uri: &str| source.read(uri, MAX).unwrap_err();
    assert_eq!(fail("busy").retry_after(), Some(Duration::from_secs(7)));
    assert!(fail("busy").is_transient());
    assert_eq!(fail("many").retry_after(), Some(Duration::ZERO));
    assert!(fail("many").is_transient());
    assert!(fail("500").is_transient() && fail("502").is_transient());
    for status in [400, 401, 403, 204] {
        let error = fail(&status.to_string());
        assert!(matches!(error, FetchError::Status { status: said, .. } if said == status), "{error}");
        assert!(!error.is_transient());
    }
    assert!(matches!(fail("410"), FetchError::NotFound { .. }));
    assert!(matches!(fail("missing"), FetchError::NotFound { .. }));
    let error = fail("short");
    assert!(matches!(error, FetchError::Network { .. }) && error.is_transient(), "{error}");
    server.stop();
    let error = fail("busy");
    assert!(matches!(error, FetchError::Network { .. }) && error.is_transient(), "{error}");
}

#[test]
fn a_long_answer_is_given_up() {
    let server = Server::start();
    server.on("/declared", Answer::hang().declaring(1 << 30));
    server.on_request("/chunked", |_| {
        Answer::ok(format!("{:x}\r\n{}\r\n", 9000, "x".repeat(9000)))
            .with("Transfer-Encoding", "chunked")
            .declaring(0)
    });
    let source = open(&server, "/");
    let error = source.read("declared", 1000).unwrap_err();
    let needed = Some(1 << 30);
    assert_eq!(error, FetchError::TooLarge { uri: "declared".to_owned(), max_bytes: 1000, needed });
    server.wait_for_close("/declared");
    let error = source.read("chunked", 1000).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. } | FetchError::Network { .. }), "{error}");
}

#[test]
fn a_stalled_transfer_times_out() {
    let server = Server::start();
    server.on("/hang.b3dm", Answer::hang());
    let source = Source::open(&server.address("/"), &impatient()).unwrap();
    let error = source.read("hang.b3dm", MAX).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }) && error.is_transient(), "{error}");
    server.wait_for_close("/hang.b3dm");
}

#[test]
fn a_cancelled_transfer_is_really_aborted() {
    let server = Server::start();
    server.on("/hang.b3dm", Answer::hang());
    server.on("/fine.b3dm", Answer::ok(vec![3; 2000]));
    let fetcher = Fetcher::start(open(&server, "/"), 2, || ()).unwrap();
    fetcher.submit([order(1, "hang.b3dm", 0.0)]);
    // It is under way: its length is known.
    assert_eq!(fetcher.next_timeout(WAIT), Some(FetchEvent::Length(1, 1000)));
    fetcher.cancel(1);
    server.wait_for_close("/hang.b3dm");
    fetcher.submit([order(2, "fine.b3dm", 0.0)]);
    assert_eq!(fetcher.next_timeout(WAIT), Some(FetchEvent::Length(2, 2000)));
    let (id, result) = next_done(&fetcher);
    assert_eq!((id, result.unwrap().bytes.len()), (2, 2000));
    assert_eq!(fetcher.next_timeout(Duration::from_millis(50)), None);
}

#[test]
fn many_orders_are_answered() {
    let server = Server::start();
    for tile in 0..200_u64 {
        server.on(&format!("/{tile}.b3dm"), Answer::ok(noise(tile as usize * 100, tile)));
    }
    let fetcher = Fetcher::start(open(&server, "/"), 8, || ()).unwrap();
    fetcher.submit((0..200).map(|id| order(id, &format!("{id}.b3dm"), 0.0)));
    for _ in 0..200 {
        let (id, result) = next_done(&fetcher);
        assert_eq!(result.unwrap().bytes, noise(id as usize * 100, id));
    }
    // Eight workers use their connections again. A pool opens a spare one whenever a connection comes back a moment
    // after the next request looked for it, so the bound is "far fewer than requests", not "one a worker".
    assert!(server.connections() <= 50, "{}", server.connections());
}

#[test]
fn a_package_database_cannot_be_read_from_a_server() {
    let error = Source::open("http://127.0.0.1:1/p.3dtiles", &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be read over the network"), "{error}");
}

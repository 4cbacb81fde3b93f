//! HTTPS: authorities, HTTP/2, and headers that only the own server may see.

use std::time::Duration;

use bytes::Bytes;
use store::{FetchError, FetchEvent, FetchOrder, Fetcher, Header, OpenError, OpenOptions, Source};

use crate::{
    fetcher::{WAIT, next_done, order},
    noise,
    server::{self, Server},
    tls_server::{Answer, Authority, Identity, TlsServer},
};

const MAX: u64 = 8 << 20;
const BOTH: [&str; 2] = ["h2", "http/1.1"];

fn trusting(authority: &Authority) -> OpenOptions {
    OpenOptions { extra_ca_pem: Some(authority.pem()), ..OpenOptions::default() }
}

fn open(server: &TlsServer, options: &OpenOptions) -> Source {
    Source::open(&server.address("/t/tileset.json"), options).unwrap()
}

#[test]
fn an_own_authority_is_trusted_when_told_and_only_then() {
    let authority = Authority::new("County CA");
    let server = TlsServer::start(&authority, Identity::default(), &BOTH);
    server.on("/t/tileset.json", Answer::Body(b"{}".to_vec()));
    let source = open(&server, &trusting(&authority));
    assert_eq!(source.read("tileset.json", MAX).unwrap(), "{}");

    let stranger = Authority::new("Another CA");
    for options in [OpenOptions::default(), trusting(&stranger)] {
        let error = open(&server, &options).read("tileset.json", MAX).unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }) && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("cannot prove who it is"), "{error}");
    }
    assert_eq!(server.requests().len(), 1, "nothing is asked of a server that is not trusted");

    // Several authorities may stand in one file, with text between them.
    let both = [stranger.pem(), Bytes::from_static(b"# ours:\n"), authority.pem()].concat();
    let options = OpenOptions { extra_ca_pem: Some(both.into()), ..OpenOptions::default() };
    assert_eq!(open(&server, &options).read("tileset.json", MAX).unwrap(), "{}");
}

#[test]
fn certificates_for_another_name_or_time_are_refused() {
    let authority = Authority::new("County CA");
    for identity in [
        Identity { name: "tiles.example", expired: false },
        Identity { expired: true, ..Identity::default() },
    ] {
        let server = TlsServer::start(&authority, identity, &BOTH);
        server.on("/t/tileset.json", Answer::Body(b"{}".to_vec()));
        let error = open(&server, &trusting(&authority)).read("tileset.json", MAX).unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{identity:?}: {error}");
        assert!(server.requests().is_empty());
    }
}

#[test]
fn what_holds_no_certificate_is_no_authority() {
    for pem in ["", "no pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options = OpenOptions { extra_ca_pem: Some(pem.into()), ..OpenOptions::default() };
        let error = Source::open("https://127.0.0.1:1/tileset.json", &options).unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error}");
        assert!(error.to_string().contains("authorities"), "{error}");
    }
}

#[test]
fn http2_carries_many_transfers_over_one_connection() {
    let authority = Authority::new("County CA");
    let server = TlsServer::start(&authority, Identity::default(), &BOTH);
    for tile in 0..120_u64 {
        server.on(&format!("/t/{tile}.b3dm"), Answer::Body(noise(tile as usize * 500, tile)));
    }
    let fetcher = Fetcher::start(open(&server, &trusting(&authority)), 16, || ()).unwrap();
    // One first: while it is asked for there is no connection yet to be shared.
    fetcher.submit([order(1000, "1.b3dm", 0.0)]);
    next_done(&fetcher).1.unwrap();
    fetcher.submit((0..120).map(|id| order(id, &format!("{id}.b3dm"), 0.0)));
    for _ in 0..120 {
        let (id, result) = next_done(&fetcher);
        assert_eq!(result.unwrap().bytes, noise(id as usize * 500, id));
    }
    assert!(server.requests().iter().all(|request| request.http2));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_without_http2_is_spoken_to_in_http1() {
    let authority = Authority::new("County CA");
    for protocols in [&["http/1.1"][..], &[]] {
        let server = TlsServer::start(&authority, Identity::default(), protocols);
        server.on("/t/a.b3dm", Answer::Body(noise(70_000, 3)));
        let source = open(&server, &trusting(&authority));
        for _ in 0..3 {
            assert_eq!(source.read("a.b3dm", MAX).unwrap(), noise(70_000, 3));
        }
        assert!(matches!(source.read("missing", MAX), Err(FetchError::NotFound { .. })));
        assert!(server.requests().iter().all(|request| !request.http2));
    }
}

#[test]
fn long_http2_answers_are_broken_off_and_the_connection_lives() {
    let authority = Authority::new("County CA");
    let server = TlsServer::start(&authority, Identity::default(), &BOTH);
    server.on("/t/small.b3dm", Answer::Body(vec![1; 1000]));
    server.on("/t/sized.b3dm", Answer::Body(vec![2; 3_000_000]));
    server.on("/t/unsized.b3dm", Answer::Unsized(vec![3; 3_000_000]));
    let fetcher = Fetcher::start(open(&server, &trusting(&authority)), 2, || ()).unwrap();
    let mut id = 0;
    for (uri, knows) in [("sized.b3dm", Some(3_000_000)), ("unsized.b3dm", None)] {
        id += 1;
        fetcher.submit([FetchOrder { max_bytes: 200_000, ..order(id, uri, 0.0) }]);
        match next_done(&fetcher).1.unwrap_err() {
            FetchError::TooLarge { needed, max_bytes: 200_000, .. } => assert_eq!(needed, knows, "{uri}"),
            error => panic!("{error}"),
        }
        id += 1;
        fetcher.submit([order(id, "small.b3dm", 0.0)]);
        assert_eq!(next_done(&fetcher).1.unwrap().bytes.len(), 1000);
        id += 1;
        fetcher.submit([FetchOrder { max_bytes: 3_000_000, ..order(id, uri, 0.0) }]);
        assert_eq!(next_done(&fetcher).1.unwrap().bytes.len(), 3_000_000);
    }
    // The server learns of it a moment later.
    let start = std::time::Instant::now();
    while server.broken_off() < 2 && start.elapsed() < WAIT {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.broken_off(), 2);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_cancelled_http2_transfer_ends_and_the_others_go_on() {
    let authority = Authority::new("County CA");
    let server = TlsServer::start(&authority, Identity::default(), &BOTH);
    server.on("/t/big.b3dm", Answer::Unsized(vec![1; 60_000_000]));
    server.on("/t/small.b3dm", Answer::Body(vec![2; 5000]));
    let fetcher = Fetcher::start(open(&server, &trusting(&authority)), 4, || ()).unwrap();
    fetcher.submit([FetchOrder { max_bytes: 100_000_000, ..order(1, "big.b3dm", 0.0) }]);
    let start = std::time::Instant::now();
    while server.requests().is_empty() && start.elapsed() < WAIT {
        std::thread::sleep(Duration::from_millis(1));
    }
    fetcher.cancel(1);
    fetcher.submit([order(2, "small.b3dm", 0.0)]);
    assert_eq!(fetcher.next_timeout(WAIT), Some(FetchEvent::Length(2, 5000)));
    let (id, result) = next_done(&fetcher);
    assert_eq!((id, result.unwrap().bytes.len()), (2, 5000));
    assert_eq!(fetcher.next_timeout(Duration::from_millis(50)), None);
}

#[test]
fn a_reset_stream_is_a_failure_that_may_pass() {
    let authority = Authority::new("County CA");
    let server = TlsServer::start(&authority, Identity::default(), &BOTH);
    server.on("/t/a.b3dm", Answer::Reset);
    let source = open(&server, &trusting(&authority));
    let error = source.read("a.b3dm", MAX).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }) && error.is_transient(), "{error}");
    server.on("/t/a.b3dm", Answer::Body(vec![1]));
    assert_eq!(source.read("a.b3dm", MAX).unwrap().as_ref(), [1]);
}

#[test]
fn tokens_go_to_the_own_server_and_to_no_other() {
    let authority = Authority::new("County CA");
    let own = TlsServer::start(&authority, Identity::default(), &BOTH);
    let other = TlsServer::start(&authority, Identity::default(), &["http/1.1"]);
    own.on("/t/a.b3dm", Answer::Body(b"a".to_vec()));
    own.on("/t/moved.b3dm", Answer::Redirect("a.b3dm".to_owned()));
    own.on("/t/away.b3dm", Answer::Redirect(other.address("/signed")));
    own.on("/t/away-and-back.b3dm", Answer::Redirect(other.address("/back")));
    other.on("/signed", Answer::Body(b"b".to_vec()));
    other.on("/back", Answer::Redirect(own.address("/t/a.b3dm")));
    let headers = vec![Header::bearer("s3cret").unwrap(), Header::parse("X-County: maple").unwrap()];
    let options = OpenOptions { headers, allow_other_origins: true, ..trusting(&authority) };
    assert!(!format!("{options:?}").contains("s3cret"), "tokens do not show in logs");
    let source = open(&own, &options);
    for (uri, expected) in [
        ("a.b3dm", "a"),
        ("moved.b3dm", "a"),
        ("away.b3dm", "b"),
        ("away-and-back.b3dm", "a"),
        (other.address("/signed").as_str(), "b"),
    ] {
        assert_eq!(source.read(uri, MAX).unwrap(), expected, "{uri}");
    }
    let is_told = |request: &crate::tls_server::Request| {
        let bearer = request.headers.get("authorization").map(String::as_str);
        (bearer == Some("Bearer s3cret"), request.headers.contains_key("x-county"))
    };
    let asked: Vec<_> = own.requests();
    assert!(asked.iter().take(4).all(|r| is_told(r) == (true, true)), "{asked:?}");
    assert_eq!(asked.len(), 6);
    assert_eq!(is_told(&asked[5]), (false, false), "what comes back from elsewhere is not trusted again");
    assert_eq!(other.requests().len(), 3);
    assert!(other.requests().iter().all(|r| is_told(r) == (false, false)), "{:?}", other.requests());

    // Where other servers are not allowed, the redirect is refused as ever.
    let error = open(&own, &OpenOptions { allow_other_origins: false, ..options }).read("away.b3dm", MAX);
    assert!(matches!(error, Err(FetchError::Refused { .. })), "{error:?}");
    assert_eq!(other.requests().len(), 3);
}

#[test]
fn tokens_go_with_ranges_of_a_package_and_through_circles_of_redirects() {
    let server = Server::start();
    server.on_request("/secret.json", |request| match request.header("authorization") {
        Some("Bearer s3cret") => server::Answer::ok("{}"),
        _ => server::Answer::status(401),
    });
    let other = Server::start();
    other.on("/a", server::Answer::redirect(&server.address("/b")));
    server.on("/b", server::Answer::redirect(&other.address("/a")));
    let headers = vec![Header::bearer("s3cret").unwrap()];
    let options = OpenOptions { headers, allow_other_origins: true, ..OpenOptions::default() };
    let source = Source::open(&server.address("/secret.json"), &options).unwrap();
    assert_eq!(source.read("secret.json", MAX).unwrap(), "{}");
    let error = source.read("b", MAX).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("redirects"), "{error}");
    let anonymous = Source::open(&server.address("/secret.json"), &OpenOptions::default()).unwrap();
    assert!(matches!(anonymous.read("secret.json", MAX), Err(FetchError::Status { status: 401, .. })));
}

//! A small HTTPS server on this machine with an authority of its own: HTTP/2 and HTTP/1.1, as the client negotiates.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

/// An authority that no system trusts.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// Its certificate, as `OpenOptions::extra_ca_pem` takes it.
    pub(crate) fn pem(&self) -> Bytes {
        Bytes::from(self.issuer.pem())
    }
}

/// What a server shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// The name in its certificate.
    pub(crate) name: &'static str,
    pub(crate) expired: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self { name: "127.0.0.1", expired: false }
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Body(Vec<u8>),
    /// A body without a length.
    Unsized(Vec<u8>),
    Redirect(String),
    /// HTTP/2: the stream is reset. HTTP/1.1: the connection is closed.
    Reset,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) http2: bool,
    pub(crate) headers: HashMap<String, String>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    /// HTTP/2 bodies that the client broke off.
    broken_off: AtomicUsize,
}

/// Stops when dropped.
pub(crate) struct TlsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TlsServer {
    /// Offers these protocols, the preferred one first.
    pub(crate) fn start(authority: &Authority, identity: Identity, protocols: &[&str]) -> Self {
        let config = Arc::new(config(authority, identity, protocols));
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::spawn(accept_all(listener, TlsAcceptor::from(config), serving));
                // The sender is dropped when it is time to stop; that ends every task.
                let _stopped = stopped.await;
            });
        });
        let address = told.recv().unwrap();
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) fn on(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn broken_off(&self) -> usize {
        self.shared.broken_off.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // Dropping the sender is the sign to stop.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn config(authority: &Authority, identity: Identity, protocols: &[&str]) -> ServerConfig {
    let mut params = CertificateParams::new(vec![identity.name.to_owned()]).unwrap();
    if identity.expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

async fn accept_all(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // A client that does not trust the certificate breaks off here.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            shared.connections.fetch_add(1, Ordering::SeqCst);
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                serve_http2(stream, &shared).await;
            } else {
                serve_http1(stream, &shared).await;
            }
        });
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Option<Answer> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&request.path).cloned();
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        answer
    }
}

async fn serve_http2(stream: TlsStream<TcpStream>, shared: &Arc<Shared>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            if answer_http2(&shared, &request, respond).await.is_none() {
                shared.broken_off.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

/// None where the client broke off.
async fn answer_http2(
    shared: &Shared,
    request: &http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
) -> Option<()> {
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let answer = shared.answer(Request { path: request.uri().path().to_owned(), http2: true, headers });
    let head = http::Response::builder();
    let (head, body) = match answer {
        None => (head.status(404), Vec::new()),
        Some(Answer::Redirect(to)) => (head.status(302).header("location", to), Vec::new()),
        Some(Answer::Reset) => {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            return Some(());
        }
        Some(Answer::Body(body)) => (head.status(200).header("content-length", body.len()), body),
        Some(Answer::Unsized(body)) => (head.status(200), body),
    };
    let mut stream = respond.send_response(head.body(()).unwrap(), body.is_empty()).ok()?;
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let capacity = std::future::poll_fn(|context| stream.poll_capacity(context)).await?.ok()?;
        let part = rest.split_to(capacity.min(rest.len()));
        let is_end = rest.is_empty();
        stream.send_data(part, is_end).ok()?;
    }
    Some(())
}

async fn serve_http1(stream: TlsStream<TcpStream>, shared: &Shared) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if !stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.is_err() {
                return;
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let (head, body) = match shared.answer(Request { path, http2: false, headers }) {
            None => ("404 Not Found\r\nContent-Length: 0".to_owned(), Vec::new()),
            Some(Answer::Redirect(to)) => {
                (format!("302 Found\r\nLocation: {to}\r\nContent-Length: 0"), Vec::new())
            }
            Some(Answer::Body(body)) => (format!("200 OK\r\nContent-Length: {}", body.len()), body),
            Some(Answer::Unsized(_) | Answer::Reset) => return,
        };
        let head = format!("HTTP/1.1 {head}\r\n\r\n");
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&body).await.is_err() {
            return;
        }
        // What is not flushed may stay in the buffers of TLS.
        if stream.flush().await.is_err() {
            return;
        }
    }
}

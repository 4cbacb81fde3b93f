//! A small HTTP/1.1 server on this machine, whose answers a test decides.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const WAIT: Duration = Duration::from_secs(20);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// With its query.
    pub(crate) target: String,
    headers: HashMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// `Content-Length`, where it is not the length of the body.
    declared: Option<usize>,
    /// After the body, wait until the client closes.
    hangs: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), declared: None, hangs: false }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(200) }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::status(302).with("Location", to)
    }

    /// The first bytes of a body that never ends.
    pub(crate) fn hang() -> Self {
        Self { declared: Some(1000), hangs: true, ..Self::ok(*b"some bytes") }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn replace(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn status_is(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Sends all but the last byte, then nothing more.
    pub(crate) fn hanging(mut self) -> Self {
        let bytes = self.body.len();
        self.body.pop();
        Self { declared: Some(bytes), hangs: true, ..self }
    }

    pub(crate) fn declaring(self, bytes: usize) -> Self {
        Self { declared: Some(bytes), ..self }
    }
}

type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

#[derive(Default)]
struct State {
    handlers: HashMap<String, Handler>,
    requests: Vec<Request>,
    closed: Vec<String>,
    streams: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
    connections: AtomicUsize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                accepting.lock().streams.push(stream.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn on(&self, path: &str, answer: Answer) {
        self.on_request(path, move |_| answer.clone());
    }

    pub(crate) fn on_request(
        &self,
        path: &str,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) {
        self.shared.lock().handlers.insert(path.to_owned(), Arc::new(handler));
    }

    /// Requests for `path` so far, whatever their query.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let state = self.shared.lock();
        state.requests.iter().filter(|request| path_of(&request.target) == path).cloned().collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn wait_for_request(&self, path: &str) {
        self.wait(path, |state| state.requests.iter().any(|request| path_of(&request.target) == path));
    }

    /// Waits until the client closed the connection on which a hanging `path` was served.
    pub(crate) fn wait_for_close(&self, path: &str) {
        self.wait(path, |state| state.closed.iter().any(|closed| closed == path));
    }

    fn wait(&self, path: &str, reached: impl Fn(&State) -> bool) {
        let state = self.shared.lock();
        let (_state, result) =
            self.shared.changed.wait_timeout_while(state, WAIT, |state| !reached(state)).unwrap();
        assert!(!result.timed_out(), "waiting for {path}");
    }

    /// Closes everything: from now on connections are refused.
    pub(crate) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in self.shared.lock().streams.drain(..) {
            let _closed_already = stream.shutdown(Shutdown::Both);
        }
        // Lets the accepting thread see that it should stop; it owns the listener.
        let _stopped_already = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.shared.stopping.load(Ordering::SeqCst) {
            self.stop();
        }
    }
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn serve(shared: &Shared, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read_request(&mut reader) {
        let path = path_of(&request.target).to_owned();
        let handler = {
            let mut state = shared.lock();
            state.requests.push(request.clone());
            shared.changed.notify_all();
            state.handlers.get(&path).cloned()
        };
        let answer = handler.map_or_else(|| Answer::status(404), |handler| handler(&request));
        let written = write_answer(&mut writer, &answer);
        if answer.hangs {
            // The client may have closed before the answer was written.
            let _ended = written.and_then(|()| reader.read(&mut [0; 1]));
            shared.lock().closed.push(path);
            shared.changed.notify_all();
            break;
        }
        if written.is_err() || answer.declared.is_some_and(|declared| declared != answer.body.len()) {
            break;
        }
    }
    let _closed_already = writer.shutdown(Shutdown::Both);
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Some(Request { target, headers })
}

fn write_answer(writer: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Status\r\n", answer.status);
    if !matches!(answer.status, 204 | 304) {
        head += &format!("Content-Length: {}\r\n", answer.declared.unwrap_or(answer.body.len()));
    }
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    writer.write_all(head.as_bytes())?;
    writer.write_all(&answer.body)?;
    writer.flush()
}

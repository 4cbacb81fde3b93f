//! A file on a server, read in ranges (RFC 9110 §14).

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use url::Url;

use super::{Http, body, headers, status_error};
use crate::{Cancel, FetchError, ReadAt, job::Job};

/// Short reads fetch a whole block, because the next ones are likely beside them.
const BLOCK_BYTES: u64 = 64 << 10;
const MAX_BLOCKS: usize = 32;
/// How often a waiting read looks whether it was cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(10);

pub(crate) struct RemoteFile {
    http: Arc<Http>,
    address: Url,
    len: u64,
    etag: Option<String>,
    blocks: Mutex<VecDeque<(u64, Bytes)>>,
}

struct Part {
    bytes: Bytes,
    len: u64,
    etag: Option<String>,
}

impl RemoteFile {
    /// Asks for the first byte, which tells the length and whether the server serves ranges.
    pub(crate) fn open(http: Arc<Http>, address: Url) -> io::Result<Self> {
        let part = request(&http, &address, 0, 1, &Cancel::default())?;
        Ok(Self { http, address, len: part.len, etag: part.etag, blocks: Mutex::default() })
    }

    fn range(&self, offset: u64, bytes: u64, cancel: &Cancel) -> io::Result<Bytes> {
        let part = request(&self.http, &self.address, offset, bytes, cancel)?;
        if part.len != self.len || part.etag != self.etag {
            let reason = "the package changed on the server while it was read; open it again";
            return Err(io::Error::other(FetchError::corrupt(name_of(&self.address), reason)));
        }
        Ok(part.bytes)
    }

    fn block(&self, index: u64, cancel: &Cancel) -> io::Result<Bytes> {
        let known = |blocks: &VecDeque<(u64, Bytes)>| {
            blocks.iter().find(|(known, _)| *known == index).map(|(_, bytes)| bytes.clone())
        };
        if let Some(bytes) = known(&self.blocks.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(bytes);
        }
        let offset = index * BLOCK_BYTES;
        let bytes = self.range(offset, BLOCK_BYTES.min(self.len - offset), cancel)?;
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() >= MAX_BLOCKS {
            blocks.pop_front();
        }
        blocks.push_back((index, bytes.clone()));
        Ok(bytes)
    }
}

impl ReadAt for RemoteFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if buffer.is_empty() {
            return Ok(());
        }
        if buffer.len() as u64 >= BLOCK_BYTES {
            buffer.copy_from_slice(&self.range(offset, buffer.len() as u64, cancel)?);
            return Ok(());
        }
        let mut rest = buffer;
        for index in offset / BLOCK_BYTES..=(end - 1) / BLOCK_BYTES {
            let block = self.block(index, cancel)?;
            let block_offset = index * BLOCK_BYTES;
            let start = usize::try_from(offset.saturating_sub(block_offset)).unwrap_or(usize::MAX);
            let part = block.get(start..).ok_or(io::ErrorKind::UnexpectedEof)?;
            let bytes = part.len().min(rest.len());
            let (now, later) = rest.split_at_mut(bytes);
            now.copy_from_slice(part.get(..bytes).ok_or(io::ErrorKind::UnexpectedEof)?);
            rest = later;
        }
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn chunk_bytes(&self) -> usize {
        4 << 20
    }
}

/// What errors call the file: its address may carry an access token.
fn name_of(address: &Url) -> &str {
    address.path()
}

/// Asks for a range and waits for it; aborts the transfer when cancelled.
fn request(http: &Arc<Http>, address: &Url, offset: u64, bytes: u64, cancel: &Cancel) -> io::Result<Part> {
    let (done, answer) = sync_channel(1);
    let task = {
        let (http, address) = (Arc::clone(http), address.clone());
        http.runtime().handle().clone().spawn(async move {
            // Nobody waits any more when this fails.
            let _unheard = done.try_send(request_async(&http, &address, offset, bytes).await);
        })
    };
    loop {
        match answer.recv_timeout(CANCEL_POLL) {
            Ok(result) => return result.map_err(io::Error::other),
            Err(RecvTimeoutError::Timeout) if !cancel.is_cancelled() => {}
            Err(_) => {
                task.abort();
                return Err(io::Error::other(FetchError::Cancelled { uri: name_of(address).to_owned() }));
            }
        }
    }
}

async fn request_async(http: &Http, address: &Url, offset: u64, bytes: u64) -> Result<Part, FetchError> {
    let uri = name_of(address);
    let last = offset + bytes - 1;
    let range = HeaderValue::try_from(format!("bytes={offset}-{last}"));
    let range = range.map_err(|_| FetchError::corrupt(uri, "no range"))?;
    let response = http.send(address, &HeaderMap::from_iter([(header::RANGE, range)]), uri).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {}
        StatusCode::OK => {
            let reason = "the server does not serve ranges, so a package on it cannot be read; download it";
            return Err(FetchError::corrupt(uri, reason));
        }
        _ => return Err(status_error(uri, &response)),
    }
    let wrong = || FetchError::corrupt(uri, "the server answered with another range than was asked for");
    let content_range = headers::text(response.headers(), header::CONTENT_RANGE).ok_or_else(wrong)?;
    let (range, len) =
        content_range.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    if range != format!("{offset}-{last}") {
        return Err(wrong());
    }
    let len = len.parse().map_err(|_| wrong())?;
    let etag = headers::text(response.headers(), header::ETAG);
    let job = Job::blocking(uri, bytes);
    let body = body(response, &job).await?;
    if body.len() as u64 != bytes {
        return Err(wrong());
    }
    Ok(Part { bytes: body, len, etag })
}

//! Files on an HTTP(S) server.

mod client;
mod extra;
mod headers;
mod remote;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use tokio::sync::Semaphore;
use url::Url;

pub use extra::{Header, InvalidHeader};
pub(crate) use remote::RemoteFile;

use crate::{
    DiskCache, FetchError, OpenOptions, Origin, Payload,
    cache::{Copy, Freshness, Stored, Validators},
    inflate,
    job::Job,
    runtime::Runtime,
    uri::InsidePath,
};
use client::{Origins, builder, network_error, tls_config};
use extra::Secrets;
use headers::Policy;

/// After a failed connection, copies are served for so long without asking again.
const OFFLINE_FOR: Duration = Duration::from_secs(10);
/// Bodies waiting to be written to the cache, KiB.
const MAX_WAITING_WRITES_KIB: u32 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Http {
    /// Goes through the proxy that the environment names, if any.
    proxied: Client,
    /// For servers on this machine, which no proxy reaches.
    direct: Client,
    runtime: Arc<Runtime>,
    origins: Origins,
    secrets: Secrets,
    /// Address of the folder of the root document, and the query of its address.
    base: Option<(Url, Option<String>)>,
    cache: Option<DiskCache>,
    offline_since: Mutex<Option<Instant>>,
    writes: Arc<Semaphore>,
}

impl Http {
    /// For absolute addresses anywhere.
    pub(crate) fn any_origin(options: &OpenOptions, runtime: Arc<Runtime>) -> io::Result<Self> {
        Self::new(Origins::Any, None, options, runtime)
    }

    /// For the tileset whose root document is at `address`.
    pub(crate) fn of_address(
        address: &Url,
        options: &OpenOptions,
        runtime: Arc<Runtime>,
    ) -> io::Result<Self> {
        let origins = match options.allow_other_origins {
            true => Origins::Any,
            false => Origins::Only(address.clone()),
        };
        let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "not an address of a folder or file");
        let base = address.join("./").map_err(invalid)?;
        let query = address.query().map(str::to_owned);
        Self::new(origins, Some((base, query)), options, runtime)
    }

    fn new(
        origins: Origins,
        base: Option<(Url, Option<String>)>,
        options: &OpenOptions,
        runtime: Arc<Runtime>,
    ) -> io::Result<Self> {
        let tls = tls_config(options.extra_ca_pem.as_deref())?;
        let secrets = Secrets::new(&options.headers, base.as_ref().map(|(address, _)| address));
        let client = || builder(&origins, &secrets, options, &tls);
        Ok(Self {
            proxied: client().build().map_err(io::Error::other)?,
            direct: client().no_proxy().build().map_err(io::Error::other)?,
            runtime,
            origins,
            secrets,
            base,
            cache: options.cache.clone(),
            offline_since: Mutex::new(None),
            writes: Arc::new(Semaphore::new(MAX_WAITING_WRITES_KIB as usize)),
        })
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// The address of a path inside the tileset. What the address of the root document carries as its query (an access
    /// token, as a rule) goes with every file of the tileset.
    pub(crate) fn address_of(&self, uri: &str, inside: &InsidePath) -> Result<Url, FetchError> {
        let no_address = || FetchError::refused(uri, "not a path on the server");
        let (base, root_query) = self.base.as_ref().ok_or_else(no_address)?;
        let mut address = base.join(&format!("./{}", inside.raw_path)).map_err(|_| no_address())?;
        if !address.path().starts_with(base.path()) || address.origin() != base.origin() {
            return Err(FetchError::refused(uri, "a path that leaves the tileset"));
        }
        address.set_query(inside.query.as_deref());
        if let Some(root_query) = root_query {
            let own: Vec<String> = address.query_pairs().map(|(name, _)| name.into_owned()).collect();
            let missing: Vec<&str> = root_query
                .split('&')
                .filter(|pair| {
                    let name = url::form_urlencoded::parse(pair.as_bytes()).next();
                    name.is_some_and(|(name, _)| !own.iter().any(|own| *own == name))
                })
                .collect();
            if !missing.is_empty() {
                let own = address.query().filter(|own| !own.is_empty()).map(|own| format!("{own}&"));
                address.set_query(Some(&format!("{}{}", own.unwrap_or_default(), missing.join("&"))));
            }
        }
        Ok(address)
    }

    /// Lets an absolute address pass if it may be read.
    pub(crate) fn allowed(&self, uri: &str, mut address: Url) -> Result<Url, FetchError> {
        self.origins.check(&address).map_err(|reason| FetchError::refused(uri, reason))?;
        address.set_fragment(None);
        Ok(address)
    }

    pub(crate) async fn fetch(&self, address: Url, job: &Job) -> Result<Payload, FetchError> {
        let payload = self.fetch_raw(address, job).await?;
        if !inflate::is_gzip(&payload.bytes) {
            return Ok(payload);
        }
        let job = job.clone();
        let bytes = self
            .blocking(move || inflate::plain(payload.bytes, &job))
            .await
            .unwrap_or_else(|| Err(FetchError::corrupt("gzip", "inflating failed unexpectedly")))?;
        Ok(Payload { bytes, ..payload })
    }

    async fn fetch_raw(&self, address: Url, job: &Job) -> Result<Payload, FetchError> {
        let stored = match self.stored(&address, job.max_bytes).await {
            Copy::Whole(stored) => Some(stored),
            Copy::TooLarge(needed) => return Err(job.too_large(Some(needed))),
            Copy::None => None,
        };
        if let Some(stored) = &stored {
            if stored.freshness.is_fresh(unix_now_s()) {
                return from_cache(stored, Origin::Cache, job);
            }
            if self.is_offline() {
                return from_cache(stored, Origin::StaleCache, job);
            }
        }
        let error = match self.ask(&address, stored.as_ref(), job).await {
            Ok(payload) => return Ok(payload),
            Err(error) => error,
        };
        let server_is_down = matches!(error, FetchError::Network { .. })
            || matches!(error, FetchError::Status { status: 500..=599, .. });
        match &stored {
            Some(stored) if server_is_down => {
                tracing::debug!("{error}; serving the copy in the cache");
                from_cache(stored, Origin::StaleCache, job)
            }
            _ => Err(error),
        }
    }

    async fn ask(&self, address: &Url, stored: Option<&Stored>, job: &Job) -> Result<Payload, FetchError> {
        let mut conditions = HeaderMap::new();
        let mut condition = |name: HeaderName, value: &Option<String>| {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                conditions.insert(name, value);
            }
        };
        if let Some(stored) = stored {
            condition(header::IF_NONE_MATCH, &stored.validators.etag);
            condition(header::IF_MODIFIED_SINCE, &stored.validators.last_modified);
        }
        let response = self.send(address, &conditions, &job.uri).await?;
        let policy = Policy::of(response.headers(), unix_now_s());
        match (response.status(), stored) {
            (StatusCode::OK, _) => {}
            (StatusCode::NOT_MODIFIED, Some(stored)) => {
                if let Some(cache) = &self.cache {
                    let (cache, address) = (cache.clone(), address.to_string());
                    self.runtime.handle().spawn_blocking(move || cache.refresh(&address, policy.freshness));
                }
                return from_cache(stored, Origin::Cache, job);
            }
            _ => return Err(status_error(&job.uri, &response)),
        }
        let validators = Validators {
            etag: headers::text(response.headers(), header::ETAG),
            last_modified: headers::text(response.headers(), header::LAST_MODIFIED),
        };
        let bytes = body(response, job).await?;
        self.keep(address, validators, policy, &bytes, &job.uri).await;
        Ok(Payload { bytes, origin: Origin::Network })
    }

    fn get(&self, address: &Url) -> RequestBuilder {
        let client = if is_loopback(address) { &self.direct } else { &self.proxied };
        client.get(address.clone())
    }

    /// Asks for `address` and waits for the head of the answer. Redirects that the client does not follow, because they
    /// lead where extra headers must not go, are followed here without them.
    async fn send(&self, address: &Url, headers: &HeaderMap, uri: &str) -> Result<Response, FetchError> {
        let mut previous = Vec::new();
        let mut address = address.clone();
        loop {
            let request =
                self.get(&address).headers(headers.clone()).headers(self.secrets.headers_for(&address));
            let response = self.send_once(request, uri).await?;
            let Some(next) = self.stopped_redirect(&response) else { return Ok(response) };
            previous.push(response.url().clone());
            let refused = |reason| FetchError::refused(uri, reason);
            self.origins.check_redirect(&previous, &next).map_err(refused)?;
            address = next;
        }
    }

    /// Where an answer redirects to, if it is a redirect that the client was told not to follow.
    fn stopped_redirect(&self, response: &Response) -> Option<Url> {
        let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        if self.secrets.is_empty() || !redirects {
            return None;
        }
        let location = headers::text(response.headers(), header::LOCATION)?;
        let next = response.url().join(&location).ok()?;
        (!self.secrets.may_go_to(&next)).then_some(next)
    }

    async fn send_once(&self, request: RequestBuilder, uri: &str) -> Result<Response, FetchError> {
        let result = request.send().await;
        let now_offline = match &result {
            Ok(_) => None,
            Err(error) if error.is_connect() || error.is_timeout() => Some(Instant::now()),
            Err(_) => None,
        };
        *self.offline_since.lock().unwrap_or_else(PoisonError::into_inner) = now_offline;
        result.map_err(|error| network_error(uri, error))
    }

    fn is_offline(&self) -> bool {
        let since = *self.offline_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < OFFLINE_FOR)
    }

    async fn stored(&self, address: &Url, max_bytes: u64) -> Copy {
        let Some(cache) = self.cache.clone() else { return Copy::None };
        let address = address.to_string();
        self.blocking(move || cache.get(&address, max_bytes)).await.unwrap_or(Copy::None)
    }

    /// Writes an answer to the cache in the background. Waits only where too much waits to be written already.
    async fn keep(
        &self,
        address: &Url,
        validators: Validators,
        policy: Policy,
        bytes: &Bytes,
        uri: &Arc<str>,
    ) {
        let Some(cache) = self.cache.clone() else { return };
        let address = address.to_string();
        if !policy.may_store {
            self.runtime.handle().spawn_blocking(move || cache.remove(&address));
            return;
        }
        let kib = u32::try_from(bytes.len() / 1024 + 1).unwrap_or(u32::MAX).min(MAX_WAITING_WRITES_KIB);
        let Ok(permit) = Arc::clone(&self.writes).acquire_many_owned(kib).await else { return };
        let (bytes, uri) = (bytes.clone(), Arc::clone(uri));
        // A runtime that ends would drop what it has not started yet.
        let runtime = Arc::clone(&self.runtime);
        self.runtime.handle().spawn_blocking(move || {
            if let Err(error) = cache.put(&address, &validators, policy.freshness, &bytes) {
                tracing::warn!("the disk cache cannot keep {uri}: {error}");
            }
            drop((permit, runtime));
        });
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.runtime.handle().spawn_blocking(work).await.ok()
    }
}

fn from_cache(stored: &Stored, origin: Origin, job: &Job) -> Result<Payload, FetchError> {
    job.check_length(stored.body.len() as u64)?;
    job.tell_length(&stored.body, stored.body.len() as u64);
    Ok(Payload { bytes: stored.body.clone(), origin })
}

/// What an answer other than the one hoped for means.
fn status_error(uri: &str, response: &Response) -> FetchError {
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::NotFound { uri: uri.to_owned() },
        // The client follows every redirect that its policy lets pass and whose address can be read.
        status if status.is_redirection() => {
            let location = headers::text(response.headers(), header::LOCATION).unwrap_or_default();
            let scheme = location.split(':').next().unwrap_or_default();
            FetchError::refused(
                uri,
                format!("a redirect (status {status}, scheme `{scheme}`) that is not followed"),
            )
        }
        status => FetchError::Status {
            uri: uri.to_owned(),
            status: status.as_u16(),
            retry_after: headers::retry_after(response.headers(), SystemTime::now()),
        },
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

async fn body(mut response: Response, job: &Job) -> Result<Bytes, FetchError> {
    let announced = response.content_length();
    if let Some(bytes) = announced {
        job.check_length(bytes)?;
    }
    let most = announced.unwrap_or(job.max_bytes);
    let mut body = Vec::new();
    let mut told = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| network_error(&job.uri, error))? {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(job.too_large(None));
        }
        if body.is_empty() && announced == Some(chunk.len() as u64) {
            job.tell_length(&chunk, chunk.len() as u64);
            return Ok(chunk);
        }
        if body.is_empty() {
            let capacity = announced.unwrap_or(0).min(64 << 20);
            body.reserve_exact(usize::try_from(capacity).unwrap_or(0));
        }
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            inflate::grow(&mut body, most);
            let (part, left) = rest.split_at(rest.len().min(body.capacity() - body.len()));
            body.extend_from_slice(part);
            rest = left;
        }
        if let Some(bytes) = announced.filter(|_| !told && body.len() >= 4) {
            told = true;
            job.tell_length(&body, bytes);
        }
    }
    inflate::trim(&mut body);
    Ok(body.into())
}

fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Freshness {
    fn is_fresh(&self, now_s: u64) -> bool {
        // A clock that was set back makes everything stale rather than eternal.
        now_s.checked_sub(self.checked_at_s).is_some_and(|age_s| age_s < self.fresh_for_s)
    }
}

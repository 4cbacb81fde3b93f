//! A tileset wherever it lies.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use crate::{
    DiskCache, FetchError, FileAt, Header, OpenError, Origin, Payload,
    archive::{Archive, ArchiveError},
    encoded_path,
    folder::{self, Folder},
    http::{Http, RemoteFile},
    inflate,
    job::Job,
    package_db::PackageDb,
    runtime::Runtime,
    uri::{self, InsidePath, Target},
};

/// How a source is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// For files: the folder that paths may not leave, where it is not the folder of the opened file but one above it.
    pub tileset_root: Option<PathBuf>,
    /// Lets absolute addresses and redirects lead to other servers than the one opened (or, from a folder or package,
    /// to any server). Off unless told: a tileset must not make this machine call wherever it likes.
    pub allow_other_origins: bool,
    /// Keeps what comes over HTTP.
    pub cache: Option<DiskCache>,
    /// Longest wait for a connection (10 s unless told).
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes of a transfer (30 s unless told); a transfer as a whole has no limit.
    pub stall_timeout: Duration,
    /// Sent with every request to the server that was opened (a token, as a rule), and to no other one, redirects
    /// included. Without use for folders and files.
    pub headers: Vec<Header>,
    /// Certificates of authorities that are trusted besides those that the system trusts, in PEM: for closed networks
    /// with an authority of their own.
    pub extra_ca_pem: Option<Bytes>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            tileset_root: None,
            allow_other_origins: false,
            cache: None,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            headers: Vec::new(),
            extra_ca_pem: None,
        }
    }
}

/// What kind of place a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A folder.
    Folder,
    /// A `.3tz` package in a file or in memory.
    Archive,
    /// A `.3dtiles` package.
    PackageDb,
    /// Files on an HTTP(S) server.
    Http,
    /// A `.3tz` package on an HTTP(S) server, read in ranges.
    RemoteArchive,
}

/// A file of a source that can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Uri relative to the root of the source, percent-encoded.
    pub uri: String,
    /// The same path, decoded.
    pub path: String,
    /// Length as stored, in archives of the plain bytes.
    pub bytes: u64,
}

/// An open source. Clones share everything.
#[derive(Clone, Debug)]
pub struct Source {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: SourceKind,
    root_uri: String,
    place: Place,
    /// Present where addresses may be read.
    http: Option<Arc<Http>>,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Archive(Archive),
    PackageDb(PackageDb),
    Web,
}

const ROOT_NAME: &str = "tileset.json";

impl Source {
    /// Opens a folder that holds `tileset.json`, a file (`.json` or any other document, `.3tz`, `.3dtiles`) or an
    /// `http(s)` address (of a document, of a folder that holds `tileset.json`, or of a `.3tz`).
    ///
    /// Opening a document by address does not touch the network; its first read does.
    pub fn open(what: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        match what.split_once("://") {
            Some((scheme, _))
                if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
            {
                Self::open_web(what, options)
            }
            Some((scheme, _)) if scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
                Err(OpenError::Unsupported {
                    what: what.to_owned(),
                    reason: format!("the scheme `{scheme}` is not read, only paths, http and https"),
                })
            }
            _ => Self::open_path(Path::new(what), options),
        }
    }

    /// Opens a folder or file.
    pub fn open_path(path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        let what = path.display().to_string();
        let io = |error: io::Error| OpenError::io(&what, error);
        let metadata = path.metadata().map_err(io)?;
        let document = if metadata.is_dir() { path.join(ROOT_NAME) } else { path.to_owned() };
        if !document
            .metadata()
            .map_err(|error| OpenError::io(&document.display().to_string(), error))?
            .is_file()
        {
            return Err(OpenError::Unsupported { what, reason: "not a regular file".to_owned() });
        }
        let http = match options.allow_other_origins {
            true => Some(Arc::new(Http::any_origin(options, runtime(&what)?).map_err(io)?)),
            false => None,
        };
        let corrupt = |reason: String| OpenError::Corrupt { what: what.clone(), reason };
        let (kind, root_uri, place) = match FileKind::of(&document).map_err(io)? {
            FileKind::Zip => {
                let file = FileAt::open(&document).map_err(io)?;
                let archive = Archive::open(Box::new(file)).map_err(|error| open_error(&what, error))?;
                (SourceKind::Archive, ROOT_NAME.to_owned(), Place::Archive(archive))
            }
            FileKind::Sqlite => {
                let package = PackageDb::open(&document).map_err(corrupt)?;
                (SourceKind::PackageDb, ROOT_NAME.to_owned(), Place::PackageDb(package))
            }
            FileKind::Document => {
                let (folder, root_path) =
                    open_folder(&document, options.tileset_root.as_deref()).map_err(io)?;
                (SourceKind::Folder, encoded_path(&root_path), Place::Folder(folder))
            }
        };
        Ok(Self { inner: Arc::new(Inner { kind, root_uri, place, http }) })
    }

    /// Opens a `.3tz` package that is in memory (one inside another source).
    pub fn open_archive_bytes(bytes: Bytes) -> Result<Self, OpenError> {
        let what = "archive in memory";
        let archive = Archive::open(Box::new(bytes)).map_err(|error| open_error(what, error))?;
        Ok(Self {
            inner: Arc::new(Inner {
                kind: SourceKind::Archive,
                root_uri: ROOT_NAME.to_owned(),
                place: Place::Archive(archive),
                http: None,
            }),
        })
    }

    fn open_web(what: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let unsupported =
            |reason: &str| OpenError::Unsupported { what: what.to_owned(), reason: reason.to_owned() };
        let mut address = url::Url::parse(what).map_err(|error| unsupported(&error.to_string()))?;
        address.set_fragment(None);
        let last = address.path().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if last.ends_with(".3dtiles") {
            return Err(unsupported(
                "a .3dtiles package cannot be read over the network; download it, or use a .3tz or a folder",
            ));
        }
        if !last.contains('.') {
            let folder = address.path().trim_end_matches('/').to_owned();
            address.set_path(&format!("{folder}/{ROOT_NAME}"));
        }
        let http = Arc::new(
            Http::of_address(&address, options, runtime(what)?)
                .map_err(|error| OpenError::io(what, error))?,
        );
        if last.ends_with(".3tz") {
            let remote =
                RemoteFile::open(Arc::clone(&http), address).map_err(|error| OpenError::io(what, error))?;
            let archive = Archive::open(Box::new(remote)).map_err(|error| open_error(what, error))?;
            let place = Place::Archive(archive);
            let (kind, root_uri) = (SourceKind::RemoteArchive, ROOT_NAME.to_owned());
            return Ok(Self { inner: Arc::new(Inner { kind, root_uri, place, http: Some(http) }) });
        }
        // A colon would make it look like a scheme.
        let root_uri = address.path().rsplit('/').next().unwrap_or_default().replace(':', "%3A");
        let (kind, place) = (SourceKind::Http, Place::Web);
        Ok(Self { inner: Arc::new(Inner { kind, root_uri, place, http: Some(http) }) })
    }

    /// Uri of the root document.
    pub fn root_uri(&self) -> &str {
        &self.inner.root_uri
    }

    /// What people call the file at `uri`: its full address on a server, without query and password, which may hold a
    /// token; elsewhere `uri` itself.
    pub fn name_of(&self, uri: &str) -> String {
        let Ok(Plan::Web(_, mut address)) = self.plan(uri) else { return uri.to_owned() };
        address.set_query(None);
        // Refused only where an address cannot have them.
        let _ = address.set_password(None);
        let _ = address.set_username("");
        address.to_string()
    }

    /// What kind of place it is.
    pub fn kind(&self) -> SourceKind {
        self.inner.kind
    }

    /// What was tolerated so far in the structure of a package.
    pub fn warnings(&self) -> Vec<String> {
        match &self.inner.place {
            Place::Archive(archive) => archive.warnings(),
            _ => Vec::new(),
        }
    }

    /// Reads `uri`. Takes at most `max_bytes`: the length of the file, and for a gzipped one that of the inflated form
    /// besides. Blocks; not for use on an async runtime's thread.
    pub fn read(&self, uri: &str, max_bytes: u64) -> Result<Bytes, FetchError> {
        self.fetch(uri, max_bytes).map(|payload| payload.bytes)
    }

    /// As [`Source::read`], and tells where the bytes came from.
    pub fn fetch(&self, uri: &str, max_bytes: u64) -> Result<Payload, FetchError> {
        let job = Job::blocking(uri, max_bytes);
        match self.plan(uri)? {
            Plan::Local(inside) => self.read_local(&inside, &job),
            Plan::Web(http, address) => {
                let uri = uri.to_owned();
                let fetching = Arc::clone(&http);
                http.runtime()
                    .run(async move { fetching.fetch(address, &job).await })
                    .unwrap_or_else(|| Err(FetchError::network(&uri, "the transfer broke off")))
            }
        }
    }

    /// All files, by path, where the source can tell: folders and packages.
    pub fn list(&self) -> Result<Vec<Entry>, FetchError> {
        let corrupt = |reason: String| FetchError::corrupt("list of files", reason);
        match &self.inner.place {
            Place::Folder(folder) => folder.list().map_err(|error| FetchError::io("list of files", &error)),
            Place::Archive(archive) => {
                let entries = archive.entries().map_err(|error| corrupt(error.to_string()))?;
                Ok(entries
                    .into_iter()
                    .map(|entry| Entry {
                        uri: encoded_path(&entry.path),
                        path: entry.path.clone(),
                        bytes: entry.plain_bytes,
                    })
                    .collect())
            }
            Place::PackageDb(package) => package.list().map_err(corrupt),
            Place::Web => Err(FetchError::refused("list of files", "a server does not list its files")),
        }
    }

    /// Decides where `uri` is read, or refuses it.
    pub(crate) fn plan(&self, uri: &str) -> Result<Plan, FetchError> {
        let inner = &self.inner;
        match (uri::parse(uri)?, &inner.http, &inner.place) {
            (Target::Inside(inside), Some(http), Place::Web) => {
                Ok(Plan::Web(Arc::clone(http), http.address_of(uri, &inside)?))
            }
            (Target::Inside(inside), _, _) => Ok(Plan::Local(inside)),
            (Target::Web(address), Some(http), _) => {
                Ok(Plan::Web(Arc::clone(http), http.allowed(uri, address)?))
            }
            (Target::Web(_), None, _) => Err(FetchError::refused(
                uri,
                "a tileset on this machine may not read from a server unless other servers are allowed (--other-servers)",
            )),
        }
    }

    /// Reads from folder or package, on the calling thread.
    pub(crate) fn read_local(&self, inside: &InsidePath, job: &Job) -> Result<Payload, FetchError> {
        let bytes = match &self.inner.place {
            Place::Folder(folder) => folder.read(inside, job)?,
            Place::PackageDb(package) => package.read(inside, job)?,
            Place::Archive(archive) => match archive.read_job(&inside.path, job) {
                Err(FetchError::NotFound { .. }) if inside.raw_path != inside.path => {
                    archive.read_job(&inside.raw_path, job)?
                }
                result => result?,
            },
            Place::Web => return Err(job.not_found()),
        };
        let origin = match self.inner.kind {
            SourceKind::RemoteArchive => Origin::Network,
            _ => Origin::Local,
        };
        Ok(Payload { bytes: inflate::plain(bytes, job)?, origin })
    }

    /// The runtime that drives its transfers, where it has one.
    pub(crate) fn runtime(&self) -> Option<Arc<Runtime>> {
        self.inner.http.as_ref().map(|http| Arc::clone(http.runtime()))
    }
}

/// Where a uri is read.
pub(crate) enum Plan {
    Local(InsidePath),
    Web(Arc<Http>, url::Url),
}

fn runtime(what: &str) -> Result<Arc<Runtime>, OpenError> {
    Runtime::start().map(Arc::new).map_err(|error| OpenError::io(what, error))
}

fn open_error(what: &str, error: ArchiveError) -> OpenError {
    match error {
        ArchiveError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            OpenError::io(what, source)
        }
        error => OpenError::Corrupt { what: what.to_owned(), reason: error.to_string() },
    }
}

/// The folder that paths may not leave, and the path of `document` in it.
fn open_folder(document: &Path, tileset_root: Option<&Path>) -> io::Result<(Folder, String)> {
    let outside = || io::Error::new(io::ErrorKind::InvalidInput, "not inside the tileset root, or not UTF-8");
    let Some(root) = tileset_root else {
        let parent = document.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = document.file_name().and_then(|name| name.to_str()).ok_or_else(outside)?;
        return Ok((Folder::open(parent.unwrap_or(Path::new(".")))?, name.to_owned()));
    };
    let folder = Folder::open(root)?;
    let path = folder::relative_path(folder.root(), &document.canonicalize()?).ok_or_else(outside)?;
    Ok((folder, path))
}

enum FileKind {
    Zip,
    Sqlite,
    Document,
}

impl FileKind {
    /// By extension, and where that says nothing, by the first bytes.
    fn of(path: &Path) -> io::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        Ok(match extension.to_ascii_lowercase().as_str() {
            "3tz" => Self::Zip,
            "3dtiles" => Self::Sqlite,
            "json" => Self::Document,
            _ => {
                let mut magic = Vec::new();
                io::Read::read_to_end(&mut io::Read::take(std::fs::File::open(path)?, 16), &mut magic)?;
                match magic.as_slice() {
                    [b'P', b'K', 3, 4, ..] => Self::Zip,
                    magic if magic == b"SQLite format 3\0" => Self::Sqlite,
                    _ => Self::Document,
                }
            }
        })
    }
}

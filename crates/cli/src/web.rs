//! How tilesets are read from servers: the options of the command line, as `store` takes them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use store::{DiskCache, OpenOptions};

use crate::args::Web;

/// The folder in which this user's programs keep copies; `None` on a system that names none.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = if cfg!(windows) {
        of("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        of("HOME").map(|home| home.join("Library/Caches"))
    } else {
        of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")))
    };
    Some(folder?.join("hamlet").join("tiles"))
}

/// Options for opening `what`. A disk cache is opened only where something will come from a server: in the folder that
/// was asked for, else in `default_folder`. A default folder that cannot be used costs the copies, not the session.
pub(crate) fn options(web: &Web, what: &str, default_folder: Option<&Path>) -> Result<OpenOptions> {
    let authorities = web.ca_file.as_ref().map(|file| {
        std::fs::read(file).with_context(|| format!("--ca-file {} cannot be read", file.display()))
    });
    let mut options = OpenOptions {
        allow_other_origins: web.other_servers,
        headers: web.headers.clone(),
        extra_ca_pem: authorities.transpose()?.map(Into::into),
        ..OpenOptions::default()
    };
    let remote = web.other_servers
        || what
            .split_once("://")
            .is_some_and(|(scheme, _)| ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s)));
    if !remote {
        return Ok(options);
    }
    let open = |folder: &Path| {
        DiskCache::open(folder, Some(web.cache_size))
            .with_context(|| format!("the disk cache {} cannot be opened", folder.display()))
    };
    match (&web.cache, default_folder) {
        (Some(off), _) if off.as_os_str() == "off" => {}
        (Some(folder), _) => options.cache = Some(open(folder)?),
        (None, Some(folder)) => match open(folder) {
            Ok(cache) => options.cache = Some(cache),
            Err(error) => eprintln!("hamlet: {error:#}; nothing is kept"),
        },
        (None, None) => {}
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(cache: Option<&Path>) -> Web {
        Web {
            cache: cache.map(Path::to_owned),
            cache_size: 1 << 20,
            other_servers: false,
            headers: Vec::new(),
            ca_file: None,
        }
    }

    #[test]
    fn a_cache_is_opened_where_asked_and_only_for_servers() {
        let folder = tempfile::tempdir().unwrap();
        let (asked, default) = (folder.path().join("asked"), folder.path().join("default"));
        let address = "HTTP://127.0.0.1:1/tileset.json";
        assert!(options(&web(Some(&asked)), "local.3tz", Some(&default)).unwrap().cache.is_none());
        assert!(options(&web(Some(Path::new("off"))), address, Some(&default)).unwrap().cache.is_none());
        assert!(options(&web(None), address, None).unwrap().cache.is_none());
        assert!(!asked.exists() && !default.exists());
        let cache = options(&web(Some(&asked)), address, Some(&default)).unwrap().cache.unwrap();
        assert_eq!(cache.stats().max_bytes, 1 << 20);
        assert!(asked.exists() && !default.exists());
        assert!(options(&web(None), address, Some(&default)).unwrap().cache.is_some() && default.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error_only_if_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let inside = file.path().join("cache");
        let address = "https://127.0.0.1:1/";
        assert!(options(&web(Some(&inside)), address, None).is_err());
        assert!(options(&web(None), address, Some(&inside)).unwrap().cache.is_none());
    }
}

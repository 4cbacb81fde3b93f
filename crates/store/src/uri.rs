//! What a uri may name: a path inside the source, or an `http(s)` address. Everything else is refused here.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::FetchError;

/// Characters that stand for themselves in a path segment (RFC 3986 `unreserved` and harmless `sub-delims`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b',')
    .remove(b'/');

/// A checked uri.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Inside(InsidePath),
    Web(Url),
}

/// A path that stays inside the source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InsidePath {
    /// Decoded and free of `.`, `..` and empty segments.
    pub(crate) path: String,
    /// As written, without query: for files whose very name looks percent-encoded.
    pub(crate) raw_path: String,
    /// As written, without `?`.
    pub(crate) query: Option<String>,
}

/// The decoded path that `uri` names inside its source, if it names one.
pub fn decoded_path(uri: &str) -> Option<String> {
    match parse(uri) {
        Ok(Target::Inside(inside)) => Some(inside.path),
        _ => None,
    }
}

/// The uri of a decoded `path` inside a source.
pub fn encoded_path(path: &str) -> String {
    utf8_percent_encode(path, SEGMENT).to_string()
}

pub(crate) fn parse(uri: &str) -> Result<Target, FetchError> {
    let refuse = |reason: &str| Err(FetchError::refused(uri, reason));
    if let Some(scheme) = scheme(uri) {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => match Url::parse(uri) {
                Ok(url) if url.has_host() => Ok(Target::Web(url)),
                _ => refuse("not a valid address"),
            },
            other => refuse(&format!("the scheme `{other}` is not read, only paths, http and https")),
        };
    }
    if uri.starts_with('/') {
        return refuse("an absolute path; only paths inside the tileset are read");
    }
    let without_fragment = uri.split_once('#').map_or(uri, |(before, _)| before);
    let (raw_path, query) = match without_fragment.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (without_fragment, None),
    };
    let path = match normalize(raw_path, true) {
        Ok(path) => path,
        Err(reason) => return refuse(reason),
    };
    // The name as written is checked by the same rules, because it may be tried as a file name too.
    let raw_path = match normalize(raw_path, false) {
        Ok(path) => path,
        Err(reason) => return refuse(reason),
    };
    Ok(Target::Inside(InsidePath { path, raw_path, query }))
}

/// RFC 3986 §3.1, where a scheme ends before the first `/`, `?` or `#`.
fn scheme(uri: &str) -> Option<&str> {
    let end = uri.find([':', '/', '?', '#'])?;
    let (scheme, rest) = uri.split_at(end);
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (rest.starts_with(':') && valid).then_some(scheme)
}

fn normalize(raw: &str, decode: bool) -> Result<String, &'static str> {
    let mut segments = Vec::new();
    for raw_segment in raw.split('/') {
        let decoded = percent_decode_str(raw_segment).decode_utf8();
        // Bytes that are no UTF-8 once decoded can only be meant literally.
        let segment = match &decoded {
            Ok(decoded) if decode => decoded.as_ref(),
            _ => raw_segment,
        };
        if segment.contains('\\') {
            return Err("a path with a backslash");
        }
        if segment.contains('/') || segment.contains('\0') {
            return Err("a path with an encoded separator or a zero byte");
        }
        if cfg!(windows)
            && (segment.contains(':') || segment.ends_with(['.', ' ']) && !segment.starts_with('.'))
        {
            return Err("a name that Windows reads differently");
        }
        match segment {
            "" | "." => {}
            ".." => {
                if segments.pop().is_none() {
                    return Err("a path that leaves the tileset");
                }
            }
            name => segments.push(name.to_owned()),
        }
    }
    if segments.is_empty() {
        return Err("an empty path");
    }
    Ok(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_normalized() {
        for (uri, path) in [
            ("a/b.b3dm?x=1#f", "a/b.b3dm"),
            ("./Tile_+000_+000/x%20y.json", "Tile_+000_+000/x y.json"),
            ("a//b/../c.glb", "a/c.glb"),
            ("%E6%9D%91/1.glb", "村/1.glb"),
            ("村/1.glb", "村/1.glb"),
            ("100%.b3dm", "100%.b3dm"),
            ("a/%D6%D0.b3dm", "a/%D6%D0.b3dm"),
            ("x/a:b.glb", "x/a:b.glb"),
        ] {
            assert_eq!(decoded_path(uri).as_deref(), Some(path), "{uri}");
        }
        assert_eq!(encoded_path("村/x y+1.json"), "%E6%9D%91/x%20y+1.json");
    }

    #[test]
    fn what_leaves_the_tileset_is_refused() {
        for uri in [
            "../x",
            "a/../../x",
            "%2e%2e/x",
            "a/%2E%2E/%2e./x",
            ".%2e/x",
            "/etc/passwd",
            "//host/x",
            "a\\b",
            "..\\x",
            "a%5Cb",
            "a%2fb",
            "..%2fx",
            "%00",
            "",
            ".",
            "a/..",
            "?x",
            "file:///etc/passwd",
            "FILE:x",
            "ftp://h/x",
            "C:\\x",
            "c:/x",
            "javascript:x",
            "data:,x",
            "http://",
            "https:///",
        ] {
            assert!(matches!(parse(uri), Err(FetchError::Refused { .. })), "{uri}: {:?}", parse(uri));
        }
    }

    #[test]
    fn addresses_are_told_from_paths() {
        assert!(matches!(parse("HTTPS://h.example/a/../b"), Ok(Target::Web(url)) if url.path() == "/b"));
    }
}

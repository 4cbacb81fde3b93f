//! Resolving references between the files of a tileset (RFC 3986, the part that tilesets use).
//!
//! A uri here is either a path relative to the root of the source (`a/b.b3dm?x=1`, `/` separators, still
//! percent-encoded) or an absolute one with a scheme. `..` that would leave the root is kept, so that `store` refuses it.

/// Resolves `reference`, found in the document at `base` (RFC 3986 §5.2.2).
///
/// Both may be relative paths; a base without a scheme stays without one. `data:` references come back untouched,
/// percent-encoding and query are kept, backslashes in paths count as `/` (tools on Windows write them). The fragment
/// of the reference is kept, that of the base is not.
pub fn resolve(base: &str, reference: &str) -> String {
    let reference = reference.trim_matches(|c: char| c.is_ascii_whitespace());
    if scheme_of(reference)
        .is_some_and(|s| !s.eq_ignore_ascii_case("http") && !s.eq_ignore_ascii_case("https"))
    {
        return reference.to_owned();
    }
    let base = base.replace('\\', "/");
    let (reference_head, reference_tail) = split_at_any(reference, &['?', '#']);
    let reference_path = reference_head.replace('\\', "/");
    let base = Parts::of(&base);
    let reference = Parts { ..Parts::of_head(&reference_path, reference_tail) };

    let mut resolved = String::with_capacity(base.path.len() + reference.path.len() + 32);
    let (scheme, authority, path, query);
    if reference.scheme.is_some() {
        (scheme, authority) = (reference.scheme, reference.authority);
        (path, query) = (without_dots(reference.path, true), reference.query);
    } else if reference.authority.is_some() {
        (scheme, authority) = (base.scheme, reference.authority);
        (path, query) = (without_dots(reference.path, true), reference.query);
    } else {
        (scheme, authority) = (base.scheme, base.authority);
        let rooted = scheme.is_some() || authority.is_some();
        if reference.path.is_empty() {
            (path, query) = (base.path.to_owned(), reference.query.or(base.query));
        } else if reference.path.starts_with('/') {
            (path, query) = (without_dots(reference.path, rooted), reference.query);
        } else {
            (path, query) = (without_dots(&merged(&base, reference.path), rooted), reference.query);
        }
    }
    if let Some(scheme) = scheme {
        resolved.push_str(scheme);
        resolved.push(':');
    }
    if let Some(authority) = authority {
        resolved.push_str("//");
        resolved.push_str(authority);
    }
    resolved.push_str(&path);
    if let Some(query) = query {
        resolved.push('?');
        resolved.push_str(query);
    }
    if let Some(fragment) = reference.fragment {
        resolved.push('#');
        resolved.push_str(fragment);
    }
    resolved
}

/// [`resolve`] for many references in one document.
#[derive(Clone, Debug)]
pub struct Resolver<'a> {
    base: &'a str,
    /// The base up to its last `/`, if nothing in it needs attention.
    plain_folder: Option<&'a str>,
}

impl<'a> Resolver<'a> {
    /// For the document at `base`.
    pub fn new(base: &'a str) -> Self {
        let folder = base.rfind('/').map_or("", |slash| &base[..=slash]);
        let plain_folder = (is_plain(folder) && !base.contains(['?', '#', '\\', ':'])).then_some(folder);
        Self { base, plain_folder }
    }

    /// The document.
    pub fn base(&self) -> &'a str {
        self.base
    }

    /// As [`resolve`].
    pub fn resolve(&self, reference: &str) -> String {
        match self.plain_folder {
            Some(folder) if is_plain(reference) && !reference.is_empty() && !reference.starts_with('/') => {
                format!("{folder}{reference}")
            }
            _ => resolve(self.base, reference),
        }
    }
}

/// A path that resolution only appends: no scheme, query, fragment, dots or spaces to be taken care of.
fn is_plain(path: &str) -> bool {
    !path.starts_with("//")
        && path.split('/').all(|segment| segment != "." && segment != "..")
        && !path.bytes().any(|b| matches!(b, b':' | b'?' | b'#' | b'\\') || b.is_ascii_whitespace())
}

/// The path of a uri: without query and fragment (`data:` uris have none).
pub fn path_of(uri: &str) -> &str {
    if is_data(uri) { "" } else { split_at_any(uri, &['?', '#']).0 }
}

/// Whether it is a `data:` uri.
pub fn is_data(uri: &str) -> bool {
    uri.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("data:"))
}

/// Whether the path ends in `.extension` (given without the dot), ignoring case.
pub fn has_extension(uri: &str, extension: &str) -> bool {
    path_of(uri)
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

/// The scheme, if the text starts with one (RFC 3986 §3.1).
pub fn scheme_of(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    let mut letters = scheme.bytes();
    let first_is_letter = letters.next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest_is_fine = letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (first_is_letter && rest_is_fine).then_some(scheme)
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(uri: &'a str) -> Self {
        let (head, tail) = split_at_any(uri, &['?', '#']);
        Self::of_head(head, tail)
    }

    fn of_head(head: &'a str, tail: &'a str) -> Self {
        let (query, fragment) = match tail.split_once('#') {
            Some((query, fragment)) => (query.strip_prefix('?'), Some(fragment)),
            None => (tail.strip_prefix('?'), None),
        };
        let scheme = scheme_of(head);
        let rest = scheme.map_or(head, |s| &head[s.len() + 1..]);
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = split_at_any(rest, &['/']);
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query, fragment }
    }
}

fn split_at_any<'a>(text: &'a str, separators: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(separators).unwrap_or(text.len()))
}

fn merged(base: &Parts<'_>, path: &str) -> String {
    if base.authority.is_some() && base.path.is_empty() {
        return format!("/{path}");
    }
    match base.path.rfind('/') {
        Some(slash) => format!("{}{path}", &base.path[..=slash]),
        None => path.to_owned(),
    }
}

/// RFC 3986 §5.2.4; in a path that is not rooted at an authority, leading `..` stay.
fn without_dots(path: &str, rooted: bool) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_directory = false;
    for segment in path.split('/').skip(usize::from(absolute)) {
        ends_in_directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            _ => kept.push(segment),
        }
    }
    let mut result = String::with_capacity(path.len());
    if absolute {
        result.push('/');
    }
    result.push_str(&kept.join("/"));
    if ends_in_directory && !kept.is_empty() && kept.last() != Some(&"") {
        result.push('/');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986 §5.4.1 and §5.4.2 (strict), those that concern http paths.
    #[test]
    fn resolves_the_examples_of_the_rfc() {
        let base = "http://a/b/c/d;p?q";
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/./x", "http://a/b/c/g#s/./x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
        ] {
            assert_eq!(resolve(base, reference), expected, "{reference:?}");
        }
    }

    #[test]
    fn resolves_against_relative_bases() {
        for (base, reference, expected) in [
            ("tileset.json", "a.b3dm", "a.b3dm"),
            ("", "a.b3dm", "a.b3dm"),
            ("a/tileset.json", "", "a/tileset.json"),
            ("a/../b/tileset.json", "c", "b/c"),
            ("/a/t.json", "c d/e", "/a/c d/e"),
            ("/a/t.json", "c/.d/..e/f.", "/a/c/.d/..e/f."),
            ("a/tileset.json", "b/c.glb?x=1#y", "a/b/c.glb?x=1#y"),
            ("a/b/tileset.json?v=2", "../c.glb", "a/c.glb"),
            ("a/tileset.json", "./c.glb", "a/c.glb"),
            ("a/tileset.json", "../../c.glb", "../c.glb"),
            ("../tileset.json", "../c.glb", "../../c.glb"),
            ("a/tileset.json", "/c.glb", "/c.glb"),
            ("a/tileset.json", "//host/c.glb", "//host/c.glb"),
            ("a/tileset.json", "http://host/x/../c.glb", "http://host/c.glb"),
            ("a/tileset.json", "https://host", "https://host"),
            ("a/tileset.json", "data:;base64,AA==#?", "data:;base64,AA==#?"),
            ("a/tileset.json", "%2e%2e/%E6%9D%91.glb", "a/%2e%2e/%E6%9D%91.glb"),
            ("a/tileset.json", "Data\\Tile_+000\\x.b3dm", "a/Data/Tile_+000/x.b3dm"),
            ("村/tileset.json", "景.glb", "村/景.glb"),
            ("http://h", "a.glb", "http://h/a.glb"),
            ("http://h/t.json?token=1", "a.glb?b", "http://h/a.glb?b"),
            ("a/tileset.json", "..", ""),
            ("a/b/tileset.json", ".", "a/b/"),
        ] {
            assert_eq!(resolve(base, reference), expected, "{reference:?} at {base:?}");
            assert_eq!(Resolver::new(base).resolve(reference), expected, "{reference:?} at {base:?}");
        }
    }

    #[test]
    fn tells_extensions_from_queries() {
        assert!(has_extension("a/b.JSON?x=.glb#y.glb", "json"));
        assert!(!has_extension("a.json/b", "json"));
        assert!(!has_extension("a.geojson", "json"));
        assert!(!has_extension("data:application/json,{}.json", "json"));
        assert_eq!(path_of("a?b#c"), "a");
    }
}

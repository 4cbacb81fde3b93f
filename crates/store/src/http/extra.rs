//! Headers that go with every request to the server that was opened.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::client::Origins;

/// A request header, such as a token. Its value does not show in debug output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: HeaderValue,
}

/// Why something is no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a header: {0}")]
pub struct InvalidHeader(String);

impl Header {
    /// A header. The value may hold any visible character of ASCII, spaces between them, and bytes above ASCII.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| InvalidHeader(format!("`{name}` is no name of a header")))?;
        // These say how a transfer works, which is not for users to decide.
        let is_reserved =
            ["host", "content-length", "transfer-encoding", "connection", "range", "te", "upgrade"]
                .contains(&name.as_str());
        if is_reserved {
            return Err(InvalidHeader(format!("`{name}` is set by the transfer itself")));
        }
        let mut value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
            InvalidHeader(format!("the value of `{name}` holds a character that none may hold"))
        })?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    /// `Name: value`, as people write it.
    pub fn parse(text: &str) -> Result<Self, InvalidHeader> {
        let (name, value) =
            text.split_once(':').ok_or_else(|| InvalidHeader("`Name: value` is expected".to_owned()))?;
        Self::new(name, value)
    }

    /// `Authorization: Bearer …` (RFC 6750).
    pub fn bearer(token: &str) -> Result<Self, InvalidHeader> {
        Self::new(AUTHORIZATION.as_str(), &format!("Bearer {}", token.trim()))
    }
}

/// The headers, and the server that gets them.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    headers: HeaderMap,
    own: Option<Origins>,
}

impl Secrets {
    /// For the server of `address`; without an address nobody gets them.
    pub(crate) fn new(headers: &[Header], address: Option<&Url>) -> Self {
        let mut map = HeaderMap::new();
        for Header { name, value } in headers {
            map.append(name, value.clone());
        }
        Self { headers: map, own: address.cloned().map(Origins::Only) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Whether a request to `address` may carry them.
    pub(crate) fn may_go_to(&self, address: &Url) -> bool {
        self.own.as_ref().is_some_and(|own| own.check(address).is_ok())
    }

    /// What a request to `address` carries.
    pub(crate) fn headers_for(&self, address: &Url) -> HeaderMap {
        if self.may_go_to(address) { self.headers.clone() } else { HeaderMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_checked_and_hidden() {
        let header = Header::bearer(" s3cret ").unwrap();
        assert_eq!(Header::parse("authorization: Bearer s3cret").unwrap(), header);
        assert!(!format!("{header:?}").contains("s3cret"), "{header:?}");
        for wrong in ["no colon", "a b: c", "X-A: a\nb", ": c", "Host: other", "Content-Length: 3"] {
            assert!(Header::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_own_server_gets_them() {
        let url = |text: &str| Url::parse(text).unwrap();
        let own = url("http://a.example/t/tileset.json");
        let secrets = Secrets::new(&[Header::new("X-Key", "1").unwrap()], Some(&own));
        for (address, goes) in [
            ("http://a.example/else", true),
            ("https://a.example/else", true),
            ("http://a.example:81/else", false),
            ("http://b.example/else", false),
            ("http://x.a.example/else", false),
        ] {
            assert_eq!(secrets.headers_for(&url(address)).len(), usize::from(goes), "{address}");
        }
        assert!(!Secrets::new(&[], None).may_go_to(&own));
    }
}

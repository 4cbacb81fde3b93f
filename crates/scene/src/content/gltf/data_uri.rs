//! `data:` URIs (RFC 2397), as glTF uses them for buffers and images.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The data of a `data:` URI; `None` if `uri` has another scheme.
pub(super) fn decode(uri: &str) -> Option<Result<Bytes, String>> {
    let rest = strip_scheme(uri)?;
    let Some((header, body)) = rest.split_once(',') else {
        return Some(Err("a data: URI without a comma".into()));
    };
    if header.rsplit(';').next().is_some_and(|p| p.eq_ignore_ascii_case("base64")) {
        let data = BASE64.decode(body.trim().as_bytes());
        return Some(data.map(Bytes::from).map_err(|e| format!("data: URI is not base64: {e}")));
    }
    Some(Ok(Bytes::from(percent_decode(body.as_bytes()))))
}

/// Whether this is a `data:` URI.
pub(super) fn is_data(uri: &str) -> bool {
    strip_scheme(uri).is_some()
}

fn strip_scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_at_checked(5)?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(value) if byte == b'%' => {
                out.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

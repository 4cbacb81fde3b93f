//! The outer layer: GLB 2.0 header and chunks (glTF 2.0, section 4.4), or plain JSON.

use bytes::Bytes;

use crate::content::{ContentError, ContentErrorKind};

const HEADER_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;
const CHUNK_JSON: u32 = 0x4E4F_534A;
const CHUNK_BIN: u32 = 0x004E_4942;

/// The parts of a glTF file: its JSON text and, in a GLB, the binary chunk.
pub(super) struct Container {
    pub(super) json: Bytes,
    pub(super) bin: Option<Bytes>,
}

fn fail(kind: ContentErrorKind, uri: &str, byte: usize, reason: String) -> ContentError {
    ContentError { kind, file: uri.into(), place: format!("byte {byte}"), reason }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// Splits a file without copying it.
pub(super) fn split(bytes: &Bytes, uri: &str) -> Result<Container, ContentError> {
    if bytes.starts_with(b"glTF") {
        return split_glb(bytes, uri);
    }
    let start = if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) { 3 } else { 0 };
    let first = bytes.get(start..).unwrap_or_default().iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'{') {
        return Ok(Container { json: bytes.slice(start..), bin: None });
    }
    let magic = bytes.get(..4).unwrap_or(bytes).escape_ascii();
    Err(fail(
        ContentErrorKind::UnknownFormat,
        uri,
        0,
        format!("neither GLB nor glTF JSON: starts with \"{magic}\""),
    ))
}

fn split_glb(bytes: &Bytes, uri: &str) -> Result<Container, ContentError> {
    use ContentErrorKind::{Invalid, Truncated, Unsupported};
    let (Some(version), Some(length)) = (u32_at(bytes, 4), u32_at(bytes, 8)) else {
        let reason = format!("GLB header needs {HEADER_LEN} bytes, {} are there", bytes.len());
        return Err(fail(Truncated, uri, 0, reason));
    };
    if version != 2 {
        let reason =
            format!("GLB version {version}; only version 2 (glTF 2.0) is read: export the model as glTF 2.0");
        return Err(fail(Unsupported, uri, 4, reason));
    }
    let length = length as usize;
    if length > bytes.len() {
        let reason = format!("GLB declares {length} bytes, {} are there", bytes.len());
        return Err(fail(Truncated, uri, 8, reason));
    }
    let mut at = HEADER_LEN;
    let mut json = None;
    let mut bin = None;
    // Fewer bytes than a chunk header after the last chunk are padding of the outer container.
    while length.saturating_sub(at) >= CHUNK_HEADER_LEN {
        let (Some(chunk_len), Some(kind)) = (u32_at(bytes, at), u32_at(bytes, at + 4)) else { break };
        let start = at + CHUNK_HEADER_LEN;
        let end = start.saturating_add(chunk_len as usize);
        if end > length {
            if json.is_some() && bin.is_some() {
                break;
            }
            let reason = format!("chunk declares {chunk_len} bytes, {} are left in the GLB", length - start);
            return Err(fail(Truncated, uri, at, reason));
        }
        match kind {
            CHUNK_JSON if json.is_none() => json = Some(bytes.slice(start..end)),
            CHUNK_BIN if bin.is_none() && json.is_some() => bin = Some(bytes.slice(start..end)),
            _ if json.is_none() => {
                return Err(fail(Invalid, uri, at, "the first chunk is not JSON".into()));
            }
            _ => {}
        }
        // Some writers do not pad chunks to four bytes; their next chunk starts right after.
        at = end;
    }
    let json = json.ok_or_else(|| fail(Truncated, uri, HEADER_LEN, "no JSON chunk".into()))?;
    Ok(Container { json, bin })
}

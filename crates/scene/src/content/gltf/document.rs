//! A parsed glTF with its buffers, and checked access to views and accessors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gltf::json;
use serde::Deserialize;

use super::{container, data_uri, meshopt, raw};
use crate::content::{ContentError, ContentErrorKind, DecodeContext, Warning};

/// Memory that views may decompress to before a budget is known.
const DEFAULT_BUDGET: u64 = 1 << 30;

/// A glTF file: the raw mirror of its JSON (extensions that the mirror has no type for are in `extensions.others`),
/// its buffers, and its buffer views decompressed on first use.
pub struct Document {
    /// The JSON as written. Indices in it are not checked.
    pub json: json::Root,
    /// What was wrong with the JSON but did not prevent reading it.
    pub warnings: Vec<Warning>,
    uri: String,
    nodes: Vec<NodeTransform>,
    buffers: Vec<Option<Bytes>>,
    views: Vec<OnceLock<Result<Bytes, ContentError>>>,
    resources: HashMap<String, Bytes>,
    budget: u64,
    decompressed: AtomicU64,
}

/// Local transforms as written. The typed mirror keeps them in f32, which is half a metre at Earth-centred coordinates.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct NodeTransform {
    #[serde(default)]
    pub(super) matrix: Option<[f64; 16]>,
    #[serde(default)]
    pub(super) translation: Option<[f64; 3]>,
    #[serde(default)]
    pub(super) rotation: Option<[f64; 4]>,
    #[serde(default)]
    pub(super) scale: Option<[f64; 3]>,
}

#[derive(Deserialize)]
struct Nodes {
    #[serde(default)]
    nodes: Vec<NodeTransform>,
}

impl Document {
    /// Parses a GLB or glTF JSON file; embedded buffers (binary chunk, `data:` URIs) are ready, external ones come
    /// with [`Document::set_resources`].
    ///
    /// # Errors
    /// Not glTF 2.0, truncated, or JSON that does not follow the schema.
    pub fn parse(bytes: &Bytes, uri: &str) -> Result<Self, ContentError> {
        let container::Container { json: text, bin } = container::split(bytes, uri)?;
        let mut warnings = Vec::new();
        let json = raw::parse(&text, uri, &mut warnings)?;
        let nodes = if json.nodes.is_empty() {
            Vec::new()
        } else {
            serde_json::from_slice::<Nodes>(raw::trim_padding(&text)).map(|n| n.nodes).unwrap_or_default()
        };
        let mut document = Self {
            buffers: Vec::with_capacity(json.buffers.len()),
            views: json.buffer_views.iter().map(|_| OnceLock::new()).collect(),
            uri: uri.into(),
            nodes,
            warnings,
            json,
            resources: HashMap::new(),
            budget: DEFAULT_BUDGET,
            decompressed: AtomicU64::new(0),
        };
        for (i, buffer) in document.json.buffers.iter().enumerate() {
            let data = match &buffer.uri {
                None if i == 0 => bin.clone(),
                None => None,
                Some(uri) => match data_uri::decode(uri) {
                    None => None,
                    Some(Ok(data)) => Some(data),
                    Some(Err(reason)) => {
                        return Err(document.error(
                            ContentErrorKind::Invalid,
                            format!("/buffers/{i}/uri"),
                            reason,
                        ));
                    }
                },
            };
            document.buffers.push(data);
        }
        Ok(document)
    }

    /// Takes external buffers and images from the context, and its budget for decompressed views.
    pub fn set_resources(&mut self, context: &DecodeContext) {
        self.budget = context.budget_bytes;
        self.resources = context.resources.clone();
        for i in 0..self.buffers.len() {
            let uri = self.json.buffers.get(i).and_then(|b| b.uri.as_deref());
            let data = uri.and_then(|uri| self.resource(uri).cloned());
            if let (Some(slot @ None), data) = (self.buffers.get_mut(i), data) {
                *slot = data;
            }
        }
    }

    /// The supplied bytes of a file that this one refers to.
    pub(super) fn resource(&self, reference: &str) -> Option<&Bytes> {
        if data_uri::is_data(reference) {
            return None;
        }
        self.resources.get(&crate::uri::resolve(&self.uri, reference))
    }

    /// Uri of the file.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Bytes that compressed buffer views may take once decompressed.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    pub(super) fn node_transform(&self, node: usize) -> NodeTransform {
        self.nodes.get(node).cloned().unwrap_or_default()
    }

    /// An error in this file.
    pub fn error(
        &self,
        kind: ContentErrorKind,
        place: impl Into<String>,
        reason: impl Into<String>,
    ) -> ContentError {
        ContentError { kind, file: self.uri.clone(), place: place.into(), reason: reason.into() }
    }

    pub(super) fn invalid(&self, place: impl Into<String>, reason: impl Into<String>) -> ContentError {
        self.error(ContentErrorKind::Invalid, place, reason)
    }

    /// A warning about this file.
    pub fn warning(&self, place: impl Into<String>, reason: impl Into<String>) -> Warning {
        Warning { file: self.uri.clone(), place: place.into(), reason: reason.into() }
    }

    /// All bytes of buffer `index`.
    ///
    /// # Errors
    /// No such buffer, or its external file was not supplied.
    pub fn buffer(&self, index: usize) -> Result<&Bytes, ContentError> {
        let place = format!("/buffers/{index}");
        match self.buffers.get(index) {
            None => {
                let reason = format!("buffer {index} of {}", self.buffers.len());
                Err(self.invalid(place, reason))
            }
            Some(Some(bytes)) => Ok(bytes),
            Some(None) => {
                let uri = self.json.buffers.get(index).and_then(|b| b.uri.as_deref());
                let reason = match uri {
                    Some(uri) => format!("the file is missing: {uri}"),
                    None => "a buffer without uri, and no binary chunk".into(),
                };
                Err(self.error(ContentErrorKind::MissingResource, place, reason))
            }
        }
    }

    /// Bytes `offset..offset + length` of a buffer, checked.
    pub(super) fn slice(
        &self,
        buffer: usize,
        offset: u64,
        length: u64,
        place: &str,
    ) -> Result<Bytes, ContentError> {
        let data = self.buffer(buffer)?;
        let end = offset.checked_add(length).filter(|&end| end <= data.len() as u64);
        match end {
            Some(end) => Ok(data.slice(offset as usize..end as usize)),
            None => {
                let reason =
                    format!("bytes {offset}+{length} of buffer {buffer}, which has {} bytes", data.len());
                Err(self.error(ContentErrorKind::Truncated, place, reason))
            }
        }
    }

    /// Bytes of a buffer view, decompressed where `EXT_meshopt_compression` says so.
    ///
    /// # Errors
    /// No such view, outside its buffer, buffer missing, decompression fails or exceeds the budget.
    pub fn buffer_view(&self, index: usize) -> Result<Cow<'_, [u8]>, ContentError> {
        self.view(index).map(|bytes| Cow::Borrowed(&bytes[..]))
    }

    /// As [`Document::buffer_view`], sharing the memory of the file.
    ///
    /// # Errors
    /// As [`Document::buffer_view`].
    pub fn buffer_view_bytes(&self, index: usize) -> Result<Bytes, ContentError> {
        self.view(index).cloned()
    }

    fn view(&self, index: usize) -> Result<&Bytes, ContentError> {
        let (Some(view), Some(cell)) = (self.json.buffer_views.get(index), self.views.get(index)) else {
            let reason = format!("buffer view {index} of {}", self.views.len());
            return Err(self.invalid(format!("/bufferViews/{index}"), reason));
        };
        let resolved = cell.get_or_init(|| {
            let place = format!("/bufferViews/{index}");
            if let Some(compression) = meshopt::compression(view) {
                return meshopt::decompress(self, compression, &place);
            }
            let offset = view.byte_offset.unwrap_or_default().0;
            self.slice(view.buffer.value(), offset, view.byte_length.0, &place)
        });
        resolved.as_ref().map_err(Clone::clone)
    }

    /// Counts memory about to be taken for a decompressed view against the budget.
    pub(super) fn reserve(&self, bytes: u64, place: &str) -> Result<(), ContentError> {
        let before = self.decompressed.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.budget {
            return Ok(());
        }
        let reason =
            format!("decompresses to {bytes} bytes, {} are allowed", self.budget.saturating_sub(before));
        Err(self.error(ContentErrorKind::OverBudget, place, reason))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("uri", &self.uri).finish_non_exhaustive()
    }
}

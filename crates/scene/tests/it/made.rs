//! Small glTF files made in the test.

use base64::Engine as _;
use bytes::Bytes;
use scene::content::{self, ContentError, DecodeContext, TileContent, Warning};
use serde_json::{Value, json};

use crate::support::context;

pub(crate) const U8: u32 = 5121;
pub(crate) const I8: u32 = 5120;
pub(crate) const U16: u32 = 5123;
pub(crate) const I16: u32 = 5122;
pub(crate) const U32: u32 = 5125;
pub(crate) const F32: u32 = 5126;

/// A glTF under construction: one buffer, views and accessors appended to it.
pub(crate) struct Model {
    pub(crate) json: Value,
    pub(crate) bin: Vec<u8>,
}

impl Model {
    /// No meshes; node 0 shows mesh 0.
    pub(crate) fn new() -> Self {
        let json = json!({
            "asset": { "version": "2.0" }, "scene": 0, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0 }],
            "meshes": [{ "primitives": [] }], "bufferViews": [], "accessors": [],
        });
        Self { json, bin: Vec::new() }
    }

    /// One triangle: (0,0,0), (1,0,0), (0,2,0).
    pub(crate) fn triangle() -> Self {
        let mut model = Self::new();
        let positions = model.floats("VEC3", &[0., 0., 0., 1., 0., 0., 0., 2., 0.]);
        model.primitive(json!({ "attributes": { "POSITION": positions } }));
        model
    }

    pub(crate) fn push(&mut self, list: &str, value: Value) -> usize {
        if self.json[list].is_null() {
            self.json[list] = json!([]);
        }
        let items = self.json[list].as_array_mut().unwrap();
        items.push(value);
        items.len() - 1
    }

    pub(crate) fn view(&mut self, bytes: &[u8]) -> usize {
        self.bin.resize(self.bin.len().next_multiple_of(4), 0);
        let offset = self.bin.len();
        self.bin.extend_from_slice(bytes);
        self.push("bufferViews", json!({ "buffer": 0, "byteOffset": offset, "byteLength": bytes.len() }))
    }

    pub(crate) fn accessor(
        &mut self,
        kind: &str,
        component: u32,
        normalized: bool,
        count: usize,
        bytes: &[u8],
    ) -> usize {
        let view = self.view(bytes);
        let accessor = json!({
            "bufferView": view, "componentType": component, "count": count, "type": kind, "normalized": normalized,
        });
        self.push("accessors", accessor)
    }

    pub(crate) fn floats(&mut self, kind: &str, values: &[f32]) -> usize {
        let per = match kind {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            _ => 4,
        };
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.accessor(kind, F32, false, values.len() / per, &bytes)
    }

    pub(crate) fn primitive(&mut self, primitive: Value) {
        self.json["meshes"][0]["primitives"].as_array_mut().unwrap().push(primitive);
    }

    /// An image in a view, a texture of it, and a material with it as base colour.
    pub(crate) fn textured_material(&mut self, image: &[u8]) -> usize {
        let view = self.view(image);
        let image = self.push("images", json!({ "bufferView": view }));
        let texture = self.push("textures", json!({ "source": image }));
        self.push(
            "materials",
            json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": texture } } }),
        )
    }

    pub(crate) fn glb(&self) -> Bytes {
        let mut json = self.json.clone();
        json["buffers"] = json!([{ "byteLength": self.bin.len() }]);
        glb(&serde_json::to_vec(&json).unwrap(), &self.bin)
    }

    pub(crate) fn gltf(&self) -> Bytes {
        let mut json = self.json.clone();
        let data = base64::engine::general_purpose::STANDARD.encode(&self.bin);
        json["buffers"] = json!([{
            "byteLength": self.bin.len(), "uri": format!("data:application/octet-stream;base64,{data}"),
        }]);
        Bytes::from(serde_json::to_vec(&json).unwrap())
    }

    pub(crate) fn decode(&self) -> Result<(TileContent, Vec<Warning>), ContentError> {
        self.decode_with(&context("a.glb"))
    }

    pub(crate) fn decode_with(
        &self,
        context: &DecodeContext,
    ) -> Result<(TileContent, Vec<Warning>), ContentError> {
        let bytes = self.glb();
        let decoded = content::decode(&bytes, context);
        if let Ok((content, _)) = &decoded {
            let (actual, bound) = (content.cost(), content::measure(&bytes, context).unwrap());
            assert!(actual.cpu_bytes <= bound.cpu_bytes, "{actual:?} {bound:?}");
            assert!(actual.gpu_bytes <= bound.gpu_bytes, "{actual:?} {bound:?}");
            assert!(actual.transient_bytes <= bound.transient_bytes, "{actual:?} {bound:?}");
        }
        decoded
    }

    /// Decodes what must decode without a complaint.
    pub(crate) fn content(&self) -> TileContent {
        let (content, warnings) = self.decode().unwrap();
        assert_eq!(warnings, []);
        content
    }
}

pub(crate) fn glb(json: &[u8], bin: &[u8]) -> Bytes {
    let mut json = json.to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut bin = bin.to_vec();
    bin.resize(bin.len().next_multiple_of(4), 0);
    let mut out = Vec::new();
    out.extend_from_slice(b"glTF");
    out.extend_from_slice(&2u32.to_le_bytes());
    out.extend_from_slice(&((12 + 8 + json.len() + 8 + bin.len()) as u32).to_le_bytes());
    for (kind, chunk) in [(0x4E4F_534Au32, &json), (0x004E_4942, &bin)] {
        out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(chunk);
    }
    Bytes::from(out)
}

//! Binary glTF 2.0 from meshes and point clouds.

mod points;

use geodesy::glam::Vec3;
use serde_json::{Map, Value, json};

use super::{
    PropertyTableInput, WriteError,
    glb_buffer::{ElementFormat, GlbBuffer, Target},
    mesh::{MeshInput, PackedMesh, Positions, Uvs, pack},
};

const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const BYTE: u32 = 5120;
const BYTE_UNSIGNED: u32 = 5121;
const FLOAT: u32 = 5126;

pub use points::PointsInput;

/// Tile space (z up) to glTF space (y up), column-major: x → x, y → −z, z → y.
const GLTF_FROM_TILE: [i32; 16] = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1];

/// How a GLB is made.
#[derive(Clone, Debug)]
pub struct GlbOptions {
    /// `KHR_materials_unlit`: photogrammetry carries its own light.
    pub unlit: bool,
    /// `KHR_mesh_quantization`: positions in 65,536 steps along the longest side of the mesh, texture coordinates
    /// within [0, 1] in 65,536 steps, normals in bytes.
    pub quantize: bool,
    /// `EXT_meshopt_compression`: vertices and indices are reordered and packed.
    pub meshopt: bool,
    /// `asset.copyright`.
    pub copyright: Option<String>,
    /// `asset.generator`.
    pub generator: Option<String>,
}

impl Default for GlbOptions {
    fn default() -> Self {
        Self { unlit: true, quantize: false, meshopt: false, copyright: None, generator: None }
    }
}

/// A material.
#[derive(Clone, Debug)]
pub struct MaterialInput<'a> {
    /// Base colour, linear, straight alpha; below 1 it blends.
    pub base_color: [f32; 4],
    /// JPEG or PNG file, written byte for byte.
    pub image: Option<&'a [u8]>,
    /// Instead of `image`: the address, relative to this file, of an image that several files share.
    pub image_uri: Option<&'a str>,
    /// Repeat the image beyond [0, 1] instead of stretching its edge.
    pub repeat: bool,
    /// Draw back faces too.
    pub double_sided: bool,
}

impl Default for MaterialInput<'_> {
    fn default() -> Self {
        Self { base_color: [1.0; 4], image: None, image_uri: None, repeat: false, double_sided: false }
    }
}

/// Collects meshes, then writes them as one GLB whose positions are z up in the frame of the tile, as 3D Tiles reads it.
#[derive(Debug)]
pub struct GlbBuilder {
    options: GlbOptions,
    buffer: GlbBuffer,
    meshes: Vec<Value>,
    nodes: Vec<Value>,
    materials: Vec<Value>,
    textures: Vec<Value>,
    images: Vec<Value>,
    samplers: Vec<Value>,
    features: Option<PropertyTableInput>,
    has_feature_ids: bool,
    /// Properties of point clouds, per property attribute.
    point_properties: Vec<Map<String, Value>>,
}

impl GlbBuilder {
    /// An empty file.
    pub fn new(options: GlbOptions) -> Self {
        Self {
            options,
            buffer: GlbBuffer::default(),
            meshes: Vec::new(),
            nodes: vec![Value::Null],
            materials: Vec::new(),
            textures: Vec::new(),
            images: Vec::new(),
            samplers: Vec::new(),
            features: None,
            has_feature_ids: false,
            point_properties: Vec::new(),
        }
    }

    /// Adds a material; returns the index that meshes name.
    pub fn add_material(&mut self, material: &MaterialInput<'_>) -> Result<usize, WriteError> {
        if !material.base_color.iter().all(|c| (0.0..=1.0).contains(c)) {
            return Err(WriteError::invalid(
                "base colour",
                format!("{:?} is not within 0..1", material.base_color),
            ));
        }
        let mut surface = json!({ "metallicFactor": 0, "roughnessFactor": 1 });
        if material.base_color != [1.0; 4] {
            surface["baseColorFactor"] = json!(material.base_color);
        }
        let image = match (material.image, material.image_uri) {
            (Some(_), Some(_)) => return Err(WriteError::invalid("image", "both embedded and by address")),
            (Some(bytes), None) => Some(self.embedded_image(bytes)?),
            (None, Some(uri)) => Some(shared_image(uri)?),
            (None, None) => None,
        };
        if let Some(image) = image {
            surface["baseColorTexture"] = json!({ "index": self.add_texture(image, material.repeat) });
        }
        let mut written = json!({ "pbrMetallicRoughness": surface });
        if material.base_color[3] < 1.0 {
            written["alphaMode"] = "BLEND".into();
        }
        if material.double_sided {
            written["doubleSided"] = true.into();
        }
        if self.options.unlit {
            written["extensions"] = json!({ "KHR_materials_unlit": {} });
        }
        self.materials.push(written);
        Ok(self.materials.len() - 1)
    }

    fn embedded_image(&mut self, image: &[u8]) -> Result<Value, WriteError> {
        let media_type = match image {
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            _ => return Err(WriteError::invalid("image", "neither JPEG nor PNG")),
        };
        let view = self.buffer.push_bytes(image);
        Ok(json!({ "bufferView": view, "mimeType": media_type }))
    }

    fn add_texture(&mut self, image: Value, repeat: bool) -> usize {
        self.images.push(image);
        let wrap = if repeat { 10_497 } else { 33_071 };
        let sampler = json!({ "magFilter": 9729, "minFilter": 9987, "wrapS": wrap, "wrapT": wrap });
        let sampler = self.samplers.iter().position(|s| *s == sampler).unwrap_or_else(|| {
            self.samplers.push(sampler);
            self.samplers.len() - 1
        });
        self.textures.push(json!({ "sampler": sampler, "source": self.images.len() - 1 }));
        self.textures.len() - 1
    }

    /// Gives the feature ids of all meshes their properties. At most once per file.
    pub fn set_features(&mut self, table: PropertyTableInput) -> Result<(), WriteError> {
        table.check()?;
        if self.features.is_some() || !self.meshes.is_empty() {
            return Err(WriteError::invalid("property table", "comes before the meshes, and only once"));
        }
        self.features = Some(table);
        Ok(())
    }

    /// Adds a mesh.
    pub fn add_mesh(&mut self, mesh: &MeshInput<'_>) -> Result<(), WriteError> {
        let Some(material) = self.materials.get(mesh.material) else {
            return Err(WriteError::invalid("material", format!("there is no material {}", mesh.material)));
        };
        if material.pointer("/pbrMetallicRoughness/baseColorTexture").is_some() && mesh.uvs.is_none() {
            return Err(WriteError::invalid("uvs", "the material has an image"));
        }
        if let (Some(table), Some(ids)) = (&self.features, mesh.feature_ids)
            && let Some(id) = ids.iter().find(|&&id| id as usize >= table.count())
        {
            return Err(WriteError::invalid(
                "feature ids",
                format!("{id} is beyond the {} rows", table.count()),
            ));
        }
        let packed = pack(mesh, self.options.quantize, self.options.meshopt)?;
        let mut attributes = Map::new();
        attributes.insert("POSITION".into(), self.push_positions(&packed.positions)?.into());
        if let Some(normals) = &packed.normals {
            attributes.insert("NORMAL".into(), self.push_normals(normals)?.into());
        }
        if let Some(uvs) = &packed.uvs {
            attributes.insert("TEXCOORD_0".into(), self.push_uvs(uvs)?.into());
        }
        let mut primitive = Map::new();
        if let Some(ids) = &packed.feature_ids {
            attributes.insert("_FEATURE_ID_0".into(), self.push_floats(ids)?.into());
            primitive.insert("extensions".into(), self.mesh_features(mesh.feature_ids.unwrap_or_default()));
            self.has_feature_ids = true;
        }
        primitive.insert("attributes".into(), Value::Object(attributes));
        primitive.insert("indices".into(), self.push_indices(&packed)?.into());
        primitive.insert("material".into(), mesh.material.into());

        let mut node = Map::new();
        node.insert("mesh".into(), self.meshes.len().into());
        if packed.translation.length_squared() > 0.0 {
            node.insert("translation".into(), json!(packed.translation.to_array()));
        }
        if packed.scale != 1.0 {
            node.insert("scale".into(), json!(vec![packed.scale; 3]));
        }
        self.nodes.push(Value::Object(node));
        self.meshes.push(json!({ "primitives": [primitive] }));
        Ok(())
    }

    /// The file.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        if self.meshes.is_empty() {
            return Err(WriteError::invalid("meshes", "there are none"));
        }
        let children: Vec<usize> = (1..self.nodes.len()).collect();
        self.nodes[0] = json!({ "matrix": GLTF_FROM_TILE, "children": children });
        let mut root = json!({
            "asset": { "version": "2.0" }, "scene": 0, "scenes": [{ "nodes": [0] }],
            "nodes": self.nodes, "meshes": self.meshes, "materials": self.materials
        });
        for (name, text) in [("copyright", &self.options.copyright), ("generator", &self.options.generator)] {
            if let Some(text) = text {
                root["asset"][name] = text.as_str().into();
            }
        }
        let mut extensions: Vec<(&str, bool)> = Vec::new();
        if self.options.unlit {
            extensions.push(("KHR_materials_unlit", false));
        }
        if self.options.quantize {
            extensions.push(("KHR_mesh_quantization", true));
        }
        if self.options.meshopt {
            extensions.push(("EXT_meshopt_compression", true));
        }
        if self.has_feature_ids {
            extensions.push(("EXT_mesh_features", false));
        }
        if let Some(table) = &self.features {
            root["extensions"] = json!({ "EXT_structural_metadata": table.write(&mut self.buffer)? });
            extensions.push(("EXT_structural_metadata", false));
        } else if let Some(metadata) = self.point_metadata() {
            root["extensions"] = json!({ "EXT_structural_metadata": metadata });
            extensions.push(("EXT_structural_metadata", false));
        }
        let lists = [
            ("textures", self.textures),
            ("images", self.images),
            ("samplers", self.samplers),
            ("bufferViews", self.buffer.views),
            ("accessors", self.buffer.accessors),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            root[name] = Value::Array(list);
        }
        for (name, only_required) in [("extensionsUsed", false), ("extensionsRequired", true)] {
            let names: Vec<&str> =
                extensions.iter().filter(|(_, r)| *r || !only_required).map(|(n, _)| *n).collect();
            if !names.is_empty() {
                root[name] = json!(names);
            }
        }
        // 3D Tiles asks for multiples of 8 where glTF asks for 4.
        let padded = self.buffer.bytes.len().next_multiple_of(8);
        self.buffer.bytes.resize(padded, 0);
        let mut buffers = vec![json!({ "byteLength": self.buffer.bytes.len() })];
        if self.buffer.fallback_len > 0 {
            buffers.push(json!({
                "byteLength": self.buffer.fallback_len, "extensions": { "EXT_meshopt_compression": { "fallback": true } }
            }));
        }
        root["buffers"] = Value::Array(buffers);
        assemble(&root, self.buffer.bytes)
    }

    fn mesh_features(&self, ids: &[u32]) -> Value {
        let mut distinct: Vec<u32> = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut set = json!({ "featureCount": distinct.len(), "attribute": 0 });
        if self.features.is_some() {
            set["propertyTable"] = 0.into();
        }
        json!({ "EXT_mesh_features": { "featureIds": [set] } })
    }

    fn push_positions(&mut self, positions: &Positions) -> Result<usize, WriteError> {
        let compress = self.options.meshopt;
        match positions {
            Positions::F32(list) => {
                let low = list.iter().fold(Vec3::INFINITY, |low, p| low.min(Vec3::from(*p)));
                let high = list.iter().fold(Vec3::NEG_INFINITY, |high, p| high.max(Vec3::from(*p)));
                let bounds = Some((json!(low.to_array()), json!(high.to_array())));
                let format =
                    ElementFormat { component_type: FLOAT, shape: "VEC3", normalized: false, bounds };
                let bytes: Vec<[u8; 12]> = list.iter().map(|p| bytemuck::cast(*p)).collect();
                self.buffer.push_stream(&bytes, format, Target::Attributes, compress)
            }
            Positions::U16(list) => {
                let bound = |pick: fn(u16, u16) -> u16, from: u16| -> [u16; 3] {
                    std::array::from_fn(|axis| list.iter().fold(from, |found, p| pick(found, p[axis])))
                };
                let bounds = Some((json!(bound(u16::min, u16::MAX)), json!(bound(u16::max, 0))));
                let format = ElementFormat {
                    component_type: UNSIGNED_SHORT,
                    shape: "VEC3",
                    normalized: false,
                    bounds,
                };
                let bytes: Vec<[u8; 8]> = list.iter().map(|p| bytemuck::cast(*p)).collect();
                self.buffer.push_stream(&bytes, format, Target::Attributes, compress)
            }
        }
    }

    fn push_normals(&mut self, normals: &[[f32; 3]]) -> Result<usize, WriteError> {
        let compress = self.options.meshopt;
        if self.options.quantize {
            let format =
                ElementFormat { component_type: BYTE, shape: "VEC3", normalized: true, bounds: None };
            let narrow = |[x, y, z]: [f32; 3]| [x, y, z, 0.0].map(|c| (c * 127.0).round() as i8);
            let bytes: Vec<[u8; 4]> = normals.iter().map(|n| bytemuck::cast(narrow(*n))).collect();
            return self.buffer.push_stream(&bytes, format, Target::Attributes, compress);
        }
        let format = ElementFormat { component_type: FLOAT, shape: "VEC3", normalized: false, bounds: None };
        let bytes: Vec<[u8; 12]> = normals.iter().map(|n| bytemuck::cast(*n)).collect();
        self.buffer.push_stream(&bytes, format, Target::Attributes, compress)
    }

    fn push_uvs(&mut self, uvs: &Uvs) -> Result<usize, WriteError> {
        let compress = self.options.meshopt;
        let format = |component_type, normalized| ElementFormat {
            component_type,
            shape: "VEC2",
            normalized,
            bounds: None,
        };
        match uvs {
            Uvs::F32(list) => {
                let bytes: Vec<[u8; 8]> = list.iter().map(|uv| bytemuck::cast(*uv)).collect();
                self.buffer.push_stream(&bytes, format(FLOAT, false), Target::Attributes, compress)
            }
            Uvs::U16(list) => {
                let bytes: Vec<[u8; 4]> = list.iter().map(|uv| bytemuck::cast(*uv)).collect();
                self.buffer.push_stream(&bytes, format(UNSIGNED_SHORT, true), Target::Attributes, compress)
            }
        }
    }

    fn push_floats(&mut self, values: &[f32]) -> Result<usize, WriteError> {
        let format =
            ElementFormat { component_type: FLOAT, shape: "SCALAR", normalized: false, bounds: None };
        let bytes: Vec<[u8; 4]> = values.iter().map(|v| v.to_le_bytes()).collect();
        self.buffer.push_stream(&bytes, format, Target::Attributes, self.options.meshopt)
    }

    fn push_indices(&mut self, mesh: &PackedMesh) -> Result<usize, WriteError> {
        let compress = self.options.meshopt;
        let format = |component_type| ElementFormat {
            component_type,
            shape: "SCALAR",
            normalized: false,
            bounds: None,
        };
        // 65,535 itself means "restart" to graphics interfaces.
        if mesh.indices.iter().all(|&i| i < u32::from(u16::MAX)) {
            let bytes: Vec<[u8; 2]> = mesh.indices.iter().map(|&i| (i as u16).to_le_bytes()).collect();
            return self.buffer.push_stream(&bytes, format(UNSIGNED_SHORT), Target::Indices, compress);
        }
        let bytes: Vec<[u8; 4]> = mesh.indices.iter().map(|i| i.to_le_bytes()).collect();
        self.buffer.push_stream(&bytes, format(UNSIGNED_INT), Target::Indices, compress)
    }
}

/// An image beside the file, by its (percent-encoded) address.
fn shared_image(uri: &str) -> Result<Value, WriteError> {
    if uri.is_empty() || uri.starts_with('/') || uri.contains([':', '\\', '?', '#']) {
        return Err(WriteError::invalid(format!("image {uri:?}"), "not a path relative to the file"));
    }
    Ok(json!({ "uri": uri }))
}

/// Header and chunks (glTF 2.0 §"GLB File Format Specification").
fn assemble(root: &Value, mut binary: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    let mut json = root.to_string().into_bytes();
    const HEADERS: usize = 12 + 8;
    json.resize((HEADERS + json.len()).next_multiple_of(8) - HEADERS, b' ');
    let total = HEADERS + json.len() + 8 + binary.len();
    let total_u32 = u32::try_from(total).map_err(|_| WriteError::TooLarge {
        what: "a GLB",
        size: total as u64,
        max: u64::from(u32::MAX),
    })?;
    let mut file = Vec::with_capacity(total);
    file.extend_from_slice(b"glTF");
    file.extend_from_slice(&2u32.to_le_bytes());
    file.extend_from_slice(&total_u32.to_le_bytes());
    file.extend_from_slice(&(json.len() as u32).to_le_bytes());
    file.extend_from_slice(b"JSON");
    file.append(&mut json);
    file.extend_from_slice(&(binary.len() as u32).to_le_bytes());
    file.extend_from_slice(b"BIN\0");
    file.append(&mut binary);
    Ok(file)
}

//! Properties that belong to vertices and texels instead of features: property attributes and property textures of
//! `EXT_structural_metadata`.

use std::sync::Arc;

use super::{Value, binary_table::BinaryColumn, schema::ClassProperty};

/// One property attribute or property texture of one primitive.
#[derive(Clone, Debug)]
pub struct PrimitiveProperties {
    /// Index into [`crate::content::TileContent::primitives`].
    pub primitive: usize,
    /// Name of the property attribute or texture, or of its class.
    pub name: String,
    /// Name of the class.
    pub class: String,
    /// The properties.
    pub properties: Vec<PointProperty>,
}

/// A property that is read at a point.
#[derive(Clone, Debug)]
pub struct PointProperty {
    /// Property id.
    pub id: String,
    /// Where its values are.
    pub source: PointSource,
}

/// Where the values of a [`PointProperty`] are.
#[derive(Clone, Debug)]
pub enum PointSource {
    /// One row per vertex.
    Vertex(BinaryColumn),
    /// In a texture.
    Texture(PropertyTexels),
}

/// A property in some channels of a texture.
#[derive(Clone, Debug)]
pub struct PropertyTexels {
    /// Type and meaning.
    pub property: Arc<ClassProperty>,
    /// Channels whose bytes, in this order, are the little-endian value.
    pub channels: Vec<u8>,
    /// Coordinates, one per vertex.
    pub uvs: Arc<Vec<[f32; 2]>>,
    /// The pixels.
    pub texels: Arc<Texels>,
    /// Wrapping of u and v: repeat (true) or clamp.
    pub repeat: [bool; 2],
    /// `offset` of the property texture.
    pub offset: Option<Value>,
    /// `scale` of the property texture.
    pub scale: Option<Value>,
}

/// Pixels as they were stored, four bytes each, row by row from the top.
#[derive(Clone, Debug)]
pub struct Texels {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// RGBA.
    pub rgba: Vec<u8>,
}

impl PointProperty {
    /// The value at a point. `nearest_vertex` is the vertex closest to it, `interpolate` gives coordinates there.
    pub fn value(&self, nearest_vertex: u32, interpolate: impl Fn(&[[f32; 2]]) -> Option<[f64; 2]>) -> Value {
        match &self.source {
            PointSource::Vertex(column) => column.value(nearest_vertex as usize),
            PointSource::Texture(texels) => {
                interpolate(&texels.uvs).map(|uv| texels.value(uv)).unwrap_or_default()
            }
        }
    }

    /// Leaves only the vertices of `kept`, in that order.
    pub(crate) fn keep_vertices(&mut self, kept: &[u32]) {
        match &mut self.source {
            PointSource::Vertex(column) => column.keep_rows(kept),
            PointSource::Texture(texels) => {
                let uv = |vertex: &u32| texels.uvs.get(*vertex as usize).copied();
                texels.uvs = Arc::new(kept.iter().filter_map(uv).collect());
            }
        }
    }
}

impl PropertyTexels {
    /// The value at coordinates: nearest texel, as values must not be mixed.
    fn value(&self, uv: [f64; 2]) -> Value {
        let x = texel(uv[0], self.texels.width, self.repeat[0]);
        let y = texel(uv[1], self.texels.height, self.repeat[1]);
        let pixel = x.zip(y).and_then(|(x, y)| {
            let index = (y as usize).checked_mul(self.texels.width as usize)?.checked_add(x as usize)?;
            self.texels.rgba.get(index.checked_mul(4)?..)?.first_chunk::<4>()
        });
        let Some(pixel) = pixel else { return Value::Null };
        let bytes =
            self.channels.iter().filter_map(|channel| pixel.get(usize::from(*channel)).copied()).collect();
        let column =
            BinaryColumn::packed(self.property.clone(), bytes, self.offset.clone(), self.scale.clone());
        column.value(0)
    }
}

/// The nearest texel of a coordinate.
pub(crate) fn texel(coordinate: f64, size: u32, repeat: bool) -> Option<u32> {
    if size == 0 || !coordinate.is_finite() {
        return None;
    }
    let coordinate = if repeat { coordinate.rem_euclid(1.0) } else { coordinate.clamp(0.0, 1.0) };
    Some(((coordinate * f64::from(size)).floor() as u32).min(size - 1))
}

/// Bytes that several sets take, what they share counted once.
pub(super) fn bytes_of(sets: &[PrimitiveProperties]) -> u64 {
    let mut seen: Vec<*const u8> = Vec::new();
    let mut first_time = |place: *const u8| {
        let new = !seen.contains(&place);
        if new {
            seen.push(place);
        }
        new
    };
    let mut bytes = 0_u64;
    for set in sets {
        bytes += (size_of::<PrimitiveProperties>() + set.name.len() + set.class.len()) as u64;
        for property in &set.properties {
            bytes += (size_of::<PointProperty>() + property.id.len()) as u64;
            match &property.source {
                PointSource::Vertex(column) => bytes += column.bytes(),
                PointSource::Texture(texels) => {
                    if first_time(Arc::as_ptr(&texels.uvs).cast()) {
                        bytes += texels.uvs.len() as u64 * 8;
                    }
                    if first_time(Arc::as_ptr(&texels.texels).cast()) {
                        bytes += texels.texels.rgba.len() as u64;
                    }
                }
            }
        }
    }
    bytes
}

//! Geometries, state sets, textures.

use std::io;

use super::{TextureImage, Writer};

/// A geometry to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Geometry {
    /// Positions.
    pub positions: Vec<[f32; 3]>,
    /// Texture coordinates, v up; as many as positions, or none.
    pub uvs: Vec<[f32; 2]>,
    /// One colour for all, where there is no texture.
    pub color: Option<[u8; 4]>,
    /// Primitives.
    pub primitives: Vec<Primitive>,
    /// Index in [`super::File::textures`].
    pub texture: Option<usize>,
}

/// A set of primitives.
#[derive(Clone, Debug, PartialEq)]
pub struct Primitive {
    /// OpenGL mode: 4 triangles, 5 strip, 6 fan, 7 quads, 8 quad strip, 9 polygon.
    pub mode: i32,
    /// Corners.
    pub corners: Corners,
}

/// Corners of primitives.
#[derive(Clone, Debug, PartialEq)]
pub enum Corners {
    /// Vertices in order: the first, and how many.
    Range(i32, i32),
    /// The first vertex, and the length of each primitive.
    Lengths(i32, Vec<i32>),
    /// Indices of one byte.
    U8(Vec<u8>),
    /// Indices of two bytes.
    U16(Vec<u16>),
    /// Indices of four bytes.
    U32(Vec<u32>),
}

impl Primitive {
    /// Triangles with indices of four bytes, as ContextCapture writes them.
    pub fn triangles(indices: Vec<u32>) -> Self {
        Self { mode: 4, corners: Corners::U32(indices) }
    }
}

/// Binding of an attribute.
const OVERALL: i32 = 1;
const PER_VERTEX: i32 = 4;

/// Values of an attribute.
#[derive(Clone, Copy)]
enum Values<'v> {
    Vec2(&'v [[f32; 2]]),
    Vec3(&'v [[f32; 3]]),
    Bytes4(&'v [u8; 4]),
}

impl Writer<'_> {
    pub(super) fn geometry(&mut self, geometry: &Geometry) -> io::Result<()> {
        let version = self.version();
        let (block, _) = self.open_object("osg::Geometry", "")?;
        // The Drawable part; from 154 on the whole of Node before it.
        if version >= 154 {
            self.node_fields(geometry.texture.filter(|_| version >= 156))?;
        }
        if version <= 155 {
            self.state_set(geometry.texture)?;
        }
        self.out.bool(false);
        self.no_objects(2);
        self.out.bool(true);
        self.out.bool(true);
        self.out.bool(false);
        if version <= 155 {
            self.no_objects(4);
        }
        if version >= 142 {
            self.out.u32(u32::MAX);
        }
        if version >= 145 {
            self.out.bool(true);
        }
        self.out.count(geometry.primitives.len())?;
        for primitive in &geometry.primitives {
            if version < 112 { self.primitive(primitive)? } else { self.primitive_object(primitive)? }
        }
        let positions = Some(Values::Vec3(&geometry.positions));
        let color = geometry.color.as_ref().map(Values::Bytes4);
        let uvs = (!geometry.uvs.is_empty()).then_some(Values::Vec2(&geometry.uvs));
        if version < 112 {
            for attribute in [positions, None, color, None, None] {
                self.out.bool(attribute.is_some());
                attribute.map_or(Ok(()), |values| self.attribute_data(values))?;
            }
            self.out.bool(uvs.is_some());
            if let Some(uvs) = uvs {
                self.out.count(1)?;
                let block = self.out.open();
                self.attribute_data(uvs)?;
                self.out.close(block);
            }
            self.out.bool(false);
            self.out.bool(true);
        } else {
            for attribute in [positions, None, color, None, None] {
                self.out.bool(attribute.is_some());
                attribute.map_or(Ok(()), |values| self.array_object(values))?;
            }
            self.out.count(usize::from(uvs.is_some()))?;
            uvs.map_or(Ok(()), |values| self.array_object(values))?;
            self.out.count(0)?;
        }
        self.out.close(block);
        Ok(())
    }

    fn values(&mut self, values: Values<'_>) {
        match values {
            Values::Vec2(list) => list.iter().flatten().for_each(|value| self.out.f32(*value)),
            Values::Vec3(list) => list.iter().flatten().for_each(|value| self.out.f32(*value)),
            Values::Bytes4(bytes) => self.out.raw(bytes),
        }
    }

    fn attribute_data(&mut self, values: Values<'_>) -> io::Result<()> {
        let outer = self.out.open();
        self.out.bool(true);
        // Arrays have a table of ids of their own; any number not used before does.
        self.out.u32(self.next_id);
        self.next_id += 1;
        let (kind, count, binding) = match values {
            Values::Vec2(list) => (15, list.len(), PER_VERTEX),
            Values::Vec3(list) => (16, list.len(), PER_VERTEX),
            Values::Bytes4(_) => (11, 1, OVERALL),
        };
        self.out.i32(kind);
        self.out.count(count)?;
        let inner = self.out.open();
        self.values(values);
        self.out.close(inner);
        self.out.bool(false);
        self.out.i32(binding);
        self.out.i32(0);
        self.out.close(outer);
        Ok(())
    }

    fn array_object(&mut self, values: Values<'_>) -> io::Result<()> {
        let (class, count, binding) = match values {
            Values::Vec2(list) => ("osg::Vec2Array", list.len(), PER_VERTEX),
            Values::Vec3(list) => ("osg::Vec3Array", list.len(), PER_VERTEX),
            Values::Bytes4(_) => ("osg::Vec4ubArray", 1, OVERALL),
        };
        let (block, _) = self.open_object(class, "")?;
        if self.version() >= 147 {
            self.buffer_object()?;
        }
        self.out.i32(binding);
        self.out.bool(false);
        self.out.bool(false);
        self.out.count(count)?;
        self.values(values);
        self.out.close(block);
        Ok(())
    }

    fn buffer_object(&mut self) -> io::Result<()> {
        self.out.bool(true);
        let (block, _) = self.open_object("osg::VertexBufferObject", "")?;
        self.out.u32(0x8892);
        self.out.u32(0x88e4);
        self.out.bool(false);
        if self.version() >= 201 {
            self.out.u32(0);
        }
        self.out.close(block);
        Ok(())
    }

    fn primitive(&mut self, primitive: &Primitive) -> io::Result<()> {
        self.out.i32(match &primitive.corners {
            Corners::Range(..) => 50,
            Corners::Lengths(..) => 51,
            Corners::U8(_) => 52,
            Corners::U16(_) => 53,
            Corners::U32(_) => 54,
        });
        self.out.i32(primitive.mode);
        if self.version() > 96 {
            self.out.u32(0);
        }
        self.corners(&primitive.corners, true)
    }

    fn primitive_object(&mut self, primitive: &Primitive) -> io::Result<()> {
        let class = match &primitive.corners {
            Corners::Range(..) => "osg::DrawArrays",
            Corners::Lengths(..) => "osg::DrawArrayLengths",
            Corners::U8(_) => "osg::DrawElementsUByte",
            Corners::U16(_) => "osg::DrawElementsUShort",
            Corners::U32(_) => "osg::DrawElementsUInt",
        };
        let (block, _) = self.open_object(class, "")?;
        if self.version() >= 147 {
            self.out.bool(false);
        }
        self.out.i32(0);
        self.out.i32(primitive.mode);
        self.corners(&primitive.corners, false)?;
        self.out.close(block);
        Ok(())
    }

    fn corners(&mut self, corners: &Corners, in_block: bool) -> io::Result<()> {
        let count = match corners {
            Corners::Range(first, count) => {
                self.out.i32(*first);
                self.out.i32(*count);
                return Ok(());
            }
            Corners::Lengths(first, list) => {
                self.out.i32(*first);
                list.len()
            }
            Corners::U8(list) => list.len(),
            Corners::U16(list) => list.len(),
            Corners::U32(list) => list.len(),
        };
        self.out.count(count)?;
        let block = in_block.then(|| self.out.open());
        match corners {
            Corners::Range(..) => {}
            Corners::Lengths(_, list) => list.iter().for_each(|value| self.out.i32(*value)),
            Corners::U8(list) => self.out.raw(list),
            Corners::U16(list) => list.iter().for_each(|value| self.out.u16(*value)),
            Corners::U32(list) => list.iter().for_each(|value| self.out.u32(*value)),
        }
        if let Some(block) = block {
            self.out.close(block);
        }
        Ok(())
    }

    /// `OPTOBJ` of the state set of a texture, shared after its first use.
    pub(super) fn state_set(&mut self, texture: Option<usize>) -> io::Result<()> {
        let Some((index, _)) = texture.and_then(|index| Some((index, self.textures.get(index)?))) else {
            self.out.bool(false);
            return Ok(());
        };
        self.out.bool(true);
        if let Some(Some(id)) = self.state_sets.get(index).copied() {
            self.out.text("osg::StateSet")?;
            let block = self.out.open();
            self.out.u32(id);
            self.out.close(block);
            return Ok(());
        }
        let (block, id) = self.open_object("osg::StateSet", "")?;
        if let Some(slot) = self.state_sets.get_mut(index) {
            *slot = Some(id);
        }
        // Modes: lighting off.
        self.out.bool(true);
        self.out.count(1)?;
        let inner = self.out.open();
        self.out.u32(0x0b50);
        self.out.i32(0);
        self.out.close(inner);
        // Attributes: a material.
        self.out.bool(true);
        self.out.count(1)?;
        let inner = self.out.open();
        self.material()?;
        self.out.i32(1);
        self.out.close(inner);
        // Texture modes of unit 0.
        self.out.bool(true);
        self.out.count(1)?;
        let inner = self.out.open();
        self.out.count(1)?;
        let modes = self.out.open();
        self.out.u32(0x0de1);
        self.out.i32(1);
        self.out.close(modes);
        self.out.close(inner);
        // Texture attributes of unit 0.
        self.out.bool(true);
        self.out.count(1)?;
        let inner = self.out.open();
        self.out.count(1)?;
        let unit = self.out.open();
        self.texture(index)?;
        self.out.i32(1);
        self.out.close(unit);
        self.out.close(inner);
        // No uniforms; default bin.
        self.out.bool(false);
        [0, 0, 0].into_iter().for_each(|value| self.out.i32(value));
        self.out.text("")?;
        self.out.bool(true);
        self.no_objects(2);
        if self.version() >= 151 {
            self.out.bool(false);
        }
        self.out.close(block);
        Ok(())
    }

    fn material(&mut self) -> io::Result<()> {
        let (block, _) = self.open_object("osg::Material", "")?;
        self.no_objects(2);
        self.out.i32(0x1603);
        for value in [0.2f32, 0.8, 0.0, 0.0] {
            self.out.bool(true);
            self.out.bool(true);
            for _ in 0..2 {
                [value, value, value, 1.0].into_iter().for_each(|channel| self.out.f32(channel));
            }
        }
        self.out.bool(true);
        self.out.bool(true);
        self.out.f32(0.0);
        self.out.f32(0.0);
        self.out.close(block);
        Ok(())
    }

    fn texture(&mut self, index: usize) -> io::Result<()> {
        let version = self.version();
        let (block, _) = self.open_object("osg::Texture2D", "")?;
        self.no_objects(2);
        for value in [0x812f, 0x812f, 0x812f, 0x2703, 0x2601] {
            self.out.bool(true);
            self.out.u32(value);
        }
        self.out.f32(1.0);
        [true, false, false, true].into_iter().for_each(|flag| self.out.bool(flag));
        (0..4).for_each(|_| self.out.f64(0.0));
        self.out.i32(0);
        self.out.i32(0);
        self.no_objects(3);
        self.out.bool(false);
        self.out.i32(0x0203);
        self.out.i32(0x1909);
        self.out.f32(0.0);
        if (95..=153).contains(&version) {
            self.out.bool(false);
        }
        if version >= 98 {
            self.out.bool(true);
            self.out.text("RGBA")?;
        }
        if version >= 155 {
            [0.0f32, -1.0, 0.0].into_iter().for_each(|value| self.out.f32(value));
        }
        self.out.bool(true);
        self.image(index)?;
        self.out.i32(0);
        self.out.i32(0);
        self.out.close(block);
        Ok(())
    }

    fn image(&mut self, index: usize) -> io::Result<()> {
        let Some(texture) = self.textures.get(index) else { return Ok(()) };
        if self.version() > 94 {
            self.out.text("osg::Image")?;
        }
        self.out.u32(self.next_id);
        self.next_id += 1;
        self.out.text(&texture.name)?;
        match &texture.image {
            TextureImage::File(bytes) => {
                self.out.i32(1);
                self.out.i32(1);
                self.out.count(bytes.len())?;
                self.out.raw(bytes);
            }
            TextureImage::Pixels { size, format, top_first, bytes } => {
                self.out.i32(1);
                self.out.i32(0);
                self.out.i32(i32::from(*top_first));
                self.out.u32(size[0]);
                self.out.u32(size[1]);
                self.out.u32(1);
                self.out.u32(*format);
                self.out.u32(*format);
                self.out.i32(0x1401);
                self.out.i32(1);
                self.out.i32(0);
                self.out.count(bytes.len())?;
                self.out.raw(bytes);
                self.out.count(0)?;
            }
            TextureImage::External => {
                self.out.i32(2);
                self.out.i32(2);
            }
        }
        self.object_fields("")
    }
}

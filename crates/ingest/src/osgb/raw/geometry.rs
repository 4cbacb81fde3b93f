//! Vertex arrays, primitive sets and geometries.

use super::{
    Array, Attribute, Component, Corners, Geometry, Handle, MIN_OBJECT_BYTES, Object, PrimitiveSet, Reader,
    Result, TRUSTED_COUNT,
    classes::{PrimitiveClass, array_type},
};

impl<'a> Reader<'a> {
    /// `osg::Geometry`, its own part.
    pub(super) fn geometry(&mut self) -> Result<Geometry> {
        if self.version() >= 112 { self.geometry_of_objects() } else { self.geometry_of_data() }
    }

    fn geometry_of_objects(&mut self) -> Result<Geometry> {
        let count = self.cursor.count(MIN_OBJECT_BYTES, "primitives")?;
        let mut geometry =
            Geometry { primitives: self.object_list(count, "primitives")?, ..Geometry::default() };
        geometry.vertices = self.attribute_object("vertices")?;
        self.attribute_object("normals")?;
        geometry.colors = self.attribute_object("colours")?;
        self.attribute_object("secondary colours")?;
        self.attribute_object("fog coordinates")?;
        let count = self.cursor.count(MIN_OBJECT_BYTES, "texture coordinates")?;
        for array in self.object_list(count, "texture coordinates")? {
            geometry.tex_coords.push(self.attribute_of(array));
        }
        let count = self.cursor.count(MIN_OBJECT_BYTES, "vertex attributes")?;
        self.object_list(count, "vertex attributes")?;
        Ok(geometry)
    }

    fn attribute_object(&mut self, field: &str) -> Result<Attribute> {
        let array = self.optional_object(field)?;
        Ok(self.attribute_of(array))
    }

    /// From version 112 on the binding is in the array.
    fn attribute_of(&self, array: Option<Handle>) -> Attribute {
        let binding = match array.and_then(|handle| self.objects.get(handle.index())) {
            Some(Object::Array(array)) => array.binding.unwrap_or(4),
            _ => 0,
        };
        Attribute { array, indices: None, binding }
    }

    fn geometry_of_data(&mut self) -> Result<Geometry> {
        // type, mode, and at least one number
        let count = self.cursor.count(12, "primitives")?;
        let mut geometry = Geometry::default();
        geometry.primitives.reserve(count);
        for _ in 0..count {
            let set = self.primitive_set()?;
            let handle = self.push(Object::Primitives(set), "primitives")?;
            geometry.primitives.push(Some(handle));
        }
        geometry.vertices = self.optional_attribute("vertices")?;
        self.optional_attribute("normals")?;
        geometry.colors = self.optional_attribute("colours")?;
        self.optional_attribute("secondary colours")?;
        self.optional_attribute("fog coordinates")?;
        geometry.tex_coords = self.optional_attributes("texture coordinates")?;
        self.optional_attributes("vertex attributes")?;
        self.cursor.bool("fast path")?;
        Ok(geometry)
    }

    fn optional_attribute(&mut self, field: &str) -> Result<Attribute> {
        match self.cursor.bool(field)? {
            true => self.attribute_block(field),
            false => Ok(Attribute::default()),
        }
    }

    fn optional_attributes(&mut self, field: &str) -> Result<Vec<Attribute>> {
        if !self.cursor.bool(field)? {
            return Ok(Vec::new());
        }
        // Two flags and two numbers at least.
        let count = self.cursor.count(10, field)?;
        let block = self.cursor.open(field)?;
        let mut list = Vec::with_capacity(count.min(TRUSTED_COUNT));
        for _ in 0..count {
            list.push(self.attribute_block(field)?);
        }
        self.cursor.close(block, field)?;
        Ok(list)
    }

    /// `BLOCK{ ARRAYDATA }`.
    fn attribute_block(&mut self, field: &str) -> Result<Attribute> {
        let block = self.cursor.open(field)?;
        let array = if self.cursor.bool(field)? { Some(self.array_data(field)?) } else { None };
        let indices = if self.cursor.bool(field)? { Some(self.array_data(field)?) } else { None };
        let binding = self.cursor.i32(field)?;
        self.cursor.i32(field)?;
        self.cursor.close(block, field)?;
        Ok(Attribute { array, indices, binding })
    }

    /// `ARRAY`, before version 112.
    fn array_data(&mut self, field: &str) -> Result<Handle> {
        let id = self.cursor.u32(field)?;
        if let Some(&shared) = self.arrays.get(&id) {
            return Ok(shared);
        }
        let kind = self.cursor.i32(field)?;
        let Some((component, width)) = array_type(kind) else {
            return Err(self.cursor.corrupt(field, format!("array type {kind} does not exist")));
        };
        let count = self.cursor.count(component.bytes() * usize::from(width), field)?;
        let block = self.cursor.open(field)?;
        let array = self.elements(component, width, count, None, field)?;
        self.cursor.close(block, field)?;
        let handle = self.push(Object::Array(array), field)?;
        self.arrays.insert(id, handle);
        Ok(handle)
    }

    fn elements(
        &mut self,
        component: Component,
        width: u8,
        count: usize,
        binding: Option<i32>,
        field: &str,
    ) -> Result<Array<'a>> {
        let width = usize::from(width);
        // `count` was checked against the rest of the file.
        let bytes = self.cursor.bytes(count * width * component.bytes(), field)?;
        Ok(Array { component, width, count, bytes, binding })
    }

    /// `osg::BufferData`.
    fn buffer_data(&mut self) -> Result<()> {
        if self.version() >= 147 {
            self.optional_object("buffer object")?;
        }
        Ok(())
    }

    pub(super) fn array_object(&mut self, component: Component, width: u8) -> Result<Object<'a>> {
        self.buffer_data()?;
        let binding = self.cursor.i32("binding")?;
        self.cursor.bool("normalize")?;
        self.cursor.bool("preserve data type")?;
        let count = self.cursor.count(component.bytes() * usize::from(width), "elements")?;
        Ok(Object::Array(self.elements(component, width, count, Some(binding), "elements")?))
    }

    pub(super) fn primitives_object(&mut self, kind: PrimitiveClass) -> Result<Object<'a>> {
        self.buffer_data()?;
        self.cursor.i32("instances")?;
        let mode = self.cursor.i32("mode")?;
        let corners = self.corners(kind, false)?;
        Ok(Object::Primitives(PrimitiveSet { mode, corners }))
    }

    fn primitive_set(&mut self) -> Result<PrimitiveSet<'a>> {
        let kind = self.cursor.i32("primitive type")?;
        let mode = self.cursor.i32("primitive mode")?;
        if self.version() > 96 {
            self.cursor.u32("primitive instances")?;
        }
        let kind = match kind {
            50 => PrimitiveClass::Arrays,
            51 => PrimitiveClass::ArrayLengths,
            52 => PrimitiveClass::Elements(1),
            53 => PrimitiveClass::Elements(2),
            54 => PrimitiveClass::Elements(4),
            other => {
                return Err(self.cursor.corrupt("primitive type", format!("{other} does not exist")));
            }
        };
        Ok(PrimitiveSet { mode, corners: self.corners(kind, true)? })
    }

    fn corners(&mut self, kind: PrimitiveClass, in_block: bool) -> Result<Corners<'a>> {
        let list = |reader: &mut Self, width: usize| {
            let count = reader.cursor.count(width, "primitive corners")?;
            if !in_block {
                return reader.cursor.bytes(count * width, "primitive corners");
            }
            let block = reader.cursor.open("primitive corners")?;
            let bytes = reader.cursor.bytes(count * width, "primitive corners")?;
            reader.cursor.close(block, "primitive corners")?;
            Ok(bytes)
        };
        Ok(match kind {
            PrimitiveClass::Arrays => {
                Corners::Range { first: self.cursor.i32("first")?, count: self.cursor.i32("count")? }
            }
            PrimitiveClass::ArrayLengths => {
                Corners::Lengths { first: self.cursor.i32("first")?, bytes: list(self, 4)? }
            }
            PrimitiveClass::Elements(width) => {
                let width = usize::from(width);
                Corners::Indices { width, bytes: list(self, width)? }
            }
        })
    }
}

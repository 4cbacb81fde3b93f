//! State sets, textures, images, materials.

use super::{
    Entry, Handle, Image, ImageData, ImageHandle, Object, Pixels, Reader, Result, StateSet, TRUSTED_COUNT,
};
use crate::osgb::OsgbErrorKind;

impl<'a> Reader<'a> {
    /// `osg::StateSet`, its own part.
    pub(super) fn state_set(&mut self) -> Result<Object<'a>> {
        let mut set = StateSet::default();
        if self.cursor.bool("modes")? {
            self.modes("modes")?;
        }
        if self.cursor.bool("attributes")? {
            set.attributes = self.attributes("attributes")?;
        }
        if self.cursor.bool("texture modes")? {
            let count = self.cursor.count(4, "texture modes")?;
            let block = self.cursor.open("texture modes")?;
            for _ in 0..count {
                self.modes("texture modes")?;
            }
            self.cursor.close(block, "texture modes")?;
        }
        if self.cursor.bool("texture attributes")? {
            let count = self.cursor.count(4, "texture attributes")?;
            let block = self.cursor.open("texture attributes")?;
            for _ in 0..count {
                let unit = self.attributes("texture attributes")?;
                set.texture_attributes.push(unit);
            }
            self.cursor.close(block, "texture attributes")?;
        }
        if self.cursor.bool("uniforms")? {
            let count = self.cursor.count(12, "uniforms")?;
            let block = self.cursor.open("uniforms")?;
            self.objects_with_values(count, "uniforms")?;
            self.cursor.close(block, "uniforms")?;
        }
        for field in ["rendering hint", "bin mode", "bin number"] {
            self.cursor.i32(field)?;
        }
        self.cursor.text("bin name")?;
        self.cursor.bool("nest bins")?;
        self.optional_object("update callback")?;
        self.optional_object("event callback")?;
        if self.version() >= 151 && self.cursor.bool("defines")? {
            let count = self.cursor.count(12, "defines")?;
            let block = self.cursor.open("defines")?;
            for _ in 0..count {
                self.cursor.text("defines")?;
                self.cursor.text("defines")?;
                self.cursor.i32("defines")?;
            }
            self.cursor.close(block, "defines")?;
        }
        Ok(Object::StateSet(set))
    }

    fn modes(&mut self, field: &str) -> Result<()> {
        let count = self.cursor.count(8, field)?;
        if count > 0 {
            let block = self.cursor.open(field)?;
            self.cursor.bytes(count * 8, field)?;
            self.cursor.close(block, field)?;
        }
        Ok(())
    }

    fn attributes(&mut self, field: &str) -> Result<Vec<Option<Handle>>> {
        let count = self.cursor.count(12, field)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let block = self.cursor.open(field)?;
        let list = self.objects_with_values(count, field)?;
        self.cursor.close(block, field)?;
        Ok(list)
    }

    fn objects_with_values(&mut self, count: usize, field: &str) -> Result<Vec<Option<Handle>>> {
        let mut list = Vec::with_capacity(count.min(TRUSTED_COUNT));
        for _ in 0..count {
            list.push(self.object(field)?);
            self.cursor.i32(field)?;
        }
        Ok(list)
    }

    /// `osg::Texture` and `osg::Texture2D`.
    pub(super) fn texture_2d(&mut self) -> Result<Object<'a>> {
        let version = self.version();
        for field in ["wrap S", "wrap T", "wrap R", "min filter", "mag filter"] {
            self.cursor.bool(field)?;
            self.cursor.u32(field)?;
        }
        self.cursor.f32("max anisotropy")?;
        for field in ["hardware mipmaps", "unref image", "client storage", "resize NPOT"] {
            self.cursor.bool(field)?;
        }
        self.cursor.f64s::<4>("border colour")?;
        self.cursor.i32("border width")?;
        self.cursor.i32("internal format mode")?;
        for field in ["internal format", "source format", "source type"] {
            if self.cursor.bool(field)? {
                self.cursor.u32(field)?;
            }
        }
        self.cursor.bool("shadow comparison")?;
        self.cursor.i32("shadow function")?;
        self.cursor.i32("shadow texture mode")?;
        self.cursor.f32("shadow ambient")?;
        if (95..=153).contains(&version) && self.cursor.bool("image attachment")? {
            self.cursor.bytes(4 + 4 + 1 + 4 + 4 + 4, "image attachment")?;
        }
        if version >= 98 {
            self.cursor.bool("swizzle")?;
            self.cursor.text("swizzle")?;
        }
        if version >= 155 {
            self.cursor.f32s::<3>("LOD range")?;
        }
        let image = if self.cursor.bool("image")? { Some(self.image()?) } else { None };
        self.cursor.i32("width")?;
        self.cursor.i32("height")?;
        Ok(Object::Texture2D(image))
    }

    /// `IMAGE`.
    fn image(&mut self) -> Result<ImageHandle> {
        if self.version() > 94 {
            self.cursor.text("image class")?;
        }
        let id = self.cursor.u32("image id")?;
        match self.ids.get(&id) {
            Some(Entry::Image(shared)) => return Ok(*shared),
            Some(Entry::Object(_)) => {
                return Err(self.cursor.corrupt("image id", format!("{id} is that of an object")));
            }
            None => {}
        }
        let handle = ImageHandle(u32::try_from(self.images.len()).unwrap_or(u32::MAX));
        self.ids.insert(id, Entry::Image(handle));
        let file_name = self.cursor.text("image file name")?;
        self.cursor.i32("image write hint")?;
        let data = match self.cursor.i32("image decision")? {
            0 => ImageData::Pixels(self.pixels()?),
            1 => {
                let count = self.cursor.count(1, "image bytes")?;
                ImageData::File(self.cursor.bytes(count, "image bytes")?)
            }
            2 | 3 => ImageData::External,
            other => {
                let reason = format!("image decision {other}");
                return Err(self.cursor.fail("image decision", OsgbErrorKind::Unsupported(reason)));
            }
        };
        // Its place is taken before its fields are read, whose objects may not be images.
        self.images.push(Image { file_name, data });
        self.object_fields()?;
        Ok(handle)
    }

    fn pixels(&mut self) -> Result<Pixels<'a>> {
        let origin = self.cursor.i32("image origin")?;
        let mut size = [0; 3];
        for value in &mut size {
            *value = self.cursor.i32("image size")?;
        }
        let internal_format = self.cursor.i32("image internal format")?;
        let pixel_format = self.cursor.i32("image pixel format")?;
        let data_type = self.cursor.i32("image data type")?;
        let packing = self.cursor.i32("image packing")?;
        self.cursor.i32("image allocation mode")?;
        let count = self.cursor.count(1, "image bytes")?;
        let bytes = self.cursor.bytes(count, "image bytes")?;
        let mips = self.cursor.count(4, "image mips")?;
        self.cursor.bytes(mips * 4, "image mips")?;
        Ok(Pixels { origin, size, internal_format, pixel_format, data_type, packing, bytes })
    }

    /// `osg::Material`, its own part.
    pub(super) fn material(&mut self) -> Result<Object<'a>> {
        self.cursor.i32("colour mode")?;
        let mut diffuse = [1.0; 4];
        for field in ["ambient", "diffuse", "specular", "emission"] {
            self.cursor.bool(field)?;
            self.cursor.bool(field)?;
            let front = self.cursor.f32s(field)?;
            self.cursor.f32s::<4>(field)?;
            if field == "diffuse" {
                diffuse = front;
            }
        }
        self.cursor.bool("shininess")?;
        self.cursor.bool("shininess")?;
        self.cursor.f32s::<2>("shininess")?;
        Ok(Object::Material(diffuse))
    }
}

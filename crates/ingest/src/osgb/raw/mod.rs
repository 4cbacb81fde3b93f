//! The raw mirror: every field that is read, in the order of the file, nothing judged.

mod classes;
mod geometry;
mod model;
mod node;
mod state;

use std::collections::HashMap;

pub use model::{
    Array, Attribute, Component, Corners, Geometry, Handle, Image, ImageData, ImageHandle, Lod, Node,
    NodeKind, Object, Pixels, PrimitiveSet, RawScene, StateSet, text,
};

use super::{Limits, OsgbError, OsgbErrorKind, cursor::Cursor};
use classes::{Class, Field, ValueKind};

type Result<T> = std::result::Result<T, OsgbError>;

/// Reads the body of a file: the root object and all that hangs on it.
pub(super) fn read<'a>(cursor: Cursor<'a>, limits: &Limits) -> Result<RawScene<'a>> {
    let (version, big_endian, in_body) = (cursor.version, cursor.is_big_endian(), cursor.is_in_body());
    let mut reader = Reader {
        cursor,
        ids: HashMap::new(),
        arrays: HashMap::new(),
        objects: Vec::new(),
        images: Vec::new(),
        depth: 0,
        max_depth: limits.max_depth,
    };
    let root = reader.object("root object")?;
    let trailing_bytes = reader.cursor.left() as u64;
    Ok(RawScene {
        version,
        big_endian,
        in_body,
        objects: reader.objects,
        images: reader.images,
        root,
        trailing_bytes,
    })
}

/// What an id stands for: objects and images share one table.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Object(Handle),
    Image(ImageHandle),
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    ids: HashMap<u32, Entry>,
    /// Arrays before version 112 have a table of their own.
    arrays: HashMap<u32, Handle>,
    objects: Vec<Object<'a>>,
    images: Vec<Image<'a>>,
    depth: u32,
    max_depth: u32,
}

impl<'a> Reader<'a> {
    fn version(&self) -> u32 {
        self.cursor.version
    }

    /// `OBJ`.
    fn object(&mut self, field: &str) -> Result<Option<Handle>> {
        let start = self.cursor.at();
        let name = self.cursor.text(field)?;
        if name == b"NULL" {
            return Ok(None);
        }
        let block = self.cursor.open(field)?;
        let id = self.cursor.u32(field)?;
        match self.ids.get(&id) {
            Some(Entry::Object(handle)) => {
                let handle = *handle;
                self.cursor.close(block, field)?;
                return Ok(Some(handle));
            }
            Some(Entry::Image(_)) => {
                return Err(self.cursor.corrupt(field, format!("object id {id} is that of an image")));
            }
            None => {}
        }
        let known = classes::known(name);
        let offset = self.cursor.fail_at(start, field, OsgbErrorKind::Corrupt(String::new())).offset;
        let handle = self.push(Object::Reading, field)?;
        self.ids.insert(id, Entry::Object(handle));
        let Some((class_name, class)) = known.filter(|_| !block.ends_at(self.cursor.at())) else {
            // A known class without fields is a reference to an object inside one that was skipped.
            let class = text(name).into_owned();
            if !self.cursor.skip(block) {
                return Err(self.cursor.fail_at(start, field, OsgbErrorKind::UnknownClass(class)));
            }
            self.set(handle, Object::Skipped { class, offset });
            return Ok(Some(handle));
        };
        self.depth += 1;
        if self.depth > self.max_depth {
            let reason = format!("objects are nested more than {} deep", self.max_depth);
            return Err(self.cursor.fail(field, OsgbErrorKind::OverBudget(reason)));
        }
        let outer = std::mem::replace(&mut self.cursor.class, class_name);
        let object = self.fields(class_name, class, offset)?;
        self.set(handle, object);
        self.cursor.close(block, "end of the object")?;
        self.cursor.class = outer;
        self.depth -= 1;
        Ok(Some(handle))
    }

    /// `OPTOBJ`.
    fn optional_object(&mut self, field: &str) -> Result<Option<Handle>> {
        match self.cursor.bool(field)? {
            true => self.object(field),
            false => Ok(None),
        }
    }

    /// `n × OBJ`.
    fn object_list(&mut self, count: usize, field: &str) -> Result<Vec<Option<Handle>>> {
        let mut list = Vec::with_capacity(count.min(TRUSTED_COUNT));
        for _ in 0..count {
            list.push(self.object(field)?);
        }
        Ok(list)
    }

    /// `OPT(n u32, BLOCK{ n × OBJ })`.
    fn optional_object_list(&mut self, field: &str) -> Result<Vec<Option<Handle>>> {
        if !self.cursor.bool(field)? {
            return Ok(Vec::new());
        }
        let count = self.cursor.count(MIN_OBJECT_BYTES, field)?;
        let block = self.cursor.open(field)?;
        let list = self.object_list(count, field)?;
        self.cursor.close(block, field)?;
        Ok(list)
    }

    /// `n u32, BLOCK{ n × str }`.
    fn text_list(&mut self, field: &str) -> Result<Vec<&'a [u8]>> {
        let count = self.cursor.count(4, field)?;
        let block = self.cursor.open(field)?;
        let mut list = Vec::with_capacity(count.min(TRUSTED_COUNT));
        for _ in 0..count {
            list.push(self.cursor.text(field)?);
        }
        self.cursor.close(block, field)?;
        Ok(list)
    }

    fn push(&mut self, object: Object<'a>, field: &str) -> Result<Handle> {
        let index = u32::try_from(self.objects.len()).map_err(|_| {
            self.cursor.fail(field, OsgbErrorKind::OverBudget("more than 2^32 objects".to_owned()))
        })?;
        self.objects.push(object);
        Ok(Handle(index))
    }

    fn set(&mut self, handle: Handle, object: Object<'a>) {
        if let Some(slot) = self.objects.get_mut(handle.index()) {
            *slot = object;
        }
    }

    fn fields(&mut self, name: &'static str, class: Class, offset: u64) -> Result<Object<'a>> {
        let label = self.object_fields()?;
        match class {
            Class::Node
            | Class::Group
            | Class::Lod
            | Class::PagedLod
            | Class::ProxyNode
            | Class::Transform
            | Class::MatrixTransform
            | Class::PositionAttitudeTransform
            | Class::CoordinateSystemNode
            | Class::Switch
            | Class::Geode
            | Class::Billboard
            | Class::Geometry => {
                let mut node = Node {
                    class: name,
                    offset,
                    name: label,
                    mask: u32::MAX,
                    state_set: None,
                    kind: NodeKind::Empty,
                };
                self.node_kind(class, &mut node)?;
                Ok(Object::Node(Box::new(node)))
            }
            Class::StateSet => self.state_set(),
            Class::Texture2D => {
                self.state_attribute()?;
                self.texture_2d()
            }
            Class::Material => {
                self.state_attribute()?;
                self.material()
            }
            Class::Attribute(fields) => {
                self.state_attribute()?;
                self.plain_fields(fields)?;
                Ok(Object::Other)
            }
            Class::UserData => {
                self.user_data_fields()?;
                Ok(Object::Other)
            }
            Class::Value(ValueKind::Text) => {
                self.cursor.text("value")?;
                Ok(Object::Other)
            }
            Class::Value(ValueKind::Bytes(count)) => {
                self.cursor.bytes(usize::from(count), "value")?;
                Ok(Object::Other)
            }
            Class::Ellipsoid => {
                self.cursor.f64s::<2>("radii")?;
                Ok(Object::Other)
            }
            Class::BufferObject => {
                self.cursor.bytes(9, "target and usage")?;
                if self.version() >= 201 {
                    self.cursor.u32("mapping bits")?;
                }
                Ok(Object::Other)
            }
            Class::Shader => {
                self.cursor.i32("type")?;
                if self.cursor.bool("source")? {
                    self.text_list("source")?;
                }
                self.optional_object("binary")?;
                Ok(Object::Other)
            }
            Class::Array(component, width) => self.array_object(component, width),
            Class::Primitives(kind) => self.primitives_object(kind),
        }
    }

    /// `osg::Object`: returns the name.
    fn object_fields(&mut self) -> Result<&'a [u8]> {
        let name = self.cursor.text("name")?;
        self.cursor.i32("data variance")?;
        if self.version() <= 76 {
            if self.cursor.bool("user data")? {
                let block = self.cursor.open("user data")?;
                self.object("user data")?;
                self.cursor.close(block, "user data")?;
            }
        } else {
            self.optional_object("user data container")?;
        }
        Ok(name)
    }

    fn user_data_fields(&mut self) -> Result<()> {
        if self.cursor.bool("user data")? {
            let block = self.cursor.open("user data")?;
            self.object("user data")?;
            self.cursor.close(block, "user data")?;
        }
        if self.cursor.bool("descriptions")? {
            self.text_list("descriptions")?;
        }
        self.optional_object_list("user objects")?;
        Ok(())
    }

    /// `osg::StateAttribute`.
    fn state_attribute(&mut self) -> Result<()> {
        self.optional_object("update callback")?;
        self.optional_object("event callback")?;
        Ok(())
    }

    fn plain_fields(&mut self, fields: &[Field]) -> Result<()> {
        for field in fields {
            match *field {
                Field::Bytes(count) => {
                    self.cursor.bytes(usize::from(count), "fields")?;
                }
                Field::Optional(count) => {
                    if self.cursor.bool("fields")? {
                        self.cursor.bytes(usize::from(count), "fields")?;
                    }
                }
                Field::Matrix => {
                    self.matrix("matrix")?;
                }
            }
        }
        Ok(())
    }

    fn matrix(&mut self, field: &str) -> Result<[f64; 16]> {
        let block = self.cursor.open(field)?;
        let matrix = self.cursor.f64s(field)?;
        self.cursor.close(block, field)?;
        Ok(matrix)
    }
}

/// Memory for more elements than this is taken only as they are read: nested lists would claim it many times.
const TRUSTED_COUNT: usize = 4096;
/// The shortest object: `NULL`, a string of four bytes.
const MIN_OBJECT_BYTES: usize = 8;

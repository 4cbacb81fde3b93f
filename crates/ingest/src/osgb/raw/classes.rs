//! The classes whose fields are known.

use super::model::Component;

/// A class, by how its fields are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Node,
    Group,
    Lod,
    PagedLod,
    ProxyNode,
    Transform,
    MatrixTransform,
    PositionAttitudeTransform,
    CoordinateSystemNode,
    Switch,
    Geode,
    Billboard,
    Geometry,
    StateSet,
    Texture2D,
    Material,
    UserData,
    Value(ValueKind),
    Ellipsoid,
    BufferObject,
    Shader,
    Attribute(&'static [Field]),
    Array(Component, u8),
    Primitives(PrimitiveClass),
}

/// The value of a value object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    Text,
    Bytes(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrimitiveClass {
    Arrays,
    ArrayLengths,
    /// Bytes per index.
    Elements(u8),
}

/// A field of a plain state attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// So many raw bytes.
    Bytes(u8),
    /// Whether it is there, then so many raw bytes if it is.
    Optional(u8),
    /// A matrix in a block.
    Matrix,
}

use Field::{Bytes, Matrix, Optional};

/// Class name (its own copy, for messages) and kind.
pub(super) fn known(name: &[u8]) -> Option<(&'static str, Class)> {
    let name = std::str::from_utf8(name).ok()?;
    let entry = TABLE.iter().find(|(known, _)| *known == name);
    entry.copied()
}

macro_rules! arrays {
    ($($name:literal $component:ident $width:literal),* $(,)?) => {
        &[$((concat!("osg::", $name, "Array"), Class::Array(Component::$component, $width))),*]
    };
}

const ARRAYS: &[(&str, Class)] = arrays![
    "Byte" I8 1, "Vec2b" I8 2, "Vec3b" I8 3, "Vec4b" I8 4,
    "UByte" U8 1, "Vec2ub" U8 2, "Vec3ub" U8 3, "Vec4ub" U8 4,
    "Short" I16 1, "Vec2s" I16 2, "Vec3s" I16 3, "Vec4s" I16 4,
    "UShort" U16 1, "Vec2us" U16 2, "Vec3us" U16 3, "Vec4us" U16 4,
    "Int" I32 1, "Vec2i" I32 2, "Vec3i" I32 3, "Vec4i" I32 4,
    "UInt" U32 1, "Vec2ui" U32 2, "Vec3ui" U32 3, "Vec4ui" U32 4,
    "UInt64" U64 1, "Int64" I64 1,
    "Float" F32 1, "Vec2" F32 2, "Vec3" F32 3, "Vec4" F32 4,
    "Double" F64 1, "Vec2d" F64 2, "Vec3d" F64 3, "Vec4d" F64 4,
];

/// Most frequent first.
const TABLE: &[(&str, Class)] = &concat(
    &[
        ("osg::Geometry", Class::Geometry),
        ("osg::StateSet", Class::StateSet),
        ("osg::Material", Class::Material),
        ("osg::Texture2D", Class::Texture2D),
        ("osg::PagedLOD", Class::PagedLod),
        ("osg::Geode", Class::Geode),
        ("osg::Group", Class::Group),
        ("osg::DrawElementsUInt", Class::Primitives(PrimitiveClass::Elements(4))),
        ("osg::DrawElementsUShort", Class::Primitives(PrimitiveClass::Elements(2))),
        ("osg::DrawElementsUByte", Class::Primitives(PrimitiveClass::Elements(1))),
        ("osg::DrawArrays", Class::Primitives(PrimitiveClass::Arrays)),
        ("osg::DrawArrayLengths", Class::Primitives(PrimitiveClass::ArrayLengths)),
        ("osg::Node", Class::Node),
        ("osg::LOD", Class::Lod),
        ("osg::ProxyNode", Class::ProxyNode),
        ("osg::Transform", Class::Transform),
        ("osg::MatrixTransform", Class::MatrixTransform),
        ("osg::PositionAttitudeTransform", Class::PositionAttitudeTransform),
        ("osg::CoordinateSystemNode", Class::CoordinateSystemNode),
        ("osg::Switch", Class::Switch),
        ("osg::Billboard", Class::Billboard),
        ("osg::DefaultUserDataContainer", Class::UserData),
        ("osg::StringValueObject", Class::Value(ValueKind::Text)),
        ("osg::BoolValueObject", Class::Value(ValueKind::Bytes(1))),
        ("osg::CharValueObject", Class::Value(ValueKind::Bytes(1))),
        ("osg::UCharValueObject", Class::Value(ValueKind::Bytes(1))),
        ("osg::ShortValueObject", Class::Value(ValueKind::Bytes(2))),
        ("osg::UShortValueObject", Class::Value(ValueKind::Bytes(2))),
        ("osg::IntValueObject", Class::Value(ValueKind::Bytes(4))),
        ("osg::UIntValueObject", Class::Value(ValueKind::Bytes(4))),
        ("osg::FloatValueObject", Class::Value(ValueKind::Bytes(4))),
        ("osg::DoubleValueObject", Class::Value(ValueKind::Bytes(8))),
        ("osg::Vec2fValueObject", Class::Value(ValueKind::Bytes(8))),
        ("osg::Vec3fValueObject", Class::Value(ValueKind::Bytes(12))),
        ("osg::Vec4fValueObject", Class::Value(ValueKind::Bytes(16))),
        ("osg::Vec2dValueObject", Class::Value(ValueKind::Bytes(16))),
        ("osg::Vec3dValueObject", Class::Value(ValueKind::Bytes(24))),
        ("osg::Vec4dValueObject", Class::Value(ValueKind::Bytes(32))),
        ("osg::EllipsoidModel", Class::Ellipsoid),
        ("osg::VertexBufferObject", Class::BufferObject),
        ("osg::ElementBufferObject", Class::BufferObject),
        ("osg::Shader", Class::Shader),
        ("osg::AlphaFunc", Class::Attribute(&[Bytes(8)])),
        ("osg::BlendFunc", Class::Attribute(&[Bytes(16)])),
        ("osg::BlendColor", Class::Attribute(&[Bytes(16)])),
        ("osg::ColorMask", Class::Attribute(&[Bytes(4)])),
        ("osg::CullFace", Class::Attribute(&[Bytes(4)])),
        ("osg::FrontFace", Class::Attribute(&[Bytes(4)])),
        ("osg::ShadeModel", Class::Attribute(&[Bytes(4)])),
        ("osg::Depth", Class::Attribute(&[Bytes(21)])),
        ("osg::Fog", Class::Attribute(&[Bytes(37)])),
        ("osg::LightModel", Class::Attribute(&[Bytes(22)])),
        ("osg::LineWidth", Class::Attribute(&[Bytes(4)])),
        ("osg::Point", Class::Attribute(&[Bytes(28)])),
        ("osg::PolygonMode", Class::Attribute(&[Optional(9)])),
        ("osg::PolygonOffset", Class::Attribute(&[Bytes(8)])),
        ("osg::TexEnv", Class::Attribute(&[Bytes(20)])),
        ("osg::TexEnvFilter", Class::Attribute(&[Bytes(4)])),
        (
            "osg::TexGen",
            Class::Attribute(&[Bytes(4), Optional(32), Optional(32), Optional(32), Optional(32)]),
        ),
        ("osg::TexMat", Class::Attribute(&[Matrix, Bytes(1)])),
    ],
    ARRAYS,
);

const LENGTH: usize = 60 + ARRAYS.len();

/// One list from two, so that the macro above stays short.
const fn concat(
    first: &[(&'static str, Class)],
    second: &[(&'static str, Class)],
) -> [(&'static str, Class); LENGTH] {
    let mut all = [("", Class::Node); LENGTH];
    let mut at = 0;
    while at < first.len() {
        all[at] = first[at];
        at += 1;
    }
    let mut from = 0;
    while from < second.len() {
        all[at + from] = second[from];
        from += 1;
    }
    assert!(at + from == LENGTH, "LENGTH counts the table");
    all
}

/// Component and width of an array type of files before version 112.
pub(super) fn array_type(id: i32) -> Option<(Component, u8)> {
    use Component::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    Some(match id {
        0 => (I8, 1),
        1 => (U8, 1),
        2 => (I16, 1),
        3 => (U16, 1),
        4 => (I32, 1),
        5 => (U32, 1),
        6 => (F32, 1),
        7 => (F64, 1),
        8..=10 => (I8, (id - 6) as u8),
        11 => (U8, 4),
        12..=14 => (I16, (id - 10) as u8),
        15..=17 => (F32, (id - 13) as u8),
        18..=20 => (F64, (id - 16) as u8),
        21..=22 => (U8, (id - 19) as u8),
        23..=25 => (U16, (id - 21) as u8),
        26..=28 => (I32, (id - 24) as u8),
        29..=31 => (U32, (id - 27) as u8),
        32 => (U64, 1),
        33 => (I64, 1),
        _ => return None,
    })
}

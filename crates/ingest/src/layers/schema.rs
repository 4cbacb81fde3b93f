//! What a layer holds: its fields, the columns that they are found in, and what is right for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value};

use crate::{
    subject::{GridKind, Subject},
    table::columns::folded,
    vector::{Feature, Geometry},
};

/// The layers of a county.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// The border of the county.
    Borders,
    /// Villages: codes, names, borders.
    Villages,
    /// Grids.
    Grids(GridKind),
    /// Roads.
    Roads,
    /// Cameras.
    Cameras,
    /// Key places.
    Places,
}

/// What is written in a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A division code of so many digits.
    Code(usize),
    /// A number between bounds.
    Number(f64, f64),
    /// Degrees clockwise from north; brought between 0 and 360.
    Heading,
}

/// A field of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    /// Its name in the layer and on the command line.
    pub name: &'static str,
    /// What is right for it.
    pub kind: FieldKind,
    /// Columns that hold it, best first, as [`folded`] gives their names.
    known: &'static [&'static str],
}

impl Field {
    pub(crate) const fn new(name: &'static str, kind: FieldKind, known: &'static [&'static str]) -> Self {
        Self { name, kind, known }
    }
}

const fn field(name: &'static str, kind: FieldKind, known: &'static [&'static str]) -> Field {
    Field::new(name, kind, known)
}

/// The source's own id. A running number that a program gave (FID, OBJECTID) is none.
pub const SOURCE_ID: Field = field(
    "id",
    FieldKind::Text,
    &[
        "id",
        "编号",
        "bh",
        "标识码",
        "唯一标识",
        "gmlid",
        "lokaalid",
        "uuid",
        "guid",
        "设备编号",
        "国标编码",
        "osmid",
    ],
);

const VILLAGE_CODE: Field = field(
    "village_code",
    FieldKind::Code(12),
    &[
        "villagecode",
        "村代码",
        "村编码",
        "所属村代码",
        "行政村代码",
        "区划代码",
        "行政区划代码",
        "社区代码",
        "村居代码",
        "jcwhdm",
    ],
);

const BORDERS: &[Field] = &[
    field(
        "code",
        FieldKind::Code(6),
        &["code", "adcode", "区划代码", "行政区划代码", "xzqdm", "县代码", "pac"],
    ),
    field("name", FieldKind::Text, &["name", "名称", "xzqmc", "县名", "县", "行政区名称"]),
];
const VILLAGES: &[Field] = &[
    field(
        "code",
        FieldKind::Code(12),
        &[
            "code",
            "村代码",
            "区划代码",
            "行政区划代码",
            "村编码",
            "村居代码",
            "社区代码",
            "xzqdm",
            "zldwdm",
            "统计用区划代码",
            "代码",
            "villagecode",
            "divisioncode",
        ],
    ),
    field(
        "name",
        FieldKind::Text,
        &[
            "name",
            "名称",
            "村名",
            "村",
            "村名称",
            "行政村",
            "村居",
            "社区",
            "xzqmc",
            "zldwmc",
            "村社区",
            "village",
            "villagename",
        ],
    ),
    field(
        "legal_name",
        FieldKind::Text,
        &["legalname", "全称", "单位名称", "村委会", "居村委会", "村居委会"],
    ),
    field(
        "town",
        FieldKind::Text,
        &["town", "乡镇", "乡镇街道", "镇", "乡镇名称", "镇街", "街道", "township", "streetname"],
    ),
    field("town_code", FieldKind::Text, &["towncode", "乡镇代码", "乡镇编码", "streetcode"]),
];
const GRIDS: &[Field] = &[
    field(
        "code",
        FieldKind::Text,
        &["code", "网格编码", "网格编号", "网格代码", "wgbm", "wgdm", "编码", "警务区编号", "gridcode"],
    ),
    field("name", FieldKind::Text, &["name", "网格名称", "名称", "wgmc", "警务区名称", "mc", "gridname"]),
    VILLAGE_CODE,
];
const ROADS: &[Field] = &[
    field(
        "name",
        FieldKind::Text,
        &["name", "名称", "道路名称", "路名", "dlmc", "mc", "namezh", "roadname", "街路巷", "ref"],
    ),
    field(
        "class",
        FieldKind::Text,
        &[
            "class",
            "kind",
            "highway",
            "类型",
            "道路等级",
            "技术等级",
            "等级",
            "dldj",
            "道路类型",
            "fclass",
            "type",
            "functie",
            "lx",
        ],
    ),
    field("width_m", FieldKind::Number(0.1, 200.0), &["widthm", "宽度", "路宽", "路面宽度", "kd", "width"]),
    VILLAGE_CODE,
];
const CAMERAS: &[Field] = &[
    field("name", FieldKind::Text, &["name", "名称", "监控名称", "设备名称", "点位名称", "摄像机名称", "mc"]),
    field(
        "height_m",
        FieldKind::Number(0.0, 500.0),
        &["heightm", "高度", "安装高度", "架设高度", "杆高", "height", "gd"],
    ),
    field(
        "ellipsoidal_height_m",
        FieldKind::Number(-500.0, 9_500.0),
        &["ellipsoidalheightm", "大地高", "椭球高"],
    ),
    field(
        "heading_deg",
        FieldKind::Heading,
        &[
            "headingdeg",
            "heading",
            "方位角",
            "朝向",
            "水平角",
            "方向",
            "azimuth",
            "bearing",
            "direction",
            "fwj",
        ],
    ),
    field("pitch_deg", FieldKind::Number(-90.0, 90.0), &["pitchdeg", "pitch", "俯仰角", "俯角", "tilt"]),
    field(
        "horizontal_fov_deg",
        FieldKind::Number(0.1, 360.0),
        &["horizontalfovdeg", "fov", "视场角", "水平视场角", "视角", "fovdeg"],
    ),
    field(
        "range_m",
        FieldKind::Number(0.1, 20_000.0),
        &["rangem", "range", "可视距离", "可视半径", "监控距离", "监控半径", "distance"],
    ),
    field(
        "stream",
        FieldKind::Text,
        &["stream", "视频流", "流地址", "取流地址", "rtsp", "url", "streamurl", "视频地址", "播放地址"],
    ),
    VILLAGE_CODE,
];
const PLACES: &[Field] = &[
    field("name", FieldKind::Text, &["name", "名称", "场所名称", "单位名称", "地名", "mc", "poi", "namezh"]),
    field(
        "kind",
        FieldKind::Text,
        &[
            "kind",
            "类型",
            "类别",
            "场所类型",
            "单位类型",
            "lx",
            "lb",
            "category",
            "amenity",
            "shop",
            "office",
            "healthcare",
            "tourism",
            "leisure",
            "historic",
            "place",
            "emergency",
            "railway",
            "government",
            "type",
            "class",
        ],
    ),
    field("address", FieldKind::Text, &["address", "地址", "详细地址", "addrfull", "dz", "单位地址"]),
    VILLAGE_CODE,
];

impl LayerKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Borders,
        Self::Villages,
        Self::Grids(GridKind::Police),
        Self::Grids(GridKind::Governance),
        Self::Grids(GridKind::Epidemic),
        Self::Roads,
        Self::Cameras,
        Self::Places,
    ];

    /// The layer of a subject, if it is a layer of the county.
    pub fn of(subject: Subject) -> Option<Self> {
        Some(match subject {
            Subject::Villages => Self::Villages,
            Subject::Grids(kind) => Self::Grids(kind),
            Subject::Roads => Self::Roads,
            Subject::Cameras => Self::Cameras,
            Subject::Places => Self::Places,
            _ => return None,
        })
    }

    /// Its name in `county.toml`, and of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Borders => "borders",
            Self::Villages => "villages",
            Self::Grids(GridKind::Police) => "grids-police",
            Self::Grids(GridKind::Governance) => "grids-governance",
            Self::Grids(GridKind::Epidemic) => "grids-epidemic",
            Self::Roads => "roads",
            Self::Cameras => "cameras",
            Self::Places => "places",
        }
    }

    /// Its fields, in the order of the documentation.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Borders => BORDERS,
            Self::Villages => VILLAGES,
            Self::Grids(_) => GRIDS,
            Self::Roads => ROADS,
            Self::Cameras => CAMERAS,
            Self::Places => PLACES,
        }
    }

    /// The field without which a feature is none.
    pub(super) fn required(self) -> Option<&'static str> {
        match self {
            Self::Villages | Self::Grids(_) => Some("code"),
            _ => None,
        }
    }

    /// The letters between the county's code and the number in ids that are made here.
    pub(super) fn letters(self) -> &'static str {
        match self {
            Self::Borders => "X",
            Self::Villages => "V",
            Self::Grids(GridKind::Police) => "GP",
            Self::Grids(GridKind::Governance) => "GG",
            Self::Grids(GridKind::Epidemic) => "GE",
            Self::Roads => "R",
            Self::Cameras => "C",
            Self::Places => "P",
        }
    }

    /// A geometry as the layer has it, with a word where it was changed; or why it cannot be taken.
    pub(super) fn fit(
        self,
        geometry: Option<Geometry>,
    ) -> Result<(Option<Geometry>, Option<String>), String> {
        let Some(geometry) = geometry else {
            return match self {
                // A list of codes comes before the borders.
                Self::Villages => Ok((None, None)),
                _ => Err("it has no place".to_owned()),
            };
        };
        match (self, &geometry) {
            (Self::Borders | Self::Villages | Self::Grids(_), Geometry::Polygons(_))
            | (Self::Roads, Geometry::Lines(_)) => Ok((Some(geometry), None)),
            (Self::Villages, Geometry::Points(_)) => {
                Ok((None, Some("a village lies in an area: its point is not taken for a border".to_owned())))
            }
            (Self::Cameras | Self::Places, Geometry::Points(points)) if points.len() == 1 => {
                Ok((Some(geometry), None))
            }
            (Self::Places, _) => {
                let middle = geometry.middle().ok_or("it has no place")?;
                let note = format!("its middle stands for the {}", geometry.kind());
                Ok((Some(Geometry::Points(vec![middle])), Some(note)))
            }
            _ => Err(format!("{} are no {}", self.name(), geometry.kind())),
        }
    }
}

/// Which column holds a field in a file: told, or by its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    fields: Vec<(Field, Vec<String>)>,
    /// What folded names of columns were used for.
    used: BTreeMap<String, &'static str>,
}

/// A field or a form that `--column` does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--column {text}: FIELD=COLUMN is expected, where FIELD is one of {fields}")]
pub struct ColumnError {
    /// What was given.
    pub text: String,
    /// Fields that there are.
    pub fields: String,
}

impl Finder {
    /// For fields, with what was told: `FIELD=COLUMN`.
    pub(crate) fn new(fields: &[Field], told: &[String]) -> Result<Self, ColumnError> {
        let mut finder = Self::default();
        for field in fields.iter().chain([&SOURCE_ID]) {
            let names = field.known.iter().map(|name| (*name).to_owned()).collect();
            finder.fields.push((*field, names));
        }
        for text in told {
            let wrong = || ColumnError {
                text: text.clone(),
                fields: finder.fields.iter().map(|(field, _)| field.name).collect::<Vec<_>>().join(", "),
            };
            let (name, column) = text.split_once('=').ok_or_else(wrong)?;
            let wanted = folded(name);
            let at =
                finder.fields.iter().position(|(field, _)| folded(field.name) == wanted).ok_or_else(wrong)?;
            if let Some((_, names)) = finder.fields.get_mut(at) {
                *names = vec![folded(column)];
            }
        }
        Ok(finder)
    }

    /// How many of the fields some columns hold; the source's own id does not count.
    pub(super) fn count(&self, columns: &[String]) -> usize {
        let fields = self.fields.iter().filter(|(field, _)| field.name != SOURCE_ID.name);
        fields.filter(|(_, names)| names.iter().any(|name| columns.contains(name))).count()
    }

    /// The fields of a feature, its own id, and what is left; and words on what could not be understood.
    pub(crate) fn read(&mut self, feature: &Feature) -> Found {
        let mut found = Found { source_id: feature.id.clone(), ..Found::default() };
        // What this feature's fields were taken from: another may say the same elsewhere, and nothing is to be lost.
        let mut own: BTreeSet<&String> = BTreeSet::new();
        let folded_names: Vec<String> = feature.properties.iter().map(|(name, _)| folded(name)).collect();
        for (field, names) in &self.fields {
            let value = names.iter().find_map(|name| {
                let at = folded_names.iter().position(|own| own == name)?;
                let (column, value) = feature.properties.get(at)?;
                (!is_empty(value)).then_some((column, value))
            });
            let Some((column, value)) = value else {
                if field.name != SOURCE_ID.name {
                    found.fields.insert(field.name.to_owned(), Value::Null);
                }
                continue;
            };
            own.insert(column);
            self.used.insert(column.clone(), field.name);
            match (field.name == SOURCE_ID.name, understood(field.kind, value)) {
                (true, Ok(value)) => found.source_id = value.as_str().map(str::to_owned),
                (_, Ok(value)) => {
                    found.fields.insert(field.name.to_owned(), value);
                }
                (_, Err(reason)) => {
                    found.fields.insert(field.name.to_owned(), Value::Null);
                    found.faults.push((field.name, format!("{column} is {}: {reason}", shown(value))));
                }
            }
        }
        let rest = feature.properties.iter().filter(|(name, value)| !own.contains(name) && !value.is_null());
        found.rest = rest.cloned().collect();
        found
    }

    /// Columns with the fields that they were taken for.
    pub(crate) fn used(&self) -> &BTreeMap<String, &'static str> {
        &self.used
    }
}

/// What a feature says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) fields: Map<String, Value>,
    pub(crate) source_id: Option<String>,
    pub(crate) rest: Map<String, Value>,
    /// Fields that were left out, and why.
    pub(crate) faults: Vec<(&'static str, String)>,
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        // Codes and numbers that a table keeps as a real number.
        Value::Number(number) => match number.as_f64() {
            Some(real) if real.fract() == 0.0 && real.abs() < 9e15 => format!("{}", real as i64),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn understood(kind: FieldKind, value: &Value) -> Result<Value, String> {
    let number = || -> Result<f64, String> {
        let text = text_of(value);
        let text = text.trim_end_matches(|c: char| !c.is_ascii_digit() && c != '.').trim();
        text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| "no number".to_owned())
    };
    let real = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    match kind {
        FieldKind::Text => Ok(text_of(value).into()),
        FieldKind::Code(digits) => {
            let text = text_of(value);
            let is_code = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
            if is_code { Ok(text.into()) } else { Err(format!("a code of {digits} digits is expected")) }
        }
        FieldKind::Number(low, high) => {
            let value = number()?;
            if (low..=high).contains(&value) {
                Ok(real(value))
            } else {
                Err(format!("{low} to {high} is expected"))
            }
        }
        FieldKind::Heading => number().map(|value| real(value.rem_euclid(360.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_folded_and_stand_for_one_field_of_a_layer() {
        for kind in LayerKind::ALL {
            let mut seen = BTreeMap::new();
            for field in kind.fields() {
                for name in field.known {
                    assert_eq!(folded(name), *name);
                    assert_eq!(seen.insert(*name, field.name), None, "{name} in {}", kind.name());
                }
                assert!(
                    field.known.contains(&folded(field.name).as_str()),
                    "{} is not its own name",
                    field.name
                );
            }
        }
    }

    #[test]
    fn values_are_understood_or_refused_with_a_reason() {
        let text = |text: &str| Value::from(text);
        assert_eq!(understood(FieldKind::Number(0.0, 99.0), &text("6.5米")), Ok(6.5.into()));
        assert_eq!(understood(FieldKind::Heading, &text("-90°")), Ok(270.0.into()));
        assert_eq!(understood(FieldKind::Code(12), &350_926_001_001_i64.into()), Ok("350926001001".into()));
        assert_eq!(understood(FieldKind::Code(12), &350_926_001_001.0.into()), Ok("350926001001".into()));
        assert!(understood(FieldKind::Number(-90.0, 90.0), &text("120")).unwrap_err().contains("-90 to 90"));
        assert!(understood(FieldKind::Code(12), &text("350926")).is_err());
    }

    #[test]
    fn what_is_told_overrules_what_is_guessed() {
        let feature = Feature {
            properties: vec![
                ("名称".into(), "甲".into()),
                ("备注".into(), "乙".into()),
                ("方位角".into(), "x".into()),
            ],
            ..Feature::default()
        };
        let mut finder = Finder::new(CAMERAS, &["name=备注".into()]).unwrap();
        let found = finder.read(&feature);
        assert_eq!((&found.fields["name"], &found.rest["名称"]), (&"乙".into(), &"甲".into()));
        assert_eq!(found.faults.len(), 1);
        assert!(
            Finder::new(CAMERAS, &["colour=备注".into()]).unwrap_err().to_string().contains("heading_deg")
        );
    }
}

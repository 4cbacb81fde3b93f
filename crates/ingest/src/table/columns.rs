//! What the columns of an address table mean: guessed from their names (the police field names among them), else from
//! what stands in them, and overruled by who knows better.

use std::collections::BTreeMap;

use super::{Row, Sheet, TableNote};

macro_rules! fields {
    ($($name:ident $text:literal [$($known:literal),* $(,)?] $doc:literal),* $(,)?) => {
        /// A field of an address.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = $doc] $name),* }

        impl Field {
            /// All, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As written on the command line and in reports.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Names of columns, in the form of [`folded`].
            fn known_names(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($known),*]),* }
            }
        }
    };
}

fields! {
    Id "id" ["id", "bzdzid", "dzid", "addrid", "addressid", "bh", "编号", "地址编号", "地址编码", "标准地址编码", "标准地址id", "地址id", "dzbm", "唯一标识", "标识码"]
        "The source's own id.",
    Full "full" ["bzdz", "dzmc", "qhnxxdz", "标准地址", "地址", "详细地址", "地址全称", "地址名称", "标准地名", "标准地址名称", "原始地址", "完整地址", "address", "addr", "fulladdress", "dz", "xxdz"]
        "Full text.",
    Code "code" ["区划代码", "行政区划代码", "行政区划", "区划编码", "村代码", "社区代码", "村居代码", "jcwhdm", "sqdm", "xzqhdm", "xzqh", "code", "divisioncode", "villagecode"]
        "Division code.",
    Province "province" ["省", "省份", "省市", "province"] "省.",
    City "city" ["市", "地市", "地级市", "设区市", "city"] "市.",
    County "county" ["县", "县区", "区县", "县市区", "区", "ssxq", "county", "district"] "县(区).",
    Town "town" ["xzjd", "乡镇街道", "乡镇", "乡镇名称", "镇街", "街道办", "town", "township", "zhenname"] "乡镇街道.",
    Community "community" ["jcwh", "居村委会", "村居委会", "居委会", "村委会", "社区", "村社区", "社区村", "村居", "行政村", "community", "village"]
        "社区, 居(村)委会.",
    Group "group" ["组", "小组", "村民小组", "行政组", "group"] "组.",
    Street "street" ["jlx", "jlxmc", "街路巷", "街路巷小区", "街巷", "道路", "路街巷", "rodname", "street", "road"] "街路巷.",
    Estate "estate" ["小区", "小区名称", "住宅小区", "estate"] "小区.",
    Compound "compound" ["单位院", "院落", "单位住宅院", "compound"] "单位院.",
    NaturalVillage "natural-village" ["自然村", "自然村名称", "zrc", "hamlet", "naturalvillage"] "自然村.",
    Door "door" ["mlph", "门牌号", "门楼牌号", "门牌", "门牌号码", "doname", "housenumber", "door", "number"] "门(楼)牌号.",
    Building "building" ["楼栋", "楼栋号", "栋", "幢", "楼号", "栋号", "ldh", "buiname", "building"] "栋.",
    Unit "unit" ["单元", "单元号", "dyh", "celname", "unit"] "单元.",
    Floor "floor" ["楼层", "层", "lc", "floor"] "层.",
    Room "room" ["室", "室号", "房号", "房间号", "户室", "户室号", "fjh", "roomname", "room"] "室.",
    Name "name" ["jzwmc", "建筑物名称", "建筑名称", "名称", "地名", "poi", "poiname", "buildingname", "name"] "Name of the building or of what is in it.",
    Aliases "aliases" ["别名", "anoname", "简称", "sipname", "alias", "aliases"] "Further names.",
    OldNames "old-names" ["曾用名", "曾用地址", "旧地址", "旧名", "原地址", "oldname", "oldnames"] "Former names.",
    Status "status" ["使用状态", "状态", "syzt", "status", "注销标志"] "使用状态.",
    ValidFrom "valid-from" ["启用日期", "启用时间", "设立日期", "生效日期", "qyrq", "validfrom"] "First day of validity.",
    ValidTo "valid-to" ["停用日期", "停用时间", "撤销日期", "注销日期", "注销时间", "失效日期", "validto"] "Last day of validity.",
    X "x" ["x", "bzdzx", "x坐标", "坐标x", "zxdx", "中心点x", "xzb", "东坐标", "longitude", "lon", "lng", "经度", "jd", "zxjd", "中心点经度"]
        "Longitude or easting.",
    Y "y" ["y", "bzdzy", "y坐标", "坐标y", "zxdy", "中心点y", "yzb", "北坐标", "latitude", "lat", "纬度", "wd", "zxwd", "中心点纬度"]
        "Latitude or northing.",
    Height "height" ["高程", "高度", "海拔", "大地高", "z", "height", "elevation"] "Height.",
    Accuracy "accuracy" ["精度", "定位精度", "误差", "accuracy"] "Standard deviation of the position, metres.",
    Datum "datum" ["坐标系", "坐标系统", "坐标系类型", "datum", "crs"] "What the coordinates are in.",
}

/// How a column got its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnGuess {
    /// By its name.
    Name,
    /// By what stands in it.
    Values,
    /// Somebody said so.
    Told,
}

/// Which column holds which field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    by_field: BTreeMap<Field, Vec<(usize, ColumnGuess)>>,
    /// Columns that were not understood, with their names.
    pub unknown: Vec<(usize, String)>,
}

/// A field or column that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// No such field.
    #[error("{0:?} is no field of an address; fields are {known}", known = Field::ALL.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", "))]
    Field(String),
    /// No such column.
    #[error("the table has no column {name:?}; it has {columns}")]
    Column {
        /// The name or number asked for.
        name: String,
        /// What there is.
        columns: String,
    },
}

/// A name of a column as it is compared: lower case, half width, without space and signs.
pub fn folded(name: &str) -> String {
    let half = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    let kept = name.chars().map(half).filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).take(64).collect()
}

/// The field that a column of this name holds.
pub fn field_of_name(name: &str) -> Option<Field> {
    let name = folded(name);
    let is_of =
        |field: &Field| field.known_names().contains(&name.as_str()) || folded(field.as_str()) == name;
    Field::ALL.iter().copied().find(is_of)
}

impl Columns {
    /// Guesses from the head, and without one from the first rows.
    pub fn guess(sheet: &Sheet) -> Self {
        let mut columns = Self::default();
        for (index, name) in sheet.head.iter().enumerate() {
            match field_of_name(name) {
                // Several columns of names are all read; of anything else the first counts.
                Some(field) if !columns.by_field.contains_key(&field) || field == Field::Aliases => {
                    columns.by_field.entry(field).or_default().push((index, ColumnGuess::Name));
                }
                _ if name.is_empty() => {}
                _ => columns.unknown.push((index, name.clone())),
            }
        }
        if sheet.head.is_empty() {
            columns.guess_by_values(&sheet.rows);
        }
        columns
    }

    /// Sets a field by hand: `column` is a name in the head or a number from 1.
    ///
    /// # Errors
    /// No such field, no such column.
    pub fn set(&mut self, sheet: &Sheet, field: &str, column: &str) -> Result<(), ColumnError> {
        let wanted = folded(field);
        let known = Field::ALL.iter().copied().find(|f| folded(f.as_str()) == wanted);
        let field = known.ok_or_else(|| ColumnError::Field(field.to_owned()))?;
        let name = folded(column);
        let width = sheet.rows.iter().take(100).map(Row::len).max().unwrap_or(0).max(sheet.head.len());
        let by_number =
            || column.trim().parse::<usize>().ok().filter(|n| (1..=width).contains(n)).map(|n| n - 1);
        let index =
            sheet.head.iter().position(|head| folded(head) == name && !name.is_empty()).or_else(by_number);
        let index = index.ok_or_else(|| ColumnError::Column {
            name: column.to_owned(),
            columns: if sheet.head.is_empty() { format!("1 to {width}") } else { sheet.head.join(", ") },
        })?;
        self.by_field.values_mut().for_each(|columns| columns.retain(|(at, _)| *at != index));
        self.by_field.retain(|_, columns| !columns.is_empty());
        self.by_field.insert(field, vec![(index, ColumnGuess::Told)]);
        self.unknown.retain(|(at, _)| *at != index);
        Ok(())
    }

    /// Whether a field has a column.
    pub fn has(&self, field: Field) -> bool {
        self.by_field.contains_key(&field)
    }

    /// Fields with their columns (from 0) and why.
    pub fn iter(&self) -> impl Iterator<Item = (Field, usize, ColumnGuess)> {
        self.by_field.iter().flat_map(|(field, at)| at.iter().map(|(index, guess)| (*field, *index, *guess)))
    }

    /// What a row says of a field; empty if nothing.
    pub fn text<'r>(&self, row: &'r Row, field: Field) -> &'r str {
        let columns = self.by_field.get(&field).map(Vec::as_slice).unwrap_or_default();
        columns.iter().map(|(index, _)| row.cell(*index)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// All that a row says of a field with several columns, joined by `#`.
    pub fn joined(&self, row: &Row, field: Field) -> String {
        let columns = self.by_field.get(&field).map(Vec::as_slice).unwrap_or_default();
        let texts = columns.iter().map(|(index, _)| row.cell(*index)).filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join("#")
    }

    /// Notes for a plan: what was taken for what.
    pub fn notes(&self, sheet: &Sheet) -> Vec<TableNote> {
        let named = |index: usize| match sheet.head.get(index) {
            Some(name) => format!("column {} {name:?}", index + 1),
            None => format!("column {}", index + 1),
        };
        let taken = self.iter().map(|(field, index, guess)| {
            let why = match guess {
                ColumnGuess::Name => "by its name",
                ColumnGuess::Values => "by what stands in it",
                ColumnGuess::Told => "as told",
            };
            format!("{} is {} ({why})", named(index), field.as_str())
        });
        let left = self.unknown.iter().map(|(index, _)| format!("{} is not read", named(*index)));
        taken.chain(left).map(|text| TableNote { line: sheet.head_line, text }).collect()
    }

    fn guess_by_values(&mut self, rows: &[Row]) {
        let sample: Vec<&Row> = rows.iter().take(200).collect();
        let width = sample.iter().map(|row| row.len()).max().unwrap_or(0);
        let share = |column: usize, is: &dyn Fn(&str) -> bool| {
            let filled = sample.iter().map(|row| row.cell(column)).filter(|text| !text.is_empty());
            let (mut all, mut hits) = (0_usize, 0_usize);
            filled.for_each(|text| (all, hits) = (all + 1, hits + usize::from(is(text))));
            if all == 0 { 0.0 } else { hits as f64 / all as f64 }
        };
        let number = |low: f64, high: f64| {
            move |text: &str| {
                text.contains('.') && text.parse::<f64>().is_ok_and(|n| (low..high).contains(&n))
            }
        };
        let code = |text: &str| matches!(text.len(), 12 | 15) && text.bytes().all(|b| b.is_ascii_digit());
        let han = |text: &str| text.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count();
        let mean_han = |column: usize| {
            sample.iter().map(|row| han(row.cell(column))).sum::<usize>() as f64 / sample.len().max(1) as f64
        };
        let mut take = |field, column: Option<usize>| {
            if let Some(column) = column {
                self.by_field.entry(field).or_default().push((column, ColumnGuess::Values));
            }
        };
        let mostly = |is: &dyn Fn(&str) -> bool| (0..width).find(|&column| share(column, is) > 0.9);
        take(Field::Code, mostly(&code));
        take(Field::X, mostly(&number(70.0, 140.0)));
        take(Field::Y, mostly(&number(3.0, 54.0)));
        let longest = (0..width).max_by(|a, b| mean_han(*a).total_cmp(&mean_han(*b)));
        take(Field::Full, longest.filter(|&column| mean_han(column) >= 3.0));
        let used: Vec<usize> = self.iter().map(|(_, index, _)| index).collect();
        self.unknown = (0..width).filter(|index| !used.contains(index)).map(|i| (i, String::new())).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::read;

    fn sheet(text: &str) -> Sheet {
        read(text.as_bytes()).unwrap().remove(0)
    }

    fn of(columns: &Columns, field: Field) -> Option<usize> {
        columns.iter().find(|(f, ..)| *f == field).map(|(_, index, _)| index)
    }

    #[test]
    fn names_of_columns_are_unique_and_folded() {
        let mut seen = BTreeMap::new();
        for field in Field::ALL {
            for name in field.known_names() {
                assert_eq!(folded(name), *name);
                assert_eq!(seen.insert(*name, *field), None, "{name} stands for two fields");
            }
        }
        assert_eq!(field_of_name(" 县（区） "), Some(Field::County));
        assert_eq!(field_of_name("ＢＺＤＺ"), Some(Field::Full));
        assert_eq!(field_of_name("标准地址_ID"), Some(Field::Id));
        assert_eq!(field_of_name(""), None);
        for field in Field::ALL {
            assert_eq!(field_of_name(field.as_str()), Some(*field));
        }
    }

    #[test]
    fn police_field_names_are_known() {
        let sheet = sheet("BZDZID,BZDZ,JCWH,JLX,MLPH,BZDZX,BZDZY,ZRQ\n1,a,b,c,12号,119.9,27.2,x\n");
        let columns = Columns::guess(&sheet);
        let expected =
            [Field::Id, Field::Full, Field::Community, Field::Street, Field::Door, Field::X, Field::Y];
        for (index, field) in expected.into_iter().enumerate() {
            assert_eq!(of(&columns, field), Some(index));
        }
        assert_eq!(columns.unknown, [(7, "ZRQ".to_owned())]);
        assert_eq!(columns.text(&sheet.rows[0], Field::Door), "12号");
        assert_eq!(columns.notes(&sheet).len(), 8);
    }

    #[test]
    fn without_a_head_the_values_speak() {
        let sheet = sheet(
            "350926100003,双城镇溪坪街12号,119.901,27.233,x\n350926100004,上城路3号,119.902,27.234,y\n",
        );
        let columns = Columns::guess(&sheet);
        let found = [Field::Code, Field::Full, Field::X, Field::Y].map(|field| of(&columns, field));
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_person_overrules() {
        let sheet = sheet("编号,地址,备注\n1,甲,乙\n");
        let mut columns = Columns::guess(&sheet);
        columns.set(&sheet, "Full", "备注").unwrap();
        assert_eq!(columns.text(&sheet.rows[0], Field::Full), "乙");
        columns.set(&sheet, "aliases", "2").unwrap();
        assert_eq!(columns.joined(&sheet.rows[0], Field::Aliases), "甲");
        assert!(matches!(columns.set(&sheet, "colour", "1"), Err(ColumnError::Field(_))));
        assert!(matches!(columns.set(&sheet, "full", "9"), Err(ColumnError::Column { .. })));
    }

    #[test]
    fn several_columns_of_names_are_joined() {
        let sheet = sheet("地址,别名,简称\n甲,乙,丙\n丁,,戊\n");
        let columns = Columns::guess(&sheet);
        let names: Vec<String> = sheet.rows.iter().map(|row| columns.joined(row, Field::Aliases)).collect();
        assert_eq!(names, ["乙#丙", "戊"]);
    }
}

//! Rows as delivered: text in columns, nothing checked. An empty text is an absent one.

use super::Datum;

/// A row of an address table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawAddress<'a> {
    /// Line or row in the source, for messages.
    pub line: usize,
    /// The source's own id (`bzdzid`, `ADDRID` …).
    pub id: &'a str,
    /// Full text (`bzdz`, `DZMC`, `NAME` …).
    pub full: &'a str,
    /// Division code of 6, 9, 12 or 15 digits.
    pub code: &'a str,
    /// 省.
    pub province: &'a str,
    /// 市.
    pub city: &'a str,
    /// 县(区) (`ssxq`).
    pub county: &'a str,
    /// 乡镇街道 (`xzjd`).
    pub town: &'a str,
    /// 社区, 居(村)委会 (`jcwh`).
    pub community: &'a str,
    /// 组.
    pub group: &'a str,
    /// 街路巷 (`jlx`).
    pub street: &'a str,
    /// 小区.
    pub estate: &'a str,
    /// 单位院.
    pub compound: &'a str,
    /// 自然村.
    pub natural_village: &'a str,
    /// 门(楼)牌号 (`mlph`).
    pub door: &'a str,
    /// 栋.
    pub building: &'a str,
    /// 单元.
    pub unit: &'a str,
    /// 层.
    pub floor: &'a str,
    /// 室.
    pub room: &'a str,
    /// Name of the building or of what is in it (`JZWMC`, POI name).
    pub name: &'a str,
    /// Further names, several separated by `#`, `;`, `、` or `|`.
    pub aliases: &'a str,
    /// Former full texts or names, separated likewise.
    pub old_names: &'a str,
    /// 使用状态: a code of GA/T 2000.40 or its word.
    pub status: &'a str,
    /// First day of validity.
    pub valid_from: &'a str,
    /// Last day of validity.
    pub valid_to: &'a str,
    /// Where it is.
    pub point: Option<RawPoint>,
}

/// A position in plan metres, not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawPoint {
    /// East, metres.
    pub east_m: f64,
    /// North, metres.
    pub north_m: f64,
    /// Ellipsoidal height, metres.
    pub height_m: Option<f64>,
    /// Standard deviation per axis, metres.
    pub accuracy_m: Option<f64>,
    /// What it was delivered in.
    pub datum: Datum,
}

/// A named place with its code: a town, a village, a landmark.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawPlace<'a> {
    /// Line or row in the source.
    pub line: usize,
    /// Division code; a town has 9 digits, a village 12. Landmarks carry that of the division they lie in.
    pub code: &'a str,
    /// Name.
    pub name: &'a str,
    /// Whether it is a landmark inside the division of `code`, not the division itself.
    pub is_landmark: bool,
    /// Further names, separated as in [`RawAddress::aliases`].
    pub aliases: &'a str,
    /// Where it is.
    pub point: Option<RawPoint>,
}

/// A place or street that was renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawRename<'a> {
    /// Line or row in the source.
    pub line: usize,
    /// What it was called.
    pub old: &'a str,
    /// What it is called since.
    pub new: &'a str,
    /// Since when.
    pub since: &'a str,
}

//! From delivered tables to a county's address table: what the columns mean, where the positions are, and a reason for
//! every row that was refused.

use address_index::{
    division::{DivisionCode, Divisions},
    model::{
        AddressTable, CoordinateFault, CoordinateReading, Datum, Issue, Numbers, PlaceNameKind, RawAddress,
        RawPlace, RawPoint, TableOptions,
    },
};
use geodesy::{
    Geodetic, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef,
    glam::{DMat4, DVec3},
};

use crate::table::{Columns, Field, Row, Sheet, TableNote};

/// Positions are looked for in China, longitude and latitude in degrees.
const CHINA: [[f64; 2]; 2] = [[73.0, 3.0], [136.0, 54.0]];
/// Half the side of the box around the middle of the positions in which swapped and scaled ones are understood, degrees:
/// a county is smaller, and longitude and latitude of China differ by more.
const COUNTY_HALF_DEG: f64 = 0.8;

/// How tables are read.
#[derive(Clone, Debug)]
pub struct ImportOptions<'a> {
    /// The county; rows with a code elsewhere are refused.
    pub home: Option<DivisionCode>,
    /// The nation's divisions.
    pub divisions: &'a Divisions,
    /// What the positions are in where the table does not say.
    pub datum: Datum,
}

/// A sheet with what its columns mean.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetInput {
    /// Name of the file, for reports.
    pub file: String,
    /// The sheet.
    pub sheet: Sheet,
    /// Its columns.
    pub columns: Columns,
}

/// What came of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The addresses.
    pub table: AddressTable,
    /// The plan of the positions in `table`; without positions there is none.
    pub plan: Option<Plan>,
    /// Everything that was wrong with a row: refused rows, and fields that were left out.
    pub issues: Vec<RowIssue>,
    /// What was put right or should be known, by file.
    pub notes: Vec<(String, TableNote)>,
    /// Figures.
    pub counts: ImportCounts,
}

/// Figures of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Rows read.
    pub rows: usize,
    /// Addresses in the table.
    pub imported: usize,
    /// Rows refused.
    pub refused: usize,
    /// Addresses with a position.
    pub with_position: usize,
    /// Positions of which longitude and latitude were swapped, or that were scaled by a power of ten.
    pub positions_mended: usize,
    /// Positions that could not be read.
    pub positions_unread: usize,
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowIssue {
    /// Index of the input.
    pub input: usize,
    /// Index of the row in its sheet.
    pub row: usize,
    /// Line or row in the file, from 1.
    pub line: usize,
    /// The field.
    pub column: String,
    /// What is wrong.
    pub reason: String,
    /// Whether the row was refused; else it was imported without this field.
    pub refused: bool,
}

/// A local plan: east and north of a tangent plane of the ellipsoid, metres. Within 20 km of its origin distances on it are
/// right to some centimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Longitude and latitude of the origin, degrees.
    pub origin_lon_lat_deg: [f64; 2],
    enu_from_ecef: DMat4,
}

impl Plan {
    /// A plan around a place.
    pub fn around(lon_lat_deg: [f64; 2]) -> Self {
        let origin = ecef_from_geodetic(geodetic(lon_lat_deg));
        Self { origin_lon_lat_deg: lon_lat_deg, enu_from_ecef: ecef_from_enu(origin).inverse() }
    }

    /// East and north of a place on the ellipsoid, metres.
    pub fn plan_from_lon_lat(&self, lon_lat_deg: [f64; 2]) -> [f64; 2] {
        let enu = self.enu_from_ecef.transform_point3(ecef_from_geodetic(geodetic(lon_lat_deg)));
        [enu.x, enu.y]
    }
}

impl Plan {
    /// Longitude and latitude of a place of the plan, degrees.
    pub fn lon_lat_from_plan(&self, [east_m, north_m]: [f64; 2]) -> [f64; 2] {
        let ecef_from_enu = self.enu_from_ecef.inverse();
        let mut up_m = 0.0;
        let mut place = geodetic(self.origin_lon_lat_deg);
        // The plan is a projection along its own vertical: what is sought lies on the ellipsoid below or above.
        for _ in 0..4 {
            place = geodetic_from_ecef(ecef_from_enu.transform_point3(DVec3::new(east_m, north_m, up_m)));
            up_m -= place.height_m;
        }
        [place.lon_rad.to_degrees(), place.lat_rad.to_degrees()]
    }
}

fn geodetic([lon, lat]: [f64; 2]) -> Geodetic {
    Geodetic { lon_rad: lon.to_radians(), lat_rad: lat.to_radians(), height_m: 0.0 }
}

/// Builds the table of all sheets. `places` are villages and landmarks known beforehand.
pub fn import(inputs: &[SheetInput], places: &[RawPlace<'_>], options: &ImportOptions<'_>) -> Imported {
    let mut notes: Vec<(String, TableNote)> = Vec::new();
    let mut counts = ImportCounts::default();
    for input in inputs {
        let told = input.sheet.notes.iter().cloned().chain(input.columns.notes(&input.sheet));
        notes.extend(told.map(|note| (input.file.clone(), note)));
    }
    let middle = middle_of_positions(inputs);
    let plan = middle.map(Plan::around);
    let mut issues = Vec::new();
    let mut prepared = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        for (number, row) in input.sheet.rows.iter().enumerate() {
            let place = (index, number);
            let (point, mended) = match point(input, row, middle, plan.as_ref(), options.datum) {
                Ok(found) => found,
                Err(reason) => {
                    counts.positions_unread += 1;
                    issues.push(RowIssue {
                        input: index,
                        row: number,
                        line: row.line,
                        column: "position".into(),
                        reason,
                        refused: false,
                    });
                    (None, false)
                }
            };
            counts.positions_mended += usize::from(mended);
            let aliases = input.columns.joined(row, Field::Aliases);
            prepared.push((place, point, aliases));
        }
    }
    counts.rows = prepared.len();
    // `line` is the number of the row among all rows while the table is built, so that an issue leads back to its file.
    let rows = prepared.iter().enumerate().filter_map(|(number, ((input, row), point, aliases))| {
        let input = inputs.get(*input)?;
        let row = input.sheet.rows.get(*row)?;
        Some(raw(number, input, row, *point, aliases))
    });
    let table_options = TableOptions { home: options.home, divisions: options.divisions, extent: None };
    let (table, found) = AddressTable::build(&table_options, places, &[], rows);
    issues.extend(found.iter().filter_map(|issue| {
        let &((input, row), ..) = prepared.get(issue.line)?;
        Some(row_issue(issue, input, row, inputs, &prepared))
    }));
    issues.sort_by_key(|issue| (issue.input, issue.row));
    counts.refused = {
        let mut refused: Vec<(usize, usize)> =
            issues.iter().filter(|i| i.refused).map(|i| (i.input, i.row)).collect();
        refused.dedup();
        refused.len()
    };
    counts.imported = table.addresses().len();
    counts.with_position = table.addresses().iter().filter(|address| address.point.is_some()).count();
    Imported { table, plan, issues, notes, counts }
}

type Prepared = ((usize, usize), Option<RawPoint>, String);

fn row_issue(
    issue: &Issue,
    input: usize,
    row: usize,
    inputs: &[SheetInput],
    prepared: &[Prepared],
) -> RowIssue {
    let line_of = |(input, row): (usize, usize)| {
        inputs.get(input).and_then(|i| i.sheet.rows.get(row)).map_or(0, |row| row.line)
    };
    let reason = match &issue.reason {
        address_index::model::IssueReason::DuplicateId { first_line } => {
            let first = prepared.get(*first_line).map_or((0, 0), |(place, ..)| *place);
            let file = inputs.get(first.0).map_or("", |i| i.file.as_str());
            format!("the id is that of line {} of {file} already", line_of(first))
        }
        other => other.to_string(),
    };
    RowIssue {
        input,
        row,
        line: line_of((input, row)),
        column: issue.column.to_owned(),
        reason,
        refused: issue.refused,
    }
}

fn raw<'a>(
    number: usize,
    input: &'a SheetInput,
    row: &'a Row,
    point: Option<RawPoint>,
    aliases: &'a str,
) -> RawAddress<'a> {
    let text = |field| input.columns.text(row, field);
    RawAddress {
        line: number,
        id: text(Field::Id),
        full: text(Field::Full),
        code: text(Field::Code),
        province: text(Field::Province),
        city: text(Field::City),
        county: text(Field::County),
        town: text(Field::Town),
        community: text(Field::Community),
        group: text(Field::Group),
        street: text(Field::Street),
        estate: text(Field::Estate),
        compound: text(Field::Compound),
        natural_village: text(Field::NaturalVillage),
        door: text(Field::Door),
        building: text(Field::Building),
        unit: text(Field::Unit),
        floor: text(Field::Floor),
        room: text(Field::Room),
        name: text(Field::Name),
        aliases,
        old_names: text(Field::OldNames),
        status: text(Field::Status),
        valid_from: text(Field::ValidFrom),
        valid_to: text(Field::ValidTo),
        point,
    }
}

fn pair(input: &SheetInput, row: &Row) -> Option<Result<[f64; 2], String>> {
    let texts = [Field::X, Field::Y].map(|field| input.columns.text(row, field));
    if texts.iter().all(|text| text.is_empty()) {
        return None;
    }
    let numbers = texts.map(|text| text.replace(['，', '、'], "").parse::<f64>().ok());
    Some(match numbers {
        [Some(x), Some(y)] => Ok([x, y]),
        _ => Err(format!("no pair of numbers: {:?}, {:?}", texts[0], texts[1])),
    })
}

/// The median of all positions that are plainly longitude and latitude.
fn middle_of_positions(inputs: &[SheetInput]) -> Option<[f64; 2]> {
    let rows = inputs.iter().flat_map(|input| input.sheet.rows.iter().map(move |row| (input, row)));
    let plain: Vec<[f64; 2]> = rows
        .filter_map(|(input, row)| pair(input, row)?.ok())
        .filter_map(|[x, y]| match CoordinateReading::of(x, y, CHINA[0], CHINA[1]) {
            CoordinateReading::Degrees { lon_lat, .. } => Some(lon_lat),
            _ => None,
        })
        .collect();
    let median = |axis: usize| {
        let mut values: Vec<f64> = plain.iter().map(|place| place[axis]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Some([median(0)?, median(1)?])
}

/// The position of a row, if it names one, and whether it had to be mended.
fn point(
    input: &SheetInput,
    row: &Row,
    middle: Option<[f64; 2]>,
    plan: Option<&Plan>,
    datum: Datum,
) -> Result<(Option<RawPoint>, bool), String> {
    let Some([x, y]) = pair(input, row).transpose()? else { return Ok((None, false)) };
    let (low, high) = middle
        .map_or((CHINA[0], CHINA[1]), |m| (m.map(|v| v - COUNTY_HALF_DEG), m.map(|v| v + COUNTY_HALF_DEG)));
    let (lon_lat, fault) = match CoordinateReading::of(x, y, low, high) {
        CoordinateReading::Degrees { lon_lat, fault } => (lon_lat, fault),
        CoordinateReading::Zero => return Err("the position is 0, 0".into()),
        CoordinateReading::Metres => {
            return Err(format!("{x}, {y} are metres of a projection that the table does not name"));
        }
        CoordinateReading::Nonsense => {
            return Err(format!("{x}, {y} lie far from all other positions, or are none"));
        }
    };
    let Some(plan) = plan else { return Ok((None, false)) };
    let number = |field| input.columns.text(row, field).parse::<f64>().ok().filter(|n| n.is_finite());
    let said = input.columns.text(row, Field::Datum);
    let [east_m, north_m] = plan.plan_from_lon_lat(lon_lat);
    let point = RawPoint {
        east_m,
        north_m,
        height_m: number(Field::Height),
        accuracy_m: number(Field::Accuracy).filter(|n| *n > 0.0),
        datum: datum_of(said).unwrap_or(datum),
    };
    Ok((Some(point), fault.is_some_and(is_mended)))
}

fn is_mended(fault: CoordinateFault) -> bool {
    match fault {
        CoordinateFault::Swapped | CoordinateFault::Scaled(_) | CoordinateFault::SwappedAndScaled(_) => true,
    }
}

/// The datum of a word, a code or an EPSG number; `None` if it says nothing.
pub fn datum_of(text: &str) -> Option<Datum> {
    let text = crate::table::columns::folded(text);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.is_empty() {
        None
    } else if says(&["gcj02", "gcj", "火星", "国测局", "高德", "腾讯", "amap"]) {
        Some(Datum::Gcj02)
    } else if says(&["bd09", "百度", "baidu"]) {
        Some(Datum::Bd09)
    } else if says(&["cgcs2000", "国家2000", "大地2000", "2000国家", "4490"]) {
        Some(Datum::Cgcs2000)
    } else if says(&["wgs84", "4326", "gps"]) {
        Some(Datum::Wgs84)
    } else {
        None
    }
}

/// Villages and other named divisions from a table of codes and names.
pub fn places(input: &SheetInput) -> Vec<RawPlace<'_>> {
    let name_fields = [Field::Community, Field::Full, Field::Name, Field::Town];
    let name_field = name_fields.into_iter().find(|field| input.columns.has(*field));
    let places = input.sheet.rows.iter().map(|row| RawPlace {
        line: row.line,
        code: input.columns.text(row, Field::Code),
        name: name_field.map_or("", |field| input.columns.text(row, field)),
        aliases: input.columns.text(row, Field::Aliases),
        ..RawPlace::default()
    });
    places.filter(|place| !place.code.is_empty()).collect()
}

/// The table as `addresses.csv` of a county: one line an address, in the order of the source.
pub fn normalised_csv(imported: &Imported) -> Result<Vec<u8>, csv::Error> {
    const HEAD: [&str; 21] = [
        "id",
        "full",
        "code",
        "name",
        "aliases",
        "door",
        "building",
        "unit",
        "floor",
        "room",
        "status",
        "valid_from",
        "valid_to",
        "longitude",
        "latitude",
        "east_m",
        "north_m",
        "height_m",
        "accuracy_m",
        "datum",
        "old_names",
    ];
    let table = &imported.table;
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(HEAD)?;
    let date = |day: Option<address_index::model::Date>| day.map(|d| d.to_string()).unwrap_or_default();
    for address in table.addresses() {
        let names = |kind| {
            let names = address.other_names.iter().filter(|n| n.kind == kind).map(|n| n.text.as_str());
            names.collect::<Vec<_>>().join("#")
        };
        let part = |numbers: Numbers| numbers.text();
        let n = address.numbers;
        let point = address.point;
        let lon_lat = point.zip(imported.plan).map(|(p, plan)| plan.lon_lat_from_plan(p.position_m));
        let degrees = |axis: usize| lon_lat.map(|p| format!("{:.8}", p[axis])).unwrap_or_default();
        let metres = |value: Option<f64>| value.map(|v| format!("{v:.3}")).unwrap_or_default();
        out.write_record([
            address.id.clone(),
            table.text(address),
            address.code.map(|code| code.to_string()).unwrap_or_default(),
            address.name.clone().unwrap_or_default(),
            names(PlaceNameKind::Alias),
            part(Numbers { door: n.door, door_plate: n.door_plate, ..Numbers::default() }),
            part(Numbers { building: n.building, building_plate: n.building_plate, ..Numbers::default() }),
            part(Numbers { unit: n.unit, ..Numbers::default() }),
            part(Numbers { floor: n.floor, ..Numbers::default() }),
            part(Numbers { room: n.room, room_plate: n.room_plate, ..Numbers::default() }),
            (address.status as u8).to_string(),
            date(address.valid_from),
            date(address.valid_to),
            degrees(0),
            degrees(1),
            metres(point.map(|p| p.position_m[0])),
            metres(point.map(|p| p.position_m[1])),
            metres(point.and_then(|p| p.height_m)),
            metres(point.and_then(|p| p.accuracy_m)),
            point.map_or("", |p| datum_name(p.datum)).to_owned(),
            names(PlaceNameKind::Old),
        ])?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// What was wrong with which row, with the cells of the row as they were delivered.
pub fn rejected_csv(imported: &Imported, inputs: &[SheetInput]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    out.write_record(["file", "line", "field", "reason", "imported", "row"])?;
    for issue in &imported.issues {
        let Some(input) = inputs.get(issue.input) else { continue };
        let line = issue.line.to_string();
        let imported = if issue.refused { "no" } else { "without this field" };
        let head = [input.file.as_str(), &line, &issue.column, &issue.reason, imported];
        let cells = input.sheet.rows.get(issue.row).into_iter().flat_map(Row::cells);
        out.write_record(head.into_iter().chain(cells))?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn datum_name(datum: Datum) -> &'static str {
    match datum {
        Datum::Unknown => "unknown",
        Datum::Cgcs2000 => "cgcs2000",
        Datum::Wgs84 => "wgs84",
        Datum::Gcj02 => "gcj02",
        Datum::Bd09 => "bd09",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::read;

    fn inputs(text: &str) -> Vec<SheetInput> {
        let sheet = read(text.as_bytes()).unwrap().remove(0);
        let columns = Columns::guess(&sheet);
        vec![SheetInput { file: "a.csv".into(), sheet, columns }]
    }

    fn imported(text: &str) -> Imported {
        let divisions = Divisions::national();
        let home = Some(DivisionCode::parse("350926").unwrap());
        import(&inputs(text), &[], &ImportOptions { home, divisions: &divisions, datum: Datum::Cgcs2000 })
    }

    #[test]
    fn rows_become_addresses_and_refused_ones_say_why() {
        let result = imported(
            "编号,标准地址,经度,纬度,使用状态\n\
             1,双城镇溪坪社区溪坪街12号,119.901,27.234,10\n\
             2,双城镇溪坪社区溪坪街14号,27.2341,119.9012,10\n\
             1,双城镇溪坪社区溪坪街16号,119.9013,27.2342,10\n\
             4,,119.9,27.2,10\n\
             5,双城镇溪坪社区溪坪街18号,0,0,10\n\
             6,双城镇溪坪社区溪坪街20号,119901000,27234000,在用\n\
             7,双城镇溪坪社区溪坪街22号,490123.4,3013456.7,7\n",
        );
        let counts = result.counts;
        assert_eq!((counts.rows, counts.imported + counts.refused), (7, 7));
        assert_eq!((counts.positions_mended, counts.positions_unread), (2, 2));
        let said: Vec<(usize, &str, bool)> =
            result.issues.iter().map(|i| (i.line, i.column.as_str(), i.refused)).collect();
        assert!(said.contains(&(4, "id", true)), "{:?}", result.issues);
        assert!(result.issues.iter().any(|i| i.line == 4 && i.reason.contains("line 2 of a.csv")));
        assert!(said.iter().any(|(line, _, refused)| *line == 5 && *refused), "{said:?}");
        assert!(said.contains(&(6, "position", false)) && said.contains(&(8, "position", false)));
    }

    #[test]
    fn what_is_written_can_be_imported_again() {
        let first = imported(
            "地址编号,标准地址,经度,纬度,别名\n\
             7,双城镇溪坪社区溪坪街12号之1,119.901,27.234,老邮局\n\
             9,双城镇溪坪社区阳光小区9栋3单元204室,119.9012,27.2341,\n",
        );
        assert_eq!(first.counts.imported, 2, "{:?}", first.issues);
        let csv = String::from_utf8(normalised_csv(&first).unwrap()).unwrap();
        let again = imported(&csv);
        assert_eq!(
            again.counts,
            ImportCounts { positions_mended: 0, ..first.counts },
            "{csv}\n{:?}",
            again.issues
        );
        for (a, b) in first.table.addresses().iter().zip(again.table.addresses()) {
            assert_eq!((&a.id, first.table.text(a), a.numbers), (&b.id, again.table.text(b), b.numbers));
            assert_eq!(a.other_names, b.other_names);
        }
        let rejected = rejected_csv(&again, &inputs(&csv)).unwrap();
        assert_eq!(rejected.iter().filter(|b| **b == b'\n').count(), 1);
    }

    #[test]
    fn a_plan_keeps_distances() {
        let plan = Plan::around([119.9, 27.2]);
        assert_eq!(plan.plan_from_lon_lat([119.9, 27.2]).map(|v| v.abs() < 1e-6), [true; 2]);
        for place in [[119.9, 27.2], [120.1, 27.05], [119.6, 27.5]] {
            let back = plan.lon_lat_from_plan(plan.plan_from_lon_lat(place));
            assert!((0..2).all(|i| (back[i] - place[i]).abs() < 1e-9), "{place:?} {back:?}");
        }
        // A minute of latitude is about 1,847 m here (GRS 80 meridian arc).
        let [east, north] = plan.plan_from_lon_lat([119.9, 27.2 + 1.0 / 60.0]);
        assert!(east.abs() < 0.01 && (north - 1_846.6).abs() < 1.0, "{east} {north}");
    }

    #[test]
    fn datums_are_read() {
        let cases = [
            ("GCJ-02", Some(Datum::Gcj02)),
            ("高德坐标", Some(Datum::Gcj02)),
            ("百度", Some(Datum::Bd09)),
            ("CGCS2000", Some(Datum::Cgcs2000)),
            ("EPSG:4326", Some(Datum::Wgs84)),
            ("", None),
            ("unknown", None),
        ];
        for (text, datum) in cases {
            assert_eq!(datum_of(text), datum, "{text}");
        }
    }
}

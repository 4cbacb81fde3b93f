//! From raw rows to the table.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Address, AddressTable, Issue, IssueReason, Status, TableOptions};
use crate::{
    division::{DivisionCode, DivisionLevel},
    model::{
        AddressPoint, Date, ElementKind, Numbers, Place, PlaceId, PlaceName, PlaceNameKind, RawAddress,
        RawPlace, RawPoint, RawRename,
    },
    parse::{Lexicon, Parsed, Parser, lexicon},
    text::Normalized,
};

/// Longest text of one field, bytes.
const LONGEST: usize = 2_000;

pub(super) fn build<'r>(
    options: &TableOptions<'_>,
    places: &[RawPlace<'_>],
    renames: &[RawRename<'_>],
    rows: impl IntoIterator<Item = RawAddress<'r>>,
) -> (AddressTable, Vec<Issue>) {
    let mut builder = Builder {
        options,
        table: AddressTable { home: options.home, ..AddressTable::default() },
        issues: Vec::new(),
        by_text: HashMap::new(),
        by_name: HashMap::new(),
        by_code: HashMap::new(),
        ids: HashMap::new(),
        generated: BTreeMap::new(),
        current: None,
    };
    let mut ordered: Vec<&RawPlace<'_>> = places.iter().collect();
    ordered.sort_by_key(|place| (place.is_landmark, place.code.trim().len()));
    ordered.into_iter().for_each(|place| builder.place(place));
    builder.rename(renames);
    let lexicon = Lexicon::new(options.divisions, &builder.table.places);
    let parser = Parser::new(lexicon, options.home);
    let mut parsed = Parsed::default();
    let mut normalized = Normalized::default();
    let mut generated = Vec::new();
    for row in rows {
        builder.row(&row, &parser, &mut normalized, &mut parsed, &mut generated);
    }
    builder.give_ids(&generated);
    (builder.table, builder.issues)
}

struct Builder<'a, 'o> {
    options: &'a TableOptions<'o>,
    table: AddressTable,
    issues: Vec<Issue>,
    /// By parent, rank and text as written: a short way to `by_name`.
    by_text: HashMap<(u32, u8), HashMap<String, PlaceId>>,
    /// By parent, rank and normalised name.
    by_name: HashMap<(u32, u8, String), PlaceId>,
    by_code: HashMap<DivisionCode, PlaceId>,
    ids: HashMap<String, usize>,
    /// Last number given out for each code.
    generated: BTreeMap<String, u64>,
    /// Line and whether the row is still good.
    current: Option<usize>,
}

const TOP: u32 = u32::MAX;

impl Builder<'_, '_> {
    fn issue(&mut self, column: &'static str, reason: IssueReason, refused: bool) {
        let line = self.current.unwrap_or(0);
        self.issues.push(Issue { line, column, reason, refused });
    }

    fn place(&mut self, raw: &RawPlace<'_>) {
        self.current = Some(raw.line);
        let name = raw.name.trim();
        if name.is_empty() || name.len() > LONGEST {
            self.issue("name", IssueReason::Empty, true);
            return;
        }
        let code = match DivisionCode::parse(raw.code) {
            Ok(code) => code,
            Err(error) => return self.issue("code", error.into(), true),
        };
        if let Some(home) = self.options.home.filter(|home| !code.is_within(*home) && !home.is_within(code)) {
            return self.issue("code", IssueReason::Elsewhere { home }, true);
        }
        let position_m = raw.point.and_then(|point| self.position(&point)).map(|point| point.position_m);
        let mut other_names = names_of(raw.aliases, PlaceNameKind::Alias);
        if raw.is_landmark {
            let parent = self.division(code);
            self.push(parent, ElementKind::Landmark, name, None, other_names, position_m);
            return;
        }
        if self.by_code.contains_key(&code) {
            return self.issue("code", IssueReason::DuplicateId { first_line: 0 }, true);
        }
        let above = match code.level() {
            DivisionLevel::Province => None,
            DivisionLevel::City => code.at(DivisionLevel::Province),
            DivisionLevel::County => code.at(DivisionLevel::City),
            DivisionLevel::Town => code.at(DivisionLevel::County),
            DivisionLevel::Village | DivisionLevel::PoliceVillage => code.at(DivisionLevel::Town),
        };
        let parent = above.and_then(|above| self.division(above));
        let (kind, written) = match code.level() {
            DivisionLevel::Province => (ElementKind::Province, name.to_owned()),
            DivisionLevel::City => (ElementKind::City, name.to_owned()),
            DivisionLevel::County => (ElementKind::County, name.to_owned()),
            DivisionLevel::Town => (ElementKind::of_town(name), name.to_owned()),
            DivisionLevel::Village | DivisionLevel::PoliceVillage => {
                (ElementKind::of_community(name), lexicon::written_of(name))
            }
        };
        if written != name {
            let official = PlaceName {
                text: name.to_owned(),
                kind: PlaceNameKind::Alias,
                valid_from: None,
                valid_to: None,
            };
            other_names.push(official);
        }
        let id = self.push(parent, kind, &written, Some(code), other_names, position_m);
        self.by_code.insert(code, id);
    }
    /// The place of a province, city, county or town by its code, made from the nation's list where it is not there yet.
    fn division(&mut self, code: DivisionCode) -> Option<PlaceId> {
        if let Some(&id) = self.by_code.get(&code) {
            return Some(id);
        }
        if code.level() > DivisionLevel::County {
            let above =
                if code.level() == DivisionLevel::Town { DivisionLevel::County } else { DivisionLevel::Town };
            return code.at(above).and_then(|above| self.division(above));
        }
        let mut parent = None;
        for division in self.options.divisions.chain(code) {
            let kind = match division.code.level() {
                DivisionLevel::Province => ElementKind::Province,
                DivisionLevel::City => ElementKind::City,
                _ => ElementKind::County,
            };
            let id = match self.by_code.get(&division.code) {
                Some(&id) => id,
                None => {
                    let id = self.push(parent, kind, division.name, Some(division.code), Vec::new(), None);
                    self.by_code.insert(division.code, id);
                    id
                }
            };
            parent = Some(id);
        }
        parent
    }
    fn push(
        &mut self,
        parent: Option<PlaceId>,
        kind: ElementKind,
        name: &str,
        code: Option<DivisionCode>,
        other_names: Vec<PlaceName>,
        position_m: Option<[f64; 2]>,
    ) -> PlaceId {
        let id = PlaceId(self.table.places.len() as u32);
        let key = (parent.map_or(TOP, |parent| parent.0), key_rank(kind), identity(name, kind));
        self.by_name.entry(key).or_insert(id);
        self.table.places.push(Place { parent, kind, name: name.to_owned(), code, other_names, position_m });
        id
    }
    /// The place with a name inside another, made where it is not there yet.
    fn inside(&mut self, parent: Option<PlaceId>, kind: ElementKind, name: &str) -> PlaceId {
        let above = parent.map_or(TOP, |parent| parent.0);
        let rank = key_rank(kind);
        if let Some(&id) = self.by_text.get(&(above, rank)).and_then(|texts| texts.get(name)) {
            return id;
        }
        let key = (above, rank, identity(name, kind));
        let found = self.by_name.get(&key).copied();
        let id = found.unwrap_or_else(|| {
            let written = if kind.rank() == 4 { lexicon::written_of(name) } else { name.to_owned() };
            self.push(parent, kind, &written, None, Vec::new(), None)
        });
        self.by_text.entry((above, rank)).or_default().insert(name.to_owned(), id);
        id
    }

    /// Old names go to whatever has the newest name; circles have no newest.
    fn rename(&mut self, renames: &[RawRename<'_>]) {
        let plain = |name: &str| Normalized::new(name).text();
        let next: HashMap<String, (String, usize)> = renames
            .iter()
            .enumerate()
            .map(|(at, rename)| (plain(rename.old), (plain(rename.new), at)))
            .collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, place) in self.table.places.iter().enumerate() {
            by_name.entry(plain(&place.name)).or_default().push(at);
        }
        for rename in renames {
            self.current = Some(rename.line);
            let since = match rename.since.trim() {
                "" => None,
                text => match Date::parse(text) {
                    Some(date) => Some(date),
                    None => {
                        self.issue("since", IssueReason::Date(text.to_owned()), false);
                        None
                    }
                },
            };
            let mut newest = plain(rename.new);
            let mut seen = HashSet::from([plain(rename.old)]);
            let mut circular = seen.contains(&newest);
            while let Some((newer, _)) = next.get(&newest).filter(|_| !circular) {
                circular = !seen.insert(newest.clone()) || seen.contains(newer);
                newest = newer.clone();
            }
            if circular {
                self.issue("new", IssueReason::Cycle(rename.old.to_owned()), true);
                continue;
            }
            let Some(places) = by_name.get(&newest) else {
                self.issue("new", IssueReason::UnknownName(rename.new.to_owned()), true);
                continue;
            };
            for &at in places {
                let Some(place) = self.table.places.get_mut(at) else { continue };
                place.other_names.push(PlaceName {
                    text: rename.old.trim().to_owned(),
                    kind: PlaceNameKind::Old,
                    valid_from: None,
                    valid_to: since,
                });
            }
        }
    }

    fn row(
        &mut self,
        raw: &RawAddress<'_>,
        parser: &Parser,
        normalized: &mut Normalized,
        parsed: &mut Parsed,
        generated: &mut Vec<(usize, Option<DivisionCode>)>,
    ) {
        self.current = Some(raw.line);
        if raw.full.len() > LONGEST {
            return self.issue("full", IssueReason::TooLong { bytes: raw.full.len() }, true);
        }
        let code = match raw.code.trim() {
            "" => None,
            text => match DivisionCode::parse(text) {
                Ok(code) => Some(code),
                Err(error) => {
                    self.issue("code", error.into(), false);
                    None
                }
            },
        };
        if let (Some(code), Some(home)) = (code, self.options.home)
            && !code.is_within(home)
        {
            return self.issue("code", IssueReason::Elsewhere { home }, true);
        }
        let status = Status::parse(raw.status);
        if status.is_none() {
            self.issue("status", IssueReason::Status(raw.status.to_owned()), false);
        }
        let valid_from = self.date("valid_from", raw.valid_from);
        let valid_to = self.date("valid_to", raw.valid_to);
        if let (Some(from), Some(to)) = (valid_from, valid_to)
            && to < from
        {
            return self.issue("valid_to", IssueReason::Reversed { from, to }, true);
        }
        let id = raw.id.trim();
        if let Some(&first_line) = self.ids.get(id).filter(|_| !id.is_empty()) {
            return self.issue("id", IssueReason::DuplicateId { first_line }, true);
        }
        let mut columns = Columns::of(raw);
        if columns.needs_text() && !raw.full.trim().is_empty() {
            normalized.fill(raw.full);
            parser.parse_into(normalized, parsed);
            columns.fill(raw.full, parsed);
        }
        if columns.is_empty() && raw.name.trim().is_empty() {
            return self.issue("full", IssueReason::Empty, true);
        }
        let (place, numbers) = self.located(&columns, code, parsed.division.filter(|_| columns.from_text));
        let name = Some(raw.name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
        let mut other_names = names_of(raw.aliases, PlaceNameKind::Alias);
        other_names.extend(names_of(raw.old_names, PlaceNameKind::Old));
        let mut address = Address {
            id: id.to_owned(),
            place,
            numbers,
            name,
            other_names,
            text: None,
            code,
            status: status.unwrap_or_default(),
            valid_from,
            valid_to,
            point: raw.point.and_then(|point| self.position(&point)),
        };
        let full = raw.full.trim();
        if !full.is_empty() && self.table.text(&address) != full {
            address.text = Some(full.to_owned());
        }
        if id.is_empty() {
            let village = place.and_then(|place| self.table.path(place).find_map(|p| p.code));
            generated.push((self.table.addresses.len(), code.or(village)));
        } else {
            self.ids.insert(id.to_owned(), raw.line);
        }
        self.table.addresses.push(address);
    }
    /// The tree path of a row and its numbers.
    fn located(
        &mut self,
        columns: &Columns<'_>,
        code: Option<DivisionCode>,
        parsed: Option<DivisionCode>,
    ) -> (Option<PlaceId>, Numbers) {
        let coded = code.and_then(|code| self.by_code.get(&code).copied());
        let mut place = code
            .or(self.options.home)
            .or(parsed)
            .and_then(|code| self.division(code.at(DivisionLevel::County).unwrap_or(code)));
        if place.is_none() {
            for (kind, name) in [
                (ElementKind::Province, columns.province),
                (ElementKind::City, columns.city),
                (ElementKind::County, columns.county),
            ] {
                if !name.is_empty() {
                    place = Some(self.inside(place, kind, name));
                }
            }
        }
        // A code says town and village better than their names do.
        let coded_town =
            code.and_then(|c| c.at(DivisionLevel::Town)).and_then(|c| self.by_code.get(&c).copied());
        match coded_town {
            Some(town) => place = Some(town),
            None if !columns.town.is_empty() => {
                place = Some(self.inside(place, ElementKind::of_town(columns.town), columns.town));
            }
            None => {}
        }
        match coded.filter(|id| self.table.place(*id).is_some_and(|p| p.kind.rank() == 4)) {
            Some(village) => place = Some(village),
            None if !columns.community.is_empty() => {
                place = Some(self.village(place, columns.community));
            }
            None => {}
        }
        let mut numbers = Numbers::default();
        for (kind, name) in columns.named.iter().copied().filter(|(_, name)| !name.is_empty()) {
            place = Some(self.inside(place, kind, name));
        }
        // Whatever is written where a number should be, but is none, is a name.
        match Numbers::door_of(columns.door) {
            Some((door, plate)) => (numbers.door, numbers.door_plate) = (door, plate),
            None if !columns.door.is_empty() => {
                place = Some(self.inside(place, ElementKind::Compound, columns.door))
            }
            None => {}
        }
        match Numbers::building_of(columns.building) {
            Some((building, plate)) => (numbers.building, numbers.building_plate) = (building, plate),
            None if !columns.building.is_empty() => {
                place = Some(self.inside(place, ElementKind::Building, columns.building))
            }
            None => {}
        }
        for (text, kind, slot) in [
            (columns.unit, ElementKind::Unit, &mut numbers.unit),
            (columns.floor, ElementKind::Floor, &mut numbers.floor),
        ] {
            let value =
                if kind == ElementKind::Unit { Numbers::unit_of(text) } else { Numbers::floor_of(text) };
            match value {
                Some(value) => *slot = value,
                None if !text.is_empty() => place = Some(self.inside(place, kind, text)),
                None => {}
            }
        }
        match Numbers::room_of(columns.room) {
            Some((room, plate)) => (numbers.room, numbers.room_plate) = (room, plate),
            None if !columns.room.is_empty() => {
                place = Some(self.inside(place, ElementKind::Room, columns.room))
            }
            None => {}
        }
        (place, numbers)
    }
    /// A village by any of its written forms: 溪坪社区, 溪坪居委会 and 溪坪社区居委会 are one unless two are there.
    fn village(&mut self, town: Option<PlaceId>, name: &str) -> PlaceId {
        let above = town.map_or(TOP, |town| town.0);
        let rank = key_rank(ElementKind::VillageCommittee);
        if let Some(&id) = self.by_text.get(&(above, rank)).and_then(|texts| texts.get(name)) {
            return id;
        }
        let key = (above, rank, identity(name, ElementKind::VillageCommittee));
        if !self.by_name.contains_key(&key) {
            let core = lexicon::core_of(name);
            let inside = self.table.places.iter().zip(0..).filter(|(place, _)| {
                // With no town said, the village may lie in any.
                (place.parent == town
                    || self.options.home.is_some()
                        && town.is_none_or(|t| self.table.place(t).is_some_and(|t| t.kind.rank() < 3)))
                    && place.kind.rank() == 4
                    && lexicon::core_of(&place.name) == core
            });
            let same: Vec<u32> = inside.map(|(_, id)| id).collect();
            if let [only] = same.as_slice() {
                let id = PlaceId(*only);
                self.by_text.entry((above, rank)).or_default().insert(name.to_owned(), id);
                return id;
            }
        }
        self.inside(town, ElementKind::of_community(name), name)
    }
    fn date(&mut self, column: &'static str, text: &str) -> Option<Date> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let date = Date::parse(text);
        if date.is_none() {
            self.issue(column, IssueReason::Date(text.chars().take(40).collect()), false);
        }
        date
    }
    fn position(&mut self, raw: &RawPoint) -> Option<AddressPoint> {
        let position_m = [raw.east_m, raw.north_m];
        let (low, high) = self
            .options
            .extent
            .unwrap_or(([-crate::footprint::FARTHEST_M; 2], [crate::footprint::FARTHEST_M; 2]));
        // Written so that NaN fails too.
        if !(0..2).all(|k| low[k] <= position_m[k] && position_m[k] <= high[k]) {
            self.issue("point", IssueReason::Position { east_m: raw.east_m, north_m: raw.north_m }, false);
            return None;
        }
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let accuracy_m = finite(raw.accuracy_m).filter(|accuracy| *accuracy >= 0.0);
        Some(AddressPoint { position_m, height_m: finite(raw.height_m), accuracy_m, datum: raw.datum })
    }
    /// Ids of rows without one: code and number, in the order of the source, not one that the source uses itself.
    fn give_ids(&mut self, generated: &[(usize, Option<DivisionCode>)]) {
        for &(at, code) in generated {
            let code = code.map_or_else(|| "0".to_owned(), |code| code.to_string());
            let next = self.generated.entry(code.clone()).or_insert(0);
            let id = loop {
                *next += 1;
                let id = format!("{code}-A{next}");
                if !self.ids.contains_key(&id) {
                    break id;
                }
            };
            if let Some(address) = self.table.addresses.get_mut(at) {
                address.id = id;
            }
        }
    }
}

/// The texts of a row's elements.
struct Columns<'a> {
    province: &'a str,
    city: &'a str,
    county: &'a str,
    town: &'a str,
    community: &'a str,
    named: [(ElementKind, &'a str); 6],
    door: &'a str,
    building: &'a str,
    unit: &'a str,
    floor: &'a str,
    room: &'a str,
    from_text: bool,
}

impl<'a> Columns<'a> {
    fn of(raw: &RawAddress<'a>) -> Self {
        Self {
            province: raw.province.trim(),
            city: raw.city.trim(),
            county: raw.county.trim(),
            town: raw.town.trim(),
            community: raw.community.trim(),
            named: [
                (ElementKind::NaturalVillage, raw.natural_village.trim()),
                (ElementKind::Group, raw.group.trim()),
                (ElementKind::Street, raw.street.trim()),
                (ElementKind::Estate, raw.estate.trim()),
                (ElementKind::Compound, raw.compound.trim()),
                (ElementKind::Building, ""),
            ],
            door: raw.door.trim(),
            building: raw.building.trim(),
            unit: raw.unit.trim(),
            floor: raw.floor.trim(),
            room: raw.room.trim(),
            from_text: false,
        }
    }
    fn needs_text(&self) -> bool {
        let said = self.named.iter().filter(|(_, name)| !name.is_empty()).count();
        said == 0 || (self.door.is_empty() && self.building.is_empty() && self.room.is_empty())
    }
    fn is_empty(&self) -> bool {
        let texts = [
            self.province,
            self.city,
            self.county,
            self.town,
            self.community,
            self.door,
            self.building,
            self.room,
        ];
        texts.iter().all(|text| text.is_empty()) && self.named.iter().all(|(_, name)| name.is_empty())
    }
    /// Takes from the parsed text what no column says.
    fn fill(&mut self, full: &'a str, parsed: &Parsed) {
        self.from_text = true;
        for element in &parsed.elements {
            let text = full.get(element.span.clone()).unwrap_or_default();
            let slot = match element.kind {
                ElementKind::Province => &mut self.province,
                ElementKind::City => &mut self.city,
                ElementKind::County => &mut self.county,
                ElementKind::Township | ElementKind::Town | ElementKind::Subdistrict => &mut self.town,
                ElementKind::Community | ElementKind::ResidentsCommittee | ElementKind::VillageCommittee => {
                    &mut self.community
                }
                ElementKind::Door => &mut self.door,
                ElementKind::Building if element.number.is_some() => &mut self.building,
                ElementKind::Unit => &mut self.unit,
                ElementKind::Floor => &mut self.floor,
                ElementKind::Room => &mut self.room,
                kind => {
                    let kind = if kind == ElementKind::Landmark { ElementKind::Building } else { kind };
                    match self.named.iter_mut().find(|(of, _)| *of == kind) {
                        Some((_, slot)) => slot,
                        None => continue,
                    }
                }
            };
            if slot.is_empty() {
                *slot = text;
            }
        }
    }
}

/// Rank for looking a name up: streets and natural villages of one name are two.
fn key_rank(kind: ElementKind) -> u8 {
    if kind.rank() <= 4 { kind.rank() } else { kind as u8 }
}

/// What makes a name the same: its normalised text, village-level names as written in addresses, groups by number.
fn identity(name: &str, kind: ElementKind) -> String {
    let written = if kind.rank() == 4 { lexicon::written_of(name) } else { name.to_owned() };
    let normalized = Normalized::new(&written);
    if kind == ElementKind::Group
        && let Some(token) = crate::text::number::number_at(&normalized.atoms, 0, false)
    {
        return token.parts().first().map(|value| value.plain()).unwrap_or_default();
    }
    normalized.text()
}

fn names_of(list: &str, kind: PlaceNameKind) -> Vec<PlaceName> {
    let names = list.split(['#', ';', '；', '、', '|']).map(str::trim);
    let named = names.filter(|name| !name.is_empty() && name.len() <= LONGEST);
    named.map(|text| PlaceName { text: text.to_owned(), kind, valid_from: None, valid_to: None }).collect()
}

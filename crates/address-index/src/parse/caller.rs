//! What a caller says about a place he cannot name: 溪坪街12号对面, 村口往北50米, 老村部后面.
//!
//! Read into an anchor, a relation, a distance and a bearing; what comes of it is an area, never a point of false
//! certainty.

use std::ops::Range;

use crate::text::{
    Atom, Normalized, NumberUnit,
    number::number_at,
    numerals::{self, numeral},
};

/// How a place lies to its anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// At it; nothing said.
    At,
    /// 对面.
    Opposite,
    /// 斜对面.
    DiagonallyOpposite,
    /// 旁边, 边上, 左边, 右边.
    Beside,
    /// 隔壁.
    NextDoor,
    /// 后面, 后门.
    Behind,
    /// 前面, 门前.
    InFront,
    /// 附近, 那边.
    Near,
    /// 里面.
    Inside,
    /// 楼上.
    Upstairs,
    /// 楼下.
    Downstairs,
    /// 门口, 村口, 路口.
    Entrance,
    /// A路与B路交叉口.
    Crossing,
}

/// A caller's phrase, read.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerPhrase {
    /// Bytes that name the anchor.
    pub anchor: Range<usize>,
    /// Bytes that name the other road of a crossing.
    pub other_anchor: Option<Range<usize>>,
    /// How the place lies to the anchor.
    pub relation: Relation,
    /// Clockwise from north, degrees.
    pub bearing_deg: Option<f64>,
    /// From the anchor, metres.
    pub distance_m: Option<f64>,
    /// Whether the distance was said to be about so much (来, 多, 左右).
    pub is_about: bool,
}

/// Where an anchor is, and how well that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// East and north, metres.
    pub position_m: [f64; 2],
    /// How far it reaches around its position, metres.
    pub reach_m: f64,
    /// Standard deviation per axis of its position, metres.
    pub accuracy_m: f64,
}

/// A circle in which the place lies with about 90 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UncertainArea {
    /// Its middle, plan metres.
    pub centre_m: [f64; 2],
    /// Its radius, metres.
    pub radius_m: f64,
}

const RELATIONS: &[(&str, Relation)] = &[
    ("斜对面", Relation::DiagonallyOpposite),
    ("斜对过", Relation::DiagonallyOpposite),
    ("正对面", Relation::Opposite),
    ("对面", Relation::Opposite),
    ("对过", Relation::Opposite),
    ("隔壁", Relation::NextDoor),
    ("旁边", Relation::Beside),
    ("边上", Relation::Beside),
    ("左边", Relation::Beside),
    ("右边", Relation::Beside),
    ("左侧", Relation::Beside),
    ("右侧", Relation::Beside),
    ("旁", Relation::Beside),
    ("后面", Relation::Behind),
    ("后门", Relation::Behind),
    ("背后", Relation::Behind),
    ("前面", Relation::InFront),
    ("门前", Relation::InFront),
    ("附近", Relation::Near),
    ("那边", Relation::Near),
    ("那里", Relation::Near),
    ("一带", Relation::Near),
    ("里面", Relation::Inside),
    ("楼上", Relation::Upstairs),
    ("楼下", Relation::Downstairs),
    ("门口", Relation::Entrance),
    ("村口", Relation::Entrance),
    ("路口", Relation::Entrance),
    ("巷口", Relation::Entrance),
    ("桥头", Relation::Entrance),
    ("交叉口", Relation::Crossing),
    ("交叉路口", Relation::Crossing),
    ("十字路口", Relation::Crossing),
    ("交汇处", Relation::Crossing),
    ("交界处", Relation::Crossing),
];
const BEARINGS: &[(&str, f64)] = &[
    ("东北", 45.0),
    ("东南", 135.0),
    ("西南", 225.0),
    ("西北", 315.0),
    ("北", 0.0),
    ("东", 90.0),
    ("南", 180.0),
    ("西", 270.0),
];
/// What callers say before they say where.
const OPENINGS: &[&str] = &[
    "你好",
    "您好",
    "喂",
    "警察同志",
    "请问",
    "我这里是",
    "我这边是",
    "我家住在",
    "我家住",
    "我家在",
    "我住在",
    "我们在",
    "我现在在",
    "我在",
    "这里是",
    "这边是",
    "就在",
    "在",
    "位于",
    "地址是",
    "那个",
    "我是",
];

impl CallerPhrase {
    /// Reads a phrase. Whatever is no relation belongs to the anchor.
    pub fn read(text: &str) -> Self {
        let normalized = Normalized::new(text);
        let atoms = normalized.atoms.as_slice();
        let mut first = 0;
        while let Some(length) =
            OPENINGS.iter().find(|word| stands(atoms, first, word)).map(|w| w.chars().count())
        {
            first += length;
        }
        let mut phrase = Self {
            anchor: 0..0,
            other_anchor: None,
            relation: Relation::At,
            bearing_deg: None,
            distance_m: None,
            is_about: false,
        };
        let mut anchor_end = atoms.len();
        let mut at = first;
        while at < atoms.len() {
            let longest = RELATIONS
                .iter()
                .filter(|(word, _)| stands(atoms, at, word))
                .max_by_key(|(word, _)| word.len());
            if let Some((word, relation)) = longest.filter(|_| at > first) {
                if phrase.relation == Relation::At || *relation == Relation::Crossing {
                    phrase.relation = *relation;
                }
                anchor_end = anchor_end.min(at);
                at += word.chars().count();
                continue;
            }
            if let Some((bearing, end)) = bearing(atoms, at, anchor_end < atoms.len()).filter(|_| at > first)
            {
                phrase.bearing_deg.get_or_insert(bearing);
                anchor_end = anchor_end.min(at);
                at = end;
                continue;
            }
            if let Some((distance_m, is_about, begin, end)) = distance(atoms, at) {
                phrase.distance_m.get_or_insert(distance_m);
                phrase.is_about |= is_about;
                anchor_end = anchor_end.min(begin.max(first));
                at = end;
                continue;
            }
            at += 1;
        }
        // 村口 and 路口 belong to what they are the entrance of; said alone they are the anchor.
        if anchor_end <= first {
            anchor_end = atoms.len();
        }
        phrase.anchor = normalized.source_span(first..trimmed(atoms, first, anchor_end));
        if phrase.relation == Relation::Crossing || phrase.relation == Relation::Entrance {
            let joint = |at: &usize| matches!(atoms[*at].han(), Some('与' | '和' | '跟' | '同'));
            if let Some(joint) = (first + 1..anchor_end.saturating_sub(1)).find(joint) {
                phrase.relation = Relation::Crossing;
                phrase.anchor = normalized.source_span(first..joint);
                phrase.other_anchor = Some(normalized.source_span(joint + 1..anchor_end));
            }
        }
        phrase
    }
    /// The area meant, from where the anchor is.
    pub fn area(&self, anchor: &Anchor) -> UncertainArea {
        let known = 1.7 * anchor.accuracy_m;
        let (mut centre_m, mut radius_m) = (anchor.position_m, known);
        radius_m += match self.relation {
            Relation::At | Relation::Upstairs | Relation::Downstairs => anchor.reach_m.max(5.0),
            Relation::Inside => anchor.reach_m.max(15.0),
            Relation::Entrance => anchor.reach_m.max(20.0),
            Relation::NextDoor => anchor.reach_m + 25.0,
            Relation::Beside => anchor.reach_m + 30.0,
            Relation::Opposite | Relation::InFront => anchor.reach_m + 35.0,
            Relation::Behind => anchor.reach_m + 40.0,
            Relation::DiagonallyOpposite => anchor.reach_m + 45.0,
            Relation::Crossing => anchor.reach_m.max(30.0),
            Relation::Near => anchor.reach_m + 120.0,
        };
        let step = |distance: f64, bearing: f64| {
            let (sin, cos) = bearing.to_radians().sin_cos();
            [anchor.position_m[0] + distance * sin, anchor.position_m[1] + distance * cos]
        };
        match (self.distance_m, self.bearing_deg) {
            (Some(distance), Some(bearing)) => {
                centre_m = step(distance, bearing);
                // People judge distances to a quarter, and bearings to an eighth of a turn.
                radius_m += distance * if self.is_about { 0.5 } else { 0.35 } + 10.0;
            }
            (Some(distance), None) => radius_m += distance * if self.is_about { 1.4 } else { 1.2 },
            (None, Some(bearing)) => {
                centre_m = step(anchor.reach_m + 30.0, bearing);
                radius_m += 40.0;
            }
            (None, None) => {}
        }
        UncertainArea { centre_m, radius_m }
    }
}

fn stands(atoms: &[Atom], at: usize, word: &str) -> bool {
    word.chars().enumerate().all(|(k, c)| atoms.get(at + k).and_then(Atom::han) == Some(c))
}

/// Words between anchor and relation that name nothing.
fn trimmed(atoms: &[Atom], first: usize, mut end: usize) -> usize {
    while end > first + 1
        && matches!(atoms[end - 1].han(), Some('的' | '那' | '这' | '个' | '往' | '向' | '朝' | '再'))
    {
        end -= 1;
    }
    end
}

/// A bearing at an atom: 往北, 以东, 东侧; 北 alone only behind an anchor that has ended.
fn bearing(atoms: &[Atom], at: usize, anchor_ended: bool) -> Option<(f64, usize)> {
    let mut here = at;
    let leads = matches!(atoms.get(here).and_then(Atom::han), Some('往' | '向' | '朝' | '以' | '之'));
    here += usize::from(leads);
    let (word, degrees) = BEARINGS.iter().find(|(word, _)| stands(atoms, here, word))?;
    here += word.chars().count();
    let ends = matches!(atoms.get(here).and_then(Atom::han), Some('边' | '侧' | '面' | '方' | '走'));
    let measured = distance(atoms, here).is_some_and(|(_, _, begin, _)| begin == here);
    if !(leads || ends || measured || anchor_ended) {
        return None;
    }
    here += usize::from(ends);
    if stands(atoms, here, "方向") {
        here += 2;
    } else if stands(atoms, here, "向") {
        here += 1;
    }
    here += usize::from(atoms.get(here).and_then(Atom::han) == Some('走'));
    Some((*degrees, here))
}

/// A distance that begins at an atom: 50米, 一百来米, 两里地, 1.5公里; metres, about or not, first atom, end.
fn distance(atoms: &[Atom], at: usize) -> Option<(f64, bool, usize, usize)> {
    let about =
        |end: usize| stands(atoms, end, "左右") || stands(atoms, end, "多") || stands(atoms, end, "远");
    if atoms.get(at).is_some_and(|atom| atom.number().is_some()) {
        if let Some(token) = number_at(atoms, at, false).filter(|token| token.first == at) {
            let whole = token.parts().first()?;
            let value = f64::from(whole.main())
                + token.parts().get(1).map_or(0.0, |part| {
                    f64::from(part.main()) / 10f64.powi(part.main().to_string().len() as i32)
                });
            let metres = match token.unit {
                NumberUnit::Metres => f64::from(whole.main()),
                NumberUnit::Kilometres => value * 1_000.0,
                _ if stands(atoms, token.end, "多米") || stands(atoms, token.end, "来米") => {
                    return Some((f64::from(whole.main()), true, at, token.end + 2));
                }
                _ if stands(atoms, token.end, "里") && !stands(atoms, token.end, "里面") => {
                    return Some((f64::from(whole.main()) * 500.0, true, at, token.end + 1));
                }
                _ => return None,
            };
            return Some((metres, about(token.end), at, token.end));
        }
        return None;
    }
    // Numerals that the normaliser left as characters because no unit follows at once: 一百来米, 两里地.
    let mut run = [numerals::Numeral::Digit(0); numerals::LONGEST];
    let mut len = 0;
    while let Some(n) = atoms.get(at + len).and_then(Atom::han).and_then(numeral) {
        *run.get_mut(len)? = n;
        len += 1;
    }
    if len == 0 {
        return None;
    }
    let value = f64::from(numerals::value_of(&run[..len])?);
    let vague =
        usize::from(matches!(atoms.get(at + len).and_then(Atom::han), Some('来' | '多' | '把' | '几')));
    let unit_at = at + len + vague;
    let (scale, end) = if stands(atoms, unit_at, "公里") || stands(atoms, unit_at, "千米") {
        (1_000.0, unit_at + 2)
    } else if stands(atoms, unit_at, "米") {
        (1.0, unit_at + 1)
    } else if stands(atoms, unit_at, "里地") || stands(atoms, unit_at, "里路") {
        (500.0, unit_at + 2)
    } else {
        return None;
    };
    Some((value * scale, vague > 0 || scale == 500.0 || about(end), at, end))
}

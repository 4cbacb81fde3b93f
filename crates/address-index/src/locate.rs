//! From a caller's words to areas on the plan: the phrase is read, its anchor searched, and every doubt widens the area.

use crate::{
    index::{Target, View},
    parse::caller::{Anchor, CallerPhrase, Relation, UncertainArea},
    search::{Hit, NumberFound, SearchOptions, Searcher},
};

/// One reading of a caller's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The anchor found.
    pub hit: Hit,
    /// Where the place is.
    pub area: UncertainArea,
}

/// What a caller's words mean.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerAnswer {
    /// The words, read.
    pub phrase: CallerPhrase,
    /// Readings, the likeliest first; several where villages or streets share a name. Empty if no anchor was found or none
    /// has a position.
    pub places: Vec<Located>,
}

/// Standard deviation of positions whose accuracy is not known, metres.
const UNKNOWN_ACCURACY_M: f64 = 8.0;
/// Readings given at most.
const MOST: usize = 5;

/// Locates what a caller says.
pub fn locate(searcher: &mut Searcher<'_>, text: &str) -> CallerAnswer {
    let phrase = CallerPhrase::read(text);
    let view = searcher.index().view();
    let options = SearchOptions { limit: MOST, near_m: None, unfinished: false };
    let anchor_text = text.get(phrase.anchor.clone()).unwrap_or_default();
    let hits = searcher.search(anchor_text, &options);
    let other = phrase
        .other_anchor
        .clone()
        .and_then(|range| searcher.search(text.get(range).unwrap_or_default(), &options).into_iter().next());
    let best = hits.first().map_or(0.0, |hit| hit.score);
    let mut places = Vec::new();
    for hit in hits {
        // Only readings as good as the best: the others are not what was said.
        if hit.score < best - 0.1 {
            break;
        }
        let crossing = other.as_ref().and_then(|other| crossing(&view, hit.target, other.target));
        let Some(anchor) = crossing.or_else(|| anchor(&view, &hit)) else { continue };
        let mut area = phrase.area(&anchor);
        area.radius_m += match hit.number {
            NumberFound::Exact | NumberFound::NotAsked => 0.0,
            NumberFound::Near => 25.0,
            NumberFound::Neighbour => 70.0,
            NumberFound::Missing => anchor.reach_m.max(100.0),
        };
        places.push(Located { hit, area });
    }
    CallerAnswer { phrase, places }
}

fn anchor(view: &View<'_>, hit: &Hit) -> Option<Anchor> {
    let position_m = view.position_m(hit.target)?;
    let (reach_m, accuracy_m) = match hit.target {
        Target::Place(place) => (view.place_reach_m(place), UNKNOWN_ACCURACY_M),
        Target::Address(address) => (8.0, view.accuracy_m(address).unwrap_or(UNKNOWN_ACCURACY_M)),
    };
    Some(Anchor { position_m, reach_m, accuracy_m })
}

/// Where two streets come nearest to each other.
fn crossing(view: &View<'_>, a: Target, b: Target) -> Option<Anchor> {
    let (Target::Place(a), Target::Place(b)) = (a, b) else { return None };
    let points = |place: u32| -> Vec<[f64; 2]> {
        let all = view.addresses_in(place);
        let step = (all.len() / 512).max(1);
        all.step_by(step).filter_map(|address| view.position_m(Target::Address(address))).collect()
    };
    let (first, second) = (points(a), points(b));
    let mut nearest: Option<(f64, [f64; 2])> = None;
    for p in &first {
        for q in &second {
            let apart = (p[0] - q[0]).hypot(p[1] - q[1]);
            if nearest.is_none_or(|(best, _)| apart < best) {
                nearest = Some((apart, [(p[0] + q[0]) * 0.5, (p[1] + q[1]) * 0.5]));
            }
        }
    }
    let (apart, position_m) = nearest?;
    Some(Anchor { position_m, reach_m: apart * 0.5 + 15.0, accuracy_m: UNKNOWN_ACCURACY_M })
}

impl CallerAnswer {
    /// Whether the words name a relation besides their anchor.
    pub fn has_relation(&self) -> bool {
        self.phrase.relation != Relation::At
            || self.phrase.bearing_deg.is_some()
            || self.phrase.distance_m.is_some()
    }
}

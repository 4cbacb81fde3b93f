//! Search as it is typed: Chinese, pinyin, initials, a mixture, with mistakes, in any order, with numbers understood.
//!
//! 1. The query becomes atoms ([`crate::text`]). Every place where a name could begin is walked through the sorted keys of
//!    the index at once for characters, full pinyin, initials and sounds: each name that fits is an *edge* over the
//!    query with a weight.
//! 2. Each place that has an edge is a candidate. Its evidence is its own edge and those of the places around it, which
//!    may stand anywhere in the query but not overlap.
//! 3. The numbers that are left over are looked up inside the best candidates; a number that is not there leads to its
//!    neighbours, and the hit says so.
//! 4. If ideographs or letters stay unexplained, names that share pairs of sounds with them are aligned with the query,
//!    and 2 and 3 are done again.

mod edges;
mod fuzzy;
mod noise;
mod numbers;
mod query;
mod rank;

use std::ops::Range;

use crate::{
    index::{AddressIndex, Target},
    text::WordTrie,
};
pub(crate) use query::Query;

/// Searches one index; keeps its memory between queries.
#[derive(Debug)]
pub struct Searcher<'a> {
    index: &'a AddressIndex,
    noise: WordTrie,
    scratch: rank::Scratch,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions {
    /// Most hits to give back.
    pub limit: usize,
    /// Where the caller or the view is, plan metres: decides between hits that are equally good.
    pub near_m: Option<[f64; 2]>,
    /// Whether the query is still being typed: its last name or number may be unfinished.
    pub unfinished: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { limit: 10, near_m: None, unfinished: true }
    }
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// What.
    pub target: Target,
    /// Evidence for it less evidence against it; comparable between hits of one query only.
    pub score: f32,
    /// From 0 to 1: how much of the query it explains, how exactly, and how far ahead of the next it is.
    pub confidence: f32,
    /// What became of the number that was asked for.
    pub number: NumberFound,
    /// How many other targets are as good.
    pub ties: usize,
    /// Which bytes of the query stand for what.
    pub spans: Vec<MatchedSpan>,
}

/// What became of the number that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NumberFound {
    /// It is there.
    Exact,
    /// None was asked for.
    NotAsked,
    /// Its main number is there, its suffix or its room is not.
    Near,
    /// It is not there; this is a neighbour.
    Neighbour,
    /// The place has no such numbers at all.
    Missing,
}

/// Bytes of the query that stand for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedSpan {
    /// Bytes of the query.
    pub span: Range<usize>,
    /// The place named.
    pub target: Target,
    /// How they name it.
    pub how: MatchKind,
}

/// How bytes name something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// Character by character.
    Exact,
    /// The same sounds in other characters.
    Homophone,
    /// Pinyin in full.
    Pinyin,
    /// First letters, alone or mixed.
    Initials,
    /// The beginning of the name.
    Prefix,
    /// With mistakes.
    Fuzzy,
    /// A number.
    Number,
}

impl<'a> Searcher<'a> {
    /// A searcher over an index.
    pub fn new(index: &'a AddressIndex) -> Self {
        Self { index, noise: noise::words(), scratch: rank::Scratch::default() }
    }
    /// The index.
    pub fn index(&self) -> &'a AddressIndex {
        self.index
    }
    /// The best hits, best first.
    pub fn search(&mut self, text: &str, options: &SearchOptions) -> Vec<Hit> {
        if options.limit == 0 {
            return Vec::new();
        }
        let view = self.index.view();
        let query = Query::new(text, &self.noise);
        if query.atoms.is_empty() {
            return Vec::new();
        }
        let scratch = &mut self.scratch;
        scratch.begin(view.place_count());
        edges::collect(&view, &query, options.unfinished, &mut scratch.edges);
        let mut ranked = rank::rank(&view, &query, options, scratch);
        let doubtful = rank::doubtful(&query, scratch, ranked.first());
        if doubtful != 0 {
            let before = scratch.edges.len();
            let places = rank::places(&view, scratch);
            fuzzy::collect(&view, &query, doubtful, &places, &mut scratch.edges);
            if scratch.edges.len() > before {
                scratch.begin_again(view.place_count());
                ranked = rank::rank(&view, &query, options, scratch);
            }
        }
        rank::hits(&query, options, scratch, ranked)
    }
    /// The address or place that a text means, if one stands out: nothing rather than something wrong.
    pub fn find(&mut self, text: &str) -> Option<Hit> {
        let options = SearchOptions { limit: 2, unfinished: false, near_m: None };
        let hit = self.search(text, &options).into_iter().next()?;
        (hit.confidence >= ACCEPTED).then_some(hit)
    }
}

/// Confidence from which [`Searcher::find`] believes a hit.
pub const ACCEPTED: f32 = 0.7;

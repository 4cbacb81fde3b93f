//! An index and the edits made since it was built.

use std::collections::BTreeSet;

use super::{AddressIndex, BuildError, Target};
use crate::{
    model::AddressTable,
    search::{Hit, SearchOptions, Searcher},
};

/// A base that never changes, a small index of what was added or changed, and what of the base is hidden by it.
#[derive(Clone, Debug)]
pub struct LiveIndex {
    base: AddressIndex,
    delta: Option<AddressIndex>,
    /// Addresses of the base that were changed or removed.
    hidden: BTreeSet<u32>,
}

/// A hit in one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveHit {
    /// The hit; its target is a number of the base or of the delta.
    pub hit: Hit,
    /// Whether it is in the delta.
    pub is_edit: bool,
}

impl LiveIndex {
    /// A base without edits.
    pub fn new(base: AddressIndex) -> Self {
        Self { base, delta: None, hidden: BTreeSet::new() }
    }
    /// The base.
    pub fn base(&self) -> &AddressIndex {
        &self.base
    }
    /// What was added or changed.
    pub fn delta(&self) -> Option<&AddressIndex> {
        self.delta.as_ref()
    }
    /// Puts a table of all edits so far in place of the last one: `edited` holds every address that was added or changed,
    /// `removed` the ids of those that are no more. Addresses of the base with the same ids are hidden. Some thousand
    /// edits take milliseconds; with more, build the base anew.
    pub fn set_edits(&mut self, edited: &AddressTable, removed: &[String]) -> Result<(), BuildError> {
        let view = self.base.view();
        let ids = edited.addresses().iter().map(|address| address.id.as_str());
        let hidden =
            ids.chain(removed.iter().map(String::as_str)).filter_map(|id| view.find_id(id)).collect();
        let has_edits = !edited.addresses().is_empty();
        let delta = if has_edits { Some(AddressIndex::build(edited)?) } else { None };
        self.delta = delta;
        self.hidden = hidden;
        Ok(())
    }
    /// Searches both; hits of the two are compared by their scores.
    pub fn search(&self, text: &str, options: &SearchOptions) -> Vec<LiveHit> {
        let more =
            SearchOptions { limit: options.limit.saturating_add(self.hidden.len().min(100)), ..*options };
        let shown = |hit: &Hit| match hit.target {
            Target::Address(address) => !self.hidden.contains(&address),
            Target::Place(_) => true,
        };
        let base = Searcher::new(&self.base).search(text, &more).into_iter().filter(shown);
        let mut hits: Vec<LiveHit> = base.map(|hit| LiveHit { hit, is_edit: false }).collect();
        if let Some(delta) = &self.delta {
            let edits = Searcher::new(delta).search(text, options);
            // A place stands in both: the base has it.
            let addresses = edits.into_iter().filter(|hit| matches!(hit.target, Target::Address(_)));
            hits.extend(addresses.map(|hit| LiveHit { hit, is_edit: true }));
        }
        hits.sort_by(|a, b| b.hit.score.total_cmp(&a.hit.score));
        hits.truncate(options.limit);
        hits
    }
}

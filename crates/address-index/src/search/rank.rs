//! From edges to hits: the evidence for each place, and the numbers inside it.

use super::{Hit, MatchKind, MatchedSpan, NumberFound, SearchOptions, edges::Edge, numbers, query::Query};
use crate::{
    index::{LEAF, Target, View},
    model::ElementKind,
};

/// Names of more places than this are evidence for a place, but no reason to look at all of them.
const WIDE: usize = 400;
/// Candidates whose numbers are looked up.
const MOST_LOOKED_UP: usize = 160;
/// How far behind the best a candidate may be before its number is looked up.
const BEHIND: f32 = 2.3;

/// Memory of a searcher.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub edges: Vec<Edge>,
    /// Of each node: the query that marked it, and its first link.
    marks: Vec<(u32, u32)>,
    stamp: u32,
    /// Edge and next link.
    links: Vec<(u16, u32)>,
    nodes: Vec<u32>,
    leaves: Vec<(u32, u16)>,
    wide: Vec<u16>,
    candidates: Vec<Candidate>,
}

/// A place, or an address known by name, with its evidence.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    node: u32,
    leaf: Option<u32>,
    score: f32,
    mask: u64,
    edges: [(u16, u32); 6],
    len: u8,
}

/// A target with its evidence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked {
    pub target: Target,
    pub score: f32,
    pub explained: u64,
    pub number: NumberFound,
    number_atoms: u64,
    candidate: u32,
    others: u32,
}

const END: u32 = u32::MAX;

impl Scratch {
    pub(crate) fn begin(&mut self, nodes: usize) {
        self.edges.clear();
        self.begin_again(nodes);
    }
    pub(crate) fn begin_again(&mut self, nodes: usize) {
        if self.marks.len() != nodes || self.stamp == u32::MAX {
            self.marks = vec![(0, END); nodes];
            self.stamp = 0;
        }
        self.stamp += 1;
        self.links.clear();
        self.nodes.clear();
        self.leaves.clear();
        self.wide.clear();
        self.candidates.clear();
    }
    fn link(&mut self, node: u32, edge: u16) {
        let Some(mark) = self.marks.get_mut(node as usize) else { return };
        if mark.0 != self.stamp {
            *mark = (self.stamp, END);
            self.nodes.push(node);
        }
        self.links.push((edge, mark.1));
        mark.1 = self.links.len() as u32 - 1;
    }
    fn take(&self, candidate: &mut Candidate, edge_at: u16, of: u32) {
        let Some(edge) = self.edges.get(usize::from(edge_at)) else { return };
        candidate.score += edge.weight;
        candidate.mask |= edge.mask();
        if let Some(slot) = candidate.edges.get_mut(usize::from(candidate.len)) {
            *slot = (edge_at, of);
            candidate.len += 1;
        }
    }
    fn edges_of(&self, node: u32) -> impl Iterator<Item = u16> + '_ {
        let mut at = match self.marks.get(node as usize) {
            Some(&(stamp, first)) if stamp == self.stamp => first,
            _ => END,
        };
        std::iter::from_fn(move || {
            let &(edge, next) = self.links.get(at as usize)?;
            at = next;
            Some(edge)
        })
    }
}

/// Ranks what the edges name, best first.
pub(crate) fn rank(
    view: &View<'_>,
    query: &Query,
    options: &SearchOptions,
    scratch: &mut Scratch,
) -> Vec<Ranked> {
    scratch.edges.truncate(usize::from(u16::MAX));
    for at in 0..scratch.edges.len() {
        let targets = view.targets(scratch.edges[at].name);
        if targets.len() > WIDE {
            scratch.wide.push(at as u16);
            continue;
        }
        for &target in targets {
            if target & LEAF != 0 {
                scratch.leaves.push((target & !LEAF, at as u16));
            } else {
                scratch.link(target, at as u16);
            }
        }
    }
    let nodes = std::mem::take(&mut scratch.nodes);
    for &node in &nodes {
        let candidate = evaluate(view, query, scratch, node, None);
        scratch.candidates.push(candidate);
    }
    scratch.nodes = nodes;
    let leaves = std::mem::take(&mut scratch.leaves);
    for &(leaf, edge) in &leaves {
        let candidate = evaluate(view, query, scratch, view.place_of(leaf), Some((leaf, edge)));
        scratch.candidates.push(candidate);
    }
    scratch.leaves = leaves;
    if scratch.candidates.is_empty() && !scratch.wide.is_empty() {
        for at in std::mem::take(&mut scratch.wide) {
            for &target in view.targets(scratch.edges[usize::from(at)].name).iter().take(WIDE) {
                if target & LEAF == 0 {
                    scratch.link(target, at);
                    let candidate = evaluate(view, query, scratch, target, None);
                    scratch.candidates.push(candidate);
                }
            }
        }
    }
    let order = |a: &Candidate, b: &Candidate| {
        b.score.total_cmp(&a.score).then((a.node, a.leaf).cmp(&(b.node, b.leaf)))
    };
    scratch.candidates.sort_by(order);
    if !scratch.wide.is_empty() {
        inside_wide(view, query, scratch);
        scratch.candidates.sort_by(order);
    }
    let best = scratch.candidates.first().map_or(0.0, |candidate| candidate.score);
    let behind = scratch.candidates.partition_point(|candidate| candidate.score >= best - BEHIND);
    scratch.candidates.truncate(behind.min(MOST_LOOKED_UP));
    let mut ranked = Vec::new();
    let mut sure = f32::MIN;
    for (candidate, at) in scratch.candidates.iter().zip(0..) {
        // Nothing that numbers could add would bring it to the front.
        if candidate.score + 4.0 < sure {
            break;
        }
        let before = ranked.len();
        resolve(view, query, options, candidate, at, &mut ranked);
        sure = ranked[before..].iter().fold(sure, |sure, r: &Ranked| sure.max(r.score));
    }
    sort(view, options, &mut ranked);
    ranked
}

/// Places with a name that many have (3组, 新村) inside the best candidates.
fn inside_wide(view: &View<'_>, query: &Query, scratch: &mut Scratch) {
    let mut found = Vec::new();
    for candidate in scratch.candidates.iter().take(32).filter(|candidate| candidate.leaf.is_none()) {
        let end = view.node_end.get(candidate.node as usize).copied().unwrap_or(0);
        for &wide in &scratch.wide {
            let edge = &scratch.edges[usize::from(wide)];
            if edge.mask() & candidate.mask != 0 {
                continue;
            }
            let named = |node: &u32| view.node_name.get(*node as usize) == Some(&edge.name);
            for node in (candidate.node + 1..end).take(2_000).filter(named).take(8) {
                found.push((node, wide));
            }
        }
    }
    for (node, wide) in found {
        let mut first = Candidate { node, leaf: None, score: 0.0, mask: 0, edges: [(0, 0); 6], len: 0 };
        scratch.take(&mut first, wide, node);
        let candidate = around(view, query, scratch, first, view.place_parent(node));
        scratch.candidates.push(candidate);
    }
}

/// Atoms that a mistake may explain better: those left over, those that only sound right, and all where the number is not
/// there.
pub(crate) fn doubtful(query: &Query, scratch: &Scratch, best: Option<&Ranked>) -> u64 {
    let Some(best) = best else { return query.wanted };
    if matches!(best.number, NumberFound::Missing | NumberFound::Neighbour | NumberFound::Near) {
        return query.wanted;
    }
    let mut doubtful = query.wanted & !best.explained;
    if let Some(candidate) = scratch.candidates.get(best.candidate as usize) {
        for (edge, _) in candidate.edges.iter().take(usize::from(candidate.len)) {
            let edge = scratch.edges.get(usize::from(*edge)).filter(|edge| edge.how == MatchKind::Homophone);
            doubtful |= edge.map_or(0, |edge| edge.mask() & query.wanted);
        }
    }
    doubtful
}

/// Towns and villages that the query names plainly: what else it says is likely to be in there.
pub(crate) fn places(view: &View<'_>, scratch: &Scratch) -> Vec<u32> {
    let plain = scratch.edges.iter().filter(|edge| edge.how <= MatchKind::Homophone && edge.weight >= 1.4);
    let mut named: Vec<(u8, f32, u32)> = Vec::new();
    for edge in plain {
        for &target in view.targets(edge.name).iter().take(4) {
            let rank =
                if target & LEAF == 0 { view.place_kind(target).map_or(0, ElementKind::rank) } else { 0 };
            if (3..=4).contains(&rank) {
                named.push((rank, edge.weight, target));
            }
        }
    }
    // Villages before towns: fewer names, likelier ones.
    named.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let mut places: Vec<u32> = Vec::new();
    for (_, _, node) in named {
        if !places.contains(&node) && places.len() < 4 {
            places.push(node);
        }
    }
    places
}

fn sort(view: &View<'_>, options: &SearchOptions, ranked: &mut Vec<Ranked>) {
    let distance = |target: Target| match (options.near_m, view.position_m(target)) {
        (Some(near), Some(position)) => (near[0] - position[0]).hypot(near[1] - position[1]),
        _ => f64::MAX,
    };
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.target.cmp(&b.target)));
    if options.near_m.is_some() {
        // Among equals the nearest; equal means a hundredth apart.
        ranked.sort_by(|a, b| {
            let level = |r: &Ranked| (r.score * 50.0).round();
            level(b).total_cmp(&level(a)).then_with(|| distance(a.target).total_cmp(&distance(b.target)))
        });
    }
    let mut seen = std::collections::BTreeSet::new();
    ranked.retain(|r| seen.insert(r.target));
}

/// The evidence for a node: one of its own edges, then those of the places around it, none over another. Its own name may
/// stand in several parts of the query (乍洋村乍洋街): the best whole counts.
fn evaluate(
    view: &View<'_>,
    query: &Query,
    scratch: &Scratch,
    node: u32,
    leaf: Option<(u32, u16)>,
) -> Candidate {
    let mut first =
        Candidate { node, leaf: leaf.map(|(leaf, _)| leaf), score: 0.0, mask: 0, edges: [(0, 0); 6], len: 0 };
    if let Some((_, edge)) = leaf {
        scratch.take(&mut first, edge, node);
        return around(view, query, scratch, first, Some(node));
    }
    let mut own: [u16; 4] = [0; 4];
    let mut count = 0;
    for edge in scratch.edges_of(node) {
        if let Some(slot) = own.get_mut(count) {
            *slot = edge;
            count += 1;
        }
    }
    let mut best: Option<Candidate> = None;
    for &edge in own.iter().take(count) {
        let mut candidate = first;
        scratch.take(&mut candidate, edge, node);
        let candidate = around(view, query, scratch, candidate, view.place_parent(node));
        if best.is_none_or(|best| candidate.score > best.score) {
            best = Some(candidate);
        }
    }
    best.unwrap_or(first)
}

/// Adds the evidence of a place and those around it, and takes off what is left unexplained.
fn around(
    view: &View<'_>,
    query: &Query,
    scratch: &Scratch,
    mut candidate: Candidate,
    from: Option<u32>,
) -> Candidate {
    let mut at = from;
    while let Some(here) = at {
        let mut best: Option<(u16, f32)> = None;
        let mut consider = |edge_at: u16| {
            let Some(edge) = scratch.edges.get(usize::from(edge_at)) else { return };
            // Of two as heavy the one that leaves more to the others.
            let worth = edge.weight - 0.01 * f32::from(edge.end - edge.first);
            if edge.mask() & candidate.mask == 0 && best.is_none_or(|(_, other)| worth > other) {
                best = Some((edge_at, worth));
            }
        };
        scratch.edges_of(here).for_each(&mut consider);
        if let Some(&name) = view.node_name.get(here as usize) {
            let wide = scratch.wide.iter().copied();
            wide.filter(|&edge| scratch.edges[usize::from(edge)].name == name).for_each(&mut consider);
        }
        if let Some((edge, _)) = best {
            scratch.take(&mut candidate, edge, here);
            // Letters that are one name are likelier that than the initials of two.
            let is_initials =
                scratch.edges.get(usize::from(edge)).is_some_and(|e| e.how == MatchKind::Initials);
            candidate.score -= if is_initials { 0.12 } else { 0.0 };
        }
        at = view.place_parent(here);
    }
    // A place that is named twice explains both.
    if query.wanted & !candidate.mask != 0 {
        for k in 0..usize::from(candidate.len) {
            let of = candidate.edges[k].1;
            for edge_at in scratch.edges_of(of) {
                let again = &scratch.edges[usize::from(edge_at)];
                if again.mask() & candidate.mask == 0 && again.how <= MatchKind::Homophone {
                    candidate.mask |= again.mask();
                }
            }
        }
    }
    candidate.score -= query.cost_of(query.wanted & !candidate.mask);
    candidate
}

fn resolve(
    view: &View<'_>,
    query: &Query,
    options: &SearchOptions,
    candidate: &Candidate,
    at: u32,
    ranked: &mut Vec<Ranked>,
) {
    let prior = match view.place_kind(candidate.node) {
        Some(ElementKind::Landmark) => 0.02,
        Some(kind) => 0.005 * f32::from(10 - kind.rank()),
        None => 0.0,
    };
    let base = candidate.score;
    if let Some(leaf) = candidate.leaf {
        let unexplained: u64 =
            query.numbers.iter().map(|n| super::query::mask(n.first, n.end)).fold(0, |all, m| all | m);
        let free = unexplained & !candidate.mask;
        let number = if free == 0 { NumberFound::NotAsked } else { NumberFound::Missing };
        ranked.push(Ranked {
            target: Target::Address(leaf),
            score: base - 0.5 * query.cost_of(free),
            explained: candidate.mask,
            number,
            number_atoms: 0,
            candidate: at,
            others: 0,
        });
        return;
    }
    let found = numbers::find(view, query, candidate.mask, candidate.node, options.unfinished);
    let how = found.how.unwrap_or(NumberFound::Missing);
    let entry = |target: Target, score: f32, others: usize| Ranked {
        target,
        score,
        explained: candidate.mask | found.explained,
        number: how,
        number_atoms: found.explained,
        candidate: at,
        others: others as u32,
    };
    match how {
        NumberFound::NotAsked | NumberFound::Missing => {
            let own = view.addresses_of(candidate.node);
            let bare = own.clone().next().filter(|&leaf| view.numbers(leaf).is_empty());
            let target = bare.map_or(Target::Place(candidate.node), Target::Address);
            ranked.push(entry(target, base + prior + found.credit, 0));
        }
        _ => {
            for (k, &leaf) in found.leaves.iter().enumerate() {
                // The first is the best: exact ones are equals, neighbours are sorted by how far they are.
                let behind = match how {
                    NumberFound::Exact if k > 0 && !same_numbers(view, found.leaves[0], leaf) => 0.06,
                    NumberFound::Exact => 0.0,
                    _ => 0.03 * k as f32,
                };
                let others = if how == NumberFound::Exact { found.leaves.len() - 1 } else { 0 };
                ranked.push(entry(Target::Address(leaf), base + found.credit - behind, others));
            }
        }
    }
}

fn same_numbers(view: &View<'_>, a: u32, b: u32) -> bool {
    let key = |leaf: u32| {
        let n = view.numbers(leaf);
        (n.door, n.building, n.unit, n.floor, n.room)
    };
    key(a) == key(b)
}

/// The first of what was ranked, as hits with spans and confidence.
pub(crate) fn hits(
    query: &Query,
    options: &SearchOptions,
    scratch: &Scratch,
    ranked: Vec<Ranked>,
) -> Vec<Hit> {
    let all = (0..query.len()).filter(|&at| query.noise & 1 << at == 0);
    let total: f32 = all.map(|at| query.cost(at)).sum::<f32>().max(0.1);
    let mut hits = Vec::with_capacity(options.limit.min(ranked.len()));
    for (k, r) in ranked.iter().enumerate().take(options.limit) {
        let ties = ranked.iter().filter(|other| (other.score - r.score).abs() < 0.02).count() - 1;
        let next = ranked
            .iter()
            .filter(|other| other.target != r.target)
            .map(|other| other.score)
            .fold(f32::MIN, f32::max);
        let numbers: u64 =
            query.numbers.iter().map(|n| super::query::mask(n.first, n.end)).fold(0, |all, m| all | m);
        let unexplained = query.cost_of((query.wanted | numbers) & !r.explained);
        let spans = spans(query, scratch, r);
        let weakest = spans.iter().map(|span| span.how).filter(|how| *how != MatchKind::Number).max();
        let how = match weakest {
            Some(MatchKind::Fuzzy) => 0.85,
            Some(MatchKind::Prefix) => 0.6,
            Some(MatchKind::Initials) => 0.9,
            Some(MatchKind::Homophone) => 0.97,
            _ => 1.0,
        };
        let number = match r.number {
            NumberFound::Exact | NumberFound::NotAsked => 1.0,
            NumberFound::Near => 0.55,
            NumberFound::Neighbour => 0.4,
            NumberFound::Missing => 0.3,
        };
        let ahead = if k > 0 || ties > 0 || r.others > 0 && next > r.score - 0.02 {
            0.5 / (1.0 + ties as f32)
        } else {
            (0.72 + 0.5 * (r.score - next)).min(1.0)
        };
        let share = (1.0 - unexplained / total).clamp(0.0, 1.0);
        let confidence = share * how * number * ahead;
        hits.push(Hit { target: r.target, score: r.score, confidence, number: r.number, ties, spans });
    }
    hits
}

fn spans(query: &Query, scratch: &Scratch, r: &Ranked) -> Vec<MatchedSpan> {
    let bytes = |first: usize, end: usize| {
        let inside = query.atoms.get(first..end).unwrap_or_default();
        let start = inside.first().map_or(0, |atom| atom.start as usize);
        start..inside.last().map_or(start, |atom| atom.end as usize)
    };
    let Some(candidate) = scratch.candidates.get(r.candidate as usize) else { return Vec::new() };
    let chosen = candidate.edges.iter().take(usize::from(candidate.len));
    let mut spans: Vec<MatchedSpan> = chosen
        .filter_map(|&(edge, node)| {
            let edge = scratch.edges.get(usize::from(edge))?;
            let of_leaf = candidate.leaf.filter(|_| node == candidate.node);
            let target = of_leaf.map_or(Target::Place(node), Target::Address);
            Some(MatchedSpan {
                span: bytes(usize::from(edge.first), usize::from(edge.end)),
                target,
                how: edge.how,
            })
        })
        .collect();
    for number in &query.numbers {
        if super::query::mask(number.first, number.end) & r.number_atoms != 0 {
            spans.push(MatchedSpan {
                span: bytes(number.first, number.end),
                target: r.target,
                how: MatchKind::Number,
            });
        }
    }
    spans.sort_by_key(|span| span.span.start);
    spans
}

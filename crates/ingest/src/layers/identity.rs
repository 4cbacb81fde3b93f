//! Which feature of a new delivery is which of the one before.

use std::collections::{BTreeMap, BTreeSet};

use super::{LayerFeature, schema::LayerKind};
use crate::vector::{Geometry, Plane};

/// A feature of the same name is another one beyond this, metres.
const SAME_NAME_M: f64 = 500.0;
/// A feature without name or id is the one that lies here, metres.
const SAME_PLACE_M: f64 = 5.0;
/// Or whose area is nearly that of it: share of the bounds of both that both have.
const SAME_BOUNDS: f64 = 0.7;

/// What a feature may be known by.
type Key = dyn Fn(&LayerFeature) -> Option<String>;

/// For each new feature the old one that it is: by the source's own id, by code, by name, by place.
pub(super) fn matched(kind: LayerKind, old: &[LayerFeature], new: &[LayerFeature]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let keys: [&Key; 3] = [
        &|feature| feature.source_id.clone(),
        &|feature| Some(feature.text("code").to_owned()),
        &|feature| {
            Some(format!("{}\n{}", feature.text("name"), feature.text("kind")))
                .filter(|_| !feature.text("name").is_empty())
        },
    ];
    for (step, key) in keys.into_iter().enumerate() {
        let by_key = |features: &[LayerFeature], skip: &dyn Fn(usize) -> bool| {
            let mut map: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (index, feature) in features.iter().enumerate().filter(|(index, _)| !skip(*index)) {
                if let Some(key) = key(feature).filter(|key| !key.is_empty()) {
                    map.entry(key).or_default().push(index);
                }
            }
            map
        };
        let olds = by_key(old, &|index| taken.contains(&index));
        let news = by_key(new, &|index| found.get(index).is_some_and(Option::is_some));
        for (key, indices) in news {
            // What is not unique says nothing.
            let ([index], Some([before])) = (indices.as_slice(), olds.get(&key).map(Vec::as_slice)) else {
                continue;
            };
            let by_name = step == 2;
            if by_name && !is_near(old.get(*before), new.get(*index)) {
                continue;
            }
            if let Some(slot) = found.get_mut(*index) {
                *slot = Some(*before);
                taken.insert(*before);
            }
        }
    }
    by_place(kind, old, new, &mut found, &mut taken);
    found
}

fn is_near(a: Option<&LayerFeature>, b: Option<&LayerFeature>) -> bool {
    let middle = |feature: Option<&LayerFeature>| feature?.geometry.as_ref()?.middle();
    match (middle(a), middle(b)) {
        (Some(a), Some(b)) => {
            let [x, y] = Plane::around(a).metres(b);
            x.hypot(y) < SAME_NAME_M
        }
        _ => true,
    }
}

fn by_place(
    kind: LayerKind,
    old: &[LayerFeature],
    new: &[LayerFeature],
    found: &mut [Option<usize>],
    taken: &mut BTreeSet<usize>,
) {
    // Sorted by longitude, so that each is compared with its neighbours only.
    let mut places: Vec<(f64, usize)> = old
        .iter()
        .enumerate()
        .filter(|(index, _)| !taken.contains(index))
        .filter_map(|(index, feature)| Some((feature.geometry.as_ref()?.middle()?[0], index)))
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let reach_deg = match kind {
        LayerKind::Borders | LayerKind::Villages | LayerKind::Grids(_) => 0.02,
        _ => 0.000_2,
    };
    for (slot, feature) in found.iter_mut().zip(new).filter(|(slot, _)| slot.is_none()) {
        let Some(geometry) = &feature.geometry else { continue };
        let Some(middle) = geometry.middle() else { continue };
        let from = places.partition_point(|(lon, _)| *lon < middle[0] - reach_deg);
        let near = places.iter().skip(from).take_while(|(lon, _)| *lon <= middle[0] + reach_deg);
        let best = near
            .filter(|(_, index)| !taken.contains(index))
            .filter_map(|(_, index)| Some((likeness(old.get(*index)?.geometry.as_ref()?, geometry)?, *index)))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        if let Some((_, index)) = best {
            *slot = Some(index);
            taken.insert(index);
        }
    }
}

/// How much two geometries are the same, more is more; `None` if they are not.
fn likeness(a: &Geometry, b: &Geometry) -> Option<f64> {
    let ([a_low, a_high], [b_low, b_high]) = (a.bounds()?, b.bounds()?);
    let plane = Plane::around(a_low);
    let far = |p: [f64; 2], q: [f64; 2]| {
        let ([px, py], [qx, qy]) = (plane.metres(p), plane.metres(q));
        (px - qx).hypot(py - qy)
    };
    if a.polygons().is_empty() != b.polygons().is_empty() {
        return None;
    }
    if a.polygons().is_empty() {
        let distance = far(a_low, b_low).max(far(a_high, b_high)).max(far(a.middle()?, b.middle()?));
        return (distance < SAME_PLACE_M).then_some(-distance);
    }
    let size = |low: [f64; 2], high: [f64; 2]| (high[0] - low[0]).max(0.0) * (high[1] - low[1]).max(0.0);
    let both = size(
        [a_low[0].max(b_low[0]), a_low[1].max(b_low[1])],
        [a_high[0].min(b_high[0]), a_high[1].min(b_high[1])],
    );
    let share = both / (size(a_low, a_high) + size(b_low, b_high) - both);
    (share > SAME_BOUNDS).then_some(share)
}

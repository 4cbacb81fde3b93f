//! `3DTILES_batch_table_hierarchy`: features that are instances of classes and inherit from their parents.
//!
//! Flattened: every feature gets the properties of its own class and of all its ancestors, the nearest winning.

use super::{
    Property, PropertyValues, Value,
    batch_table::{class_column, id_column},
};

/// Name of the extension; early tiles have the same object as `HIERARCHY` beside the properties.
pub(super) const EXTENSION: &str = "3DTILES_batch_table_hierarchy";

/// Ancestors looked at for all features together before a table counts as malformed.
const MAX_STEPS: usize = 1 << 24;

struct Class {
    properties: Vec<(String, PropertyValues)>,
    length: usize,
}

struct Instances {
    /// Class and number within the class.
    places: Vec<(usize, usize)>,
    /// Where the parents of an instance start in `parents`; one more entry than instances.
    first_parent: Vec<usize>,
    parents: Vec<usize>,
}

/// The columns that the features inherit, in the order in which the classes name them.
pub(super) fn columns(hierarchy: Value, binary: &[u8], count: usize) -> Result<Vec<Property>, String> {
    let instances_length = length(&hierarchy, "instancesLength")?;
    if count > instances_length {
        return Err(format!("{count} features, but only {instances_length} instances"));
    }
    let member = |name: &str| hierarchy.get(name);
    let class_ids = member("classIds").ok_or("`classIds` is missing")?;
    let class_ids = id_column(class_ids, binary, instances_length).map_err(|e| format!("classIds: {e}"))?;
    let parent_counts = member("parentCounts")
        .map(|column| id_column(column, binary, instances_length).map_err(|e| format!("parentCounts: {e}")))
        .transpose()?;
    let parents_length = match &parent_counts {
        None => instances_length,
        Some(counts) => {
            counts.iter().try_fold(0_usize, |sum, n| sum.checked_add(*n)).ok_or("too many parents")?
        }
    };
    let parent_ids = member("parentIds")
        .map(|column| id_column(column, binary, parents_length).map_err(|e| format!("parentIds: {e}")))
        .transpose()?;
    let classes = classes(hierarchy, binary)?;
    let instances = Instances::new(&class_ids, parent_counts.as_deref(), parent_ids, classes.len())?;
    flatten(classes, &instances, count)
}

fn length(object: &Value, name: &str) -> Result<usize, String> {
    let length = object.get(name).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    length.ok_or_else(|| format!("`{name}` is missing"))
}

fn classes(hierarchy: Value, binary: &[u8]) -> Result<Vec<Class>, String> {
    let Value::Object(members) = hierarchy else { return Err("not an object".into()) };
    let classes = members.into_iter().find(|(name, _)| name == "classes").map(|(_, classes)| classes);
    let Some(Value::Array(classes)) = classes else { return Err("`classes` is missing".into()) };
    let mut found = Vec::with_capacity(classes.len());
    for class in classes {
        let length = length(&class, "length")?;
        let Value::Object(members) = class else { return Err("a class is not an object".into()) };
        let instances = members.into_iter().find(|(name, _)| name == "instances").map(|(_, values)| values);
        let mut properties = Vec::new();
        if let Some(Value::Object(columns)) = instances {
            for (id, column) in columns {
                let (values, _) = class_column(column, binary, length).map_err(|e| format!("{id}: {e}"))?;
                properties.push((id, values));
            }
        }
        found.push(Class { properties, length });
    }
    Ok(found)
}

impl Instances {
    fn new(
        class_ids: &[usize],
        parent_counts: Option<&[usize]>,
        parent_ids: Option<Vec<usize>>,
        classes: usize,
    ) -> Result<Self, String> {
        let mut seen = vec![0; classes];
        let mut places = Vec::with_capacity(class_ids.len());
        for class in class_ids {
            let number = seen.get_mut(*class).ok_or_else(|| format!("class {class} of {classes}"))?;
            places.push((*class, *number));
            *number += 1;
        }
        let mut first_parent = Vec::with_capacity(class_ids.len() + 1);
        let mut next = 0;
        for instance in 0..class_ids.len() {
            first_parent.push(next);
            next += match (&parent_ids, parent_counts) {
                (None, _) => 0,
                (Some(_), None) => 1,
                (Some(_), Some(counts)) => counts.get(instance).copied().unwrap_or(0),
            };
        }
        first_parent.push(next);
        let parents = parent_ids.unwrap_or_default();
        if let Some(parent) = parents.iter().find(|parent| **parent >= class_ids.len()) {
            return Err(format!("parent {parent} of {} instances", class_ids.len()));
        }
        Ok(Self { places, first_parent, parents })
    }

    fn parents_of(&self, instance: usize) -> &[usize] {
        let range = self.first_parent.get(instance).zip(self.first_parent.get(instance + 1));
        range.and_then(|(first, last)| self.parents.get(*first..*last)).unwrap_or_default()
    }
}

fn flatten(classes: Vec<Class>, instances: &Instances, count: usize) -> Result<Vec<Property>, String> {
    // One output column per property id; the columns of the classes become its parts, numbered one after the other.
    let mut columns: Vec<(String, Vec<PropertyValues>, usize)> = Vec::new();
    let mut targets: Vec<Vec<(usize, usize)>> = Vec::with_capacity(classes.len());
    for class in classes {
        let mut of_class = Vec::with_capacity(class.properties.len());
        for (id, values) in class.properties {
            let column = columns.iter().position(|(name, ..)| *name == id).unwrap_or_else(|| {
                columns.push((id, Vec::new(), 0));
                columns.len() - 1
            });
            if let Some((_, parts, rows)) = columns.get_mut(column) {
                of_class.push((column, *rows));
                *rows = rows.checked_add(class.length).ok_or("too many instances")?;
                parts.push(PropertyValues::Resized { values: Box::new(values), rows: class.length });
            }
        }
        targets.push(of_class);
    }
    if columns.iter().any(|(_, _, rows)| u32::try_from(*rows).is_err()) {
        return Err("too many instances".into());
    }

    let mut places = vec![vec![u32::MAX; count]; columns.len()];
    let mut visited_for = vec![usize::MAX; instances.places.len()];
    let mut steps = 0;
    let mut stack = Vec::new();
    for feature in 0..count {
        stack.push(feature);
        while let Some(instance) = stack.pop() {
            match visited_for.get_mut(instance) {
                Some(visited) if *visited != feature => *visited = feature,
                _ => continue,
            }
            let Some((class, number)) = instances.places.get(instance) else { continue };
            for (column, first_row) in targets.get(*class).into_iter().flatten() {
                steps += 1;
                let place = places.get_mut(*column).and_then(|column| column.get_mut(feature));
                if let Some(place) = place.filter(|place| **place == u32::MAX) {
                    *place = (first_row + number) as u32;
                }
            }
            stack.extend(instances.parents_of(instance).iter().rev());
            steps += 1 + instances.parents_of(instance).len();
            if steps > MAX_STEPS {
                return Err("the hierarchy is too deep".into());
            }
        }
    }
    Ok(columns
        .into_iter()
        .zip(places)
        .map(|((id, parts, _), places)| Property {
            id,
            name: None,
            values: PropertyValues::Chosen { parts, places: places.into_boxed_slice() },
        })
        .collect())
}

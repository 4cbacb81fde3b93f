//! Well-known semantics (3D Metadata Semantic Reference): each asks for a type of its own.

use crate::inspect::json::At;
use crate::inspect::sink::Out;

/// What a semantic asks for.
struct Rule {
    name: &'static str,
    type_name: &'static str,
    components: &'static [&'static str],
    array: bool,
    count: Option<u64>,
}

const REAL: &[&str] = &["FLOAT32", "FLOAT64"];
const UNSIGNED: &[&str] = &["UINT8", "UINT16", "UINT32", "UINT64"];
const ANY: &[&str] = &[];

const fn one(name: &'static str, type_name: &'static str, components: &'static [&'static str]) -> Rule {
    Rule { name, type_name, components, array: false, count: None }
}

const fn many(
    name: &'static str,
    type_name: &'static str,
    components: &'static [&'static str],
    count: Option<u64>,
) -> Rule {
    Rule { name, type_name, components, array: true, count }
}

const RULES: [Rule; 27] = [
    one("ID", "STRING", ANY),
    one("NAME", "STRING", ANY),
    one("DESCRIPTION", "STRING", ANY),
    many("ATTRIBUTION_IDS", "SCALAR", UNSIGNED, None),
    many("ATTRIBUTION_STRINGS", "STRING", ANY, None),
    many("TILESET_FEATURE_ID_LABELS", "STRING", ANY, None),
    one("TILESET_CRS_GEOCENTRIC", "STRING", ANY),
    one("TILESET_CRS_COORDINATE_EPOCH", "STRING", ANY),
    many("TILE_BOUNDING_BOX", "SCALAR", REAL, Some(12)),
    many("TILE_BOUNDING_REGION", "SCALAR", REAL, Some(6)),
    many("TILE_BOUNDING_SPHERE", "SCALAR", REAL, Some(4)),
    one("TILE_BOUNDING_S2_CELL", "SCALAR", &["UINT64"]),
    one("TILE_MINIMUM_HEIGHT", "SCALAR", REAL),
    one("TILE_MAXIMUM_HEIGHT", "SCALAR", REAL),
    one("TILE_HORIZON_OCCLUSION_POINT", "VEC3", REAL),
    one("TILE_GEOMETRIC_ERROR", "SCALAR", REAL),
    one("TILE_REFINE", "SCALAR", &["UINT8"]),
    one("TILE_TRANSFORM", "MAT4", REAL),
    many("CONTENT_BOUNDING_BOX", "SCALAR", REAL, Some(12)),
    many("CONTENT_BOUNDING_REGION", "SCALAR", REAL, Some(6)),
    many("CONTENT_BOUNDING_SPHERE", "SCALAR", REAL, Some(4)),
    one("CONTENT_BOUNDING_S2_CELL", "SCALAR", &["UINT64"]),
    one("CONTENT_MINIMUM_HEIGHT", "SCALAR", REAL),
    one("CONTENT_MAXIMUM_HEIGHT", "SCALAR", REAL),
    one("CONTENT_HORIZON_OCCLUSION_POINT", "VEC3", REAL),
    one("CONTENT_URI", "STRING", ANY),
    one("CONTENT_GROUP_ID", "SCALAR", UNSIGNED),
];

/// Checks the semantics of the properties of one class.
pub(super) fn check(properties: &At<'_>, out: &mut Out<'_>) {
    let mut taken: Vec<(&str, &str)> = Vec::new();
    for (id, property) in properties.entries() {
        let Some(semantic) = property.value.get("semantic").and_then(|s| s.as_str()) else { continue };
        if let Some((_, other)) = taken.iter().find(|(s, _)| *s == semantic) {
            out.error(property, format!("the semantic '{semantic}' is already that of '{other}'"));
        }
        match RULES.iter().find(|rule| rule.name == semantic) {
            Some(rule) => check_rule(&property, rule, out),
            None => out.info(property, format!("the semantic '{semantic}' is not a well-known one")),
        }
        // `id` lives as long as the document, the cursor does not.
        if let Some((key, _)) = properties.value.as_object().and_then(|m| m.get_key_value(id))
            && let Some(known) = properties.value.get(key).and_then(|p| p.get("semantic")?.as_str())
        {
            taken.push((known, key));
        }
    }
}

fn check_rule(property: &At<'_>, rule: &Rule, out: &mut Out<'_>) {
    let text = |key: &str| property.value.get(key).and_then(|v| v.as_str());
    let flag = |key: &str| property.value.get(key).and_then(|v| v.as_bool()).unwrap_or(false);
    let mut must = |what: &str, asked: String| {
        out.error(property, format!("the semantic '{}' asks for {what} {asked}", rule.name));
    };
    if text("type") != Some(rule.type_name) {
        must("the type", rule.type_name.to_owned());
    }
    if !rule.components.is_empty() && text("componentType").is_some_and(|c| !rule.components.contains(&c)) {
        must("the component type", rule.components.join(" or "));
    }
    if flag("array") != rule.array {
        must("'array'", rule.array.to_string());
    }
    let count = property.value.get("count").and_then(|v| v.as_u64());
    if rule.count.is_some() && count != rule.count {
        must("'count'", rule.count.unwrap_or_default().to_string());
    }
    if flag("normalized") {
        must("'normalized'", "false".to_owned());
    }
}

//! Property textures of `EXT_structural_metadata`.

use serde_json::Value;

use super::asset::Asset;
use super::features::{check_channels, check_channels_exist, check_sampler};
use super::{image, structural};
use crate::inspect::json::{At, index_below, integer_from, required};
use crate::inspect::metadata::model::{Component, Property, Schema};
use crate::inspect::metadata::table::check_overrides;
use crate::inspect::metadata::table_data::check_bounds;
use crate::inspect::session::Session;
use crate::inspect::sink::Out;

/// What the JSON of a property of a property texture says.
pub(super) fn check_property(
    asset: &Asset<'_>,
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    out: &mut Out<'_>,
) {
    let texture =
        required(at, "index", out).and_then(|i| index_below(&i, asset.count("textures"), "textures", out));
    let Some(texture) = texture else { return };
    if let Some(set) = at.get("texCoord") {
        integer_from(&set, 0, out);
    }
    let mark = out.mark();
    if property.is_variable_length() {
        out.error(at, "an array of variable length cannot be a property texture");
    }
    if property.type_name == "STRING" {
        out.error(at, "a STRING cannot be a property texture");
    }
    let type_is_fine = out.clean_since(mark);
    if let (Some(channels), true) = (check_channels(at, out), type_is_fine) {
        let components = property.components_per_row().unwrap_or(usize::MAX);
        let bytes = match property.type_name.as_str() {
            "BOOLEAN" => components.div_ceil(8),
            _ => components.saturating_mul(schema.stored_as(property).map_or(1, Component::size)),
        };
        if bytes != channels.len() {
            out.warning(
                at,
                format!("a value takes {bytes} bytes, but {} channels are named", channels.len()),
            );
        }
    }
    check_sampler(asset, at, texture, &[9728, 9729], out);
    check_overrides(at, property, schema, out);
}

/// What the texels hold, for a primitive with these attributes.
pub(super) fn check_values(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    attributes: Option<&Value>,
) {
    let set = at.value.get("texCoord").and_then(Value::as_u64).unwrap_or(0);
    let out = &mut session.out(uri);
    if attributes.and_then(|a| a.get(format!("TEXCOORD_{set}"))).is_none() {
        out.error(at, format!("a primitive has no attribute TEXCOORD_{set}"));
        return;
    }
    let Some(channels) = check_channels(at, out) else { return };
    let Some(texture) = at.value.get("index").and_then(Value::as_u64).and_then(|i| usize::try_from(i).ok())
    else {
        return;
    };
    let Some(read) = image::texels_of(session, uri, asset, texture) else { return };
    let out = &mut session.out(uri);
    let texels = match read {
        Ok(texels) => texels,
        Err(unread) => {
            unread.report("the image", at, out);
            return;
        }
    };
    if !check_channels_exist(at, &channels, texels.channels, out) {
        return;
    }
    let Some(stored) = schema.stored_as(property) else { return };
    let rows = texels.bytes.chunks_exact(texels.channels).map(|texel| {
        let bytes: Vec<u8> = channels.iter().filter_map(|c| texel.get(*c).copied()).collect();
        bytes.chunks_exact(stored.size()).filter_map(|b| stored.read(b)).collect::<Vec<f64>>()
    });
    if property.type_name == "ENUM" {
        structural::check_enum_rows(at, property, schema, rows, out);
    } else {
        check_bounds(at, property, rows, "texel", out);
    }
}

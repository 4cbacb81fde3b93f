//! Tiles and what their contents refer to (specification §"Tiles").

use geodesy::glam::{DMat4, DVec3};

use super::content;
use super::extensions::check_common;
use super::implicit;
use super::json::{At, array, array_of_objects, index_below, number_from, numbers, object, required, string};
use super::report::Extent;
use super::session::{Session, resolve};
use super::sink::Out;
use super::tileset::{TilesetContext, check_metadata, check_refine};
use super::volume::{check_inside, check_volume, corners};

/// Inspects a root tile and all below it.
pub(super) fn inspect_root(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    at: &At<'_>,
    depth: usize,
) {
    if at.value.is_object() && at.get("refine").is_none() {
        session.out(context.file).error(at, "the root tile must say 'refine'");
    }
    if depth == 0 && session.summary.extent.is_none() {
        session.summary.extent = extent(at);
    }
    inspect_tile(session, context, at, None, depth);
}

fn inspect_tile(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    at: &At<'_>,
    parent_error: Option<f64>,
    depth: usize,
) {
    let out = &mut session.out(context.file);
    if object(at, out).is_none() {
        return;
    }
    if session.is_out_of_tiles() {
        let limit = session.options.max_tiles;
        session
            .out(context.file)
            .not_checked(at, format!("more than {limit} tiles: this one and the rest were not inspected"));
        return;
    }
    let out = &mut session.out(context.file);
    let error = check_simple_properties(at, parent_error, context, out);
    let (content, contents) = (at.get("content"), at.get("contents"));
    if content.is_some() && contents.is_some() {
        out.error(at, "has both 'content' and 'contents'");
    }
    let has_content = content.is_some() || contents.as_ref().is_some_and(|c| c.len() > 0);
    if let Some(tiling) = at.get("implicitTiling") {
        // The tile stands for a tree of tiles, which are counted while it is expanded.
        implicit::inspect(session, context, at, &tiling, depth);
        return;
    }
    session.count_tile(depth, error, has_content);
    let out = &mut session.out(context.file);
    let mut list: Vec<At<'_>> = content.into_iter().collect();
    let contents_are_objects = contents.as_ref().is_some_and(|c| array_of_objects(c, 0, out));
    if let (Some(contents), true) = (&contents, contents_are_objects) {
        list.extend(contents.elements());
    }
    for content in &list {
        inspect_content(session, context, at, content, depth);
    }
    let Some(children) = at.get("children") else { return };
    let out = &mut session.out(context.file);
    match array(&children, 0, out) {
        Some(0) => out.warning(children, "is empty: leave it out instead"),
        Some(_) => {
            children.elements().for_each(|child| inspect_tile(session, context, &child, error, depth + 1))
        }
        None => {}
    }
}

/// Everything but contents, implicit tiling and children; gives the geometric error.
fn check_simple_properties(
    at: &At<'_>,
    parent_error: Option<f64>,
    context: &TilesetContext<'_>,
    out: &mut Out<'_>,
) -> Option<f64> {
    check_common(at, out);
    if let Some(volume) = required(at, "boundingVolume", out) {
        check_volume(&volume, out);
    }
    if let Some(volume) = at.get("viewerRequestVolume") {
        check_volume(&volume, out);
    }
    let error = required(at, "geometricError", out).and_then(|e| number_from(&e, 0.0, out));
    if let (Some(error), Some(parent)) = (error, parent_error)
        && error > parent
    {
        out.warning(at, format!("the geometric error {error} is larger than that of the parent, {parent}"));
    }
    check_refine(at, out);
    if let Some(transform) = at.get("transform") {
        check_transform(&transform, out);
    }
    check_metadata(at, &context.schema, out);
    error
}

fn check_transform(at: &At<'_>, out: &mut Out<'_>) {
    let Some(values) = numbers::<16>(at, out) else { return };
    let last_row = [values[3], values[7], values[11], values[15]];
    if last_row.iter().zip([0.0, 0.0, 0.0, 1.0]).any(|(v, wanted)| (v - wanted).abs() > 1e-8) {
        out.error(at, format!("is not affine: the last row is {last_row:?}"));
    } else if DMat4::from_cols_array(&values).determinant() == 0.0 {
        out.warning(at, "cannot be inverted: what is below has no volume");
    }
}

fn inspect_content(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    tile: &At<'_>,
    at: &At<'_>,
    depth: usize,
) {
    let out = &mut session.out(context.file);
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    check_group(at, context, out);
    if let Some(volume) = at.get("boundingVolume") {
        let mark = out.mark();
        check_volume(&volume, out);
        if let Some(outer) = tile.get("boundingVolume")
            && out.clean_since(mark)
        {
            check_inside(&volume, &outer, out);
        }
    }
    check_metadata(at, &context.schema, out);
    let uri_at = match (at.get("uri"), at.get("url")) {
        (None, Some(url)) => {
            out.warning(url, "'url' was renamed to 'uri' before version 1.0");
            Some(url)
        }
        _ => required(at, "uri", out),
    };
    if let Some(uri_at) = uri_at
        && let Some(reference) = string(&uri_at, out)
    {
        let reference = reference.to_owned();
        follow(session, context.file, &uri_at.to_string(), &reference, depth);
    }
}

/// Reads and inspects what a content refers to.
pub(super) fn follow(session: &mut Session<'_>, file: &str, place: &str, reference: &str, depth: usize) {
    if !session.options.follow_contents {
        return;
    }
    let uri = match resolve(file, reference) {
        Ok(uri) => uri,
        Err(reason) => {
            session.out(file).warning(place, reason);
            return;
        }
    };
    if session.active_tilesets.contains(&uri) {
        session.out(file).error(place, format!("'{reference}' leads back to a tileset above: a cycle"));
        return;
    }
    if let Some(found) = session.done.get(&uri) {
        session.sink.found_extensions.extend(found.iter().cloned());
        return;
    }
    if session.active_tilesets.len() > session.options.max_nesting {
        let limit = session.options.max_nesting;
        session.out(file).error(place, format!("external tilesets are nested more than {limit} deep"));
        return;
    }
    match session.read(&uri) {
        Ok(bytes) => content::inspect(session, &uri, &bytes, depth),
        Err(unread) => unread.report(&format!("'{reference}'"), place, &mut session.out(file)),
    }
}

/// `group` of a content.
pub(super) fn check_group(at: &At<'_>, context: &TilesetContext<'_>, out: &mut Out<'_>) {
    let Some(group) = at.get("group") else { return };
    index_below(&group, context.groups.unwrap_or(0), "groups", out);
}

/// Extent of a tile in the frame of its tileset.
fn extent(tile: &At<'_>) -> Option<Extent> {
    let list = |value: &serde_json::Value| -> Option<Vec<f64>> {
        value.as_array()?.iter().map(|v| v.as_f64()).collect()
    };
    let volume = tile.value.get("boundingVolume")?;
    let transform = tile.value.get("transform").and_then(list).and_then(|t| <[f64; 16]>::try_from(t).ok());
    let transform = transform.map_or(DMat4::IDENTITY, |t| DMat4::from_cols_array(&t));
    let region = volume.get("region").and_then(list).and_then(|r| <[f64; 6]>::try_from(r).ok());
    let points: Vec<DVec3> = if let Some([west, south, east, north, low, high]) = region {
        let corner = |lon_rad, lat_rad, height_m| {
            geodesy::ecef_from_geodetic(geodesy::Geodetic { lon_rad, lat_rad, height_m })
        };
        let mid = (west + east) / 2.0;
        [low, high]
            .into_iter()
            .flat_map(|h| {
                [south, north]
                    .into_iter()
                    .flat_map(move |lat| [west, mid, east].map(|lon| corner(lon, lat, h)))
            })
            .collect()
    } else if let Some(values) = volume.get("box").and_then(list).and_then(|b| <[f64; 12]>::try_from(b).ok())
    {
        corners(values).iter().map(|p| transform.transform_point3(*p)).collect()
    } else {
        let [x, y, z, radius] =
            volume.get("sphere").and_then(list).and_then(|s| <[f64; 4]>::try_from(s).ok())?;
        let scale = transform.x_axis.length().max(transform.y_axis.length()).max(transform.z_axis.length());
        let center = transform.transform_point3(DVec3::new(x, y, z));
        vec![center - DVec3::splat(radius * scale), center + DVec3::splat(radius * scale)]
    };
    let min = points.iter().copied().reduce(DVec3::min)?;
    let max = points.iter().copied().reduce(DVec3::max)?;
    // A tileset whose centre lies this near the origin has no place on Earth.
    let on_earth = ((min + max) / 2.0).length() >= 100_000.0;
    let region_deg_m = match region {
        Some([w, s, e, n, low, high]) => {
            Some([w.to_degrees(), s.to_degrees(), e.to_degrees(), n.to_degrees(), low, high])
        }
        None => on_earth.then(|| region_around(&points)),
    };
    Some(Extent { min_m: min.to_array(), max_m: max.to_array(), region_deg_m })
}

fn region_around(points: &[DVec3]) -> [f64; 6] {
    let mut region = [f64::MAX, f64::MAX, f64::MIN, f64::MIN, f64::MAX, f64::MIN];
    let [west, south, east, north, low, high] = &mut region;
    for point in points {
        let at = geodesy::geodetic_from_ecef(*point);
        let (lon, lat) = (at.lon_rad.to_degrees(), at.lat_rad.to_degrees());
        (*west, *east) = (west.min(lon), east.max(lon));
        (*south, *north) = (south.min(lat), north.max(lat));
        (*low, *high) = (low.min(at.height_m), high.max(at.height_m));
    }
    region
}

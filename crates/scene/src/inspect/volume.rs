//! Bounding volumes (specification §"Bounding volumes" and extension `3DTILES_bounding_volume_S2`).

use std::f64::consts::{FRAC_PI_2, PI};

use geodesy::glam::{DMat3, DVec3};

use super::extensions::{S2, check_common};
use super::json::{At, number, numbers, object, required, string};
use super::sink::Out;

/// Checks a bounding volume.
pub(super) fn check_volume(at: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    let s2 = at.get("extensions");
    let s2 = s2.as_ref().and_then(|e| e.get(S2));
    if let Some(s2) = &s2 {
        check_s2(s2, out);
    }
    let given = ["box", "region", "sphere"].map(|key| at.get(key));
    if given.iter().all(Option::is_none) && s2.is_none() {
        out.error(at, "has neither 'box' nor 'region' nor 'sphere'");
    }
    let [cuboid, region, sphere] = &given;
    if let Some(cuboid) = cuboid {
        numbers::<12>(cuboid, out);
    }
    if let Some(region) = region {
        check_region(region, out);
    }
    if let Some(sphere) = sphere
        && let Some([_, _, _, radius]) = numbers::<4>(sphere, out)
        && radius < 0.0
    {
        out.error(format!("{sphere}/3"), format!("the radius must not be negative, but is {radius}"));
    }
}

fn check_region(at: &At<'_>, out: &mut Out<'_>) {
    let Some([west, south, east, north, low, high]) = numbers::<6>(at, out) else { return };
    for (index, name, value, limit) in [
        (0, "west", west, PI),
        (1, "south", south, FRAC_PI_2),
        (2, "east", east, PI),
        (3, "north", north, FRAC_PI_2),
    ] {
        if value.abs() > limit {
            out.error(
                format!("{at}/{index}"),
                format!("{name} must be between -{limit} and {limit}, but is {value}"),
            );
        }
    }
    if south > north {
        out.error(at, format!("south {south} lies north of north {north}"));
    }
    if low > high {
        out.error(at, format!("the lowest height {low} lies above the highest {high}"));
    }
}

fn check_s2(at: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    if let Some(token) = required(at, "token", out)
        && let Some(text) = string(&token, out)
        && !is_s2_token(text)
    {
        out.error(token, format!("'{text}' names no S2 cell"));
    }
    let low = required(at, "minimumHeight", out).and_then(|v| number(&v, out));
    let high = required(at, "maximumHeight", out).and_then(|v| number(&v, out));
    if let (Some(low), Some(high)) = (low, high)
        && low > high
    {
        out.error(at, format!("minimumHeight {low} lies above maximumHeight {high}"));
    }
}

/// Up to 16 hexadecimal digits, of a face below 6 and with the marker bit at an even place (S2 cell ids).
fn is_s2_token(token: &str) -> bool {
    if token.is_empty() || token.len() > 16 || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let Ok(high) = u64::from_str_radix(token, 16) else { return false };
    let id = high << (4 * (16 - token.len()));
    id != 0 && (id >> 61) < 6 && id.trailing_zeros().is_multiple_of(2)
}

/// Reports a content volume that leaves the volume of its tile. Pairs of a region and another shape are not compared.
pub(super) fn check_inside(inner: &At<'_>, outer: &At<'_>, out: &mut Out<'_>) {
    fn list<const N: usize>(at: &At<'_>, key: &str) -> Option<[f64; N]> {
        let items = at.value.get(key)?.as_array().filter(|a| a.len() == N)?;
        let mut values = [0.0; N];
        for (slot, item) in values.iter_mut().zip(items) {
            *slot = item.as_f64()?;
        }
        Some(values)
    }
    let boxes = (list::<12>(inner, "box").map(corners), list::<12>(outer, "box"));
    let spheres = (list::<4>(inner, "sphere"), list::<4>(outer, "sphere"));
    let regions = (list::<6>(inner, "region"), list::<6>(outer, "region"));
    let inside = if let (Some(inner), Some(outer)) = (&boxes.0, &boxes.1) {
        points_in_box(inner, outer)
    } else if let (Some(inner), Some(outer)) = (spheres.0, spheres.1) {
        Some(center(&inner).distance(center(&outer)) <= outer[3] - inner[3] + slack(outer[3]))
    } else if let (Some(inner), Some(outer)) = (regions.0, regions.1) {
        let [w, s, e, n, low, high] = outer;
        Some(
            inner[0] >= w
                && inner[1] >= s
                && inner[2] <= e
                && inner[3] <= n
                && inner[4] >= low
                && inner[5] <= high,
        )
    } else if let (Some(inner), Some(outer)) = (&boxes.0, spheres.1) {
        Some(inner.iter().all(|p| p.distance(center(&outer)) <= outer[3] + slack(outer[3])))
    } else if let (Some(inner), Some(outer)) = (spheres.0, &boxes.1) {
        sphere_in_box(&inner, outer)
    } else {
        None
    };
    if inside == Some(false) {
        out.error(inner, "the volume of the content leaves the volume of its tile");
    }
}

/// Rounding that is no defect, relative to a size.
fn slack(size: f64) -> f64 {
    size.abs() * 1e-8
}

fn center<const N: usize>(values: &[f64; N]) -> DVec3 {
    DVec3::from_slice(values.get(..3).unwrap_or(&[0.0; 3]))
}

fn axes(values: &[f64; 12]) -> [DVec3; 3] {
    let [_, _, _, xx, xy, xz, yx, yy, yz, zx, zy, zz] = *values;
    [DVec3::new(xx, xy, xz), DVec3::new(yx, yy, yz), DVec3::new(zx, zy, zz)]
}

/// The corners of a box given as in JSON.
pub(super) fn corners(values: [f64; 12]) -> [DVec3; 8] {
    let [x, y, z] = axes(&values);
    let mid = center(&values);
    std::array::from_fn(|i| {
        let sign = |bit: usize| if i & bit == 0 { -1.0 } else { 1.0 };
        mid + x * sign(1) + y * sign(2) + z * sign(4)
    })
}

/// `None` for a box without volume, in which nothing can be measured.
fn points_in_box(points: &[DVec3], outer: &[f64; 12]) -> Option<bool> {
    let [x, y, z] = axes(outer);
    let matrix = DMat3::from_cols(x, y, z);
    if matrix.determinant() == 0.0 {
        return None;
    }
    let inverse = matrix.inverse();
    Some(points.iter().all(|p| (inverse * (*p - center(outer))).abs().max_element() <= 1.0 + 1e-8))
}

fn sphere_in_box(sphere: &[f64; 4], outer: &[f64; 12]) -> Option<bool> {
    let [x, y, z] = axes(outer);
    let offset = center(sphere) - center(outer);
    // Distance from the centre of the sphere to each pair of faces.
    let faces = [(y.cross(z), x), (z.cross(x), y), (x.cross(y), z)];
    if faces.iter().any(|(normal, _)| normal.length() == 0.0) {
        return None;
    }
    Some(faces.iter().all(|(normal, axis)| {
        let unit = normal.normalize();
        offset.dot(unit).abs() + sphere[3] <= axis.dot(unit).abs() + slack(axis.length())
    }))
}

//! Gauss–Krüger zones of China, and the zone numbers that stand before eastings.

use super::{CrsError, CrsNote, Projection};

/// Width of Gauss–Krüger zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneWidth {
    /// Three degrees: zones 24 to 45 in China.
    Three,
    /// Six degrees: zones 13 to 23 in China.
    Six,
}

/// Eastings with a zone number are millions.
const PREFIX_STEP_M: f64 = 1_000_000.0;
/// Meridians closer than this are the same, degrees.
const SAME_MERIDIAN_DEG: f64 = 1e-6;

/// Central meridian of a zone, degrees east.
pub fn central_meridian_deg(width: ZoneWidth, zone: u32) -> f64 {
    match width {
        ZoneWidth::Three => f64::from(zone) * 3.0,
        ZoneWidth::Six => f64::from(zone) * 6.0 - 3.0,
    }
}

/// The zone with this central meridian, if there is one.
pub fn zone_of_central_meridian(width: ZoneWidth, meridian_deg: f64) -> Option<u32> {
    let zone = match width {
        ZoneWidth::Three => meridian_deg / 3.0,
        ZoneWidth::Six => (meridian_deg + 3.0) / 6.0,
    }
    .round();
    let exists = (1.0..=120.0).contains(&zone);
    (exists && (central_meridian_deg(width, zone as u32) - meridian_deg).abs() < SAME_MERIDIAN_DEG)
        .then_some(zone as u32)
}

/// The easting as the projection expects it, and what was changed.
///
/// # Errors
/// A zone number that contradicts the central meridian, or an easting that lies in no zone.
pub(super) fn reconcile_easting(
    projection: &Projection,
    easting_m: f64,
) -> Result<(f64, Option<CrsNote>), CrsError> {
    let false_easting_m = projection.false_easting_m;
    if !projection.is_transverse_mercator || (easting_m - false_easting_m).abs() < PREFIX_STEP_M / 2.0 {
        return Ok((easting_m, None));
    }
    let meridian = projection.central_meridian_deg;
    let expected_prefix = (false_easting_m / PREFIX_STEP_M).floor();
    let prefix = (easting_m / PREFIX_STEP_M).floor();
    let rest = easting_m - prefix * PREFIX_STEP_M;
    if expected_prefix == 0.0 && (1.0..=120.0).contains(&prefix) {
        let zone = prefix as u32;
        let meridians = [ZoneWidth::Three, ZoneWidth::Six].map(|width| central_meridian_deg(width, zone));
        if meridians.iter().any(|m| (m - meridian).abs() < SAME_MERIDIAN_DEG) {
            return Ok((rest, Some(CrsNote::ZonePrefixRemoved { zone })));
        }
        let [three, six] = meridians;
        return Err(CrsError::Inconsistent(format!(
            "the easting {easting_m} begins with zone number {zone} (central meridian {three}° or {six}°), but the \
             system has central meridian {meridian}°"
        )));
    }
    if expected_prefix > 0.0 && prefix == 0.0 && easting_m > 0.0 {
        let zone = expected_prefix as u32;
        return Ok((easting_m + expected_prefix * PREFIX_STEP_M, Some(CrsNote::ZonePrefixAdded { zone })));
    }
    Err(CrsError::Inconsistent(format!(
        "the easting {easting_m} is {:.0} km from the central meridian {meridian}° of the system (false easting \
         {false_easting_m}): another zone, or northing and easting exchanged",
        (easting_m - false_easting_m).abs() / 1000.0
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection(meridian_deg: f64, false_easting_m: f64) -> Projection {
        Projection {
            is_transverse_mercator: true,
            central_meridian_deg: meridian_deg,
            false_easting_m,
            false_northing_m: 0.0,
            scale: 1.0,
        }
    }

    #[test]
    fn zones_have_their_meridians() {
        assert_eq!(central_meridian_deg(ZoneWidth::Three, 38), 114.0);
        assert_eq!(central_meridian_deg(ZoneWidth::Six, 20), 117.0);
        assert_eq!(zone_of_central_meridian(ZoneWidth::Three, 114.0), Some(38));
        assert_eq!(zone_of_central_meridian(ZoneWidth::Six, 117.0), Some(20));
        assert_eq!(zone_of_central_meridian(ZoneWidth::Six, 114.0), None);
        assert_eq!(zone_of_central_meridian(ZoneWidth::Three, 113.37), None);
    }

    #[test]
    fn zone_numbers_are_added_and_taken_off() {
        let plain = projection(114.0, 500_000.0);
        assert_eq!(reconcile_easting(&plain, 501_027.5), Ok((501_027.5, None)));
        let (easting, note) = reconcile_easting(&plain, 38_501_027.5).unwrap();
        assert_eq!((easting, note), (501_027.5, Some(CrsNote::ZonePrefixRemoved { zone: 38 })));
        let prefixed = projection(117.0, 20_500_000.0);
        assert_eq!(reconcile_easting(&prefixed, 20_483_810.0), Ok((20_483_810.0, None)));
        let (easting, note) = reconcile_easting(&prefixed, 483_810.0).unwrap();
        assert_eq!((easting, note), (20_483_810.0, Some(CrsNote::ZonePrefixAdded { zone: 20 })));
    }

    #[test]
    fn what_fits_no_zone_is_refused_with_the_likely_cause() {
        let plain = projection(114.0, 500_000.0);
        let wrong_zone = reconcile_easting(&plain, 39_501_027.5).unwrap_err().to_string();
        assert!(wrong_zone.contains("zone number 39") && wrong_zone.contains("117"), "{wrong_zone}");
        let exchanged = reconcile_easting(&plain, 2_488_718.0).unwrap_err().to_string();
        assert!(exchanged.contains("zone number 2"), "{exchanged}");
        let far = reconcile_easting(&plain, -900_000.0).unwrap_err().to_string();
        assert!(far.contains("exchanged"), "{far}");
    }
}

//! Unit vectors folded onto an octahedron (specification 1.0, §"Oct-encoded Normal Vectors").

use geodesy::glam::DVec3;

/// The unit vector of two components in −1..1.
pub(crate) fn decode(x: f64, y: f64) -> DVec3 {
    let z = 1.0 - x.abs() - y.abs();
    let fold = (-z).max(0.0);
    let unfolded = |c: f64| if c >= 0.0 { c - fold } else { c + fold };
    DVec3::new(unfolded(x), unfolded(y), z).normalize_or(DVec3::Z)
}

/// −1..1 of an unsigned number with `max` as its largest.
pub(crate) fn from_unsigned(value: f64, max: f64) -> f64 {
    (value / max * 2.0 - 1.0).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_and_diagonals_unfold() {
        assert_eq!(decode(0.0, 0.0), DVec3::Z);
        assert_eq!(decode(1.0, 0.0), DVec3::X);
        assert_eq!(decode(0.0, -1.0), DVec3::NEG_Y);
        assert_eq!(decode(1.0, 1.0), DVec3::NEG_Z);
        let third = 1.0 / 3.0;
        assert!((decode(third, third) - DVec3::ONE.normalize()).length() < 1e-12);
        // The lower half: |x| + |y| > 1 folds back with the signs kept.
        let low = decode(1.0 - third, -(1.0 - third));
        assert!((low - DVec3::new(1.0, -1.0, -1.0).normalize()).length() < 1e-12, "{low}");
    }
}

//! GCJ-02 and BD-09: the shifted coordinates of Chinese web maps.
//!
//! GCJ-02 ("Mars coordinates") moves WGS 84 positions in mainland China by 100 to 700 m, by a smooth function whose
//! published approximation (polynomials and sines on the Krasovsky ellipsoid) every map service reproduces to well under
//! a metre; BD-09 (Baidu) adds a second shift. Neither has an official definition; both are named wherever they are
//! assumed, never guessed silently.

use std::f64::consts::PI;

/// Longitude and latitude, degrees.
pub type LonLat = [f64; 2];

/// Semi-major axis of the Krasovsky ellipsoid, metres.
const KRASOVSKY_AXIS_M: f64 = 6_378_245.0;
/// Square of its first eccentricity.
const KRASOVSKY_ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;
/// The polynomials are about this point.
const CENTER_DEG: LonLat = [105.0, 35.0];
/// Baidu's shift of GCJ-02, degrees.
const BD09_SHIFT_DEG: LonLat = [0.0065, 0.006];
/// Angular frequency of Baidu's ripple, per degree.
const BD09_FREQUENCY: f64 = PI * 3000.0 / 180.0;

/// Whether the shift applies here: a rectangle around mainland China, as the services use it.
pub fn is_shifted_region([lon, lat]: LonLat) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

/// GCJ-02 of a WGS 84 position. Outside the region nothing is moved.
pub fn gcj02_from_wgs84(wgs84: LonLat) -> LonLat {
    if !is_shifted_region(wgs84) {
        return wgs84;
    }
    let [lon, lat] = wgs84;
    let [east, north] = shift_m([lon - CENTER_DEG[0], lat - CENTER_DEG[1]]);
    let lat_rad = lat.to_radians();
    let sin_lat = lat_rad.sin();
    let w = 1.0 - KRASOVSKY_ECCENTRICITY_SQUARED * sin_lat * sin_lat;
    let meridian_m = KRASOVSKY_AXIS_M * (1.0 - KRASOVSKY_ECCENTRICITY_SQUARED) / (w * w.sqrt());
    let parallel_m = KRASOVSKY_AXIS_M / w.sqrt() * lat_rad.cos();
    [lon + (east / parallel_m).to_degrees(), lat + (north / meridian_m).to_degrees()]
}

/// WGS 84 of a GCJ-02 position, to 1e-9 degrees (0.1 mm) of [`gcj02_from_wgs84`].
pub fn wgs84_from_gcj02(gcj02: LonLat) -> LonLat {
    invert(gcj02, gcj02_from_wgs84)
}

/// BD-09 of a GCJ-02 position.
pub fn bd09_from_gcj02([lon, lat]: LonLat) -> LonLat {
    let radius = lon.hypot(lat) + 0.000_02 * (lat * BD09_FREQUENCY).sin();
    let angle = lat.atan2(lon) + 0.000_003 * (lon * BD09_FREQUENCY).cos();
    [radius * angle.cos() + BD09_SHIFT_DEG[0], radius * angle.sin() + BD09_SHIFT_DEG[1]]
}

/// GCJ-02 of a BD-09 position, to 1e-9 degrees of [`bd09_from_gcj02`].
pub fn gcj02_from_bd09(bd09: LonLat) -> LonLat {
    invert(bd09, bd09_from_gcj02)
}

/// BD-09 of a WGS 84 position.
pub fn bd09_from_wgs84(wgs84: LonLat) -> LonLat {
    bd09_from_gcj02(gcj02_from_wgs84(wgs84))
}

/// WGS 84 of a BD-09 position.
pub fn wgs84_from_bd09(bd09: LonLat) -> LonLat {
    wgs84_from_gcj02(gcj02_from_bd09(bd09))
}

/// Solves `shifted(x) = target`: the shift changes so slowly that each round leaves a hundredth of the error.
fn invert(target: LonLat, shifted: impl Fn(LonLat) -> LonLat) -> LonLat {
    let mut guess = target;
    for _ in 0..16 {
        let [lon, lat] = shifted(guess);
        let (off_lon, off_lat) = (lon - target[0], lat - target[1]);
        guess = [guess[0] - off_lon, guess[1] - off_lat];
        if off_lon.abs().max(off_lat.abs()) < 1e-12 {
            break;
        }
    }
    guess
}

/// East and north shift, metres, `x` and `y` degrees from the centre.
fn shift_m([x, y]: LonLat) -> [f64; 2] {
    let wave = |value: f64, amplitude: f64, degrees: f64| amplitude * (value * PI / degrees).sin();
    let ripple = wave(x, 20.0, 1.0 / 6.0) + wave(x, 20.0, 0.5);
    let root = x.abs().sqrt();
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + 2.0 / 3.0
            * (ripple
                + wave(y, 20.0, 1.0)
                + wave(y, 40.0, 3.0)
                + wave(y, 160.0, 12.0)
                + wave(y, 320.0, 30.0));
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + 2.0 / 3.0
            * (ripple
                + wave(x, 20.0, 1.0)
                + wave(x, 40.0, 3.0)
                + wave(x, 150.0, 12.0)
                + wave(x, 300.0, 30.0));
    [east, north]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_positions_are_reproduced() {
        // Pairs that the usual implementations agree on: Shanghai, Shenzhen, Beijing.
        for (wgs84, gcj02) in [
            ([121.527_210_6, 31.177_427_6], [121.531_541_859, 31.175_303_984]),
            ([113.912_316, 22.543_847], [113.917_176_481, 22.540_796_132]),
            ([116.377_817, 39.911_954], [116.384_047_225, 39.913_345_455]),
        ] {
            let [lon, lat] = gcj02_from_wgs84(wgs84);
            assert!((lon - gcj02[0]).abs() < 1e-7 && (lat - gcj02[1]).abs() < 1e-7, "{lon} {lat}");
        }
    }

    #[test]
    fn inverses_return_to_a_tenth_of_a_millimetre() {
        for i in 0..2000 {
            let (a, b) = (f64::from(i) * 0.618_034 % 1.0, f64::from(i) * 0.754_877 % 1.0);
            let wgs84 = [74.0 + 60.0 * a, 4.0 + 49.0 * b];
            for back in [wgs84_from_gcj02(gcj02_from_wgs84(wgs84)), wgs84_from_bd09(bd09_from_wgs84(wgs84))] {
                assert!(
                    (back[0] - wgs84[0]).abs() < 1e-9 && (back[1] - wgs84[1]).abs() < 1e-9,
                    "{wgs84:?} {back:?}"
                );
            }
        }
    }

    #[test]
    fn the_shift_is_some_hundred_metres_in_china_and_nothing_elsewhere() {
        for i in 0..500 {
            let wgs84 = [
                100.0 + 20.0 * (f64::from(i) * 0.618_034 % 1.0),
                22.0 + 18.0 * (f64::from(i) * 0.754_877 % 1.0),
            ];
            let gcj02 = gcj02_from_wgs84(wgs84);
            let north_m = (gcj02[1] - wgs84[1]) * 111_000.0;
            let east_m = (gcj02[0] - wgs84[0]) * 111_000.0 * wgs84[1].to_radians().cos();
            let metres = north_m.hypot(east_m);
            assert!((50.0..1000.0).contains(&metres), "{wgs84:?}: {metres} m");
        }
        assert_eq!(gcj02_from_wgs84([2.35, 48.86]), [2.35, 48.86]);
        let [lon, lat] = bd09_from_gcj02([116.404, 39.915]);
        assert!((lon - 116.410_37).abs() < 2e-4 && (lat - 39.921_33).abs() < 2e-4, "{lon} {lat}");
    }
}

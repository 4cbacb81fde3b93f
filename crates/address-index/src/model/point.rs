//! Where an address is said to be, and how coordinates go wrong.

/// The datum that coordinates were delivered in. What the table holds is plan metres already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Datum {
    /// Not said.
    #[default]
    Unknown = 0,
    /// CGCS2000, to centimetres the same as WGS 84.
    Cgcs2000 = 1,
    /// WGS 84.
    Wgs84 = 2,
    /// GCJ-02, shifted by 50 to 700 m.
    Gcj02 = 3,
    /// BD-09.
    Bd09 = 4,
}

impl Datum {
    /// The datum with a number.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Cgcs2000,
            2 => Self::Wgs84,
            3 => Self::Gcj02,
            4 => Self::Bd09,
            _ => Self::Unknown,
        }
    }
}

/// Position of an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddressPoint {
    /// East and north in the county's plan, metres.
    pub position_m: [f64; 2],
    /// Ellipsoidal height, metres.
    pub height_m: Option<f64>,
    /// Standard deviation per axis, metres.
    pub accuracy_m: Option<f64>,
    /// What it was delivered in.
    pub datum: Datum,
}

/// What was wrong with a pair of coordinates that could be read nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoordinateFault {
    /// Latitude came first.
    Swapped,
    /// Degrees times a power of ten: the power.
    Scaled(u8),
    /// Both.
    SwappedAndScaled(u8),
}

/// What two numbers mean as longitude and latitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CoordinateReading {
    /// Longitude and latitude, degrees; with what was put right.
    Degrees {
        /// Longitude and latitude.
        lon_lat: [f64; 2],
        /// What was put right.
        fault: Option<CoordinateFault>,
    },
    /// Metres of some projection.
    Metres,
    /// Both zero, or empty.
    Zero,
    /// Not a number, or outside of every reading that lies within the bounds.
    Nonsense,
}

impl CoordinateReading {
    /// Reads a pair of numbers as a place in `low..high` (longitude and latitude of a box around the county, degrees).
    pub fn of(x: f64, y: f64, low: [f64; 2], high: [f64; 2]) -> Self {
        if !(x.is_finite() && y.is_finite()) {
            return Self::Nonsense;
        }
        if x == 0.0 && y == 0.0 {
            return Self::Zero;
        }
        let inside = |p: [f64; 2]| (0..2).all(|k| low[k] <= p[k] && p[k] <= high[k]);
        for power in [0u8, 6, 7, 5, 8] {
            let scale = 10f64.powi(i32::from(power));
            let straight = [x / scale, y / scale];
            let crossed = [straight[1], straight[0]];
            let fault = |swapped: bool| match (swapped, power) {
                (false, 0) => None,
                (true, 0) => Some(CoordinateFault::Swapped),
                (false, power) => Some(CoordinateFault::Scaled(power)),
                (true, power) => Some(CoordinateFault::SwappedAndScaled(power)),
            };
            if inside(straight) {
                return Self::Degrees { lon_lat: straight, fault: fault(false) };
            }
            if inside(crossed) {
                return Self::Degrees { lon_lat: crossed, fault: fault(true) };
            }
        }
        let metres = |v: f64| (1_000.0..1e8).contains(&v.abs());
        if metres(x) && metres(y) { Self::Metres } else { Self::Nonsense }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_gone_wrong() {
        let read = |x, y| CoordinateReading::of(x, y, [119.5, 26.8], [120.3, 27.5]);
        let degrees = |fault| CoordinateReading::Degrees { lon_lat: [119.9, 27.2], fault };
        assert_eq!(read(119.9, 27.2), degrees(None));
        assert_eq!(read(27.2, 119.9), degrees(Some(CoordinateFault::Swapped)));
        assert_eq!(read(119_900_000.0, 27_200_000.0), degrees(Some(CoordinateFault::Scaled(6))));
        assert_eq!(read(27_200_000.0, 119_900_000.0), degrees(Some(CoordinateFault::SwappedAndScaled(6))));
        assert_eq!(read(0.0, 0.0), CoordinateReading::Zero);
        assert_eq!(read(490_123.4, 3_010_456.7), CoordinateReading::Metres);
        assert_eq!(read(113.0, 22.0), CoordinateReading::Nonsense);
        assert_eq!(read(f64::NAN, 27.2), CoordinateReading::Nonsense);
        assert_eq!(read(119.9, f64::INFINITY), CoordinateReading::Nonsense);
    }
}

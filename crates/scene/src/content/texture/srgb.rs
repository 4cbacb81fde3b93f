//! The sRGB transfer curve (IEC 61966-2-1) as tables.

use std::sync::LazyLock;

/// Linear values have this as 1.0: twelve bits tell all 256 sRGB steps apart and survive the round trip.
pub(crate) const ONE: u16 = 4095;

/// Linear value of each sRGB byte, 0..=[`ONE`].
pub(crate) static LINEAR: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let c = i as f64 / 255.0;
        let linear = if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        (linear * f64::from(ONE)).round() as u16
    })
});

/// sRGB byte of a quarter of each index: the sum of four linear values is looked up without dividing.
pub(crate) static ENCODED_QUARTER: LazyLock<Box<[u8; 4 * ONE as usize + 4]>> = LazyLock::new(|| {
    let table: Vec<u8> =
        (0..4 * usize::from(ONE) + 4).map(|i| encode(i as f64 / (4.0 * f64::from(ONE)))).collect();
    match table.into_boxed_slice().try_into() {
        Ok(table) => table,
        Err(_) => Box::new([0; 4 * ONE as usize + 4]),
    }
});

/// Linear byte of an sRGB byte.
pub(crate) fn linear_u8(encoded: u8) -> u8 {
    let linear = u32::from(LINEAR[usize::from(encoded)]);
    ((linear * 255 + u32::from(ONE) / 2) / u32::from(ONE)) as u8
}

fn encode(linear: f64) -> u8 {
    let l = linear.clamp(0.0, 1.0);
    let c = if l <= 0.003_130_8 { l * 12.92 } else { 1.055 * l.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0).round() as u8
}

/// sRGB byte of a linear value 0..1; NaN is 0.
pub(crate) fn encode_f32(linear: f32) -> u8 {
    let index = (linear * (4.0 * f32::from(ONE)) + 0.5) as usize;
    ENCODED_QUARTER.get(index.min(4 * usize::from(ONE))).copied().unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        for byte in 0..=255u8 {
            let linear = LINEAR[usize::from(byte)];
            assert_eq!(ENCODED_QUARTER[4 * usize::from(linear)], byte);
        }
    }

    #[test]
    fn floats_encode_as_the_standard_says() {
        let expected = [(0.0, 0), (0.5, 188), (1.0, 255), (2.0, 255), (-1.0, 0), (f32::NAN, 0), (0.214, 127)];
        for (linear, byte) in expected {
            assert_eq!(encode_f32(linear), byte, "{linear}");
        }
    }
}

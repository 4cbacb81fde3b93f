use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::HeightField;
use terrain::height_field::HeightFieldError;

use crate::heights;

#[test]
fn bilinear_between_samples_and_exact_on_them() {
    let field =
        HeightField::new(3, 2, DVec2::new(10.0, 20.0), 2.0, vec![0., 4., -9., 2., 6., 1.], Some(-9.0))
            .unwrap();
    assert_eq!(field.extent(), (DVec2::new(10.0, 20.0), DVec2::new(14.0, 22.0)));
    assert_eq!(field.height_at(DVec2::new(10.0, 20.0)), Some(0.0));
    assert_eq!(field.height_at(DVec2::new(12.0, 22.0)), None, "the cell to the east has an absent corner");
    assert_eq!(field.height_at(DVec2::new(11.0, 21.0)), Some(3.0));
    assert_eq!(field.height_at(DVec2::new(11.5, 20.5)), Some(3.5));
    assert_eq!(field.height_at(DVec2::new(9.999, 20.0)), None);
    assert_eq!(field.height_at(DVec2::new(f64::NAN, 20.0)), None);
    assert_eq!(field.gradient_at(DVec2::new(11.0, 21.0)), Some(DVec2::new(2.0, 1.0)));
    let normal = field.normal_at(DVec2::new(11.0, 21.0)).unwrap();
    assert!(normal.distance(DVec3::new(-2.0, -1.0, 1.0).normalize()) < 1e-15);
    assert!((field.slope_rad_at(DVec2::new(11.0, 21.0)).unwrap().tan() - 5f64.sqrt()).abs() < 1e-12);
    assert_eq!((field.sample(2, 0), field.sample(1, 1), field.sample(3, 0)), (None, Some(6.0), None));
    assert_eq!(field.height_range(), Some((0.0, 6.0)));
}

#[test]
fn bad_fields_are_refused() {
    let new = |columns, rows, cell_m, count| {
        HeightField::new(columns, rows, DVec2::ZERO, cell_m, vec![0.0; count], None).unwrap_err()
    };
    assert!(matches!(new(1, 5, 1.0, 5), HeightFieldError::Size { .. }));
    assert!(matches!(new(u32::MAX, u32::MAX, 1.0, 0), HeightFieldError::Size { .. }));
    assert!(matches!(new(2, 2, 1.0, 5), HeightFieldError::Count { found: 5, .. }));
    assert!(matches!(new(2, 2, 0.0, 4), HeightFieldError::Placement { .. }));
    assert!(matches!(new(2, 2, f64::INFINITY, 4), HeightFieldError::Placement { .. }));
    assert!(matches!(
        HeightField::from_fn(1 << 20, 1 << 20, DVec2::ZERO, 1.0, |_| 0.0),
        Err(HeightFieldError::Size { .. })
    ));
}

proptest! {
    #[test]
    fn height_lies_between_the_corners_and_is_continuous(heights in heights(), x in 0.0..22.0, y in 0.0..22.0) {
        let field = crate::field(12, 12, &heights, f32::INFINITY).unwrap();
        let at = |x: f64, y: f64| field.height_at(field.extent().0 + DVec2::new(x, y)).unwrap();
        let (column, row) = ((x / 2.0) as u32, (y / 2.0) as u32);
        let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| f64::from(field.sample((column + i).min(11), (row + j).min(11)).unwrap()));
        let low = corners.into_iter().fold(f64::INFINITY, f64::min);
        let high = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((low - 1e-9..=high + 1e-9).contains(&at(x, y)));
        let beside = at((x + 1e-7).min(22.0), (y + 1e-7).min(22.0));
        prop_assert!((beside - at(x, y)).abs() < 1e-5);
    }

    #[test]
    fn windows_keep_their_samples(heights in heights(), column in 0u32..12, row in 0u32..12, columns in 0u32..12, rows in 0u32..12, step in 0u32..4) {
        let field = crate::field(12, 12, &heights, 8.0).unwrap();
        let fits = step > 0 && columns > 1 && rows > 1 && column + (columns - 1) * step < 12 && row + (rows - 1) * step < 12;
        let window = field.window(column, row, columns, rows, step);
        prop_assert_eq!(window.is_some(), fits);
        if let Some(window) = window {
            for y in 0..rows {
                for x in 0..columns {
                    prop_assert_eq!(window.sample(x, y), field.sample(column + x * step, row + y * step));
                    prop_assert!(window.position(x, y).distance(field.position(column + x * step, row + y * step)) < 1e-9);
                }
            }
        }
    }
}

use glam::DVec2;
use terrain::synthetic::{fractal_noise, hillside, value_noise};
use terrain::{HeightFieldError, Rtin};

#[test]
fn the_same_seed_gives_the_same_ground_at_any_resolution() {
    let (fine, coarse, other) =
        (hillside(7, 128, 2.0).unwrap(), hillside(7, 64, 4.0).unwrap(), hillside(8, 64, 4.0).unwrap());
    let mut differing = 0;
    for row in 0..65 {
        for column in 0..65 {
            assert_eq!(coarse.ground.sample(column, row), fine.ground.sample(column * 2, row * 2));
            differing += u32::from(coarse.ground.sample(column, row) != other.ground.sample(column, row));
        }
    }
    assert!(differing > 4000, "{differing}");
    assert!(matches!(hillside(1, u32::MAX, 1.0), Err(HeightFieldError::Size { .. })));
    assert!(hillside(1, 8, f64::NAN).is_err());
}

#[test]
fn the_valley_is_a_place_for_a_village() {
    for seed in 0..6 {
        let hillside = hillside(seed, 512, 1.0).unwrap();
        let ground = &hillside.ground;
        assert!(hillside.stream.len() > 90, "the stream crosses the field");
        for pair in hillside.stream.windows(2) {
            assert!(pair[1].z < pair[0].z && pair[1].y < pair[0].y, "water runs downhill: {pair:?}");
        }
        let bed = hillside.stream[hillside.stream.len() / 2];
        for side in [-8.0, 8.0] {
            assert!(ground.height_at(bed.truncate() + DVec2::X * side).unwrap() > bed.z + 0.7, "banks");
        }
        let (center, half) = (hillside.village_center.truncate(), hillside.village_half_extent_m);
        assert!(hillside.village_center.z > bed.z + 5.0, "above floods");
        let mut steepest: f64 = 0.0;
        for k in 0..400 {
            let (x, y) = (f64::from(k % 20) / 9.5 - 1.0, f64::from(k / 20) / 9.5 - 1.0);
            if x * x + y * y <= 1.0 {
                steepest =
                    steepest.max(ground.slope_rad_at(center + half * DVec2::new(x, y)).unwrap().to_degrees());
            }
        }
        assert!(steepest < 12.0, "{steepest}");
        let (low, high) = ground.height_range().unwrap();
        assert!((60.0..250.0).contains(&(high - low)), "{low} {high}");
        // Terraces: much of the ground is nearly level although the valley's sides are steep.
        let slopes: Vec<f64> = (0..10_000)
            .map(|k| DVec2::new(f64::from(k % 100) - 50.0, f64::from(k / 100) - 50.0) * 4.9)
            .map(|p| ground.slope_rad_at(p).unwrap().to_degrees())
            .collect();
        let share = |range: std::ops::Range<f64>| slopes.iter().filter(|slope| range.contains(slope)).count();
        assert!(
            share(0.0..6.0) > 1000 && share(20.0..60.0) > 1500,
            "{} {}",
            share(0.0..6.0),
            share(20.0..60.0)
        );
        assert!(slopes.iter().all(|&slope| slope < 75.0));
    }
}

#[test]
fn a_mesh_of_the_hillside_is_far_smaller_than_its_grid() {
    let hillside = hillside(1, 256, 1.0).unwrap();
    let mesh = Rtin::new(&hillside.ground).unwrap().mesh(1.0, 0.0);
    assert!(mesh.triangle_count() * 8 < 2 * 256 * 256, "{}", mesh.triangle_count());
}

#[test]
fn noise_stays_in_range_and_is_smooth() {
    let mut range = (0.0f64, 0.0f64);
    for k in 0..20_000 {
        let p = DVec2::new(f64::from(k) * 0.0137 - 100.0, f64::from(k) * -0.0071 + 3.0);
        for noise in [value_noise(3, p), fractal_noise(3, p, 5)] {
            range = (range.0.min(noise), range.1.max(noise));
        }
        assert!((value_noise(3, p) - value_noise(3, p + DVec2::splat(1e-6))).abs() < 1e-4);
    }
    assert!(range.0 >= -1.0 && range.1 <= 1.0 && range.1 - range.0 > 1.5, "{range:?}");
}

//! Five plates of a lane and six houses; the third point lies off: `cargo run -p address-index --example match_buildings`.

use address_index::{
    Footprint, FootprintError,
    matching::{AddressToMatch, MatchOptions, match_buildings},
    text::NumberValue,
};

fn main() -> Result<(), FootprintError> {
    let house = |k: usize| {
        let west = 20.0 * k as f64;
        Footprint::new(
            format!("350926100003-B{k}"),
            vec![[west, 0.0], [west + 9.0, 0.0], [west + 9.0, 9.0], [west, 9.0]],
            vec![],
        )
    };
    let houses = (0..6).map(house).collect::<Result<Vec<_>, _>>()?;
    let plate = |number: u32, east: f64| AddressToMatch {
        position_m: Some([east, 4.0]),
        lane: Some(1),
        door: NumberValue::new(number).unwrap_or_default(),
        name: None,
    };
    let plates = [plate(1, 4.0), plate(3, 26.0), plate(5, 56.0), plate(7, 64.0), plate(9, 85.0)];
    let report = match_buildings(&plates, &houses, &[], &[], &MatchOptions::default());
    for found in &report.matches {
        let names: Vec<&str> =
            found.buildings.iter().filter_map(|&b| houses.get(b)).map(Footprint::building_id).collect();
        println!(
            "{} -> {names:?} by {:?}, {:.2}: {:?}",
            plates[found.address].door.plain(),
            found.method,
            found.confidence,
            found.evidence
        );
    }
    println!("{} to review, points lie off by {:.1} m", report.review.len(), report.spread_m);
    Ok(())
}

//! Where the county and its villages lie, and what is likely wrong with something that lies elsewhere.

use std::collections::BTreeSet;

use geodesy::gcj02::{wgs84_from_bd09, wgs84_from_gcj02};

use super::LayerDocument;
use crate::vector::{Geometry, Plane, Position};

/// Surveys and features reach over a village's border by this much, metres.
pub const VILLAGE_MARGIN_M: f64 = 300.0;
/// And over the county's.
pub const COUNTY_MARGIN_M: f64 = 2_000.0;
/// Farther than this nothing but the coordinate system can be wrong, metres.
const ABSURD_M: f64 = 50_000.0;

/// By which a wrong central meridian moves things, degrees of longitude: zones of three and six degrees, and halves.
const ZONES_DEG: [f64; 14] =
    [3.0, -3.0, 6.0, -6.0, 9.0, -9.0, 12.0, -12.0, 15.0, -15.0, 18.0, -18.0, 1.5, -1.5];

/// Borders of a county.
#[derive(Clone, Debug, Default)]
pub struct Borders {
    county: Vec<Geometry>,
    villages: Vec<Village>,
    codes: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Village {
    code: String,
    name: String,
    geometry: Geometry,
    bounds: [Position; 2],
}

/// Something that does not lie where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    /// Of what it lies outside: the county, or a village with its name.
    pub of: String,
    /// By how much, metres.
    pub distance_m: f64,
    /// What is likely wrong.
    pub cause: String,
}

impl std::fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let distance = if self.distance_m < 2_000.0 {
            format!("{:.0} m", self.distance_m)
        } else {
            format!("{:.1} km", self.distance_m / 1_000.0)
        };
        write!(f, "it lies {distance} outside {}: {}", self.of, self.cause)
    }
}

impl Borders {
    /// Out of the layers of borders and villages.
    pub fn new(county: &LayerDocument, villages: &LayerDocument) -> Self {
        let areas = |document: &LayerDocument| -> Vec<Geometry> {
            document.features.iter().filter_map(|feature| feature.geometry.clone()).collect()
        };
        let codes = villages.features.iter().map(|feature| feature.text("code").to_owned()).collect();
        let villages = villages
            .features
            .iter()
            .filter_map(|feature| {
                let geometry = feature.geometry.clone()?;
                let bounds = geometry.bounds()?;
                let (code, name) = (feature.text("code").to_owned(), feature.text("name").to_owned());
                Some(Village { code, name, geometry, bounds })
            })
            .collect();
        Self { county: areas(county), villages, codes }
    }

    /// Whether there is a list of villages.
    pub fn has_list(&self) -> bool {
        !self.codes.is_empty()
    }

    /// Whether a village is in the list, or there is no list.
    pub fn knows(&self, village: &str) -> bool {
        self.codes.is_empty() || self.codes.contains(village)
    }

    /// Whether the county has a border of its own, beside those of its villages.
    pub fn has_county(&self) -> bool {
        !self.county.is_empty()
    }

    /// Whether anything can be said about places.
    pub fn is_empty(&self) -> bool {
        self.county.is_empty() && self.villages.is_empty()
    }

    /// The code of the village in which a place lies.
    pub fn village_at(&self, at: Position) -> Option<&str> {
        self.village_of(at).map(|village| village.code.as_str())
    }

    fn village_of(&self, at: Position) -> Option<&Village> {
        let is_in = |[low, high]: [Position; 2]| (0..2).all(|i| (low[i]..=high[i]).contains(&at[i]));
        self.villages.iter().find(|village| is_in(village.bounds) && village.geometry.contains(at))
    }

    /// Whether a place lies in the county, or nearly; without borders everything does.
    ///
    /// # Errors
    /// [`Elsewhere`].
    pub fn check_county(&self, at: Position) -> Result<(), Elsewhere> {
        if self.is_empty() || self.is_in_county(at) {
            return Ok(());
        }
        let plane = Plane::around(at);
        let distance_m = self
            .county_areas()
            .map(|area| plane.distance_to_edge_m(area.polygons(), at))
            .fold(f64::INFINITY, f64::min);
        if distance_m <= COUNTY_MARGIN_M {
            return Ok(());
        }
        let cause = self.cause(at, distance_m, &|at| self.is_in_county(at));
        Err(Elsewhere { of: "the county".to_owned(), distance_m, cause })
    }

    /// Whether a place lies in its village, or nearly; a village without a border is not judged.
    ///
    /// # Errors
    /// [`Elsewhere`].
    pub fn check_village(&self, code: &str, at: Position) -> Result<(), Elsewhere> {
        let Some(village) = self.villages.iter().find(|village| village.code == code) else {
            return self.check_county(at);
        };
        if village.geometry.contains(at) {
            return Ok(());
        }
        let distance_m = Plane::around(at).distance_to_edge_m(village.geometry.polygons(), at);
        if distance_m <= VILLAGE_MARGIN_M {
            return Ok(());
        }
        let of = format!("village {code} {}", village.name).trim_end().to_owned();
        let cause = self.cause(at, distance_m, &|at| village.geometry.contains(at));
        Err(Elsewhere { of, distance_m, cause })
    }

    fn county_areas(&self) -> Box<dyn Iterator<Item = &Geometry> + '_> {
        if self.county.is_empty() {
            Box::new(self.villages.iter().map(|village| &village.geometry))
        } else {
            Box::new(self.county.iter())
        }
    }

    fn is_in_county(&self, at: Position) -> bool {
        if self.county.is_empty() {
            self.village_of(at).is_some()
        } else {
            self.county.iter().any(|area| area.contains(at))
        }
    }

    /// What would bring a place to where it belongs.
    fn cause(&self, at: Position, distance_m: f64, is_in: &dyn Fn(Position) -> bool) -> String {
        let [lon, lat] = at;
        if is_in([lat, lon]) {
            return "longitude and latitude are exchanged".to_owned();
        }
        // The shift is small; a hit from far away would be no sign of it. A neighbour is as likely.
        let shifted = [("gcj02", wgs84_from_gcj02(at)), ("bd09", wgs84_from_bd09(at))];
        let shifted = shifted.into_iter().find(|(_, moved)| distance_m < 1_500.0 && is_in(*moved));
        let village = self.village_of(at);
        if let Some((name, _)) = shifted {
            let neighbour = village.map_or(String::new(), |village| {
                format!("it lies in village {} {}; ", village.code, village.name)
            });
            return format!("{neighbour}if its coordinates are {name}, say so with --crs {name}");
        }
        for degrees in ZONES_DEG {
            if is_in([lon + degrees, lat]) {
                return format!(
                    "{degrees:+} degrees of longitude bring it there: the zone or the central meridian is likely wrong"
                );
            }
        }
        if let Some(village) = village {
            return format!(
                "it lies in village {} {}: the village is likely wrong",
                village.code, village.name
            );
        }
        if distance_m > ABSURD_M {
            "the coordinate system, its zone or the origin is likely wrong".to_owned()
        } else {
            "the village, the border or the origin is likely wrong".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::LayerFeature;

    fn area(code: &str, lon: f64) -> LayerFeature {
        let ring = vec![[lon, 27.2], [lon + 0.02, 27.2], [lon + 0.02, 27.22], [lon, 27.22], [lon, 27.2]];
        let mut feature = LayerFeature { id: code.into(), ..LayerFeature::default() };
        feature.fields.insert("code".into(), code.into());
        feature.geometry = Some(Geometry::Polygons(vec![vec![ring]]));
        feature
    }

    fn borders() -> Borders {
        let villages = vec![area("350926001001", 119.9), area("350926001002", 119.92)];
        Borders::new(&LayerDocument::default(), &LayerDocument { features: villages, next_number: 1 })
    }

    #[test]
    fn what_lies_elsewhere_is_named_with_distance_and_cause() {
        let borders = borders();
        let own = "350926001001";
        assert_eq!(borders.check_village(own, [119.91, 27.21]), Ok(()));
        // A survey reaches a little over the border.
        assert_eq!(borders.check_village(own, [119.898, 27.21]), Ok(()));
        let cause = |at: Position| borders.check_village(own, at).unwrap_err();
        assert!(cause([119.93, 27.21]).cause.contains("350926001002"));
        assert!((cause([119.93, 27.21]).distance_m - 991.0).abs() < 2.0, "{}", cause([119.93, 27.21]));
        assert!(cause([116.91, 27.21]).cause.contains("+3 degrees"));
        assert!(cause([27.21, 119.91]).cause.contains("exchanged"));
        assert!(cause([24.9, 60.1]).cause.contains("coordinate system"));
        let edge = geodesy::gcj02::gcj02_from_wgs84([119.9199, 27.21]);
        assert!(cause(edge).cause.contains("gcj02"), "{}", cause(edge));
    }

    #[test]
    fn without_borders_nothing_is_refused() {
        let none = Borders::default();
        assert!(none.is_empty() && none.knows("1") && none.check_village("1", [0.0, 0.0]).is_ok());
        let borders = borders();
        assert!(borders.knows("350926001001") && !borders.knows("350926001003"));
        assert_eq!(borders.village_at([119.93, 27.21]), Some("350926001002"));
        assert!(
            borders.check_county([119.95, 27.21]).is_ok() && borders.check_county([119.97, 27.21]).is_err()
        );
    }
}

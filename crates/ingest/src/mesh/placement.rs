//! Where a survey stands, and where each vertex goes.

use geodesy::{
    crs::{Crs, CrsError, HeightDatum, LocalMap, Projector},
    ecef_from_enu, geodetic_from_ecef,
};
use glam::{DMat4, DVec3};

/// A fit that is worse than this is not used, metres: a tenth of what is promised.
const MAX_RESIDUAL_M: f64 = 1e-4;
/// How far beyond the vertices of the root a fit is made: finer levels may reach out a little.
const MARGIN_PART: f64 = 0.25;
const MARGIN_M: f64 = 25.0;

/// Where a survey stands.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Coordinate system and what heights are measured from; `None`: the survey has no place on Earth.
    georeference: Option<(Crs, HeightDatum)>,
    /// Added to every vertex to give coordinates of the system.
    pub origin: DVec3,
    /// Root transform of the tileset.
    pub world_from_survey: DMat4,
}

impl Placement {
    /// A survey without a place on Earth: x east, y north, z up, metres, as it comes.
    pub fn local() -> Self {
        Self { georeference: None, origin: DVec3::ZERO, world_from_survey: DMat4::IDENTITY }
    }

    /// A survey in a coordinate system. `middle` is a position in the system (heights included) near its middle: the
    /// local frame stands there.
    ///
    /// # Errors
    /// A middle outside what the system or the geoid grid covers.
    pub fn on_earth(
        crs: Crs,
        heights: HeightDatum,
        origin: DVec3,
        middle: DVec3,
        projector: &Projector,
    ) -> Result<Self, CrsError> {
        let ecef = projector.ecef(middle, &heights)?;
        Ok(Self { georeference: Some((crs, heights)), origin, world_from_survey: ecef_from_enu(ecef) })
    }

    /// The coordinate system and height datum, unless the survey has no place on Earth.
    pub fn georeference(&self) -> Option<(&Crs, &HeightDatum)> {
        self.georeference.as_ref().map(|(crs, heights)| (crs, heights))
    }

    /// Longitude and latitude in degrees and height in metres of a position in the survey's frame.
    pub fn geodetic_deg(&self, position: DVec3) -> Option<[f64; 3]> {
        self.georeference.as_ref()?;
        let place = geodetic_from_ecef(self.world_from_survey.transform_point3(position));
        Some([place.lon_rad.to_degrees(), place.lat_rad.to_degrees(), place.height_m])
    }

    /// A map for the vertices of one source tile, fitted over `bounds` of the model's own coordinates (before the
    /// origin is added) with some room around; `None` where PROJ must do each vertex.
    pub(super) fn fit(
        &self,
        projector: Option<&Projector>,
        bounds: Option<(DVec3, DVec3)>,
    ) -> Option<LocalMap> {
        let ((_, heights), projector) = (self.georeference.as_ref()?, projector?);
        let (low, high) = bounds?;
        let room = (high - low) * MARGIN_PART + DVec3::splat(self.margin(low));
        let span = (self.origin + low - room, self.origin + high + room);
        let map = LocalMap::fit(projector, heights, span, &self.world_from_survey.inverse()).ok()?;
        (map.residual_m() <= MAX_RESIDUAL_M).then_some(map)
    }

    /// Metres, or their like in degrees for systems of longitude and latitude.
    fn margin(&self, _near: DVec3) -> f64 {
        let geographic = self
            .georeference
            .as_ref()
            .is_some_and(|(crs, _)| matches!(crs.kind(), geodesy::crs::CrsKind::Geographic));
        if geographic { MARGIN_M / 111_000.0 } else { MARGIN_M }
    }
}

/// Places the vertices of one source tile.
#[derive(Debug)]
pub(super) struct Placer<'p> {
    placement: &'p Placement,
    map: Option<&'p LocalMap>,
    /// PROJ, opened when a vertex needs it.
    projector: Option<Projector>,
    /// Vertices that PROJ placed one by one.
    pub(super) placed_by_proj: u64,
}

impl<'p> Placer<'p> {
    pub(super) fn new(placement: &'p Placement, map: Option<&'p LocalMap>) -> Self {
        Self { placement, map, projector: None, placed_by_proj: 0 }
    }

    /// Positions in the survey's frame of positions of the model.
    pub(super) fn place(&mut self, mut positions: Vec<DVec3>) -> Result<Vec<DVec3>, CrsError> {
        let Some((crs, heights)) = &self.placement.georeference else { return Ok(positions) };
        let origin = self.placement.origin;
        let (low, high) = bounds_of(&positions).unwrap_or((DVec3::ZERO, DVec3::ZERO));
        if let Some(map) = self.map
            && map.covers(origin + low)
            && map.covers(origin + high)
        {
            positions.iter_mut().for_each(|p| *p = map.apply(origin + *p));
            return Ok(positions);
        }
        if self.projector.is_none() {
            self.projector = Some(crs.projector()?);
        }
        let Some(projector) = &self.projector else { return Ok(positions) };
        let survey_from_world = self.placement.world_from_survey.inverse();
        for position in &mut positions {
            let ecef = projector.ecef(origin + *position, heights)?;
            *position = survey_from_world.transform_point3(ecef);
        }
        self.placed_by_proj += positions.len() as u64;
        Ok(positions)
    }
}

/// Lower and upper corner of some positions.
pub(super) fn bounds_of(positions: &[DVec3]) -> Option<(DVec3, DVec3)> {
    let first = *positions.first()?;
    Some(positions.iter().fold((first, first), |(low, high), p| (low.min(*p), high.max(*p))))
}

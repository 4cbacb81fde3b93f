//! `3DTILES_bounding_volume_S2`: cells of the S2 hierarchy with a height range, as convex hulls.

use glam::DVec3;

/// The hull of an S2 cell between two heights: eight corners (bottom then top, counter-clockwise seen from above)
/// and six outward planes.
#[derive(Clone, Debug, PartialEq)]
pub struct S2Volume {
    /// The cell's id.
    pub cell_id: u64,
    /// Corners in ECEF.
    pub corners: [DVec3; 8],
}

/// The cell id of a token (hexadecimal, trailing zeros dropped); `None` if it names no valid cell.
pub fn cell_id_from_token(_token: &str) -> Option<u64> {
    todo!()
}

//! The spatial instance of `../shared/bench/spatial_instance.py`, read from the folder it was written to.

use std::{fs, io, path::Path};

use address_index::Footprint;

/// Outlines and points.
#[derive(Debug)]
pub struct Instance {
    /// 200,000 buildings.
    pub footprints: Vec<Footprint>,
    /// 1,000,000 points.
    pub points: Vec<[f64; 2]>,
}

impl Instance {
    /// Reads `off.u32`, `xy.f64` and `pts.f64`.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let bytes = |name: &str| fs::read(folder.join(name));
        let offsets: Vec<usize> = bytes("off.u32")?
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
            .collect();
        let pairs = |bytes: Vec<u8>| -> Vec<[f64; 2]> {
            let number = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            bytes.chunks_exact(16).map(|b| [number(&b[..8]), number(&b[8..])]).collect()
        };
        let vertices = pairs(bytes("xy.f64")?);
        let points = pairs(bytes("pts.f64")?);
        let footprint = |(at, pair): (usize, &[usize])| {
            let ring = vertices.get(pair[0]..pair[1]).unwrap_or_default().to_vec();
            Footprint::new(format!("350926100001-B{at}"), ring, Vec::new()).map_err(io::Error::other)
        };
        let footprints = offsets.windows(2).enumerate().map(footprint).collect::<Result<_, _>>()?;
        Ok(Self { footprints, points })
    }
}

//! What an import found and made. Nothing in it depends on time, threads or the machine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Source files that were read.
    pub source_files: u64,
    /// Their bytes.
    pub source_bytes: u64,
    /// Content files that were written.
    pub contents: u64,
    /// Bytes of all files that were written.
    pub written_bytes: u64,
    /// Vertices.
    pub vertices: u64,
    /// Triangles.
    pub triangles: u64,
    /// Textures passed through byte for byte.
    pub textures_passed: u64,
    /// Textures that had to be encoded (raw pixels, compressed blocks).
    pub textures_encoded: u64,
    /// Sets of points or lines that were left out.
    pub not_triangles: u64,
    /// Vertices that PROJ placed one by one.
    pub placed_by_proj: u64,
}

impl Figures {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.source_files += other.source_files;
        self.source_bytes += other.source_bytes;
        self.contents += other.contents;
        self.written_bytes += other.written_bytes;
        self.vertices += other.vertices;
        self.triangles += other.triangles;
        self.textures_passed += other.textures_passed;
        self.textures_encoded += other.textures_encoded;
        self.not_triangles += other.not_triangles;
        self.placed_by_proj += other.placed_by_proj;
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A file could not be read; what names it is a leaf.
    FailedFile,
    /// A part of a file was left out.
    LeftOut,
    /// A finer file that was not delivered: usual in parts of deliveries.
    MissingChild,
    /// Something was decided.
    Note,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave.
    pub kind: FindingKind,
    /// The file, relative to the delivery.
    pub file: String,
    /// Byte offset, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Class of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Field of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, or what was decided.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FindingKind::FailedFile => "failed",
            FindingKind::LeftOut => "left out",
            FindingKind::MissingChild => "missing",
            FindingKind::Note => "note",
        })?;
        write!(f, ": {}", self.file)?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        for part in [&self.class, &self.field].into_iter().flatten() {
            write!(f, ", {part}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// How the survey was placed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceReport {
    /// Name of the coordinate system; `None`: no place on Earth.
    pub crs: Option<String>,
    /// What PROJ was given.
    pub definition: Option<String>,
    /// Origin that is added to vertices.
    pub origin: [f64; 3],
    /// What heights are measured from, in words.
    pub heights: String,
    /// What was noticed and decided.
    pub notes: Vec<String>,
    /// Largest distance of the placement of vertices from PROJ's, metres.
    pub max_residual_m: f64,
    /// West, south, east, north in degrees, lowest and highest in metres above the ellipsoid (of the roots).
    pub region_deg_m: Option<[f64; 6]>,
}

/// The coarse cover over the roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoverReport {
    /// Tiles.
    pub tiles: u64,
    /// Levels.
    pub levels: u32,
    /// Triangles.
    pub triangles: u64,
    /// Bytes.
    pub bytes: u64,
    /// Size of a texel on the finest level, metres.
    pub texel_m: f64,
}

/// The whole report of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeshReport {
    /// Of the report itself.
    pub format: u32,
    /// Name of the delivery's folder or file.
    pub delivery: String,
    /// What it is.
    pub kind: crate::delivery::DeliveryKind,
    /// Tells this delivery and these options from others.
    pub fingerprint: String,
    /// Source tiles; those that hold nothing included.
    pub source_tiles: u64,
    /// Tiles of the tileset.
    pub tiles: u64,
    /// How it was placed.
    pub place: PlaceReport,
    /// Figures.
    pub figures: Figures,
    /// The cover, if there is one.
    pub cover: Option<CoverReport>,
    /// Everything that was found, by source tile.
    pub findings: Vec<Finding>,
}

/// Finer files that were not delivered, in the readable report.
const MISSING_SHOWN: usize = 8;

impl MeshReport {
    /// How many findings of a kind there are.
    pub fn count(&self, kind: FindingKind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }
}

impl fmt::Display for MeshReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        writeln!(f, "delivery         {} ({:?})", self.delivery, self.kind)?;
        writeln!(
            f,
            "source           {} tiles, {} files, {} bytes",
            self.source_tiles, figures.source_files, figures.source_bytes
        )?;
        writeln!(
            f,
            "result           {} tiles, {} contents, {} bytes, {} triangles, {} vertices",
            self.tiles, figures.contents, figures.written_bytes, figures.triangles, figures.vertices
        )?;
        writeln!(
            f,
            "textures         {} passed through, {} encoded",
            figures.textures_passed, figures.textures_encoded
        )?;
        if let Some(cover) = &self.cover {
            writeln!(
                f,
                "cover            {} tiles in {} levels, {} triangles, {} bytes, texels of {:.2} m and more",
                cover.tiles, cover.levels, cover.triangles, cover.bytes, cover.texel_m
            )?;
        }
        match &self.place.crs {
            Some(crs) => writeln!(f, "place            {crs}, heights from {}", self.place.heights)?,
            None => writeln!(f, "place            none on Earth")?,
        }
        if let Some([w, s, e, n, low, high]) = self.place.region_deg_m {
            writeln!(f, "extent           {w:.6},{s:.6} to {e:.6},{n:.6} degrees, {low:.1} to {high:.1} m")?;
        }
        writeln!(f, "placement        within {:.4} mm of PROJ", self.place.max_residual_m * 1000.0)?;
        for note in &self.place.notes {
            writeln!(f, "note             {note}")?;
        }
        writeln!(
            f,
            "findings         {} files failed, {} parts left out, {} finer files not delivered",
            self.count(FindingKind::FailedFile),
            self.count(FindingKind::LeftOut),
            self.count(FindingKind::MissingChild)
        )?;
        let (missing, others): (Vec<&Finding>, Vec<&Finding>) =
            self.findings.iter().partition(|finding| finding.kind == FindingKind::MissingChild);
        for finding in others.into_iter().chain(missing.iter().copied().take(MISSING_SHOWN)) {
            writeln!(f, "  {finding}")?;
        }
        if missing.len() > MISSING_SHOWN {
            writeln!(
                f,
                "  and {} more finer files; the JSON report names all",
                missing.len() - MISSING_SHOWN
            )?;
        }
        Ok(())
    }
}

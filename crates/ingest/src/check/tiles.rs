//! Tilesets of a county.

use bytes::Bytes;
use scene::inspect::{Options, Severity, inspect_tileset};

use super::{Check, LISTED};

impl Check<'_> {
    /// Inspects a tileset and everything it refers to; errors and warnings are problems.
    pub(super) fn inspect(&mut self, uri: &str) {
        let root = self.folder().to_owned();
        let options = Options { max_problems: LISTED, ..Options::default() };
        let max_bytes = options.max_file_bytes;
        let mut files = move |uri: &str| -> Result<Bytes, String> {
            let path =
                store::decoded_path(uri).ok_or_else(|| "an address that leads elsewhere".to_owned())?;
            let path = root.join(path);
            let length = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
            if length > max_bytes {
                return Err(format!("{length} bytes; {max_bytes} are allowed"));
            }
            std::fs::read(&path).map(Bytes::from).map_err(|error| error.to_string())
        };
        let report = inspect_tileset(uri, &mut files, &options);
        let figures = &mut self.report.figures;
        let total = report.summary.total();
        figures.tilesets += 1;
        figures.tiles += report.summary.tiles;
        figures.contents += total.files;
        figures.bytes += total.bytes;
        let mut listed = 0;
        for problem in &report.problems {
            match problem.severity {
                Severity::Error => {
                    listed += 1;
                    self.problem(problem.file.clone(), format!("{}: {}", problem.place, problem.reason));
                }
                Severity::Warning | Severity::NotChecked => {
                    self.note(problem.file.clone(), format!("{}: {}", problem.place, problem.reason));
                }
                Severity::Info => {}
            }
        }
        let more = report.count(Severity::Error).saturating_sub(listed);
        if more > 0 {
            self.problem(uri, format!("and {more} more errors: `hamlet inspect` names them"));
        }
        if report.summary.undrawable > 0 {
            self.problem(
                uri,
                format!("{} contents are of no format that can be drawn", report.summary.undrawable),
            );
        }
    }
}

//! The ground in a county: made anew when what it is made of changes, or a mesh begins or ceases to lie on it.

use std::path::PathBuf;

use serde_json::json;
use store::write::remove_whole_folder;

use super::{ChildKey, County, CountyError, SurveyKey, names, root};
use crate::{
    flat::FlatMapReport,
    land::{
        CutAway, Kept, LandError, LandOptions, LandPlan, LandReport, OUTLINE_FILE, RasterKind,
        TERRAIN_FOLDER, build, flat_map, keep, kept_sources, outline_of, survey_terrain,
    },
    mesh::{Progress, Stage, TILES_FOLDER, tidy},
};

/// Versions of the terrain that stay: the one that is shown, and the one that somebody may still be looking at.
const VERSIONS_KEPT: usize = 2;
/// The flat base map of the county.
const BASE_MAP: &str = "layers/basemap.pmtiles";
const BASE_MAP_LAYER: &str = "basemap";
/// The flat map of a survey.
const SURVEY_MAP_FILE: &str = "ortho.pmtiles";

/// What is to become of the children of the root, for one rename.
pub(super) type Changes = Vec<(ChildKey, Option<serde_json::Value>)>;

impl County {
    /// Takes rasters in, and makes the terrain and, of orthophotos, the flat base map anew.
    ///
    /// # Errors
    /// Rasters that would lie absurdly far from the county, what cannot be stored, and being cancelled.
    pub fn import_land(
        &mut self,
        plan: &LandPlan,
        options: &LandOptions,
        progress: &dyn Progress,
    ) -> Result<Option<LandReport>, CountyError> {
        progress.begin(Stage::Keep, plan.bytes());
        for raster in &plan.rasters {
            keep(self.folder(), raster, progress)?;
        }
        if plan.rasters.iter().any(|raster| raster.kind == RasterKind::Ortho) {
            self.make_base_map(progress)?;
        }
        self.remake_land(options, progress)
    }

    /// Makes the county's flat base map of all orthophotos: the layer `basemap`.
    fn make_base_map(&mut self, progress: &dyn Progress) -> Result<(), CountyError> {
        let (sources, _) = kept_sources(self.folder())?;
        let folder = self.folder().join("layers");
        std::fs::create_dir_all(&folder).map_err(LandError::store(&folder))?;
        let made = flat_map(&sources, &self.config().name, &self.folder().join(BASE_MAP), progress)?;
        if made.is_some() && self.config().layers.get(BASE_MAP_LAYER).is_none_or(|path| path != BASE_MAP) {
            let mut config = self.config().clone();
            config.layers.insert(BASE_MAP_LAYER.to_owned(), BASE_MAP.to_owned());
            self.set_config(config)?;
        }
        Ok(())
    }

    /// Makes the flat map of a survey of the orthophotos that a plan names, which were taken in before.
    ///
    /// # Errors
    /// Photos that cannot be read, and what the disk answers.
    pub fn make_survey_map(
        &self,
        plan: &LandPlan,
        key: &SurveyKey,
        progress: &dyn Progress,
    ) -> Result<Option<FlatMapReport>, CountyError> {
        let (sources, _) = kept_sources(self.folder())?;
        let is_named = |kept: &Kept| {
            plan.rasters.iter().any(|raster| {
                raster.kind == kept.source.kind
                    && raster.name == kept.source.delivered
                    && raster.region_deg == kept.source.region_deg
            })
        };
        let sources: Vec<Kept> = sources.into_iter().filter(is_named).collect();
        let survey = self.survey_folder(key);
        std::fs::create_dir_all(&survey).map_err(LandError::store(&survey))?;
        let name = format!("{} {}", key.village, key.date);
        Ok(flat_map(&sources, &name, &survey.join(SURVEY_MAP_FILE), progress)?)
    }

    /// Makes the terrain anew of what is kept, and shows it. `None`: there is no elevation model.
    ///
    /// # Errors
    /// What cannot be stored, and being cancelled.
    pub fn remake_land(
        &self,
        options: &LandOptions,
        progress: &dyn Progress,
    ) -> Result<Option<LandReport>, CountyError> {
        let (changes, report) = self.land_for(None, options, progress)?;
        self.change_root(changes)?;
        self.remove_old_land()?;
        Ok(report)
    }

    /// The number of the version of the terrain that is shown.
    ///
    /// # Errors
    /// A root that cannot be read.
    pub fn current_land(&self) -> Result<Option<String>, CountyError> {
        let document = root::RootDocument::read(self.folder())?;
        let child = document.child(&ChildKey::Terrain);
        Ok(child.and_then(|child| child["extras"]["terrain"].as_str()).map(str::to_owned))
    }

    /// The folder of a version of the terrain.
    pub fn land_folder(&self, version: &str) -> PathBuf {
        self.folder().join(TERRAIN_FOLDER).join(version)
    }

    /// Shows a survey, with the ground cut to it in the same rename.
    pub(super) fn show(&self, key: &SurveyKey, progress: &dyn Progress) -> Result<(), CountyError> {
        let (tileset, uri, extras) = self.shown_of(key)?;
        let extras_show_mesh = extras["points"].is_null();
        let child = root::child_of(&tileset, &uri, extras)?;
        let document = root::RootDocument::read(self.folder())?;
        let village = ChildKey::Village(key.village.clone());
        let before = document.child(&village).map(|child| child["content"]["uri"].clone());
        let is_shown = before.as_ref().and_then(|uri| uri.as_str()) == Some(uri.as_str());
        let mut changes: Changes = vec![(village, Some(child))];
        if extras_show_mesh {
            // Blocks stand in for a mesh; now there is one.
            changes.push((ChildKey::Blocks(key.village.clone()), None));
        }
        let has_land = document.child(&ChildKey::Terrain).is_some() || !self.land_versions()?.is_empty();
        if has_land
            && !self.is_ground_later
            && (!is_shown || self.outline_changes(key) || self.is_land_stale()?)
        {
            changes.extend(self.land_for(Some(key), &LandOptions::default(), progress)?.0);
        }
        self.change_root(changes)?;
        self.remove_old_land()
    }

    /// Whether the mesh of a survey covers something else than before: it was imported anew.
    fn outline_changes(&self, key: &SurveyKey) -> bool {
        let survey = self.survey_folder(key);
        let kept = survey.join(OUTLINE_FILE);
        let before = std::fs::read(&kept).ok();
        // What cannot be had is a note of the terrain's report.
        let _ = outline_of(&survey.join(TILES_FOLDER), &kept);
        before != std::fs::read(&kept).ok()
    }

    /// Whether the terrain that is shown was cut for other surveys than those that are.
    fn is_land_stale(&self) -> Result<bool, CountyError> {
        let Some(version) = self.current_land()? else { return Ok(true) };
        let Some(report) = LandReport::read(&self.land_folder(&version)) else { return Ok(true) };
        let cut: Vec<(&str, &str)> =
            report.cut_m2.iter().map(|(village, survey, _)| (village.as_str(), survey.as_str())).collect();
        let surveys = self.surveys()?;
        let shown = surveys.iter().filter(|survey| {
            survey.is_current && self.survey_folder(&survey.key).join(TILES_FOLDER).join(root::FILE).is_file()
        });
        let shown: Vec<_> =
            shown.map(|survey| (survey.key.village.as_str(), survey.key.date.as_str())).collect();
        Ok(shown != cut)
    }

    /// What was asked for when the terrain was made last, where nothing else is asked for now.
    fn land_options(&self, asked: &LandOptions) -> Result<LandOptions, CountyError> {
        let last = self.land_versions()?.last().map(|number| self.land_folder(&number.to_string()));
        let before = last.and_then(|folder| LandReport::read(&folder)).map(|report| report.options);
        let before = before.unwrap_or_default();
        Ok(LandOptions {
            cell_m: asked.cell_m.or(before.cell_m),
            copyright: asked.copyright.clone().or(before.copyright),
        })
    }

    /// The terrain as it has to be if a survey were shown: made, not shown yet.
    fn land_for(
        &self,
        shown: Option<&SurveyKey>,
        options: &LandOptions,
        progress: &dyn Progress,
    ) -> Result<(Changes, Option<LandReport>), CountyError> {
        let folder = self.folder().join(TERRAIN_FOLDER);
        std::fs::create_dir_all(&folder).map_err(LandError::store(&folder))?;
        tidy(&folder).map_err(LandError::store(&folder))?;
        let (sources, notes) = self.land_sources(shown)?;
        let (cuts, more_notes) = self.cuts(shown)?;
        let version = self.next_version()?;
        let target = folder.join(&version);
        let options = self.land_options(options)?;
        let report = build(&sources, &cuts, &target, &options, progress)?;
        // Nothing to make it of: ground that somebody else put there stays.
        let Some(mut report) = report else { return Ok((Vec::new(), None)) };
        report.notes.extend(notes.into_iter().chain(more_notes));
        if report.tiles == 0 {
            // All of it lies under meshes.
            return Ok((vec![(ChildKey::Terrain, None)], Some(report)));
        }
        let uri = format!("{TERRAIN_FOLDER}/{version}/{TILES_FOLDER}/{}", root::FILE);
        let tileset = target.join(TILES_FOLDER).join(root::FILE);
        let child = root::child_of(&tileset, &uri, json!({ "terrain": version }))?;
        Ok((vec![(ChildKey::Terrain, Some(child))], Some(report)))
    }

    /// Elevation models and photos that were delivered; where there is no elevation model, what surveys found.
    fn land_sources(&self, shown: Option<&SurveyKey>) -> Result<(Vec<Kept>, Vec<String>), CountyError> {
        let (mut sources, notes) = kept_sources(self.folder())?;
        if sources.iter().any(|kept| kept.source.kind == RasterKind::Dem) {
            return Ok((sources, notes));
        }
        let surveys = self.surveys()?;
        for village in names(&self.folder().join("villages"))? {
            let shown = shown.filter(|key| key.village == village);
            let of = surveys.iter().filter(|survey| survey.key.village == village);
            // The one that is shown, if it found ground, else the latest that did.
            let mut keys: Vec<(bool, &SurveyKey)> = of
                .map(|survey| (shown.map_or(survey.is_current, |key| *key == survey.key), &survey.key))
                .collect();
            keys.sort_by(|a, b| (b.0, &b.1.date).cmp(&(a.0, &a.1.date)));
            let found = keys.iter().find_map(|(_, key)| {
                let name = format!("points of village {village}, survey {}", key.date);
                survey_terrain(self.folder(), &self.survey_folder(key), name)
            });
            sources.extend(found);
        }
        Ok((sources, notes))
    }

    /// Where meshes lie.
    fn cuts(&self, shown: Option<&SurveyKey>) -> Result<(Vec<CutAway>, Vec<String>), CountyError> {
        let (mut cuts, mut notes) = (Vec::new(), Vec::new());
        let mut keys: Vec<SurveyKey> = self
            .surveys()?
            .into_iter()
            .filter(|survey| survey.is_current && shown.is_none_or(|key| key.village != survey.key.village))
            .map(|survey| survey.key)
            .collect();
        keys.extend(shown.cloned());
        keys.sort_by(|a, b| a.village.cmp(&b.village));
        for key in keys {
            let survey = self.survey_folder(&key);
            let tiles = survey.join(TILES_FOLDER);
            if !tiles.join(root::FILE).is_file() {
                continue;
            }
            match outline_of(&tiles, &survey.join(OUTLINE_FILE)) {
                Ok(rings) if rings.is_empty() => {}
                Ok(rings) => cuts.push(CutAway { village: key.village, survey: key.date, rings }),
                Err(error) => notes.push(format!(
                    "village {}, survey {}: the ground is not cut away under its mesh ({error})",
                    key.village, key.date
                )),
            }
        }
        Ok((cuts, notes))
    }

    fn next_version(&self) -> Result<String, CountyError> {
        Ok((self.land_versions()?.last().copied().unwrap_or(0) + 1).to_string())
    }

    fn land_versions(&self) -> Result<Vec<u64>, CountyError> {
        let mut versions: Vec<u64> = names(&self.folder().join(TERRAIN_FOLDER))?
            .iter()
            .filter_map(|name| name.parse().ok().filter(|number: &u64| number.to_string() == *name))
            .collect();
        versions.sort_unstable();
        Ok(versions)
    }

    fn change_root(&self, changes: Changes) -> Result<(), CountyError> {
        let mut document = root::RootDocument::read(self.folder())?;
        for (key, child) in changes {
            document.set(&key, child);
        }
        document.write(self.folder())
    }

    /// Removes versions that nobody is shown any more.
    fn remove_old_land(&self) -> Result<(), CountyError> {
        let current = self.current_land()?;
        let versions = self.land_versions()?;
        let old = versions.iter().rev().skip(VERSIONS_KEPT).map(u64::to_string);
        for version in old.filter(|version| Some(version) != current.as_ref()) {
            let path = self.land_folder(&version);
            remove_whole_folder(&path).map_err(|source| CountyError::Io { path, source })?;
        }
        Ok(())
    }
}

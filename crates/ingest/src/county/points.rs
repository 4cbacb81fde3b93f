//! Points in a county.

use std::{fs, io};

use serde_json::json;
use store::write::AtomicFolder;

use super::{
    ChildKey, County, CountyError, SurveyKey,
    root::{self, RootDocument},
};
use crate::{
    blocks::{BLOCKS_FOLDER, BlocksError, BlocksOptions, BlocksReport, Footprint, write_blocks},
    cloud::{CloudOptions, CloudPlan, CloudReport, import},
    land::{LandOptions, RasterKind, kept_sources},
    mesh::Progress,
};

impl County {
    /// Imports points into a survey of a village, with the ground found in them. They are shown only where the village
    /// shows no mesh: the mesh is what is looked at.
    ///
    /// # Errors
    /// Points that would lie absurdly far from the county, and those of [`import`].
    pub fn import_points(
        &self,
        plan: &CloudPlan,
        key: &SurveyKey,
        options: &CloudOptions,
        progress: &dyn Progress,
    ) -> Result<CloudReport, CountyError> {
        self.notes_at(Some(plan.middle()), key)?;
        let report = import(plan, &self.survey_folder(key), options, progress)?;
        if self.would_show_points(key)? {
            self.use_survey(key, progress)?;
        }
        // Ground found in points stands in where no elevation model was delivered.
        let (sources, _) = kept_sources(self.folder())?;
        let has_dem = sources.iter().any(|kept| kept.source.kind == RasterKind::Dem);
        if !has_dem && report.ground.is_some() && !self.is_ground_later {
            self.remake_land(&LandOptions::default(), progress)?;
        }
        Ok(report)
    }

    /// Whether points of a survey would be shown: nothing of the village is, or points of no later survey.
    ///
    /// # Errors
    /// A root that cannot be read.
    pub fn would_show_points(&self, key: &SurveyKey) -> Result<bool, CountyError> {
        let document = RootDocument::read(self.folder())?;
        let Some(child) = document.child(&ChildKey::Village(key.village.clone())) else { return Ok(true) };
        let extras = &child["extras"];
        let is_older = extras["survey"].as_str().is_none_or(|date| date <= key.date.as_str());
        Ok(extras["points"].as_bool() == Some(true) && is_older)
    }

    /// Makes simple blocks of a village from footprints, and shows them unless the village shows a mesh.
    ///
    /// # Errors
    /// No footprint that can be drawn, and what the disk answers.
    pub fn make_blocks(
        &self,
        village: &str,
        footprints: &[Footprint],
        options: &BlocksOptions,
    ) -> Result<BlocksReport, CountyError> {
        let target = self.folder().join("villages").join(village).join(BLOCKS_FOLDER);
        let store = |source: io::Error| BlocksError::Store { path: target.clone(), source };
        fs::create_dir_all(target.parent().unwrap_or(self.folder())).map_err(store)?;
        let mut folder = AtomicFolder::create(&target).map_err(store)?;
        let report = write_blocks(footprints, options, &mut |path, bytes| folder.write(path, bytes))?;
        folder.commit().map_err(store)?;
        let document = RootDocument::read(self.folder())?;
        let shown = document.child(&ChildKey::Village(village.to_owned()));
        let shows_mesh = shown.is_some_and(|child| child["extras"]["points"].as_bool() != Some(true));
        if !shows_mesh {
            let uri = format!("villages/{village}/{BLOCKS_FOLDER}/{}", root::FILE);
            let extras = json!({ "village": village, "blocks": true });
            let key = ChildKey::Blocks(village.to_owned());
            self.set_child(&key, Some((&target.join(root::FILE), &uri, extras)))?;
        }
        Ok(report)
    }
}

//! Points in a county.

use super::{ChildKey, County, CountyError, SurveyKey, root::RootDocument};
use crate::{
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
        if !has_dem && report.ground.is_some() {
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
}

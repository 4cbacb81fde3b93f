//! Status line, picked point, streaming figures, list of keys.

use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiPrimaryContextPass, egui};
use geodesy::{Ray, WorldFrame, geodetic_from_ecef};
use scene::{
    metadata::{MetadataLevel, MetadataOf, Value},
    pick::{FeatureAtPoint, Hit, PickOptions},
    streamer::Stats,
};

use super::{
    bounds,
    text::{Key, Language, Texts},
};
use crate::{
    camera::plugin::{CameraRig, Clicked, InputFocus, Notice},
    render::LastDrawn,
    tiles::{
        plugin::{DebugLines, TileView, Tiles, TilesSystems, ViewCamera},
        runtime::TileRuntime,
    },
};

/// How long a notice stays, seconds.
const NOTICE_SECS: f64 = 2.5;
/// Below this width the status line shows only what the tiles are doing.
const NARROW_POINTS: f32 = 640.0;
/// Properties shown of one feature set.
const MAX_PROPERTIES: usize = 40;

/// Words in the chosen language.
#[derive(Resource, Clone, Debug, Default)]
pub struct PanelTexts(pub Texts);

/// What panels show.
#[derive(Resource, Clone, Debug, Default)]
pub struct PanelState {
    /// Streaming figures and tile bounds.
    pub debug: bool,
    /// List of keys.
    pub help: bool,
    /// The point last clicked.
    pub picked: Option<Picked>,
    notice: Option<(String, f64)>,
    font_installed: bool,
    glyphs_ready: bool,
}

/// A clicked point and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// Name and value, in order: position, tile, level.
    pub lines: Vec<(Key, String)>,
    /// Features there.
    pub features: Vec<FeatureAtPoint>,
    /// What the metadata say of the content, and of what it belongs to.
    pub metadata: Vec<MetadataLevel>,
}

/// Panels of the window.
#[derive(Debug, Default)]
pub struct PanelPlugin {
    /// Language; without: the system's.
    pub language: Option<Language>,
}

impl Plugin for PanelPlugin {
    fn build(&self, app: &mut App) {
        let language = self.language.unwrap_or_else(Language::of_system);
        app.insert_resource(PanelTexts(Texts::of(language)))
            .init_resource::<PanelState>()
            .add_systems(Update, (toggles, pick, notices))
            .add_systems(PostUpdate, draw_bounds.in_set(TilesSystems::Stream))
            .add_systems(EguiPrimaryContextPass, (install_font, panels).chain());
    }
}

/// What is known about a hit, in lines.
pub fn describe(tiles: &TileRuntime, hit: &Hit, frame: WorldFrame) -> Picked {
    let mut lines = Vec::new();
    match frame {
        WorldFrame::Earth => {
            let g = geodetic_from_ecef(hit.position_in_world);
            lines.push((Key::Longitude, format!("{:.7}°", g.lon_rad.to_degrees())));
            lines.push((Key::Latitude, format!("{:.7}°", g.lat_rad.to_degrees())));
            lines.push((Key::EllipsoidalHeight, format!("{:.2} m", g.height_m)));
        }
        WorldFrame::Local => {
            let p = hit.position_in_world;
            lines.push((Key::EastX, format!("{:.3} m", p.x)));
            lines.push((Key::NorthY, format!("{:.3} m", p.y)));
            lines.push((Key::UpZ, format!("{:.3} m", p.z)));
        }
    }
    if let Some((_, uri)) = tiles.streamer().content(hit.content) {
        lines.push((Key::Tile, uri.to_string()));
    }
    if let Some(tile) = tiles.streamer().tree().get(hit.tile) {
        lines.push((Key::Level, tile.depth().to_string()));
    }
    Picked { lines, features: hit.features.clone(), metadata: tiles.streamer().metadata_of(hit.content) }
}

/// A property value as people read it.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn toggles(keyboard: Res<ButtonInput<KeyCode>>, focus: Res<InputFocus>, mut state: ResMut<PanelState>) {
    if focus.keyboard_taken {
        return;
    }
    if keyboard.just_pressed(KeyCode::KeyP) {
        state.debug = !state.debug;
    }
    if keyboard.just_pressed(KeyCode::F1) {
        state.help = !state.help;
    }
    if keyboard.just_pressed(KeyCode::Escape) {
        state.help = false;
        state.picked = None;
    }
}

fn pick(
    mut clicks: MessageReader<Clicked>,
    tiles: Option<Res<Tiles>>,
    camera: Option<Res<ViewCamera>>,
    mut state: ResMut<PanelState>,
) {
    let (Some(tiles), Some(camera)) = (tiles, camera) else { return };
    for click in clicks.read() {
        let ray = Ray { origin: camera.0.eye_in_world, direction: camera.0.direction_through_px(click.px) };
        let options = PickOptions { view: Some(0), ..PickOptions::default() };
        let hit = tiles.0.picker().pick(&ray, tiles.0.drawn(), &options);
        state.picked = hit.map(|hit| describe(&tiles.0, &hit, camera.0.frame));
    }
}

fn notices(
    mut notices: MessageReader<Notice>,
    texts: Res<PanelTexts>,
    time: Res<Time<Real>>,
    mut state: ResMut<PanelState>,
) {
    for notice in notices.read() {
        let text = match notice {
            Notice::Copied => texts.0.get(Key::Copied).to_owned(),
            Notice::Bookmarked(slot) => texts.0.fill(Key::Bookmarked, &[&slot.to_string()]),
            Notice::NotKept(reason) => texts.0.fill(Key::NotKept, &[reason]),
        };
        state.notice = Some((text, time.elapsed_secs_f64()));
    }
}

fn draw_bounds(
    state: Res<PanelState>,
    tiles: Option<Res<Tiles>>,
    camera: Option<Res<ViewCamera>>,
    mut view: ResMut<TileView>,
    mut lines: ResMut<DebugLines>,
) {
    if view.tint_levels != state.debug {
        view.tint_levels = state.debug;
    }
    if let (true, Some(tiles), Some(camera)) = (state.debug, tiles, camera) {
        lines.0.extend(bounds::tile_bounds(&tiles.0, &camera.0));
    }
}

fn install_font(mut contexts: EguiContexts, mut state: ResMut<PanelState>) -> Result {
    if state.font_installed {
        return Ok(());
    }
    let mut fonts = egui::FontDefinitions::empty();
    let font = egui::FontData::from_static(include_bytes!("../../../../assets/fonts/HamletSans.otf"));
    fonts.font_data.insert("Hamlet Sans".to_owned(), std::sync::Arc::new(font));
    for family in [egui::FontFamily::Proportional, egui::FontFamily::Monospace] {
        fonts.families.insert(family, vec!["Hamlet Sans".to_owned()]);
    }
    contexts.ctx_mut()?.set_fonts(fonts);
    state.font_installed = true;
    Ok(())
}

/// Draws every letter that panels are known to need once, in all sizes: a letter is missing from the frame that first
/// asks for it.
fn prepare_glyphs(ctx: &egui::Context, texts: &Texts) {
    let mut letters: String = (' '..='~').collect();
    letters.extend(Key::ALL.iter().map(|key| texts.get(*key)));
    let sizes: Vec<egui::FontId> = ctx.global_style().text_styles.values().cloned().collect();
    ctx.fonts_mut(|fonts| {
        for size in sizes {
            fonts.layout_no_wrap(letters.clone(), size, egui::Color32::WHITE);
        }
    });
}

#[allow(clippy::too_many_arguments, reason = "a system's parameters are what it reads")]
fn panels(
    mut contexts: EguiContexts,
    texts: Res<PanelTexts>,
    mut state: ResMut<PanelState>,
    mut focus: ResMut<InputFocus>,
    tiles: Option<Res<Tiles>>,
    rig: Res<CameraRig>,
    drawn: Res<LastDrawn>,
    time: Res<Time<Real>>,
    mut started: Local<bool>,
) -> Result {
    let ctx = contexts.ctx_mut()?;
    // A font set in this pass is there from the next one on.
    if !std::mem::replace(&mut *started, true) {
        return Ok(());
    }
    let texts = &texts.0;
    if !std::mem::replace(&mut state.glyphs_ready, true) {
        prepare_glyphs(ctx, texts);
    }
    if state.notice.as_ref().is_some_and(|(_, at)| time.elapsed_secs_f64() - at > NOTICE_SECS) {
        state.notice = None;
    }
    status_line(ctx, texts, &state, tiles.as_deref().map(|t| &t.0), rig.text());
    let mut close = false;
    if let Some(picked) = &state.picked {
        close = picked_panel(ctx, texts, picked);
    }
    if close {
        state.picked = None;
    }
    if let (true, Some(tiles)) = (state.debug, tiles.as_deref()) {
        debug_panel(ctx, texts, &tiles.0, &drawn, &time);
    }
    if state.help {
        help_panel(ctx, texts);
    }
    focus.pointer_taken = ctx.egui_wants_pointer_input() || ctx.is_pointer_over_egui();
    focus.keyboard_taken = ctx.egui_wants_keyboard_input();
    Ok(())
}

/// What the streamer is doing, in words. Honest: nothing counts as complete that is failed, missing or left out.
pub fn status_words(texts: &Texts, stats: &Stats) -> Vec<String> {
    let loading = stats.fetching + stats.decoding + stats.upload_queue;
    let mut words: Vec<String> = [
        (Key::Wanted, stats.wanted),
        (Key::Loading, loading),
        (Key::Retrying, stats.retrying),
        (Key::Failed, stats.failed),
        (Key::Missing, stats.missing),
        (Key::OverBudget, stats.over_budget),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(key, count)| texts.fill(key, &[&count.to_string()]))
    .collect();
    if words.is_empty() && stats.settled {
        words.push(texts.get(Key::Settled).to_owned());
    }
    words
}

fn status_line(
    ctx: &egui::Context,
    texts: &Texts,
    state: &PanelState,
    tiles: Option<&TileRuntime>,
    camera: Option<String>,
) {
    let frame = egui::Frame::new()
        .fill(egui::Color32::from_black_alpha(150))
        .inner_margin(egui::Margin::symmetric(8, 3));
    let width = ctx.content_rect().width();
    egui::Area::new("status".into()).anchor(egui::Align2::LEFT_BOTTOM, [0.0, 0.0]).interactable(false).show(
        ctx,
        |ui| {
            frame.show(ui, |ui| {
                ui.set_width(width - 16.0);
                ui.horizontal(|ui| {
                    ui.visuals_mut().override_text_color = Some(egui::Color32::WHITE);
                    match tiles {
                        Some(tiles) if tiles.is_dead() => {
                            let reason = tiles.root_failure().unwrap_or_default();
                            ui.colored_label(
                                egui::Color32::LIGHT_RED,
                                texts.fill(Key::Unreadable, &[&reason]),
                            );
                        }
                        Some(tiles) if tiles.bounding_volume().is_some() => {
                            if !tiles.stats().settled {
                                ui.add(egui::Spinner::new().size(12.0));
                            }
                            ui.label(status_words(texts, tiles.stats()).join(" · "));
                        }
                        _ => {
                            ui.label(texts.get(Key::Opening));
                        }
                    }
                    if let Some((notice, _)) = &state.notice {
                        ui.label(notice);
                    }
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        // On a narrow window the words about tiles matter more.
                        if width < NARROW_POINTS {
                            return;
                        }
                        ui.label(texts.get(Key::HelpHint));
                        if let Some(camera) = camera {
                            ui.label(camera).on_hover_text(texts.get(Key::CopyHint));
                        }
                        if let Some(tiles) = tiles {
                            let credits: Vec<&str> = tiles.copyrights().collect();
                            if !credits.is_empty() {
                                ui.label(egui::RichText::new(credits.join(" · ")).small());
                            }
                        }
                    });
                });
            });
        },
    );
}

fn picked_panel(ctx: &egui::Context, texts: &Texts, picked: &Picked) -> bool {
    let mut close = false;
    egui::Window::new(texts.get(Key::PickTitle))
        .anchor(egui::Align2::RIGHT_TOP, [-10.0, 10.0])
        .resizable(false)
        .collapsible(false)
        .default_width(320.0)
        .show(ctx, |ui| {
            egui::Grid::new("picked").num_columns(2).show(ui, |ui| {
                for (key, value) in &picked.lines {
                    ui.label(texts.get(*key));
                    ui.add(egui::Label::new(value).wrap());
                    ui.end_row();
                }
            });
            egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                for (number, feature) in picked.features.iter().enumerate() {
                    ui.separator();
                    let name = feature.feature_id.map_or_else(
                        || feature.set.clone(),
                        |id| texts.fill(Key::Feature, &[&format!("{id} ({})", feature.set)]),
                    );
                    ui.strong(name);
                    properties(ui, ("feature", number), &feature.properties);
                }
                for (number, level) in picked.metadata.iter().enumerate() {
                    ui.separator();
                    ui.strong(format!("{} {}", texts.get(key_of(level.of)), level.class));
                    properties(ui, ("metadata", number), &level.properties);
                }
            });
            close = ui.button(texts.get(Key::Close)).clicked();
        });
    close
}

fn properties(ui: &mut egui::Ui, id: (&str, usize), properties: &[(String, Value)]) {
    egui::Grid::new(id).num_columns(2).striped(true).show(ui, |ui| {
        for (property, value) in properties.iter().take(MAX_PROPERTIES) {
            ui.label(property);
            ui.add(egui::Label::new(value_text(value)).wrap());
            ui.end_row();
        }
    });
}

fn key_of(of: MetadataOf) -> Key {
    match of {
        MetadataOf::Tileset => Key::MetadataTileset,
        MetadataOf::Tile => Key::MetadataTile,
        MetadataOf::Group => Key::MetadataGroup,
        MetadataOf::Content => Key::MetadataContent,
    }
}

fn debug_panel(
    ctx: &egui::Context,
    texts: &Texts,
    tiles: &TileRuntime,
    drawn: &LastDrawn,
    time: &Time<Real>,
) {
    let stats = tiles.stats();
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    let ceiling = tiles.streamer().settings().memory_ceiling_bytes;
    let upload = tiles.upload_figures();
    let rows = [
        (Key::FrameTime, format!("{:.1} ms", time.delta_secs_f64() * 1e3)),
        (Key::DrawCalls, drawn.0.draws.to_string()),
        (Key::Triangles, drawn.0.primitives.to_string()),
        (Key::TilesDrawn, stats.drawn.to_string()),
        (Key::TilesVisited, stats.visited.to_string()),
        (Key::Memory, format!("{} / {}", mib(stats.used_bytes), mib(ceiling))),
        (Key::MemoryGpu, mib(stats.gpu_bytes)),
        (Key::ErrorFactor, format!("{:.2}", stats.memory_error_factor)),
        (Key::QueueFetch, format!("{} + {}", stats.fetching, stats.fetch_queue)),
        (Key::QueueDecode, format!("{} + {}", stats.decoding, stats.decode_queue)),
        (Key::QueueUpload, stats.upload_queue.to_string()),
        (Key::UploadTime, format!("{:.2} ms, {}", upload.time.as_secs_f64() * 1e3, mib(upload.bytes))),
        (Key::Fetched, format!("{} · {}", stats.fetched_total, mib(stats.fetched_bytes_total))),
        (Key::Problems, tiles.problem_count().to_string()),
    ];
    egui::Window::new(texts.get(Key::DebugTitle))
        .anchor(egui::Align2::LEFT_TOP, [10.0, 10.0])
        .resizable(false)
        .collapsible(false)
        .show(ctx, |ui| {
            egui::Grid::new("debug").num_columns(2).striped(true).show(ui, |ui| {
                for (key, value) in rows {
                    ui.label(texts.get(key));
                    ui.label(value);
                    ui.end_row();
                }
            });
            ui.set_max_width(420.0);
            for failure in tiles.failures().recent() {
                ui.add(egui::Label::new(egui::RichText::new(failure).small()).wrap());
            }
        });
}

fn help_panel(ctx: &egui::Context, texts: &Texts) {
    const KEYS: [Key; 15] = [
        Key::HelpPan,
        Key::HelpOrbit,
        Key::HelpZoom,
        Key::HelpFly,
        Key::HelpWalk,
        Key::HelpTurn,
        Key::HelpTilt,
        Key::HelpZoomKeys,
        Key::HelpNorth,
        Key::HelpHome,
        Key::HelpBookmarks,
        Key::HelpCopy,
        Key::HelpDebug,
        Key::HelpRetry,
        Key::HelpHelp,
    ];
    egui::Window::new(texts.get(Key::HelpTitle))
        .anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0])
        .resizable(false)
        .collapsible(false)
        .show(ctx, |ui| {
            for key in KEYS {
                ui.label(texts.get(key));
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counts_as_complete_that_is_not() {
        let texts = Texts::of(Language::English);
        let settled = Stats { settled: true, ..Stats::default() };
        assert_eq!(status_words(&texts, &settled), ["Complete"]);
        let failed = Stats { settled: true, failed: 2, ..Stats::default() };
        assert_eq!(status_words(&texts, &failed), ["2 failed"]);
        let busy = Stats { wanted: 5, fetching: 1, decoding: 2, upload_queue: 3, ..Stats::default() };
        assert_eq!(status_words(&texts, &busy), ["5 wanted", "6 loading"]);
    }

    #[test]
    fn values_read_well() {
        assert_eq!(value_text(&Value::Text("红楼".into())), "红楼");
        assert_eq!(value_text(&Value::Array(vec![Value::Int(1), Value::Float(2.5)])), "[1,2.5]");
        assert_eq!(value_text(&Value::Null), "–");
    }
}

//! Words of the panels, from translation files.

use std::collections::BTreeMap;

/// A language that the viewer speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// 简体中文.
    SimplifiedChinese,
    /// English.
    #[default]
    English,
}

impl Language {
    /// The language of a tag such as `zh-CN`, `zh_CN.UTF-8` or `en`; `None` for one that the viewer does not speak.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', '.', '@']).next().unwrap_or(tag);
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::SimplifiedChinese),
            "en" | "c" | "posix" => Some(Self::English),
            _ => None,
        }
    }

    /// The language of this system; English where it speaks none that the viewer does.
    pub fn of_system() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
            .and_then(|tag| Self::of_tag(&tag))
            .unwrap_or_default()
    }

    fn source(self) -> &'static str {
        match self {
            Self::SimplifiedChinese => include_str!("../../../../assets/lang/zh-CN.json"),
            Self::English => include_str!("../../../../assets/lang/en.json"),
        }
    }
}

macro_rules! keys {
    ($($name:ident => $key:literal),* $(,)?) => {
        /// A text of the panels. The file's keys are exactly these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the English file says what each is")]
        pub enum Key { $($name),* }

        impl Key {
            /// All.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As in the file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }
        }
    };
}

keys! {
    Settled => "status.settled",
    Loading => "status.loading",
    Wanted => "status.wanted",
    Failed => "status.failed",
    Missing => "status.missing",
    Retrying => "status.retrying",
    OverBudget => "status.over_budget",
    Opening => "status.opening",
    Unreadable => "status.unreadable",
    CopyHint => "status.copy_hint",
    Copied => "status.copied",
    HelpHint => "status.help_hint",
    Bookmarked => "status.bookmarked",
    NotKept => "status.not_kept",
    PickTitle => "pick.title",
    Longitude => "pick.longitude",
    Latitude => "pick.latitude",
    EllipsoidalHeight => "pick.ellipsoidal_height",
    EastX => "pick.x",
    NorthY => "pick.y",
    UpZ => "pick.z",
    Tile => "pick.tile",
    Level => "pick.level",
    Feature => "pick.feature",
    MetadataTileset => "pick.tileset",
    MetadataTile => "pick.tile_metadata",
    MetadataGroup => "pick.group",
    MetadataContent => "pick.content",
    Close => "pick.close",
    DebugTitle => "debug.title",
    FrameTime => "debug.frame_time",
    DrawCalls => "debug.draw_calls",
    Triangles => "debug.triangles",
    TilesDrawn => "debug.tiles_drawn",
    TilesVisited => "debug.tiles_visited",
    Memory => "debug.memory",
    MemoryGpu => "debug.memory_gpu",
    ErrorFactor => "debug.error_factor",
    QueueFetch => "debug.queue_fetch",
    QueueDecode => "debug.queue_decode",
    QueueUpload => "debug.queue_upload",
    UploadTime => "debug.upload_time",
    Fetched => "debug.fetched",
    Problems => "debug.problems",
    HelpTitle => "help.title",
    HelpPan => "help.pan",
    HelpOrbit => "help.orbit",
    HelpZoom => "help.zoom",
    HelpFly => "help.fly",
    HelpWalk => "help.walk",
    HelpTurn => "help.turn",
    HelpTilt => "help.tilt",
    HelpZoomKeys => "help.zoom_keys",
    HelpNorth => "help.north",
    HelpHome => "help.home",
    HelpBookmarks => "help.bookmarks",
    HelpCopy => "help.copy",
    HelpDebug => "help.debug",
    HelpHelp => "help.help",
    HelpRetry => "help.retry",
}

/// The words of one language.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    by_key: BTreeMap<String, String>,
}

impl Texts {
    /// Reads the built-in file of a language.
    pub fn of(language: Language) -> Self {
        // A test holds that the files are well-formed; a defect would show keys instead of words.
        Self { by_key: serde_json::from_str(language.source()).unwrap_or_default() }
    }

    /// The text of a key.
    pub fn get(&self, key: Key) -> &str {
        self.by_key.get(key.as_str()).map_or(key.as_str(), String::as_str)
    }

    /// The text of a key with `{0}`, `{1}` … replaced.
    pub fn fill(&self, key: Key, values: &[&str]) -> String {
        let mut text = self.get(key).to_owned();
        for (i, value) in values.iter().enumerate() {
            text = text.replace(&format!("{{{i}}}"), value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_hold_every_key_and_no_other() {
        for language in [Language::SimplifiedChinese, Language::English] {
            let file: BTreeMap<String, String> =
                serde_json::from_str(language.source()).expect("a flat JSON object");
            for key in Key::ALL {
                let text = file.get(key.as_str());
                assert!(text.is_some_and(|t| !t.trim().is_empty()), "{language:?} lacks {}", key.as_str());
            }
            let known: Vec<&str> = Key::ALL.iter().map(|k| k.as_str()).collect();
            for key in file.keys() {
                assert!(known.contains(&key.as_str()), "{language:?} has the unused key {key}");
            }
        }
    }

    #[test]
    fn both_files_use_the_same_placeholders() {
        let (zh, en) = (Texts::of(Language::SimplifiedChinese), Texts::of(Language::English));
        for key in Key::ALL {
            for n in 0..4 {
                let place = format!("{{{n}}}");
                assert_eq!(
                    zh.get(*key).contains(&place),
                    en.get(*key).contains(&place),
                    "{} {place}",
                    key.as_str()
                );
            }
        }
    }

    #[test]
    fn tags_lead_to_languages() {
        assert_eq!(Language::of_tag("zh_CN.UTF-8"), Some(Language::SimplifiedChinese));
        assert_eq!(Language::of_tag("zh-Hans"), Some(Language::SimplifiedChinese));
        assert_eq!(Language::of_tag("en"), Some(Language::English));
        assert_eq!(Language::of_tag("C"), Some(Language::English));
        assert_eq!(Language::of_tag("fr_FR"), None);
    }

    #[test]
    fn values_are_filled_in() {
        let texts = Texts::of(Language::English);
        assert_eq!(texts.fill(Key::Bookmarked, &["3"]), "Camera kept as bookmark 3");
    }
}

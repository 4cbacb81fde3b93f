//! Nine remembered poses, kept as camera texts in a file of the user's.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Slots, 1 to 9.
const SLOTS: usize = 9;

/// Camera texts by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmarks {
    texts: [Option<String>; SLOTS],
}

impl Bookmarks {
    /// Reads lines of `slot text`; lines that are none are skipped.
    pub fn parse(file: &str) -> Self {
        let mut bookmarks = Self::default();
        for line in file.lines() {
            if let Some((slot, text)) = line.trim().split_once(' ')
                && let Ok(slot) = slot.parse()
            {
                bookmarks.set(slot, text.trim());
            }
        }
        bookmarks
    }

    /// Lines of `slot text`.
    pub fn to_text(&self) -> String {
        let lines = self.texts.iter().enumerate();
        lines.filter_map(|(i, text)| Some(format!("{} {}\n", i + 1, text.as_ref()?))).collect()
    }

    /// Reads a file; an absent one holds no bookmarks.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes a file, with its folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        store::write::write_atomic(path, self.to_text().as_bytes())
    }

    /// The text of a slot (1 to 9).
    pub fn get(&self, slot: usize) -> Option<&str> {
        self.texts.get(slot.checked_sub(1)?)?.as_deref()
    }

    /// Remembers a text in a slot (1 to 9); other slots do not exist.
    pub fn set(&mut self, slot: usize, text: &str) {
        if let Some(place) = slot.checked_sub(1).and_then(|i| self.texts.get_mut(i)) {
            *place = Some(text.to_owned());
        }
    }
}

/// Where this user's bookmarks lie; `None` on a system that names no place for settings.
pub fn default_path() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = if cfg!(windows) {
        of("APPDATA")
    } else if cfg!(target_os = "macos") {
        of("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        of("XDG_CONFIG_HOME").or_else(|| of("HOME").map(|home| home.join(".config")))
    };
    Some(folder?.join("hamlet").join("bookmarks.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/bookmarks.txt");
        assert_eq!(Bookmarks::load(&path).unwrap(), Bookmarks::default());
        let mut b = Bookmarks::default();
        b.set(1, "113.06,22.64,120.5,10,-35");
        b.set(9, "at:1,2,3,4,5,6");
        b.set(0, "nowhere");
        b.set(10, "nowhere");
        b.save(&path).unwrap();
        let back = Bookmarks::load(&path).unwrap();
        assert_eq!(back, b);
        assert_eq!((back.get(9), back.get(2), back.get(0)), (Some("at:1,2,3,4,5,6"), None, None));
    }

    #[test]
    fn lines_that_are_no_bookmarks_are_skipped() {
        let b = Bookmarks::parse("hello\n3 1,2,3,4,5\n\n77 x\nx 9\n");
        assert_eq!(b.to_text(), "3 1,2,3,4,5\n");
    }
}

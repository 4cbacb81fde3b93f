//! What became of buildings from survey to survey: `villages/<code>/lineage.jsonl`, one event a line.
//!
//! A building that was split or merged is no question that a program should answer: its parts get ids of their own, and the
//! question stays open until a person says which of them goes on under the old id. Ids are never given twice, also not
//! those of surveys that were removed: the file keeps the next number.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::matching::GroupKind;
use crate::county::CountyError;

/// Longer files are refused.
const MAX_BYTES: u64 = 256 << 20;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LineageEvent {
    /// Footprints of a survey were imported.
    Survey {
        /// Its date.
        survey: String,
        /// The survey that it was compared with.
        against: Option<String>,
        /// Number of the next building that is new.
        next_number: u64,
    },
    /// Something that a person has to decide.
    Question(Question),
    /// What a person decided.
    Answer {
        /// The question.
        number: u64,
        /// Old ids, and the ids that go on under them.
        keep: Vec<(String, String)>,
    },
}

/// Something that a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its number in the village.
    pub number: u64,
    /// What happened.
    pub kind: GroupKind,
    /// The survey in which it was seen.
    pub survey: String,
    /// Buildings before.
    pub old: Vec<String>,
    /// Buildings now, under ids of their own until it is decided.
    pub new: Vec<String>,
}

/// The events of a village.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// In their order.
    pub events: Vec<LineageEvent>,
}

impl Lineage {
    /// Reads the file of a village; none is empty.
    ///
    /// # Errors
    /// A line that is no event: nothing may be appended to what is not understood.
    pub fn read(path: &Path) -> Result<Self, CountyError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let io = |source| CountyError::Io { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(io)?.len();
        let corrupt = |reason: String| CountyError::Corrupt { path: path.to_owned(), reason };
        if length > MAX_BYTES {
            return Err(corrupt(format!("{length} bytes; {MAX_BYTES} are allowed")));
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        let events: Result<Vec<LineageEvent>, CountyError> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|error| corrupt(format!("line {}: {error}", index + 1)))
            })
            .collect();
        Ok(Self { events: events? })
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let lines = self.events.iter().filter_map(|event| serde_json::to_string(event).ok());
        lines.flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }

    /// Number of the next building that is new, as far as the file knows.
    pub fn next_number(&self) -> u64 {
        let numbers = self.events.iter().filter_map(|event| match event {
            LineageEvent::Survey { next_number, .. } => Some(*next_number),
            _ => None,
        });
        numbers.max().unwrap_or(1)
    }

    /// Number of the next question.
    pub(super) fn next_question(&self) -> u64 {
        self.questions().map(|question| question.number + 1).max().unwrap_or(1)
    }

    /// All questions.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.events.iter().filter_map(|event| match event {
            LineageEvent::Question(question) => Some(question),
            _ => None,
        })
    }

    /// Questions that nobody answered.
    pub fn open(&self) -> Vec<&Question> {
        let is_answered = |number: u64| {
            self.events
                .iter()
                .any(|event| matches!(event, LineageEvent::Answer { number: n, .. } if *n == number))
        };
        self.questions().filter(|question| !is_answered(question.number)).collect()
    }
}

//! Questions written by hand, as people speak on the telephone, not made by rule.

/// A spoken question.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    /// What is said.
    pub text: &'static str,
    /// The end of the full text of what is meant; several separated by `|` are equally right.
    pub expected: &'static str,
}

impl Spoken {
    /// Whether a full text is what was meant.
    pub fn accepts(&self, text: &str) -> bool {
        self.expected.split('|').any(|end| text.ends_with(end.trim()))
    }
}

/// All of them.
pub fn questions() -> Vec<Spoken> {
    let lines =
        include_str!("spoken.txt").lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).map(|(text, expected)| Spoken { text, expected }).collect()
}

//! `county.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The newest form of `county.toml` that this program writes and reads.
pub const FORMAT: u32 = 1;

/// What a county folder says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountyConfig {
    /// Form of the folder; a newer one is refused.
    pub format: u32,
    /// Name, such as 柘荣县.
    pub name: String,
    /// Six-digit division code.
    pub code: String,
    /// Codes that it had before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_codes: Vec<String>,
    /// IANA name of the time zone.
    #[serde(default = "time_zone")]
    pub time_zone: String,
    /// Coordinate system of deliveries that name none; see `geodesy::crs::Crs::parse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    /// What heights of deliveries are measured from unless said otherwise: `ellipsoidal`, `egm96`, `grid:FILE`,
    /// `offset:METRES`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heights: Option<String>,
    /// Layers by name, with the path of their file in the folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<String, String>,
    /// What newer programs of the same form wrote; kept.
    #[serde(flatten)]
    pub others: BTreeMap<String, toml::Value>,
}

fn time_zone() -> String {
    "Asia/Shanghai".to_owned()
}

impl CountyConfig {
    /// A county with nothing but a name and a code.
    pub fn new(name: &str, code: &str) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            code: code.to_owned(),
            former_codes: Vec::new(),
            time_zone: time_zone(),
            crs: None,
            heights: None,
            layers: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }
}

/// Whether a text is a division code of this many digits.
pub(super) fn is_code(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a date such as `2026-05-01`.
pub(super) fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number =
        |text: &str, digits: usize| is_code(text, digits).then(|| text.parse::<u32>().ok()).flatten();
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_dates() {
        assert!(is_code("350926001001", 12) && !is_code("35092600100", 12) && !is_code("３50926001001", 12));
        assert!(is_date("2024-02-29") && is_date("2026-12-31"));
        for bad in
            ["2023-02-29", "2026-13-01", "2026-00-01", "2026-1-01", "2026/01/01", "", "2026-01-32", "x"]
        {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn unknown_words_are_kept() {
        let text = "format = 1\nname = \"柘荣\"\ncode = \"350926\"\nfuture = [1, 2]\n";
        let config: CountyConfig = toml::from_str(text).unwrap();
        assert_eq!(config.time_zone, "Asia/Shanghai");
        let again: CountyConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        assert!(again.others.contains_key("future"));
    }
}

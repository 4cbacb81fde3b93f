//! Days on which names begin and end to be valid.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, month and day as the number YYYYMMDD.
    packed: u32,
}

impl Date {
    /// A day; `None` if the calendar has none such between the years 1000 and 9999.
    pub fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let valid = (1000..=9999).contains(&year) && (1..=days).contains(&day);
        valid.then_some(Self { packed: year * 10_000 + month * 100 + day })
    }
    /// Reads 2024-05-01, 2024/5/1, 20240501, 2024年5月1日, with or without a time behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split([' ', 'T']).next().unwrap_or(text);
        if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
            let packed: u32 = text.parse().ok()?;
            return Self::from_packed(packed);
        }
        let mut parts = text.split(['-', '/', '.', '年', '月', '日']).filter(|part| !part.is_empty());
        let mut part = || parts.next()?.parse().ok();
        let (year, month, day) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return None;
        }
        Self::new(year, month, day)
    }
    /// From the number YYYYMMDD.
    pub fn from_packed(packed: u32) -> Option<Self> {
        Self::new(packed / 10_000, packed / 100 % 100, packed % 100)
    }
    /// As the number YYYYMMDD.
    pub fn packed(self) -> u32 {
        self.packed
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.packed / 10_000, self.packed / 100 % 100, self.packed % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let day = Date::new(2024, 5, 1);
        for text in ["2024-05-01", "2024/5/1", "20240501", "2024年5月1日", " 2024-05-01 12:00:00"] {
            assert_eq!(Date::parse(text), day, "{text}");
        }
        for text in
            ["", "2024-13-01", "2023-02-29", "2024-05", "20240532", "0999-01-01", "2024-05-01-02", "五月"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::new(2024, 2, 29).is_some() && Date::new(1900, 2, 29).is_none());
        assert_eq!(day.unwrap().to_string(), "2024-05-01");
        assert_eq!(Date::from_packed(day.unwrap().packed()), day);
    }
}

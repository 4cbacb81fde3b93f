//! Codes of divisions: GB/T 2260 (2, 4 and 6 digits), GB/T 10114 (9), the statistics bureau's villages (12) and the
//! police's villages (GA/T 2000.33-2020, 15).

use std::fmt;

/// A checked code of 2, 4, 6, 9, 12 or 15 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionCode {
    value: u64,
    digits: u8,
}

/// What a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DivisionLevel {
    /// 2 digits.
    Province,
    /// 4 digits.
    City,
    /// 6 digits.
    County,
    /// 9 digits.
    Town,
    /// 12 digits, statistics bureau.
    Village,
    /// 15 digits, police.
    PoliceVillage,
}

/// Why a code was refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeError {
    /// Something else than digits.
    #[error("a division code has digits only")]
    NotDigits,
    /// Another number of digits.
    #[error("a division code has 2, 4, 6, 9, 12 or 15 digits, not {0}")]
    Length(usize),
    /// Provinces are 11 to 82.
    #[error("no province has the code {0:02}")]
    Province(u64),
    /// 001–099 street offices, 100–199 towns, 200–399 townships, 400–599 others.
    #[error("no town unit has the digits {0:03}: they are 001 to 599")]
    Town(u64),
    /// 000 stands for the whole town.
    #[error("no village has the digits 000")]
    Village,
}

impl DivisionCode {
    /// Reads a code. Trailing zeros that only fill (350926000000 for the county) are taken off.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CodeError::NotDigits);
        }
        if !matches!(text.len(), 2 | 4 | 6 | 9 | 12 | 15) {
            return Err(CodeError::Length(text.len()));
        }
        let value = text.bytes().fold(0u64, |value, b| value * 10 + u64::from(b - b'0'));
        Self { value, digits: text.len() as u8 }.without_filling().checked()
    }
    /// From a number with its digits; the same checks.
    pub fn new(value: u64, digits: u8) -> Result<Self, CodeError> {
        if !matches!(digits, 2 | 4 | 6 | 9 | 12 | 15) || value >= 10u64.pow(u32::from(digits)) {
            return Err(CodeError::Length(usize::from(digits)));
        }
        Self { value, digits }.checked()
    }
    /// What it names.
    pub fn level(self) -> DivisionLevel {
        match self.digits {
            2 => DivisionLevel::Province,
            4 => DivisionLevel::City,
            6 => DivisionLevel::County,
            9 => DivisionLevel::Town,
            12 => DivisionLevel::Village,
            _ => DivisionLevel::PoliceVillage,
        }
    }
    /// Its digits as a number.
    pub fn value(self) -> u64 {
        self.value
    }
    /// How many digits it has.
    pub fn digits(self) -> u8 {
        self.digits
    }
    /// The code of the division of `level` that this one lies in; `None` if this one is larger. A police village has no
    /// village code of the statistics bureau inside it, only town and above.
    pub fn at(self, level: DivisionLevel) -> Option<Self> {
        let digits = match level {
            DivisionLevel::Province => 2,
            DivisionLevel::City => 4,
            DivisionLevel::County => 6,
            DivisionLevel::Town => 9,
            DivisionLevel::Village => 12,
            DivisionLevel::PoliceVillage => 15,
        };
        if digits > self.digits || (digits == 12 && self.digits == 15) {
            return None;
        }
        Some(Self { value: self.value / 10u64.pow(u32::from(self.digits - digits)), digits })
    }
    /// Whether this division lies in the other or is it.
    pub fn is_within(self, other: Self) -> bool {
        self.at(other.level()) == Some(other)
    }

    fn without_filling(self) -> Self {
        let mut code = self;
        for shorter in [12, 9, 6, 4, 2] {
            let fill = 10u64.pow(u32::from(code.digits.saturating_sub(shorter)));
            if code.digits > shorter
                && code.value.is_multiple_of(fill)
                && (shorter != 12 || code.digits == 15)
            {
                code = Self { value: code.value / fill, digits: shorter };
            }
        }
        code
    }
    fn checked(self) -> Result<Self, CodeError> {
        let part = |drop: u8, keep: u64| self.value / 10u64.pow(u32::from(drop)) % keep;
        let province = part(self.digits - 2, 100);
        if !(11..=82).contains(&province) {
            return Err(CodeError::Province(province));
        }
        if self.digits >= 9 && !(1..600).contains(&part(self.digits - 9, 1000)) {
            return Err(CodeError::Town(part(self.digits - 9, 1000)));
        }
        if self.digits >= 12 && part(0, 10u64.pow(u32::from(self.digits - 9))) == 0 {
            return Err(CodeError::Village);
        }
        Ok(self)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.value, width = usize::from(self.digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_lengths() {
        let code = |text| DivisionCode::parse(text);
        let village = code("350926100003").unwrap();
        assert_eq!(village.level(), DivisionLevel::Village);
        assert_eq!(village.at(DivisionLevel::Town), code("350926100").ok());
        assert_eq!(village.at(DivisionLevel::PoliceVillage), None);
        assert!(village.is_within(code("350926").unwrap()) && village.is_within(code("35").unwrap()));
        assert!(!village.is_within(code("350902").unwrap()));
        assert_eq!(code("350926000000"), code("350926"));
        assert_eq!(code("350000"), code("35"));
        assert_eq!(code("350926100000"), code("350926100"));
        assert_eq!(code("350926100003").unwrap().to_string(), "350926100003");
        let police = code("350926100003001").unwrap();
        assert_eq!(police.level(), DivisionLevel::PoliceVillage);
        assert_eq!(police.at(DivisionLevel::Village), None);
        assert_eq!(code(""), Err(CodeError::NotDigits));
        assert_eq!(code("35O926"), Err(CodeError::NotDigits));
        assert_eq!(code("3509261"), Err(CodeError::Length(7)));
        assert_eq!(code("990926"), Err(CodeError::Province(99)));
        assert_eq!(code("350926700"), Err(CodeError::Town(700)));
        assert_eq!(DivisionCode::new(350_926, 6), code("350926"));
        assert_eq!(DivisionCode::new(3_509_261, 6), Err(CodeError::Length(6)));
    }
}

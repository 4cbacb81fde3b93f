//! Numbers written in Chinese characters.

/// What one character is worth in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numeral {
    Digit(u32),
    /// 十, 百, 千: multiplies the digit before it.
    Power(u32),
    /// 廿, 卅, 卌: tens by themselves.
    Tens(u32),
}

/// Longest number in characters; longer runs are not numbers of doors.
pub(crate) const LONGEST: usize = 10;

/// The worth of a simplified character.
#[inline]
pub(crate) fn numeral(c: char) -> Option<Numeral> {
    Some(match c {
        '〇' | '零' | '○' => Numeral::Digit(0),
        '一' | '壹' | '幺' => Numeral::Digit(1),
        '二' | '贰' | '两' => Numeral::Digit(2),
        '三' | '叁' => Numeral::Digit(3),
        '四' | '肆' => Numeral::Digit(4),
        '五' | '伍' => Numeral::Digit(5),
        '六' | '陆' => Numeral::Digit(6),
        '七' | '柒' => Numeral::Digit(7),
        '八' | '捌' => Numeral::Digit(8),
        '九' | '玖' => Numeral::Digit(9),
        '十' | '拾' => Numeral::Power(10),
        '百' | '佰' => Numeral::Power(100),
        '千' | '仟' => Numeral::Power(1000),
        '廿' => Numeral::Tens(20),
        '卅' => Numeral::Tens(30),
        '卌' => Numeral::Tens(40),
        _ => return None,
    })
}

/// The value of a run of numerals: by places (一百零三), colloquially (一百三 is 130), or digit by digit (五〇一).
/// `None` if it is no number, such as 十百 or 二三十.
pub(crate) fn value_of(run: &[Numeral]) -> Option<u32> {
    if run.is_empty() || run.len() > LONGEST {
        return None;
    }
    if run.iter().all(|n| matches!(n, Numeral::Digit(_))) {
        let join = |value: u32, n: &Numeral| match n {
            Numeral::Digit(digit) => value.checked_mul(10)?.checked_add(*digit),
            _ => None,
        };
        return run.iter().try_fold(0, join);
    }
    let (mut total, mut pending, mut last_power, mut after_zero) = (0u32, None, u32::MAX, false);
    for &n in run {
        match n {
            Numeral::Digit(0) if pending.is_none() => after_zero = true,
            Numeral::Digit(digit) if pending.is_none() => pending = Some(digit),
            Numeral::Digit(_) => return None,
            Numeral::Power(power) if power < last_power => {
                // Only ten may stand without a digit before it: 十二, 一百十二.
                let digit = pending.take().or((power == 10).then_some(1))?;
                total += digit * power;
                (last_power, after_zero) = (power, false);
            }
            Numeral::Tens(tens) if last_power > 10 && pending.is_none() => {
                total += tens;
                (last_power, after_zero) = (10, false);
            }
            Numeral::Power(_) | Numeral::Tens(_) => return None,
        }
    }
    if let Some(digit) = pending {
        let colloquial = last_power >= 100 && last_power != u32::MAX && !after_zero;
        total += digit * if colloquial { last_power / 10 } else { 1 };
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let value = |text: &str| value_of(&text.chars().map_while(numeral).collect::<Vec<_>>());
        let cases = [
            ("十二", 12),
            ("一百零三", 103),
            ("一百三", 130),
            ("一百三十", 130),
            ("一百一十二", 112),
            ("一百十二", 112),
            ("廿", 20),
            ("廿三", 23),
            ("卅一", 31),
            ("卌", 40),
            ("五〇一", 501),
            ("二零四", 204),
            ("一千零八", 1008),
            ("一千二", 1200),
            ("两百", 200),
            ("十", 10),
            ("零", 0),
            ("幺零一", 101),
            ("壹拾贰", 12),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        for text in ["", "二三十", "十百", "百", "廿十", "一一十", "九九九九九九九九九九九"]
        {
            assert_eq!(value(text), None, "{text}");
        }
    }
}

//! Questions in eighteen kinds, made from addresses by rule, and whether an answer is right.
//!
//! An answer is right if the question could have been made from it: where two addresses sound the same in the form that
//! was asked, either is right.

use address_index::{
    index::{Target, View},
    model::ElementKind,
    text::{Normalized, chars, pinyin},
};

use super::Rng;

/// Kind of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// 01: from the province.
    Full = 1,
    /// 02: from the city.
    NoProvince,
    /// 03: from the town.
    NoCounty,
    /// 04: from the village.
    NoTown,
    /// 05: natural village and number.
    Hamlet,
    /// 06: without 号.
    NoUnit,
    /// 07: 十二号.
    Numerals,
    /// 08: １２号.
    Wide,
    /// 09: traditional characters.
    Traditional,
    /// 10: 12号之1 in its other forms.
    Suffix,
    /// 11: a character of the same sound.
    Homophone,
    /// 12: a character left out.
    Deleted,
    /// 13: two characters swapped.
    Swapped,
    /// 14: pinyin in full.
    Pinyin,
    /// 15: initials.
    Initials,
    /// 16: with what a caller says around it.
    Caller,
    /// 17: 队 for 组, 村委会, 自然村 or not.
    Unofficial,
    /// 18: 9号楼, 9-3-204.
    Building,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its kind.
    pub class: Class,
    /// What is typed.
    pub text: String,
    /// The address it was made from.
    pub address: u32,
    form: Form,
}

/// How an address was written down before it was spoilt.
#[derive(Clone, Copy, Debug)]
struct Form {
    from: From,
    style: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Province,
    City,
    Town,
    Village,
    Smallest,
}

impl Class {
    /// All kinds, in order.
    pub const ALL: [Self; 18] = [
        Self::Full,
        Self::NoProvince,
        Self::NoCounty,
        Self::NoTown,
        Self::Hamlet,
        Self::NoUnit,
        Self::Numerals,
        Self::Wide,
        Self::Traditional,
        Self::Suffix,
        Self::Homophone,
        Self::Deleted,
        Self::Swapped,
        Self::Pinyin,
        Self::Initials,
        Self::Caller,
        Self::Unofficial,
        Self::Building,
    ];
}

/// `each` questions of every kind about an index.
pub fn questions(view: &View<'_>, each: usize, seed: u64) -> Vec<Question> {
    let mut rng = Rng::new(seed);
    let mut all = Vec::new();
    for class in Class::ALL {
        let mut made = 0;
        for _ in 0..each * 2_000 {
            if made == each {
                break;
            }
            let address = rng.below(view.address_count()) as u32;
            if let Some(question) = question(view, class, address, &mut rng) {
                all.push(question);
                made += 1;
            }
        }
    }
    all
}

fn question(view: &View<'_>, class: Class, address: u32, rng: &mut Rng) -> Option<Question> {
    let numbers = view.numbers(address);
    let kind = view.place_kind(view.place_of(address));
    let has_suffix = numbers.door.sub() > 0;
    let fits = match class {
        Class::Hamlet => kind == Some(ElementKind::NaturalVillage),
        Class::NoUnit | Class::Numerals | Class::Wide => !numbers.door.is_none(),
        Class::Suffix => has_suffix,
        Class::Building => !numbers.building.is_none(),
        Class::Unofficial => matches!(kind, Some(ElementKind::Group | ElementKind::NaturalVillage)),
        _ => true,
    };
    if !fits {
        return None;
    }
    let from = match class {
        Class::Full => From::Province,
        Class::NoProvince => From::City,
        Class::NoCounty => From::Town,
        Class::NoTown => From::Village,
        Class::Hamlet => From::Smallest,
        Class::Initials => From::Town,
        _ => *rng.pick(&[From::Town, From::Village, From::Village]),
    };
    let form = Form { from, style: rng.below(8) as u8 };
    let clean = written(view, address, class, form);
    let text = spoil(&clean, class, form, rng)?;
    Some(Question { class, text, address, form })
}

impl Question {
    /// Whether a target is right.
    pub fn accepts(&self, view: &View<'_>, target: Target) -> bool {
        let Target::Address(answer) = target else { return false };
        if answer == self.address {
            return true;
        }
        let clean = written(view, answer, self.class, self.form);
        let one = |text: &str| Normalized::new(text).text();
        match self.class {
            Class::Homophone => differs_by(&clean, &self.text, same_sound),
            Class::Deleted => without_one(&clean).any(|text| text == self.text),
            Class::Swapped => swapped(&clean).any(|text| text == self.text),
            Class::Pinyin => pinyin::romanized(&clean) == self.text,
            Class::Initials => pinyin::initials(&clean) == self.text,
            Class::Caller => self.text.contains(&clean),
            _ => {
                one(&clean) == one(&self.text)
                    || one(&clean) == one(&written(view, self.address, self.class, self.form))
            }
        }
    }
}

/// An address as this kind of question writes it, before mistakes.
fn written(view: &View<'_>, address: u32, class: Class, form: Form) -> String {
    let mut names: Vec<(ElementKind, String)> = Vec::new();
    let mut at = Some(view.place_of(address));
    while let Some(place) = at {
        if let Some(kind) = view.place_kind(place) {
            names.push((kind, view.place_name(place).to_owned()));
        }
        at = view.place_parent(place);
    }
    names.reverse();
    let least = match form.from {
        From::Province => 0,
        From::City => 1,
        From::Town => 3,
        From::Village => 4,
        From::Smallest => 5,
    };
    names.retain(|(kind, _)| kind.rank() >= least);
    let mut text = String::new();
    for (kind, name) in &names {
        text.push_str(&match (class, kind) {
            (Class::Hamlet, ElementKind::NaturalVillage) if form.style.is_multiple_of(2) => {
                name.replace("自然村", "")
            }
            (Class::Unofficial, ElementKind::Group) => {
                let number = name.trim_end_matches('组');
                ["队", "小组", "村民小组", "小队"]
                    .get(usize::from(form.style / 2))
                    .map_or(String::new(), |unit| format!("{number}{unit}"))
            }
            (Class::Unofficial, ElementKind::NaturalVillage) => {
                name.replace("自然村", if form.style < 4 { "" } else { "村" })
            }
            (Class::Unofficial, ElementKind::VillageCommittee) if form.style.is_multiple_of(2) => {
                format!("{name}委会")
            }
            _ => name.clone(),
        });
    }
    let numbers = view.numbers(address);
    let (door, sub) = (numbers.door.main(), numbers.door.sub());
    text.push_str(&match class {
        Class::Suffix => match form.style % 5 {
            0 => format!("{door}-{sub}号"),
            1 => format!("{door}号附{sub}"),
            2 => format!("{door}号之{sub}"),
            3 => format!("{door}之{sub}号"),
            _ => format!("{}号之{}", numeral(door), numeral(sub)),
        },
        Class::Numerals if sub == 0 => format!("{}号", numeral(door)),
        Class::Numerals => format!("{}号之{}", numeral(door), numeral(sub)),
        Class::NoUnit if sub == 0 => door.to_string(),
        Class::NoUnit => format!("{door}-{sub}"),
        Class::Building => {
            let (b, u, r) = (numbers.building.main(), numbers.unit.main(), numbers.room.main());
            match form.style % 4 {
                0 => format!("{b}-{u}-{r}"),
                1 => format!("{b}号楼{u}单元{r}"),
                2 => format!("{b}幢{u}单元{r}室"),
                _ => format!("{b}号楼{u}-{r}"),
            }
        }
        _ => numbers.text(),
    });
    text
}

fn spoil(clean: &str, class: Class, form: Form, rng: &mut Rng) -> Option<String> {
    let chars: Vec<char> = clean.chars().collect();
    let han: Vec<usize> =
        (0..chars.len()).filter(|&at| is_han(chars[at]) && !is_number_word(&chars, at)).collect();
    if han.is_empty() {
        return None;
    }
    Some(match class {
        Class::Wide => clean.chars().map(wide).collect(),
        Class::Traditional => {
            let text: String =
                clean.chars().map(|c| chars::traditional(c).filter(|_| is_han(c)).unwrap_or(c)).collect();
            if text == clean {
                return None;
            }
            text
        }
        Class::Homophone => {
            let at = *rng.pick(&han);
            let mut text = chars.clone();
            text[at] = homophone(chars[at], rng)?;
            text.into_iter().collect()
        }
        Class::Deleted => {
            let at = *rng.pick(&han);
            chars.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, c)| c).collect()
        }
        Class::Swapped => {
            let pairs: Vec<usize> = han
                .windows(2)
                .filter(|pair| pair[1] == pair[0] + 1 && chars[pair[0]] != chars[pair[1]])
                .map(|pair| pair[0])
                .collect();
            let at = *pairs.get(rng.below(pairs.len()))?;
            let mut text = chars.clone();
            text.swap(at, at + 1);
            text.into_iter().collect()
        }
        Class::Pinyin => pinyin::romanized(clean),
        Class::Initials => pinyin::initials(clean),
        Class::Caller => {
            let before = ["", "我在", "我家住", "喂，你好，我这里是", ""][usize::from(form.style) % 5];
            let after =
                ["对面", "旁边有人打架", "后面着火了", "门口", "往北50米", "这里，快来", "附近", "楼下"]
                    [rng.below(8)];
            format!("{before}{clean}{after}")
        }
        _ => clean.to_owned(),
    })
}

/// Units are not spoilt: 号 left out is a kind of its own.
fn is_number_word(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|k| chars[k]);
    matches!(chars[at], '号' | '栋' | '单' | '元' | '室' | '之' | '附' | '组')
        && before.is_some_and(|c| c.is_ascii_digit() || c == '号' || c == '单')
}

fn is_han(c: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&c)
}

fn wide(c: char) -> char {
    if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xFEE0).unwrap_or(c) } else { c }
}

fn same_sound(a: char, b: char) -> bool {
    a != b && pinyin::romanized(&a.to_string()) == pinyin::romanized(&b.to_string())
}

/// Another common character of the same usual reading.
fn homophone(c: char, rng: &mut Rng) -> Option<char> {
    let sound = pinyin::romanized(&c.to_string());
    let all: Vec<char> = COMMON
        .chars()
        .filter(|&other| other != c && pinyin::romanized(&other.to_string()) == sound)
        .collect();
    all.get(rng.below(all.len())).copied()
}

/// Characters that a typist would take by mistake: those of names and of everyday words.
const COMMON: &str = "上尚下夏前钱千后厚候东冬西希惜大达小晓校新心辛老姥石十实时竹主烛松送宋梅美煤龙隆凤奉风封溪夕喜岭领另洋羊样阳坑吭黄皇林临陈城成程吴无武郑正证水睡青清请白百金今进银因高搞长常半办双霜仙先茶查坪平瓶屏评厝错措墩吨宅摘寨湖胡虎源原远圆湾弯完山三善峰丰枫岗刚钢头投尾伟里李理边编垅坂板版桥乔侨亭停厅楼露田天园苑林邻潭谈坛井景警埕诚兜斗豆仔子紫柏伯楮储处杉沙桂贵峡侠霞门们口台太泰解放房人仁民建健设社新华花化中山和河合平团结节胜生圣利力立幸福富府付父朝潮向象文闻明名育玉预才财学雪商伤业叶工公宫业环城滨宾沿言盐江姜迎英影站占狮诗师洪红虹安按康兴星振镇阵民塔她泉全权翠脆竹青松百花草长寿手守街接姐路陆鹿录巷象向道到稻社射区取曲村存寸自字然燃组祖镇阵真县现线宁凝德得柘浙这荣容融融双城乡香响委伟会惠汇小区花家加佳园名苑公寓玉御锦绣秀家滨江阳光广翠屏";

fn differs_by(a: &str, b: &str, one: impl Fn(char, char) -> bool) -> bool {
    if a.chars().count() != b.chars().count() {
        return false;
    }
    let different: Vec<(char, char)> = a.chars().zip(b.chars()).filter(|(a, b)| a != b).collect();
    matches!(different.as_slice(), [(a, b)] if one(*a, *b))
}

fn without_one(text: &str) -> impl Iterator<Item = String> + '_ {
    text.char_indices().map(|(at, c)| [&text[..at], &text[at + c.len_utf8()..]].concat())
}

fn swapped(text: &str) -> impl Iterator<Item = String> + '_ {
    let chars: Vec<char> = text.chars().collect();
    (1..chars.len()).map(move |at| {
        let mut text = chars.clone();
        text.swap(at - 1, at);
        text.into_iter().collect()
    })
}

/// A number below 10,000 in Chinese characters.
pub fn numeral(value: u32) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |place: u32| DIGITS[(value / place % 10) as usize];
    let mut text = String::new();
    let mut skipped = false;
    for (place, name) in [(1000, "千"), (100, "百"), (10, "十")] {
        if value < place {
            continue;
        }
        if (value / place).is_multiple_of(10) {
            skipped = true;
            continue;
        }
        if skipped {
            text.push('零');
            skipped = false;
        }
        if !(place == 10 && value < 20) {
            text.push_str(digit(place));
        }
        text.push_str(name);
    }
    if !value.is_multiple_of(10) || value == 0 {
        if skipped {
            text.push('零');
        }
        text.push_str(digit(1));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_read_as_they_are_said() {
        for (value, text) in [
            (0, "零"),
            (7, "七"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (103, "一百零三"),
            (110, "一百一十"),
            (1008, "一千零八"),
            (1010, "一千零一十"),
        ] {
            assert_eq!(numeral(value), text);
        }
    }
}

//! A cursor over a JSON document that knows its place, and getters that report what breaks their contract.
//!
//! `null` counts as absent, as in every reader of 3D Tiles; [`note_nulls`] reports it as a warning.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::sink::Out;

/// How a value is reached from the one above.
#[derive(Clone, Copy)]
enum Step<'p> {
    /// The document; the text is put before every pointer (empty, or where an embedded document lies).
    Base(&'p str),
    Key(&'p str),
    Index(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(base) => f.write_str(base),
            Self::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Self::Index(index) => write!(f, "/{index}"),
        }
    }
}

/// A value and the way to it.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    /// The value.
    pub(super) value: &'p Value,
    up: Option<&'p At<'p>>,
    step: Step<'p>,
}

impl<'p> At<'p> {
    /// The whole document; `base` stands before every place (`""` for a file of its own).
    pub(super) fn document(value: &'p Value, base: &'p str) -> Self {
        Self { value, up: None, step: Step::Base(base) }
    }
    /// A property that is present and not `null`.
    pub(super) fn get<'b>(&'b self, key: &'b str) -> Option<At<'b>> {
        let value = self.value.as_object()?.get(key).filter(|v| !v.is_null())?;
        Some(At { value, up: Some(self), step: Step::Key(key) })
    }
    /// A place below that need not exist, for messages about what is missing.
    pub(super) fn missing<'b>(&'b self, key: &'b str) -> At<'b> {
        At { value: &Value::Null, up: Some(self), step: Step::Key(key) }
    }
    /// An element.
    pub(super) fn index(&self, index: usize) -> Option<At<'_>> {
        Some(At { value: self.value.as_array()?.get(index)?, up: Some(self), step: Step::Index(index) })
    }
    /// The elements of an array; nothing for anything else.
    pub(super) fn elements(&self) -> impl Iterator<Item = At<'_>> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(|(i, value)| At { value, up: Some(self), step: Step::Index(i) })
    }
    /// The entries of an object that are not `null`; nothing for anything else.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, At<'_>)> {
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, v)| !v.is_null())
            .map(|(key, value)| (key.as_str(), At { value, up: Some(self), step: Step::Key(key) }))
    }
    /// The number of elements of an array or entries of an object.
    pub(super) fn len(&self) -> usize {
        match self.value {
            Value::Array(items) => items.len(),
            Value::Object(entries) => entries.len(),
            _ => 0,
        }
    }
}

impl fmt::Display for At<'_> {
    /// JSON pointer (RFC 6901); `/` for the whole document, so that a place is never empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = vec![self.step];
        let mut at = self;
        while let Some(up) = at.up {
            steps.push(up.step);
            at = up;
        }
        match steps.as_slice() {
            [Step::Base("")] => f.write_str("/"),
            steps => steps.iter().rev().try_for_each(|step| write!(f, "{step}")),
        }
    }
}

/// What kind of value it is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn expected(what: &str, at: &At<'_>, out: &mut Out<'_>) {
    out.error(at, format!("must be {what}, but is {}", kind(at.value)));
}

/// The entries, or an error.
pub(super) fn object<'b>(at: &At<'b>, out: &mut Out<'_>) -> Option<&'b Map<String, Value>> {
    let map = at.value.as_object();
    if map.is_none() {
        expected("an object", at, out);
    }
    map
}

/// The property, or an error that it is missing.
pub(super) fn required<'b>(at: &'b At<'b>, key: &'b str, out: &mut Out<'_>) -> Option<At<'b>> {
    let found = at.get(key);
    if found.is_none() && at.value.is_object() {
        out.error(at.missing(key), format!("required property '{key}' is missing"));
    }
    found
}

/// A string, or an error.
pub(super) fn string<'b>(at: &At<'b>, out: &mut Out<'_>) -> Option<&'b str> {
    let text = at.value.as_str();
    if text.is_none() {
        expected("a string", at, out);
    }
    text
}

/// A string of at least one character, or an error.
pub(super) fn non_empty_string<'b>(at: &At<'b>, out: &mut Out<'_>) -> Option<&'b str> {
    let text = string(at, out)?;
    if text.is_empty() {
        out.error(at, "must not be an empty string");
        return None;
    }
    Some(text)
}

/// Whether the text is an identifier of the 3D Metadata specification: a letter or underscore, then letters, digits,
/// underscores.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// An identifier, or an error.
pub(super) fn identifier<'b>(at: &At<'b>, out: &mut Out<'_>) -> Option<&'b str> {
    let text = string(at, out)?;
    if !is_identifier(text) {
        out.error(at, format!("'{text}' is not an identifier (letters, digits, underscore, no digit first)"));
        return None;
    }
    Some(text)
}

/// If the property is present, it must be a string.
pub(super) fn optional_string<'b>(at: &'b At<'b>, key: &'b str, out: &mut Out<'_>) -> Option<&'b str> {
    let found = at.get(key)?;
    let text = found.value.as_str();
    if text.is_none() {
        expected("a string", &found, out);
    }
    text
}

/// If the property is present, it must be a boolean.
pub(super) fn optional_bool(at: &At<'_>, key: &str, out: &mut Out<'_>) -> Option<bool> {
    let found = at.get(key)?;
    let flag = found.value.as_bool();
    if flag.is_none() {
        expected("a boolean", &found, out);
    }
    flag
}

/// A number, or an error.
pub(super) fn number(at: &At<'_>, out: &mut Out<'_>) -> Option<f64> {
    let number = at.value.as_f64();
    if number.is_none() {
        expected("a number", at, out);
    }
    number
}

/// A number of at least `low`, or an error.
pub(super) fn number_from(at: &At<'_>, low: f64, out: &mut Out<'_>) -> Option<f64> {
    let value = number(at, out)?;
    if value < low {
        out.error(at, format!("must be at least {low}, but is {value}"));
        return None;
    }
    Some(value)
}

/// The exact integer a JSON number stands for (`2.0` is one).
pub(super) fn exact_integer(number: &Number) -> Option<i128> {
    if let Some(i) = number.as_i64() {
        return Some(i128::from(i));
    }
    if let Some(u) = number.as_u64() {
        return Some(i128::from(u));
    }
    let f = number.as_f64()?;
    (f.fract() == 0.0 && f.abs() < 1e36).then_some(f as i128)
}

/// An integer, or an error.
pub(super) fn integer(at: &At<'_>, out: &mut Out<'_>) -> Option<i128> {
    let exact = at.value.as_number().and_then(exact_integer);
    if exact.is_none() {
        match at.value {
            Value::Number(n) => out.error(at, format!("must be an integer, but is {n}")),
            _ => expected("an integer", at, out),
        }
    }
    exact
}

/// An integer of at least `low`, or an error.
pub(super) fn integer_from(at: &At<'_>, low: u64, out: &mut Out<'_>) -> Option<u64> {
    let value = integer(at, out)?;
    let fits = u64::try_from(value).ok().filter(|v| *v >= low);
    if fits.is_none() {
        out.error(at, format!("must be at least {low}, but is {value}"));
    }
    fits
}

/// An index below `count`, or an error; `of` says what is counted.
pub(super) fn index_below(at: &At<'_>, count: usize, of: &str, out: &mut Out<'_>) -> Option<usize> {
    let value = integer(at, out)?;
    let fits = usize::try_from(value).ok().filter(|v| *v < count);
    if fits.is_none() {
        out.error(at, format!("index {value} is out of range: there are {count} {of}"));
    }
    fits
}

/// One of the given strings, or an error.
pub(super) fn one_of<'b>(at: &At<'b>, allowed: &[&str], out: &mut Out<'_>) -> Option<&'b str> {
    match at.value.as_str() {
        Some(text) if allowed.contains(&text) => Some(text),
        _ => {
            out.error(at, format!("must be one of {}, but is {}", allowed.join(", "), at.value));
            None
        }
    }
}

/// An array of at least `least` elements, or an error; gives the length.
pub(super) fn array(at: &At<'_>, least: usize, out: &mut Out<'_>) -> Option<usize> {
    let Some(items) = at.value.as_array() else {
        expected("an array", at, out);
        return None;
    };
    if items.len() < least {
        out.error(at, format!("must have at least {least} elements, but has {}", items.len()));
        return None;
    }
    Some(items.len())
}

/// An array of at least `least` objects, or an error; false means the elements must not be looked at.
pub(super) fn array_of_objects(at: &At<'_>, least: usize, out: &mut Out<'_>) -> bool {
    if array(at, least, out).is_none() {
        return false;
    }
    let mut fine = true;
    for element in at.elements() {
        fine &= object(&element, out).is_some();
    }
    fine
}

/// An array of exactly `N` numbers, or an error.
pub(super) fn numbers<const N: usize>(at: &At<'_>, out: &mut Out<'_>) -> Option<[f64; N]> {
    let length = array(at, 0, out)?;
    if length != N {
        out.error(at, format!("must have {N} elements, but has {length}"));
        return None;
    }
    let mut values = [0.0; N];
    let mut fine = true;
    for (slot, element) in values.iter_mut().zip(at.elements()) {
        match number(&element, out) {
            Some(value) => *slot = value,
            None => fine = false,
        }
    }
    fine.then_some(values)
}

/// An array of at least one string without repetition, or errors. Gives what are strings.
pub(super) fn unique_strings<'b>(at: &'b At<'b>, out: &mut Out<'_>) -> Vec<&'b str> {
    if array(at, 1, out).is_none() {
        return Vec::new();
    }
    let mut seen = Vec::new();
    for element in at.elements() {
        let Some(text) = element.value.as_str() else {
            expected("a string", &element, out);
            continue;
        };
        if seen.contains(&text) {
            out.error(element, format!("'{text}' appears more than once"));
        } else {
            seen.push(text);
        }
    }
    seen
}

/// Reports every `null` property below as a warning: it reads as absent, but the schemas do not allow it.
pub(super) fn note_nulls(at: &At<'_>, out: &mut Out<'_>) {
    match at.value {
        Value::Object(map) => {
            for (key, value) in map {
                if value.is_null() {
                    out.warning(at.missing(key), "is null: leave the property out instead");
                } else if key != "extras" && (value.is_object() || value.is_array()) {
                    note_nulls(&At { value, up: Some(at), step: Step::Key(key) }, out);
                }
            }
        }
        Value::Array(_) => at.elements().filter(|e| e.value.is_object()).for_each(|e| note_nulls(&e, out)),
        _ => {}
    }
}

/// Parses a JSON document; reports a byte order mark, text that is not UTF-8 or not JSON, and repeated keys.
/// `base` stands before the places of problems.
pub(super) fn parse(bytes: &[u8], base: &str, out: &mut Out<'_>) -> Option<Value> {
    let whole = if base.is_empty() { "/" } else { base };
    for (mark, name) in [
        (&[0xEF, 0xBB, 0xBF][..], "UTF-8"),
        (&[0xFF, 0xFE][..], "UTF-16 little-endian"),
        (&[0xFE, 0xFF][..], "UTF-16 big-endian"),
    ] {
        if bytes.starts_with(mark) {
            let at = if base.is_empty() { "byte 0" } else { base };
            out.error(at, format!("begins with a {name} byte order mark, which JSON must not have"));
            return None;
        }
    }
    let repeated = RefCell::new(BTreeMap::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { repeated: &repeated, up: None, step: Step::Base("") }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match parsed {
        Ok(value) => {
            for (pointer, key) in repeated.into_inner() {
                out.error(format!("{base}{pointer}"), format!("the key '{key}' appears more than once"));
            }
            Some(value)
        }
        Err(error) => {
            let place = if base.is_empty() {
                format!("line {} column {}", error.line(), error.column())
            } else {
                whole.to_owned()
            };
            out.error(place, format!("is not valid JSON: {error}"));
            None
        }
    }
}

/// Builds a [`Value`] and notes keys that appear twice in one object (the last one wins, as in every reader).
struct Strict<'r> {
    repeated: &'r RefCell<BTreeMap<String, String>>,
    up: Option<&'r Strict<'r>>,
    step: Step<'r>,
}

impl Strict<'_> {
    fn below<'b>(&'b self, step: Step<'b>) -> Strict<'b> {
        Strict { repeated: self.repeated, up: Some(self), step }
    }
    fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(seed) = at {
            steps.push(seed.step);
            at = seed.up;
        }
        steps.iter().rev().map(Step::to_string).collect()
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.below(Step::Index(items.len())))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let below = self.below(Step::Key(&key));
            if map.contains_key(&key) {
                self.repeated.borrow_mut().insert(below.pointer(), key.clone());
            }
            let value = entries.next_value_seed(below)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

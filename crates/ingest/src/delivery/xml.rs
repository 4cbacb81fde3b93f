//! A small tree of an XML file, read leniently: metadata of surveys comes in any encoding, with and without namespaces,
//! and often not quite well formed.

use quick_xml::{Reader, events::Event};

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Local name.
    pub(super) name: String,
    /// Local name and value.
    pub(super) attributes: Vec<(String, String)>,
    /// All text directly inside, trimmed.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 200_000;

impl Element {
    /// The first element of this name below this one.
    pub(super) fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| {
            if child.name.eq_ignore_ascii_case(name) { Some(child) } else { child.find(name) }
        })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Text of a file whose encoding is declared by a mark, by its XML header, or not at all.
pub(super) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let declared = head.split("encoding=").nth(1).and_then(|rest| {
        let quote = rest.chars().next()?;
        rest.get(1..)?.split(quote).next()
    });
    let declared = declared.and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
    match (std::str::from_utf8(bytes), declared) {
        // What is valid UTF-8 is hardly ever anything else, whatever the header says.
        (Ok(text), _) => text.to_owned(),
        (Err(_), Some(encoding)) if encoding != encoding_rs::UTF_8 => {
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        }
        (Err(_), _) => encoding_rs::GB18030.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// The document element inside an unnamed one; an error says where.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        let place = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("byte {place}: {error}"))?;
        match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() > MAX_DEPTH || elements > MAX_ELEMENTS {
                    return Err(format!("byte {place}: too many elements"));
                }
                open.push(element(&start));
            }
            Event::Empty(start) => {
                elements += 1;
                let child = element(&start);
                if let Some(parent) = open.last_mut().filter(|_| elements <= MAX_ELEMENTS) {
                    parent.children.push(child);
                }
            }
            Event::End(_) => close(&mut open),
            Event::Text(part) => push_text(&mut open, &part),
            Event::CData(part) => push_text(&mut open, &part),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => match &*reference {
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        "amp" => "&".to_owned(),
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        _ => String::new(),
                    },
                };
                push_text(&mut open, &resolved);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    let mut root = open.pop().unwrap_or_default();
    trim(&mut root);
    if root.children.is_empty() { Err("no element in it".to_owned()) } else { Ok(root) }
}

fn trim(element: &mut Element) {
    element.text = element.text.trim().to_owned();
    element.children.iter_mut().for_each(trim);
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(done) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.children.push(done);
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &quick_xml::events::BytesStart<'_>) -> Element {
    let mut list = start.attributes();
    let attributes = list.with_checks(false).flatten().map(|attribute| {
        let raw = attribute.value.to_string();
        let value =
            quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), std::borrow::Cow::into_owned);
        (attribute.key.local_name().as_ref().to_owned(), value)
    });
    Element {
        name: start.local_name().as_ref().to_owned(),
        attributes: attributes.collect(),
        ..Element::default()
    }
}

//! The label of a WKT: its outermost `AUTHORITY["EPSG","4547"]` or `ID["EPSG",4547]`.

/// The label of a WKT text (`AUTHORITY:CODE`), and the text without it. `None` if it has none.
pub(super) fn split_label(wkt: &str) -> Option<(String, String)> {
    let mut depth = 0usize;
    let mut in_quotes = false;
    let mut word_start = None;
    let mut found: Option<(usize, usize)> = None;
    let bytes = wkt.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if in_quotes {
            in_quotes = byte != b'"';
        } else {
            match byte {
                b'"' => in_quotes = true,
                b'[' | b'(' => {
                    depth += 1;
                    let word = word_start.map_or("", |start: usize| &wkt[start..at]);
                    let is_label = word.eq_ignore_ascii_case("AUTHORITY") || word.eq_ignore_ascii_case("ID");
                    // Inside the outermost brackets only: inner labels belong to datum, ellipsoid, unit.
                    if depth == 2 && is_label {
                        let end = closing(wkt, at)?;
                        found = Some((word_start.unwrap_or(at), end));
                        depth -= 1;
                        at = end;
                    }
                    word_start = None;
                }
                b']' | b')' => {
                    depth = depth.saturating_sub(1);
                    word_start = None;
                }
                b if b.is_ascii_alphanumeric() || b == b'_' => {
                    word_start.get_or_insert(at);
                }
                _ => word_start = None,
            }
        }
        at += 1;
    }
    let (start, end) = found?;
    let inside = wkt.get(start..=end)?;
    let inside = inside.split_once(['[', '('])?.1.trim_end_matches([']', ')']);
    let mut parts = inside.split(',').map(|part| part.trim().trim_matches('"').trim());
    let label = format!("{}:{}", parts.next()?, parts.next()?);
    // The comma before the label goes with it.
    let before = wkt.get(..start)?.trim_end().trim_end_matches(',');
    Some((label, format!("{before}{}", wkt.get(end + 1..)?)))
}

/// Index of the bracket that closes the one at `open`.
fn closing(wkt: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    let mut in_quotes = false;
    for (at, byte) in wkt.bytes().enumerate().skip(open) {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'[' | b'(' if !in_quotes => depth += 1,
            b']' | b')' if !in_quotes => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a text looks like WKT rather than a code or a PROJ string.
pub(super) fn is_wkt(text: &str) -> bool {
    let word: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let rest = text[word.len()..].trim_start();
    !word.is_empty()
        && rest.starts_with(['[', '('])
        && ["CS", "CRS", "GEOD", "GEOCCS"].iter().any(|part| word.to_ascii_uppercase().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_label_is_taken() {
        let wkt = r#"PROJCS["a [b] ]", GEOGCS["c",AUTHORITY["EPSG","4490"]],
            UNIT["metre",1,AUTHORITY["EPSG","9001"]], AUTHORITY["EPSG","4547"]]"#;
        let (label, rest) = split_label(wkt).unwrap();
        assert_eq!(label, "EPSG:4547");
        assert!(rest.ends_with(r#"AUTHORITY["EPSG","9001"]]]"#) && rest.contains("4490"), "{rest}");
        assert_eq!(split_label(r#"PROJCS["x",GEOGCS["c",AUTHORITY["EPSG","4490"]]]"#), None);
        let (label, rest) = split_label(r#"PROJCRS["x",BASEGEOGCRS["c"],ID["EPSG",32650]]"#).unwrap();
        assert_eq!((label.as_str(), rest.as_str()), ("EPSG:32650", r#"PROJCRS["x",BASEGEOGCRS["c"]]"#));
        for broken in
            ["", "PROJCS[", "PROJCS[AUTHORITY[", "PROJCS[AUTHORITY[]]", "]]]]", "\"", "PROJCS[\"é,AUTHORITY["]
        {
            let _ = split_label(broken);
        }
    }

    #[test]
    fn wkt_is_told_from_codes() {
        assert!(is_wkt("PROJCS[\"x\"]") && is_wkt("GEOGCRS [\"x\"]") && is_wkt("COMPD_CS(\"x\")"));
        assert!(!is_wkt("EPSG:4547") && !is_wkt("+proj=tmerc") && !is_wkt("") && !is_wkt("ENU:1,2"));
    }
}

//! The text of an MTL file.

use std::collections::BTreeMap;

use super::model::{number_of, split_word, words};
use crate::osgb::raw::text;

/// A material, as far as photogrammetry uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Diffuse colour.
    pub color: [f32; 3],
    /// File of its texture, as it is named.
    pub image: Option<String>,
}

/// Options of a texture statement, with how many words follow each.
const OPTIONS: &[(&str, usize)] = &[
    ("-blendu", 1),
    ("-blendv", 1),
    ("-cc", 1),
    ("-clamp", 1),
    ("-mm", 2),
    ("-o", 3),
    ("-s", 3),
    ("-t", 3),
    ("-texres", 1),
    ("-bm", 1),
    ("-imfchan", 1),
    ("-boost", 1),
    ("-type", 1),
];

/// Reads materials by name. What makes no sense is passed over.
pub fn parse_materials(bytes: &[u8]) -> BTreeMap<String, Material> {
    let mut materials = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in bytes.split(|b| *b == b'\n') {
        let (word, rest) = split_word(line.trim_ascii());
        if word == b"newmtl" {
            let name = text(rest).into_owned();
            materials.insert(name.clone(), Material { color: [1.0; 3], image: None });
            current = Some(name);
            continue;
        }
        let Some(material) = current.as_ref().and_then(|name| materials.get_mut(name)) else { continue };
        match word {
            b"Kd" => {
                let numbers: Vec<f64> = words(rest).filter_map(number_of).collect();
                if let [r, g, b, ..] = numbers.as_slice() {
                    material.color = [r, g, b].map(|c| c.clamp(0.0, 1.0) as f32);
                }
            }
            b"map_Kd" => material.image = Some(file_name(&text(rest))).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    materials
}

/// The name after the options; it may hold spaces.
fn file_name(statement: &str) -> String {
    let mut rest = statement.trim();
    while let Some((word, after)) = rest.split_once(char::is_whitespace) {
        let Some((_, count)) = OPTIONS.iter().find(|(option, _)| *option == word) else { break };
        rest = after.trim_start();
        for _ in 0..*count {
            // Numbers of -o, -s and -t may be left out.
            match rest.split_once(char::is_whitespace) {
                Some((value, after)) if *count == 1 || value.parse::<f64>().is_ok() => {
                    rest = after.trim_start()
                }
                _ => break,
            }
        }
    }
    rest.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_textures_are_read() {
        let found = parse_materials(
            "newmtl a b\nKd 1 0.5 2\nmap_Kd -s 1 1 1 -clamp on 纹理 1.jpg\r\nnewmtl c\nmap_Kd x.png\nKa 1 1 1\n".as_bytes(),
        );
        assert_eq!(found["a b"], Material { color: [1.0, 0.5, 1.0], image: Some("纹理 1.jpg".into()) });
        assert_eq!(found["c"].image.as_deref(), Some("x.png"));
        assert!(parse_materials(b"Kd 1 1 1\nmap_Kd a").is_empty());
    }
}

//! Reads addresses from the command line: `cargo run -p address-index --example parse -- 双城镇溪坪街12号对面`.

use address_index::parse::{Parser, caller::CallerPhrase};

fn main() {
    let parser = Parser::national();
    let given: Vec<String> = std::env::args().skip(1).collect();
    let sources = if given.is_empty() {
        vec!["福建省宁德市柘荣县双城镇溪坪街12号之1对面50米".to_owned()]
    } else {
        given
    };
    for source in sources {
        println!("{source}");
        let parsed = parser.parse(&source);
        for element in &parsed.elements {
            let code = element.kind.code().map_or("--".to_owned(), |code| code.to_string());
            println!("  {code} {:?}: {}", element.kind, &source[element.span.clone()]);
        }
        if let Some(division) = parsed.division {
            println!("  division {division}");
        }
        let phrase = CallerPhrase::read(&source);
        println!(
            "  {:?} of {}, bearing {:?}, {:?} m",
            phrase.relation,
            &source[phrase.anchor.clone()],
            phrase.bearing_deg,
            phrase.distance_m
        );
    }
}

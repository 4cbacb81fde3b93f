//! A table of three addresses, its index, and a search: `cargo run -p address-index --example search -- xpj12`.

use address_index::{
    division::{DivisionCode, Divisions},
    index::AddressIndex,
    model::{AddressTable, RawAddress, RawPlace, TableOptions},
    search::{SearchOptions, Searcher},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let divisions = Divisions::national();
    let options =
        TableOptions { home: DivisionCode::parse("350926").ok(), divisions: &divisions, extent: None };
    let places = [RawPlace { line: 1, code: "350926100", name: "双城镇", ..RawPlace::default() }];
    let row =
        |line, door| RawAddress {
            line, town: "双城镇", street: "溪坪街", door, ..RawAddress::default()
        };
    let (table, issues) =
        AddressTable::build(&options, &places, &[], [row(1, "12号"), row(2, "12号之1"), row(3, "16号")]);
    for issue in issues {
        println!("line {}, {}: {}", issue.line, issue.column, issue.reason);
    }
    let index = AddressIndex::build(&table)?;
    let view = index.view();
    let query = std::env::args().nth(1).unwrap_or_else(|| "xp街14号".to_owned());
    println!("{query}: index of {} bytes", index.as_bytes().len());
    for hit in Searcher::new(&index).search(&query, &SearchOptions::default()) {
        println!("  {:.2} {:?} {}", hit.confidence, hit.number, view.text_of(hit.target));
    }
    Ok(())
}

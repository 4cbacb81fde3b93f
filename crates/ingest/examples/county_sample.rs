//! Writes the made-up county: `county_sample FOLDER [villages] [seed] [full|scale|tiny]`.

use std::{path::PathBuf, time::Instant};

use ingest::county_sample::{CountyOptions, Detail, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments.next().ok_or("usage: county_sample FOLDER [villages] [seed] [full|scale|tiny]")?,
    );
    let villages = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let detail = match arguments.next().as_deref() {
        None | Some("full") => Detail::Full,
        Some("scale") => Detail::Scale,
        Some("tiny") => Detail::Tiny,
        Some(other) => return Err(format!("there is no detail {other:?}").into()),
    };
    let start = Instant::now();
    let (mut files, mut bytes) = (0_u64, 0_u64);
    let summary = write(&CountyOptions { villages, seed, detail }, &mut |path, content| {
        files += 1;
        bytes += content.len() as u64;
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, content)
    })?;
    println!("{summary:#?}");
    println!("{files} files, {:.1} MB, {:.1} s", bytes as f64 / 1e6, start.elapsed().as_secs_f64());
    Ok(())
}

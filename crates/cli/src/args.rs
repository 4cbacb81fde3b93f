//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use store::Header;

const EXIT_CODES: &str = "\
Exit codes: 0 fine, 1 problems found in the data, 2 wrong use, 3 could not be read or run.

WHAT is a tileset.json, a folder holding one, a .3tz or .3dtiles package, or the http(s) address of a tileset.

CAMERA is lon,lat,height,heading,pitch (degrees, metres above the ellipsoid, heading clockwise from north,
pitch negative downwards) or at:lon,lat,height,heading,pitch,range (looks at that point from range metres).
A tileset without a place on Earth takes x,y,z in metres instead of lon,lat,height.

Environment: VK_ICD_FILENAMES chooses a Vulkan driver (Mesa's lavapipe draws without a GPU); RUST_LOG sets the log.";

/// Hamlet 村景: the villages of a county in 3D.
#[derive(Debug, Parser)]
#[command(name = "hamlet", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Opens a tileset in a window.
    #[command(after_help = EXIT_CODES)]
    View(View),
    /// Draws one picture without a display, once the view has settled.
    #[command(after_help = EXIT_CODES)]
    Shot(Shot),
    /// Flies a camera path without a display and reports times, memory and bytes.
    #[command(after_help = EXIT_CODES)]
    Fly(Fly),
    /// Prints a summary of a tileset and every problem in it.
    #[command(after_help = EXIT_CODES)]
    Inspect(Inspect),
    /// Checks a county folder end to end: what is shown, every survey, the ground, layers, addresses.
    #[command(after_help = EXIT_CODES)]
    Check(crate::check::Check),
    /// Makes a county folder.
    #[command(after_help = EXIT_CODES)]
    County {
        #[command(subcommand)]
        command: crate::county::CountyCommand,
    },
    /// Imports what a county receives: surveys of villages, points, elevation models, orthophotos, layers, footprints, addresses.
    #[command(after_help = EXIT_CODES)]
    Import(crate::import::Import),
    /// Lists, switches and removes surveys of villages; what became of buildings between them.
    #[command(after_help = EXIT_CODES)]
    Survey {
        #[command(subcommand)]
        command: crate::county::SurveyCommand,
    },
    /// Standard addresses: import tables, search, parse.
    #[command(after_help = EXIT_CODES)]
    Address {
        #[command(subcommand)]
        command: crate::address::Command,
    },
    /// Makes up a county's deliveries (meshes, clouds, rasters, footprints, layers, address tables) to import and try things on.
    #[command(after_help = EXIT_CODES)]
    Sample(crate::sample::Sample),
}

/// What to open and how to draw it.
#[derive(Debug, Args)]
pub(crate) struct Scene {
    /// A tileset (see below).
    pub(crate) what: String,
    /// Where to look from; without it the whole tileset, from the south, 35° down.
    #[arg(long, value_name = "CAMERA", allow_hyphen_values = true)]
    pub(crate) camera: Option<String>,
    /// Horizontal field of view, degrees.
    #[arg(long, default_value_t = 60.0, value_name = "DEGREES", value_parser = fov)]
    pub(crate) fov: f64,
    /// Largest screen-space error, pixels: smaller is sharper and loads more.
    #[arg(long, default_value_t = 16.0, value_name = "PIXELS", value_parser = positive)]
    pub(crate) error: f64,
    /// Hard ceiling over the memory of the tiles, CPU and GPU together (512M, 1G, 1.5GiB …).
    #[arg(long, default_value = "1GiB", value_parser = bytes, value_name = "BYTES")]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) web: Web,
}

/// How tilesets are read from servers.
#[derive(Debug, Args)]
pub(crate) struct Web {
    /// Keep what comes from a server in this folder, or `off`. Without it `view` keeps it in the user's cache folder, the other commands keep nothing.
    #[arg(long, value_name = "FOLDER|off")]
    pub(crate) cache: Option<PathBuf>,
    /// Largest size of that folder.
    #[arg(long, default_value = "2GiB", value_parser = bytes, value_name = "BYTES")]
    pub(crate) cache_size: u64,
    /// Follow absolute addresses and redirects in the tileset to servers other than the one named.
    #[arg(long)]
    pub(crate) other_servers: bool,
    /// Send a header (`Authorization: Bearer …`) with every request to the server that is named, and to no other. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<Header>,
    /// Trust the certificate authorities in this PEM file, besides those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct View {
    #[command(flatten)]
    pub(crate) scene: Scene,
    /// Language of the panels: zh-CN or en; without it the system's.
    #[arg(long, value_name = "LANG", value_parser = language)]
    pub(crate) lang: Option<viewer::Language>,
    /// Size of the window, pixels.
    #[arg(long, default_value = "1280x720", value_parser = size, value_name = "WxH")]
    pub(crate) size: (u32, u32),
    /// Fly one turn around the tileset, or around the point that --camera at:… looks at, then hand the camera over (any key or button ends it).
    #[arg(long)]
    pub(crate) tour: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Shot {
    #[command(flatten)]
    pub(crate) scene: Scene,
    /// The picture to write (PNG).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Size of the picture, pixels.
    #[arg(long, default_value = "1280x720", value_parser = size, value_name = "WxH")]
    pub(crate) size: (u32, u32),
    /// Give up when the view has not settled after so many seconds.
    #[arg(long, default_value_t = 120.0, value_name = "SECONDS", value_parser = positive)]
    pub(crate) timeout: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Fly {
    #[command(flatten)]
    pub(crate) scene: Scene,
    /// `orbit`, or a file with one CAMERA a line.
    #[arg(long, default_value = "orbit", value_name = "FILE|orbit")]
    pub(crate) path: String,
    /// Poses of the orbit.
    #[arg(long, default_value_t = 120, value_name = "N", value_parser = poses)]
    pub(crate) poses: usize,
    /// Write the report here instead of to the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also write a picture of every pose, settled, into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) pictures: Option<PathBuf>,
    /// Size of the picture, pixels.
    #[arg(long, default_value = "1280x720", value_parser = size, value_name = "WxH")]
    pub(crate) size: (u32, u32),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A tileset (see below), a .subtree, a single content or a metadata schema.
    pub(crate) what: String,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) web: Web,
}

fn language(tag: &str) -> Result<viewer::Language, String> {
    viewer::Language::of_tag(tag).ok_or_else(|| "the panels speak zh-CN and en".to_owned())
}

fn header(text: &str) -> Result<Header, String> {
    Header::parse(text).map_err(|error| error.to_string())
}

fn fov(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(degrees) if (1.0..=170.0).contains(&degrees) => Ok(degrees),
        _ => Err("a field of view is 1 to 170 degrees".into()),
    }
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.01..=1e6).contains(&number) => Ok(number),
        _ => Err("a number from 0.01 to 1000000".into()),
    }
}

fn poses(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (2..=100_000).contains(&number) => Ok(number),
        _ => Err("a whole number from 2 to 100000".into()),
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match parsed {
        Some((w, h)) if (1..=16_384).contains(&w) && (1..=16_384).contains(&h) => Ok((w, h)),
        _ => Err("a size is WIDTHxHEIGHT, each from 1 to 16384, like 1280x720".into()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("{unit:?} is no unit of bytes: use K, M or G")),
    };
    match number.parse::<f64>() {
        Ok(n) if n * factor >= 1.0 && n * factor < 2f64.powi(53) => Ok((n * factor) as u64),
        _ => Err("bytes are a positive number with K, M or G, like 512M".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_bytes_are_read_and_nonsense_is_refused() {
        assert_eq!(size("1280x720"), Ok((1280, 720)));
        assert!(size("0x720").is_err() && size("1280").is_err() && size("axb").is_err());
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        assert_eq!(bytes("1.5G"), Ok(3 << 29));
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!((fov("90"), positive("0.5"), poses("12")), (Ok(90.0), Ok(0.5), Ok(12)));
        assert!(["0", "180", "nan", "-60", "x"].iter().all(|t| fov(t).is_err()));
        assert!(["0", "inf", "nan", "-1", ""].iter().all(|t| positive(t).is_err()));
        assert!(poses("1").is_err() && poses("-3").is_err() && poses("1000000").is_err());
        assert!(bytes("0").is_err() && bytes("12T").is_err() && bytes("-1").is_err() && bytes("").is_err());
    }
}

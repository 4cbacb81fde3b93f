//! `cargo xtask`: chores that need more than a line of make.

mod runner;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Chores of the house")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build every test of the workspace, run each in a process of its own, and print the ten slowest.
    Test {
        /// Only tests whose `package::binary::name` contains this.
        filter: Option<String>,
        /// Also the long ones (marked by a name that begins with `long_`).
        #[arg(long)]
        long: bool,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().chore {
        Chore::Test { filter, long } => runner::run(filter.as_deref().unwrap_or(""), long),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(3)
        }
    }
}

//! The command line of ml-connector.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}

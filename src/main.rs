//! Parses arguments, runs, and maps the result to an exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    gptfs::run(std::env::args_os())
}

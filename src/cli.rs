//! The command line: its grammar, and one short function per command. The only user of `clap`.
//!
//! Arguments become values in two steps: clap checks their form, then [`settings`] checks their meaning, once per
//! command. Data goes to standard output, everything else to standard error, and nothing outside this room prints.

mod args;
mod cache;
mod export;
mod filter;
mod grep;
mod info;
mod list;
mod mount;
mod open;
mod progress;
mod settings;

use crate::error::{Error, ErrorKind};
use crate::text::printable;
use clap::Parser;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the command that `arguments` ask for; the first is the program's name. Prints its output and its errors.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // If this can't be printed, neither can a complaint about it.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match cli.command {
        args::Command::Mount(args) => mount::mount(args),
        args::Command::Unmount { dir } => mount::unmount(&dir),
        args::Command::Ls(args) => list::ls(&args),
        args::Command::Grep(args) => return grep::grep(&args),
        args::Command::Cat(args) => list::cat(&args),
        args::Command::Export(args) => export::export(&args),
        args::Command::Info(args) => info::info(&args),
        args::Command::Cache(args) => cache::cache(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Prints one line to standard error.
fn say(message: &impl ToString) {
    // Standard error may be closed, and there is nowhere else to go.
    let _ = writeln!(io::stderr(), "gptfs: {}", printable(&message.to_string()));
}

/// Writes data to standard output. A reader that closes the pipe early, such as `head`, is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::Environment, "standard output").caused_by(error)),
        Ok(()) => Ok(()),
    }
}

/// A number of things in words: `1 line`, `12 lines`.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

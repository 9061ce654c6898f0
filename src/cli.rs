//! The command line: arguments, and one short function per command. The only user of `clap`.
//!
//! Words become checked values in two steps: clap sees to their form, and the commands to their sense. Data
//! goes to standard output, everything else to standard error.

mod args;
mod cache;
mod export;
mod info;
mod list;
mod mount;
mod open;
mod progress;

use crate::error::{Error, ErrorKind};
use crate::text::printable;
use clap::Parser;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the command that `arguments` (the program's name first) ask for, and prints what there is to say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Where even this can't be printed nobody is listening.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        args::Command::Mount(args) => mount::mount(args),
        args::Command::Unmount { dir } => mount::unmount(&dir),
        args::Command::Ls(args) => list::ls(&args),
        args::Command::Cat(args) => list::cat(&args),
        args::Command::Export(args) => export::export(&args),
        args::Command::Info(args) => info::info(&args),
        args::Command::Cache(args) => cache::cache(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// One line on standard error.
fn say(what: &impl ToString) {
    // Standard error may be closed; there is nowhere else to say it.
    let _ = writeln!(io::stderr(), "gptfs: {}", printable(&what.to_string()));
}

/// Writes data to standard output. A reader that has seen enough (`| head`) is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::Environment, "standard output").caused_by(error)),
        Ok(()) => Ok(()),
    }
}

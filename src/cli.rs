//! The command line: its grammar, and a short function per command. The only user of `clap`.
//!
//! Arguments become values in two steps: clap checks their form, then [`settings`] checks their meaning, once per
//! command. Data goes to standard output and everything else to standard error; nothing outside this room prints.

mod args;
mod cache;
mod check;
mod config;
#[cfg(feature = "fuse")]
mod demo;
mod diff;
#[cfg(feature = "fuse")]
mod doctor;
mod export;
mod filter;
mod grep;
mod info;
mod invocation;
mod list;
mod manual;
#[cfg(feature = "fuse")]
mod mount;
mod mount_helper;
mod open;
mod progress;
mod refusal;
mod settings;
mod shell;
#[cfg(feature = "fuse")]
mod systemd;

use crate::bug;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;
use crate::sys;
use crate::text::{printable, steers_a_terminal};
use args::Command;
use invocation::Invocation;
use refusal::Refusal;
use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;

/// Runs the command given by `arguments`, which begin with the program's name. Prints its output and its errors.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    sys::give_memory_back_early();
    sys::let_large_writes_fail();
    report_panics_by_place();
    let result = match invocation::parse(arguments) {
        Ok(invocation) => panic::catch_unwind(AssertUnwindSafe(|| execute(invocation)))
            .unwrap_or_else(|_| Err(unexpected())),
        Err(Refusal::Meaning(error)) => Err(error),
        Err(Refusal::Grammar(error)) => match error.print().and_then(|()| io::stdout().flush()) {
            Err(cause) if !error.use_stderr() && cause.kind() != io::ErrorKind::BrokenPipe => {
                Err(no_output(cause))
            }
            // If an error can't be printed, neither can one about that.
            _ => return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
        },
        Err(Refusal::Advice(text)) => {
            let _ = io::stderr().write_all(text.as_bytes());
            return ExitCode::from(ErrorKind::Usage.exit_code());
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Where the first panic happened that nothing caught.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);

/// Has panics print nothing, because their messages may quote a chat, except for developers who ask for backtraces.
fn report_panics_by_place() {
    let report = panic::take_hook();
    let is_asked_for = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    bug::set_hook(move |panic| {
        if let Some(place) = panic.location() {
            lock(&PANICKED).get_or_insert_with(|| place.to_string());
        }
        if is_asked_for {
            report(panic);
        }
    });
}

/// The error after a panic that ended a command.
fn unexpected() -> Error {
    let place = lock(&PANICKED).take().map(|place| format!(" ({place})")).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let reason = format!("this is a bug in gptfs {version}{place}; please report this line and the command");
    Error::new(ErrorKind::Unexpected, reason)
}

fn execute(invocation: Invocation) -> Result<ExitCode> {
    let done = match invocation.cli.command {
        #[cfg(feature = "fuse")]
        Command::Mount(args) => mount::mount(args),
        #[cfg(feature = "fuse")]
        Command::Unmount { dirs } => mount::unmount(&dirs),
        Command::Ls(args) => list::ls(&args),
        Command::Recent(args) => list::recent(&args),
        Command::Cat(args) => list::cat(&args),
        Command::Export(args) => export::export(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Info(args) => info::info(&args),
        Command::Check(args) => check::check(&args),
        Command::Cache(args) => cache::cache(&args),
        #[cfg(feature = "fuse")]
        Command::Demo(args) => demo::demo(&args),
        #[cfg(feature = "fuse")]
        Command::Doctor => doctor::doctor(&invocation.cli.common),
        #[cfg(feature = "fuse")]
        Command::Systemd(args) => systemd::systemd(args, &invocation.matches),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { what } => manual::man(what.as_deref()),
        Command::Grep(args) => return Ok(grep::grep(&args)),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Prints one line to standard error.
fn say(message: &impl ToString) {
    // Standard error may be closed, and there is nowhere else to report that.
    let _ = writeln!(io::stderr(), "gptfs: {}", printable(&message.to_string()));
}

/// Writes data to standard output. A reader that closes the pipe early, such as `head`, is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    match print_some(write) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(end) => end,
    }
}

/// Like [`print`], for data with more to come. Breaks if standard output takes no more.
fn print_some(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ControlFlow<Result<()>> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Ok(())),
        Err(error) => ControlFlow::Break(Err(no_output(error))),
        Ok(()) => ControlFlow::Continue(()),
    }
}

/// The error of standard output that can't be written to.
fn no_output(cause: io::Error) -> Error {
    Error::new(ErrorKind::Environment, "standard output").caused_by(cause)
}

/// `text` as a JSON string, with everything that could control a terminal escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in crate::format::quote(text).chars() {
        if steers_a_terminal(c) {
            // All of these are below U+10000.
            let _ = write!(quoted, "\\u{:04x}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

/// A count with its noun: `1 line`, `12 lines`.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Does `work` with each item. An error doesn't stop it: all errors but the last are printed, and that one is returned.
fn each<T>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T) -> Result<()>) -> Result<()> {
    let mut failed = None;
    for item in items {
        if let Err(error) = work(item)
            && let Some(earlier) = failed.replace(error)
        {
            say(&earlier);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// True if standard output is a terminal that supports colours, and the user hasn't turned them off.
fn wants_color() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !refused
}

#[cfg(test)]
mod tests;

//! `demo`: the built-in export of invented chats, mounted until Ctrl-C.

use super::args::DemoArgs;
use super::mount::{self, Listener};
use super::settings::Settings;
use super::shell::quoted;
use crate::error::{Error, Result};
use crate::fuse::mount::MountOptions;
use std::fs;

const EXPORT: &[u8] = include_bytes!("../../fixtures/demo.zip");

/// Mounts the demonstration in the foreground and says what to try.
pub(super) fn demo(args: &DemoArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let temporary = tempfile::Builder::new()
        .prefix("gptfs-demo-")
        .tempdir()
        .map_err(|error| Error::io("a temporary directory", error))?;
    let export = temporary.path().join("demo.zip");
    fs::write(&export, EXPORT).map_err(|error| Error::io(export.display(), error))?;
    let mountpoint = match &args.dir {
        Some(dir) => mount::absolute(dir)?,
        None => temporary.path().join("chats"),
    };
    let at = quoted(&mountpoint);
    super::print(|out| {
        writeln!(
            out,
            "Invented chats, as ChatGPT would export them. In another terminal, try:\n\n  \
             ls -R {at}\n  \
             grep -rl 'borrow checker' {at}\n  \
             less {at}/'2024/02/Trip to Lisbon.md'\n\n\
             Ctrl-C ends it."
        )
    })?;
    let options = MountOptions {
        mountpoint: mountpoint.clone(),
        source_name: "gptfs demo".to_owned(),
        allow_other: false,
        attributes: false,
        non_empty: false,
        foreground: true,
        wait: true,
    };
    let listener = Listener { mountpoint, ends_by_signal: true };
    mount::serve(&options, vec![export], settings, listener)
}

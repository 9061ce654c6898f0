//! `demo`: the built-in export of invented chats, mounted until Ctrl-C.

use super::args::DemoArgs;
use super::mount::{self, Greeting};
use super::settings::Settings;
use super::shell::quoted;
use crate::error::{Error, Result};
use crate::fuse::mount::MountOptions;
use crate::sys::EndSignals;
use std::fs;

const EXPORT: &[u8] = include_bytes!("../../fixtures/demo.zip");

/// Mounts the demonstration in the foreground and says what to try.
pub(super) fn demo(args: &DemoArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    // From here on a signal ends the mount in good order, or keeps it from beginning, so that nothing is left behind.
    let _signals = EndSignals::hold().map_err(|error| Error::io("cannot start", error))?;
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
    let invitation = format!(
        "Invented chats, as ChatGPT would export them. In another terminal, try:\n\n  \
         ls -R {at}\n  \
         grep -rl 'borrow checker' {at}\n  \
         less {at}/'2024/02/Trip to Lisbon.md'\n\n\
         Press Ctrl-C here to stop.\n"
    );
    let options = MountOptions {
        mountpoint,
        source_name: "gptfs demo".to_owned(),
        allow_other: false,
        attributes: false,
        non_empty: false,
        foreground: true,
        wait: true,
        temporary: Some(temporary.path().to_owned()),
    };
    mount::serve(&options, vec![export], settings, Greeting::Invitation(invitation))
}

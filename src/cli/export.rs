//! `export`: the tree as plain files.

use super::args::ExportArgs;
use super::settings::Settings;
use super::{open, progress};
use crate::error::{Error, ErrorKind, Result};
use crate::export;
use crate::progress::Progress;
use crate::sys::EndSignals;

/// Writes the tree that `mount` would show to a directory.
pub(super) fn export(args: &ExportArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let Some((dir, sources)) = args.paths.split_last() else {
        return Err(Error::new(ErrorKind::Usage, "export needs a source and a directory"));
    };
    let open::Opened { fs, .. } = open::open(sources, &settings)?;
    // Before starting the threads that write and draw, so that they inherit the signal mask.
    let signals = EndSignals::hold().map_err(|error| Error::io("cannot start", error))?;
    let progress = Progress::default();
    let write = || export::write(&fs, dir, settings.index.jobs, &progress, &signals);
    let written = progress::shown("files", &progress, write)?.complete()?;
    super::say(&format!("wrote {} files to {}", written.files, dir.display()));
    Ok(())
}

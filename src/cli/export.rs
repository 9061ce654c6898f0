//! `export`: the tree as plain files.

use super::args::ExportArgs;
use super::open;
use super::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::export;

/// Writes the tree that `mount` would show to a directory.
pub(super) fn export(args: &ExportArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let Some((dir, sources)) = args.paths.split_last() else {
        return Err(Error::new(ErrorKind::Usage, "export needs a source and a directory"));
    };
    let open::Opened { fs, .. } = open::open(sources, &settings)?;
    let written = export::write(&fs, dir, &mut |_| {})?.complete()?;
    super::say(&format!("wrote {} files to {}", written.files, dir.display()));
    Ok(())
}

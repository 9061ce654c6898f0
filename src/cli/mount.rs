//! `mount` and `unmount`.

use super::args::MountArgs;
use super::open;
use super::progress::Line;
use crate::error::{Error, ErrorKind, Result};
use crate::fuse::mount::{self, News, Options};
use std::path::{self, Path, PathBuf};
use std::thread;

/// Mounts an export; returns when the tree can be used, or in the foreground when it was unmounted.
pub(super) fn mount(args: MountArgs) -> Result<()> {
    let mut sources = args.paths;
    let Some(mountpoint) = sources.pop() else {
        return Err(Error::new(ErrorKind::Usage, "mount SOURCE… DIR: both are needed"));
    };
    // The serving process leaves this working directory.
    let sources = sources.iter().map(absolute).collect::<Result<Vec<_>>>()?;
    // Wrong words are refused before anything is started.
    args.reading.rendering()?;
    let options = Options {
        mountpoint: absolute(&mountpoint)?,
        source_name: sources.first().map(|source| source.display().to_string()).unwrap_or_default(),
        allow_other: args.allow_other,
        non_empty: args.non_empty,
        foreground: args.foreground,
        wait: !args.no_wait,
    };
    let mut line = Line::default();
    let tell = move |news| match news {
        News::Progress(snapshot) => line.draw(snapshot),
        News::Note(note) => {
            line.clear();
            super::say(&note);
        }
    };
    let reading = args.reading;
    let build = move |progress: &crate::progress::Progress| {
        let opened = open::build(&sources, &reading, progress)?;
        if let Some(note) = opened.problems() {
            progress.note(note);
        }
        let open::Opened { index, fs } = opened;
        // Nobody waits for this, and nothing depends on it.
        let saving = move || open::save(&index, &reading);
        let _ = thread::Builder::new().name("saving".to_owned()).spawn(saving);
        Ok(fs)
    };
    mount::mount(&options, build, Box::new(tell)).map(|_| ())
}

/// Unmounts a directory, dead or alive.
pub(super) fn unmount(dir: &Path) -> Result<()> {
    mount::unmount(&absolute(dir)?)
}

fn absolute(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    path::absolute(path).map_err(|error| Error::io(path.display(), error))
}

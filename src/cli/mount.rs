//! `mount` and `unmount`.

use super::args::MountArgs;
use super::open;
use super::progress::Line;
use super::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::fuse::mount::{self, News, Options};
use crate::progress::Progress;
use std::path::{self, Path, PathBuf};
use std::thread;

/// Mounts an export. Returns once the tree can be used or, in the foreground, once it is unmounted.
pub(super) fn mount(args: MountArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let mut sources = args.paths;
    let Some(mountpoint) = sources.pop() else {
        return Err(Error::new(ErrorKind::Usage, "mount needs a source and a directory"));
    };
    // The daemon changes its working directory.
    let sources = sources.iter().map(absolute).collect::<Result<Vec<_>>>()?;
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
    let build = move |progress: &Progress| {
        let opened = open::build(&sources, &settings, progress)?;
        if let Some(note) = opened.problems() {
            progress.note(note);
        }
        let open::Opened { index, fs } = opened;
        // Nothing waits for the index to be saved. If there can't be a thread, it is saved another time.
        let saving = move || open::save(&index, &settings);
        let _ = thread::Builder::new().name("saving".to_owned()).spawn(saving);
        Ok(fs)
    };
    mount::mount(&options, build, Box::new(tell)).map(|_| ())
}

/// Unmounts a directory, also one whose daemon has died.
pub(super) fn unmount(dir: &Path) -> Result<()> {
    mount::unmount(&absolute(dir)?)
}

fn absolute(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    path::absolute(path).map_err(|error| Error::io(path.display(), error))
}

//! `mount` and `unmount`.

use super::args::MountArgs;
use super::open;
use super::progress::ProgressLine;
use super::refusal::usage;
use super::settings::Settings;
use super::shell::quoted;
use crate::error::{Error, Result};
use crate::fs::Library as _;
use crate::fuse::mount::{self, Build, MountOptions, News, Tell};
use crate::progress::Progress;
use std::io::{self, IsTerminal as _};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Mounts an export. Returns once the tree is usable or, in the foreground, once it is unmounted.
pub(super) fn mount(args: MountArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let (sources, mountpoint) = paths(args.paths)?;
    if args.fake {
        return open::sources(&sources, &settings).map(drop);
    }
    let options = MountOptions {
        mountpoint,
        source_name: source_name(&sources),
        allow_other: args.allow_other,
        attributes: args.xattrs,
        non_empty: args.non_empty,
        foreground: args.foreground,
        wait: !args.no_wait,
        temporary: None,
    };
    let greeting = Greeting::Line { mountpoint: options.mountpoint.clone(), ends_by_signal: args.foreground };
    serve(&options, sources, settings, greeting)
}

/// Unmounts directories, even if their daemons have died. A failure doesn't stop the others.
pub(super) fn unmount(dirs: &[PathBuf]) -> Result<()> {
    let mut tell: Tell = Box::new(|news| {
        if let News::Note(note) = news {
            super::say(&note);
        }
    });
    super::each(dirs, |dir| mount::unmount(&absolute(dir)?, &mut tell))
}

/// The exports to mount and the mountpoint, as absolute paths because the daemon changes its working directory.
pub(super) fn paths(mut paths: Vec<PathBuf>) -> Result<(Vec<PathBuf>, PathBuf)> {
    // Before they become absolute, which an address would not survive.
    let sources = paths.split_last().map_or(&[][..], |(_, sources)| sources);
    let sources = if sources.is_empty() { &paths } else { sources };
    sources.iter().try_for_each(|source| open::refuse_other_input(source))?;
    let mountpoint = match paths.as_slice() {
        [source] => beside(source)?,
        [.., last] if is_called_like_an_export(last) && last.is_file() => {
            let reason = "an export, not a directory; to mount several exports, name the directory last, as in \
                gptfs mount old.zip new.zip ~/chats";
            return Err(usage(reason).within(quoted(last)));
        }
        _ => paths.pop().unwrap_or_default(),
    };
    let sources = paths.iter().map(absolute).collect::<Result<Vec<_>>>()?;
    Ok((sources, absolute(&mountpoint)?))
}

/// The default mountpoint of an export: `export` for `export.zip`.
fn beside(source: &Path) -> Result<PathBuf> {
    if is_called_like_an_export(source) && !source.is_dir() {
        return Ok(source.with_extension(""));
    }
    std::fs::metadata(source).map_err(|error| Error::io(source.display(), error))?;
    open::refuse_mounts(&[source.to_owned()])?;
    let name = quoted(source);
    Err(usage(format!("{name}: name the directory to mount it on: gptfs mount {name} ~/chats")))
}

fn is_called_like_an_export(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ["zip", "json", "html"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

pub(super) fn source_name(sources: &[PathBuf]) -> String {
    sources.first().map(|source| source.display().to_string()).unwrap_or_default()
}

/// What to tell a user once the mount is usable.
pub(super) enum Greeting {
    /// One line, if the user is at a terminal.
    Line {
        mountpoint: PathBuf,
        /// Whether Ctrl-C ends the mount, too.
        ends_by_signal: bool,
    },
    /// A text for standard output.
    Invitation(String),
}

impl Greeting {
    fn show(&self, conversations: u64) {
        match self {
            Self::Line { mountpoint, ends_by_signal } if io::stderr().is_terminal() => {
                super::say(&ready(mountpoint, *ends_by_signal, conversations));
            }
            Self::Line { .. } => {}
            // The mount serves its readers even if standard output is closed.
            Self::Invitation(text) => drop(super::print(|out| out.write_all(text.as_bytes()))),
        }
    }
}

fn ready(mountpoint: &Path, ends_by_signal: bool, conversations: u64) -> String {
    let at = quoted(mountpoint);
    let end = if ends_by_signal { "press Ctrl-C".to_owned() } else { format!("gptfs unmount {at}") };
    let mounted = match conversations {
        // Not read yet.
        0 => "mounted".to_owned(),
        _ => super::counted(conversations, "conversation", "conversations"),
    };
    format!("{mounted} at {at}; to stop: {end}")
}

/// Mounts and serves, or starts the daemon that does. Prints progress, notes, and the last line on a terminal.
pub(super) fn serve(
    options: &MountOptions,
    sources: Vec<PathBuf>,
    mut settings: Settings,
    greeting: Greeting,
) -> Result<()> {
    // The serving process would ask itself for its files, and could neither answer nor be killed.
    if settings.cache.take_if(|cache| hides(&options.mountpoint, cache.dir())).is_some() {
        super::say(&"the index is not saved, because the mount hides the directory of saved indexes");
    }
    let mut line = ProgressLine::of("conversations");
    let mut conversations = 0;
    let tell = move |news| match news {
        News::Progress(snapshot) => {
            conversations = snapshot.items;
            line.draw(snapshot);
        }
        News::Note(note) => {
            line.clear();
            super::say(&note);
        }
        News::Ready => {
            line.clear();
            greeting.show(conversations);
        }
    };
    let open = move |_: &Progress| {
        let export = open::sources(&sources, &settings)?;
        export.hold();
        let build = move |progress: &Progress| {
            let opened = open::index(export, &settings, None, progress)?;
            progress.set_count(opened.index.catalog().heads.len() as u64);
            if let Some(note) = opened.problems() {
                progress.note(note);
            }
            if settings.verbose {
                open::save(&opened.index, &settings);
                opened.describe(&settings, progress);
                return Ok(opened.fs);
            }
            let open::Opened { index, fs, .. } = opened;
            // Nothing waits for the index to be saved. If no thread can be started, it is saved another time.
            let saved = Arc::clone(&index);
            let saving = move || open::save(&saved, &settings);
            if let Err(error) = thread::Builder::new().name("saving".to_owned()).spawn(saving) {
                index.leave_unsaved(&error);
            }
            Ok(fs)
        };
        Ok(Box::new(build) as Build)
    };
    mount::mount(options, Box::new(open), Box::new(tell))
}

/// True if a mount on `mountpoint` hides `dir`, which may not exist yet.
fn hides(mountpoint: &Path, dir: &Path) -> bool {
    let there = dir.ancestors().find_map(|above| above.canonicalize().ok());
    matches!((there, mountpoint.canonicalize()), (Some(there), Ok(root)) if there.starts_with(&root))
}

pub(super) fn absolute(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    path::absolute(path).map_err(|error| Error::io(path.display(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_ends_with_a_line_that_says_where_it_is_and_how_to_stop_it() {
        let line =
            |conversations, ends_by_signal| ready(Path::new("/mnt/my chats"), ends_by_signal, conversations);
        assert_eq!(
            line(43, false),
            "43 conversations at '/mnt/my chats'; to stop: gptfs unmount '/mnt/my chats'"
        );
        assert_eq!(line(1, true), "1 conversation at '/mnt/my chats'; to stop: press Ctrl-C");
        assert_eq!(line(0, false), "mounted at '/mnt/my chats'; to stop: gptfs unmount '/mnt/my chats'");
    }

    #[test]
    fn an_export_without_a_mountpoint_is_mounted_next_to_itself() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = |name: &str| folder.path().join(name);
        for name in ["a.zip", "b.zip"] {
            std::fs::write(path(name), "").expect("a file");
        }
        let [a, b, dir] = ["a.zip", "b.zip", "dir"].map(path);
        assert_eq!(paths(vec![a.clone()]).expect("paths"), (vec![a.clone()], path("a")));
        assert_eq!(paths(vec![path("A.ZIP")]).expect("paths"), (vec![path("A.ZIP")], path("A")));
        let refused = paths(vec![a.clone(), b.clone()]).expect_err("no mountpoint").to_string();
        assert!(refused.contains("b.zip: an export, not a directory; to mount several"), "{refused}");
        assert_eq!(paths(vec![a.clone(), b.clone(), dir.clone()]).expect("paths"), (vec![a, b], dir));
        assert!(paths(vec![folder.path().to_owned()]).is_err(), "a folder has no name to leave over");
        let missing = paths(vec![path("a.zp")]).expect_err("nothing to mount").to_string();
        assert!(missing.ends_with("a.zp: no such file or directory"), "{missing}");
    }
}

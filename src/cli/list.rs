//! `ls` and `cat`: what a mount would show, without mounting.

use super::args::{CatArgs, LsArgs};
use super::open;
use super::settings::Settings;
use crate::error::Result;
use crate::format;
use crate::fs::{Attr, FileKind, Fs, Ino};
use crate::text::printable;
use crate::time::Zone;
use std::io::{self, Write};

/// The format of a line of a listing.
enum Style {
    Names,
    Long(Zone),
    Json(Zone),
}

/// Lists a directory or a file.
pub(super) fn ls(args: &LsArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &settings)?;
    let zone = settings.zone().clone();
    let style = match (args.json, args.long) {
        (true, _) => Style::Json(zone),
        (_, true) => Style::Long(zone),
        _ => Style::Names,
    };
    let path = args.path.as_deref().unwrap_or_default();
    let lines = lines(&fs, path, args.recursive)?;
    super::print(|out| lines.iter().try_for_each(|(path, attr)| style.write(out, path, *attr)))
}

/// Prints files one after another. A file that can't be read doesn't stop the others.
pub(super) fn cat(args: &CatArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &settings)?;
    let mut failed = None;
    for path in &args.paths {
        // An error from `resolve` already names the path.
        let copied =
            fs.resolve(path).and_then(|ino| copy(&fs, ino).map_err(|error| error.within(printable(path))));
        if let Err(error) = copied
            && let Some(earlier) = failed.replace(error)
        {
            super::say(&earlier);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Bytes copied at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Prints one file.
pub(super) fn copy(fs: &Fs, ino: Ino) -> Result<()> {
    let size = fs.attr(ino)?.size;
    let mut offset = 0;
    loop {
        let block = fs.read(ino, offset, BLOCK_BYTES)?;
        if block.is_empty() {
            break;
        }
        offset += block.len() as u64;
        super::print(|out| out.write_all(&block))?;
    }
    debug_assert_eq!(offset, size, "a file has the size that its listing states");
    Ok(())
}

/// The lines of a listing of `path`: names, or paths from the root if it is recursive.
fn lines(fs: &Fs, path: &str, recursive: bool) -> Result<Vec<(String, Attr)>> {
    let ino = fs.resolve(path)?;
    let attr = fs.attr(ino)?;
    if attr.kind == FileKind::File {
        return Ok(vec![(fs.path(ino), attr)]);
    }
    if recursive {
        return below(fs, ino);
    }
    let entries = fs.entries(ino, 2)?.map(|(_, entry)| (entry.name.to_owned(), entry.attr));
    Ok(entries.collect())
}

/// Everything below the directory `ino` by its path from the root, depth first. [`Fs::walk`] would leave out the
/// unlisted directories.
fn below(fs: &Fs, ino: Ino) -> Result<Vec<(String, Attr)>> {
    let mut lines = Vec::new();
    let mut open = vec![(fs.path(ino), fs.entries(ino, 2)?)];
    while let Some((dir, children)) = open.last_mut() {
        let Some((_, entry)) = children.next() else {
            open.pop();
            continue;
        };
        let path = if dir.is_empty() { entry.name.to_owned() } else { format!("{dir}/{}", entry.name) };
        if entry.attr.kind == FileKind::Directory {
            open.push((path.clone(), fs.entries(entry.attr.ino, 2)?));
        }
        lines.push((path, entry.attr));
    }
    Ok(lines)
}

impl Style {
    fn write(&self, out: &mut dyn Write, path: &str, attr: Attr) -> io::Result<()> {
        let slash = if attr.kind == FileKind::Directory { "/" } else { "" };
        match self {
            Self::Names => writeln!(out, "{}{slash}", printable(path)),
            Self::Long(zone) => {
                writeln!(out, "{:>12}  {}  {}{slash}", attr.size, zone.minute(attr.modified), printable(path))
            }
            Self::Json(zone) => writeln!(
                out,
                r#"{{"path":{},"kind":"{}","size":{},"created":"{}","modified":"{}"}}"#,
                format::quote(path),
                if attr.kind == FileKind::Directory { "directory" } else { "file" },
                attr.size,
                zone.rfc3339(attr.created),
                zone.rfc3339(attr.modified),
            ),
        }
    }
}

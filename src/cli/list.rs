//! `ls` and `cat`: what the mount would show, without a mount.

use super::args::{CatArgs, LsArgs};
use super::open;
use crate::error::Result;
use crate::format;
use crate::fs::{Attr, Fs, Kind};
use crate::text::printable;
use crate::time::Zone;
use std::io::{self, Write};

/// How a line of a listing looks.
enum Style {
    Names,
    Long(Zone),
    Json(Zone),
}

/// Lists a directory or a file.
pub(super) fn ls(args: &LsArgs) -> Result<()> {
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &args.reading)?;
    let zone = args.reading.rendering()?.zone;
    let style = match (args.json, args.long) {
        (true, _) => Style::Json(zone),
        (_, true) => Style::Long(zone),
        _ => Style::Names,
    };
    let path = args.path.as_deref().unwrap_or_default();
    let lines = lines(&fs, path, args.recursive)?;
    super::print(|out| lines.iter().try_for_each(|(path, attr)| style.write(out, path, *attr)))
}

/// Prints files one after another. Those that can be read are printed even if others can't.
pub(super) fn cat(args: &CatArgs) -> Result<()> {
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &args.reading)?;
    let mut failed = None;
    for path in &args.paths {
        if let Err(error) = copy(&fs, path) {
            let error = error.within(printable(path));
            if let Some(earlier) = failed.replace(error) {
                super::say(&earlier);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// How many bytes of a file are copied at a time.
const BLOCK: usize = 1 << 20;

fn copy(fs: &Fs, path: &str) -> Result<()> {
    let ino = fs.resolve(path)?;
    let size = fs.attr(ino)?.size;
    let mut offset = 0;
    loop {
        let block = fs.read(ino, offset, BLOCK)?;
        if block.is_empty() {
            break;
        }
        offset += block.len() as u64;
        super::print(|out| out.write_all(&block))?;
    }
    debug_assert_eq!(offset, size, "a file has exactly the size that its listing states");
    Ok(())
}

/// What a listing of `path` consists of: names, or whole paths if it is recursive.
fn lines(fs: &Fs, path: &str, recursive: bool) -> Result<Vec<(String, Attr)>> {
    let ino = fs.resolve(path)?;
    let attr = fs.attr(ino)?;
    if attr.kind == Kind::File {
        return Ok(vec![(fs.path(ino), attr)]);
    }
    if recursive {
        let below = fs.path(ino);
        return Ok(fs
            .walk()
            .map(|step| (step.path, step.attr))
            .filter(|(path, _)| is_below(path, &below))
            .collect());
    }
    let entries = fs.entries(ino, 2)?.map(|(_, entry)| (entry.name.to_owned(), entry.attr));
    Ok(entries.collect())
}

/// True for a path under the directory `dir`; everything is under the root, whose path is empty.
fn is_below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

impl Style {
    fn write(&self, out: &mut dyn Write, path: &str, attr: Attr) -> io::Result<()> {
        let slash = if attr.kind == Kind::Directory { "/" } else { "" };
        match self {
            Self::Names => writeln!(out, "{}{slash}", printable(path)),
            Self::Long(zone) => {
                writeln!(out, "{:>12}  {}  {}{slash}", attr.size, zone.minute(attr.modified), printable(path))
            }
            Self::Json(zone) => writeln!(
                out,
                r#"{{"path":{},"kind":"{}","size":{},"created":"{}","modified":"{}"}}"#,
                format::quote(path),
                if attr.kind == Kind::Directory { "directory" } else { "file" },
                attr.size,
                zone.rfc3339(attr.created),
                zone.rfc3339(attr.modified),
            ),
        }
    }
}

//! Lines of a listing and their format.

use crate::catalog::Page;
use crate::cli::quoted;
use crate::error::Result;
use crate::fs::{Attr, Fs, Ino, InodeKind};
use crate::text::{printable, size};
use crate::time::Zone;
use std::io::{self, Write};

/// A file or directory in a listing.
#[derive(Debug)]
pub(super) struct ListLine {
    /// Its path from the root.
    pub(super) path: String,
    /// Where what is printed of the path begins, in bytes: its name, or all of it.
    pub(super) shown: usize,
    pub(super) attr: Attr,
}

impl ListLine {
    /// What to print: its name, or its path.
    pub(super) fn name(&self) -> &str {
        self.path.get(self.shown..).unwrap_or_default()
    }
}

/// The format of the lines.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Style {
    pub(super) json: bool,
    pub(super) long: bool,
    pub(super) human: bool,
    pub(super) color: bool,
    pub(super) zone: Zone,
}

impl Style {
    pub(super) fn write(&self, out: &mut dyn Write, fs: &Fs, line: &ListLine) -> io::Result<()> {
        if self.json {
            return self.write_json(out, fs, line);
        }
        let attr = line.attr;
        if self.long {
            let bytes = if self.human { size(attr.size) } else { attr.size.to_string() };
            write!(out, "{bytes:>12}  {}  ", self.zone.minute(attr.modified))?;
        }
        let name = printable(line.name());
        match attr.kind {
            InodeKind::Directory if self.color => writeln!(out, "\x1b[1;34m{name}\x1b[0m/"),
            InodeKind::Directory => writeln!(out, "{name}/"),
            InodeKind::Symlink if self.long => {
                let target = fs.link(attr.ino).unwrap_or_default();
                writeln!(out, "{name} -> {}", printable(&target))
            }
            InodeKind::File | InodeKind::Symlink => writeln!(out, "{name}"),
        }
    }

    fn write_json(&self, out: &mut dyn Write, fs: &Fs, line: &ListLine) -> io::Result<()> {
        let attr = line.attr;
        write!(
            out,
            r#"{{"path":{},"kind":"{}","size":{},"created":"{}","modified":"{}""#,
            quoted(&line.path),
            match attr.kind {
                InodeKind::Directory => "directory",
                InodeKind::File => "file",
                InodeKind::Symlink => "symlink",
            },
            attr.size,
            self.zone.rfc3339(attr.created),
            self.zone.rfc3339(attr.modified),
        )?;
        let head = match fs.page(attr.ino) {
            Some((head, Page::Thread)) => fs.catalog().heads.get(head),
            _ => None,
        };
        if let Some(head) = head {
            let models: Vec<_> = head.models.iter().map(|model| quoted(model)).collect();
            write!(
                out,
                r#","id":{},"title":{},"models":[{}],"turns":{}"#,
                quoted(&head.id),
                quoted(head.title.as_deref().unwrap_or_default()),
                models.join(","),
                head.turns,
            )?;
        }
        writeln!(out, "}}")
    }
}

/// The children of the directory `ino`, or everything below it, depth first. Prints `whole` paths instead of names, as
/// it always does for everything below. [`Fs::walk`] would leave out unlisted directories.
pub(super) fn below(
    fs: &Fs,
    ino: Ino,
    recursive: bool,
    whole: bool,
) -> Result<impl Iterator<Item = Result<ListLine>>> {
    let mut open = vec![(fs.path(ino), fs.entries(ino, 2)?)];
    let next = move || loop {
        let (dir, children) = open.last_mut()?;
        let Some((_, entry)) = children.next() else {
            open.pop();
            continue;
        };
        let path = if dir.is_empty() { entry.name.to_string() } else { format!("{dir}/{}", entry.name) };
        let (attr, shown) = (entry.attr, path.len().saturating_sub(entry.name.len()));
        if recursive && attr.kind == InodeKind::Directory {
            match fs.entries(attr.ino, 2) {
                Ok(children) => open.push((path.clone(), children)),
                Err(error) => return Some(Err(error)),
            }
        }
        return Some(Ok(ListLine { path, shown: if recursive || whole { 0 } else { shown }, attr }));
    };
    Ok(std::iter::from_fn(next))
}

/// Conversations as lines.
pub(super) fn threads(
    fs: &Fs,
    conversations: impl Iterator<Item = (usize, Ino)>,
) -> impl Iterator<Item = ListLine> {
    conversations.filter_map(|(_, ino)| {
        let path = fs.path(ino);
        Some(ListLine { path, shown: 0, attr: fs.attr(ino).ok()? })
    })
}

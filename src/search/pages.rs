//! The bytes of a conversation's files, reading the conversation as few times as memory allows.

use super::{Filter, Unit, of_file};
use crate::catalog::Page;
use crate::error::Result;
use crate::fs::{Fs, Ino, Library};
use crate::markdown::encode_path_segment;
use std::io;
use std::ops::Range;

/// Bytes of one conversation's pages in memory at a time, unless a single page is larger.
const TOGETHER_BYTES: u64 = 16 << 20;

/// Bytes of a file read from the archive at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A file to examine.
#[derive(Debug)]
pub struct SearchedFile<'a> {
    /// Its path from the root of the tree, without a leading slash.
    pub path: &'a str,
    /// Its content.
    pub bytes: Bytes<'a>,
}

/// The bytes of a file.
#[derive(Debug)]
pub enum Bytes<'a> {
    /// A whole page and the lines of it to search: ranges of whole lines, ascending, without overlaps. `None` for all.
    Page(&'a [u8], Option<&'a [Range<usize>]>),
    /// A file of the archive, read as far as needed.
    Copied(Copied<'a>),
}

/// Reads a file of the archive from its beginning.
#[derive(Debug)]
pub struct Copied<'a> {
    fs: &'a Fs,
    ino: Ino,
    offset: u64,
    chunk: Vec<u8>,
    /// How much of the chunk has been handed out.
    used: usize,
}

impl io::Read for Copied<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used >= self.chunk.len() {
            self.chunk = self.fs.read(self.ino, self.offset, CHUNK_BYTES).map_err(io::Error::other)?;
            self.offset = self.offset.saturating_add(self.chunk.len() as u64);
            self.used = 0;
        }
        let rest = self.chunk.get(self.used..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.used = self.used.saturating_add(length);
        Ok(length)
    }
}

/// Hands every file of `unit`, or the error of reading it, to `take`, in order. False as soon as `take` returns false.
pub(super) fn each(
    fs: &Fs,
    library: &dyn Library,
    unit: &Unit,
    filter: &Filter,
    take: &mut dyn FnMut(Result<SearchedFile<'_>>) -> bool,
) -> bool {
    let stem = fs.path(unit.thread);
    let name = stem.rsplit('/').next().unwrap_or_default();
    let stem = encode_path_segment(name.strip_suffix(crate::layout::PAGE).unwrap_or(name));
    let mut files = unit.files.iter().copied().peekable();
    // Pages that were rendered together and come next, in order.
    let mut rendered: std::vec::IntoIter<Picked> = Vec::new().into_iter();
    while let Some(&ino) = files.peek() {
        let path = fs.path(ino);
        let goes_on = if fs.page(ino).is_none() {
            let copied = Copied { fs, ino, offset: 0, chunk: Vec::new(), used: 0 };
            take(Ok(SearchedFile { path: &path, bytes: Bytes::Copied(copied) }))
        } else if let Some(page) = rendered.next() {
            take(Ok(SearchedFile { path: &path, bytes: Bytes::Page(&page.bytes, page.lines.as_deref()) }))
        } else {
            match together(fs, library, filter, unit.head, files.clone(), &stem) {
                Ok(pages) if !pages.is_empty() => {
                    rendered = pages.into_iter();
                    continue;
                }
                Ok(_) => true,
                Err(error) => take(Err(of_file(fs, ino, error))),
            }
        };
        if !goes_on {
            return false;
        }
        files.next();
    }
    true
}

/// A page and its lines to search.
struct Picked {
    bytes: Vec<u8>,
    lines: Option<Vec<Range<usize>>>,
}

/// As many of the first pages among `files` as may be in memory together.
fn together(
    fs: &Fs,
    library: &dyn Library,
    filter: &Filter,
    head: usize,
    files: impl Iterator<Item = Ino>,
    stem: &str,
) -> Result<Vec<Picked>> {
    let mut bytes = 0_u64;
    let pages: Vec<Page> = files
        .filter_map(|ino| fs.page(ino).map(|(_, page)| (page, fs.attr(ino).map_or(0, |attr| attr.size))))
        .enumerate()
        .take_while(|(at, (_, size))| {
            bytes = bytes.saturating_add(*size);
            *at == 0 || bytes <= TOGETHER_BYTES
        })
        .map(|(_, (page, _))| page)
        .collect();
    if !filter.picks_lines() {
        let pages = library.pages(head, &pages, stem)?;
        return Ok(pages.into_iter().map(|bytes| Picked { bytes, lines: None }).collect());
    }
    let picked =
        library.attributed(head, &pages, stem)?.into_iter().zip(&pages).map(|(found, page)| Picked {
            lines: match page {
                Page::Canvas(_) => None,
                Page::Thread | Page::Branch(_) | Page::Prompts => {
                    Some(filter.lines(&found.page, &found.sections))
                }
            },
            bytes: found.page,
        });
    Ok(picked.collect())
}

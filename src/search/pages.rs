//! The bytes of a conversation's files, reading the conversation as few times as memory allows.

use super::{Filter, Unit, of_file};
use crate::catalog::Page;
use crate::error::Result;
use crate::fs::{Fs, Ino, Library};
use crate::render::Attributed;
use std::io;
use std::ops::Range;

/// Bytes of one conversation's pages in memory at a time, unless a single page is larger.
const TOGETHER_BYTES: u64 = 8 << 20;

/// Bytes of a file read from the archive at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A file to examine.
#[derive(Debug)]
pub(crate) struct SearchedFile<'a> {
    /// Its path from the root of the tree, without a leading slash.
    pub path: &'a str,
    /// Its content.
    pub bytes: Bytes<'a>,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Bytes<'a> {
    /// A whole page and the lines of it to search: ranges of whole lines, ascending, without overlaps. `None` for all.
    Page(&'a [u8], Option<&'a [Range<usize>]>),
    /// A page of this many bytes in which no line matches.
    Sifted(u64),
    /// A file of the archive, read as far as needed.
    Copied(Copied<'a>),
}

/// Reads a file of the archive from its beginning.
#[derive(Debug)]
pub(crate) struct Copied<'a> {
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
        let length = self.chunk.get(self.used..).unwrap_or_default().read(buffer)?;
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
    let mut files = unit.files.iter().copied().peekable();
    // Pages that were rendered together and come next, in order.
    let mut rendered = Vec::new().into_iter();
    while let Some(&ino) = files.peek() {
        let path = fs.path(ino);
        let goes_on = if fs.page(ino).is_none() {
            let copied = Copied { fs, ino, offset: 0, chunk: Vec::new(), used: 0 };
            take(Ok(SearchedFile { path: &path, bytes: Bytes::Copied(copied) }))
        } else if unit.is_sifted {
            let size = fs.attr(ino).map_or(0, |attr| attr.size);
            take(Ok(SearchedFile { path: &path, bytes: Bytes::Sifted(size) }))
        } else {
            match rendered.next() {
                Some(Ok(SearchedPage { bytes, lines })) => {
                    take(Ok(SearchedFile { path: &path, bytes: Bytes::Page(&bytes, lines.as_deref()) }))
                }
                Some(Err(error)) => take(Err(of_file(fs, ino, error))),
                None => {
                    rendered = together(fs, library, filter, unit.head, files.clone()).into_iter();
                    if rendered.len() > 0 {
                        continue;
                    }
                    true
                }
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
struct SearchedPage {
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
) -> Vec<Result<SearchedPage>> {
    let pages = files.filter_map(|ino| Some((ino, fs.page(ino)?.1)));
    let pages = fs.fitting(pages, TOGETHER_BYTES);
    if !filter.picks_lines() {
        let rendered = fs.rendered(head, &pages, |pages, stem| library.pages(head, pages, stem));
        let whole = |bytes| SearchedPage { bytes, lines: None };
        return rendered.into_iter().map(|(_, page)| page.map(whole)).collect();
    }
    let rendered = fs.rendered(head, &pages, |pages, stem| library.attributed(head, pages, stem));
    let picked = |((_, found), (_, page)): ((Ino, Result<Attributed>), &(Ino, Page))| {
        found.map(|Attributed { page: bytes, sections }| SearchedPage {
            lines: match page {
                Page::Canvas(_) => None,
                Page::Thread | Page::Branch(_) | Page::Prompts => Some(filter.lines(&bytes, &sections)),
            },
            bytes,
        })
    };
    rendered.into_iter().zip(&pages).map(picked).collect()
}

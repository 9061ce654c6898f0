//! Which pages of a conversation are rendered together, and when: it is read once for as many as memory allows.
//!
//! Readers of single pages get them from the cache, which is filled with the others of the same conversation; readers of
//! everything bypass it.

use super::cache::{Delivery, Ticket};
use super::{Fs, Ino, Rendered, beyond, no_such_file};
use crate::catalog::Page;
use crate::error::{Error, ErrorKind, Result};
use std::sync::mpsc;

/// Bytes of pages that [`Fs::each_page`] renders per reading of a conversation. Bounds memory for conversations with
/// many large branches.
const BATCH_BYTES: u64 = 8 << 20;

impl Fs {
    /// The whole rendered page `ino`. Blocks while this or another thread renders it.
    ///
    /// # Errors
    /// As for [`read`](Self::read); `Unexpected` for a file that is not rendered.
    pub(crate) fn contents(&self, ino: Ino) -> Result<Rendered> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // Nobody is left to receive it if this thread panics while rendering.
        if let Some(ticket) = self.request(ino, Box::new(move |page| drop(sender.send(page)))) {
            self.render(ticket);
        }
        receiver.recv().unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "rendering was abandoned")))
    }

    /// Delivers the rendered page `ino`: immediately if it is in the cache, else once its conversation has been
    /// rendered. A caller that gets a ticket must [`render`](Self::render) it; otherwise another thread is doing so.
    /// Never blocks.
    pub(crate) fn request(&self, ino: Ino, deliver: Delivery) -> Option<Ticket> {
        self.cache.request(self.group(ino), ino, deliver)
    }

    /// A ticket to [`render`](Self::render) the conversation of `ino` ahead of time; `None` if the page is in the cache
    /// or another thread has the ticket. Never blocks.
    pub(crate) fn claim(&self, ino: Ino) -> Option<Ticket> {
        if self.cache.contains(ino) { None } else { self.cache.claim(self.group(ino)) }
    }

    /// Renders the requested pages of `ticket`'s conversation, and as many others as fit into a quarter of the cache,
    /// while reading the conversation once, and answers all requests that wait for them. Blocks meanwhile.
    ///
    /// If the pages don't all fit, or fail, the conversation is read again for pages requested in the meantime.
    pub(crate) fn render(&self, ticket: Ticket) {
        let mut ticket = ticket;
        loop {
            let (wanted, batch) = self.batch(&mut ticket);
            let mut pages = self.render_batch(&batch);
            let out_of_memory = |(_, page): &(Ino, Result<Rendered>)| {
                page.as_ref().is_err_and(|error| error.kind() == ErrorKind::OutOfMemory)
            };
            // Failing to render a page that nobody requested must not fail a requested one.
            if wanted > 0 && batch.len() > wanted && pages.iter().any(out_of_memory) {
                pages = self.render_batch(batch.get(..wanted).unwrap_or_default());
            }
            ticket.deliver(pages, self.json_bytes(ticket.group()));
            match ticket.finish() {
                Some(again) => ticket = again,
                None => return,
            }
        }
    }

    /// The inodes to render for `ticket`, requested ones first, and how many were requested.
    fn batch(&self, ticket: &mut Ticket) -> (usize, Vec<Ino>) {
        let size = |ino: &Ino| self.table.inode(*ino).map_or(0, |node| node.size);
        let most = self.cache.bound() / 4;
        let mut bytes = 0_u64;
        let mut fits = |ino: &Ino| {
            let with_it = bytes.saturating_add(size(ino));
            let fits = with_it <= most;
            bytes = if fits { with_it } else { bytes };
            fits
        };
        let mut batch = ticket.wanted();
        // The first is rendered regardless of its size.
        let wanted = batch.iter().take_while(|ino| fits(ino)).count().max(batch.len().min(1));
        batch.truncate(wanted);
        let Some((head, _)) = self.page(ticket.group()) else { return (wanted, batch) };
        let pages = self.pages_of(head);
        // The pages after the requested one are the most likely to be read next.
        let first =
            batch.first().and_then(|first| pages.iter().position(|(ino, _)| ino == first)).unwrap_or(0);
        let (before, after) = pages.split_at(first);
        let rest = after.iter().chain(before).map(|(ino, _)| *ino);
        let missing = rest.filter(|ino| !batch.contains(ino) && !self.cache.contains(*ino));
        let rest: Vec<Ino> = missing.filter(|ino| fits(ino)).collect();
        batch.extend(rest);
        (wanted, batch)
    }

    /// Renders `batch`: pages of one conversation, or a single other inode.
    fn render_batch(&self, batch: &[Ino]) -> Vec<(Ino, Result<Rendered>)> {
        let Some((head, _)) = batch.first().and_then(|&ino| self.page(ino)) else {
            return batch.iter().map(|&ino| (ino, self.render_other(ino))).collect();
        };
        let pages: Vec<_> = batch.iter().filter_map(|&ino| Some((ino, self.page(ino)?.1))).collect();
        let rendered = self.rendered(head, &pages, |pages, stem| self.library.pages(head, pages, stem));
        rendered.into_iter().map(|(ino, bytes)| (ino, bytes.map(compact))).collect()
    }

    /// Renders `pages` of the conversation at position `head` of the catalog, reading it once: calls `render` with them
    /// and with the conversation's stem, checks the size of each page, and repeats an error for each. Waits while other
    /// conversations take too much memory.
    pub(crate) fn rendered<T: AsRef<[u8]>>(
        &self,
        head: usize,
        pages: &[(Ino, Page)],
        render: impl FnOnce(&[Page], &str) -> Result<Vec<T>>,
    ) -> Vec<(Ino, Result<T>)> {
        let wanted: Vec<Page> = pages.iter().map(|(_, page)| *page).collect();
        let stem = self.table.stem(head).ok_or_else(no_such_file);
        match stem.and_then(|stem| self.within_budget(head, || render(&wanted, &stem))) {
            Ok(rendered) => {
                let checked = |(&(ino, _), page): (&(Ino, Page), T)| {
                    let size = self.inode(ino).map(|node| node.size);
                    (ino, size.and_then(|size| check_size(ino, size, page.as_ref())).map(|()| page))
                };
                pages.iter().zip(rendered).map(checked).collect()
            }
            Err(error) => {
                let again = |&(ino, _): &(Ino, Page)| (ino, Err(Error::new(error.kind(), error.to_string())));
                pages.iter().map(again).collect()
            }
        }
    }

    /// The first of `pages` that have at most `limit` bytes together, but at least one. However large that is, there is
    /// room for a few small ones, because the next reading of such a conversation would be long.
    pub(crate) fn fitting(&self, pages: impl Iterator<Item = (Ino, Page)>, limit: u64) -> Vec<(Ino, Page)> {
        let mut bytes = 0_u64;
        let fits = |(at, (ino, _)): &(usize, (Ino, Page))| {
            let size = self.table.inode(*ino).map_or(0, |node| node.size);
            bytes = bytes.saturating_add(if *at == 0 { size.min(limit / 4 * 3) } else { size });
            bytes <= limit
        };
        pages.enumerate().take_while(fits).map(|(_, page)| page).collect()
    }

    /// Renders a file that is not a page of a conversation.
    fn render_other(&self, ino: Ino) -> Result<Rendered> {
        let Some(number) = beyond(ino) else {
            self.origin(ino)?;
            return Err(Error::new(ErrorKind::Unexpected, "not a rendered file"));
        };
        let bytes = self.beyond_rendered(number)?;
        check_size(ino, self.attr(ino)?.size, &bytes)?;
        Ok(compact(bytes))
    }

    /// The inode that names the group of pages rendered together with `ino`.
    fn group(&self, ino: Ino) -> Ino {
        self.page(ino).and_then(|(head, _)| self.table.thread(head)).unwrap_or(ino)
    }

    /// Renders all pages of the conversation at position `head` of the catalog and hands them to `take` in listing order:
    /// the visible thread, canvas documents, branches.
    ///
    /// For readers of the whole export, such as `export`, which walk the positions `0..catalog().heads.len()` in archive
    /// order. Reads the conversation once, or once per 8 MiB of pages if it has more. Bypasses the cache. Any number of
    /// threads may call it for different conversations; memory limits how many are rendered at a time. Blocks meanwhile.
    ///
    /// A page that can't be rendered is handed over as its error: those of [`Library`], or `Unexpected` if it isn't as
    /// long as it was measured. A position past the end has no pages.
    pub(crate) fn each_page(&self, head: usize, take: &mut dyn FnMut(Ino, Result<Vec<u8>>)) {
        let pages = self.pages_of(head);
        let mut rest = pages.as_slice();
        while !rest.is_empty() {
            let batch = self.fitting(rest.iter().copied(), BATCH_BYTES);
            rest = rest.get(batch.len()..).unwrap_or_default();
            let rendered = self.rendered(head, &batch, |pages, stem| self.library.pages(head, pages, stem));
            for (ino, page) in rendered {
                take(ino, page);
            }
        }
    }

    /// The pages of the conversation at position `head` of the catalog, in listing order.
    fn pages_of(&self, head: usize) -> Vec<(Ino, Page)> {
        let mut pages = Vec::new();
        let mut at = self.table.thread(head);
        while let Some((ino, (of, page))) = at.and_then(|ino| Some((ino, self.page(ino)?))) {
            if of != head {
                break;
            }
            pages.push((ino, page));
            at = self.table.next_page(ino);
        }
        pages
    }
}

/// Refuses a page that isn't as long as it was measured. Programs trust the size: bytes past it would be cut off, and
/// missing ones would be missed.
fn check_size(ino: Ino, size: u64, bytes: &[u8]) -> Result<()> {
    if bytes.len() as u64 == size {
        return Ok(());
    }
    let message = format!("inode {}: rendered {} bytes, measured {}", ino.0, bytes.len(), size);
    Err(Error::new(ErrorKind::Unexpected, message))
}

/// A page in the form that the cache keeps.
fn compact(mut bytes: Vec<u8>) -> Rendered {
    // Spare capacity would stay in the cache as long as the page.
    bytes.shrink_to_fit();
    Rendered::new(bytes)
}

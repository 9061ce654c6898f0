//! A library in memory for tests: pages that say what they are, entries of any length, failures on demand.

use super::{CACHE_BYTES, Fs, Ino, Library, Rendered};
use crate::catalog::{
    Asset, AssetContent, BranchPage, Catalog, EntryRef, Head, Measure, Orphan, Page, Problem,
};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::sync::{lock, wait};
use crate::time::Zone;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// 2025-03-04T05:06:07Z.
pub(crate) const MARCH: f64 = 1_741_064_767.0;

/// Serves a catalog. A page names its conversation's id, itself, and its stem twice.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) catalog: Catalog,
    /// Number of pages rendered.
    pub(crate) rendered: AtomicUsize,
    /// The conversations that were read, in order, by position in the catalog.
    pub(crate) readings: Mutex<Vec<usize>>,
    /// The conversations that can't be read until [`Fake::open_gate`] is called.
    pub(crate) gated: HashSet<usize>,
    pub(crate) gate: (Mutex<bool>, Condvar),
    /// Called whenever a conversation is read.
    pub(crate) hook: Option<Hook>,
    /// The conversation that panics when it is read.
    pub(crate) panicking: Option<usize>,
    /// How often the caches were dropped.
    pub(crate) released: AtomicUsize,
    /// While true, pages and entries fail.
    pub(crate) broken: AtomicBool,
    /// The conversation whose pages are rendered one byte too long.
    pub(crate) lying: Option<usize>,
    /// Maximum number of bytes that one call of `read` returns; 0 for no limit.
    pub(crate) short_reads: usize,
}

impl Fs {
    /// The whole rendered page `ino` if it is in the cache. Never blocks.
    pub(crate) fn cached(&self, ino: Ino) -> Option<Rendered> {
        self.cache.get(ino)
    }
}

/// Receives the library and the position of the conversation being read.
pub(crate) type Hook = Box<dyn Fn(&Fake, usize) + Send + Sync>;

/// A conversation with only a title and a creation time, and the page that [`Fake`] serves for it.
pub(crate) fn head(id: &str, title: &str, created: f64) -> Head {
    Head {
        page: measure(id, Page::Thread),
        prompts: measure(id, Page::Prompts),
        ..Head::bare(id, title, created)
    }
}

/// `head` with a page padded to `bytes` bytes, and the same amount of JSON.
pub(crate) fn sized(mut head: Head, bytes: u64) -> Head {
    head.page = Measure { bytes, stems: 0 };
    head.location.end = head.location.start + bytes;
    head
}

/// `head` with branches of these numbers, a file of `bytes` bytes, and a canvas document.
pub(crate) fn rich(mut head: Head, branches: &[u32], bytes: u64) -> Head {
    let entry = EntryRef { archive: 0, entry: 7 };
    let canvas = page(&head.id, Page::Canvas(1), "").len() as u64;
    head.branches = branches
        .iter()
        .map(|&number| BranchPage { number, measure: measure(&head.id, Page::Branch(number)) })
        .collect();
    head.assets = vec![
        Asset { name: "map.png".into(), content: AssetContent::Entry(entry), bytes },
        Asset { name: "plan.md".into(), content: AssetContent::Canvas(1), bytes: canvas },
    ];
    head
}

/// Three months, an undated conversation, files, branches, an orphan and a problem.
pub(crate) fn catalog() -> Catalog {
    Catalog {
        heads: vec![
            rich(head("6c74a896-1", "Trip", MARCH), &[2, 3], 5000),
            head("bbbbbbbb-1", "Later", MARCH + 4e6),
            head("cccccccc-1", "Early", MARCH - 3e7),
            head("dddddddd-1", "New chat", MARCH + 60.0),
            head("eeeeeeee-1", "new chat", MARCH + 30.0),
            head("ffffffff-1", "No time", f64::NAN),
        ],
        orphans: vec![Orphan { name: "x.bin".into(), entry: EntryRef { archive: 0, entry: 9 } }],
        problems: vec![Problem::new("conversation \u{1b}[2J", "no\nsense")],
    }
}

impl Fake {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self { catalog, ..Self::default() }
    }

    /// The file system over this library, and the library itself.
    pub(crate) fn mount(self) -> (Arc<Self>, Fs) {
        let layout = Layout::new(&self.catalog, &Zone::utc());
        let library = Arc::new(self);
        (Arc::clone(&library), Fs::new(library, layout, CACHE_BYTES))
    }

    /// Lets gated conversations be read.
    pub(crate) fn open_gate(&self) {
        *lock(&self.gate.0) = true;
        self.gate.1.notify_all();
    }

    /// Records that a conversation is read, and waits until it may continue.
    fn begin_reading(&self, head: usize) {
        lock(&self.readings).push(head);
        if let Some(hook) = &self.hook {
            hook(self, head);
        }
        assert!(self.panicking != Some(head), "a deliberate bug");
        if self.gated.contains(&head) {
            let mut open = lock(&self.gate.0);
            while !*open {
                open = wait(&self.gate.1, open);
            }
        }
    }

    fn fail(&self) -> Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Damaged, "export.zip: changed while in use"));
        }
        Ok(())
    }
}

/// The bytes of a page. Canvas documents don't contain their stem.
pub(crate) fn page(id: &str, page: Page, stem: &str) -> String {
    match page {
        Page::Canvas(file) => format!("canvas {file} of {id}\n"),
        page => format!("{page:?} of {id}: {stem}, {stem}\n"),
    }
}

fn measure(id: &str, of: Page) -> Measure {
    Measure { bytes: page(id, of, "").len() as u64, stems: 2 }
}

/// The byte at `offset` of every entry.
pub(crate) fn byte(offset: u64) -> u8 {
    (offset % 251) as u8
}

impl Library for Fake {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn address(&self, head: usize) -> Option<String> {
        (head == 0).then(|| "https://example.org/c/0".to_owned())
    }

    fn page(&self, head: usize, of: Page, stem: &str) -> Result<Vec<u8>> {
        Ok(self.pages(head, &[of], stem)?.pop().unwrap())
    }

    fn pages(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Vec<u8>>> {
        self.begin_reading(head);
        self.fail()?;
        self.rendered.fetch_add(pages.len(), Ordering::SeqCst);
        let longer = if self.lying == Some(head) { "!" } else { "" };
        let rendered = pages.iter().map(|&of| {
            let mut bytes = (page(&self.catalog.heads[head].id, of, stem) + longer).into_bytes();
            if let (Page::Thread, Measure { bytes: size, stems: 0 }) = (of, self.catalog.heads[head].page) {
                bytes.resize(usize::try_from(size).unwrap(), b'x');
            }
            bytes
        });
        Ok(rendered.collect())
    }

    fn archive_file(&self, entry: EntryRef) -> Option<(&str, u64)> {
        Some(("x.bin", if entry.entry == 7 { 5000 } else { 600 }))
    }

    fn release(&self) {
        self.released.fetch_add(1, Ordering::SeqCst);
    }

    fn read(&self, entry: EntryRef, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.fail()?;
        let end = self.archive_file(entry).map_or(0, |(_, size)| size);
        let most = if self.short_reads == 0 { buffer.len() } else { self.short_reads.min(buffer.len()) };
        let there = most.min(usize::try_from(end - offset.min(end)).unwrap());
        for (place, at) in buffer[..there].iter_mut().zip(offset..) {
            *place = byte(at);
        }
        Ok(there)
    }
}

//! The indexing pass: reads every entry with conversations once, and learns everything about them.
//!
//! Each entry is inflated once. The output is split into conversations, and each is parsed and measured by the
//! same renderer that will serve it. With several entries, each core takes one; with a single entry, one thread
//! inflates while another measures. Memory depends on the largest conversation, never on the size of the export.

mod files;
mod loaded;
mod measure;
mod pass;
mod saved;
mod saving;
#[cfg(test)]
mod tests;

use crate::archive::{self, Archive};
use crate::bug;
use crate::bytes::Fnv;
use crate::catalog::{
    AssetContent, Catalog, Condition, EntryRef, FindPage, Head, Measure, OwnerDocument, Page, Problem,
};
use crate::conversation::Conversation;
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::Assets;
use crate::format::scan::{Body, ELEMENT_LIMIT, Element, Scanner};
use crate::format::{self, Detail, Format, html};
use crate::fs::Library;
use crate::progress::Progress;
use crate::render::{self, Attributed, Document, Observer, SpeechSection};
use crate::source::{Export, Shape, Shard};
use crate::sync::lock;
use crate::sys;
use crate::text::grouped;
use crate::time::Zone;
use files::FoundAssets;
pub(crate) use saved::IndexCache;
use saved::{IndexKey, SavedPoints};
use saving::Saving;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::{Arc, Mutex, OnceLock};

/// Largest conversation, in bytes of JSON, that is read unpruned. Larger or unsound ones are pruned first,
/// exactly as they were when measured, which costs another scan but less memory.
const SMALL_BYTES: u64 = 4 << 20;

/// Maximum number of problems listed.
const MAX_PROBLEMS: usize = 100_000;

/// Options for indexing.
#[derive(Clone, Debug)]
pub(crate) struct IndexOptions {
    /// How pages are rendered, and therefore measured.
    pub render: render::Options,
    /// Number of threads that inflate and measure; at least 1.
    pub jobs: usize,
    /// Largest conversation that is shown, in bytes of JSON.
    pub max_conversation: usize,
}

impl IndexOptions {
    /// How much of a conversation must be parsed to render it.
    fn detail(&self) -> Detail {
        if self.render.all { Detail::All } else { Detail::Shown }
    }

    /// The defaults: one thread per core, conversations up to 256 MiB.
    pub(crate) fn new(render: render::Options) -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { render, jobs, max_conversation: 256 << 20 }
    }
}

/// An export with everything known about it. Pages are rendered on demand.
pub(crate) struct Index {
    export: Arc<Export>,
    catalog: Catalog,
    /// The files of the export, determined when the first page needs them.
    assets: OnceLock<Assets>,
    /// Checkpoints still on disk, if the index was loaded and no page has needed them yet.
    saved: Option<Mutex<Option<SavedPoints>>>,
    /// The shape and the format of each entry with conversations.
    shards: HashMap<EntryRef, (Shape, &'static dyn Format)>,
    /// True if another attempt may find more, so that this index shouldn't be saved.
    is_provisional: bool,
    saving: Saving,
    options: IndexOptions,
}

/// Appended to the pages of a conversation whose entry is damaged.
const UNVERIFIED: &str =
    "\n*The file that holds this conversation is damaged: text may be wrong or missing.*\n";

impl Index {
    /// Reads `export` once. Linear in its inflated conversations.
    ///
    /// # Errors
    /// `NotAnExport` if there are no conversations, with the reason; `Damaged` if everything that could hold one
    /// is damaged; `Limit`.
    pub(crate) fn build(
        export: Export,
        options: &IndexOptions,
        observer: Option<&dyn Observer>,
        progress: &Progress,
    ) -> Result<Self> {
        let export = Arc::new(export);
        let FoundAssets { assets, problems, failure } = files::assets(&export);
        let found = pass::run(&export, &assets, options, observer, progress)?;
        let formats = export.shards.iter().filter_map(|shard| found.formats.get(&shard.entry));
        let describes_owner = |name: &str| formats.clone().any(|format| format.describes_owner(name));
        let (unread, also_failure) = files::side_problems(&export, &describes_owner);
        let problems = found.problems.into_iter().chain(export.problems.iter().cloned()).chain(problems);
        let problems = problems.chain(unread);
        let problems = bounded(problems);
        let mut catalog = Catalog { heads: found.heads, orphans: Vec::new(), problems };
        for head in catalog.heads.iter_mut().filter(|head| head.condition == Condition::Unverified) {
            let pages = head.branches.iter_mut().map(|branch| &mut branch.measure);
            pages
                .chain([&mut head.page, &mut head.prompts])
                .for_each(|page| page.bytes += UNVERIFIED.len() as u64);
        }
        let used: HashSet<EntryRef> =
            catalog.heads.iter().flat_map(|head| &head.assets).filter_map(entry).collect();
        catalog.orphans = assets.orphans(&used);
        let assets = OnceLock::from(assets);
        let format = |shard: &Shard| Some((shard.entry, (shard.shape, *found.formats.get(&shard.entry)?)));
        let shards = export.shards.iter().filter_map(format).collect();
        let is_provisional = found.is_provisional || failure.or(also_failure).is_some();
        Ok(Self {
            export,
            catalog,
            assets,
            saved: None,
            shards,
            is_provisional,
            saving: Saving::known("none"),
            options: options.clone(),
        })
    }

    /// The index of `export`: the one saved by an earlier process for exactly this export and these options, or
    /// else a newly [built](Self::build) one, which `observer` sees. Any doubt about a saved index is a miss.
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub(crate) fn find_or_build(
        export: Export,
        options: &IndexOptions,
        cache: Option<&IndexCache>,
        observer: Option<&dyn Observer>,
        progress: &Progress,
    ) -> Result<Self> {
        let loaded = cache.and_then(|cache| cache.load(&key(&export, options)));
        let Some((loaded, shards)) = loaded.and_then(|loaded| {
            let shards = formats(&export, &loaded.formats)?;
            loaded::is_sound(&loaded.catalog, &export, &shards).then_some((loaded, shards))
        }) else {
            let saving = if cache.is_some() { Saving::default() } else { Saving::known("none") };
            return Ok(Self { saving, ..Self::build(export, options, observer, progress)? });
        };
        Ok(Self {
            export: Arc::new(export),
            catalog: loaded.catalog,
            assets: OnceLock::new(),
            saved: Some(Mutex::new(Some(loaded.points))),
            shards,
            is_provisional: false,
            saving: Saving::known(cache.map_or_else(String::new, saved_in)),
            options: options.clone(),
        })
    }

    /// True if this index came from an earlier process.
    pub(crate) fn is_saved(&self) -> bool {
        self.saved.is_some()
    }

    /// Saves this index for the next process, unless it was loaded, or built while resources were short. The status says
    /// what came of it.
    ///
    /// # Errors
    /// `Environment` if it can't be written; nothing depends on it.
    pub(crate) fn save(&self, cache: &IndexCache) -> Result<()> {
        if self.saved.is_some() {
            return Ok(());
        }
        if self.is_provisional {
            self.leave_unsaved(&"not all of the export could be read this time");
            return Ok(());
        }
        let written = self.write_to(cache);
        match &written {
            Ok(()) => self.saving.finish(saved_in(cache)),
            Err(error) => self.leave_unsaved(error),
        }
        written
    }

    /// Lets the status say why this index was not saved.
    pub(crate) fn leave_unsaved(&self, why: &dyn Display) {
        self.saving.finish(format!("none; {why}"));
    }

    /// Whether this index is saved, and where, or why not. Waits for it if it is to be saved.
    pub(crate) fn saving(&self) -> &str {
        self.saving.outcome()
    }

    fn write_to(&self, cache: &IndexCache) -> Result<()> {
        let points = self.export.shards.iter().filter_map(|shard| {
            let points = self.archive(shard.entry).ok()?.checkpoints(shard.entry.entry)?;
            Some((shard.entry, points))
        });
        let points: Vec<_> = points.collect();
        let points: Vec<_> = points.iter().map(|(entry, points)| (*entry, &**points)).collect();
        let name = |shard: &Shard| self.shards.get(&shard.entry).map(|(_, format)| format.name());
        let formats: Vec<_> = self.export.shards.iter().map(name).collect();
        cache.save(&key(&self.export, &self.options), &self.export.name, &formats, &self.catalog, &points)
    }

    /// Installs the checkpoints of the earlier process. Reading also works without them, but is slower the first
    /// time.
    fn restore_points(&self) {
        let Some(saved) = &self.saved else { return };
        // Hold the lock until they are installed, because concurrent readers need them.
        let mut saved = lock(saved);
        for (entry, points) in saved.take().and_then(|saved| saved.load()).unwrap_or_default() {
            if let Ok(archive) = self.archive(entry) {
                archive.set_checkpoints(entry.entry, points);
            }
        }
    }

    /// What is wrong with the files that only their readers need, such as those of conversations. Reads them whole.
    pub(crate) fn damaged_files(&self, progress: &Progress) -> Vec<Problem> {
        let known: HashSet<&str> = self.catalog.problems.iter().map(|problem| &*problem.subject).collect();
        let damage = files::damage(&self.export, progress);
        bounded(damage.into_iter().filter(|problem| !known.contains(&*problem.subject)))
    }

    /// The indexed export.
    pub(crate) fn export(&self) -> &Export {
        &self.export
    }

    /// The assets that the index was built with.
    ///
    /// # Errors
    /// If they have to be found again, and something they depend on can't be read now.
    fn assets(&self) -> Result<&Assets> {
        if let Some(assets) = self.assets.get() {
            return Ok(assets);
        }
        let found = files::assets(&self.export);
        found.failure.map_or(Ok(()), Err)?;
        Ok(self.assets.get_or_init(|| found.assets))
    }

    /// Writes a page to memory, which can't fail.
    fn write(&self, document: &Document<'_>, page: Page, text: &mut String) {
        let _ = document.render(page, &self.options.render, text);
    }

    fn archive(&self, entry: EntryRef) -> Result<&Archive> {
        let archive = self.export.archive(entry);
        archive.ok_or_else(|| Error::new(ErrorKind::Unexpected, "no such archive"))
    }

    fn head(&self, head: usize) -> Result<&Head> {
        self.catalog.heads.get(head).ok_or_else(|| Error::new(ErrorKind::NotFound, "no such conversation"))
    }

    /// The JSON of one conversation, as in the export.
    fn json(&self, head: &Head) -> Result<Vec<u8>> {
        let location = head.location;
        self.restore_points();
        let mut json = Vec::new();
        let archive = self.archive(location.entry)?;
        archive.read_range(location.entry.entry, location.start, location.end, &mut json)?;
        if self.shape(location.entry) == Some(Shape::Html) && html::is_encoded(&json) {
            json = html::decode_entities(&json);
        }
        Ok(json)
    }
}

impl Index {
    /// The JSON of one conversation without the parts that no renderer reads, exactly as when it was measured.
    fn pruned(&self, head: &Head) -> Result<Vec<u8>> {
        let location = head.location;
        let bytes = usize::try_from(location.end.saturating_sub(location.start)).unwrap_or(usize::MAX);
        let mut scanner = Scanner::new(ELEMENT_LIMIT.max(bytes));
        let mut kept = None;
        let mut take = |element: Element<'_>| {
            if let Body::Whole(body) = element.body {
                kept = Some(body.into_owned(Vec::new()));
            }
        };
        scanner.feed(b"[", &mut take);
        if self.shape(location.entry) == Some(Shape::Html) {
            scanner.feed(&self.json(head)?, &mut take);
        } else {
            self.restore_points();
            let archive = self.archive(location.entry)?;
            archive.stream_range(location.entry.entry, location.start, location.end, &mut |chunk| {
                scanner.feed(chunk, &mut take);
            })?;
        }
        // Emits an element that the stream breaks off in, or a bare word.
        scanner.finish(&mut take);
        kept.ok_or_else(no_memory)
    }

    /// Reads the conversation `head` once, and hands it to `take` ready to be rendered.
    fn with_document(&self, head: &Head, take: &mut dyn FnMut(&Document<'_>)) -> Result<()> {
        let limit = self.options.max_conversation;
        let assets = self.assets()?;
        let export = self.export.name_among_several(head.location.entry);
        let mut take = |mut conversation: Conversation<'_>| {
            conversation.export = export.map(|name| name.to_owned().into());
            take(&Document::new(&conversation, assets));
        };
        let bytes = head.location.end.saturating_sub(head.location.start);
        if matches!(head.condition, Condition::Unread | Condition::Bug) || bytes > limit as u64 {
            take(measure::placeholder(head, limit));
            return Ok(());
        }
        let missing = || Error::new(ErrorKind::Unexpected, "a conversation in an entry that has none");
        let (_, format) = self.shards.get(&head.location.entry).ok_or_else(missing)?;
        let detail = self.options.detail();
        let mut take = |mut conversation: Conversation<'_>, _| {
            assets.attach(&mut conversation);
            take(conversation);
        };
        let is_small = bytes <= SMALL_BYTES;
        if is_small {
            let json = self.json(head)?;
            #[cfg(test)]
            tests::bugs::while_rendering(&json);
            if format.read_sound(&json, detail, &mut take) {
                return Ok(());
            }
        }
        let json = self.pruned(head)?;
        if !has_memory_for(json.len()) {
            return Err(no_memory());
        }
        format.read(&json, detail, &mut take);
        Ok(())
    }

    /// The texts of these pages.
    fn rendered(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Vec<u8>>> {
        let head = self.head(head)?;
        let mut texts: Vec<_> =
            pages.iter().map(|&page| text_of(head.measure(page))).collect::<Result<_>>()?;
        self.with_document(head, &mut |document| {
            for (&page, text) in pages.iter().zip(&mut texts) {
                self.write(document, page, text);
            }
        })?;
        let finished = |(mut text, page): (String, &Page)| {
            if head.condition == Condition::Unverified && !matches!(page, Page::Canvas(_)) {
                text.push_str(UNVERIFIED);
            }
            render::with_stem(text, stem)
        };
        Ok(texts.into_iter().zip(pages).map(finished).collect())
    }

    /// The same, with what says who speaks where.
    fn rendered_with_speakers(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Attributed>> {
        let head = self.head(head)?;
        let texts: Vec<_> = pages.iter().map(|&page| text_of(head.measure(page))).collect::<Result<_>>()?;
        let (mut texts, mut attributed) = (texts.into_iter(), Vec::new());
        self.with_document(head, &mut |document| {
            for (&page, mut text) in pages.iter().zip(texts.by_ref()) {
                let mut sections = Vec::new();
                document.render_attributed(page, &self.options.render, &mut text, &mut sections);
                if head.condition == Condition::Unverified && !matches!(page, Page::Canvas(_)) {
                    sections.push(SpeechSection { start: text.len(), speech: None });
                    text.push_str(UNVERIFIED);
                }
                render::moved_by_stem(&text, stem, &mut sections);
                attributed.push(Attributed { page: render::with_stem(text, stem), sections });
            }
        })?;
        Ok(attributed)
    }

    /// The format of the first entry that has one.
    fn format(&self) -> &'static dyn Format {
        let mut formats = self.export.shards.iter().filter_map(|shard| self.shards.get(&shard.entry));
        formats.next().map_or(format::FORMATS[0], |(_, format)| *format)
    }

    fn shape(&self, entry: EntryRef) -> Option<Shape> {
        self.shards.get(&entry).map(|(shape, _)| *shape)
    }
}

impl Library for Index {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn page(&self, head: usize, page: Page, stem: &str) -> Result<Vec<u8>> {
        Ok(self.pages(head, &[page], stem)?.pop().unwrap_or_default())
    }

    fn pages(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Vec<u8>>> {
        caught(|| self.rendered(head, pages, stem))
    }

    fn attributed(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Attributed>> {
        caught(|| self.rendered_with_speakers(head, pages, stem))
    }

    fn address(&self, head: usize) -> Option<String> {
        let head = self.catalog.heads.get(head)?;
        let (_, format) = self.shards.get(&head.location.entry)?;
        let text = |value: &Option<Box<str>>| value.as_deref().map(|value| value.to_owned().into());
        format.assistant().address(&Conversation {
            id: (&*head.id).into(),
            gpt: text(&head.gpt),
            project: text(&head.project),
            ..Conversation::default()
        })
    }

    fn zone(&self) -> Zone {
        self.options.render.zone.clone()
    }

    fn archive_files(&self, take: &mut dyn FnMut(&str, EntryRef)) {
        files::all(&self.export, take);
    }

    fn archive_file(&self, entry: EntryRef) -> Option<(&str, u64)> {
        self.export.entry(entry).map(|entry| (entry.name, entry.size))
    }

    fn status(&self) -> Vec<(&'static str, String)> {
        vec![
            ("source", self.export.name.clone()),
            ("form", self.export.form.to_string()),
            ("saved index", self.saving().to_owned()),
        ]
    }

    fn read_json(&self, head: usize, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        let location = self.head(head)?.location;
        self.restore_points();
        let start = location.start.saturating_add(offset);
        let end = start.saturating_add(len as u64).min(location.end);
        self.archive(location.entry)?.read_range(location.entry.entry, start, end, into)
    }

    fn owner(&self, document: OwnerDocument, page: FindPage<'_>) -> Result<Vec<u8>> {
        let files = files::side(&self.export, &|name| self.format().describes_owner(name))?;
        caught(|| Ok(self.format().owner(document, &files, &self.options.render.zone, page).into_bytes()))
    }

    fn read(&self, entry: EntryRef, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.archive(entry)?.read_at(entry.entry, offset, buffer)
    }

    fn release(&self) {
        self.export.archives.iter().for_each(Archive::release);
    }

    fn limit_cache(&self, percent: usize) {
        self.export.archives.iter().for_each(|archive| archive.limit_to(percent));
        // What was freed is scattered: without this, it would stay with the process instead of being there for a large
        // conversation.
        if percent < 100 {
            sys::trim_memory();
        }
    }
}

/// Runs `work`. Its panic is an error of this call.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    bug::caught(work).unwrap_or_else(|bug| Err(bug.into_error()))
}

fn saved_in(cache: &IndexCache) -> String {
    format!("in {}", cache.dir().display())
}

/// An empty string with room for a measured page.
fn text_of(measure: Option<Measure>) -> Result<String> {
    let mut text = String::new();
    let bytes = measure.map_or(0, |measure| measure.size(render::STEM.len_utf8()));
    text.try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX)).map_err(|_| no_memory())?;
    Ok(text)
}

/// Memory that parsing and rendering take for each byte of JSON, on top of the JSON itself. Text full of markup has been
/// seen to take seven.
const RENDERING_BYTES: usize = 8;

/// True if an attempt to allocate the memory to parse and render this many bytes of JSON succeeds. Most allocations on the
/// way can't fail but by ending the process.
fn has_memory_for(json: usize) -> bool {
    let mut probe: Vec<u8> = Vec::new();
    let is_there = probe.try_reserve_exact(json.saturating_mul(RENDERING_BYTES)).is_ok();
    std::hint::black_box(&probe);
    is_there
}

fn no_memory() -> Error {
    Error::new(ErrorKind::OutOfMemory, "too little memory for this conversation")
}

/// The shape and format of each entry with conversations, given the names of the formats in the order of the shards.
/// `None` if they can't be those of `export`.
fn formats(
    export: &Export,
    names: &[Option<String>],
) -> Option<HashMap<EntryRef, (Shape, &'static dyn Format)>> {
    if names.len() != export.shards.len() {
        return None;
    }
    let formats = export.shards.iter().zip(names).filter_map(|(shard, name)| Some((shard, name.as_deref()?)));
    formats.map(|(shard, name)| Some((shard.entry, (shard.shape, format::named(name)?)))).collect()
}

/// The first problems, and the number of the others.
fn bounded(problems: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut problems = problems;
    let mut first: Vec<_> = problems.by_ref().take(MAX_PROBLEMS).collect();
    let more = problems.count();
    if more > 0 {
        first.push(Problem::new("export", format!("{} more problems", grouped(more as u64))));
    }
    first
}

/// Everything that an index of `export` with these options depends on.
fn key(export: &Export, options: &IndexOptions) -> IndexKey {
    let render = &options.render;
    let mut names: Vec<_> = render.names.iter().collect();
    names.sort();
    // Some are about files that belong to no archive. Where the folders around an export are said to be doesn't matter.
    let mut problems = Fnv::default();
    for problem in &export.problems {
        problems.write(archive::own_name(&problem.subject).as_bytes());
        problems.write(problem.reason.as_bytes());
    }
    let words = format!(
        "{} {:?} {:?} {:?} {} {} {} {names:?} {:?} {}",
        render.zone.name(),
        render.thinking,
        render.headings,
        render.math,
        render.times,
        render.all,
        options.max_conversation,
        &export.origins,
        problems.sum(),
    );
    IndexKey::new(export.archives.iter().map(|archive| archive.identity().clone()).collect(), words)
}

fn entry(asset: &crate::catalog::Asset) -> Option<EntryRef> {
    match asset.content {
        AssetContent::Entry(entry) => Some(entry),
        AssetContent::Canvas(_) => None,
    }
}

//! What places in an answer refer to: content references (2024 on) and citations (2023).

use super::link::{DistinctLinks, best_address, link, markdown, untracked};
use super::mark::{CLOSE as CLOSE_MARK, OPEN as OPEN_MARK};
use super::marks::{LEAD as MARK_LEAD, citation_marks, is_mark, unmarked};
use super::metadata::{
    Citation, CitationSource, Item, Metadata, PictureItem, RefId, Reference as RawReference, SearchGroups,
};
use crate::conversation::assistant::Sources;
use crate::conversation::tree::NodeId;
use crate::conversation::{FileRef, Link, Meaning, Prose, Reference, Text};
use crate::format::lenient::{Maybe, Obj};
use crate::format::pointer;
use crate::format::pull::Result;
use crate::markdown::most_growth;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

/// Opens each mark of the older form.
const OPENING: char = '【';

/// Adds the references and sources in the message's metadata to `prose`.
pub(super) fn add<'a>(prose: &mut Prose<'a>, metadata: &mut Metadata<'a>) -> Result<()> {
    let references = std::mem::take(&mut metadata.content_references.0);
    if references.is_empty() {
        if let Some(rare) = &mut metadata.rare {
            prose.references = citations(&prose.text, rare.citations.open()?.0);
            by_number(prose, rare.cite_metadata.open()?.0.list.0);
        }
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    let mut loose = Vec::new();
    let mut places = CodePoints::default();
    for Obj(mut reference) in references {
        let covered = covered(&prose.text, &reference, &mut places);
        if covered.is_none() && is_loose(&reference) {
            loose.extend(meaning(&mut reference)?);
        } else if reference.kind.as_str() == "sources_footnote" {
            let sources = reference.sources.0.into_iter().filter_map(|Obj(source)| footnote(source));
            prose.footnotes.extend(sources.filter(|source| seen.insert(source.url.clone())));
        } else if (covered.is_some() || reference.matched_text.filled().is_some())
            && let Some(meaning) = meaning(&mut reference)?
        {
            // A mark may say what a reference without its text does not.
            if covered.is_some() && matches!(meaning, Meaning::Nothing) {
                continue;
            }
            prose.references.push(Reference {
                start: position(reference.start_idx.whole()),
                end: position(reference.end_idx.whole()),
                matched: covered.unwrap_or_else(|| reference.matched_text.take()),
                meaning,
            });
        }
    }
    place(prose, loose);
    Ok(())
}

/// The mark of `text` at the place of a reference that does not quote it.
fn covered<'a>(text: &str, reference: &RawReference<'_>, places: &mut CodePoints) -> Option<Text<'a>> {
    /// Longer ones are not looked at, as any number of references may have one place.
    const LONGEST: u64 = 1024;
    if reference.matched_text.filled().is_some() {
        return None;
    }
    let (start, end) = (reference.start_idx.whole()?, reference.end_idx.whole()?);
    let length = end.checked_sub(start).filter(|length| (1..=LONGEST).contains(length))?;
    let rest = text.get(places.byte(text, start)?..)?;
    if !rest.starts_with(|c: char| c == OPENING || is_mark(c)) {
        return None;
    }
    Some(Text::Owned(rest.chars().take(usize::try_from(length).ok()?).collect()))
}

/// Where some code points of a text begin, once that is needed.
#[derive(Default)]
struct CodePoints(Vec<usize>);

impl CodePoints {
    /// The byte at which code point `point` of `text` begins.
    fn byte(&mut self, text: &str, point: u64) -> Option<usize> {
        const STEP: usize = 256;
        if self.0.is_empty() {
            self.0.extend(text.char_indices().step_by(STEP).map(|(at, _)| at));
        }
        let point = usize::try_from(point).ok()?;
        let start = *self.0.get(point / STEP)?;
        let (at, _) = text.get(start..)?.char_indices().nth(point % STEP)?;
        Some(start + at)
    }
}

/// True for pages without a position in the text, or with one that can't be right: what they quote is unknown. Pages with
/// an empty position, and those that quote a blank, only give addresses to ids.
fn is_loose(reference: &RawReference<'_>) -> bool {
    let is_page = matches!(reference.kind.as_str(), "webpage" | "webpage_extended" | "grouped_webpages");
    let has_place =
        reference.start_idx.0.is_some() && reference.start_idx.whole() >= reference.end_idx.whole();
    is_page && reference.matched_text.as_str().is_empty() && !has_place
}

/// Pairs pages without a position with the citation marks of the text, in order, if their numbers agree; otherwise
/// lists them after the text.
fn place<'a>(prose: &mut Prose<'a>, loose: Vec<Meaning<'a>>) {
    if loose.is_empty() {
        return;
    }
    let marks: Vec<_> = citation_marks(&prose.text).map(|(start, mark)| (start, mark.to_owned())).collect();
    if marks.len() == loose.len() && prose.references.is_empty() {
        let placed = marks.into_iter().zip(loose).map(|((start, mark), meaning)| Reference {
            start,
            end: start + mark.chars().count(),
            matched: Text::Owned(mark),
            meaning,
        });
        prose.references.extend(placed);
        return;
    }
    let mut listed: HashSet<Text<'a>> = prose.footnotes.iter().map(|page| page.url.clone()).collect();
    for meaning in loose {
        if let Meaning::Citation(pages) | Meaning::Links(pages) = meaning {
            prose.footnotes.extend(pages.into_iter().filter(|page| listed.insert(page.url.clone())));
        }
    }
}

/// A code point index from the export. Missing or oversized values become 0.
fn position(index: Option<u64>) -> usize {
    index.and_then(|index| usize::try_from(index).ok()).unwrap_or_default()
}

/// A page to list after the text: its title, and who published it.
fn footnote(mut source: Item<'_>) -> Option<Link<'_>> {
    let mut found = link(source.title.take_filled(), source.url.take_filled())?;
    found.publisher = source.attribution.take();
    Some(found)
}

/// Links labelled with the publisher of the page, or its host.
fn sources<'a>(items: &mut Vec<Obj<Item<'a>>>) -> Vec<Link<'a>> {
    let mut links = DistinctLinks::default();
    let mut add = |name: Option<Text<'a>>, url: Option<Text<'a>>| {
        if let Some(found) = link(name, url) {
            links.add(found);
        }
    };
    for Obj(mut item) in std::mem::take(items) {
        add(item.attribution.take_filled(), item.url.take_filled());
        for Obj(mut page) in item.supporting.0 {
            add(page.attribution.take_filled(), page.url.take_filled());
        }
    }
    links.into_links()
}

/// Links labelled with the title of the page, or its host.
fn titled<'a>(items: &mut Vec<Obj<Item<'a>>>) -> Vec<Link<'a>> {
    let link_to = |Obj(mut item): Obj<Item<'a>>| link(item.title.take_filled(), item.url.take_filled());
    std::mem::take(items).into_iter().filter_map(link_to).collect()
}

/// Pictures on the web as links.
fn pictures<'a>(images: &mut Vec<Obj<PictureItem<'a>>>) -> Vec<Link<'a>> {
    let link_to = |Obj(mut image): Obj<PictureItem<'a>>| {
        let inner = &mut image.image_result.0;
        let title = image.title.take_filled().or_else(|| inner.title.take_filled());
        let url = image.url.take_filled().or_else(|| inner.url.take_filled());
        let url = url.or_else(|| image.content_url.take_filled()).or_else(|| inner.content_url.take_filled());
        link(title, url)
    };
    std::mem::take(images).into_iter().filter_map(link_to).collect()
}

/// The export's own Markdown for a reference, if it says anything.
fn alt<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let text = markdown(unmarked(reference.alt.take_filled()?));
    (!text.is_empty()).then_some(Meaning::Markdown(text))
}

fn links(links: Vec<Link<'_>>) -> Option<Meaning<'_>> {
    (!links.is_empty()).then_some(Meaning::Links(links))
}

fn citation(links: Vec<Link<'_>>) -> Option<Meaning<'_>> {
    (!links.is_empty()).then_some(Meaning::Citation(links))
}

/// The page that the reference itself names, labelled with its title.
fn own_link<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let item = &mut reference.item.0;
    // The title stays for a line without an address.
    let title = reference.title.filled().or_else(|| item.title.filled()).map(Cow::Borrowed);
    let url = reference.url.take_filled().or_else(|| item.url.take_filled());
    Some(Meaning::Links(vec![link(title, url)?]))
}

/// The types of references that say nothing, not even by their marks.
const SILENT: [&str; 5] = [
    "hidden",
    "grouped_webpages_model_predicted_fallback",
    "optimistic_image_citation",
    "optimistic_image_inline",
    "navigation",
];

/// What a reference means; `None` if the text that it covers stays as it is.
///
/// `attribution` marks words of the answer and must change nothing. A third of the `grouped_webpages` with `items` lack
/// the ready-made `alt`.
fn meaning<'a>(reference: &mut RawReference<'a>) -> Result<Option<Meaning<'a>>> {
    let kind = reference.kind.take();
    let found = match kind.as_ref() {
        "attribution" => return Ok(None),
        silent if SILENT.contains(&silent) => None,
        "grouped_webpages" => match citation(sources(&mut reference.items.0)).or_else(|| alt(reference)) {
            None => citation(sources(&mut reference.fallback_items.open()?.0)),
            found => found,
        },
        "webpage_extended" => own_citation(reference).or_else(|| alt(reference)),
        "webpage" => match alt(reference).or_else(|| own_citation(reference)) {
            None => match named_page(reference)? {
                None if reference.matched_text.as_str().starts_with(OPEN_MARK) => return Ok(None),
                found => found,
            },
            found => found,
        },
        // The mark says what the widget shows. Without one, the matched text is part of the answer.
        "client_defined_widget" if !reference.matched_text.as_str().starts_with(OPEN_MARK) => {
            return Ok(None);
        }
        "client_defined_widget" if reference.matched_text.as_str().contains("genui") => return Ok(None),
        "file" => file(reference),
        "image_v2" => alt(reference).or_else(|| links(pictures(&mut reference.images.0))),
        "image_group" | "image_inline" => links(pictures(&mut reference.images.0)).or_else(|| alt(reference)),
        "video" => alt(reference).or_else(|| own_link(reference)).or_else(|| title(reference)),
        "product_entity" => product(reference),
        "entity" => {
            let name = reference.name.take_filled().or_else(|| reference.alt.take_filled());
            name.map(Meaning::Plain)
        }
        "nav_list" => {
            alt(reference).or_else(|| links(titled(&mut reference.items.0))).or_else(|| title(reference))
        }
        "link_title" | "title_citation" | "url" => {
            own_link(reference).or_else(|| alt(reference)).or_else(|| title(reference))
        }
        "alt_text" | "products" | "product" | "businesses_map" => alt(reference),
        "tldr" => alt(reference).or_else(|| own_link(reference)).or_else(|| title(reference)),
        _ => return Ok(unknown(reference)),
    };
    // What the reference does not say may be in its mark.
    let says_nothing = kind == "grouped_webpages" || SILENT.contains(&kind.as_ref());
    if found.is_none() && !says_nothing && reference.matched_text.as_str().starts_with(OPEN_MARK) {
        return Ok(None);
    }
    // Words of the answer are deleted only where the export says so.
    if found.is_none() && kind != "hidden" && is_wording(reference.matched_text.as_str()) {
        return Ok(None);
    }
    Ok(Some(found.unwrap_or(Meaning::Nothing)))
}

/// True for words of an answer, in contrast to marks.
fn is_wording(matched: &str) -> bool {
    let is_mark = |c: char| c == OPENING || ('\u{e200}'..='\u{e20f}').contains(&c);
    !matched.contains(is_mark) && matched.contains(char::is_alphanumeric)
}

/// What a reference of an unknown type means: whatever the vendor's client would show.
fn unknown<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    if let Some(found) = alt(reference) {
        return Some(found);
    }
    if reference.title.filled().is_some()
        && let Some(link) = own_link(reference)
    {
        return Some(link);
    }
    // A mark may say what its reference does not.
    let is_bracket = reference.matched_text.as_str().starts_with(OPENING) || reference.alt.0.is_some();
    (is_bracket && !reference.matched_text.as_str().starts_with(OPEN_MARK)).then_some(Meaning::Nothing)
}

/// The title that a reference without an address has.
fn title<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let title = reference.title.take_filled().or_else(|| reference.item.0.title.take_filled());
    title.map(unmarked).map(Meaning::Plain)
}

/// A page described only by a title and an entry in the list of safe addresses.
fn named_page<'a>(reference: &mut RawReference<'a>) -> Result<Option<Meaning<'a>>> {
    let title = reference.title.take_filled();
    let url = best_address(reference.safe_urls.open()?.0.into_iter().filter_map(|mut url| url.take_filled()));
    Ok(match (title, url) {
        (title, Some(url)) => links(link(title, Some(url)).into_iter().collect()),
        (title, None) => title.map(Meaning::Plain),
    })
}

/// The page that the reference itself names, labelled with its publisher.
fn own_citation<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let found = link(reference.attribution.take_filled(), reference.url.take_filled())?;
    Some(Meaning::Citation(vec![found]))
}

fn file<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let id = reference.id.take_filled().map(pointer::id_of);
    let name = reference.name.take_filled().map(unmarked);
    if id.is_none() && name.is_none() {
        return None;
    }
    Some(Meaning::File(FileRef { id: id.unwrap_or_default(), name, ..FileRef::default() }))
}

/// A product. Few have an address; the others are shown as plain text.
fn product<'a>(reference: &mut RawReference<'a>) -> Option<Meaning<'a>> {
    let product = &mut reference.product.0;
    match (product.title.take_filled(), product.url.take_filled()) {
        (title, Some(url)) => links(link(title, Some(url)).into_iter().collect()),
        (Some(title), None) => Some(Meaning::Plain(title)),
        (None, None) => alt(reference),
    }
}

/// References of the older form, which cover marks such as `【11†source】`.
fn citations<'a>(text: &str, citations: Vec<Obj<Citation<'a>>>) -> Vec<Reference<'a>> {
    if citations.is_empty() {
        return Vec::new();
    }
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let reference = |Obj(citation): Obj<Citation<'a>>| {
        let (start, end) = (position(citation.start_ix.whole()), position(citation.end_ix.whole()));
        let matched = text.get(*offsets.get(start)?..*offsets.get(end)?)?;
        let meaning = source(citation.metadata.0).filter(|_| matched.starts_with(OPENING))?;
        Some(Reference { start, end, matched: Cow::Owned(matched.to_owned()), meaning })
    };
    citations.into_iter().filter_map(reference).collect()
}

/// What a citation of the older form refers to.
fn source(mut source: CitationSource<'_>) -> Option<Meaning<'_>> {
    let title = source.title.take_filled().or_else(|| source.name.take_filled());
    let url = source.url.take_filled().map(untracked);
    if source.kind.as_str() == "file" || url.is_none() {
        let id = source.id.take_filled().map(pointer::id_of);
        if id.is_none() && title.is_none() {
            return None;
        }
        let name = title.map(unmarked);
        let file = FileRef { id: id.unwrap_or_default(), name, ..FileRef::default() };
        return Some(Meaning::File(file));
    }
    Some(Meaning::Citation(vec![link(title, url)?]))
}

/// The bytes that a source takes on a page, about.
fn length(source: &Meaning<'_>) -> usize {
    match source {
        Meaning::Citation(links) => links.iter().map(|link| link.label.len() + link.url.len()).sum(),
        Meaning::File(file) => file.id.len() + file.name.as_ref().map_or(0, |name| name.len()),
        _ => 0,
    }
}

/// Adds a reference for each mark `【n†…】` without a citation, if the message lists its sources by number.
fn by_number<'a>(prose: &mut Prose<'a>, list: Vec<Maybe<CitationSource<'a>>>) {
    if list.is_empty() {
        return;
    }
    let mut meanings: Vec<_> = list.into_iter().map(|Maybe(entry)| entry.and_then(source)).collect();
    let taken: HashSet<_> = prose.references.iter().map(|reference| reference.start).collect();
    let mut growth = most_growth(&prose.text);
    for (start, mark) in marks(&prose.text) {
        let number = mark.get(OPENING.len_utf8()..).and_then(|rest| rest.split_once('†'));
        let Some(number) = number.and_then(|(number, _)| number.parse::<usize>().ok()) else { continue };
        if let Some(Some(meaning)) = meanings.get_mut(number)
            && !taken.contains(&start)
            && let Some(left) = growth.checked_sub(length(meaning))
        {
            growth = left;
            let end = start + mark.chars().count();
            let matched = Text::Owned(mark.to_owned());
            prose.references.push(Reference { start, end, matched, meaning: meaning.clone() });
        }
    }
}

/// The spans `【…】` of `text`, each with the code point where it begins. Linear.
fn marks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut counted = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(OPENING)?;
        counted += text.get(at..start)?.chars().count();
        let first = counted;
        let len = text.get(start..)?.find('】')? + '】'.len_utf8();
        let mark = text.get(start..start + len)?;
        counted += mark.chars().count();
        at = start + len;
        Some((first, mark))
    })
}

/// True if `prose` may contain a mark that no reference covers, which only search results can explain.
///
/// May return true needlessly, but not for the usual text, whose marks match its references one by one.
pub(super) fn lacks_sources(prose: &Prose<'_>) -> bool {
    if !is_marked(&prose.text) {
        return false;
    }
    let mut marks = prose.text.match_indices(OPEN_MARK).map(|(at, _)| at);
    let mut last = None;
    let in_order = prose.references.iter().all(|reference| {
        let mark = reference.matched.as_ref();
        let is_mark = mark.starts_with(OPEN_MARK)
            && mark.find(CLOSE_MARK).is_some_and(|at| at + CLOSE_MARK.len_utf8() == mark.len());
        let follows = last.is_none_or(|last| last < reference.start);
        last = Some(reference.start);
        let rest = marks.next().and_then(|at| prose.text.get(at..));
        is_mark && follows && rest.is_some_and(|rest| rest.starts_with(mark))
    });
    !in_order || marks.next().is_some()
}

/// True if `text` may contain a mark.
pub(super) fn is_marked(text: &str) -> bool {
    memchr::memchr(MARK_LEAD, text.as_bytes()).is_some() && text.contains(OPEN_MARK)
}

/// Adds the web pages found by searches to `sources`, by their ids.
pub(super) fn gather<'a>(groups: SearchGroups<'a>, message: NodeId, sources: &mut Sources<'a>) {
    for Obj(group) in groups.0 {
        for Obj(mut entry) in group.entries.0 {
            let Some(id) = entry.ref_id.0.as_ref().and_then(RefId::name) else { continue };
            if let Some(found) = link(entry.attribution.take_filled(), entry.url.take_filled()) {
                sources.add(&id, message, found);
            }
        }
    }
}

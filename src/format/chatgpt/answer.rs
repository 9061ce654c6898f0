//! Answers in the component language: finds out what their tags name, and puts Markdown in their place.
//!
//! What tags name is in metadata that nothing else reads. It is read only where an answer needs it, in a second pass, so
//! that all other conversations pay nothing.

use super::components::{self, Lookup, Resolution, WebPage};
use super::directive;
use super::link::{best_address, link};
use super::marks::unmarked;
use super::metadata::RefId;
use crate::conversation::assistant::Sources;
use crate::conversation::tree::NodeId;
use crate::conversation::{FileRef, Meaning, Message, Part, Prose, Reference, Role, Text};
use crate::format::lenient::{List, Maybe, Num, Obj, Read, Record, Str, pass_over, read, record};
use crate::format::pointer;
use crate::format::pull::{Json, Reader, Result, Value};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The messages of a conversation as the export has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Originals<'o, 'a> {
    /// The JSON of each message, in order of the nodes.
    pub(super) json: &'o [(NodeId, Json<'a>)],
    /// The node above each.
    pub(super) parents: &'o [Option<NodeId>],
}

/// Messages by node.
type Messages<'a> = [Option<Box<Message<'a>>>];

/// Expands the answers among `messages`, given their originals. Returns the pages and files of all messages if an answer
/// needed them.
pub(super) fn expand<'a>(
    messages: &mut Messages<'a>,
    originals: Originals<'_, 'a>,
) -> Result<Option<PageIndex<'a>>> {
    let mut index: Option<PageIndex<'a>> = None;
    for at in 0..messages.len() {
        let Some(message) = messages.get(at).and_then(Option::as_ref) else { continue };
        if !is_written_in_components(message) {
            continue;
        }
        let original = originals.json.binary_search_by_key(&at, |(node, _)| node.0 as usize);
        let Some(&(_, json)) = original.ok().and_then(|at| originals.json.get(at)) else { continue };
        let raw: AnswerMessage<'a> = read_object(json)?;
        if !matches!(raw.content.0.content_type.as_str(), "text" | "multimodal_text" | "") {
            continue;
        }
        let index = match &mut index {
            Some(index) => index,
            none => none.insert(PageIndex::of(messages, originals)?),
        };
        let known = AnswerData::new(index, at, &raw.metadata.0);
        for part in messages.get_mut(at).into_iter().flatten().flat_map(|message| &mut message.parts) {
            if let Part::Prose(prose) = part {
                known.expand(prose);
            }
        }
    }
    Ok(index)
}

/// Expands `parts`, those of a message that is in no mapping, given its JSON.
pub(super) fn expand_alone<'a>(parts: &mut [Part<'a>], json: Json<'a>) -> Result<()> {
    if !parts.iter().any(has_components) {
        return Ok(());
    }
    let raw: AnswerMessage<'a> = read_object(json)?;
    let mut index = PageIndex::default();
    index.add(0, read_object::<AnswerMessage<'a>>(json)?.metadata.0);
    let known = AnswerData::new(&index, 0, &raw.metadata.0);
    for part in parts {
        if let Part::Prose(prose) = part {
            known.expand(prose);
        }
    }
    Ok(())
}

/// Adds the pages that the metadata of all messages name by ids to `sources`; they are in `index`, if there is one.
pub(super) fn gather<'a>(
    index: Option<PageIndex<'a>>,
    originals: &[(NodeId, Json<'a>)],
    sources: &mut Sources<'a>,
) {
    let index = index.unwrap_or_else(|| {
        let mut index = PageIndex::default();
        // What can't be read names no pages.
        let read = |&(node, json): &_| Some((node, read_object::<AnswerMessage<'a>>(json).ok()?));
        for (NodeId(node), raw) in originals.iter().filter_map(read) {
            index.add(node as usize, raw.metadata.0);
        }
        index
    });
    let found = index.pages.0.into_iter().filter_map(|((id, scope), page)| match scope {
        IdScope::Message(node) => Some((u32::try_from(node).ok()?, id, page)),
        IdScope::Turn(_) | IdScope::Conversation => None,
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by(|(node, id, _), (other_node, other_id, _)| (node, id).cmp(&(other_node, other_id)));
    for (node, id, page) in found {
        sources.add(&id, NodeId(node), page.link);
    }
}

/// True for an answer that [`expand`] may change.
fn is_written_in_components(message: &Message<'_>) -> bool {
    message.role == Role::Assistant && message.parts.iter().any(has_components)
}

fn has_components(part: &Part<'_>) -> bool {
    match part {
        // Reading the metadata of all messages costs more than parsing one answer that turns out to be plain.
        Part::Prose(prose) => components::is_used_in(&prose.text, DRAFT),
        _ => false,
    }
}

/// True if `text` has a writing block.
fn has_drafts(text: &str) -> bool {
    let bytes = text.as_bytes();
    let draft = DRAFT.as_bytes();
    memchr::memchr_iter(b'{', bytes).any(|at| bytes.get(..=at).is_some_and(|start| start.ends_with(draft)))
}

fn read_object<'a, T: Record<'a>>(json: Json<'a>) -> Result<T> {
    Ok(read::<Obj<T>>(json)?.0)
}

record! {
    struct AnswerMessage {
        content: Obj<AnswerContent<'a>> = "content",
        metadata: Obj<AnswerMetadata<'a>> = "metadata",
    }
}

record! {
    struct AnswerContent {
        content_type: Str<'a> = "content_type",
    }
}

record! {
    struct AnswerMetadata {
        groups: List<Obj<PageGroup<'a>>> = "search_result_groups",
        references: List<Obj<PageReference<'a>>> = "content_references",
        spans: List<Obj<ResolvedSpan<'a>>> = "genui_components",
        program: Obj<Program<'a>> = "model_dil_v2",
        drafts: Obj<ById<'a, Draft<'a>>> = "writing_blocks",
    }
}

record! {
    struct PageGroup {
        entries: List<Obj<PageItem<'a>>> = "entries",
    }
}

record! {
    /// A reference to pages or a file.
    struct PageReference {
        kind: Str<'a> = "type",
        matched_text: Str<'a> = "matched_text",
        start_idx: Num = "start_idx",
        end_idx: Num = "end_idx",
        url: Str<'a> = "url",
        safe_urls: List<Str<'a>> = "safe_urls",
        refs: List<RefName<'a>> = "refs",
        items: List<Obj<PageItem<'a>>> = "items",
        products: List<Obj<PageItem<'a>>> = "products",
        product: Maybe<PageItem<'a>> = "product",
        id: Str<'a> = "id",
        name: Str<'a> = "name",
    }
}

record! {
    /// A page, by whatever ids there are for it.
    struct PageItem {
        url: Str<'a> = "url",
        title: Str<'a> = "title" | "name",
        attribution: Str<'a> = "attribution" | "source_label",
        ref_id: RefName<'a> = "ref_id" | "cite",
        refs: List<RefName<'a>> = "refs",
        supporting: List<Obj<PageItem<'a>>> = "supporting_websites",
    }
}

record! {
    /// A component that the server resolved.
    struct ResolvedSpan {
        start_index: Num = "start_index",
        end_index: Num = "end_index",
        id: Str<'a> = "component_resolution_id",
    }
}

record! {
    struct Program {
        data: Obj<ProgramData<'a>> = "appData",
    }
}

record! {
    struct ProgramData {
        widgets: Obj<ProgramWidgets<'a>> = "opGenui",
    }
}

record! {
    struct ProgramWidgets {
        results: Obj<ById<'a, ComponentResult<'a>>> = "componentResults",
    }
}

record! {
    struct ComponentResult {
        state: Obj<ComponentState<'a>> = "state",
        safe_urls: List<Str<'a>> = "safe_urls",
    }
}

record! {
    struct ComponentState {
        items: List<Obj<PageItem<'a>>> = "items",
        url: Str<'a> = "url",
        title: Str<'a> = "title",
        source_label: Str<'a> = "source_label",
    }
}

record! {
    struct Draft {
        content: Str<'a> = "content",
    }
    text |text| Draft { content: Str(Some(text)) };
}

/// An object whose keys are ids.
#[derive(Debug)]
pub(super) struct ById<'a, T>(HashMap<&'a str, T>);

impl<T> Default for ById<'_, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'a, T: Record<'a>> Record<'a> for ById<'a, T> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        let mut value = Obj::<T>::default();
        value.read(reader)?;
        self.0.insert(reader.texts().keep(key), value.0);
        Ok(())
    }
}

impl<T> ById<'_, T> {
    fn get(&self, id: &str) -> Option<&T> {
        self.0.get(id)
    }
}

/// The id of a page: a string, or an object that names its parts.
#[derive(Debug, Default)]
pub(super) struct RefName<'a>(Option<Cow<'a, str>>);

impl<'a> Read<'a> for RefName<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match reader.value()? {
            Value::Text(text) => Some(text.text()?.to_ascii_lowercase().into()),
            Value::Object => {
                let mut id = RefId::default();
                id.fill(reader)?;
                id.name().map(|name| name.to_ascii_lowercase().into())
            }
            other => {
                pass_over(other, reader)?;
                None
            }
        };
        Ok(())
    }
}

/// The pages and files of a conversation by their ids.
#[derive(Debug, Default)]
pub(super) struct PageIndex<'a> {
    pages: Nearest<WebPage<'a>>,
    files: Nearest<FileRef<'a>>,
    /// For each node the first node of its turn.
    turns: Vec<NodeId>,
}

/// What ids mean, which may differ from message to message.
#[derive(Debug)]
struct Nearest<T>(HashMap<(Box<str>, IdScope), T>);

/// Where an id has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum IdScope {
    Message(usize),
    /// The turn that begins with this message.
    Turn(usize),
    Conversation,
}

impl<T> Default for Nearest<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone> Nearest<T> {
    /// Adds what `id` means in the message `node` of the turn `turn`. The first meaning counts.
    fn add(&mut self, id: &str, node: usize, turn: usize, meaning: &T) {
        for scope in [IdScope::Message(node), IdScope::Turn(turn), IdScope::Conversation] {
            self.0.entry((id.into(), scope)).or_insert_with(|| meaning.clone());
        }
    }

    /// What `id` means in the message `node` of the turn `turn`, else in that turn, else anywhere.
    fn get(&self, id: &str, node: usize, turn: usize) -> Option<T> {
        let scopes = [IdScope::Message(node), IdScope::Turn(turn), IdScope::Conversation];
        scopes.into_iter().find_map(|scope| self.0.get(&(id.into(), scope))).cloned()
    }
}

impl<'a> PageIndex<'a> {
    fn turn(&self, node: usize) -> usize {
        self.turns.get(node).map_or(node, |turn| turn.0 as usize)
    }

    fn of(messages: &Messages<'a>, originals: Originals<'_, 'a>) -> Result<Self> {
        let message = |NodeId(at)| messages.get(at as usize)?.as_deref();
        let parent = |NodeId(at)| originals.parents.get(at as usize).copied().flatten();
        let turns = turns(originals.parents.len(), message, parent);
        let mut index = Self { turns, ..Self::default() };
        for &(node, json) in originals.json {
            let raw: AnswerMessage<'a> = read_object(json)?;
            index.add(node.0 as usize, raw.metadata.0);
        }
        Ok(index)
    }

    fn add(&mut self, node: usize, metadata: AnswerMetadata<'a>) {
        for Obj(group) in metadata.groups.0 {
            for Obj(entry) in group.entries.0 {
                self.add_item(node, entry, Vec::new());
            }
        }
        for Obj(reference) in metadata.references.0 {
            self.add_reference(node, reference);
        }
        for (_, result) in metadata.program.0.data.0.widgets.0.results.0.0 {
            for Obj(item) in result.state.0.items.0 {
                self.add_item(node, item, Vec::new());
            }
        }
    }

    fn add_reference(&mut self, node: usize, mut reference: PageReference<'a>) {
        let turn = self.turn(node);
        let refs: Vec<_> = reference.refs.0.into_iter().filter_map(|name| name.0).collect();
        if reference.kind.as_str() == "file" {
            let file = FileRef {
                id: reference.id.take_filled().map(pointer::id_of).unwrap_or_default(),
                name: reference.name.take_filled().map(unmarked),
                ..FileRef::default()
            };
            for id in refs {
                self.files.add(&id, node, turn, &file);
            }
            return;
        }
        // A mark that names as many pages as there are.
        let mut named: Vec<_> = ids_in(reference.matched_text.as_str()).collect();
        if named.is_empty() {
            named.clone_from(&refs);
        }
        let products =
            reference.products.0.into_iter().zip(refs.into_iter().map(Some).chain(std::iter::repeat(None)));
        for (Obj(product), id) in products {
            self.add_item(node, product, id.into_iter().collect());
        }
        if let Some(product) = reference.product.0 {
            self.add_item(node, product, Vec::new());
        }
        let count = reference.items.0.len();
        for (position, Obj(item)) in reference.items.0.into_iter().enumerate() {
            let ids = if named.len() == count {
                named.get(position).into_iter().cloned().collect()
            } else if count == 1 && named.len() == 1 + item.supporting.0.len() {
                named.clone()
            } else {
                Vec::new()
            };
            self.add_item(node, item, ids);
        }
    }

    /// Adds a page that has its own ids, and perhaps `ids`: the first is its own, the others are those of the pages
    /// that support it.
    fn add_item(&mut self, node: usize, item: PageItem<'a>, ids: Vec<Cow<'a, str>>) {
        let turn = self.turn(node);
        let supporting: Vec<_> = item.supporting.0.iter().map(|Obj(item)| item.page()).collect();
        let page = item.page();
        let own = item.refs.0.into_iter().filter_map(|name| name.0).enumerate();
        let first = item.ref_id.0.map(|id| (0, id));
        for (position, id) in first.into_iter().chain(own).chain(ids.into_iter().enumerate()) {
            let found = match position.checked_sub(1) {
                None => page.clone(),
                Some(position) => supporting.get(position).cloned().flatten(),
            };
            if let Some(found) = found {
                self.pages.add(&id, node, turn, &found);
            }
        }
        for (Obj(item), found) in item.supporting.0.into_iter().zip(supporting) {
            if let (Some(id), Some(found)) = (item.ref_id.0, found) {
                self.pages.add(&id, node, turn, &found);
            }
        }
    }
}

impl<'a> PageItem<'a> {
    /// The page, if it has an address.
    fn page(&self) -> Option<WebPage<'a>> {
        page(self.url, self.title, self.attribution)
    }
}

/// The page with this address.
fn page<'a>(url: Str<'a>, title: Str<'a>, attribution: Str<'a>) -> Option<WebPage<'a>> {
    let text = |text: Str<'a>| text.filled().map(Cow::Borrowed);
    let link = link(text(attribution), text(url))?;
    Some(WebPage { title: text(title).unwrap_or_default(), link })
}

/// The ids that a mark names.
fn ids_in(mark: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let words = mark.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("turn")).map(|word| Cow::Owned(word.to_ascii_lowercase()))
}

/// For each node the first of its turn: the nearest message of a person from it up, or the root. Linear, even if the
/// parents form a cycle.
pub(super) fn turns<'m, 'a: 'm>(
    count: usize,
    message: impl Fn(NodeId) -> Option<&'m Message<'a>>,
    parent: impl Fn(NodeId) -> Option<NodeId>,
) -> Vec<NodeId> {
    let mut turns: Vec<Option<NodeId>> = vec![None; count];
    let mut path = Vec::new();
    let ids = || (0..count as u32).map(NodeId);
    for id in ids() {
        let mut at = id;
        let turn = loop {
            let Some(known) = turns.get_mut(at.0 as usize) else { break at };
            if let Some(turn) = *known {
                break turn;
            }
            // What is passed once more, in a cycle, is the root.
            *known = Some(at);
            path.push(at);
            let begins = message(at).is_some_and(|message| message.role == Role::User);
            match parent(at).filter(|_| !begins) {
                Some(parent) => at = parent,
                None => break at,
            }
        };
        for node in path.drain(..) {
            if let Some(known) = turns.get_mut(node.0 as usize) {
                *known = Some(turn);
            }
        }
    }
    turns.into_iter().zip(ids()).map(|(turn, id)| turn.unwrap_or(id)).collect()
}

/// What the tags of one answer may name.
struct AnswerData<'i, 'a> {
    index: &'i PageIndex<'a>,
    node: usize,
    metadata: &'i AnswerMetadata<'a>,
    /// The ids of what the server resolved, by the code points of the components.
    spans: HashMap<(u64, u64), &'a str>,
}

impl<'i, 'a> AnswerData<'i, 'a> {
    fn new(index: &'i PageIndex<'a>, node: usize, metadata: &'i AnswerMetadata<'a>) -> Self {
        let spans = metadata.spans.0.iter().filter_map(|Obj(span)| {
            Some(((span.start_index.whole()?, span.end_index.whole()?), span.id.as_str()))
        });
        Self { index, node, metadata, spans: spans.collect() }
    }

    fn expand(&self, prose: &mut Prose<'a>) {
        if let Some(text) = self.with_drafts(&prose.text) {
            prose.text = Cow::Owned(text);
        }
        let spans = self.metadata.references.0.iter().filter_map(|Obj(reference)| covering(reference));
        let references: Vec<_> = prose.references.iter().cloned().chain(spans).collect();
        if let Some(expanded) = components::expand(&prose.text, &references, self) {
            prose.text = Cow::Owned(expanded.text);
            prose.references = expanded.references;
            list_once(prose);
        }
    }

    /// `text` with the drafts in its writing blocks as their user saved them.
    fn with_drafts(&self, text: &str) -> Option<String> {
        if self.metadata.drafts.0.0.is_empty() || !has_drafts(text) {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        // What the lines of the block begin with whose draft takes the place of those up to its end.
        let mut open: Option<&str> = None;
        for line in text.split_inclusive('\n') {
            let prefix = directive::prefix(line);
            let inside = line.get(prefix.len()..).unwrap_or_default();
            if open == Some(prefix) && inside.trim_end() == ":::" {
                open = None;
            }
            if open.is_some() {
                continue;
            }
            out.push_str(line);
            let id = inside
                .strip_prefix(DRAFT)
                .and_then(|attributes| attributes.split_once("id=\"")?.1.split('"').next());
            let saved = id.and_then(|id| self.metadata.drafts.0.get(id)?.content.filled());
            if let Some(saved) = saved {
                if !out.ends_with('\n') {
                    out.push('\n');
                }
                for line in saved.split('\n') {
                    out.push_str(prefix);
                    out.push_str(line);
                    out.push('\n');
                }
                open = Some(prefix);
            }
        }
        Some(out)
    }
}

/// Removes from the pages listed after the text those that turned out to have a place in it.
fn list_once(prose: &mut Prose<'_>) {
    let links = prose.references.iter().filter_map(|reference| match &reference.meaning {
        Meaning::Citation(links) | Meaning::Links(links) => Some(links),
        _ => None,
    });
    let placed: HashSet<_> = links.flatten().map(|link| (&*link.label, &*link.url)).collect();
    prose.footnotes.retain(|page| !placed.contains(&(&*page.label, &*page.url)));
}

/// What a reference means that says where it is and not what is there: it covers a component.
fn covering<'a>(reference: &PageReference<'a>) -> Option<Reference<'a>> {
    let (start, end) = (reference.start_idx.whole()?, reference.end_idx.whole()?);
    if reference.matched_text.filled().is_some() || end <= start {
        return None;
    }
    let mut links = Vec::new();
    for Obj(item) in &reference.items.0 {
        let supporting = item.supporting.0.iter().map(|Obj(item)| item);
        links
            .extend(std::iter::once(item).chain(supporting).filter_map(PageItem::page).map(|page| page.link));
    }
    if links.is_empty() {
        let urls = [reference.url].into_iter().chain(reference.safe_urls.0.iter().copied());
        links.extend(link(None, best_address(urls.filter_map(|url| url.filled())).map(Cow::Borrowed)));
    }
    Some(Reference {
        start: usize::try_from(start).ok()?,
        end: usize::try_from(end).ok()?,
        matched: Cow::Borrowed(""),
        meaning: Meaning::Citation(links),
    })
}

/// What a writing block begins with.
const DRAFT: &str = ":::writing{";

impl<'a> Lookup<'a> for AnswerData<'_, 'a> {
    fn page(&self, id: &str) -> Option<WebPage<'a>> {
        self.index.pages.get(id, self.node, self.index.turn(self.node))
    }

    fn file(&self, id: &str) -> Option<FileRef<'a>> {
        let turn = self.index.turn(self.node);
        if let Some(found) = self.index.files.get(&id.to_ascii_lowercase(), self.node, turn) {
            return Some(found);
        }
        let is_file = id.starts_with("file-") || id.starts_with("file_");
        is_file.then(|| FileRef { id: Text::Owned(id.to_owned()), ..FileRef::default() })
    }

    fn draft(&self, id: &str) -> Option<Text<'a>> {
        self.metadata.drafts.0.get(id)?.content.filled().map(Cow::Borrowed)
    }

    fn resolution(&self, start: usize, end: usize) -> Option<Resolution<'a>> {
        let id = self.spans.get(&(start as u64, end as u64))?;
        let result = self.metadata.program.0.data.0.widgets.0.results.0.get(id)?;
        let state = &result.state.0;
        let mut pages: Vec<_> = state.items.0.iter().filter_map(|Obj(item)| item.page()).collect();
        if pages.is_empty() {
            let urls = [state.url].into_iter().chain(result.safe_urls.0.iter().copied());
            let url = best_address(urls.filter_map(|url| url.filled()))?;
            pages.extend(page(Str(Some(url)), state.title, state.source_label));
        }
        Some(Resolution { pages })
    }
}

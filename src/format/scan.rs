//! A streaming scanner that finds the elements of an array of conversations, whatever they hold.
//!
//! It knows strings and brackets only, takes a stream in buffers of any size, and never recurses. It does not
//! ask whether an element is valid JSON: as long as brackets and quotes are balanced, what is wrong inside an
//! element can't reach its neighbours. Brackets are counted without regard to their kind, so `[1}` is balanced.
//!
//! The elements are those of the top-level array; or of the array `conversations` of a top-level object; or the
//! top-level object itself if it has a key `mapping` or `current_node`, as a conversation does. Keys may come in
//! any order, and a byte order mark is passed over. Words and strings that follow one another without a comma are
//! one element, so that a line of junk between two conversations is one thing that is wrong and not many.

mod blocks;
mod deferred;
mod prune;
#[cfg(test)]
mod tests;

use crate::bytes::append;
pub use blocks::Level;
pub(super) use blocks::{BATCH, BlockState, Marks, WIDTH, backslashes};
use deferred::{KeptBytes, KeptContent};
use prune::{JsonKey, Verdict, Way};
use std::ops::Deref;

/// The largest element that is kept whole unless another limit is given: 256 MiB, without what is dropped.
pub const ELEMENT_LIMIT: usize = 256 << 20;

/// One element of the array.
#[derive(Debug)]
pub struct Element<'a> {
    /// Offset of its first byte in the stream, in bytes.
    pub start: u64,
    /// Offset after its last byte.
    pub end: u64,
    /// Its text.
    pub body: Body<'a>,
    /// False if the stream ends within it.
    pub complete: bool,
}

/// The text of an element.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// The element, with `null` in place of containers that nobody reads: in `metadata` of messages all but a
    /// few, and lists of the conversation itself such as `moderation_results`.
    Whole(ElementJson<'a>),
    /// The element is over the limit. Only its shallow keys and values are here, its containers are empty. At most
    /// 1 MiB, and cut there: then it is not valid JSON.
    TooLarge {
        /// Those keys and values.
        skeleton: &'a [u8],
    },
}

/// The JSON of an element, which goes away with the element.
#[derive(Debug, PartialEq, Eq)]
pub enum ElementJson<'a> {
    /// It stands in the buffer that was fed.
    InBuffer(&'a [u8]),
    /// It was kept by the scanner, which does not need it any more.
    Kept(&'a mut Vec<u8>),
}

impl ElementJson<'_> {
    /// The JSON for good, without a copy if the scanner kept it; then the scanner keeps the next one in `spare`.
    pub fn into_owned(self, mut spare: Vec<u8>) -> Vec<u8> {
        spare.clear();
        match self {
            Self::InBuffer(bytes) => append(&mut spare, bytes),
            Self::Kept(bytes) => std::mem::swap(bytes, &mut spare),
        }
        spare
    }
}

impl Deref for ElementJson<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::InBuffer(bytes) => bytes,
            Self::Kept(bytes) => bytes,
        }
    }
}

/// How the stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Complete,
    /// Something is wrong outside the elements, or the stream breaks off. What was found before is good.
    Damaged {
        /// What is wrong first, in a few words.
        reason: &'static str,
        /// Where, in bytes from the start of the stream.
        at: u64,
    },
}

/// Finds elements in a stream.
///
/// Its memory is that of the largest element, without what is dropped from it. With AVX2 it passes over several
/// GB/s.
#[derive(Debug)]
pub struct Scanner {
    level: Level,
    /// Offset of the current buffer in the stream.
    base: u64,
    place: Position,
    /// The list is in an object, which goes on behind it.
    wrapped: bool,
    /// The top-level value is the only element.
    bare: bool,
    /// What is wrong first, and where.
    trouble: Option<(&'static str, u64)>,
    /// Offset of the current element in the stream.
    start: u64,
    kept: KeptBytes,
    /// Where the bytes of the current buffer begin that are to be kept and are not yet; `None` in a dropped
    /// container.
    from: Option<usize>,
    walk: BlockState,
    way: Way,
}

/// Where in the stream we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before the top-level value, after so many bytes of a byte order mark.
    Start { mark: usize },
    /// In the list, outside any element.
    List(Expected),
    /// In an object or array.
    Container(ContainerRole),
    /// In an element that is a string.
    Text { escaped: bool },
    /// In an element that is a number or a word.
    Word,
    /// After a word or string that ended at this offset in the stream. More of them may follow: then they are the
    /// same element.
    Gap { end: u64 },
    /// After the top-level value.
    Over,
    /// In a stream that is no export.
    Lost,
}

/// What may come next in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    First,
    Comma,
    Next,
}

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContainerRole {
    /// An element.
    Element,
    /// The top-level object: a conversation, or around the list.
    Undecided,
    /// The object around the list.
    Wrapper,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Of the object around the list only its keys are wanted, and they are looked for within so many bytes before
/// their values.
const LONGEST_GAP: usize = 4096;

impl Scanner {
    /// A scanner that keeps elements of up to `limit` bytes whole.
    pub fn new(limit: usize) -> Self {
        Self::with_level(limit, Level::best())
    }

    /// The same with instructions of the given level, for measurements and tests.
    pub fn with_level(limit: usize, level: Level) -> Self {
        Self::with_kept(KeptBytes::new(limit), level)
    }

    fn with_kept(kept: KeptBytes, level: Level) -> Self {
        Self {
            level,
            base: 0,
            place: Position::Start { mark: 0 },
            wrapped: false,
            bare: false,
            trouble: None,
            start: 0,
            kept,
            from: None,
            walk: BlockState::default(),
            way: Way::Off,
        }
    }

    /// Takes the next bytes of the stream, and hands over the elements that end in them.
    pub fn feed(&mut self, bytes: &[u8], found: &mut dyn FnMut(Element<'_>)) {
        let mut at = 0;
        if self.from.is_some() {
            self.from = Some(0);
        }
        while at < bytes.len() {
            at = match self.place {
                Position::Start { mark } => self.start(bytes, at, mark),
                Position::List(expected) => self.list(bytes, at, expected),
                Position::Container(role) => self.container(bytes, at, role, found),
                Position::Text { escaped } => self.text(bytes, at, escaped),
                Position::Word => self.word(bytes, at),
                Position::Gap { end } => self.gap(bytes, at, end, found),
                Position::Over => self.over(bytes, at),
                Position::Lost => bytes.len(),
            };
        }
        self.keep(bytes, bytes.len());
        self.from = self.from.map(|_| 0);
        self.base = self.base.saturating_add(bytes.len() as u64);
    }

    /// How many bytes of an element that is not complete are held.
    pub fn held(&self) -> usize {
        self.kept.bytes().len()
    }

    /// Tells how the stream ended, and hands over the element that is not finished, if there is one. Then the scanner is
    /// as new, but for its memory.
    pub fn finish(&mut self, found: &mut dyn FnMut(Element<'_>)) -> End {
        let end = self.base;
        match self.place {
            Position::Start { .. } => self.trouble("there is nothing", end),
            Position::List(_) => self.trouble("the list of conversations has no end", end),
            Position::Container(ContainerRole::Wrapper) => {
                self.trouble("the object around the conversations has no end", end);
            }
            Position::Container(ContainerRole::Undecided) if !is_conversation(self.kept.bytes()) => {
                self.trouble(NOT_CONVERSATIONS, self.start);
            }
            Position::Container(_) | Position::Text { .. } => {
                let in_string = !matches!(self.place, Position::Container(_)) || self.walk.in_string();
                self.trouble(
                    if in_string { "breaks off within a string" } else { "breaks off within a conversation" },
                    end,
                );
                self.emit(&[], 0, false, found);
            }
            Position::Word => {
                self.trouble("breaks off within the list", end);
                self.emit(&[], 0, false, found);
            }
            Position::Gap { .. } => {
                self.trouble("the list of conversations has no end", end);
                self.emit(&[], 0, true, found);
            }
            Position::Over | Position::Lost => {}
        }
        let end = self.trouble.map_or(End::Complete, |(reason, at)| End::Damaged { reason, at });
        self.kept.clear();
        *self = Self::with_kept(std::mem::take(&mut self.kept), self.level);
        end
    }

    /// Notes what is wrong, if it is the first.
    fn trouble(&mut self, reason: &'static str, at: u64) {
        self.trouble.get_or_insert((reason, at));
    }

    /// The offset in the stream of `at` in the current buffer.
    fn offset(&self, at: usize) -> u64 {
        self.base.saturating_add(at as u64)
    }

    fn start(&mut self, bytes: &[u8], at: usize, mark: usize) -> usize {
        let Some(&byte) = bytes.get(at) else { return bytes.len() };
        let offset = self.offset(at);
        if BYTE_ORDER_MARK.get(mark) == Some(&byte) && offset == mark as u64 {
            self.place = Position::Start { mark: mark + 1 };
            return at + 1;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return at + 1,
            b'[' => {
                self.place = Position::List(Expected::First);
                return at + 1;
            }
            b'{' => {
                self.bare = true;
                self.begin(at, Position::Container(ContainerRole::Undecided));
                self.walk = BlockState::outside(1);
                self.way = Way::Conversation;
                return at + 1;
            }
            b'"' => self.trouble("top level is a string", offset),
            b'0'..=b'9' | b'-' => self.trouble("top level is a number", offset),
            b't' | b'f' | b'n' => self.trouble("top level is neither a list nor an object", offset),
            _ => self.trouble("not JSON", offset),
        }
        self.place = Position::Lost;
        bytes.len()
    }

    fn list(&mut self, bytes: &[u8], at: usize, expected: Expected) -> usize {
        let Some(&byte) = bytes.get(at) else { return bytes.len() };
        let offset = self.offset(at);
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b',' => {
                if expected != Expected::Comma {
                    self.trouble("a comma too many between conversations", offset);
                }
                self.place = Position::List(Expected::Next);
            }
            b']' => {
                if expected == Expected::Next {
                    self.trouble("a comma too many after the last conversation", offset);
                }
                self.leave_list(at);
            }
            // The list began with `[`, so this can't be its end.
            b'}' => self.trouble("a closing brace too many between conversations", offset),
            _ => {
                if expected == Expected::Comma {
                    self.trouble("no comma between conversations", offset);
                }
                self.begin_element(byte, at);
            }
        }
        at + 1
    }

    fn leave_list(&mut self, at: usize) {
        if self.wrapped {
            self.begin(at + 1, Position::Container(ContainerRole::Wrapper));
            self.walk = BlockState::outside(1);
            self.way = Way::Conversation;
        } else {
            self.place = Position::Over;
        }
    }

    fn begin_element(&mut self, byte: u8, at: usize) {
        match byte {
            b'{' | b'[' => {
                self.begin(at, Position::Container(ContainerRole::Element));
                self.walk = BlockState::outside(1);
                self.way = if byte == b'{' { Way::Conversation } else { Way::Off };
            }
            b'"' => self.begin(at, Position::Text { escaped: false }),
            _ => self.begin(at, Position::Word),
        }
    }

    fn begin(&mut self, at: usize, place: Position) {
        self.place = place;
        self.start = self.offset(at);
        self.kept.clear();
        self.from = Some(at);
    }

    fn text(&mut self, bytes: &[u8], at: usize, escaped: bool) -> usize {
        match bytes.get(at) {
            Some(b'"') if !escaped => self.pause(bytes, at + 1),
            Some(&byte) => self.place = Position::Text { escaped: byte == b'\\' && !escaped },
            None => {}
        }
        at + 1
    }

    fn word(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| b" \t\n\r,[]{}\"".contains(byte));
        let end = end.map(|len| at + len);
        if let Some(end) = end {
            self.pause(bytes, end);
        }
        end.unwrap_or(bytes.len())
    }

    /// Ends a word or string at `end`; of the element it may only be the beginning.
    fn pause(&mut self, bytes: &[u8], end: usize) {
        self.keep(bytes, end);
        self.from = None;
        self.place = Position::Gap { end: self.offset(end) };
    }

    /// Goes on behind a word or string that ended at `end`. Blanks between two of them are kept as one.
    fn gap(&mut self, bytes: &[u8], at: usize, end: u64, found: &mut dyn FnMut(Element<'_>)) -> usize {
        let Some(&byte) = bytes.get(at) else { return bytes.len() };
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return at + 1,
            b',' | b'[' | b']' | b'{' => {
                self.emit(bytes, at, true, found);
                return at;
            }
            _ => {}
        }
        if self.offset(at) > end {
            self.kept.push(b" ");
        }
        self.from = Some(at);
        self.place = if byte == b'"' { Position::Text { escaped: false } } else { Position::Word };
        at + 1
    }

    fn over(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        if let Some(more) = rest.iter().position(|byte| !b" \t\n\r".contains(byte)) {
            self.trouble("there is more after the end", self.offset(at + more));
        }
        bytes.len()
    }

    /// Goes on in a container, until it ends or the buffer does.
    fn container(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        role: ContainerRole,
        found: &mut dyn FnMut(Element<'_>),
    ) -> usize {
        let mut role = role;
        loop {
            // Off the way nothing happens before we are back on it.
            let on_way = self.walk.depth == self.way.depth();
            let floor = if on_way { u64::MAX } else { self.way.depth() };
            let Some(block) = self.level.run(bytes, at, floor, &mut self.walk) else { return bytes.len() };
            let mut bits = block.open | block.close;
            while bits != 0 {
                let here = block.at + bits.trailing_zeros() as usize;
                let open = block.open & bits & bits.wrapping_neg() != 0;
                bits &= bits - 1;
                if open {
                    if self.walk.depth == self.way.depth() && self.enter(bytes, here, &mut role) {
                        return here + 1;
                    }
                    self.walk.depth = self.walk.depth.saturating_add(1);
                } else if self.leave(here) {
                    self.end_container(bytes, here + 1, role, found);
                    return here + 1;
                }
            }
            at = block.end;
        }
    }

    /// Decides on a container that begins at `here`, on the way. True if it is the list of conversations.
    fn enter(&mut self, bytes: &[u8], here: usize, role: &mut ContainerRole) -> bool {
        let bracket = bytes.get(here).copied().unwrap_or_default();
        let fresh = bytes.get(self.from.unwrap_or(here)..here).unwrap_or_default();
        let key = || JsonKey::before(self.kept.bytes(), fresh);
        if *role != ContainerRole::Element && self.way == Way::Conversation {
            if bracket == b'[' && key().is(b"conversations") {
                self.from = None;
                self.kept.clear();
                self.wrapped = true;
                self.bare = false;
                self.place = Position::List(Expected::First);
                return true;
            }
            if *role == ContainerRole::Wrapper {
                self.drop_from(bytes, here);
                return false;
            }
        }
        match self.way.verdict(bracket, key) {
            Verdict::Keep => {}
            Verdict::Drop => self.drop_from(bytes, here),
            Verdict::Follow => {
                self.way = self.way.on();
                if *role == ContainerRole::Undecided {
                    *role = ContainerRole::Element;
                    self.place = Position::Container(ContainerRole::Element);
                }
            }
        }
        false
    }

    /// Leaves out the container that begins at `here`.
    fn drop_from(&mut self, bytes: &[u8], here: usize) {
        self.keep(bytes, here);
        if self.place != Position::Container(ContainerRole::Wrapper) {
            self.kept.push_null();
        }
        self.from = None;
    }

    /// Leaves a container at `here`. True if it is the whole element.
    fn leave(&mut self, here: usize) -> bool {
        self.walk.depth = self.walk.depth.saturating_sub(1);
        if self.walk.depth <= self.way.depth() {
            self.way = self.way.back_to(self.walk.depth);
            if self.from.is_none() {
                self.from = Some(here + 1);
            }
        }
        self.walk.depth == 0
    }

    fn end_container(
        &mut self,
        bytes: &[u8],
        end: usize,
        role: ContainerRole,
        found: &mut dyn FnMut(Element<'_>),
    ) {
        match role {
            ContainerRole::Element => self.emit(bytes, end, true, found),
            ContainerRole::Wrapper => self.place = Position::Over,
            ContainerRole::Undecided => {
                self.keep(bytes, end);
                if is_conversation(self.kept.bytes()) {
                    self.emit(bytes, end, true, found);
                } else {
                    self.trouble(NOT_CONVERSATIONS, self.start);
                    self.place = Position::Lost;
                }
            }
        }
        self.from = None;
        self.kept.clear();
    }

    /// Hands over the current element, which ends at `end` or before the gap that we are in, and goes on behind it.
    fn emit(&mut self, bytes: &[u8], end: usize, complete: bool, found: &mut dyn FnMut(Element<'_>)) {
        let whole = self.from.and_then(|from| bytes.get(from..end)).unwrap_or_default();
        let borrowed = self.kept.is_empty() && self.kept.fits(whole.len());
        if !borrowed {
            self.keep(bytes, end);
        }
        let end = if let Position::Gap { end } = self.place { end } else { self.offset(end) };
        let body = match self.kept.content() {
            _ if borrowed => Body::Whole(ElementJson::InBuffer(whole)),
            KeptContent::Whole(text) => Body::Whole(ElementJson::Kept(text)),
            KeptContent::Skeleton(skeleton) => Body::TooLarge { skeleton },
        };
        found(Element { start: self.start, end, body, complete });
        self.from = None;
        self.kept.clear();
        self.place = if self.bare { Position::Over } else { Position::List(Expected::Comma) };
    }

    /// Keeps what is to be kept of the current buffer up to `end`.
    fn keep(&mut self, bytes: &[u8], end: usize) {
        let Some(from) = self.from else { return };
        let fresh = bytes.get(from..end).unwrap_or_default();
        if self.place == Position::Container(ContainerRole::Wrapper) {
            self.kept.push_last(fresh, LONGEST_GAP);
        } else {
            self.kept.push(fresh);
        }
        self.from = Some(end);
    }
}

const NOT_CONVERSATIONS: &str = "an object that is neither a conversation nor a list of them";

/// True if `object`, which may break off, has a key that only a conversation has.
fn is_conversation(object: &[u8]) -> bool {
    let (mut depth, mut inside, mut escaped) = (0_u64, false, false);
    object.iter().enumerate().any(|(at, &byte)| {
        match byte {
            b'"' if !escaped => inside = !inside,
            b'{' | b'[' if !inside => depth = depth.saturating_add(1),
            b'}' | b']' if !inside => depth = depth.saturating_sub(1),
            b':' if !inside && depth == 1 => {
                let key = JsonKey::before(b"", object.get(..=at).unwrap_or_default());
                return key.is(b"mapping") || key.is(b"current_node");
            }
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
        false
    })
}

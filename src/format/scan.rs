//! A streaming scanner that finds the elements of an array of conversations, whatever they contain.
//!
//! It only knows strings and brackets, accepts a stream in buffers of any size, and never recurses. It doesn't
//! check whether an element is valid JSON: as long as brackets and quotes are balanced, errors inside one element
//! can't affect its neighbours. Brackets are counted regardless of kind, so `[1}` is balanced.
//!
//! The elements are those of the top-level array; or of the array `conversations` or `chats` in a top-level object; or the
//! top-level object itself if it has a key `mapping` or `current_node`, as a conversation does. Keys may come in
//! any order, and a byte order mark is skipped. Further lists and objects may follow, as in JSON Lines. Words and strings that follow one another without a comma form
//! one element, so that a line of junk between two conversations is one problem, not many.

mod blocks;
mod deferred;
mod indentation;
mod prune;
#[cfg(test)]
mod tests;

use crate::bytes::{BYTE_ORDER_MARK, append};
pub use blocks::Level;
pub(super) use blocks::{BATCH, BlockState, Marks, WIDTH, backslashes};
pub(crate) use deferred::skeleton;
use deferred::{KeptBytes, KeptContent};
use prune::{JsonKey, PrunePath, Verdict};
use std::ops::Deref;

/// Default limit for keeping an element whole, not counting dropped containers.
pub const ELEMENT_LIMIT: usize = 256 << 20;

/// One element of the array.
#[derive(Debug)]
pub struct Element<'a> {
    /// Offset of its first byte in the stream.
    pub start: u64,
    /// Offset after its last byte.
    pub end: u64,
    /// Its text.
    pub body: Body<'a>,
    /// False if the stream ends inside it.
    pub complete: bool,
}

/// The text of an element.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// The element, with `null` in place of containers that are never read: most of the `metadata` of messages,
    /// and lists of the conversation itself such as `moderation_results`.
    Whole(ElementJson<'a>),
    /// The element exceeds the limit. Contains only shallow keys and values, with empty containers. Truncated to
    /// 1 MiB, in which case it is not valid JSON.
    TooLarge {
        /// The shallow keys and values.
        skeleton: &'a [u8],
    },
    /// There is too little memory for the element. Otherwise like [`TooLarge`](Self::TooLarge).
    NoMemory {
        /// The shallow keys and values.
        skeleton: &'a [u8],
    },
}

/// The JSON of an element, borrowed while the element is handed over.
#[derive(Debug, PartialEq, Eq)]
pub enum ElementJson<'a> {
    /// Located in the buffer that was fed.
    InBuffer(&'a [u8]),
    /// Collected by the scanner, which no longer needs it.
    Kept(&'a mut Vec<u8>),
}

impl ElementJson<'_> {
    /// Takes ownership of the JSON, without a copy if the scanner collected it; the scanner then continues with
    /// `spare`.
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
    /// Properly.
    Complete,
    /// Something is wrong outside the elements, or the stream breaks off. Elements found before it are good.
    Damaged {
        /// The first problem that hides elements, or else the first of all, in a few words.
        reason: &'static str,
        /// Its offset in the stream.
        at: u64,
    },
}

/// Finds elements in a stream.
///
/// Uses as much memory as the largest element, without the containers dropped from it. Scans several GB/s with
/// AVX2.
#[derive(Debug)]
pub struct Scanner {
    level: Level,
    /// Offset of the current buffer in the stream.
    base: u64,
    place: Position,
    /// The list is inside an object, which continues after it.
    wrapped: bool,
    /// The top-level value is the only element.
    bare: bool,
    /// The first problem that may hide elements, and its offset.
    trouble: Option<(&'static str, u64)>,
    /// The first problem despite which every element is found, and its offset.
    blemish: Option<(&'static str, u64)>,
    /// Offset of the current element in the stream.
    start: u64,
    kept: KeptBytes,
    /// Start of the bytes in the current buffer that are yet to be kept; `None` in a dropped container.
    from: Option<usize>,
    brackets: BlockState,
    path: PrunePath,
}

/// Position in the structure of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before the top-level value, after `mark` bytes of a byte order mark.
    Start { mark: usize },
    /// In the list, outside any element.
    List(Expected),
    /// In an object or array.
    Container(ContainerRole),
    /// In an element that is a string.
    Text { escaped: bool },
    /// In an element that is a number or a word.
    Word,
    /// After a word or string that ended at this offset. Further ones belong to the same element.
    Gap { end: u64 },
    /// After the top-level value.
    Over,
    /// In a stream that is not an export.
    Lost,
}

/// What may come next in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    First,
    Comma,
    Next,
}

/// The role of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContainerRole {
    /// An element.
    Element,
    /// The top-level object: a conversation, or the wrapper of the list.
    Undecided,
    /// The object around the list.
    Wrapper,
}

/// Maximum distance between a key and its value in the wrapper, where only the keys matter.
const LONGEST_GAP: usize = 4096;

impl Scanner {
    /// A scanner that keeps elements of up to `limit` bytes whole.
    pub fn new(limit: usize) -> Self {
        Self::with_level(limit, Level::best())
    }

    /// Like [`new`](Self::new), with instructions of the given level, for benchmarks and tests.
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
            blemish: None,
            start: 0,
            kept,
            from: None,
            brackets: BlockState::default(),
            path: PrunePath::Off,
        }
    }

    /// Takes the next bytes of the stream and hands over the elements that end in them.
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

    /// Number of bytes kept of an incomplete element.
    pub fn held(&self) -> usize {
        self.kept.bytes().len()
    }

    /// Returns how the stream ended, after handing over the unfinished element if there is one. Resets the
    /// scanner but keeps its memory.
    pub fn finish(&mut self, found: &mut dyn FnMut(Element<'_>)) -> End {
        let end = self.base;
        match self.place {
            Position::Start { .. } => self.trouble("empty", end),
            Position::List(_) => self.trouble("the list has no end", end),
            Position::Container(ContainerRole::Wrapper) => {
                self.trouble("the object around the conversations has no end", end);
            }
            Position::Container(ContainerRole::Undecided) if !is_conversation(self.kept.bytes()) => {
                self.trouble(NOT_CONVERSATIONS, self.start);
            }
            Position::Container(_) | Position::Text { .. } => {
                let in_string = !matches!(self.place, Position::Container(_)) || self.brackets.in_string();
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
                self.trouble("the list has no end", end);
                self.emit(&[], 0, true, found);
            }
            Position::Over | Position::Lost => {}
        }
        let end =
            self.trouble.or(self.blemish).map_or(End::Complete, |(reason, at)| End::Damaged { reason, at });
        self.kept.clear();
        *self = Self::with_kept(std::mem::take(&mut self.kept), self.level);
        end
    }

    /// Records a problem that may hide elements.
    fn trouble(&mut self, reason: &'static str, at: u64) {
        self.trouble.get_or_insert((reason, at));
    }

    /// Records a problem that hides nothing.
    fn blemish(&mut self, reason: &'static str, at: u64) {
        self.blemish.get_or_insert((reason, at));
    }

    /// The stream offset of position `at` in the current buffer.
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
                self.brackets = BlockState::outside(1);
                self.path = PrunePath::Conversation;
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
                    self.blemish("an extra comma between conversations", offset);
                }
                self.place = Position::List(Expected::Next);
            }
            b']' => {
                if expected == Expected::Next {
                    self.blemish("an extra comma after the last conversation", offset);
                }
                self.leave_list(at);
            }
            // The list began with `[`, so this can't be its end.
            b'}' => self.blemish("an extra closing brace between conversations", offset),
            _ => {
                if expected == Expected::Comma {
                    self.blemish("no comma between conversations", offset);
                }
                self.begin_element(byte, at);
            }
        }
        at + 1
    }

    fn leave_list(&mut self, at: usize) {
        if self.wrapped {
            self.begin(at + 1, Position::Container(ContainerRole::Wrapper));
            self.brackets = BlockState::outside(1);
            self.path = PrunePath::Conversation;
        } else {
            self.place = Position::Over;
        }
    }

    fn begin_element(&mut self, byte: u8, at: usize) {
        match byte {
            b'{' | b'[' => {
                self.begin(at, Position::Container(ContainerRole::Element));
                self.brackets = BlockState::outside(1);
                self.path = if byte == b'{' { PrunePath::Conversation } else { PrunePath::Off };
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

    /// Ends a word or string at `end`; the element may continue.
    fn pause(&mut self, bytes: &[u8], end: usize) {
        self.keep(bytes, end);
        self.from = None;
        self.place = Position::Gap { end: self.offset(end) };
    }

    /// Continues after a word or string that ended at `end`. Blanks between two of them are kept as one.
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

    /// Looks for another list or object after the end of one: in JSON Lines each conversation is on a line.
    fn over(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(more) = rest.iter().position(|byte| !b" \t\n\r".contains(byte)) else { return bytes.len() };
        let at = at + more;
        match rest.get(more) {
            Some(b'[') => self.blemish("another list after the end of the first", self.offset(at)),
            Some(b'{') if !self.bare => self.blemish("an object after the end of the list", self.offset(at)),
            Some(b'{') => {}
            _ => {
                self.trouble(AFTER_END, self.offset(at));
                self.place = Position::Lost;
                return bytes.len();
            }
        }
        self.wrapped = false;
        self.bare = false;
        self.start(bytes, at, BYTE_ORDER_MARK.len())
    }

    /// Scans a container up to its end or the end of the buffer.
    fn container(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        role: ContainerRole,
        found: &mut dyn FnMut(Element<'_>),
    ) -> usize {
        let mut role = role;
        loop {
            // Away from the path nothing matters until we return to it.
            let on_path = self.brackets.depth == self.path.depth();
            let floor = if on_path { u64::MAX } else { self.path.depth() };
            let Some(block) = self.level.run(bytes, at, floor, &mut self.brackets) else {
                return bytes.len();
            };
            let mut bits = block.open | block.close;
            while bits != 0 {
                let here = block.at + bits.trailing_zeros() as usize;
                let open = block.open & bits & bits.wrapping_neg() != 0;
                bits &= bits - 1;
                if open {
                    if self.brackets.depth == self.path.depth() && self.enter(bytes, here, &mut role) {
                        return here + 1;
                    }
                    self.brackets.depth = self.brackets.depth.saturating_add(1);
                } else if self.leave(here) {
                    self.end_container(bytes, here + 1, role, found);
                    return here + 1;
                }
            }
            at = block.end;
        }
    }

    /// Decides what to do with a container that begins at `here`, on the path. Returns true if it is the list of
    /// conversations.
    fn enter(&mut self, bytes: &[u8], here: usize, role: &mut ContainerRole) -> bool {
        let bracket = bytes.get(here).copied().unwrap_or_default();
        let fresh = bytes.get(self.from.unwrap_or(here)..here).unwrap_or_default();
        let key = || JsonKey::before(self.kept.bytes(), fresh);
        if *role != ContainerRole::Element {
            if bracket == b'[' && (key().is(b"conversations") || key().is(b"chats")) {
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
        match self.path.verdict(bracket, key) {
            Verdict::Keep => {}
            Verdict::Drop => self.drop_from(bytes, here),
            Verdict::Follow => {
                self.path = self.path.on();
                if *role == ContainerRole::Undecided {
                    *role = ContainerRole::Element;
                    self.place = Position::Container(ContainerRole::Element);
                }
            }
        }
        false
    }

    /// Drops the container that begins at `here`.
    fn drop_from(&mut self, bytes: &[u8], here: usize) {
        self.keep(bytes, here);
        if self.place != Position::Container(ContainerRole::Wrapper) {
            self.kept.push_null();
        }
        self.from = None;
    }

    /// Leaves a container at `here`. Returns true if the element is complete.
    fn leave(&mut self, here: usize) -> bool {
        self.brackets.depth = self.brackets.depth.saturating_sub(1);
        if self.brackets.depth <= self.path.depth() {
            self.path = self.path.back_to(self.brackets.depth);
            if self.from.is_none() {
                self.from = Some(here + 1);
            }
        }
        self.brackets.depth == 0
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
                    self.place = Position::Over;
                }
            }
        }
        self.from = None;
        self.kept.clear();
    }

    /// Hands over the current element, which ends at `end` or before the current gap, and continues after it.
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
            KeptContent::Starved(skeleton) => Body::NoMemory { skeleton },
        };
        found(Element { start: self.start, end, body, complete });
        self.from = None;
        self.kept.clear();
        self.place = if self.bare { Position::Over } else { Position::List(Expected::Comma) };
    }

    /// Keeps what is wanted of the current buffer up to `end`.
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

const AFTER_END: &str = "data after the end; conversations in it are not read";

/// The problem of an object without conversations.
pub(crate) const NOT_CONVERSATIONS: &str = "an object that is neither a conversation nor a list of them";

/// True if the possibly truncated `object` has a key that only a conversation has.
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

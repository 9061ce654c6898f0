//! The JSON inside `chat.html`, the viewer that comes with an export: the last resort when the JSON files are gone.
//!
//! Its script holds `var jsonData = […]` (all conversations) and, later, `var assetsJson = {…}` (the path of each
//! file). Both are found by their names and followed to the bracket that ends them, strings respected, so that
//! `</script>` in a message is text. Some exports write them with HTML entities instead of quotes.

mod entities;
#[cfg(test)]
mod tests;

use crate::format::scan::{BlockState, Level};
use entities::Decoder;

pub(crate) use entities::{decode_entities, is_encoded};

/// The largest asset table that is kept.
const ASSETS_LIMIT: usize = 64 << 20;

/// Extracts the conversations from a `chat.html` that is fed to it.
///
/// Memory: a buffer's worth, the asset table (up to 64 MiB), and 32 bytes for each conversation if entities are
/// used.
#[derive(Debug)]
pub(crate) struct HtmlExtract {
    level: Level,
    place: ScanState,
    /// Offset of the current buffer in the file.
    base: u64,
    /// Strings and brackets of a plain value.
    walk: BlockState,
    /// The same of a value that may be written with entities.
    decoder: Decoder,
    /// Bytes of conversations passed on so far.
    passed: u64,
    /// Offset of the conversations in the file.
    shift: u64,
    /// Where conversations begin and end: offsets in the JSON and in the file, ascending.
    places: Vec<(u64, u64)>,
    encoded: bool,
    found: bool,
    assets: Table,
}

/// What was found in a `chat.html`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extracted {
    /// True if there were conversations, or at least their beginning.
    pub found: bool,
    /// True if nothing is cut off.
    pub complete: bool,
    /// The asset table as JSON; `None` if there is none, or more than 64 MiB of it.
    pub assets: Option<Vec<u8>>,
}

/// The values that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Conversations,
    Assets,
}

impl Name {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Conversations => b"jsonData",
            Self::Assets => b"assetsJson",
        }
    }
}

/// The position in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    /// Before a name; this many of its bytes have matched. No name repeats its first byte, so after a mismatch
    /// matching starts over.
    Seek { conversations: usize, assets: usize },
    /// After a name.
    Equals(Name),
    /// After its `=`.
    Value(Name),
    /// In the value before its first string, which shows how it is written.
    Start(Name),
    /// In a plain value.
    Plain(Name),
    /// In a value that is written with entities.
    Encoded(Name),
}

const SEEK: ScanState = ScanState::Seek { conversations: 0, assets: 0 };

/// The asset table, unless it is too large.
#[derive(Debug, Default)]
struct Table {
    bytes: Vec<u8>,
    ended: bool,
}

impl Table {
    fn push(&mut self, bytes: &[u8]) {
        // One byte too many marks a table that is too large.
        let room = (ASSETS_LIMIT + 1).saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

impl Default for HtmlExtract {
    fn default() -> Self {
        Self::new()
    }
}

impl HtmlExtract {
    /// At the start of a file.
    pub(crate) fn new() -> Self {
        Self {
            level: Level::best(),
            place: SEEK,
            base: 0,
            walk: BlockState::default(),
            decoder: Decoder::default(),
            passed: 0,
            shift: 0,
            places: Vec::new(),
            encoded: false,
            found: false,
            assets: Table::default(),
        }
    }

    /// Takes the next bytes of the file, and passes on those of the conversations: plain JSON, for a scanner.
    pub(crate) fn feed(&mut self, bytes: &[u8], json: &mut dyn FnMut(&Self, &[u8])) {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.place {
                ScanState::Seek { conversations, assets } => self.seek(bytes, at, conversations, assets),
                ScanState::Equals(name) => self.equals(bytes, at, name),
                ScanState::Value(name) => self.value(bytes, at, name),
                ScanState::Start(name) => self.start(bytes, at, name, json),
                ScanState::Plain(name) => self.plain(bytes, at, name, json),
                ScanState::Encoded(name) => self.encoded(bytes, at, name, json),
            };
        }
        self.base = self.base.saturating_add(bytes.len() as u64);
    }

    /// What was found.
    pub(crate) fn finish(self) -> Extracted {
        let inside = matches!(self.place, ScanState::Start(_) | ScanState::Plain(_) | ScanState::Encoded(_));
        let assets = Some(self.assets.bytes).filter(|bytes| self.assets.ended && bytes.len() <= ASSETS_LIMIT);
        Extracted { found: self.found, complete: !inside, assets }
    }

    /// The offset in the file of a conversation's first byte or of the byte after its last, given its offset in the
    /// JSON that was passed on. `None` if no conversation begins or ends there and the JSON is written with entities:
    /// bytes in the file are then more than bytes of JSON.
    pub(crate) fn offset_in_file(&self, offset: u64) -> Option<u64> {
        if !self.encoded {
            return offset.checked_add(self.shift);
        }
        let index = self.places.binary_search_by_key(&offset, |place| place.0).ok()?;
        self.places.get(index).map(|place| place.1)
    }

    /// True if the conversations are written with entities: what is read again from the file must then go through
    /// [`decode_entities`].
    #[cfg(test)]
    fn uses_entities(&self) -> bool {
        self.encoded
    }

    fn seek(&mut self, bytes: &[u8], at: usize, mut conversations: usize, mut assets: usize) -> usize {
        let step = |matched: usize, name: Name, byte: u8| {
            let name = name.bytes();
            if name.get(matched) == Some(&byte) {
                matched + 1
            } else {
                usize::from(name.first() == Some(&byte))
            }
        };
        for (index, &byte) in bytes.iter().enumerate().skip(at) {
            conversations = step(conversations, Name::Conversations, byte);
            assets = step(assets, Name::Assets, byte);
            for (matched, name) in [(conversations, Name::Conversations), (assets, Name::Assets)] {
                // Only the first value of each name counts.
                let wanted = match name {
                    Name::Conversations => !self.found,
                    Name::Assets => !self.assets.ended,
                };
                if matched == name.bytes().len() && wanted {
                    self.place = ScanState::Equals(name);
                    return index + 1;
                }
            }
        }
        self.place = ScanState::Seek { conversations, assets };
        bytes.len()
    }

    fn equals(&mut self, bytes: &[u8], at: usize, name: Name) -> usize {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii_whitespace() => at + 1,
            Some(b'=') => {
                self.place = ScanState::Value(name);
                at + 1
            }
            _ => {
                self.place = SEEK;
                at
            }
        }
    }

    fn value(&mut self, bytes: &[u8], at: usize, name: Name) -> usize {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii_whitespace() => return at + 1,
            Some(b'[' | b'{') => {
                self.decoder = Decoder::default();
                self.place = ScanState::Start(name);
                if name == Name::Conversations {
                    self.found = true;
                    self.shift = self.base.saturating_add(at as u64);
                }
            }
            _ => self.place = SEEK,
        }
        at
    }

    /// Before the first string there are brackets, blanks and numbers only, the same in both ways of writing.
    fn start(&mut self, bytes: &[u8], at: usize, name: Name, json: &mut dyn FnMut(&Self, &[u8])) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let sign = rest.iter().position(|byte| matches!(byte, b'"' | b'&')).unwrap_or(rest.len());
        let stop = self.encoded(bytes.get(..at + sign).unwrap_or_default(), at, name, json);
        if self.place == ScanState::Start(name) {
            match bytes.get(stop) {
                Some(b'&') => {
                    self.encoded |= name == Name::Conversations;
                    self.place = ScanState::Encoded(name);
                }
                Some(_) => {
                    self.walk = BlockState::outside(self.decoder.depth());
                    self.place = ScanState::Plain(name);
                }
                None => {}
            }
        }
        stop
    }

    fn plain(&mut self, bytes: &[u8], at: usize, name: Name, json: &mut dyn FnMut(&Self, &[u8])) -> usize {
        let end = end_of_value(self.level, bytes, at, &mut self.walk);
        let stop = end.unwrap_or(bytes.len());
        self.pass(name, bytes.get(at..stop).unwrap_or_default(), json);
        if end.is_some() {
            self.end(name);
        }
        stop
    }

    fn encoded(&mut self, bytes: &[u8], at: usize, name: Name, json: &mut dyn FnMut(&Self, &[u8])) -> usize {
        let (mut decoded, mut places) = (Vec::new(), Vec::new());
        let end = self.decoder.decode(bytes, at, &mut decoded, &mut places);
        if name == Name::Conversations {
            let in_file = places.iter().map(|&(json, raw)| {
                (self.passed.saturating_add(json as u64), self.base.saturating_add(raw as u64))
            });
            self.places.extend(in_file);
        }
        self.pass(name, &decoded, json);
        if end.is_some() {
            self.end(name);
        }
        end.unwrap_or(bytes.len())
    }

    fn pass(&mut self, name: Name, bytes: &[u8], json: &mut dyn FnMut(&Self, &[u8])) {
        match name {
            Name::Conversations => {
                json(self, bytes);
                self.passed = self.passed.saturating_add(bytes.len() as u64);
            }
            Name::Assets => self.assets.push(bytes),
        }
    }

    fn end(&mut self, name: Name) {
        self.assets.ended |= name == Name::Assets;
        self.place = SEEK;
    }
}

/// Where the value ends whose strings and brackets so far are in `walk`; `None` if not in `bytes`.
fn end_of_value(level: Level, bytes: &[u8], mut at: usize, walk: &mut BlockState) -> Option<usize> {
    while let Some(block) = level.run(bytes, at, 0, walk) {
        let mut bits = block.open | block.close;
        while bits != 0 {
            let here = block.at + bits.trailing_zeros() as usize;
            if block.open & bits & bits.wrapping_neg() != 0 {
                walk.depth = walk.depth.saturating_add(1);
            } else {
                walk.depth = walk.depth.saturating_sub(1);
                if walk.depth == 0 {
                    return Some(here + 1);
                }
            }
            bits &= bits - 1;
        }
        at = block.end;
    }
    None
}

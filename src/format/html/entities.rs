//! JSON that is written with HTML entities.

/// The longest entity that is looked for, without `&` and `;`: `#x10FFFF` and more.
const LONGEST: usize = 10;

/// Decodes a JSON value as it comes, and follows its strings and brackets.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    /// What is there of an entity, with its `&`.
    entity: Vec<u8>,
    depth: u64,
    inside: bool,
    escaped: bool,
    /// How many brackets are open around a conversation, once we are in their list; 0 before.
    list: u64,
}

impl Decoder {
    /// How many brackets are open.
    pub(super) fn depth(&self) -> u64 {
        self.depth
    }

    /// Decodes from `at` on and returns where the value ends, if it ends here. What is decoded is added to `json`;
    /// where conversations begin and end is added to `places`, as offsets in `json` and in `bytes`.
    ///
    /// A conversation is an object or array in a list that is the value or in it; or the value.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        at: usize,
        json: &mut Vec<u8>,
        places: &mut Vec<(usize, usize)>,
    ) -> Option<usize> {
        for (index, &byte) in bytes.iter().enumerate().skip(at) {
            let before = json.len();
            self.take(byte, json);
            let mut from = before;
            while let Some(&decoded) = json.get(from) {
                match self.follow(decoded) {
                    // A bracket that is an entity begins before this byte: then its place is not known, and the
                    // conversation can't be read again by its place.
                    Step::Begins if byte == decoded => places.push((from, index)),
                    Step::Ends => places.push((from + 1, index + 1)),
                    Step::Begins | Step::Other => {}
                }
                if self.depth == 0 {
                    return Some(index + 1);
                }
                from += 1;
            }
        }
        None
    }

    /// Takes a byte and adds what it completes.
    fn take(&mut self, byte: u8, json: &mut Vec<u8>) {
        match byte {
            b'&' => {
                json.append(&mut self.entity);
                self.entity.push(b'&');
            }
            _ if self.entity.is_empty() => json.push(byte),
            b';' => {
                if let Some(symbol) = self.entity.get(1..).and_then(symbol) {
                    json.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    json.append(&mut self.entity);
                    json.push(b';');
                }
                self.entity.clear();
            }
            _ => {
                self.entity.push(byte);
                if !(byte.is_ascii_alphanumeric() || byte == b'#') || self.entity.len() > LONGEST {
                    json.append(&mut self.entity);
                }
            }
        }
    }

    fn follow(&mut self, byte: u8) -> Step {
        let escaped = self.escaped;
        self.escaped = byte == b'\\' && !escaped;
        match byte {
            b'"' if !escaped => self.inside = !self.inside,
            b'{' | b'[' if !self.inside => {
                let begins = self.depth == 0 || self.list == self.depth;
                self.depth = self.depth.saturating_add(1);
                if byte == b'[' && self.list == 0 && self.depth <= 2 {
                    self.list = self.depth;
                }
                return if begins { Step::Begins } else { Step::Other };
            }
            b'}' | b']' if !self.inside => {
                let is_conversation = self.list != 0 && self.depth == self.list.saturating_add(1);
                if self.depth == self.list {
                    self.list = 0;
                }
                self.depth = self.depth.saturating_sub(1);
                return if is_conversation || self.depth == 0 { Step::Ends } else { Step::Other };
            }
            _ => {}
        }
        Step::Other
    }
}

/// What a bracket does.
enum Step {
    /// Begins a conversation.
    Begins,
    /// Ends one.
    Ends,
    /// Neither.
    Other,
}

/// What an entity stands for, given without `&` and `;`.
fn symbol(entity: &[u8]) -> Option<char> {
    match entity {
        b"quot" => Some('"'),
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"apos" => Some('\''),
        b"nbsp" => Some('\u{A0}'),
        [b'#', b'x' | b'X', digits @ ..] => {
            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)
        }
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?),
        _ => None,
    }
}

/// Bytes of the file that hold one conversation written with entities, as JSON. Linear.
pub(crate) fn decode_entities(raw: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::default();
    let mut json = Vec::with_capacity(raw.len());
    for &byte in raw {
        decoder.take(byte, &mut json);
    }
    json.append(&mut decoder.entity);
    json
}

/// True if the bytes of a conversation are written with entities: the first quote in them is one.
pub(crate) fn is_encoded(raw: &[u8]) -> bool {
    raw.iter().find(|byte| matches!(byte, b'"' | b'&')) == Some(&b'&')
}

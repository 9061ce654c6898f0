//! Writing Markdown that stays inside its frame: labels, links, fences, quotes, and the block structure of foreign text.
//!
//! A page is read by people and by parsers. Whatever text it quotes, a parser finds the headings that the renderer wrote
//! and no others of their level, and nothing that one message leaves open reaches the next. Knows neither pages nor
//! conversations; formats use it to compose Markdown, and the renderer to frame it.

mod address;
pub(crate) mod block;
pub(crate) mod code;
mod guard;
mod hints;
mod html;
mod math;
mod reference;
mod words;

pub(crate) use address::{
    destination, destination_length, encode_path_segment, encoded_len, external, host, label_start, link,
    percent_decode,
};
pub(crate) use block::Voice;
pub(crate) use code::{fence, fenced_ranges, quote};
pub use guard::Headings;
pub(crate) use guard::{TextFrame, guard, highest_heading, shift_for};
pub use hints::Hints;
pub use math::Math;
pub(crate) use math::dollars;
pub(crate) use words::{
    PLACEHOLDER_FINDER, clean, html, is_blank, label, one_line, trim_block, without_placeholder,
};

/// A noncharacter that no quoted text contains: everything here replaces it by U+FFFD. The renderer writes it where
/// something is filled in later.
pub(crate) const PLACEHOLDER: char = '\u{fdd0}';

//! Writing Markdown that stays inside its frame: labels, links, fences, quotes, and the block structure of foreign text.
//!
//! Whatever text a page quotes, a parser finds only the renderer's own headings at their levels, and nothing that one
//! message leaves open affects the next. Knows neither pages nor conversations; formats use it to compose Markdown, and
//! the renderer to frame it.

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
    destination, destination_length, encode_path_segment, encoded_len, external, host, is_web, label_start,
    link, percent_decode, percent_encode,
};
pub(crate) use block::Voice;
pub(crate) use code::{code_span, fence, fenced_ranges, is_within, longest_run, quote};
pub use guard::Headings;
pub(crate) use guard::{TextFrame, guard, highest_heading, shift_for};
pub(crate) use hints::Hints;
pub(crate) use math::Math;
pub(crate) use math::dollars;
pub(crate) use reference::most_growth;
pub(crate) use words::{
    PLACEHOLDER_FINDER, clean, harmless_brackets, html, is_blank, is_entity, label, one_line, sentence,
    trim_block, without_placeholder,
};

/// A noncharacter that marks where the renderer fills something in later. Quoted text can't contain it: everything here
/// replaces it with U+FFFD.
pub(crate) const PLACEHOLDER: char = '\u{fdd0}';

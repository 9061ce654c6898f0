//! Which characters a name keeps: one table per class, and the few rules that need neighbours.

use crate::text::is_bidi_control;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_segmentation::UnicodeSegmentation;

/// Text beyond so many bytes of kept characters can't reach a name: NFC shortens text to a third at most, and names
/// have at most 255 bytes. The cut comes before anything that sorts or looks far ahead.
const INPUT_BYTES: usize = 2048;

/// Most combining marks in a row. Unicode's stream-safe text has as many, and no language needs more.
const MARKS: usize = 30;

/// Looks like a blank without being one by its properties.
const BRAILLE_BLANK: char = '\u{2800}';
const JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
const LAST_TAG: char = '\u{e007f}';

/// `text` without the characters that a name can't have, in NFC. Neither its end nor its length is settled yet.
///
/// Idempotent: each step leaves what the steps before it look for.
pub(super) fn clean(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { clean_closely(text) }
}

/// The same for any text.
fn clean_closely(text: &str) -> String {
    let kept = in_sequences(&allowed(text));
    let mut plain = String::with_capacity(kept.len());
    let mut last = None;
    for c in kept {
        let c = if is_forbidden(c) { '/' } else { c };
        // A run of blanks is one blank, and a run of forbidden characters one `-`.
        if !(matches!(c, ' ' | '/') && last == Some(c)) {
            plain.push(if c == '/' { '-' } else { c });
        }
        last = Some(c);
    }
    if plain.is_ascii() {
        return plain;
    }
    let mut marks = 0;
    let few_marks = |&c: &char| {
        marks = if canonical_combining_class(c) == 0 { 0 } else { marks + 1 };
        marks <= MARKS
    };
    plain.nfc().filter(few_marks).collect()
}

/// True for text that is clean already, as most titles are: ASCII that no rule is about, with single blanks
/// between the words.
fn is_plain(text: &str) -> bool {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"-._,'()!&+".contains(&byte);
    text.len() <= INPUT_BYTES
        && !text.starts_with(['-', '.'])
        && text.split(' ').all(|word| !word.is_empty() && word.bytes().all(ordinary))
}

/// True for a character that leaves something to see in a name, whatever its neighbours.
pub(super) fn shows(c: char) -> bool {
    !c.is_whitespace() && c != BRAILLE_BLANK && !is_never_kept(c) && !is_sequence_only(c)
}

/// True for a character that can't be the last of a sequence that was cut.
pub(super) fn is_unfinished(c: char) -> bool {
    c == JOINER || is_tag(c)
}

/// The beginning of `text` as far as a name can need it: blanks of all kinds as spaces, and without characters that
/// no name has, whatever their neighbours. Begins with a character that a name can begin with.
fn allowed(text: &str) -> Vec<char> {
    let mut kept: Vec<char> = Vec::with_capacity(text.len().min(INPUT_BYTES));
    let mut bytes = 0;
    for c in text.chars() {
        let c = if c.is_whitespace() || c == BRAILLE_BLANK { ' ' } else { c };
        let again = match kept.last() {
            None => matches!(c, ' ' | '.' | '-' | '~') || is_forbidden(c) || is_sequence_only(c),
            Some(&last) => {
                (c == last && (c == ' ' || is_sequence_only(c)) && !is_tag(c))
                    || (is_forbidden(c) && is_forbidden(last))
            }
        };
        if again || is_never_kept(c) {
            continue;
        }
        bytes += c.len_utf8();
        if bytes > INPUT_BYTES {
            break;
        }
        kept.push(c);
    }
    kept
}

/// `text` without joiners, style selectors and tags that aren't part of an emoji sequence.
fn in_sequences(text: &[char]) -> Vec<char> {
    if !text.iter().any(|&c| is_sequence_only(c)) {
        return text.to_vec();
    }
    let mut kept: Vec<char> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        let keep = match c {
            JOINER => joins(&kept, after),
            TEXT_STYLE | EMOJI_STYLE => styles(&kept, after),
            c => !is_tag(c),
        };
        if keep {
            kept.push(c);
        }
        if c == BLACK_FLAG {
            let (tags, after) = rest.split_at(flag_tags(rest));
            kept.extend(tags);
            rest = after;
        }
    }
    kept
}

/// True if a joiner between `before` and `after` makes one emoji of two.
fn joins(before: &[char], after: &[char]) -> bool {
    let base =
        before.iter().rev().find(|&&c| !matches!(c, EMOJI_STYLE | '\u{1f3fb}'..='\u{1f3ff}') && !is_tag(c));
    let Some((&next, rest)) = after.split_first() else { return false };
    // A pictograph with a combining mark is another character (`↔` and a stroke are `↮`) and joins nothing.
    let marked =
        rest.iter().find(|&&c| !is_sequence_only(c)).is_some_and(|&c| canonical_combining_class(c) != 0);
    base.is_some_and(|&base| is_pictograph(base)) && is_pictograph(next) && !marked
}

/// True if a style selector between `before` and `after` styles an emoji.
fn styles(before: &[char], after: &[char]) -> bool {
    match before.last() {
        Some('0'..='9' | '#') => after.first() == Some(&KEYCAP),
        Some(&base) => is_pictograph(base),
        None => false,
    }
}

/// How many of `after` are the tags of the flag of a region such as Scotland, its end included.
fn flag_tags(after: &[char]) -> usize {
    const LONGEST: usize = 8;
    let tags = after
        .iter()
        .take(LONGEST)
        .take_while(|c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'))
        .count();
    if tags > 0 && after.get(tags) == Some(&LAST_TAG) { tags + 1 } else { 0 }
}

/// True for `Extended_Pictographic`. The segmentation rules are asked, which need no second table: after
/// a pictograph and a joiner only a pictograph belongs to the same grapheme, while marks belong to any.
fn is_pictograph(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    let single = |before: char| [before, JOINER, c].iter().collect::<String>().graphemes(true).count() == 1;
    single('©') && !single('a')
}

/// The characters that some system does not allow in names.
fn is_forbidden(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Zero-width characters that have a place in emoji sequences, and nowhere else.
fn is_sequence_only(c: char) -> bool {
    matches!(c, JOINER | TEXT_STYLE | EMOJI_STYLE) || is_tag(c)
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..=LAST_TAG)
}

/// Controls, zero-width characters without use in emoji, noncharacters, and the mark of text that was invalid.
fn is_never_kept(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || (is_ignorable(c) && !is_sequence_only(c))
        || matches!(c, '\u{fff9}'..='\u{fffd}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Unicode's `Default_Ignorable_Code_Point`: what has no width and no look of its own, and what some disks ignore.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_text_is_what_closer_looking_leaves_alone(text in "[ -~]{0,12}|[a-c -.,'()!&+]{0,20}") {
            prop_assert_eq!(clean(&text), clean_closely(&text));
        }
    }
}

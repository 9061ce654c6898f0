//! Which characters a name keeps: one table per class, and the few rules that depend on neighbours.

use crate::text::is_bidi_control;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_segmentation::UnicodeSegmentation;

/// Text beyond this many kept bytes can't affect a name: NFC shortens text to a third at most, and names have at
/// most 255 bytes. The cut precedes every step that sorts or looks far ahead.
const INPUT_BYTES: usize = 2048;

/// Longest run of combining marks. Unicode's stream-safe format has the same limit, and no language needs more.
const MARKS: usize = 30;

/// Looks blank without having the property.
const BRAILLE_BLANK: char = '\u{2800}';
const JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
const LAST_TAG: char = '\u{e007f}';

/// `text` in NFC, without the characters that a name can't have. Its end and its length are not settled yet.
///
/// Idempotent: no step produces anything that an earlier step removes.
pub(super) fn clean(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { clean_closely(text) }
}

/// The general case.
fn clean_closely(text: &str) -> String {
    let kept = in_sequences(&allowed(text));
    let mut plain = String::with_capacity(kept.len());
    let mut last = None;
    for c in kept {
        let c = if is_forbidden(c) { '/' } else { c };
        // Collapse runs of blanks into one blank, and runs of forbidden characters into one `-`.
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

/// True for text that is already clean, as most titles are: ASCII without special cases, with single blanks
/// between words.
fn is_plain(text: &str) -> bool {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"-._,'()!&+".contains(&byte);
    text.len() <= INPUT_BYTES
        && !text.starts_with(['-', '.'])
        && text.split(' ').all(|word| !word.is_empty() && word.bytes().all(ordinary))
}

/// True for a character that is visible in a name whatever its neighbours.
pub(super) fn shows(c: char) -> bool {
    !c.is_whitespace() && c != BRAILLE_BLANK && !is_never_kept(c) && !is_sequence_only(c)
}

/// True for a character that can't end a truncated sequence.
pub(super) fn is_unfinished(c: char) -> bool {
    c == JOINER || is_tag(c)
}

/// As much of the beginning of `text` as a name can need, with all blanks as spaces and without characters that
/// are never kept. Begins with a character that may begin a name.
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

/// `text` without joiners, variation selectors and tags outside emoji sequences.
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

/// True if a joiner between `before` and `after` joins two emoji.
fn joins(before: &[char], after: &[char]) -> bool {
    let base =
        before.iter().rev().find(|&&c| !matches!(c, EMOJI_STYLE | '\u{1f3fb}'..='\u{1f3ff}') && !is_tag(c));
    let Some((&next, rest)) = after.split_first() else { return false };
    // A pictograph with a combining mark is another character (`↔` with a stroke is `↮`) and can't be joined.
    let marked =
        rest.iter().find(|&&c| !is_sequence_only(c)).is_some_and(|&c| canonical_combining_class(c) != 0);
    base.is_some_and(|&base| is_pictograph(base)) && is_pictograph(next) && !marked
}

/// True if a variation selector between `before` and `after` applies to an emoji.
fn styles(before: &[char], after: &[char]) -> bool {
    match before.last() {
        Some('0'..='9' | '#') => after.first() == Some(&KEYCAP),
        Some(&base) => is_pictograph(base),
        None => false,
    }
}

/// Number of leading characters of `after` that are the tags of a regional flag such as Scotland's, including the
/// end tag.
fn flag_tags(after: &[char]) -> usize {
    const LONGEST: usize = 8;
    let tags = after
        .iter()
        .take(LONGEST)
        .take_while(|c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'))
        .count();
    if tags > 0 && after.get(tags) == Some(&LAST_TAG) { tags + 1 } else { 0 }
}

/// True for `Extended_Pictographic`. Derived from the segmentation rules, so no second table is needed: after a
/// pictograph and a joiner only a pictograph continues the grapheme, while marks continue any.
fn is_pictograph(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    let single = |before: char| [before, JOINER, c].iter().collect::<String>().graphemes(true).count() == 1;
    single('©') && !single('a')
}

/// Characters that some system forbids in names.
fn is_forbidden(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Zero-width characters that are only meaningful in emoji sequences.
fn is_sequence_only(c: char) -> bool {
    matches!(c, JOINER | TEXT_STYLE | EMOJI_STYLE) || is_tag(c)
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..=LAST_TAG)
}

/// Controls, zero-width characters unused in emoji, noncharacters, and the replacement character.
fn is_never_kept(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || (is_ignorable(c) && !is_sequence_only(c))
        || matches!(c, '\u{fff9}'..='\u{fffd}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Unicode's `Default_Ignorable_Code_Point`: characters without width or appearance, which some disks ignore.
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

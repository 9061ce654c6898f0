//! What a thread does with each file: ripgrep's searcher and the printer for the requested output.

use super::within::Within;
use crate::error::{Error, ErrorKind};
use crate::search::{Bytes, Inspector, SearchedFile};
use crate::text::printable;
use grep_printer::{
    ColorSpecs, HyperlinkConfig, HyperlinkEnvironment, HyperlinkFormat, JSON, JSONBuilder, Standard,
    StandardBuilder, Stats, Summary, SummaryBuilder, SummaryKind,
};
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink};
use std::io::{self, Read};
use termcolor::{Buffer, WriteColor as _};

/// Output of one file above which its buffer isn't used again.
const KEPT_BYTES: usize = 1 << 20;

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Lines { only_matching: bool },
    Json,
    Count,
    CountMatches,
    PathsWithMatch,
    PathsWithoutMatch,
    Quiet,
}

/// How to search files and how to print the results.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Look {
    pub(super) mode: Mode,
    pub(super) inverts: bool,
    pub(super) takes_text: bool,
    pub(super) color: bool,
    /// Attachments must not control the terminal.
    pub(super) safe: bool,
    pub(super) line_numbers: bool,
    pub(super) heading: bool,
    pub(super) path: bool,
    pub(super) null: bool,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) most: Option<u64>,
    pub(super) links: bool,
    /// Matches are counted for a summary, even where the first one would do.
    pub(super) stats: bool,
    /// The prefix of all paths.
    pub(super) prefix: String,
}

impl Look {
    /// True if the search can stop at the first match.
    pub(super) fn is_quiet(&self) -> bool {
        self.mode == Mode::Quiet
    }

    /// The separator between two files.
    pub(super) fn separator(&self) -> &'static [u8] {
        match self.mode {
            Mode::Lines { .. } if self.heading && self.path => b"\n",
            Mode::Lines { .. } if self.before > 0 || self.after > 0 => b"--\n",
            _ => b"",
        }
    }

    fn searcher(&self) -> Searcher {
        let lines = matches!(self.mode, Mode::Lines { .. } | Mode::Json);
        let mut builder = SearcherBuilder::new();
        builder
            .invert_match(self.inverts)
            .line_number(self.line_numbers || self.mode == Mode::Json)
            .max_matches(self.most)
            .before_context(if lines { self.before } else { 0 })
            .after_context(if lines { self.after } else { 0 });
        builder.build()
    }

    fn printer(&self) -> Printer {
        let buffer = if self.color { Buffer::ansi() } else { Buffer::no_color() };
        let kind = match self.mode {
            Mode::Lines { only_matching } => {
                let mut builder = StandardBuilder::new();
                builder
                    .heading(self.heading)
                    .path(self.path)
                    .only_matching(only_matching)
                    .color_specs(self.colors())
                    .hyperlink(self.hyperlinks())
                    .path_terminator(self.null.then_some(0))
                    .separator_context(Some(b"--".to_vec()))
                    // Counting takes another search of every line that is printed.
                    .stats(self.stats);
                return Printer::Standard(builder.build(buffer));
            }
            Mode::Json => return Printer::Json(JSONBuilder::new().build(buffer)),
            Mode::Count => SummaryKind::Count,
            Mode::CountMatches => SummaryKind::CountMatches,
            Mode::PathsWithMatch => SummaryKind::PathWithMatch,
            Mode::PathsWithoutMatch => SummaryKind::PathWithoutMatch,
            Mode::Quiet => SummaryKind::QuietWithMatch,
        };
        let mut builder = SummaryBuilder::new();
        builder
            .kind(kind)
            .path(self.path)
            .exclude_zero(true)
            .stats(self.stats)
            .color_specs(self.colors())
            .hyperlink(self.hyperlinks())
            .path_terminator(self.null.then_some(0));
        Printer::Summary(builder.build(buffer))
    }

    fn colors(&self) -> ColorSpecs {
        if self.color { ColorSpecs::default_with_color() } else { ColorSpecs::default() }
    }

    fn hyperlinks(&self) -> HyperlinkConfig {
        let linked = self.links.then(|| "file://{path}".parse().ok()).flatten();
        let format: HyperlinkFormat = linked.unwrap_or_else(HyperlinkFormat::empty);
        format.into_config(HyperlinkEnvironment::new())
    }
}

enum Printer {
    Standard(Standard<Buffer>),
    Summary(Summary<Buffer>),
    Json(JSON<Buffer>),
}

impl Printer {
    /// Takes what was printed since the last call.
    fn take(&mut self) -> Vec<u8> {
        let buffer = match self {
            Self::Standard(printer) => printer.get_mut(),
            Self::Summary(printer) => printer.get_mut(),
            Self::Json(printer) => printer.get_mut(),
        };
        let printed = buffer.as_slice();
        if printed.len() <= KEPT_BYTES {
            let printed = printed.to_vec();
            buffer.clear();
            return printed;
        }
        let empty = if buffer.supports_color() { Buffer::ansi() } else { Buffer::no_color() };
        let mut printed = std::mem::replace(buffer, empty).into_inner();
        printed.shrink_to_fit();
        printed
    }
}

/// What was found in a conversation.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// The output for each file that has any.
    pub(super) files: Vec<Vec<u8>>,
    pub(super) matched: bool,
    pub(super) stats: Stats,
    pub(super) failures: Vec<Error>,
}

/// Searches files for matches.
pub(super) struct Looker<'l> {
    look: &'l Look,
    matcher: RegexMatcher,
    searcher: Searcher,
    printer: Printer,
    found: Matches,
}

impl<'l> Looker<'l> {
    pub(super) fn new(look: &'l Look, matcher: RegexMatcher) -> Self {
        Self { look, matcher, searcher: look.searcher(), printer: look.printer(), found: Matches::default() }
    }

    /// Searches one file; returns true if it matched.
    fn search(&mut self, path: &str, bytes: Bytes<'_>) -> io::Result<bool> {
        let binary = match bytes {
            Bytes::Copied(_) if !self.look.takes_text => BinaryDetection::convert(0),
            _ => BinaryDetection::none(),
        };
        self.searcher.set_binary_detection(binary);
        if let Bytes::Sifted(size) = bytes {
            self.found.stats.add_bytes_searched(size);
        }
        let input = Input { matcher: &self.matcher, bytes, look: self.look };
        match &mut self.printer {
            Printer::Standard(printer) => {
                let mut sink = printer.sink_with_path(&self.matcher, path);
                input.search(&mut self.searcher, &mut sink)?;
                if let Some(stats) = sink.stats() {
                    self.found.stats += stats;
                }
                Ok(sink.has_match())
            }
            Printer::Summary(printer) => {
                let mut sink = printer.sink_with_path(&self.matcher, path);
                input.search(&mut self.searcher, &mut sink)?;
                if let Some(stats) = sink.stats() {
                    self.found.stats += stats;
                }
                Ok(sink.has_match())
            }
            Printer::Json(printer) => {
                let mut sink = printer.sink_with_path(&self.matcher, path);
                input.search(&mut self.searcher, &mut sink)?;
                self.found.stats += sink.stats();
                Ok(sink.has_match())
            }
        }
    }
}

impl Inspector for Looker<'_> {
    type Answer = Matches;

    fn inspect(&mut self, file: SearchedFile<'_>) -> bool {
        let path = format!("{}{}", self.look.prefix, file.path);
        match self.search(&path, file.bytes) {
            Ok(matched) => self.found.matched |= matched,
            Err(error) => {
                let error = Error::new(ErrorKind::Damaged, printable(&path).to_string()).caused_by(error);
                self.found.failures.push(error);
            }
        }
        let printed = self.printer.take();
        if !printed.is_empty() {
            self.found.files.push(printed);
        }
        !(self.found.matched && self.look.is_quiet())
    }

    fn answer(&mut self) -> Matches {
        std::mem::take(&mut self.found)
    }

    fn weight(answer: &Matches) -> usize {
        answer.files.iter().map(|file| file.len().saturating_add(size_of::<Vec<u8>>())).sum()
    }
}

/// A file and what to search in it.
struct Input<'m, 'b> {
    matcher: &'m RegexMatcher,
    bytes: Bytes<'b>,
    look: &'m Look,
}

impl Input<'_, '_> {
    fn search<S: Sink<Error = io::Error>>(self, searcher: &mut Searcher, sink: S) -> io::Result<()> {
        match self.bytes {
            Bytes::Page(page, None) => searcher.search_slice(self.matcher, page, sink),
            Bytes::Sifted(_) => searcher.search_slice(self.matcher, &[], sink),
            Bytes::Page(page, Some(lines)) => {
                let within = Within::new(self.matcher, page, lines, self.look.inverts);
                searcher.search_slice(within, page, sink)
            }
            Bytes::Copied(copied) if self.look.safe => {
                searcher.search_reader(self.matcher, Harmless::new(copied), sink)
            }
            Bytes::Copied(copied) => searcher.search_reader(self.matcher, copied, sink),
        }
    }
}

/// A file without the characters that could control a terminal, in UTF-8 or, if it begins with the mark of that, in UTF-16.
struct Harmless<R> {
    file: R,
    /// The byte before the next one, and the offset of that.
    before: u8,
    offset: u64,
    wide: Option<Wide>,
}

/// The two orders of bytes in UTF-16.
#[derive(Clone, Copy)]
enum Wide {
    LowFirst,
    HighFirst,
}

impl<R> Harmless<R> {
    fn new(file: R) -> Self {
        Self { file, before: 0, offset: 0, wide: None }
    }

    /// What replaces the next byte.
    fn replaced(&mut self, byte: u8) -> u8 {
        let (before, offset) = (self.before, self.offset);
        (self.before, self.offset) = (byte, offset.saturating_add(1));
        if offset == 1 {
            self.wide = match (before, byte) {
                (0xff, 0xfe) => Some(Wide::LowFirst),
                (0xfe, 0xff) => Some(Wide::HighFirst),
                _ => None,
            };
        }
        let steers = |byte: u8| matches!(byte, 1..=8 | 11 | 12 | 14..=31 | 127);
        let is_late = |byte: u8| matches!(byte, 0x80..=0x9f);
        let ends_pair = offset % 2 == 1;
        match self.wide {
            None if steers(byte) => b'?',
            // These are two bytes, as "¿" is.
            None if before == 0xc2 && is_late(byte) => 0xbf,
            // The low byte is already handed out: makes a private character of it.
            Some(Wide::LowFirst) if ends_pair && byte == 0 && (steers(before) || is_late(before)) => 0xe0,
            Some(Wide::HighFirst) if ends_pair && before == 0 && (steers(byte) || is_late(byte)) => b'?',
            _ => byte,
        }
    }
}

impl<R: Read> Read for Harmless<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        for byte in buffer.get_mut(..read).unwrap_or_default() {
            *byte = self.replaced(*byte);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harmless(bytes: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        Harmless::new(bytes).read_to_end(&mut all).expect("bytes in memory");
        let mut single = Harmless::new(bytes);
        for &expected in &all {
            let mut byte = [0];
            assert_eq!((single.read(&mut byte).expect("a byte"), byte[0]), (1, expected), "{bytes:?}");
        }
        all
    }

    #[test]
    fn a_file_cannot_control_the_terminal_in_any_encoding_that_is_searched() {
        assert_eq!(harmless("Grüße\r\n\t für 🍎".as_bytes()), "Grüße\r\n\t für 🍎".as_bytes());
        assert_eq!(harmless("a\u{1b}[2J \u{9b}31m \u{7f}b".as_bytes()), "a?[2J ¿31m ?b".as_bytes());
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let marked = format!("\u{feff}{text}");
            marked.encode_utf16().flat_map(bytes).collect()
        };
        let (text, hostile) = ("Привет, 亀!\n", "a\u{1b}\u{9b}b\u{7f}");
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            assert_eq!(harmless(&wide(text, bytes)), wide(text, bytes));
        }
        assert_eq!(
            harmless(&wide(hostile, u16::to_le_bytes)),
            wide("a\u{e01b}\u{e09b}b\u{e07f}", u16::to_le_bytes)
        );
        assert_eq!(harmless(&wide(hostile, u16::to_be_bytes)), wide("a??b?", u16::to_be_bytes));
    }
}

//! What is searched for: patterns, and how they match.

use crate::error::{Error, ErrorKind, Result};
use clap::Args;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How the patterns match.
#[derive(Debug, Args)]
#[command(next_help_heading = "Matching")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct PatternArgs {
    /// A pattern; may be given several times, and any of them matches
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN", allow_hyphen_values = true)]
    regexps: Vec<String>,
    /// A file of patterns, one a line; `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take patterns as text, not as regular expressions
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Ignore case
    #[arg(short, long, overrides_with_all = ["smart_case", "case_sensitive"])]
    ignore_case: bool,
    /// Ignore case unless a pattern has a capital letter
    #[arg(short = 'S', long, overrides_with_all = ["ignore_case", "case_sensitive"])]
    smart_case: bool,
    /// Mind case, the default
    #[arg(short = 's', long, overrides_with_all = ["ignore_case", "smart_case"])]
    case_sensitive: bool,
    /// Match whole words only
    #[arg(short, long, overrides_with = "line_regexp")]
    word_regexp: bool,
    /// Match whole lines only
    #[arg(short = 'x', long, overrides_with = "word_regexp")]
    line_regexp: bool,
    /// Find the lines that don't match
    #[arg(short = 'v', long)]
    invert_match: bool,
    /// Search attachments as text even if they look binary
    #[arg(short = 'a', long)]
    text: bool,
}

impl PatternArgs {
    /// True if lines are found that don't match.
    pub(super) fn inverts(&self) -> bool {
        self.invert_match
    }

    /// True if every attachment is taken as text.
    pub(super) fn takes_text(&self) -> bool {
        self.text
    }

    /// The patterns, and the rest of `words`: the sources.
    ///
    /// # Errors
    /// `Usage` without a source, or for a pattern that is not UTF-8; `Environment` if a file can't be read.
    pub(super) fn patterns(&self, words: &[OsString]) -> Result<(Vec<String>, Vec<PathBuf>)> {
        let (mut patterns, mut sources) = (self.regexps.clone(), words);
        for file in &self.files {
            patterns.extend(lines(file)?);
        }
        if self.regexps.is_empty() && self.files.is_empty() {
            let pattern = words.first().and_then(|word| word.to_str());
            let pattern = pattern.ok_or_else(|| Error::new(ErrorKind::Usage, "PATTERN: not UTF-8"))?;
            patterns.push(pattern.to_owned());
            sources = words.get(1..).unwrap_or_default();
        }
        if sources.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "no SOURCE: name an export after the pattern, as in: gptfs grep PATTERN export.zip",
            ));
        }
        Ok((patterns, sources.iter().map(PathBuf::from).collect()))
    }

    /// A matcher that finds any of `patterns`, built as ripgrep builds it.
    ///
    /// # Errors
    /// `Usage` for a pattern that is not a regular expression.
    pub(super) fn matcher(&self, patterns: &[String]) -> Result<RegexMatcher> {
        RegexMatcherBuilder::new()
            .multi_line(true)
            .fixed_strings(self.fixed_strings)
            .case_insensitive(self.ignore_case)
            .case_smart(self.smart_case)
            .word(self.word_regexp)
            .whole_line(self.line_regexp)
            .line_terminator(Some(b'\n'))
            .build_many(patterns)
            .map_err(|error| {
                // The reason is on the last line, below a drawing of the place.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                Error::new(
                    ErrorKind::Usage,
                    format!("{}: {reason} (-F takes it as text)", patterns.join(", ")),
                )
            })
    }
}

/// The lines of a file of patterns.
fn lines(file: &Path) -> Result<Vec<String>> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Error::io(file.display(), error))?;
    Ok(text.lines().map(str::to_owned).collect())
}

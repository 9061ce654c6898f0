//! What to search for: patterns, and how they match.

use crate::cli::args::grep::PatternArgs;
use crate::cli::refusal::usage;
use crate::cli::shell::quoted;
use crate::error::{Error, Result};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

impl PatternArgs {
    /// True to find the lines that don't match.
    pub(super) fn inverts(&self) -> bool {
        self.invert_match
    }

    /// True to treat every attachment as text.
    pub(super) fn takes_text(&self) -> bool {
        self.text
    }

    /// The patterns, and the remaining `words`, which are the sources.
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
            let pattern = pattern.ok_or_else(|| usage("PATTERN: not UTF-8"))?;
            patterns.push(pattern.to_owned());
            sources = words.get(1..).unwrap_or_default();
            let swapped =
                Path::new(pattern).is_file() && !sources.iter().any(|word| Path::new(word).exists());
            if let (true, [word]) = (swapped, sources) {
                let (source, pattern) = (quoted(Path::new(pattern)), quoted(Path::new(word)));
                let reason = format!("the pattern comes first: gptfs grep {pattern} {source}");
                return Err(usage(reason).within(source));
            }
        }
        if sources.is_empty() {
            let reason = "no SOURCE: name an export after the pattern, as in: gptfs grep PATTERN export.zip";
            return Err(usage(reason));
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
                // The reason is on the last line, below a drawing of the location.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                usage(format!("{}: {reason} (-F takes it as text)", patterns.join(", ")))
            })
    }
}

/// The lines of a pattern file.
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

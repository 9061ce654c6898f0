//! The options that select conversations, shared by every command that lists, searches or exports them.

use super::refusal::usage;
use super::shell::quoted;
use crate::catalog::Head;
use crate::error::Result;
use crate::name::fold;
use crate::render;
use crate::search::{Filter, Words};
use crate::text::shell_word;
use crate::time::Timestamp;
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What to add about an unknown name where no names are known.
const UNNAMED: &str =
    "; exports have no names of GPTs and projects: `gptfs info` lists their ids, and --names-map names them";

/// Makes a word the only one of an option in a filter.
type SetWord = fn(&mut Filter, &str);

/// Which conversations to select. Different options must all match; of a repeated option, any may match.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Conversations")]
pub(super) struct FilterArgs {
    /// Only conversations that this model answered in; `*` stands for any text
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    model: Vec<String>,
    /// Only conversations with this custom GPT, by its id or its name in the names map
    #[arg(long, value_name = "GPT", value_delimiter = ',')]
    gpt: Vec<String>,
    /// Only conversations of this project, by its id or its name in the names map
    #[arg(long, value_name = "PROJECT", value_delimiter = ',')]
    project: Vec<String>,
    /// Only conversations with this in their title, ignoring case
    #[arg(long, value_name = "TEXT")]
    title: Vec<String>,
    /// Only conversations changed since then: 2024, 2024-05, 2024-05-11, today, yesterday, 30d, 2w, 6m, 1y
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only conversations begun by then, including the day, month or year
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Only conversations with a star
    #[arg(long)]
    starred: bool,
    /// Only archived conversations
    #[arg(long)]
    archived: bool,
}

impl FilterArgs {
    /// True if every conversation is selected.
    pub(super) fn is_empty(&self) -> bool {
        let words = [&self.model, &self.gpt, &self.project, &self.title];
        words.iter().all(|words| words.is_empty())
            && self.since.is_none()
            && self.until.is_none()
            && !self.starred
            && !self.archived
    }

    /// These options as they could be typed, in a fixed order and without case; empty if every conversation is selected.
    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        for (option, values, _) in self.repeatable() {
            let values: BTreeSet<String> = values.iter().map(|value| fold(value)).collect();
            words.extend(values.into_iter().map(|value| format!("--{option} {}", shell_word(&value))));
        }
        for (option, value) in [("since", &self.since), ("until", &self.until)] {
            words.extend(value.iter().map(|value| format!("--{option} {}", shell_word(value))));
        }
        for (option, is_set) in [("starred", self.starred), ("archived", self.archived)] {
            words.extend(is_set.then(|| format!("--{option}")));
        }
        words.join(" ")
    }

    /// What to say if no conversation of `heads` is selected by `filter`, which was made from these options.
    pub(super) fn none(&self, filter: &Filter, heads: &[Head]) -> String {
        let unmatched = self.unmatched(filter, heads);
        unmatched.unwrap_or_else(|| "no conversation matches these filters".to_owned())
    }

    /// A line about the values that match no conversation of `heads` by themselves; they may be misspelt.
    pub(super) fn unmatched(&self, filter: &Filter, heads: &[Head]) -> Option<String> {
        let matches = |alone: &Filter| heads.iter().any(|head| alone.accepts(head));
        let (mut unmatched, mut advice) = (Vec::new(), "");
        let mut alone = Filter { names: filter.names.clone(), ..Filter::default() };
        for (option, values, set) in self.repeatable() {
            for value in values {
                set(&mut alone, value);
                if !matches(&alone) {
                    unmatched.push(format!("--{option} {}", shell_word(value)));
                    advice = match option {
                        "gpt" | "project" if filter.names.is_empty() => UNNAMED,
                        "gpt" | "project" => "; `gptfs info` lists GPTs and projects",
                        "model" => "; `gptfs info` lists the models",
                        _ => advice,
                    };
                }
                alone = Filter { names: alone.names, ..Filter::default() };
            }
        }
        for (option, value, alone) in [
            ("since", &self.since, Filter { since: filter.since, ..Filter::default() }),
            ("until", &self.until, Filter { until: filter.until, ..Filter::default() }),
        ] {
            if let Some(value) = value.as_ref().filter(|_| !matches(&alone)) {
                unmatched.push(format!("--{option} {}", shell_word(value)));
            }
        }
        for (option, alone) in [
            ("starred", Filter { starred: self.starred, ..Filter::default() }),
            ("archived", Filter { archived: self.archived, ..Filter::default() }),
        ] {
            if (alone.starred || alone.archived) && !matches(&alone) {
                unmatched.push(format!("--{option}"));
            }
        }
        (!unmatched.is_empty()).then(|| format!("no conversation matches {}{advice}", unmatched.join(" or ")))
    }

    /// The options that may be given several times, each with its values and what sets one of these in a filter.
    fn repeatable(&self) -> [(&'static str, &Vec<String>, SetWord); 4] {
        [
            ("model", &self.model, |filter, word| filter.models = Words::new([word])),
            ("gpt", &self.gpt, |filter, word| filter.gpts = Words::new([word])),
            ("project", &self.project, |filter, word| filter.projects = Words::new([word])),
            ("title", &self.title, |filter, word| filter.titles = vec![word.to_owned()]),
        ]
    }

    /// These options as a filter.
    ///
    /// # Errors
    /// `Usage` for a date that can't be read.
    pub(super) fn filter(&self, options: &render::Options) -> Result<Filter> {
        let now = Timestamp::now();
        let period = |flag: &str, text: &Option<String>| {
            let read = |text: &String| {
                options.zone.period(text, now).map_err(|error| error.within(format!("{flag} {text}")))
            };
            text.as_ref().map(read).transpose()
        };
        let words = |words: &[String]| Words::new(words.iter().map(String::as_str));
        Ok(Filter {
            models: words(&self.model),
            gpts: words(&self.gpt),
            projects: words(&self.project),
            titles: self.title.clone(),
            since: period("--since", &self.since)?.map(|period| period.start),
            until: period("--until", &self.until)?.map(|period| period.end),
            starred: self.starred,
            archived: self.archived,
            names: options.names.clone(),
            ..Filter::default()
        })
    }
}

/// Refuses what looks like a path in the tree of the first source. `does` is what the command does to its sources.
///
/// # Errors
/// `Usage`.
pub(super) fn refuse_paths(sources: &[PathBuf], does: &str) -> Result<()> {
    let Some(path) = sources.iter().skip(1).find(|path| !path.exists()) else { return Ok(()) };
    let reason = format!(
        "no such file or directory; {does} whole exports, and --since, --until, --title and --project choose conversations"
    );
    Err(usage(reason).within(quoted(path)))
}

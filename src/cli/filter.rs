//! The options that select conversations, shared by every command that lists or searches them.

use crate::error::Result;
use crate::render;
use crate::search::{Filter, Words};
use crate::text::shell_word;
use crate::time::Timestamp;
use clap::Args;
use std::collections::BTreeSet;

/// What to say if no conversation is selected.
pub(super) const NO_CONVERSATION: &str = "no conversation matches these filters";

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

    /// These options as they could be typed, in a fixed order; empty if every conversation is selected.
    pub(super) fn words(&self) -> String {
        let several =
            [("model", &self.model), ("gpt", &self.gpt), ("project", &self.project), ("title", &self.title)];
        let mut words = Vec::new();
        for (option, values) in several {
            let values: BTreeSet<&String> = values.iter().collect();
            words.extend(values.into_iter().map(|value| format!("--{option} {}", shell_word(value))));
        }
        for (option, value) in [("since", &self.since), ("until", &self.until)] {
            words.extend(value.iter().map(|value| format!("--{option} {}", shell_word(value))));
        }
        for (option, is_set) in [("starred", self.starred), ("archived", self.archived)] {
            words.extend(is_set.then(|| format!("--{option}")));
        }
        words.join(" ")
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

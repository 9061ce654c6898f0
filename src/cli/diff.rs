//! `diff`: what a newer export has that an older one lacks, and the reverse.

use super::args::DiffArgs;
use super::settings::Settings;
use super::{counted, open, quoted};
use crate::catalog::Head;
use crate::error::Result;
use crate::fs::Fs;
use crate::search::{self, Filter};
use crate::text::printable;
use std::collections::HashMap;
use std::io::{self, Write};

/// Prints a line for each conversation that differs.
pub(super) fn diff(args: &DiffArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let old = open::open(std::slice::from_ref(&args.old), &settings)?;
    let new = open::open(std::slice::from_ref(&args.new), &settings)?;
    let (before, now) = (conversations(&old.fs), conversations(&new.fs));
    let found = differences(&before, &now);
    super::print(|out| {
        found.iter().try_for_each(
            |difference| if args.json { difference.write_json(out) } else { difference.write(out) },
        )
    })?;
    super::say(&summary(&found));
    Ok(())
}

/// A conversation of an export.
struct Listed<'a> {
    head: &'a Head,
    path: String,
}

/// What became of a conversation. Where several apply, the first does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New,
    /// It has more turns, messages or branches.
    Grown,
    /// It has another title, and as many turns, messages and branches.
    Renamed,
    /// Its pages differ otherwise.
    Changed,
    Gone,
}

const FATES: [(Fate, &str); 5] = [
    (Fate::New, "new"),
    (Fate::Grown, "grown"),
    (Fate::Renamed, "renamed"),
    (Fate::Changed, "changed"),
    (Fate::Gone, "gone"),
];

impl Fate {
    fn name(self) -> &'static str {
        FATES.iter().find(|(fate, _)| *fate == self).map_or("", |(_, name)| name)
    }
}

/// A conversation that differs.
struct Difference<'a> {
    fate: Fate,
    /// The conversation: of the newer export, unless it is gone.
    now: &'a Listed<'a>,
    before: Option<&'a Listed<'a>>,
}

/// The conversations of an export, in the order of the tree.
fn conversations(fs: &Fs) -> Vec<Listed<'_>> {
    let filter = Filter::default();
    let heads = &fs.catalog().heads;
    let found = search::conversations(fs, &filter);
    found.filter_map(|(head, ino)| Some(Listed { head: heads.get(head)?, path: fs.path(ino) })).collect()
}

/// What tells conversations apart: the id, or else what else an export can't change.
fn identity(head: &Head) -> String {
    if head.id.is_empty() {
        format!("{:?} {}", head.created, head.title.as_deref().unwrap_or_default())
    } else {
        head.id.to_string()
    }
}

/// The conversations that differ, in the order of their paths.
fn differences<'a>(old: &'a [Listed<'a>], new: &'a [Listed<'a>]) -> Vec<Difference<'a>> {
    let mut before: HashMap<String, &Listed<'_>> =
        old.iter().map(|listed| (identity(listed.head), listed)).collect();
    let mut found = Vec::new();
    for now in new {
        let before = before.remove(&identity(now.head));
        if let Some(fate) = before.map_or(Some(Fate::New), |before| fate(before.head, now.head)) {
            found.push(Difference { fate, now, before });
        }
    }
    found.extend(before.into_values().map(|gone| Difference { fate: Fate::Gone, now: gone, before: None }));
    found.sort_by(|a, b| a.now.path.cmp(&b.now.path));
    found
}

fn fate(before: &Head, now: &Head) -> Option<Fate> {
    let counts = |head: &Head| [head.turns as usize, head.messages as usize, head.branches.len()];
    let (counts_before, counts_now) = (counts(before), counts(now));
    let pages = |head: &Head| (head.prompts, head.branches.clone(), head.assets.len());
    if counts_before.into_iter().zip(counts_now).any(|(before, now)| now > before) {
        Some(Fate::Grown)
    } else if counts_before != counts_now {
        // That it has lost something matters more than another title.
        Some(Fate::Changed)
    } else if before.title != now.title {
        Some(Fate::Renamed)
    } else if before.page != now.page || pages(before) != pages(now) {
        Some(Fate::Changed)
    } else {
        None
    }
}

impl Difference<'_> {
    /// By how much it has grown.
    fn growth(&self) -> Option<String> {
        let (before, now) = (self.before?.head, self.now.head);
        let counts = [
            (before.turns as usize, now.turns as usize, "turns"),
            (before.messages as usize, now.messages as usize, "messages"),
            (before.branches.len(), now.branches.len(), "branches"),
        ];
        let (before, now, what) = counts.into_iter().find(|(before, now, _)| now > before)?;
        Some(format!("{before} → {now} {what}"))
    }

    /// Its path in the older export, if it had another.
    fn old_path(&self) -> Option<&str> {
        self.before.map(|before| before.path.as_str()).filter(|path| *path != self.now.path)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{:<8} {}", self.fate.name(), printable(&self.now.path))?;
        let was = self.old_path().map(|path| format!("was {}", printable(path)));
        let notes: Vec<_> = self.growth().into_iter().chain(was).collect();
        if notes.is_empty() { writeln!(out) } else { writeln!(out, " ({})", notes.join(", ")) }
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = self.now.head;
        write!(
            out,
            r#"{{"change":"{}","path":{},"id":{},"title":{},"turns":{}"#,
            self.fate.name(),
            quoted(&self.now.path),
            quoted(&head.id),
            quoted(head.title.as_deref().unwrap_or_default()),
            head.turns,
        )?;
        if let Some(before) = self.before {
            let path = quoted(&before.path);
            write!(out, r#","before":{{"path":{path},"turns":{}}}"#, before.head.turns)?;
        }
        writeln!(out, "}}")
    }
}

/// How many conversations differ in which way.
fn summary(found: &[Difference<'_>]) -> String {
    let counts = FATES.iter().filter_map(|(fate, name)| {
        let count = found.iter().filter(|difference| difference.fate == *fate).count();
        (count > 0).then(|| format!("{count} {name}"))
    });
    let counts: Vec<_> = counts.collect();
    if counts.is_empty() {
        return "no conversation differs".to_owned();
    }
    let total = counted(found.len() as u64, "conversation differs", "conversations differ");
    format!("{total}: {}", counts.join(", "))
}

//! `info`: a summary of an export.

use super::args::list::InfoArgs;
use super::open;
use super::settings::Settings;
use crate::catalog::{AssetContent, Catalog, Condition, Head, OwnerDocument};
use crate::error::Result;
use crate::fs::{Fs, Library};
use crate::index::Index;
use crate::source::Export;
use crate::text::{grouped, printable, size};
use crate::time::Zone;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

/// Prints a summary of an export.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let open::Opened { index, fs, .. } = open::open(&args.sources, &settings)?;
    if args.account {
        let text = index.owner(OwnerDocument::Account, &|_| None)?;
        return super::print(|out| out.write_all(&text));
    }
    let summary = Summary::of(&index, &fs, settings.zone(), &settings.index.render.names);
    super::print(|out| if args.json { summary.write_json(out) } else { summary.write(out) })
}

/// Number of items shown per list, except in JSON.
const MOST_ITEMS: usize = 12;

/// The width of the longest bar.
const BAR_WIDTH: usize = 20;

struct Summary {
    name: String,
    form: String,
    /// When the first and the last conversation were created.
    dates: Option<[String; 2]>,
    counts: Vec<CountRow>,
    /// Conversations by year and month.
    months: BTreeMap<u16, [u64; 12]>,
    lists: Vec<(&'static str, Vec<Tally>)>,
    /// Files whose content no page shows, with their sizes.
    unread: Vec<(String, u64)>,
    json_bytes: u64,
    tree_bytes: u64,
    inodes: u64,
}

/// A count and what it counts.
struct CountRow {
    key: &'static str,
    /// Whether to print it even if it is 0.
    always: bool,
    number: u64,
}

/// How often something occurs.
struct Tally {
    item: String,
    /// The id, if the item is a name from the names map.
    id: String,
    count: u64,
}

impl Summary {
    fn of(index: &Index, fs: &Fs, zone: &Zone, names: &HashMap<String, String>) -> Self {
        let (export, catalog): (&Export, &Catalog) = (index.export(), index.catalog());
        let heads = &catalog.heads;
        let sum = |count: &dyn Fn(&Head) -> usize| heads.iter().map(|head| count(head) as u64).sum::<u64>();
        let count = |key, number| CountRow { key, always: false, number };
        let is_entry = |asset: &&crate::catalog::Asset| matches!(asset.content, AssetContent::Entry(_));
        let mut months: BTreeMap<u16, [u64; 12]> = BTreeMap::new();
        for created in heads.iter().filter_map(|head| head.created) {
            let (year, month) = zone.year_month(created);
            if let Some(count) = months.entry(year).or_default().get_mut(usize::from(month.saturating_sub(1)))
            {
                *count = count.saturating_add(1);
            }
        }
        let created = || heads.iter().filter_map(|head| head.created);
        let dates =
            created().min().zip(created().max()).map(|(first, last)| [zone.minute(first), zone.minute(last)]);
        let totals = fs.totals();
        let unknown = HashMap::new();
        let lists = vec![
            ("models", tallies(heads.iter().flat_map(|head| &head.models), &unknown)),
            ("GPTs", tallies(heads.iter().filter_map(|head| head.gpt.as_ref()), names)),
            ("projects", tallies(heads.iter().filter_map(|head| head.project.as_ref()), names)),
        ];
        Self {
            name: export.name.clone(),
            form: export.form.to_string(),
            dates,
            counts: vec![
                CountRow { key: "conversations", always: true, number: heads.len() as u64 },
                CountRow { key: "turns", always: true, number: sum(&|head| head.turns as usize) },
                CountRow { key: "messages", always: true, number: sum(&|head| head.messages as usize) },
                count("branches", sum(&|head| head.branches.len())),
                count("files", sum(&|head| head.assets.iter().filter(is_entry).count())),
                count("missing files", sum(&|head| head.missing as usize)),
                count("unused files", catalog.orphans.len() as u64),
                count("canvas documents", sum(&|head| head.assets.iter().filter(|a| !is_entry(a)).count())),
                count("archived", sum(&|head| usize::from(head.archived))),
                count("starred", sum(&|head| usize::from(head.starred))),
                count("in GPTs", sum(&|head| usize::from(head.gpt.is_some()))),
                count("in projects", sum(&|head| usize::from(head.project.is_some()))),
                count("damaged", sum(&|head| usize::from(head.condition == Condition::Unverified))),
                count("problems", catalog.problems.len() as u64),
            ],
            months,
            lists,
            unread: unread(export),
            json_bytes: heads.iter().map(|head| head.location.end - head.location.start).sum(),
            tree_bytes: totals.bytes,
            inodes: totals.inodes,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", printable(&self.name))?;
        row(out, "form", &self.form)?;
        if let Some([first, last]) = &self.dates {
            let months = self.months.values().flatten().filter(|count| **count > 0).count() as u64;
            row(
                out,
                "dates",
                &format!("{first} to {last}, in {}", super::counted(months, "month", "months")),
            )?;
        }
        for count in self.counts.iter().filter(|count| count.always || count.number > 0) {
            row(out, count.key, &grouped(count.number))?;
        }
        if !self.unread.is_empty() {
            let files = self.unread.iter().map(|(name, bytes)| format!("{name} ({})", size(*bytes)));
            row(out, "not shown", &files.collect::<Vec<_>>().join(", "))?;
        }
        row(out, "JSON", &size(self.json_bytes))?;
        let files = super::counted(self.inodes, "file or directory", "files and directories");
        row(out, "tree", &format!("{} in {}", size(self.tree_bytes), files))?;
        if !self.months.is_empty() {
            writeln!(out, "\n  {:<14} J F M A M J J A S O N D", "months")?;
        }
        let most = self.months.values().flatten().copied().max().unwrap_or_default();
        for (year, months) in &self.months {
            let bars: Vec<String> = months.iter().map(|count| level(*count, most).to_string()).collect();
            let total = months.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
            writeln!(out, "  {year:<14} {}  {}", bars.join(" "), grouped(total))?;
        }
        for (title, tallies) in self.lists.iter().filter(|(_, tallies)| !tallies.is_empty()) {
            writeln!(out, "\n  {title}")?;
            let most = tallies.first().map_or(0, |tally| tally.count);
            let width = tallies.iter().take(MOST_ITEMS).map(|tally| tally.label().chars().count()).max();
            for tally in tallies.iter().take(MOST_ITEMS) {
                let label = tally.label();
                let room = " ".repeat(width.unwrap_or(0).saturating_sub(label.chars().count()));
                let bar = bar(tally.count, most);
                writeln!(out, "    {}{room}  {bar} {}", printable(&label), grouped(tally.count))?;
            }
            if let Some(more) = tallies.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
                writeln!(out, "    and {more} more")?;
            }
        }
        Ok(())
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, r#"{{"name":{},"form":{}"#, super::quoted(&self.name), super::quoted(&self.form))?;
        if let Some([first, last]) = &self.dates {
            write!(out, r#","first":{},"last":{}"#, super::quoted(first), super::quoted(last))?;
        }
        for count in &self.counts {
            write!(out, ",{}:{}", super::quoted(&count.key.to_lowercase().replace(' ', "_")), count.number)?;
        }
        write!(
            out,
            r#","json_bytes":{},"tree_bytes":{},"inodes":{}"#,
            self.json_bytes, self.tree_bytes, self.inodes
        )?;
        let months = self.months.iter().flat_map(|(year, months)| {
            (1..).zip(months).filter(|(_, count)| **count > 0).map(move |(month, count)| {
                let month: u32 = month;
                format!("\"{year:04}-{month:02}\":{count}")
            })
        });
        write!(out, r#","months":{{{}}}"#, months.collect::<Vec<_>>().join(","))?;
        for (title, tallies) in &self.lists {
            let items = tallies.iter().map(|tally| {
                let id = if tally.id.is_empty() {
                    String::new()
                } else {
                    format!(r#""id":{},"#, super::quoted(&tally.id))
                };
                format!(r#"{{{id}"name":{},"conversations":{}}}"#, super::quoted(&tally.item), tally.count)
            });
            write!(
                out,
                ",{}:[{}]",
                super::quoted(&title.to_lowercase()),
                items.collect::<Vec<_>>().join(",")
            )?;
        }
        let unread: Vec<_> = self.unread.iter().map(|(name, _)| super::quoted(name)).collect();
        writeln!(out, r#","not_shown":[{}]}}"#, unread.join(","))
    }
}

/// Files next to the conversations that may have content which no page shows.
const UNREAD: [&str; 7] = [
    "model_comparisons.json",
    "shopping.json",
    "sora.json",
    "basispoints.json",
    "sectioned_conversations.json",
    "tool_messages.json",
    "ads.json",
];

/// Those of these files that `export` has and that aren't empty.
fn unread(export: &Export) -> Vec<(String, u64)> {
    /// Largest size in bytes of a file with nothing but empty lists.
    const EMPTY_BYTES: u64 = 64;
    let entries = export.side.other.iter().filter_map(|&entry| export.entry(entry));
    let named = entries.filter_map(|entry| {
        let name = entry.name.rsplit(['/', '\\']).next().unwrap_or_default();
        (UNREAD.contains(&name) && entry.size > EMPTY_BYTES).then(|| (name.to_owned(), entry.size))
    });
    named.collect()
}

impl Tally {
    fn label(&self) -> String {
        if self.id.is_empty() { self.item.clone() } else { format!("{} ({})", self.item, self.id) }
    }
}

fn row(out: &mut dyn Write, label: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {label:<16} {}", printable(value))
}

/// A block character as high as the share of `count` in `most`.
fn level(count: u64, most: u64) -> char {
    if count == 0 {
        return '·';
    }
    let eighths = count.saturating_mul(8).div_ceil(most.max(1)).clamp(1, 8);
    char::from_u32(0x2580 + eighths as u32).unwrap_or('█')
}

/// A bar as long as the share of `count` in `most`.
fn bar(count: u64, most: u64) -> String {
    let length = count.saturating_mul(BAR_WIDTH as u64).div_ceil(most.max(1)) as usize;
    "█".repeat(length.clamp(1, BAR_WIDTH))
}

/// Each distinct id with its name and count, most frequent first.
fn tallies<'h>(ids: impl Iterator<Item = &'h Box<str>>, names: &HashMap<String, String>) -> Vec<Tally> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for id in ids {
        let count = counts.entry(id).or_default();
        *count = count.saturating_add(1);
    }
    let mut tallies: Vec<Tally> = counts
        .into_iter()
        .map(|(id, count)| match names.get(id) {
            Some(name) => Tally { item: name.clone(), id: id.to_owned(), count },
            None => Tally { item: id.to_owned(), id: String::new(), count },
        })
        .collect();
    tallies.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.item.cmp(&b.item)));
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_comes_first_under_its_name() {
        let ids: Vec<Box<str>> = ["b", "a", "b", "c"].map(Into::into).to_vec();
        let names = HashMap::from([("c".to_owned(), "House".to_owned())]);
        let tallies = tallies(ids.iter(), &names);
        let found: Vec<_> = tallies.iter().map(|tally| (tally.label(), tally.count)).collect();
        assert_eq!(found, [("b".to_owned(), 2), ("House (c)".to_owned(), 1), ("a".to_owned(), 1)]);
    }

    #[test]
    fn bars_are_proportional_and_never_empty_for_a_nonzero_count() {
        let levels: String = [0, 1, 4, 8, 1000].map(|count| level(count, 1000)).iter().collect();
        assert_eq!(levels, "·▁▁▁█");
        assert_eq!(level(500, 1000), '▄');
        assert_eq!((bar(1, 1000), bar(1000, 1000)), ("█".to_owned(), "█".repeat(BAR_WIDTH)));
    }
}

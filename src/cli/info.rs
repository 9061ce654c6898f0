//! `info`: a summary of an export.

use super::args::InfoArgs;
use super::open;
use super::settings::Settings;
use crate::catalog::{Catalog, Head};
use crate::error::Result;
use crate::fs::Library;
use crate::source::Export;
use crate::text::{printable, size};
use crate::time::{Timestamp, Zone};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Prints a summary of an export.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let open::Opened { index, fs } = open::open(&args.sources, &settings)?;
    let mut rows = summary(index.export(), index.catalog(), settings.zone());
    let totals = fs.totals();
    rows.push(("pages", format!("{} of Markdown and files, {} inodes", size(totals.bytes), totals.inodes)));
    super::print(|out| {
        writeln!(out, "{}", printable(&index.export().name))?;
        rows.iter().try_for_each(|(label, value)| writeln!(out, "  {label:<14} {}", printable(value)))
    })
}

/// The lines of the summary: a label and its value.
fn summary(export: &Export, catalog: &Catalog, zone: &Zone) -> Vec<(&'static str, String)> {
    let heads = &catalog.heads;
    let sum = |count: fn(&Head) -> usize| heads.iter().map(count).sum::<usize>();
    let mut rows = vec![("form", export.form.to_string()), ("conversations", heads.len().to_string())];
    rows.extend(dates(heads, zone).map(|dates| ("dates", dates)));
    rows.push((
        "turns",
        format!("{} in {} messages", sum(|h| h.turns as usize), sum(|h| h.messages as usize)),
    ));
    let rest = [
        ("branches", sum(|head| head.branches.len())),
        ("files", sum(|head| head.assets.len())),
        ("unused files", catalog.orphans.len()),
        ("archived", sum(|head| usize::from(head.archived))),
        ("starred", sum(|head| usize::from(head.starred))),
        ("in GPTs", sum(|head| usize::from(head.gpt.is_some()))),
        ("in projects", sum(|head| usize::from(head.project.is_some()))),
        ("problems", catalog.problems.len()),
    ];
    rows.extend(
        rest.into_iter().filter(|&(_, count)| count > 0).map(|(label, count)| (label, count.to_string())),
    );
    let models = counted(heads.iter().flat_map(|head| &head.models));
    if !models.is_empty() {
        rows.push(("models", models));
    }
    let json: u64 = heads.iter().map(|head| head.location.end - head.location.start).sum();
    rows.push(("JSON", size(json)));
    rows
}

/// The first and last date and the number of months between; `None` if no conversation has a time.
fn dates(heads: &[Head], zone: &Zone) -> Option<String> {
    let created = || heads.iter().filter_map(|head| head.created);
    let months: BTreeSet<_> = created().map(|time: Timestamp| zone.year_month(time)).collect();
    let (first, last) = (created().min()?, created().max()?);
    Some(format!("{} to {}, in {} months", zone.minute(first), zone.minute(last), months.len()))
}

/// Each distinct item with its count, the most frequent first.
fn counted(items: impl Iterator<Item = impl Display>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for item in items {
        *counts.entry(item.to_string()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    counts.into_iter().map(|(item, count)| format!("{item} ({count})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_comes_first() {
        assert_eq!(counted(["b", "a", "b", "c"].iter()), "b (2), a (1), c (1)");
    }
}

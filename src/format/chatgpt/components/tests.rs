//! What components become, at the one function that everything goes through.
#![allow(clippy::format_push_string, reason = "clear, and fast enough for tests")]

mod corners;
mod hostile;
mod rare;
mod rules;

use super::{Lookup, Resolution, WebPage, expand};
use crate::conversation::{FileRef, Link, Meaning, Reference, Text};

/// Pages `turn0search0`, `turn0search1` and, without a title, `turn0search2`, the file `turn0file0`, and a draft 10003.
pub(super) struct Known;

impl Lookup<'static> for Known {
    fn page(&self, id: &str) -> Option<WebPage<'static>> {
        let (title, label, url) = match id {
            "turn0search0" => ("The tea", "Tea Guild", "https://tea.example/"),
            "turn0search1" => ("The pot", "Pots", "https://pots.example/a"),
            "turn0search2" => ("", "Shop", "https://shop.example/"),
            _ => return None,
        };
        let link = Link { label: label.into(), url: url.into(), ..Link::default() };
        Some(WebPage { title: title.into(), link })
    }

    fn file(&self, id: &str) -> Option<FileRef<'static>> {
        let name = Some("garden.md".into());
        (id == "turn0file0").then(|| FileRef { id: "file-1".into(), name, ..FileRef::default() })
    }

    fn draft(&self, id: &str) -> Option<Text<'static>> {
        (id == "10003").then_some("a *saved* draft".into())
    }

    fn resolution(&self, start: usize, end: usize) -> Option<Resolution<'static>> {
        ((start, end) == (1, 8))
            .then(|| Resolution { pages: self.page("turn0search1").into_iter().collect() })
    }
}

/// `source` as Markdown with its references resolved the way the renderer does; `source` itself if it has no components.
#[track_caller]
pub(super) fn shown(source: &str) -> String {
    shown_with(source, &[])
}

#[track_caller]
pub(super) fn shown_with(source: &str, references: &[Reference<'static>]) -> String {
    let Some(expanded) = expand(source, references, &Known) else { return source.to_owned() };
    let mut out = String::new();
    let mut done = 0;
    for reference in &expanded.references {
        let points =
            |from: usize, to: usize| expanded.text.chars().skip(from).take(to - from).collect::<String>();
        assert_eq!(points(reference.start, reference.end), reference.matched, "{source}");
        out.push_str(&points(done, reference.start));
        done = reference.end;
        if out.ends_with(|c: char| !c.is_whitespace() && c != '>') {
            out.push(' ');
        }
        match &reference.meaning {
            Meaning::Citation(links) => {
                let links: Vec<_> =
                    links.iter().map(|link| format!("[{}]({})", link.label, link.url)).collect();
                out.push_str(&format!("({})", links.join(", ")));
            }
            Meaning::File(file) => out.push_str(&format!("({})", file.name.as_deref().unwrap_or("?"))),
            other => out.push_str(&format!("{other:?}")),
        }
    }
    out.extend(expanded.text.chars().skip(done));
    out
}

#[track_caller]
pub(super) fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(shown(source), *expected, "\n{source}");
    }
}

//! `export`: the tree as plain files, or its conversations as lines of JSON.

use super::args::{ExportArgs, ExportFormat};
use super::filter::{FilterArgs, refuse_paths};
use super::refusal::usage;
use super::settings::Settings;
use super::shell::quoted as quoted_path;
use super::{open, progress, quoted};
use crate::catalog::{Head, Page};
use crate::error::{Error, Result};
use crate::export::{self, Selection, WriteMode};
use crate::fs::Fs;
use crate::progress::Progress;
use crate::search::Filter;
use crate::sys::EndSignals;
use crate::time::Zone;
use std::io::{self, Write};
use std::path::Path;

/// Writes the tree that `mount` would show to a directory, or its conversations to standard output.
pub(super) fn export(args: &ExportArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let filter = args.filter.filter(&settings.index.render)?;
    if args.format == ExportFormat::Jsonl {
        if args.update {
            return Err(usage(
                "--update brings a directory up to date, and lines of JSON go to standard output",
            ));
        }
        // A source that is missing or empty was meant as the directory to write to.
        let is_empty = |path: &Path| path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if let Some(dir) = args.paths.iter().skip(1).find(|path| !path.exists() || is_empty(path)) {
            let reason = "no such export; lines of JSON go to standard output, not to a directory";
            return Err(usage(reason).within(quoted_path(dir)));
        }
        let open::Opened { fs, .. } = open::open(&args.paths, &settings)?;
        let selection = selected(&fs, &args.filter, &filter)?;
        return lines(&fs, &selection, settings.zone());
    }
    let Some((dir, sources)) = args.paths.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(usage("export needs a source and a directory to write to"));
    };
    refuse_paths(sources, "export writes")?;
    let open::Opened { fs, .. } = open::open(sources, &settings)?;
    let selection = selected(&fs, &args.filter, &filter)?;
    if let Some(count) = selection.count().filter(|_| settings.verbose) {
        super::say(&format!("{count} of {} conversations match", fs.catalog().heads.len()));
    }
    // Before starting the threads that write and draw, so that they inherit the signal mask.
    let signals = EndSignals::hold().map_err(|error| Error::io("cannot start", error))?;
    let progress = Progress::default();
    let mode = match (args.update, args.refilter) {
        (false, _) => WriteMode::New,
        (true, false) => WriteMode::Update,
        (true, true) => WriteMode::Refilter,
    };
    let write = || export::write(&fs, &selection, dir, mode, settings.index.jobs, &progress, &signals);
    let mut written = progress::shown("files", &progress, write)?;
    let mut retained = std::mem::take(&mut written.retained);
    let written = written.complete().inspect_err(|_| retained.iter().for_each(super::say))?;
    let rest = if args.update {
        format!(", removed {}, {} up to date", written.removed, written.unchanged)
    } else {
        String::new()
    };
    let of = match selection.count() {
        None => String::new(),
        Some(count) => format!(" of {}", super::counted(count as u64, "conversation", "conversations")),
    };
    let files = super::counted(written.files, "file", "files");
    super::say(&format!("wrote {files}{of} to {}{rest}", dir.display()));
    if let Some(first) = written.kept.first() {
        let count = written.kept.len();
        super::say(&format!(
            "left {count} alone that gptfs did not write or that changed since, such as {first}"
        ));
    }
    let worst = retained.pop();
    retained.iter().for_each(super::say);
    worst.map_or(Ok(()), Err)
}

/// The conversations that pass `filter`, which was made from `args`.
///
/// # Errors
/// `Usage` if there are none: what was meant is not to write nothing, or to remove everything.
fn selected(fs: &Fs, args: &FilterArgs, filter: &Filter) -> Result<Selection> {
    if args.is_empty() {
        return Ok(Selection::All);
    }
    let heads: Vec<bool> = fs.catalog().heads.iter().map(|head| filter.accepts(head)).collect();
    if !heads.contains(&true) {
        return Err(usage(args.none(filter, &fs.catalog().heads)));
    }
    if let Some(note) = args.unmatched(filter, &fs.catalog().heads) {
        super::say(&note);
    }
    Ok(Selection::Chosen { heads, filter: args.words() })
}

/// Prints each chosen conversation with its pages as one line of JSON, in the order of the export.
///
/// # Errors
/// The first page that can't be read; the others are printed.
fn lines(fs: &Fs, selection: &Selection, zone: &Zone) -> Result<()> {
    let mut failed = None;
    super::print(|out| {
        let heads = fs.catalog().heads.iter().enumerate();
        for (number, head) in heads.filter(|(number, _)| selection.has(*number)) {
            let (mut thread, mut branches) = (None, Vec::new());
            fs.each_page(number, &mut |ino, page| match (fs.page(ino), page) {
                (Some((_, Page::Thread)), Ok(page)) => thread = Some((fs.path(ino), page)),
                (Some((_, Page::Branch(_))), Ok(page)) => branches.push(page),
                (_, Ok(_)) => {}
                (_, Err(error)) => {
                    failed.get_or_insert(error);
                }
            });
            if let Some((path, page)) = thread {
                line(out, head, &path, &page, &branches, zone)?;
            }
        }
        Ok(())
    })?;
    failed.map_or(Ok(()), Err)
}

fn line(
    out: &mut dyn Write,
    head: &Head,
    path: &str,
    page: &[u8],
    branches: &[Vec<u8>],
    zone: &Zone,
) -> io::Result<()> {
    let page_text = |page: &[u8]| quoted(&String::from_utf8_lossy(page));
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    write!(out, r#"{{"path":{},"id":{}"#, quoted(path), quoted(&head.id))?;
    write!(out, r#","title":{}"#, quoted(head.title.as_deref().unwrap_or_default()))?;
    for (key, time) in [("created", head.created), ("updated", head.updated)] {
        if let Some(time) = time {
            write!(out, r#","{key}":"{}""#, zone.rfc3339(time))?;
        }
    }
    write!(out, r#","models":{}"#, list(head.models.iter().map(|model| quoted(model)).collect()))?;
    for (key, id) in [("gpt", &head.gpt), ("project", &head.project)] {
        if let Some(id) = id {
            write!(out, r#","{key}":{}"#, quoted(id))?;
        }
    }
    write!(out, r#","starred":{},"archived":{},"turns":{}"#, head.starred, head.archived, head.turns)?;
    write!(out, r#","text":{}"#, page_text(page))?;
    let branches = branches.iter().map(|page| page_text(page)).collect();
    writeln!(out, r#","branches":{}}}"#, list(branches))
}

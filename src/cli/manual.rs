//! `man` and `completions`: generated from the grammar that parses the command line.

use super::args::Shell;
use super::invocation::grammar;
use super::refusal::usage;
use super::shell::quoted;
use crate::error::{Error, Result};
use clap::Command;
use clap_complete::Shell as Generator;
use clap_mangen::Man;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The page about the tree, as other pages name it.
const TREE: &str = "gptfs-tree(5)";

/// The manual page about the tree, in roff.
const TREE_PAGE: &str = include_str!("manual/gptfs-tree.5");

/// Prints the page of `gptfs` or of the command `what`, or writes all pages to the directory `what`.
pub(super) fn man(what: Option<&Path>) -> Result<()> {
    let pages = pages();
    let name = match what {
        None => "gptfs.1".to_owned(),
        Some(what) => format!("gptfs-{}", what.display()),
    };
    let is_named = |page: &&ManualPage| page.name.rsplit_once('.').map_or("", |(stem, _)| stem) == name;
    let page = pages.iter().find(|page| page.name == name || is_named(page));
    match (page, what) {
        (Some(page), _) => super::print(|out| out.write_all(&page.text)),
        // More likely a mistyped command than the name of a new directory.
        (None, Some(word)) if word.components().count() == 1 && word.is_relative() && !word.exists() => {
            let word = quoted(word);
            let reason = format!("no such command; to write all pages to a new directory, use ./{word}");
            Err(usage(reason).within(word))
        }
        (None, Some(dir)) => pages.iter().try_for_each(|page| page.save(dir)),
        (None, None) => Ok(()),
    }
}

/// A manual page in roff, and the name of its file.
struct ManualPage {
    name: String,
    text: Vec<u8>,
}

impl ManualPage {
    fn save(&self, dir: &Path) -> Result<()> {
        let dir = if self.name.ends_with(".5") { beside(dir) } else { dir.to_owned() };
        fs::create_dir_all(&dir).map_err(|error| Error::io(dir.display(), error))?;
        let path = dir.join(&self.name);
        fs::write(&path, &self.text).map_err(|error| Error::io(path.display(), error))
    }
}

/// All pages, that of `gptfs` first.
fn pages() -> Vec<ManualPage> {
    // `gptfs help` has no options of its own, and no page.
    let mut grammar = grammar().disable_help_subcommand(true);
    grammar.build();
    let others = others(&grammar);
    let mut pages = vec![page(&mut grammar, "gptfs", &others)];
    for command in grammar.get_subcommands_mut() {
        let name = format!("gptfs-{}", command.get_name());
        pages.push(page(command, &name, &["gptfs(1)".to_owned(), TREE.to_owned()]));
    }
    pages.push(ManualPage { name: "gptfs-tree.5".to_owned(), text: TREE_PAGE.as_bytes().to_vec() });
    pages
}

/// The directory for section 5, where man(1) finds it: in place of `man1`. Any other directory holds all pages.
fn beside(dir: &Path) -> PathBuf {
    if dir.file_name() == Some(OsStr::new("man1")) { dir.with_file_name("man5") } else { dir.to_owned() }
}

/// All pages but that of `gptfs` itself.
fn others(grammar: &Command) -> Vec<String> {
    let commands = grammar.get_subcommands().map(|command| format!("gptfs-{}(1)", command.get_name()));
    commands.chain([TREE.to_owned()]).collect()
}

fn page(command: &mut Command, name: &str, others: &[String]) -> ManualPage {
    let mut page = Vec::new();
    let usage = command.render_usage().to_string();
    let after = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .section("1")
        .source(concat!("gptfs ", env!("CARGO_PKG_VERSION")))
        .manual("gptfs");
    // Writing to a vector never fails.
    let _: io::Result<()> = (|| {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        let usage = usage.lines().map(|line| line.trim_start_matches("Usage:").trim_start());
        writeln!(page, ".SH SYNOPSIS\n.nf\n{}\n.fi", roff(&usage.collect::<Vec<_>>().join("\n")))?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        page.write_all(sections(&after.unwrap_or_default()).as_bytes())?;
        writeln!(page, ".SH SEE ALSO\n{}", roff(&others.join(", ")))
    })();
    ManualPage { name: format!("{name}.1"), text: page }
}

/// What follows the options in the help, as sections. Indented lines are kept as they are.
fn sections(help: &str) -> String {
    let (mut page, mut current) = (String::new(), "");
    for paragraph in help.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let (heading, text) = match paragraph.split_once(':') {
            Some(("Example" | "Examples", rest)) => ("EXAMPLES", rest.trim_start_matches('\n')),
            Some(("Environment", rest)) => ("ENVIRONMENT", rest.trim_start_matches('\n')),
            Some(("Files", rest)) => ("FILES", rest.trim_start_matches('\n')),
            Some(("Exit codes", rest)) => ("EXIT STATUS", rest.trim_start()),
            _ if paragraph.starts_with("Exit codes") => ("EXIT STATUS", paragraph),
            _ => ("NOTES", paragraph),
        };
        let start = if heading == current { ".PP".to_owned() } else { format!(".SH {heading}") };
        current = heading;
        let _ = writeln!(page, "{start}");
        let mut is_kept = false;
        for line in text.lines() {
            if line.starts_with("  ") != is_kept {
                is_kept = !is_kept;
                page.push_str(if is_kept { ".nf\n" } else { ".fi\n" });
            }
            let _ = writeln!(page, "{}", roff(line));
        }
        if is_kept {
            page.push_str(".fi\n");
        }
    }
    page
}

/// `text` as it is, so that no line is taken for a request.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', r"\e").replace('-', r"\-");
    let lines = escaped.lines().map(|line| {
        let is_request = line.starts_with(['.', '\'']);
        if is_request { format!(r"\&{line}") } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let (generator, words) = match shell {
        Shell::Bash => (Generator::Bash, include_str!("manual/words.bash")),
        Shell::Zsh => (Generator::Zsh, ""),
        Shell::Fish => (Generator::Fish, include_str!("manual/words.fish")),
    };
    let mut grammar = grammar();
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut grammar, "gptfs", &mut script);
    let script = without_hidden(&String::from_utf8_lossy(&script), &grammar);
    super::print(|out| {
        out.write_all(script.as_bytes())?;
        out.write_all(words.as_bytes())
    })
}

/// `script` without the options that the help hides, which the generators don't mind.
fn without_hidden(script: &str, grammar: &Command) -> String {
    let options = grammar.get_subcommands().flat_map(Command::get_arguments);
    let hidden: Vec<&str> =
        options.filter(|option| option.is_hide_set()).filter_map(clap::Arg::get_long).collect();
    let mut visible = String::new();
    for line in script.lines() {
        // zsh and fish have a line for each option, and bash a list of all.
        let defines =
            |long: &&str| line.contains(&format!("'--{long}[")) || line.contains(&format!(" -l {long} "));
        if !hidden.iter().any(defines) {
            let line =
                hidden.iter().fold(line.to_owned(), |line, long| line.replace(&format!(" --{long} "), " "));
            visible.push_str(&line);
            visible.push('\n');
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_help_becomes_sections() {
        let help = "Examples:\n  gptfs ls -l a.zip\n  gptfs ls 'b'\n\nIn /etc/fstab:\n  a b\n\nMore.\n\nExit codes: 0 done.";
        let page = ".SH EXAMPLES\n.nf\n  gptfs ls \\-l a.zip\n  gptfs ls 'b'\n.fi\n\
             .SH NOTES\nIn /etc/fstab:\n.nf\n  a b\n.fi\n.PP\nMore.\n\
             .SH EXIT STATUS\n0 done.\n";
        assert_eq!(sections(help), page);
        assert_eq!(roff(".x\n'y\n\\z"), "\\&.x\n\\&'y\n\\ez");
    }
}

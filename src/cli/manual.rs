//! `man` and `completions`: generated from the grammar that parses the command line.

use super::args::Shell;
use super::invocation::grammar;
use crate::error::{Error, Result};
use clap::Command;
use clap_complete::Shell as Generator;
use clap_mangen::Man;
use std::fs;
use std::io;
use std::path::Path;

/// The manual page about the tree, in roff.
const TREE_PAGE: &str = include_str!("manual/gptfs-tree.5");

/// Prints the page of `gptfs`, or writes all pages to `dir`.
pub(super) fn man(dir: Option<&Path>) -> Result<()> {
    let mut grammar = grammar();
    grammar.build();
    let Some(dir) = dir else {
        let mut page = Vec::new();
        write_page(&grammar, "gptfs", &mut page);
        return super::print(|out| out.write_all(&page));
    };
    fs::create_dir_all(dir).map_err(|error| Error::io(dir.display(), error))?;
    let save = |name: &str, page: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, page).map_err(|error| Error::io(path.display(), error))
    };
    let mut page = Vec::new();
    write_page(&grammar, "gptfs", &mut page);
    save("gptfs.1", &page)?;
    for command in grammar.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("gptfs-{}", command.get_name());
        page.clear();
        write_page(command, &name, &mut page);
        save(&format!("{name}.1"), &page)?;
    }
    save("gptfs-tree.5", TREE_PAGE.as_bytes())
}

fn write_page(command: &Command, name: &str, page: &mut Vec<u8>) {
    // Writing to a vector never fails.
    let _: io::Result<()> = Man::new(command.clone())
        .title(name.to_uppercase())
        .section("1")
        .source(concat!("gptfs ", env!("CARGO_PKG_VERSION")))
        .manual("gptfs")
        .render(page);
}

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let (generator, paths_in_exports) = match shell {
        Shell::Bash => (Generator::Bash, include_str!("manual/tree.bash")),
        Shell::Zsh => (Generator::Zsh, ""),
        Shell::Fish => (Generator::Fish, include_str!("manual/tree.fish")),
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut grammar(), "gptfs", &mut script);
    script.extend(paths_in_exports.as_bytes());
    super::print(|out| out.write_all(&script))
}

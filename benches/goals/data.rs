//! The exports to measure with, generated once outside the repository and kept for later runs.

use super::generate::{self, Spec, Style};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A directory of generated exports.
pub(crate) struct Data {
    dir: PathBuf,
    sizes: Vec<u64>,
}

impl Data {
    /// Uses `dir`, and limits the growth measurements to `largest` MB.
    pub(crate) fn new(dir: &Path, largest: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let sizes = [10, 100, 1000, 4000].into_iter().filter(|&size| size <= largest).collect();
        Ok(Self { dir: dir.to_owned(), sizes })
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Sizes for the growth measurements, in MB of JSON.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.sizes.clone()
    }

    /// An export with a single `conversations.json`.
    pub(crate) fn classic(&self, megabytes: u64) -> io::Result<PathBuf> {
        self.made(&format!("classic-{megabytes}.zip"), &Spec::new(Style::Classic, megabytes))
    }

    /// An export in the form of 2026, with one file per hundred conversations.
    pub(crate) fn sharded(&self, megabytes: u64) -> io::Result<PathBuf> {
        self.made(&format!("sharded-{megabytes}.zip"), &Spec::new(Style::Sharded, megabytes))
    }

    /// An export whose first conversation has 250 MB of JSON.
    pub(crate) fn huge(&self) -> io::Result<PathBuf> {
        let spec = Spec { huge: 250_000_000, ..Spec::new(Style::Compact, 20) };
        self.made("huge.zip", &spec)
    }

    /// 5,000 tiny one-page conversations spread over the years.
    pub(crate) fn five_thousand(&self) -> io::Result<PathBuf> {
        let spec = Spec { tiny: 5_000, assets: 0, ..Spec::new(Style::Classic, 0) };
        self.made("five-thousand.zip", &spec)
    }

    /// 100,000 tiny conversations spread over the years, and 50,000 in one month.
    pub(crate) fn many(&self) -> io::Result<PathBuf> {
        let spec = Spec { tiny: 100_000, tiny_in_one_month: 50_000, ..Spec::new(Style::Classic, 0) };
        self.made("many.zip", &spec)
    }

    /// 100,000 tiny conversations spread over the years.
    pub(crate) fn small_chats(&self) -> io::Result<PathBuf> {
        let spec = Spec { tiny: 100_000, assets: 0, ..Spec::new(Style::Classic, 0) };
        self.made("small-chats.zip", &spec)
    }

    /// An export whose only large conversation is `megabytes` MB of JSON, nearly all of it text.
    pub(crate) fn text(&self, megabytes: usize) -> io::Result<PathBuf> {
        self.written(&format!("text-{megabytes}.zip"), |out| {
            let sentence = "Newts winter on land, under logs and stones, and return to the pond in spring. ";
            write!(out, r#"[{{"id": "a", "title": "Newts", "create_time": 1741064767, "current_node": "n9", "mapping": {{"#)?;
            for at in 0..10 {
                let (comma, parent) = if at == 0 { ("", "null".to_owned()) } else { (", ", format!("\"n{}\"", at - 1)) };
                let role = if at % 2 == 0 { "user" } else { "assistant" };
                write!(
                    out,
                    r#"{comma}"n{at}": {{"id": "n{at}", "parent": {parent}, "message": {{"id": "n{at}", "author": {{"role": "{role}"}}, "content": {{"content_type": "text", "parts": [""#
                )?;
                for _ in 0..megabytes * 100_000 / sentence.len() {
                    out.write_all(sentence.as_bytes())?;
                }
                write!(out, r#""]}}}}}}"#)?;
            }
            write!(out, "}}}}]")
        })
    }

    /// One conversation among 1,000,000 elements that are not conversations.
    pub(crate) fn junk(&self) -> io::Result<PathBuf> {
        self.written("junk.zip", |out| {
            let message =
                r#"{"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hi"]}}"#;
            write!(
                out,
                r#"[{{"id": "a", "current_node": "n", "mapping": {{"n": {{"message": {message}}}}}}}"#
            )?;
            for _ in 0..1_000_000 {
                out.write_all(b", {}")?;
            }
            out.write_all(b"]")
        })
    }

    /// An export with one `conversations.json` that `write` writes.
    fn written(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let path = self.dir.join(name);
        if !path.exists() {
            eprintln!("making {}", path.display());
            let unfinished = self.dir.join(format!("{name}.new"));
            let mut zip = zip::ZipWriter::new(fs::File::create(&unfinished)?);
            zip.start_file("conversations.json", zip::write::SimpleFileOptions::default())?;
            let mut out = io::BufWriter::with_capacity(1 << 20, zip);
            write(&mut out)?;
            out.into_inner().map_err(io::Error::other)?.finish()?;
            fs::rename(unfinished, &path)?;
        }
        Ok(path)
    }

    fn made(&self, name: &str, spec: &Spec) -> io::Result<PathBuf> {
        let path = self.dir.join(name);
        if !path.exists() {
            eprintln!("making {}", path.display());
            let unfinished = self.dir.join(format!("{name}.new"));
            generate::write_zip(spec, &unfinished)?;
            fs::rename(unfinished, &path)?;
        }
        Ok(path)
    }
}

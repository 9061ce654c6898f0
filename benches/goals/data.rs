//! The exports to measure with, generated once outside the repository and kept for later runs.

use super::generate::{self, Spec, Style};
use std::fs;
use std::io;
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

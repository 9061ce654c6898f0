//! The exports that are measured: made once, outside the tree, and kept for the next time.

use super::generate::{self, Spec, Style};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder with the exports.
pub(crate) struct Data {
    dir: PathBuf,
    sizes: Vec<u64>,
}

impl Data {
    /// Exports in `dir`, for measurements of growth up to `largest` MB.
    pub(crate) fn new(dir: &Path, largest: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let sizes = [10, 100, 1000, 4000].into_iter().filter(|&size| size <= largest).collect();
        Ok(Self { dir: dir.to_owned(), sizes })
    }

    /// Where they are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The sizes for which growth is measured, in MB of JSON.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.sizes.clone()
    }

    /// One large `conversations.json`.
    pub(crate) fn classic(&self, megabytes: u64) -> io::Result<PathBuf> {
        self.made(&format!("classic-{megabytes}.zip"), &Spec::new(Style::Classic, megabytes))
    }

    /// The form of 2026: a file for each hundred conversations.
    pub(crate) fn sharded(&self, megabytes: u64) -> io::Result<PathBuf> {
        self.made(&format!("sharded-{megabytes}.zip"), &Spec::new(Style::Sharded, megabytes))
    }

    /// An export whose first conversation has 250 MB of JSON.
    pub(crate) fn huge(&self) -> io::Result<PathBuf> {
        let spec = Spec { huge: 250_000_000, ..Spec::new(Style::Compact, 20) };
        self.made("huge.zip", &spec)
    }

    /// 5,000 tiny conversations, each of one page, over the years.
    pub(crate) fn five_thousand(&self) -> io::Result<PathBuf> {
        let spec = Spec { tiny: 5_000, assets: 0, ..Spec::new(Style::Classic, 0) };
        self.made("five-thousand.zip", &spec)
    }

    /// 100,000 tiny conversations over the years, and 50,000 in one month.
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

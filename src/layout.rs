//! The catalog as directories and names: year/month/title.md.
//!
//! Decides where each conversation goes and what it is called. Knows neither inode numbers nor bytes.

mod unique;

pub(crate) use unique::file_names;

use crate::catalog::{Catalog, Head};
use crate::name::FileName;
use crate::time::Zone;
use std::collections::BTreeMap;

/// The directory for conversations without a usable time.
pub(crate) const UNDATED: &str = "undated";
/// The unlisted directory at the root.
pub(crate) const HIDDEN: &str = ".gptfs";
/// Extension of a conversation's page.
pub(crate) const PAGE: &str = ".md";
/// Suffix of the directory with a conversation's files.
pub(crate) const ASSETS: &str = ".assets";
/// Suffix of the directory with a conversation's other branches.
pub(crate) const BRANCHES: &str = ".branches";

/// The whole tree: its directories, and the name of everything in them.
///
/// # Names
///
/// A conversation has one stem, unique in its directory under [`fold`](crate::name::fold), and up to three names: the
/// stem followed by `.md`, `.assets` or `.branches`. None of these is a suffix of another, so names with different
/// extensions differ. The key of a stem with an extension is the key of the stem followed by that extension, so names
/// with the same extension have equal keys only if their stems do. Unique stems therefore make unique names, even for
/// titles such as `Trip.assets`. At the root, years are digits, [`UNDATED`] is not a number, and [`HIDDEN`] begins with a
/// dot, which no checked name does.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    stems: Vec<FileName>,
    has_days: bool,
    years: Vec<Year>,
    undated: Vec<usize>,
}

/// A directory at the root: one year.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Year {
    /// The year, in the mount's zone.
    pub year: u16,
    /// Its months that have conversations, ascending.
    pub months: Vec<Month>,
}

/// A directory in a year: one month.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Month {
    /// The month, 1 to 12.
    pub month: u8,
    /// Catalog positions of its conversations, in archive order.
    pub heads: Vec<usize>,
}

impl Layout {
    /// The tree of `catalog`, with months in `zone`.
    ///
    /// Names depend on titles, times and ids; the order of the catalog only matters where these are equal. Takes
    /// expected linear time plus a sort, however many titles are equal.
    pub(crate) fn new(catalog: &Catalog, zone: &Zone) -> Self {
        Self::with_stems(catalog, zone, catalog.heads.iter().map(title).collect())
    }

    /// The same with the day of the month before each title: `11 Trip to Lisbon`.
    pub(crate) fn with_days(catalog: &Catalog, zone: &Zone) -> Self {
        let dated = |head: &Head| {
            let title = title(head);
            head.created.map_or(title.clone(), |created| title.on_day(zone.day(created)))
        };
        let stems = catalog.heads.iter().map(dated).collect();
        Self { has_days: true, ..Self::with_stems(catalog, zone, stems) }
    }

    fn with_stems(catalog: &Catalog, zone: &Zone, mut stems: Vec<FileName>) -> Self {
        #[cfg(test)]
        tests::while_laying_out(&stems);
        let mut months: BTreeMap<(u16, u8), Vec<usize>> = BTreeMap::new();
        let mut undated = Vec::new();
        for (position, head) in catalog.heads.iter().enumerate() {
            match head.created {
                Some(created) => months.entry(zone.year_month(created)).or_default().push(position),
                None => undated.push(position),
            }
        }
        for members in months.values().chain([&undated]) {
            unique::separate(&catalog.heads, members, &mut stems);
        }
        let mut years: Vec<Year> = Vec::new();
        for ((year, month), heads) in months {
            let month = Month { month, heads };
            match years.last_mut().filter(|last| last.year == year) {
                Some(last) => last.months.push(month),
                None => years.push(Year { year, months: vec![month] }),
            }
        }
        Self { stems, has_days: false, years, undated }
    }

    /// True if the day is before each title.
    pub(crate) fn has_days(&self) -> bool {
        self.has_days
    }

    /// The years that have conversations, ascending.
    pub(crate) fn years(&self) -> &[Year] {
        &self.years
    }

    /// Catalog positions of the conversations without a usable time, in archive order.
    pub(crate) fn undated(&self) -> &[usize] {
        &self.undated
    }

    /// The name of the conversation at this position in the catalog, without an extension.
    pub(crate) fn stem(&self, head: usize) -> Option<&FileName> {
        self.stems.get(head)
    }
}

fn title(head: &Head) -> FileName {
    FileName::for_title(head.title.as_deref())
}

#[cfg(test)]
mod tests;

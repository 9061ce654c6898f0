//! `cache`: lists and clears the saved indexes.

use super::args::CacheArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexCache;
use crate::text::{printable, size};
use crate::time::{Timestamp, Zone};
use std::time::UNIX_EPOCH;

/// Lists the saved indexes with their size, when each was last used and its export, or removes them.
pub(super) fn cache(args: &CacheArgs) -> Result<()> {
    let cache = IndexCache::of_user().ok_or_else(|| {
        Error::new(ErrorKind::Environment, "no cache: neither XDG_CACHE_HOME nor HOME is set")
    })?;
    if args.clear {
        let count = cache.clear()?;
        super::say(&format!("removed {} from {}", indexes(count), cache.dir().display()));
        return Ok(());
    }
    let zone = Zone::system();
    let items = cache.items()?;
    let dir = cache.dir().display();
    if items.is_empty() {
        super::say(&format!("no saved indexes in {dir}"));
        return Ok(());
    }
    super::print(|out| {
        items.iter().try_for_each(|item| {
            let used = item.used.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            let used = Timestamp::from_number(used).map(|time| zone.minute(time)).unwrap_or_default();
            let name = item.name().unwrap_or_else(|| "(of another version of gptfs)".to_owned());
            writeln!(out, "{:>9}  {used}  {}", size(item.bytes), printable(&name))
        })
    })?;
    let total = items.iter().map(|item| item.bytes).sum();
    super::say(&format!(
        "{}, {} in {dir}; each is for one export with one set of options",
        indexes(items.len()),
        size(total)
    ));
    Ok(())
}

fn indexes(count: usize) -> String {
    super::counted(count as u64, "saved index", "saved indexes")
}

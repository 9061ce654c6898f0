//! `cache`: lists and clears the saved indexes.

use super::args::CacheArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexCache;
use crate::text::printable;
use crate::time::{Timestamp, Zone};
use std::time::UNIX_EPOCH;

/// Lists the saved indexes, or removes them.
pub(super) fn cache(args: &CacheArgs) -> Result<()> {
    let cache = IndexCache::of_user().ok_or_else(|| {
        Error::new(ErrorKind::Environment, "no cache: neither XDG_CACHE_HOME nor HOME is set")
    })?;
    if args.clear {
        let count = cache.clear()?;
        let indexes = if count == 1 { "index" } else { "indexes" };
        super::say(&format!("removed {count} saved {indexes} from {}", cache.dir().display()));
        return Ok(());
    }
    let zone = Zone::system();
    let items = cache.items()?;
    super::print(|out| {
        items.iter().try_for_each(|item| {
            let used = item.used.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            let used = Timestamp::from_number(used).map(|time| zone.minute(time)).unwrap_or_default();
            writeln!(out, "{:>12}  {used}  {}", item.bytes, printable(&item.path.to_string_lossy()))
        })
    })
}

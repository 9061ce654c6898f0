//! Checks a catalog that was read back from disk: every number in it must fit the export.
//!
//! Its checksum only proves that the bytes are the ones that were written, not that they are sound.

use crate::catalog::{Asset, AssetContent, Catalog, EntryRef, Head, Measure};
use crate::format::Format;
use crate::name::FileName;
use crate::source::{Export, Shape};
use std::collections::HashMap;

/// No page is larger, in bytes.
const MAX_PAGE_BYTES: u64 = 1 << 40;

/// True if `catalog` can be that of `export`, whose entries with conversations are `shards`. Linear.
pub(super) fn is_sound(
    catalog: &Catalog,
    export: &Export,
    shards: &HashMap<EntryRef, (Shape, &'static dyn Format)>,
) -> bool {
    let orphans =
        catalog.orphans.iter().all(|orphan| is_name(&orphan.name) && export.entry(orphan.entry).is_some());
    orphans && catalog.heads.iter().all(|head| is_sound_head(head, export, shards))
}

fn is_sound_head(
    head: &Head,
    export: &Export,
    shards: &HashMap<EntryRef, (Shape, &'static dyn Format)>,
) -> bool {
    let location = head.location;
    let Some(entry) = export.entry(location.entry).filter(|_| shards.contains_key(&location.entry)) else {
        return false;
    };
    let is_located = location.start < location.end && location.end <= entry.size;
    let are_pages =
        fits(head.page) && fits(head.prompts) && head.branches.iter().all(|branch| fits(branch.measure));
    let ascend = head.branches.is_sorted_by(|a, b| a.number < b.number);
    is_located && are_pages && ascend && head.assets.iter().all(|asset| is_sound_asset(asset, head, export))
}

fn is_sound_asset(asset: &Asset, head: &Head, export: &Export) -> bool {
    let is_there = match asset.content {
        AssetContent::Entry(entry) => export.entry(entry).is_some_and(|entry| entry.size == asset.bytes),
        AssetContent::Canvas(position) => {
            (position as usize) < head.assets.len() && asset.bytes <= MAX_PAGE_BYTES
        }
    };
    is_there && is_name(&asset.name)
}

fn fits(page: Measure) -> bool {
    page.bytes <= MAX_PAGE_BYTES && u64::from(page.stems) <= page.bytes
}

fn is_name(name: &str) -> bool {
    FileName::new(name).is_some()
}

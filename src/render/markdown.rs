//! Turns, parts and front matter.

use super::{Document, Options};
use crate::catalog::Page;
use std::fmt;

/// Writes one page.
pub(super) fn page(
    document: &Document<'_>,
    page: Page,
    options: &Options,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let _ = (document, page, options, out);
    Ok(())
}

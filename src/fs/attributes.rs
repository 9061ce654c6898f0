//! Extended attributes: what is known of the conversation that a file belongs to.

use super::{Fs, Ino};
use crate::catalog::{Head, Page};
use crate::markdown::one_line;

/// Put before each name, so that programs may read them without privileges.
const PREFIX: &str = "user.gptfs.";

impl Fs {
    /// The extended attributes of `ino`, sorted by name: those of a conversation on its pages, except canvas documents,
    /// and on its prompts. Constant work, apart from the length of the values.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn attributes(&self, ino: Ino) -> crate::error::Result<Vec<(String, String)>> {
        self.attr(ino)?;
        let of_page =
            self.page(ino).filter(|(_, page)| !matches!(page, Page::Canvas(_))).map(|(head, _)| head);
        let head = of_page.or_else(|| self.prompts_of(ino));
        let Some((at, head)) = head.and_then(|at| Some((at, self.catalog().heads.get(at)?))) else {
            return Ok(Vec::new());
        };
        let values = self.known(at, head).into_iter();
        let filled = values.filter_map(|(name, value)| Some((format!("{PREFIX}{name}"), value?)));
        Ok(filled.filter(|(_, value)| !value.is_empty()).collect())
    }

    fn known(&self, at: usize, head: &Head) -> [(&'static str, Option<String>); 9] {
        let zone = self.library.zone();
        let line = |text: &str| one_line(text).into_owned();
        [
            ("created", head.created.map(|time| zone.rfc3339(time))),
            ("gpt", head.gpt.as_deref().map(line)),
            ("id", Some(line(&head.id))),
            ("model", Some(line(&head.models.join(", ")))),
            ("project", head.project.as_deref().map(line)),
            ("title", head.title.as_deref().map(line)),
            ("turns", Some(head.turns.to_string())),
            ("updated", head.updated.map(|time| zone.rfc3339(time))),
            ("url", self.library.address(at)),
        ]
    }
}

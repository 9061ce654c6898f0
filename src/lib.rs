//! gptfs shows a ChatGPT data export as a read-only tree of Markdown files.
//!
//! # How the data flows
//!
//! ```text
//!  export.zip ─ source ─ archive ─► bytes ─ format ─► Catalog ─ layout ─► names ─ fs ─► fuse ─► kernel
//!               (what    (inflate,         (scan,     who is    year/month        core
//!                is it)   checkpoints)      split)    where
//!                                             └─ one conversation ─► Conversation ─► Document ─► Markdown
//! ```
//!
//! The [`catalog`] is the hinge: left of it are bytes and JSON, and nothing of names or inodes; right of it are
//! names and inodes, and nothing of ZIP or JSON. The lower branch runs once per conversation in the indexing
//! pass, to learn the exact size of every page, and again when a page is read. It is the same renderer, so a
//! size can't disagree with what is read.
//!
//! Only [`cli`] joins the two halves.

#![cfg_attr(not(feature = "fuse"), allow(dead_code, reason = "the rest is for mounting"))]

mod bug;
mod bytes;
#[cfg(all(feature = "fuse", not(target_os = "linux")))]
compile_error!("gptfs mounts on Linux only; build with --no-default-features for everything else");

mod error;
mod markdown;
mod name;
mod progress;
mod sync;
mod text;
mod time;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod testing;

mod archive;
mod catalog;
mod conversation;
mod format;
mod index;
mod render;
mod source;

mod export;
mod fs;
#[cfg(feature = "fuse")]
mod fuse;
mod layout;
mod search;
mod sys;

mod cli;

pub use cli::run;

/// Internals for the integration tests and benchmarks. Not a stable interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::catalog::Page;
    pub use crate::conversation::canvas::Canvas;
    pub use crate::conversation::files::{AssetIndex, Files, Resolved};
    pub use crate::conversation::thread::Threads;
    pub use crate::conversation::tree::{MessageTree, Node, NodeId};
    pub use crate::conversation::{Conversation, FileRef, Message, Part, Prose, Role, Thought};
    pub use crate::format::chatgpt::ASSISTANT;
    pub use crate::format::scan::{Body, ELEMENT_LIMIT, Element, End, Level, Scanner};
    pub use crate::format::{Detail, named};
    pub use crate::name::fold;
    pub use crate::render::{Document, Headings, Options};
    pub use crate::time::{Timestamp, Zone};
}

//! gptfs shows a ChatGPT data export as a read-only tree of Markdown files.
//!
//! # The way of the data
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

pub mod bytes;
pub mod error;
pub mod name;
pub mod progress;
pub mod text;
pub mod time;

pub mod archive;
pub mod catalog;
pub mod conversation;
pub mod format;
pub mod index;
pub mod render;
pub mod source;

pub mod export;
pub mod fs;
pub mod fuse;
pub mod layout;
pub mod sys;

pub mod cli;

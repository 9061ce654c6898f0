//! The formats that exports come in, and how to tell which one an element is.
//!
//! With its rooms, the only user of `serde_json`.

pub mod assets;
pub mod chatgpt;
pub mod html;
pub mod repair;
pub mod scan;

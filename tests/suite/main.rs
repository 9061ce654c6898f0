//! The suite: what a user meets at the command line and in a mounted tree.

mod forms;
mod golden;
mod support;

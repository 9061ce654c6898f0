//! The suite: what a user meets at the command line and in a mounted tree.

mod forms;
mod frame;
mod golden;
mod support;

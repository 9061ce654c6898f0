//! The suite: what a user sees at the command line and in a mounted tree.

mod ask;
mod browser;
mod cli;
mod documents;
mod english;
mod every_fixture;
mod export;
mod faults;
mod forms;
mod frame;
#[path = "../../benches/generate/mod.rs"]
mod generate;
mod golden;
mod grep;
mod growth;
mod hostile;
mod house;
mod measured;
mod mount;
mod output;
mod readme;
mod sources;
mod structure;
mod support;
mod system;
mod tree;
mod trust;
mod updates;
mod vanishing;
mod views;
mod wording;

//! The suite: what a user sees at the command line and in a mounted tree.

<<<<<<< HEAD
mod ask;
=======
mod browser;
>>>>>>> 51ea28c (A page holds in a browser: elements, links and footnotes of an answer stay inside it, headings of a turn move together, formulas are written between dollar signs)
mod cli;
mod documents;
mod english;
mod every_fixture;
mod faults;
mod forms;
mod frame;
#[path = "../../benches/generate/mod.rs"]
mod generate;
mod golden;
mod grep;
mod hostile;
mod house;
mod measured;
mod mount;
mod readme;
mod structure;
mod support;
mod system;
mod tree;

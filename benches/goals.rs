//! The measured goals.
fn main() {}

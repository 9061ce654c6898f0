//! Parses arguments, runs, and maps the result to an exit code. Everything else is in the library.

fn main() {}

//! The command line: arguments, and one short function per command. The only user of `clap`.

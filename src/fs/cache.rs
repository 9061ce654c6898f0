//! Rendered files, bounded by bytes; each is rendered once however many wait for it.

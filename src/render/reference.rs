//! Citations and other references: spans of code points in a text become links, and left-over marks go.

//! Inode numbers: a table, filled once, in the order of listings.

//! A streaming scanner that finds the elements of an array of conversations, whatever they hold.

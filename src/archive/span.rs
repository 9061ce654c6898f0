//! Decoded spans of deflated entries, cached.

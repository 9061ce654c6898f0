//! The life of a mount: checks, daemon, readiness, signals, unmount.

//! Placeholder of the suite.
mod frame;

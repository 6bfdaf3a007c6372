//! Small state files.

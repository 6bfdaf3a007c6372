//! Follows log files and writes their lines, with their positions.
pub mod disk;

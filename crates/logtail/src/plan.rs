//! What is to be followed, and how.

use std::path::PathBuf;
use std::time::Duration;

use crate::emit::Shape;
use crate::glob::Pattern;
use crate::terms::Terms;

/// Where the first reading of a file begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// At the head.
    Head,
    /// This many lines before the end.
    LastLines(u64),
    /// At the line with this number, counted from 1.
    FromLine(u64),
}

/// What is to be followed, and how.
#[derive(Debug)]
pub struct Plan {
    /// Files and globs.
    pub patterns: Vec<Pattern>,
    /// What globs leave out.
    pub excludes: Vec<Pattern>,
    /// How lines leave.
    pub shape: Shape,
    /// Where the files that are there at the first look are begun; others at their head.
    pub first: First,
    /// Whether the run goes on at the end of the files, and waits for those that are not there yet.
    pub follows: bool,
    /// Plain lines of another file than the last get tail's header.
    pub headers: bool,
    /// How long a rotated file must bring no byte before it is closed, where it cannot be told whether it has a writer;
    /// and how long NUL bytes in front of other bytes must stand before they count as a gap.
    pub rotate_quiet: Duration,
    /// How long a file must be gone before it is forgotten.
    pub forget_after: Duration,
    /// How many rotated files are held open at most.
    pub open_limit: usize,
    /// How many files are open at most; those beyond wait until others, at their end, are closed for them.
    pub most_open: usize,
    /// After how long without a byte the beginning of a line at the end of a file leaves without its LF; `None`: never.
    pub partial_after: Option<Duration>,
    /// Directories into which links may lead.
    pub follow_links: Vec<PathBuf>,
    /// On which terms the disk space of what is delivered is given back; `None`: it is not.
    pub reclaim: Option<Terms>,
    /// The state directory, whose files are never followed.
    pub state: Option<PathBuf>,
    /// How many bytes one read takes; four times [`SAMPLE`](crate::fingerprint::SAMPLE) or more, else samples are shorter.
    pub chunk: usize,
}

//! Follows log files and writes their lines, with their positions.
//!
//! | module | the idea |
//! |---|---|
//! | [`generation`] | one generation of one file: what has been read of it, and that it is still the same |
//! | [`follow`] | the paths, and which generation sits at each |
//! | [`beside`] | what rotation left beside them: unseen generations, copies |
//! | [`round`] | reading in turn, finishing, the end of a drain |
//! | [`keep`], [`ledger`], [`state`] | what is remembered, when, and where |
//! | [`emit`], [`fingerprint`], [`siblings`], [`glob`], [`ends`] | lines with tags, how a file is known again, names |
//! | [`tail`], [`drain`], [`args`] | the loop, its end, the command line |
//! | [`disk`], [`system`], [`lease`], [`watch`] | the file system, and the calls it takes |

pub mod args;
pub mod beside;
pub mod disk;
pub mod drain;
pub mod emit;
pub mod ends;
pub mod fingerprint;
pub mod follow;
pub mod generation;
pub mod glob;
pub mod keep;
pub mod lease;
pub mod ledger;
pub mod round;
pub mod siblings;
pub mod state;
pub mod system;
pub mod tail;
pub mod watch;

/// The name in messages.
pub const PROG: &str = "logtail";

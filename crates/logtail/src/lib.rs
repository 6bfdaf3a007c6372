#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! | module | the idea |
//! |---|---|
//! | [`run`], [`drain`], [`hung`] | the loop, how it ends, and how where a file system does not answer |
//! | [`follow`] | the follower: what a look makes of each path |
//! | [`paths`] | the watched paths: what the disk shows |
//! | [`files`], [`mod@file`] | what is known of files; one generation of one file |
//! | [`links`] | where links may lead, and which files are our own |
//! | [`rotated`], [`candidate`] | what rotation left beside the paths |
//! | [`copies`] | which of that holds what a known file held |
//! | [`names`], [`dated`], [`learning`] | the names that rotation gives, the directories of the day, and how both are learnt |
//! | [`turn`], [`queue`] | who is read next, finishing, watermarks; the rotated files that wait for their turn |
//! | [`fingerprint`] | how a file is known again: every comparison of contents |
//! | [`checkpoint`], [`state`] | what must be on disk before what leaves; the state directory |
//! | [`report`], [`context`], [`plan`] | what is said and counted; what each call is given; what is to be followed |
//! | [`terms`], [`reclaim`], [`hole`] | giving back the disk space of what is delivered; the holes that this leaves |
//! | [`emit`], [`ends`], [`glob`] | lines with tags; where the last lines begin; patterns |
//! | [`disk`], [`system`], [`lease`], [`watch`] | the file system, and the calls it takes |
//! | [`gzip`] | compressed files, read as what they hold |

pub mod args;
pub mod candidate;
pub mod checkpoint;
pub mod clock;
pub mod context;
pub mod copies;
pub mod dated;
pub mod disk;
pub mod drain;
pub mod emit;
pub mod ends;
pub mod file;
pub mod files;
pub mod fingerprint;
pub mod follow;
pub mod glob;
pub mod gzip;
pub mod hole;
pub mod hung;
pub mod learning;
pub mod lease;
pub mod links;
pub mod manual;
pub mod names;
pub mod others;
pub mod paths;
pub mod plan;
pub mod queue;
pub mod reclaim;
pub mod report;
pub mod rotated;
pub mod run;
pub mod search;
pub mod state;
pub mod system;
pub mod terms;
pub mod turn;
pub mod watch;

/// The name in messages.
pub const PROG: &str = "logtail";

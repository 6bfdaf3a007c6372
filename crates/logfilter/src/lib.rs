//! Keeps the lines that match a pattern or a condition on their fields.
//!
//! | module | the idea |
//! |---|---|
//! | [`filter`] | what is kept |
//! | [`pattern`] | grep's patterns |
//! | [`expr`] | the language of conditions, as text and as a tree |
//! | [`condition`] | a condition at work on the text of a record |
//! | [`level`] | levels in their order |
//! | [`args`] | the command line |

pub mod args;
pub mod condition;
pub mod expr;
pub mod filter;
pub mod level;
pub mod pattern;

/// The name in messages.
pub const PROG: &str = "logfilter";

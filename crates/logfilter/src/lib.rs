//! Keeps the lines that match a pattern or a condition on their fields.
//!
//! | module | the idea |
//! |---|---|
//! | [`filter`] | what is kept |
//! | [`pattern`] | grep's patterns |
//! | [`expr`], [`value`], [`parse`] | the language of conditions: a tree, the right sides of its tests, and how text becomes one |
//! | [`query`] | all that is asked of the fields of a line |
//! | [`condition`] | a condition at work |
//! | [`record`] | the fields of a line, straight from its text |
//! | [`needle`] | texts without which a condition cannot hold |
//! | [`window`] | a stretch of time |
//! | [`when`] | moments that slide |
//! | [`args`] | the command line |

pub mod args;
pub mod condition;
pub mod expr;
pub mod filter;
pub mod needle;
pub mod parse;
pub mod pattern;
pub mod query;
pub mod record;
pub mod value;
pub mod when;
pub mod window;

/// The name in messages.
pub const PROG: &str = "logfilter";

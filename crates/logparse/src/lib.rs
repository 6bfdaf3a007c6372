//! Makes records of lines.
//!
//! | module | the idea |
//! |---|---|
//! | [`parse`] | what becomes of each line |
//! | [`formats`] | one module for each format |
//! | [`record`] | a record as it is written |
//! | [`request`], [`escape`], [`clock`] | request lines, escapes and times as servers write them |
//! | [`args`] | the command line |

pub mod args;
pub mod clock;
pub mod escape;
pub mod formats;
pub mod parse;
pub mod record;
pub mod request;

/// The name in messages.
pub const PROG: &str = "logparse";

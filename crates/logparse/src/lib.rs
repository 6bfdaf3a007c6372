//! The parts of logparse, so that tests can reach them: formats read one line each, the record lays out what they find, the
//! join puts lines together, and [`parse::Parse`] is the whole.

pub mod args;
mod brackets;
mod clock;
mod conf;
mod formats;
mod grok;
mod join;
mod lanes;
pub mod parse;
mod pod;
mod pretty;
mod record;
mod trace;

/// The name in messages.
pub const PROG: &str = "logparse";

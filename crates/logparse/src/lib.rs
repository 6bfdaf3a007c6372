#![doc = include_str!("../README.md")]

mod args;
mod brackets;
mod clock;
mod conf;
mod formats;
mod grok;
mod join;
mod manual;
mod parse;
mod pod;
mod pretty;
mod record;
mod trace;

pub use args::Args;
pub use manual::MANUAL;
pub use parse::Parse;

/// The name in messages.
pub const PROG: &str = "logparse";

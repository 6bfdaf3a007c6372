#![doc = include_str!("../README.md")]

pub mod args;
mod condition;
mod expr;
mod filter;
pub mod manual;
mod needle;
mod parse;
mod pattern;
mod plain;
mod query;
mod reading;
mod record;
mod trial;
mod value;
mod when;
mod window;

pub use expr::Expr;
pub use filter::Filter;
pub use needle::{Ahead, Needles};
pub use parse::{Mistake, parse};
pub use pattern::{Pattern, looks_like_condition};
pub use query::{Judgement, Query};
pub use record::Subject;
pub use when::{EXPECTED as EXPECTED_TIME, When};

/// The name in messages.
pub const PROG: &str = "logfilter";

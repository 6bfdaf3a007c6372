#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! | module | the idea |
//! |---|---|
//! | [`position`] | where the bytes of a line come from: generation, start, end, next; marks |
//! | [`line`](mod@line) | the kinds of line: plain, tagged, record, mark, end mark |
//! | [`torn`] | which lines at the end of a stream may be the beginning of another |
//! | [`splitter`] | bytes in, whole bounded lines out; no system call |
//! | [`input`] | stdin: a splitter, and the one wait in front of a read that may block |
//! | [`output`] | stdout: flushed exactly before that wait |
//! | [`json`] | the text of an object read without a tree, strings written |
//! | [`plain`] | the same of what logparse writes, by what stood in the record before |
//! | [`lanes`], [`digits`] | bytes looked for without a call; digits read a word at a time |
//! | [`short`] | short runs of bytes copied without a call |
//! | [`state`] | small files that survive a kill at any moment |
//! | [`system`] | the system calls that only Linux has, and their portable twins |
//! | [`calendar`], [`time`], [`stamp`] | days and the names of months; moments and zones; times as programs write them |
//! | [`names`], [`level`] | the names under which applications write time, level and message; levels in their order |
//! | [`wait`] | the one wait: input, output, signals, time |
//! | [`manual`] | how a tool explains itself: help, man page, answers to options of other tools |
//! | [`ending`], [`args`], [`signal`], [`quantity`], [`spelling`] | exit codes and messages, options, signals, sizes and durations, names with a slip |

pub mod args;
pub mod calendar;
pub mod digits;
pub mod ending;
pub mod input;
pub mod json;
pub mod lanes;
pub mod level;
pub mod line;
pub mod manual;
pub mod names;
pub mod output;
pub mod plain;
pub mod position;
pub mod quantity;
pub mod short;
pub mod signal;
pub mod spelling;
pub mod splitter;
pub mod stamp;
pub mod state;
pub mod system;
pub mod time;
pub mod torn;
pub mod wait;

// Whoever reads lines gets its functions in place of those of the C library.
use memory as _;

//! What must hold of following: the cases of `tests/cases/follow.md` by their groups, and random sequences of them all
//! against a model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::format_collect, reason = "the text of a test's log reads best so")]

mod attacks;
mod beside;
mod copies;
mod fake;
mod faults;
mod field;
mod found;
mod known;
mod lines;
mod marks;
mod model;
mod names;
mod nuls;
mod reboot;
mod reclaim;
mod remembered;
mod restart;
mod rewritten;
mod rotation;
mod run;
mod stage;
mod start;
mod taken_back;
mod truncation;
mod turns;
mod world;

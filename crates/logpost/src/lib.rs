//! Delivers records over HTTP and keeps them until they have been accepted.
//!
//! | module | the idea |
//! |---|---|
//! | [`batch`] | records that are sent together |
//! | [`job`] | one batch on its way: retries, halving, bisecting, holding |
//! | [`window`] | the batches in their order, and what may be acknowledged |
//! | [`fate`] | what an answer means |
//! | [`kinds`], [`document`] | how each kind of server is written to and read |
//! | [`deliver`], [`target`], [`connection`] | requests |
//! | [`dry_run`] | the same on stdout |
//! | [`acks`] | what has been delivered, kept |
//! | [`refusals`] | where refused records go |
//! | [`report`] | what is said: [`tally`], [`outage`], [`progress`], [`metrics`] |
//! | [`post`], [`args`] | the loop, the command line |

pub mod acks;
pub mod args;
pub mod batch;
pub mod connection;
pub mod deliver;
pub mod document;
pub mod dry_run;
pub mod fate;
pub mod job;
pub mod kinds;
pub mod metrics;
pub mod outage;
pub mod post;
pub mod progress;
pub mod refusals;
pub mod report;
pub mod tally;
pub mod target;
pub mod window;

/// The name in messages.
pub const PROG: &str = "logpost";

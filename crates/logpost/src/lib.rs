//! Delivers records over HTTP and keeps them until they have been accepted.
//!
//! | module | the idea |
//! |---|---|
//! | [`batch`] | records that are sent together |
//! | [`job`] | one batch on its way: retries, halving, bisecting, holding |
//! | [`window`] | the batches in their order, and what may be acknowledged |
//! | [`fate`] | what an answer means |
//! | [`kinds`], [`document`] | how each kind of server is written to and read |
//! | [`deliver`], [`target`] | requests |
//! | [`acks`] | what has been delivered, kept |
//! | [`post`], [`args`] | the loop, the command line |

pub mod acks;
pub mod args;
pub mod batch;
pub mod deliver;
pub mod document;
pub mod fate;
pub mod job;
pub mod kinds;
pub mod post;
pub mod target;
pub mod window;

/// The name in messages.
pub const PROG: &str = "logpost";

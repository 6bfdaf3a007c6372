#![doc = include_str!("../README.md")]
//!
//! ## Where it is in the code
//!
//! | module | the idea |
//! |---|---|
//! | `batch` | records that are sent together |
//! | `request` | one batch on its way: retries, halving, bisecting, holding |
//! | `window` | the batches in their order, and what may be acknowledged |
//! | `held` | records that wait apart, so that others go on |
//! | `times` | the time that a record without one takes |
//! | `outcome` | what an answer means |
//! | `destinations`, `document` | how each destination is written to, and its answers read |
//! | `deliver`, `target` | requests and where they go, on threads of their own |
//! | `connection`, `transport`, `outbox`, `tls`, `unread` | how they get there |
//! | `hidden` | passwords leave the command line |
//! | `pace` | how fast requests go, so that many senders can share a server |
//! | `dry_run` | the same on stdout |
//! | `acks` | what has been delivered, kept |
//! | `refusals` | where refused records go |
//! | `report` | what is said: `tally`, `outage`, `progress`, `metrics`, `lag` |
//! | `post`, `setup`, `args` | the loop, what it is made of, the command line |

mod acks;
mod args;
mod batch;
mod connection;
mod deliver;
mod destinations;
mod document;
mod dry_run;
#[cfg(fuzzing)]
pub mod fuzz;
mod held;
mod hidden;
mod lag;
mod manual;
mod metrics;
mod outage;
mod outbox;
mod outcome;
mod own;
mod pace;
mod post;
mod progress;
mod refusals;
mod report;
mod request;
mod setup;
mod tally;
mod target;
mod times;
mod tls;
mod transport;
mod unread;
mod window;

pub use args::Args;
pub use manual::MANUAL;
pub use setup::run;
// The model of the whole pipe, among logtail's tests, runs the window against a server of its own.
pub use outcome::{Outcome, Outcomes};
pub use request::Answered;
pub use window::Window;

/// The name in messages.
pub const PROG: &str = "logpost";

//! The kinds of server, one file each: how a batch is written, and how an answer is read.

pub mod elasticsearch;
pub mod ndjson;

use crate::batch::Batch;
use crate::fate::{Answer, Verdict};

/// One kind of server.
pub trait Kind: Send {
    /// Appends to the URL's path what the kind wants there.
    fn path(&self, path: &str) -> String;
    /// The type of the body.
    fn content_type(&self) -> &'static str;
    /// Writes the body of a request with these records of the batch, in their order.
    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>);
    /// What an answer to a request with `count` records means. An answer that never came is not asked about.
    fn read(&self, answer: &Answer, count: usize) -> Verdict;
}

//! The kinds of server, one file each: how a batch is written, and how an answer is read.

pub mod elasticsearch;
pub mod ndjson;
pub mod victorialogs;

use logline::ending::Trouble;

use crate::args::{Args, KindName};
use crate::batch::Batch;
use crate::document::Form;
use crate::fate::{Answer, Verdict};
use crate::kinds::elasticsearch::Elasticsearch;
use crate::kinds::ndjson::Ndjson;
use crate::kinds::victorialogs::VictoriaLogs;

/// A record that is refused before it is sent, and why: the server would drop it without a word.
pub type LeftOut = (usize, String);

/// One kind of server.
pub trait Kind: Send {
    /// The path and the query of its requests, where the URL has this path.
    fn path(&self, path: &str) -> String;
    /// The type of the body.
    fn content_type(&self) -> &'static str;
    /// Appends the body of a request with these records of the batch, in their order. What it leaves out is told in the
    /// same order; where that is all of them it appends nothing.
    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut>;
    /// What an answer to a request with `count` records means.
    fn read(&self, answer: &Answer, count: usize) -> Verdict;
}

/// The kind that the options name, for a URL with this path.
pub fn kind(args: &Args, path: &str) -> Result<Box<dyn Kind>, Trouble> {
    for (option, is_given) in [("--label", !args.label.is_empty()), ("--label-from", !args.label_from.is_empty())] {
        if is_given && args.to != KindName::Victorialogs {
            return Err(Trouble::new(option, "this kind of server has no streams, use --add K=V"));
        }
    }
    Ok(match args.to {
        KindName::Ndjson => Box::new(Ndjson { form: Form::new("time", &args.add) }),
        KindName::Elasticsearch => Box::new(Elasticsearch {
            index: elasticsearch::index(args.index.as_deref(), path)?,
            with_id: !args.no_id,
            form: Form::new("@timestamp", &args.add),
        }),
        KindName::Victorialogs => Box::new(VictoriaLogs::new(args)?),
    })
}

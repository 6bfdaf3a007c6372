//! Any server that takes one JSON object a line and answers 2xx when it has stored them all.

use crate::batch::Batch;
use crate::document::{self, Headed};
use crate::fate::{Answer, Fate, Verdict, of_status, reason};
use crate::kinds::Kind;

/// See the page of the module.
#[derive(Debug)]
pub struct Ndjson;

impl Kind for Ndjson {
    fn path(&self, path: &str) -> String {
        path.to_owned()
    }

    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) {
        for record in records {
            if let Some(headed) = batch.untagged(*record).and_then(Headed::parse) {
                headed.write(out, "time");
                out.push(b'\n');
                continue;
            }
            let (content, path) = batch.content(*record);
            document::write(out, content, path.as_deref(), "time", &batch.read_at);
            out.push(b'\n');
        }
    }

    fn read(&self, answer: &Answer, _count: usize) -> Verdict {
        Verdict::All(match answer {
            Answer::Failed(cause) => Fate::Again(cause.clone()),
            // 207 says that the body holds several verdicts, 260 that nothing was taken in.
            Answer::Http { status: status @ (207 | 260), body, .. } => Fate::Hold(reason(*status, body)),
            Answer::Http { status, body, .. } => of_status(*status, body).unwrap_or(Fate::Delivered),
        })
    }
}

//! Any server that takes one JSON object a line and answers 2xx when it has stored them all.

use crate::batch::Batch;
use crate::document::{Fields, Form, Headed};
use crate::fate::{Answer, Fate, Verdict, of_status, reason};
use crate::kinds::{Kind, LeftOut};

/// See the page of the module.
#[derive(Debug)]
pub struct Ndjson {
    /// What its documents are made like.
    pub form: Form,
}

impl Kind for Ndjson {
    fn path(&self, path: &str) -> String {
        path.to_owned()
    }

    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let suspects = self.form.suspects(batch);
        for record in records {
            match batch.untagged(*record).and_then(|line| Headed::parse(line, &suspects)) {
                Some(headed) => self.form.write_headed(out, &headed),
                None => self.form.write_fields(out, &Fields::read(batch, *record), &batch.read_at),
            }
            out.push(b'\n');
        }
        Vec::new()
    }

    fn read(&self, answer: &Answer, _count: usize) -> Verdict {
        let Answer { status, body, .. } = answer;
        Verdict::All(match status {
            // 207 says that the body holds several verdicts, 260 that nothing was taken in.
            207 | 260 => Fate::Hold(reason(*status, body)),
            _ => of_status(*status, body).unwrap_or(Fate::Delivered),
        })
    }
}

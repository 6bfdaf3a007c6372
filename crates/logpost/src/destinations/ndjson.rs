//! Any server that takes one JSON object a line and answers 2xx when it has stored them all. A web page is
//! no such answer.

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent};
use crate::document::{Fields, Template};
use crate::outcome::{Answer, Outcome, Outcomes, from_page, from_status, unexpected};

/// A server that takes lines of JSON.
#[derive(Debug)]
pub struct Ndjson {
    /// What its documents are made like.
    pub template: Template,
}

impl Destination for Ndjson {
    fn path(&self, path: &str) -> String {
        path.to_owned()
    }

    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn is_additive(&self) -> bool {
        true
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let mut fields = Fields::default();
        for record in records {
            if !batch.untagged(*record).is_some_and(|line| self.template.write_parsed(out, line, |_, _| {})) {
                batch.read_fields(*record, &mut fields);
                self.template.write_fields(out, &fields, batch.read_at.as_bytes());
            }
            out.push(b'\n');
        }
        Vec::new()
    }

    /// `"3f2a00c4d1e0b7a9:0-17..3f2a00c4d1e0b7a9:100-117"`: where its first and its last record were read.
    fn key(&self, batch: &Batch, records: &[usize]) -> Option<String> {
        let mut key = b"\"".to_vec();
        batch.position(*records.first()?)?.write_without_flags(&mut key);
        key.extend_from_slice(b"..");
        batch.position(*records.last()?)?.write_without_flags(&mut key);
        key.push(b'"');
        String::from_utf8(key).ok()
    }

    fn read(&mut self, answer: &Answer, _sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        Outcomes::All(match status {
            // 207 says that the body holds several verdicts, 260 that nothing was taken in.
            207 | 260 => Outcome::Hold(unexpected(*status, "which does not tell that all of it is stored", body)),
            _ => from_status(*status, body).or_else(|| from_page(*status, body)).unwrap_or(Outcome::Delivered),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::read;

    #[test]
    fn a_web_page_is_no_success() {
        let mut destination = Ndjson { template: Template::new("time", []) };
        let mut outcome = |status, body| match read(&mut destination, status, body, 2) {
            Outcomes::All(outcome) => outcome,
            other => panic!("{other:?}"),
        };
        assert!(matches!(outcome(200, "<!DOCTYPE html><title>Log in</title>"), Outcome::Hold(_)));
        assert_eq!([outcome(200, "thanks"), outcome(204, "")], [Outcome::Delivered, Outcome::Delivered]);
    }

    #[test]
    fn the_key_of_a_request_is_where_its_first_and_last_record_were_read() {
        let destination = Ndjson { template: Template::new("time", []) };
        let lines: [&[u8]; 3] =
            [b"\x1e0000000000000001:0-5 /a\tfour", b"\x1e0000000000000001:5-9@0p /a\tfour", b"plain"];
        let batch = batch(&lines);
        let key = "\"0000000000000001:0-5..0000000000000001:5-9@0\"";
        assert_eq!(destination.key(&batch, &[0, 1]).as_deref(), Some(key));
        assert_eq!(destination.key(&batch, &[0, 2]), None);
        assert_eq!(destination.key(&batch, &[]), None);
    }
}

//! What the fuzzer reaches of the inside: built for it alone, with `--cfg fuzzing`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use clap::Parser as _;
use logline::line::Line;

use crate::args::Args;
use crate::batch::Batch;
use crate::destinations::Sent;
use crate::destinations::chosen::destination;
use crate::outcome::{Answer, Outcomes};

/// Lets a destination read an answer to a request with so many records, and looks that it says something of each of them
/// and of no more.
///
/// # Panics
/// When it does not.
pub fn answer(to: &str, status: u16, count: usize, body: &[u8]) {
    thread_local!(static KNOWN: RefCell<BTreeMap<String, Args>> = const { RefCell::new(BTreeMap::new()) });
    let mut destination = KNOWN.with_borrow_mut(|known| {
        let parse = || Args::parse_from(["logpost", "http://h/", "--to", to]);
        match destination(known.entry(to.to_owned()).or_insert_with(parse), "/") {
            Ok(destination) => destination,
            Err(trouble) => panic!("{to}: {trouble}"),
        }
    });
    let mut batch = Batch::default();
    for record in 0..count {
        batch.add(&Line::plain(format!(r#"{{"message":"{record}","a":{record}}}"#).as_bytes()));
    }
    let records: Vec<usize> = (0..count).collect();
    assert!(destination.write(&batch, &records, &mut Vec::new()).is_empty());
    let answer = Answer { status, retry_after: None, body: body.to_vec() };
    match destination.read(&answer, &Sent { batch: &batch, records: &records }) {
        Outcomes::All(_) => {}
        Outcomes::Each(each) | Outcomes::Otherwise(_, each) => assert_eq!(each.len(), count),
        Outcomes::Taken(taken) => {
            assert!(taken.refused.len() + taken.unnamed <= count);
            assert!(taken.refused.is_sorted_by(|(one, _), (other, _)| one < other));
            assert!(taken.refused.iter().all(|(place, _)| *place < count));
        }
    }
}

//! `--since` and `--until`: a record without a time shares the verdict of the record before it in the same file, so that
//! stack traces follow their head; what no time came before is kept.

use std::collections::HashMap;

use logline::position::Fid;

use crate::reading::{Names, Reading, Times};
use crate::when::When;

/// A stretch of time: from its first moment on, up to its last and without it.
#[derive(Debug)]
pub struct Window {
    since: Option<usize>,
    until: Option<usize>,
    times: Times,
    /// Of the generation that the line before came from.
    current: Option<Fid>,
    verdict: bool,
    /// Of the others that are not finished.
    others: HashMap<Option<Fid>, bool>,
    /// A record has told its time.
    pub has_seen_time: bool,
}

impl Window {
    /// A window with one end or two.
    pub fn new(since: Option<When>, until: Option<When>, names: &mut Names) -> Self {
        let mut number = |when: Option<When>| when.map(|when| names.moment(when));
        Self {
            since: number(since),
            until: number(until),
            times: Times::new(names),
            current: None,
            verdict: true,
            others: HashMap::new(),
            has_seen_time: false,
        }
    }

    /// Whether the line lies in the window. To be asked of each line, in their order.
    pub fn holds(&mut self, reading: &Reading<'_>) -> bool {
        let file = reading.subject.position().map(|position| position.fid);
        if file != self.current {
            self.others.insert(self.current, self.verdict);
            self.verdict = self.others.remove(&file).unwrap_or(true);
            self.current = file;
        }
        if let Some(time) = reading.time(&self.times) {
            self.has_seen_time = true;
            self.verdict = self.since.is_none_or(|since| reading.moments[since] <= time)
                && self.until.is_none_or(|until| time < reading.moments[until]);
        }
        self.verdict
    }

    /// Nothing more will come of a generation.
    pub fn forget(&mut self, file: Fid) {
        self.others.remove(&Some(file));
    }
}

//! One batch on its way: what of it is still to be sent, when, and in which pieces. It knows neither sockets nor clocks:
//! verdicts and the time come in, the next request comes out.
//!
//! The invariant: every record of the batch is in exactly one place: still to do, delivered, refused, or set aside as bad
//! until all of the batch has been tried.

use std::collections::VecDeque;
use std::time::Duration;

use crate::batch::Batch;
use crate::outcome::{Outcome, Outcomes};

/// The first and the greatest bound of the pause after a failure; the pause itself is anything below it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A mistake of configuration is not mended within seconds.
const FIRST_HOLD: Duration = Duration::from_secs(2);
/// So many records found bad one after the other, and none good, say that the fault is not theirs.
const ALIKE: usize = 8;
/// No server may ask for more.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// See the page of the module.
#[derive(Debug)]
pub struct Request {
    /// What is sent.
    pub batch: Batch,
    /// What the first request says, until it is sent.
    body: Option<Vec<u8>>,
    todo: VecDeque<Vec<usize>>,
    refused: Vec<(usize, String)>,
    bad: Vec<(usize, String)>,
    /// How many were refused before they were sent.
    unsent: usize,
    /// How many records the server had taken in all when it found fault with all of the batch.
    doubted_at: Option<u64>,
    failures: u32,
    seen: Seen,
    /// The connection was cut while the next request was written for the first time.
    was_cut: bool,
    /// The last request was too large and is to go in two.
    pub was_halved: bool,
    /// Not before this.
    pub ready_at: Duration,
    /// A request of it is under way.
    pub in_flight: bool,
    /// When it was first tried.
    pub since: Duration,
    /// What stands in its way.
    pub trouble: Option<Trouble>,
    /// How many records were sent more than once.
    pub resent: u64,
    /// How many were stored before.
    pub known: u64,
    /// How many bytes the request under way has.
    pub request_bytes: u64,
    /// When it was sent.
    pub sent_at: Duration,
}

/// What the answers so far have shown about the records of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Nothing,
    /// The server finds fault with each alike.
    EachBad,
    SomeTaken,
}

/// Why a request is not done yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// In the words of the server or the system.
    pub cause: String,
    /// It needs a hand.
    pub is_hold: bool,
}

impl Request {
    /// All of the batch is to be sent, at once. `body` is that of the first request, if it is written already.
    pub fn new(mut batch: Batch, body: Option<Vec<u8>>, now: Duration) -> Self {
        let mut all = std::mem::take(&mut batch.list);
        all.extend(0..batch.len());
        Self {
            todo: if all.is_empty() { VecDeque::new() } else { VecDeque::from([all]) },
            batch,
            body,
            refused: Vec::new(),
            bad: Vec::new(),
            unsent: 0,
            doubted_at: None,
            failures: 0,
            seen: Seen::Nothing,
            was_cut: false,
            was_halved: false,
            ready_at: now,
            in_flight: false,
            since: now,
            trouble: None,
            resent: 0,
            known: 0,
            request_bytes: 0,
            sent_at: now,
        }
    }

    /// The records of the next request.
    pub fn next(&self) -> Option<&[usize]> {
        self.todo.front().map(Vec::as_slice)
    }

    /// The body of the first request, if it was written ahead and that is the next one.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        self.body.take()
    }

    /// Whether every record is delivered or refused.
    pub fn is_done(&self) -> bool {
        self.todo.is_empty()
    }

    /// How many records are not.
    pub fn left(&self) -> usize {
        self.todo.iter().map(Vec::len).sum()
    }

    /// Takes records out of the next request, in its order: they are refused before it is sent.
    pub fn refuse(&mut self, refused: Vec<(usize, String)>) {
        let Some(next) = self.todo.front_mut() else { return };
        next.retain(|record| refused.binary_search_by_key(record, |(refused, _)| *refused).is_err());
        self.unsent += refused.len();
        self.refused.extend(refused);
        if next.is_empty() {
            self.todo.pop_front();
        }
        if self.todo.is_empty() && self.seen == Seen::SomeTaken {
            self.refused.append(&mut self.bad);
        } else if self.todo.is_empty() && !self.bad.is_empty() {
            // The answer to them decides.
            self.todo.push_back(self.bad.drain(..).map(|(record, _)| record).collect());
        }
    }

    /// The records that were refused for good since the last call, with the reasons.
    pub fn take_refused(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.refused)
    }

    /// The weight of the records of the next request.
    pub fn weight_of_next(&self) -> usize {
        self.next().map_or(0, |records| self.batch.weight_of(records))
    }

    /// What the answer to the last request means, when the server has taken `taken` records in all. `jitter` is anything
    /// from 0 to 1. How many records were delivered by it.
    pub fn take(
        &mut self,
        outcomes: Outcomes,
        retry_after: Option<Duration>,
        taken: u64,
        now: Duration,
        jitter: f64,
    ) -> usize {
        self.in_flight = false;
        let Some(sent) = self.todo.pop_front() else { return 0 };
        let before = self.trouble.take();
        let was_cut = std::mem::replace(&mut self.was_cut, matches!(outcomes, Outcomes::All(Outcome::Cut(_))));
        self.was_halved = match &outcomes {
            Outcomes::All(Outcome::TooLarge(_)) => sent.len() > 1,
            Outcomes::All(Outcome::Cut(_)) => sent.len() > 1 && was_cut,
            _ => false,
        };
        if self.was_halved || matches!(outcomes, Outcomes::All(Outcome::Bad(_))) && sent.len() > 1 {
            let (first, second) = sent.split_at(sent.len() / 2);
            self.todo.push_front(second.to_vec());
            self.todo.push_front(first.to_vec());
            self.was_cut = false;
            return 0;
        }
        let mut again = Vec::new();
        let mut delivered = 0;
        let mut trouble = None;
        let outcomes = match outcomes {
            Outcomes::Each(outcomes) => outcomes,
            // What mostly comes takes no memory.
            Outcomes::All(Outcome::Delivered) => {
                delivered = sent.len();
                Vec::new()
            }
            Outcomes::Taken(taken) => {
                delivered = sent.len().saturating_sub(taken.refused.len() + taken.unnamed);
                let refused = taken.refused.into_iter();
                self.refused.extend(refused.filter_map(|(place, reason)| Some((*sent.get(place)?, reason))));
                Vec::new()
            }
            Outcomes::Otherwise(_) => vec![Outcome::Unread; sent.len()],
            Outcomes::All(outcome) => vec![outcome; sent.len()],
        };
        for (record, outcome) in sent.iter().copied().zip(outcomes) {
            match outcome {
                Outcome::Delivered => delivered += 1,
                Outcome::Known => {
                    delivered += 1;
                    self.known += 1;
                }
                Outcome::Refused(reason) | Outcome::TooLarge(reason) => self.refused.push((record, reason)),
                Outcome::Bad(reason) => self.bad.push((record, reason)),
                Outcome::Unread => again.push(record),
                Outcome::Again(cause) | Outcome::Cut(cause) => {
                    again.push(record);
                    trouble.get_or_insert(Trouble { cause, is_hold: false });
                }
                Outcome::Hold(cause) => {
                    again.push(record);
                    trouble = Some(Trouble { cause, is_hold: true });
                }
            }
        }
        if !again.is_empty() {
            self.todo.push_front(again);
        }
        if self.batch.list.capacity() < sent.capacity() {
            self.batch.list = sent;
        }
        if delivered > 0 {
            self.failures = 0;
            self.seen = Seen::SomeTaken;
        }
        self.judge_bad(taken, &mut trouble);
        match trouble {
            Some(trouble) => self.pause(trouble, retry_after, now, jitter),
            None => self.ready_at = now,
        }
        if self.trouble.is_none() && !self.is_done() {
            self.trouble = before;
        }
        delivered
    }

    /// A server that finds fault with each record alike finds fault with something else: then nothing is dropped, and now
    /// and then one of them is sent alone, to see whether it still does. A record that came alone is no other case: most do
    /// from a slow log. That the server takes another batch meanwhile tells that the fault is theirs.
    fn judge_bad(&mut self, taken: u64, trouble: &mut Option<Trouble>) {
        let is_tried = self.todo.is_empty();
        let are_all = is_tried && self.bad.len() + self.unsent == self.batch.len();
        if self.doubted_at.is_some_and(|before| taken > before) {
            self.seen = Seen::SomeTaken;
        }
        let is_alike = match self.seen {
            Seen::Nothing => are_all || self.bad.len() >= ALIKE,
            Seen::EachBad => true,
            Seen::SomeTaken => false,
        };
        if is_alike && let Some((_, reason)) = self.bad.first() {
            let each = if self.batch.len() > 1 { "each record alike is answered " } else { "" };
            *trouble = Some(Trouble { cause: format!("{each}{reason}"), is_hold: true });
            self.seen = Seen::EachBad;
            self.doubted_at.get_or_insert(taken);
            let mut all: Vec<usize> = self.bad.drain(..).map(|(record, _)| record).collect();
            all.extend(self.todo.drain(..).flatten());
            all.sort_unstable();
            let probe = all.remove(self.failures as usize % all.len());
            self.todo.push_back(vec![probe]);
            if !all.is_empty() {
                self.todo.push_back(all);
            }
        } else if is_tried {
            self.refused.append(&mut self.bad);
        }
    }

    fn pause(&mut self, trouble: Trouble, retry_after: Option<Duration>, now: Duration, jitter: f64) {
        self.resent += self.todo.front().map_or(0, Vec::len) as u64;
        let first = if trouble.is_hold { FIRST_HOLD } else { FIRST_PAUSE };
        let bound = first.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        self.ready_at = now + bound.mul_f64(jitter.clamp(0.0, 1.0)).max(asked);
        self.failures += 1;
        self.trouble = Some(trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logline::line::Line;

    fn request(records: usize) -> Request {
        let mut batch = Batch::default();
        for record in 0..records {
            batch.add(&Line::plain(format!("{record}").as_bytes()));
        }
        Request::new(batch, None, Duration::ZERO)
    }

    fn take(request: &mut Request, outcomes: Outcomes) -> usize {
        request.take(outcomes, None, 0, Duration::ZERO, 1.0)
    }

    fn again_all() -> Outcomes {
        Outcomes::All(again())
    }

    fn again() -> Outcome {
        Outcome::Again("429".to_owned())
    }

    #[test]
    fn only_what_was_not_taken_is_sent_again() {
        let mut request = request(4);
        let refused = Outcome::Refused("400".to_owned());
        assert_eq!(take(&mut request, Outcomes::Each(vec![Outcome::Delivered, again(), refused, again()])), 1);
        assert_eq!(request.next(), Some(&[1, 3][..]));
        assert_eq!(request.take_refused(), [(2, "400".to_owned())]);
        assert_eq!(take(&mut request, Outcomes::All(Outcome::Delivered)), 2);
        assert!(request.is_done());
    }

    #[test]
    fn what_is_refused_before_it_is_sent_is_in_no_request() {
        let mut request = request(3);
        request.refuse(vec![(0, "old".to_owned()), (2, "old".to_owned())]);
        assert_eq!(request.take_refused().len(), 2);
        assert_eq!(request.next(), Some(&[1][..]));
        request.refuse(vec![(1, "old".to_owned())]);
        assert!(request.is_done());
        assert_eq!(request.take_refused(), [(1, "old".to_owned())]);
    }

    #[test]
    fn too_large_a_request_is_halved_until_it_fits_and_a_single_record_refused() {
        let mut request = request(4);
        let mut refused = Vec::new();
        for _ in 0..20 {
            let Some(records) = request.next() else { break };
            let fits = !records.contains(&2);
            let outcome = if fits { Outcome::Delivered } else { Outcome::TooLarge("413".to_owned()) };
            take(&mut request, Outcomes::All(outcome));
            refused.extend(request.take_refused());
        }
        assert!(request.is_done());
        assert_eq!(refused, [(2, "413".to_owned())]);
    }

    #[test]
    fn one_bad_record_is_found_and_its_neighbours_are_delivered() {
        let mut request = request(5);
        let mut delivered = 0;
        for _ in 0..20 {
            let Some(records) = request.next() else { break };
            let outcome = if records.contains(&3) { Outcome::Bad("400".to_owned()) } else { Outcome::Delivered };
            delivered += take(&mut request, Outcomes::All(outcome));
        }
        assert_eq!((delivered, request.take_refused()), (4, vec![(3, "400".to_owned())]));
    }

    #[test]
    fn where_each_record_alike_is_bad_nothing_is_dropped() {
        let mut request = request(3);
        for _ in 0..5 {
            take(&mut request, Outcomes::All(Outcome::Bad("400".to_owned())));
        }
        assert_eq!((request.left(), request.take_refused().len()), (3, 0));
        assert!(request.trouble.is_some_and(|trouble| trouble.is_hold));
    }

    #[test]
    fn a_server_that_finds_each_record_bad_is_not_asked_about_all_of_them() {
        let mut request = request(1000);
        let bad = || Outcomes::All(Outcome::Bad("400".to_owned()));
        let mut requests = 0;
        while request.trouble.is_none() {
            take(&mut request, bad());
            requests += 1;
        }
        assert!(requests < 50, "{requests}");
        let mut probes = Vec::new();
        for _ in 0..3 {
            probes.extend_from_slice(request.next().unwrap_or_default());
            take(&mut request, bad());
        }
        assert_eq!(probes, [0, 1, 2], "one at a time, each time another");
        assert_eq!((request.left(), request.take_refused().len()), (1000, 0));
        // It has been mended; one record is bad in truth.
        while let Some(records) = request.next() {
            let outcome = if records.contains(&7) { Outcome::Bad("400".to_owned()) } else { Outcome::Delivered };
            take(&mut request, Outcomes::All(outcome));
        }
        assert_eq!(request.take_refused(), [(7, "400".to_owned())]);
    }

    #[test]
    fn a_record_that_is_bad_alone_is_refused_only_if_the_server_takes_others() {
        let bad = || Outcomes::All(Outcome::Bad("400".to_owned()));
        for records in [1, 2] {
            let mut request = request(records);
            while request.trouble.is_none() {
                request.take(bad(), None, 7, Duration::ZERO, 1.0);
            }
            for _ in 0..3 {
                request.take(bad(), None, 7, Duration::ZERO, 1.0);
                assert_eq!(
                    (request.left(), request.take_refused().len()),
                    (records, 0),
                    "it may take nothing any more"
                );
            }
            while !request.is_done() {
                request.take(bad(), None, 8, Duration::ZERO, 1.0);
            }
            assert_eq!(request.take_refused().len(), records, "it has taken another since");
        }
    }

    #[test]
    fn a_request_that_is_cut_twice_is_halved_and_no_record_is_refused_for_it() {
        let mut request = request(2);
        let cut = || Outcomes::All(Outcome::Cut("closed".to_owned()));
        take(&mut request, cut());
        assert_eq!(request.next(), Some(&[0, 1][..]));
        take(&mut request, again_all());
        take(&mut request, cut());
        assert_eq!(request.next(), Some(&[0, 1][..]), "the first time again");
        take(&mut request, cut());
        assert!(request.was_halved);
        for _ in 0..5 {
            take(&mut request, cut());
            assert_eq!((request.next(), request.was_halved), (Some(&[0][..]), false));
        }
        assert_eq!((request.left(), request.take_refused().len()), (2, 0));
    }

    #[test]
    fn pauses_grow_and_what_the_server_asks_for_is_obeyed_up_to_a_bound() {
        let mut request = request(1);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            take(&mut request, Outcomes::All(again()));
            pauses.push(request.ready_at.as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        request.take(Outcomes::All(again()), Some(Duration::from_secs(60)), 0, Duration::ZERO, 0.0);
        assert_eq!(request.ready_at, Duration::from_secs(60));
        request.take(Outcomes::All(again()), Some(Duration::from_secs(9000)), 0, Duration::ZERO, 0.0);
        assert_eq!(request.ready_at, LONGEST_RETRY_AFTER);
    }
}

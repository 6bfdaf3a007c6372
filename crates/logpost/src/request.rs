//! One batch on its way: what of it is still to be sent, when, and in which pieces. It knows neither sockets nor clocks:
//! outcomes and the time come in, the next part to send comes out.
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

/// A batch on its way to the server.
#[derive(Debug)]
pub struct Request {
    /// The records, and what may be acknowledged once they are done.
    pub batch: Batch,
    /// The body of the first part, if it was written while the records were read.
    body: Option<Vec<u8>>,
    /// What is still to be sent, in parts: each is a request of its own. The first part is the next to be sent, or the one
    /// that is in flight. Empty exactly in [`Stage::Done`].
    todo: VecDeque<Vec<usize>>,
    /// Records that were refused for good and not yet fetched by [`Self::take_refused`].
    refused: Vec<(usize, String)>,
    /// Records that were answered with "bad" while they were sent alone. What becomes of them is decided when all of the
    /// batch was tried.
    bad: Vec<(usize, String)>,
    /// Records of the last part that the answer itself told to hold, while it judged each record on its own. They are also
    /// in the first part of `todo`.
    held: Vec<usize>,
    /// How many records were refused before they were sent.
    unsent: usize,
    /// How many records the server had taken in all when it found fault with all of this batch.
    doubted_at: Option<u64>,
    /// How many answers in a row delivered nothing.
    failures: u32,
    seen: Seen,
    /// Whether the connection was cut while the first part was written for the first time.
    was_cut: bool,
    /// Whether the last part was too large and was parted into two for it.
    pub was_halved: bool,
    /// The destination has parted it, or has left it whole.
    is_parted: bool,
    stage: Stage,
    /// How many bytes the body of the last part had.
    sent: usize,
    /// When the batch was closed.
    pub since: Duration,
    /// What stands in its way.
    pub trouble: Option<Trouble>,
    /// How many records were sent more than once.
    pub resent: u64,
    /// How many records were stored before they were sent.
    pub known: u64,
}

/// Where a request stands. Times are those since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Its first part may be sent from this time on.
    Ready(Duration),
    /// Its first part has been sent and is not answered.
    InFlight {
        /// When it was sent.
        since: Duration,
        /// How many bytes the body had.
        bytes: u64,
    },
    /// Every record is delivered or refused.
    Done,
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

/// The circumstances of an answer.
#[derive(Clone, Copy, Default, Debug)]
pub struct Answered {
    /// When it came.
    pub now: Duration,
    /// What it asks for in `Retry-After`.
    pub retry_after: Option<Duration>,
    /// How many records the server has taken in all, from any request.
    pub taken: u64,
    /// Anything from 0 to 1, so that many senders do not come back together.
    pub jitter: f64,
    /// No pause is shorter.
    pub least_pause: Duration,
    /// The pause in place of one that grows, where the server says that it has too much to do.
    pub spacing: Option<Duration>,
}

/// Records that wait for somebody to mend what they are for, their index for instance.
#[derive(Debug)]
pub struct Held {
    /// Their numbers in the batch that they were in, rising.
    pub records: Vec<usize>,
    /// What the server said.
    pub trouble: Trouble,
    /// When they may be sent again.
    pub at: Duration,
}

impl Request {
    /// All of the batch is to be sent, at once. `body` is that of the first request, if it is written already.
    pub fn new(mut batch: Batch, body: Option<Vec<u8>>, now: Duration) -> Self {
        let mut all = std::mem::take(&mut batch.list);
        all.extend(0..batch.len());
        Self {
            stage: if all.is_empty() { Stage::Done } else { Stage::Ready(now) },
            todo: if all.is_empty() { VecDeque::new() } else { VecDeque::from([all]) },
            batch,
            body,
            refused: Vec::new(),
            bad: Vec::new(),
            held: Vec::new(),
            unsent: 0,
            doubted_at: None,
            failures: 0,
            seen: Seen::Nothing,
            was_cut: false,
            was_halved: false,
            sent: 0,
            is_parted: false,
            since: now,
            trouble: None,
            resent: 0,
            known: 0,
        }
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether its first part may be sent now.
    pub fn is_ready(&self, now: Duration) -> bool {
        matches!(self.stage, Stage::Ready(at) if at <= now)
    }

    /// Whether its first part is under way.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.stage, Stage::InFlight { .. })
    }

    /// Its first part goes out now, with so many bytes.
    pub fn send(&mut self, now: Duration, bytes: u64) {
        self.stage = Stage::InFlight { since: now, bytes };
        self.sent = usize::try_from(bytes).unwrap_or(usize::MAX / 4);
    }

    /// Parts it as the destination wants before anything of it is sent; later calls do nothing.
    pub fn part(&mut self, parts: impl FnOnce(&Batch, &[usize]) -> Vec<Vec<usize>>) {
        if !std::mem::replace(&mut self.is_parted, true)
            && let Some(all) = self.todo.front()
        {
            let parts = parts(&self.batch, all);
            if !parts.is_empty() {
                self.todo.pop_front();
                parts.into_iter().rev().for_each(|part| self.todo.push_front(part));
            }
        }
    }

    /// The records of the first part.
    pub fn next(&self) -> Option<&[usize]> {
        self.todo.front().map(Vec::as_slice)
    }

    /// The body of the first part, if it was written ahead.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        self.body.take()
    }

    /// The bytes of its records and of its body as it is sent. While it waits to be sent again, that has no body, but
    /// will need as much.
    pub fn memory(&self) -> usize {
        self.batch.bytes() + self.sent.max(self.body.as_ref().map_or(0, Vec::len)).max(self.batch.bytes())
    }

    /// Whether every record is delivered or refused.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// How many records are not.
    pub fn left(&self) -> usize {
        self.todo.iter().map(Vec::len).sum()
    }

    /// Takes records out of the first part, in its order: they are refused before it is sent.
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
        if self.todo.is_empty() {
            self.stage = Stage::Done;
        }
    }

    /// The records that were refused for good since the last call, with the reasons.
    pub fn take_refused(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.refused)
    }

    /// The weight of the records of the first part.
    pub fn weight_of_next(&self) -> usize {
        self.next().map_or(0, |records| self.batch.weight_of(records))
    }

    /// Takes in what the answer to the first part means. Returns how many records were delivered by it.
    pub fn take(&mut self, outcomes: Outcomes, answered: &Answered) -> usize {
        self.stage = Stage::Ready(answered.now);
        let delivered = self.judge(outcomes, answered);
        if self.todo.is_empty() {
            self.stage = Stage::Done;
        }
        delivered
    }

    fn judge(&mut self, outcomes: Outcomes, answered: &Answered) -> usize {
        let Some(sent) = self.todo.pop_front() else { return 0 };
        let before = self.trouble.take();
        let was_cut = std::mem::replace(&mut self.was_cut, matches!(outcomes, Outcomes::All(Outcome::Cut(_))));
        self.was_halved = match &outcomes {
            Outcomes::All(Outcome::TooLarge(_) | Outcome::Unwieldy(_)) => sent.len() > 1,
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
        self.held.clear();
        let is_each = matches!(outcomes, Outcomes::Each(_));
        let mut delivered = 0;
        let mut trouble = None;
        let outcomes = match outcomes {
            Outcomes::Each(outcomes) | Outcomes::Otherwise(_, outcomes) => outcomes,
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
                Outcome::Again(cause) | Outcome::Cut(cause) | Outcome::Unwieldy(cause) => {
                    again.push(record);
                    trouble.get_or_insert(Trouble { cause, is_hold: false });
                }
                Outcome::Hold(cause) => {
                    again.push(record);
                    if is_each {
                        self.held.push(record);
                    }
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
        self.judge_bad(answered.taken, &mut trouble);
        if let Some(trouble) = trouble {
            self.pause(trouble, answered);
        }
        if self.trouble.is_none() && !self.todo.is_empty() {
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
            self.held.clear();
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

    /// The weight of the records that the last answer told to hold.
    pub fn weight_of_held(&self) -> usize {
        self.batch.weight_of(&self.held)
    }

    /// Gives up the records that the last answer told to hold, so that somebody else holds them, with what was said of
    /// them and when they may be tried again. `None` if it told that of none.
    pub fn take_held(&mut self) -> Option<Held> {
        let records = std::mem::take(&mut self.held);
        let (Some(trouble), Stage::Ready(at), Some(next)) = (&self.trouble, self.stage, self.todo.front_mut()) else {
            return None;
        };
        if records.is_empty() {
            return None;
        }
        let held = Held { records, trouble: trouble.clone(), at };
        next.retain(|record| held.records.binary_search(record).is_err());
        if next.is_empty() {
            self.todo.pop_front();
        }
        if self.todo.is_empty() {
            self.stage = Stage::Done;
            self.trouble = None;
        }
        Some(held)
    }

    /// Takes over records that were added to its batch, from number `from` on, and what was said of them.
    pub fn hold(&mut self, from: usize, trouble: Trouble, at: Duration) {
        let added = from..self.batch.len();
        match self.todo.back_mut() {
            Some(last) => last.extend(added),
            None => self.todo.push_back(added.collect()),
        }
        self.stage = Stage::Ready(match self.stage {
            Stage::Ready(before) => before.max(at),
            _ => at,
        });
        self.trouble = Some(trouble);
    }

    fn pause(&mut self, trouble: Trouble, answered: &Answered) {
        self.resent += self.todo.front().map_or(0, Vec::len) as u64;
        let first = if trouble.is_hold { FIRST_HOLD } else { FIRST_PAUSE };
        let bound = first.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        let asked = answered.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let pause = answered.spacing.unwrap_or_else(|| bound.mul_f64(answered.jitter.clamp(0.0, 1.0)));
        self.stage = Stage::Ready(answered.now + pause.max(asked).max(answered.least_pause));
        self.failures += 1;
        self.trouble = Some(trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Taken;
    use logline::line::Line;

    fn request(records: usize) -> Request {
        let mut batch = Batch::default();
        for record in 0..records {
            batch.add(&Line::plain(format!("{record}").as_bytes()));
        }
        Request::new(batch, None, Duration::ZERO)
    }

    fn take(request: &mut Request, outcomes: Outcomes) -> usize {
        request.take(outcomes, &Answered { jitter: 1.0, ..Answered::default() })
    }

    fn ready_at(request: &Request) -> Duration {
        match request.stage() {
            Stage::Ready(at) => at,
            other => panic!("{other:?}"),
        }
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
    fn a_request_goes_from_ready_to_in_flight_and_back_until_it_is_done() {
        let mut request = request(1);
        let now = Duration::from_secs(5);
        assert!(request.is_ready(Duration::ZERO) && !request.is_in_flight());
        request.send(now, 17);
        assert_eq!(request.stage(), Stage::InFlight { since: now, bytes: 17 });
        assert!(!request.is_ready(Duration::MAX));
        request.take(again_all(), &Answered { now, jitter: 0.5, ..Answered::default() });
        assert_eq!(request.stage(), Stage::Ready(now + FIRST_PAUSE / 2));
        assert!(!request.is_ready(now));
        request.send(now, 17);
        take(&mut request, Outcomes::All(Outcome::Delivered));
        assert_eq!((request.stage(), request.left()), (Stage::Done, 0));
    }

    #[test]
    fn what_the_server_has_not_looked_at_is_sent_at_once_and_so_is_what_is_written_in_another_way() {
        let mut request = request(3);
        let refused = Outcome::Refused("400".to_owned());
        take(&mut request, Outcomes::Each(vec![Outcome::Delivered, refused, Outcome::Unread]));
        assert_eq!(request.take_refused().len(), 1);
        assert_eq!(request.next(), Some(&[2][..]));
        assert!(request.is_ready(Duration::ZERO) && request.trouble.is_none());
        take(&mut request, Outcomes::Otherwise("no metadata".to_owned(), vec![Outcome::Unread]));
        assert_eq!(request.next(), Some(&[2][..]));
        assert!(request.is_ready(Duration::ZERO) && request.trouble.is_none());
    }

    #[test]
    fn it_is_parted_once_as_the_destination_wants_and_the_parts_go_in_their_order() {
        let mut request = request(4);
        request.part(|_, records| {
            assert_eq!(records, [0, 1, 2, 3]);
            vec![vec![0, 2], vec![1, 3]]
        });
        request.part(|_, _| panic!("it has been parted"));
        assert_eq!(take(&mut request, again_all()), 0);
        assert_eq!((request.next(), request.left()), (Some(&[0, 2][..]), 4));
        assert_eq!(take(&mut request, Outcomes::All(Outcome::Delivered)), 2);
        assert_eq!(request.next(), Some(&[1, 3][..]));
        assert_eq!(take(&mut request, Outcomes::All(Outcome::Delivered)), 2);
        assert!(request.is_done());
    }

    #[test]
    fn of_an_answer_that_names_what_it_refused_the_rest_is_stored() {
        let mut request = request(4);
        let taken = Taken { refused: vec![(1, "old".to_owned())], unnamed: 1, words: String::new() };
        assert_eq!(take(&mut request, Outcomes::Taken(taken)), 2);
        assert!(request.is_done());
        assert_eq!(request.take_refused(), [(1, "old".to_owned())]);
    }

    #[test]
    fn what_an_answer_tells_to_hold_can_be_held_elsewhere() {
        let hold = || Outcome::Hold("403".to_owned());
        let mut mixed = request(4);
        take(&mut mixed, Outcomes::Each(vec![hold(), Outcome::Delivered, again(), hold()]));
        let held = mixed.take_held().map(|held| (held.records, held.trouble));
        assert_eq!(held, Some((vec![0, 3], Trouble { cause: "403".to_owned(), is_hold: true })));
        assert_eq!((mixed.next(), mixed.is_done()), (Some(&[2][..]), false));
        assert!(mixed.take_held().is_none(), "they are gone");
        let mut alone = request(1);
        take(&mut alone, Outcomes::Each(vec![hold()]));
        assert!(alone.take_held().is_some_and(|held| held.at == FIRST_HOLD));
        assert!(alone.is_done() && alone.trouble.is_none());
        let mut all = request(1);
        take(&mut all, Outcomes::All(hold()));
        assert!(all.take_held().is_none(), "the server holds whatever comes");
        assert_eq!(all.left(), 1);
    }

    #[test]
    fn records_that_are_held_for_others_are_sent_with_their_own() {
        let mut request = request(2);
        request.batch.add(&Line::plain(b"more"));
        let trouble = Trouble { cause: "403".to_owned(), is_hold: true };
        request.hold(2, trouble, FIRST_HOLD);
        assert_eq!(request.next(), Some(&[0, 1, 2][..]));
        assert_eq!(ready_at(&request), FIRST_HOLD);
        let mut empty = Request::new(Batch::default(), None, Duration::ZERO);
        assert!(empty.is_done());
        empty.batch.add(&Line::plain(b"one"));
        empty.hold(0, Trouble { cause: "403".to_owned(), is_hold: true }, FIRST_HOLD);
        assert_eq!((empty.next(), empty.is_done()), (Some(&[0][..]), false));
    }

    #[test]
    fn bad_records_are_judged_when_what_is_left_is_refused_before_it_is_sent() {
        let old = |record| vec![(record, "old".to_owned())];
        // Others were stored: so the fault is that of the record.
        let mut one = request(4);
        take(&mut one, Outcomes::All(Outcome::Bad("400".to_owned())));
        assert_eq!(take(&mut one, Outcomes::All(Outcome::Delivered)), 2);
        take(&mut one, Outcomes::All(Outcome::Bad("400".to_owned())));
        take(&mut one, Outcomes::All(Outcome::Bad("400".to_owned())));
        one.refuse(old(3));
        assert!(one.is_done());
        assert_eq!(one.take_refused(), [(3, "old".to_owned()), (2, "400".to_owned())]);
        // None was stored: it is asked once more.
        let mut none = request(2);
        take(&mut none, Outcomes::All(Outcome::Bad("400".to_owned())));
        take(&mut none, Outcomes::All(Outcome::Bad("400".to_owned())));
        none.refuse(old(1));
        assert_eq!((none.next(), none.is_done()), (Some(&[0][..]), false));
        assert_eq!(none.take_refused(), [(1, "old".to_owned())]);
        // All that was sent was found bad, and the rest was never sent: nothing tells that the records are at fault.
        take(&mut none, Outcomes::All(Outcome::Bad("400".to_owned())));
        assert!(none.trouble.as_ref().is_some_and(|trouble| trouble.is_hold));
        assert_eq!((none.left(), none.take_refused().len()), (1, 0));
    }

    #[test]
    fn the_weight_of_a_part_is_that_of_its_records() {
        let mut batch = Batch::default();
        for length in [10, 1000, 2000] {
            batch.add(&Line::plain(&vec![b'x'; length]));
        }
        let mut request = Request::new(batch, None, Duration::ZERO);
        assert_eq!(request.weight_of_next(), 128 + 1000 + 2000);
        take(&mut request, Outcomes::All(Outcome::TooLarge("413".to_owned())));
        assert_eq!(request.weight_of_next(), 128);
        take(&mut request, Outcomes::All(Outcome::Delivered));
        assert_eq!(request.weight_of_next(), 3000);
        take(&mut request, Outcomes::All(Outcome::Delivered));
        assert_eq!(request.weight_of_next(), 0);
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
                request.take(bad(), &Answered { taken: 7, jitter: 1.0, ..Answered::default() });
            }
            for _ in 0..3 {
                request.take(bad(), &Answered { taken: 7, jitter: 1.0, ..Answered::default() });
                assert_eq!(
                    (request.left(), request.take_refused().len()),
                    (records, 0),
                    "it may take nothing any more"
                );
            }
            while !request.is_done() {
                request.take(bad(), &Answered { taken: 8, jitter: 1.0, ..Answered::default() });
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
            pauses.push(ready_at(&request).as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        let asks = |seconds| Answered { retry_after: Some(Duration::from_secs(seconds)), ..Answered::default() };
        request.take(Outcomes::All(again()), &asks(60));
        assert_eq!(ready_at(&request), Duration::from_secs(60));
        request.take(Outcomes::All(again()), &asks(9000));
        assert_eq!(ready_at(&request), LONGEST_RETRY_AFTER);
        let least = Answered { least_pause: Duration::from_secs(3), ..Answered::default() };
        request.take(Outcomes::All(again()), &least);
        assert_eq!(ready_at(&request), Duration::from_secs(3));
        request.take(Outcomes::All(again()), &Answered { spacing: Some(Duration::from_secs(7)), ..least });
        assert_eq!(ready_at(&request), Duration::from_secs(7), "it does not grow with the failures");
    }
}

//! The batches between stdin and the server, in the order of the stream. Only what is done without a gap from the front
//! on is acknowledged, whatever order the answers come in.

use std::collections::VecDeque;
use std::time::Duration;

use logline::position::{Fid, Mark};

use crate::batch::Batch;
use crate::destinations::Destination;
use crate::held::HeldApart;
use crate::request::Request;
use crate::times::Times;

/// The batches that are not acknowledged, oldest first, and the one that is being filled.
#[derive(Debug)]
pub struct Window {
    /// The one being filled, behind all others.
    open: Batch,
    opened_at: Duration,
    /// The body of a request with the first `written` of its records.
    body: Vec<u8>,
    written: usize,
    requests: VecDeque<(u64, Request)>,
    next_id: u64,
    batch_bytes: usize,
    most_records: usize,
    in_flight: usize,
    /// The smallest request that was too large, and the largest below it that was not.
    too_large: Option<usize>,
    passed: usize,
    /// Emptied batches, kept for their memory.
    spare: Vec<Batch>,
    held: Option<HeldApart>,
    times: Times,
}

/// The number of bytes in memory beyond which no record is taken in, whatever size and number of requests is asked for.
const MOST_MEMORY: usize = 8 << 20;

/// The number of the request with the records that are held apart.
const HELD: u64 = u64::MAX;

impl Window {
    /// With batches of at least `batch_bytes` and so many on their way.
    pub fn new(batch_bytes: usize, in_flight: usize) -> Self {
        Self {
            open: Batch::default(),
            opened_at: Duration::ZERO,
            body: Vec::new(),
            written: 0,
            requests: VecDeque::new(),
            next_id: 0,
            batch_bytes,
            most_records: usize::MAX,
            in_flight,
            too_large: None,
            passed: 0,
            spare: Vec::new(),
            held: None,
            times: Times::default(),
        }
    }

    /// With no more records in a batch than the destination takes in a request.
    #[must_use]
    pub fn with_most_records(mut self, most_records: usize) -> Self {
        self.most_records = most_records;
        self
    }

    /// Whether another record may be taken in: the open batch is not full, and not too much memory is in use.
    pub fn has_room(&self) -> bool {
        !self.is_full() && self.room() > 0
    }

    /// How much more memory may be used. With nothing under way one record is always taken, however long it is.
    pub fn room(&self) -> usize {
        if self.requests.is_empty() { usize::MAX } else { MOST_MEMORY.saturating_sub(self.memory()) }
    }

    /// The bytes of all records, and those of their requests as they are sent.
    fn memory(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |held| held.request.memory());
        let requests: usize = self.requests.iter().map(|(_, request)| request.memory()).sum();
        self.open.bytes() + self.body.len() + held + requests
    }

    /// Whether the open batch is full.
    pub fn is_full(&self) -> bool {
        self.is_full_batch(&self.open)
    }

    fn is_full_batch(&self, batch: &Batch) -> bool {
        batch.weight() >= self.full() || batch.len() >= self.most_records
    }

    /// Learns from an answer whether a request with records of this weight fits.
    pub fn learn(&mut self, weight: usize, fits: bool) {
        match self.too_large {
            known if !fits => {
                self.too_large = Some(known.map_or(weight, |known| known.min(weight)));
                self.passed = if self.passed < weight { self.passed } else { 0 };
            }
            // Something else was wrong, or has been mended.
            Some(known) if weight >= known => (self.too_large, self.passed) = (None, 0),
            Some(_) => self.passed = self.passed.max(weight),
            None => {}
        }
    }

    /// A batch of so much weight is full. Below what was too large by more than a record is long, mostly.
    fn full(&self) -> usize {
        let Some(too_large) = self.too_large else { return self.batch_bytes };
        self.passed.max(too_large / 2).min(too_large / 8 * 7).clamp(1, self.batch_bytes)
    }

    /// Takes a line in.
    pub fn add(&mut self, line: &logline::line::Line<'_>, now: Duration) {
        if self.open.is_empty() {
            self.opened_at = now;
        }
        self.open.add(line);
        if self.open.is_new_file() {
            self.open.carry(self.times.get(line.position().map(|position| position.fid)));
        }
    }

    /// Writes the records that have come since the last time into the body of their request, while they are in the caches.
    /// A first body comes from `memory`.
    pub fn write_ahead(&mut self, destination: &dyn Destination, memory: impl FnOnce() -> Vec<u8>) {
        if self.written == self.open.len() || !destination.is_additive() {
            return;
        }
        if self.body.capacity() == 0 {
            self.body = memory();
        }
        if self.body.is_empty() {
            // Growing while it is written would need the memory of a long record once more.
            self.body.reserve(self.open.bytes() + 256);
        }
        let mut records = std::mem::take(&mut self.open.list);
        records.extend(self.written..self.open.len());
        destination.write(&self.open, &records, &mut self.body);
        records.clear();
        self.open.list = records;
        self.written = self.open.len();
    }

    /// Takes a mark in: it goes with the last that came before it.
    pub fn add_mark(&mut self, mark: &Mark) {
        if mark.finished && self.open.is_empty() {
            self.times.forget(mark.fid);
        }
        match self.requests.back_mut() {
            Some((_, request)) if self.open.is_empty() => request.batch.add_mark(mark),
            _ => self.open.add_mark(mark),
        }
    }

    /// Closes the open batch if it is full, or if its first record has waited for `linger` and no other request that was
    /// not full is under way.
    pub fn close_if_due(&mut self, now: Duration, linger: Duration) {
        if self.may_close_early() && now >= self.opened_at.saturating_add(linger) {
            self.close(now);
        }
        self.close_if_full(now);
    }

    /// How many batches have been closed.
    pub fn closed(&self) -> u64 {
        self.next_id
    }

    /// Whether a batch may go that is not full: one at a time.
    fn may_close_early(&self) -> bool {
        self.requests.len() < self.in_flight
            && self.requests.iter().all(|(_, request)| self.is_full_batch(&request.batch))
    }

    /// Closes the open batch if it is full.
    pub fn close_if_full(&mut self, now: Duration) {
        if self.is_full() {
            self.close(now);
        }
    }

    fn close(&mut self, now: Duration) {
        if self.open.is_empty() || self.requests.len() >= self.in_flight {
            return;
        }
        let mut batch = std::mem::replace(&mut self.open, self.spare.pop().unwrap_or_default());
        for (file, time) in batch.last_times() {
            if let Some(time) = time {
                self.times.set(file, time);
            }
        }
        let body = std::mem::take(&mut self.body);
        let body = (std::mem::take(&mut self.written) == batch.len()).then_some(body);
        self.requests.push_back((self.next_id, Request::new(batch, body, now)));
        self.next_id += 1;
    }

    /// When the open batch will be due, if nothing more comes and no answer: a full one as soon as it may go.
    pub fn due_at(&self, linger: Duration) -> Option<Duration> {
        if self.is_full() {
            return (self.requests.len() < self.in_flight).then_some(Duration::ZERO);
        }
        (!self.open.is_empty() && self.may_close_early()).then(|| self.opened_at.saturating_add(linger))
    }

    /// The batches on their way, in order, with their names.
    pub fn requests(&mut self) -> impl Iterator<Item = (u64, &mut Request)> {
        let held = self.held.as_mut().map(|held| (HELD, &mut held.request));
        self.requests.iter_mut().map(|(id, request)| (*id, request)).chain(held)
    }

    /// The batch with this name.
    pub fn request(&mut self, id: u64) -> Option<&mut Request> {
        self.requests().find(|(found, _)| *found == id).map(|(_, request)| request)
    }

    /// Sets the records apart that the last answer to the batch with this name told to hold, so that no other waits for
    /// them. Where as many wait already as a batch may have, they stay where they are.
    pub fn hold_apart(&mut self, id: u64, now: Duration) {
        let Some((_, request)) = self.requests.iter_mut().find(|(found, _)| *found == id) else { return };
        if request.weight_of_held() > 0 {
            self.held.get_or_insert_with(|| HeldApart::new(now)).take_over(id, request, self.batch_bytes);
        }
    }

    /// Takes the batches that are done off the front and tells what they acknowledge.
    pub fn acknowledge(&mut self, mut acknowledge: impl FnMut(Fid, u64)) {
        while self.requests.front().is_some_and(|(_, request)| request.is_done()) {
            if let Some((id, mut request)) = self.requests.pop_front() {
                for (fid, next) in request.batch.acknowledges() {
                    if !self.held.as_mut().is_some_and(|held| held.holds_back(id, fid, next)) {
                        acknowledge(fid, next);
                    }
                }
                // One batch that held a huge line must not keep its memory for ever.
                if request.batch.bytes() <= 2 * self.batch_bytes {
                    self.spare.push(request.batch.emptied());
                }
            }
        }
        if self.requests.is_empty() && self.open.is_empty() {
            // Marks with nothing before them that is still open.
            for (fid, next) in self.open.acknowledges() {
                if !self.held.as_mut().is_some_and(|held| held.holds_back(self.next_id, fid, next)) {
                    acknowledge(fid, next);
                }
            }
            self.open = std::mem::take(&mut self.open).emptied();
        }
        if let Some(held) = self.held.take_if(|held| held.request.is_done()) {
            held.acknowledges().for_each(|(fid, next)| acknowledge(fid, next));
        }
    }

    /// Whether nothing is on its way or waits to be.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.open.is_empty() && self.held.is_none()
    }

    /// Bytes of the batches that are not acknowledged.
    pub fn bytes(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |held| held.request.batch.bytes());
        self.open.bytes() + held + self.requests.iter().map(|(_, request)| request.batch.bytes()).sum::<usize>()
    }

    /// Since when the oldest record that is not acknowledged waits.
    pub fn oldest(&self) -> Option<Duration> {
        let held = self.held.as_ref().map(|held| held.request.since);
        let first = self.requests.iter().find(|(_, request)| !request.is_done()).map(|(_, request)| request.since);
        let first = first.or_else(|| (!self.open.is_empty()).then_some(self.opened_at));
        [held, first].into_iter().flatten().min()
    }

    /// Records that are not acknowledged.
    pub fn left(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |held| held.request.left());
        self.open.len() + held + self.requests.iter().map(|(_, request)| request.left()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::destinations::elasticsearch::Elasticsearch;
    use crate::document::{Stamp, Template};
    use crate::outcome::{Outcome, Outcomes};
    use crate::request::Answered;
    use logline::line::{Item, classify};

    const NOW: Duration = Duration::ZERO;

    fn add(window: &mut Window, text: &str) {
        take_in(window, text);
        window.close_if_due(NOW, Duration::ZERO);
    }

    fn take_in(window: &mut Window, text: &str) {
        match classify(text.as_bytes(), true) {
            Item::Line(line) => window.add(&line, NOW),
            Item::Mark(mark, _) => window.add_mark(&mark),
            _ => unreachable!(),
        }
    }

    fn acks(window: &mut Window) -> Vec<(u64, u64)> {
        let mut acks = Vec::new();
        window.acknowledge(|fid, next| acks.push((fid.0, next)));
        acks
    }

    fn deliver(window: &mut Window, id: u64) {
        window.request(id).unwrap().take(Outcomes::All(Outcome::Delivered), &Answered::default());
    }

    #[test]
    fn answers_out_of_order_acknowledge_only_the_contiguous_part() {
        let mut window = Window::new(1, 2);
        add(&mut window, "\x1e0000000000000001:0-5 /a\tfour");
        add(&mut window, "\x1e0000000000000001:5-10 /a\tfive");
        deliver(&mut window, 1);
        assert_eq!(acks(&mut window), []);
        deliver(&mut window, 0);
        assert_eq!(acks(&mut window), [(1, 5), (1, 10)]);
        assert!(window.is_empty());
    }

    #[test]
    fn a_mark_is_acknowledged_with_all_that_came_before_it() {
        let mut window = Window::new(1, 2);
        add(&mut window, "\x1e0000000000000001:40");
        assert_eq!(acks(&mut window), [(1, 40)]);
        add(&mut window, "\x1e0000000000000001:40-45 /a\tfour");
        add(&mut window, "\x1e0000000000000001:90");
        assert_eq!(acks(&mut window), []);
        deliver(&mut window, 0);
        assert_eq!(acks(&mut window), [(1, 90)]);
    }

    #[test]
    fn memory_is_one_budget_of_records_and_bodies_as_they_are_sent() {
        let destination =
            Elasticsearch { index: None, window: None, with_id: true, template: Template::new("@timestamp", []) };
        let mut window = Window::new(1 << 20, 64);
        // Each of its bytes is six as JSON.
        let line = "\u{1}".repeat(1 << 20);
        let mut most = 0;
        while window.has_room() {
            take_in(&mut window, &line);
            window.write_ahead(&destination, Vec::new);
            window.close_if_full(NOW);
            most += 1;
        }
        assert_eq!(most, 2, "of 7 MiB each with its body");
        deliver(&mut window, 0);
        deliver(&mut window, 1);
        acks(&mut window);
        assert!(window.has_room());
    }

    /// The answer to batch `id`: its first record is to be held, the others are stored.
    fn hold_first(window: &mut Window, id: u64) {
        let request = window.request(id).unwrap();
        let mut outcomes = vec![Outcome::Delivered; request.next().unwrap().len()];
        outcomes[0] = Outcome::Hold("403".to_owned());
        request.take(Outcomes::Each(outcomes), &Answered::default());
        window.hold_apart(id, NOW);
    }

    #[test]
    fn what_is_held_apart_lets_others_pass_and_is_not_acknowledged() {
        let mut window = Window::new(200, 1);
        take_in(&mut window, "\x1e0000000000000001:0-5 /a\theld");
        take_in(&mut window, "\x1e0000000000000002:0-5 /b\tgood");
        window.close_if_due(NOW, NOW);
        hold_first(&mut window, 0);
        assert_eq!(acks(&mut window), [(2, 5)], "the other file goes on");
        assert_eq!((window.left(), window.is_empty()), (1, false));
        assert!(window.has_room());
        take_in(&mut window, "\x1e0000000000000001:5-10 /a\tgood");
        window.close_if_due(NOW, NOW);
        deliver(&mut window, 1);
        add(&mut window, "\x1e0000000000000001:90");
        assert_eq!(acks(&mut window), [], "a restart must read the held one again");
        let held =
            window.requests().find(|(id, _)| *id == HELD).map(|(_, request)| request.batch.content(0).0.to_vec());
        assert_eq!(held.as_deref(), Some(&b"held"[..]));
        deliver(&mut window, HELD);
        assert_eq!(acks(&mut window), [(1, 90)]);
        assert!(window.is_empty());
    }

    #[test]
    fn no_more_is_held_apart_than_a_batch_has() {
        let mut window = Window::new(300, 1);
        for id in 0..2 {
            take_in(&mut window, "held");
            window.close_if_due(NOW, NOW);
            hold_first(&mut window, id);
            assert_eq!(acks(&mut window), []);
        }
        take_in(&mut window, "held");
        window.close_if_due(NOW, NOW);
        hold_first(&mut window, 2);
        acks(&mut window);
        take_in(&mut window, "behind");
        window.close_if_due(NOW, NOW);
        assert_eq!(window.requests().map(|(id, _)| id).collect::<Vec<_>>(), [2, HELD], "it waits in its place");
        assert_eq!(window.left(), 4);
    }

    #[test]
    fn a_time_is_carried_on_to_the_next_batch() {
        let mut window = Window::new(1, 2);
        add(&mut window, "{\"_pos\":\"0000000000000001:0-5\",\"time\":\"2025-10-10T13:55:36Z\"}");
        add(&mut window, "\x1e0000000000000001:5-10 /a\tfive");
        let time = window.request(1).unwrap().batch.time_before(0);
        assert_eq!(time.as_deref().map(Stamp::text), Some("2025-10-10T13:55:36Z"));
    }

    #[test]
    fn memory_is_bounded_by_the_batches_on_their_way() {
        let mut window = Window::new(8, 2);
        let mut taken = 0;
        while window.has_room() {
            add(&mut window, "eightbyt");
            taken += 1;
        }
        assert_eq!(taken, 3);
        assert_eq!(window.due_at(Duration::MAX), None, "both places are taken");
        deliver(&mut window, 0);
        acks(&mut window);
        assert_eq!(window.due_at(Duration::MAX), Some(Duration::ZERO), "a full batch does not linger");
    }

    #[test]
    fn a_body_that_was_written_ahead_is_what_would_be_written_at_once() {
        let destination =
            Elasticsearch { index: None, window: None, with_id: true, template: Template::new("@timestamp", []) };
        let mut window = Window::new(600, 1);
        let lines: Vec<String> = (0..4).map(|line| format!("\x1e0000000000000001:{line}-{} /a\tx", line + 1)).collect();
        for line in &lines {
            take_in(&mut window, line);
            window.write_ahead(&destination, Vec::new);
        }
        assert!(!window.is_full());
        window.close(NOW);
        let request = window.request(0).unwrap();
        let mut whole = Vec::new();
        destination.write(&request.batch, &[0, 1, 2, 3], &mut whole);
        assert_eq!(request.take_body().as_deref(), Some(&whole[..]));
        assert_eq!(request.take_body(), None, "the next request is another");
        assert_eq!(request.next(), Some(&[0, 1, 2, 3][..]));
    }

    #[test]
    fn what_was_not_written_to_its_end_is_written_when_it_is_sent() {
        let destination =
            Elasticsearch { index: None, window: None, with_id: true, template: Template::new("@timestamp", []) };
        let mut window = Window::new(600, 1);
        take_in(&mut window, "a");
        window.write_ahead(&destination, Vec::new);
        take_in(&mut window, "b");
        window.close(NOW);
        assert_eq!(window.request(0).unwrap().take_body(), None);
        deliver(&mut window, 0);
        acks(&mut window);
        take_in(&mut window, "c");
        window.write_ahead(&destination, Vec::new);
        window.close(NOW);
        let body = window.request(1).unwrap().take_body().unwrap();
        assert_eq!(String::from_utf8(body).unwrap().lines().count(), 2, "one action and one document");
    }

    #[test]
    fn a_size_that_was_too_large_is_remembered_and_one_that_passed() {
        let mut window = Window::new(1000, 2);
        assert_eq!(window.full(), 1000);
        window.learn(1010, false);
        assert_eq!(window.full(), 505);
        window.learn(700, true);
        assert_eq!(window.full(), 700);
        window.learn(720, false);
        assert_eq!(window.full(), 630);
        window.learn(300, false);
        assert_eq!(window.full(), 150, "what passed before is larger than what does not any more");
        window.learn(310, true);
        assert_eq!(window.full(), 1000, "it was something else");
    }

    #[test]
    fn a_batch_has_no_more_records_than_a_request_may_have() {
        let mut window = Window::new(1000, 2).with_most_records(2);
        for line in ["a", "b", "c"] {
            take_in(&mut window, line);
            window.close_if_full(NOW);
        }
        assert_eq!(window.requests().map(|(_, request)| request.batch.len()).collect::<Vec<_>>(), [2]);
        assert_eq!(window.left(), 3);
    }

    #[test]
    fn one_request_that_is_not_full_is_under_way_at_a_time() {
        let mut window = Window::new(200, 2);
        add(&mut window, "a");
        add(&mut window, "b");
        assert_eq!(window.requests().count(), 1);
        assert_eq!(window.due_at(NOW), None, "a wait for the second must not end before the first is answered");
        deliver(&mut window, 0);
        acks(&mut window);
        assert_eq!(window.due_at(NOW), Some(NOW));
        window.close_if_due(NOW, Duration::ZERO);
        assert_eq!(window.requests().count(), 1);
    }
}

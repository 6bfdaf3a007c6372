//! The loop: take in, send, read answers, acknowledge, wait. What is decided about records stands in
//! [`crate::window`] and [`crate::request`]; this knows the clock, stdin, stdout, the signals and the threads.
//!
//! Memory is bounded whatever the server does: when the batches on their way and the open one are full, stdin is not read,
//! the pipe fills, and the log file is the buffer.

use std::iter;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use logline::ending::{Exit, Stop, Trouble, say};
use logline::input::Input;
use logline::line::{Item, unparsed};
use logline::signal::{Asked, Signals};
use logline::wait::Wait;

use crate::PROG;
use crate::acks::Acks;
use crate::deliver::Deliverer;
use crate::destinations::{Destination, Sent};
use crate::dry_run::DryRun;
use crate::outcome::{Answer, Failure, Outcome, Outcomes};
use crate::pace::{Limits, Pace, Went};
use crate::refusals::Refusals;
use crate::report::{Exchange, Report};
use crate::request::{Answered, Request, Stage};
use crate::window::Window;

/// What INT leaves for what is under way.
const AFTER_INT: Duration = Duration::from_secs(5);
/// How long another process may hold the lock.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long until a lock that somebody else holds is tried again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long it goes on after TERM or EOF, where the user does not say.
const DRAIN: Duration = Duration::from_secs(25);
/// How often it is looked, while stdin is not read, whether its end has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The memory of a longer line is given back.
const LONG: usize = 1 << 20;
/// Refused records are written out when they have reached this number of bytes.
const MANY: usize = 64 << 10;
/// The number of bytes that a pipe which can be written to takes without making the writer wait (PIPE_BUF of pipe(7)).
const PIPE_BUF: usize = 4096;

/// All that a run of logpost holds.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the run")]
pub struct Post {
    input: Input,
    refusals: Refusals,
    signals: Signals,
    /// One may have arrived.
    has_signal: bool,
    window: Window,
    acks: Option<Acks>,
    acks_open: bool,
    deliverer: Deliverer,
    destination: Box<dyn Destination>,
    report: Report,
    limits: Limits,
    pace: Pace,
    clock: Instant,
    deadline: Option<Duration>,
    interrupted: bool,
    is_at_eof: bool,
    /// While stdin is not read, since when nobody writes to it.
    alone_since: Option<Duration>,
    /// While stdin is not read, when to look whether its end has come.
    look_at: Option<Duration>,
    /// Something has been read.
    has_input: bool,
    dry_run: Option<DryRun>,
}

impl Post {
    /// Between stdin and `deliverer`.
    pub fn new(
        deliverer: Deliverer,
        destination: Box<dyn Destination>,
        refusals: Refusals,
        report: Report,
        window: Window,
        acks: Option<Acks>,
        limits: Limits,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            input: Input::without_signals(PROG),
            refusals,
            signals: Signals::of_end().map_err(|error| Trouble::io("signals", &error))?,
            has_signal: true,
            window,
            acks,
            acks_open: false,
            deliverer,
            destination,
            report,
            limits,
            pace: Pace::new(limits.linger),
            clock: Instant::now(),
            deadline: None,
            interrupted: false,
            is_at_eof: false,
            alone_since: None,
            look_at: None,
            has_input: false,
            dry_run: None,
        })
    }

    /// Writes to stdout what it would send.
    #[must_use]
    pub fn dry(mut self, dry_run: Option<DryRun>) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Runs until everything is delivered or the time is up.
    pub fn run(mut self) -> Result<Exit, Stop> {
        let ended = self.work();
        let now = self.clock.elapsed();
        if let Some(acks) = &mut self.acks {
            acks.save_if_due(now, true);
        }
        self.report.tell(&self.window, self.acks.as_ref(), now, true);
        let exit = ended?;
        if self.dry_run.is_none() {
            self.report.say_summary(now);
        }
        let has_failed = self.acks.as_ref().is_some_and(Acks::has_failed) || self.input.has_lost();
        Ok(if has_failed { Exit::Trouble } else { exit })
    }

    fn work(&mut self) -> Result<Exit, Stop> {
        loop {
            let now = self.clock.elapsed();
            if self.obey(now) {
                return Ok(self.give_up());
            }
            if !self.take_in(now)? {
                return Ok(self.give_up());
            }
            let is_ending = self.deadline.is_some() || self.is_at_eof;
            let linger = if is_ending { Duration::ZERO } else { self.pace.wait(self.window.closed(), jitter) };
            self.window.close_if_due(now, linger);
            self.send(now)?;
            self.read_answers(now)?;
            self.acknowledge(now);
            self.look_for_end(now);
            self.report.tell(&self.window, self.acks.as_ref(), now, false);
            if self.is_at_eof && self.window.is_empty() {
                return Ok(self.give_up());
            }
            if self.is_too_late(now) {
                return Ok(self.give_up());
            }
            // What has been read already is taken in before anything is read or waited for.
            if self.interrupted || !self.window.has_room() || !self.input.has_ready() {
                self.wait(now, linger)?;
            }
        }
    }

    /// True if the run is to end now.
    fn obey(&mut self, now: Duration) -> bool {
        if !std::mem::take(&mut self.has_signal) {
            return false;
        }
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::Counters => self.report.say_counters(self.window.left()),
                Asked::Drain => self.begin_drain(now),
                Asked::Stop if self.interrupted => return true,
                Asked::Stop => {
                    self.interrupted = true;
                    self.is_at_eof = true;
                    self.deadline = Some(now + AFTER_INT);
                }
            }
        }
        false
    }

    fn begin_drain(&mut self, now: Duration) {
        self.deadline.get_or_insert(now + self.limits.drain.unwrap_or(DRAIN));
    }

    /// The end of the input has come, or is behind what the pipe holds.
    fn see_end(&mut self, now: Duration) {
        if self.ends_with_input() {
            self.begin_drain(now);
        }
    }

    /// Who says how long a batch is to be tried means the end of a file, too.
    fn ends_with_input(&self) -> bool {
        self.limits.retry_for.is_none() || self.limits.drain.is_some()
    }

    /// While stdin is not read, because the server takes nothing, its end cannot be read either. That nobody writes to it
    /// any more says as much, and so does an end of logtail, where the filters behind it wait for room in the pipe:
    /// nothing more comes than what the pipes hold.
    fn look_for_end(&mut self, now: Duration) {
        if self.deadline.is_some() || self.is_at_eof || self.window.has_room() {
            (self.look_at, self.alone_since) = (None, None);
            return;
        }
        let look_at = *self.look_at.get_or_insert(now + LOOK_EVERY);
        if now >= look_at {
            self.look_at = Some(now + LOOK_EVERY);
            let wait = Wait { unread: Some(self.input.as_fd()), ..Wait::default() };
            let is_alone = wait.wait(Some(Duration::ZERO)).is_ok_and(|woken| woken.writer_is_gone);
            // Another may come to a FIFO that has a name: so it counts only as long as it lasts.
            self.alone_since = is_alone.then(|| self.alone_since.unwrap_or(now));
            if self.acks.as_mut().is_some_and(Acks::has_logtail_ended) {
                self.see_end(now);
            } else if self.ends_with_input()
                && let Some(since) = self.alone_since
                && now >= since + self.limits.drain.unwrap_or(DRAIN)
            {
                self.deadline = Some(now);
            }
        }
    }

    /// Takes in what has been read already. False if the wait for the lock was ended by a signal.
    fn take_in(&mut self, now: Duration) -> Result<bool, Stop> {
        let mut is_long = false;
        // What a record takes is subtracted here: to add up what all requests hold takes longer than to take it in.
        let mut room = self.window.room();
        while room > 0 && !self.window.is_full() && !self.interrupted {
            let Some(item) = self.input.ready() else { break };
            if self.acks.is_some() && !self.acks_open && item.carries_position() {
                // The item is borrowed from the input; what it says is taken in below, once the lock is held.
                self.acks_open = true;
                let held = Self::open_acks(self.acks.as_mut(), &self.signals, matches!(item, Item::Line(_)))?;
                if !held {
                    return Ok(false);
                }
            }
            if !std::mem::replace(&mut self.has_input, true)
                && self.dry_run.is_none()
                && let Some(words) = one_sided(self.acks.is_some(), item.carries_position())
            {
                self.report.say_own(words);
            }
            match item {
                Item::Line(line) if line.content.is_empty() => match line.position() {
                    None => {}
                    Some(position) => self.window.add_mark(&logline::position::Mark {
                        fid: position.fid,
                        next: position.next,
                        finished: false,
                    }),
                },
                Item::Line(line) => {
                    is_long = line.raw.len() > LONG;
                    // It is kept, and stands in a body.
                    room = room.saturating_sub(2 * line.raw.len());
                    self.report.tally.taken += 1;
                    self.window.add(&line, now);
                    if is_long {
                        break;
                    }
                    if self.window.is_full() {
                        self.window.write_ahead(self.destination.as_ref(), || self.deliverer.body());
                        self.window.close_if_full(now);
                    }
                }
                Item::Mark(mark, raw) => {
                    let tally = &mut self.report.tally;
                    tally.unparsed = tally.unparsed.max(unparsed(raw));
                    self.window.add_mark(&mark);
                }
                Item::End(_) | Item::CountersAsked | Item::Idle => {}
            }
        }
        if is_long {
            // Before its body needs as much once more.
            self.input.give_back();
        }
        self.window.write_ahead(self.destination.as_ref(), || self.deliverer.body());
        Ok(true)
    }

    /// Waits until nobody else holds the lock of `acks`, for at most [`PATIENCE`]. False if a signal ended the wait; where a
    /// record waits too, that is trouble. An end of stdin is none: what the pipe holds is to be delivered.
    fn open_acks(acks: Option<&mut Acks>, signals: &Signals, has_record: bool) -> Result<bool, Stop> {
        let Some(acks) = acks else { return Ok(true) };
        let since = Instant::now();
        let mut said = false;
        while !acks.open() {
            if since.elapsed() >= PATIENCE {
                return Err(acks.held().into());
            }
            if since.elapsed() >= Duration::from_millis(500) && !std::mem::replace(&mut said, true) {
                say(PROG, "another logpost still delivers for this state directory, waiting for its end");
            }
            let _ = Wait { others: signals.fds().collect(), ..Wait::default() }.wait(Some(ASK_AGAIN));
            if signals.next().is_some_and(|asked| asked != Asked::Counters) {
                return if has_record { Err(acks.unopened().into()) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    fn send(&mut self, now: Duration) -> Result<(), Stop> {
        if now < self.pace.next_at() {
            return Ok(());
        }
        let is_ordered = self.destination.is_ordered();
        let mut unsent = Vec::new();
        for (id, request) in self.window.requests() {
            if !self.deliverer.is_idle() {
                break;
            }
            if !request.is_ready(now) {
                if is_ordered && !request.is_done() {
                    break;
                }
                continue;
            }
            request.part(|batch, records| self.destination.parts(batch, records));
            while !request.is_done() {
                let body = match (request.take_body(), request.next()) {
                    (None, Some(records)) => {
                        let mut body = self.deliverer.body();
                        body.reserve(request.weight_of_next() + 128 * records.len());
                        let left_out = self.destination.write(&request.batch, records, &mut body);
                        if !left_out.is_empty() {
                            request.refuse(left_out);
                            unsent.push((id, request.take_refused()));
                        }
                        body
                    }
                    (body, _) => body.unwrap_or_default(),
                };
                let key = request.next().and_then(|records| self.destination.key(&request.batch, records));
                if let Some(dry_run) = self.dry_run.as_mut().filter(|_| !body.is_empty()) {
                    dry_run.write(key.as_deref(), &body)?;
                    request.take(Outcomes::All(Outcome::Delivered), &Answered { now, ..Answered::default() });
                } else if !body.is_empty() {
                    let bytes = body.len() as u64;
                    request.send(now, bytes);
                    self.report.tally.requests += 1;
                    self.report.tally.sent_bytes += bytes;
                    self.deliverer.send(id, key, body);
                    self.pace.sent(now, jitter());
                    break;
                }
                self.deliverer.keep(body);
            }
            if now < self.pace.next_at() || is_ordered && request.is_in_flight() {
                break;
            }
        }
        for (id, refused) in unsent {
            self.write_refused(id, &refused)?;
        }
        Ok(())
    }

    fn read_answers(&mut self, now: Duration) -> Result<(), Stop> {
        while let Some((id, answer)) = self.deliverer.answer() {
            let waiting = self.window.left() as u64;
            let are_others_well =
                self.window.requests().all(|(other, request)| other == id || request.trouble.is_none());
            let Some(request) = self.window.request(id) else { continue };
            let sent = Sent { batch: &request.batch, records: request.next().unwrap_or_default() };
            let records = sent.count();
            let outcomes = match &answer {
                Ok(answer) => self.destination.read(answer, &sent),
                Err(failure) => Outcomes::All(failure.clone().into()),
            };
            let outcomes = outcomes.map_words(&|words| self.deliverer.masked(words));
            let Stage::InFlight { since, bytes } = request.stage() else { continue };
            let took = now.saturating_sub(since);
            let went = went(&answer, &outcomes);
            self.pace.learn(took, went);
            let is_ending = self.deadline.is_some() || self.is_at_eof;
            let answered = Answered {
                now,
                retry_after: answer.as_ref().ok().and_then(|answer| answer.retry_after),
                taken: self.report.tally.delivered,
                jitter: jitter(),
                least_pause: if is_ending || went == Went::TooLarge { Duration::ZERO } else { self.pace.least_pause() },
                spacing: if went == Went::Throttled { self.pace.pause(jitter()) } else { None },
            };
            match &outcomes {
                Outcomes::Taken(taken) => self.report.say_taken(taken, records),
                Outcomes::Otherwise(words, _) => self.report.say(words),
                _ => {}
            }
            let (resent, known, weight) = (request.resent, request.known, request.weight_of_next());
            let delivered = request.take(outcomes, &answered);
            let refused = request.take_refused();
            self.report.tally.batches += u64::from(request.is_done());
            let exchange = Exchange {
                records,
                bytes,
                delivered: delivered as u64,
                known: request.known - known,
                resent: request.resent - resent,
                trouble: request.trouble.as_ref().map(|trouble| trouble.cause.as_str()),
                are_others_well,
                took,
            };
            self.report.take(&exchange, &answer, waiting, now);
            if request.was_halved || delivered > 0 {
                let fits = !request.was_halved;
                self.window.learn(weight, fits);
            }
            self.window.hold_apart(id, now);
            self.write_refused(id, &refused)?;
            if let Ok(answer) = answer {
                self.deliverer.keep_answer(answer.body);
            }
        }
        Ok(())
    }

    /// Writes out refused records of batch `id`, without being deaf meanwhile: a reader of stdout may be slow, or may read
    /// nothing.
    fn write_refused(&mut self, id: u64, refused: &[(usize, String)]) -> Result<(), Stop> {
        self.report.tally.refused += refused.len() as u64;
        let mut text = Vec::new();
        for (nth, (record, reason)) in refused.iter().enumerate() {
            let Some(request) = self.window.request(id) else { break };
            text.extend_from_slice(&request.batch.refused(*record, reason));
            text.push(b'\n');
            if text.len() < MANY && nth + 1 < refused.len() {
                continue;
            }
            for piece in self.refusals.pieces(&text, PIPE_BUF) {
                self.await_reader()?;
                self.refusals.write(piece)?;
            }
            text.clear();
        }
        Ok(())
    }

    /// Waits until stdout takes something, or until the time for that is up, which is trouble.
    fn await_reader(&mut self) -> Result<(), Stop> {
        while let Some(stdout) = self.refusals.awaited() {
            let now = self.clock.elapsed();
            let left = self.deadline.map(|deadline| deadline.saturating_sub(now));
            let (output, others) = (Some(stdout.as_fd()), self.signals.fds().collect());
            let woken = Wait { output, for_room: true, others, ..Wait::default() }.wait(left).unwrap_or_default();
            if woken.room || woken.reader_is_gone {
                return Ok(());
            }
            self.has_signal = true;
            let now = self.clock.elapsed();
            if self.obey(now) || self.deadline.is_some_and(|deadline| now >= deadline) {
                let cause = "nobody reads it, and a refused record could not be written to it";
                return Err(Trouble::new("standard output", cause).into());
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, now: Duration) {
        let acks = &mut self.acks;
        self.window.acknowledge(|fid, next| {
            if let Some(acks) = acks {
                acks.acknowledge(fid, next);
            }
        });
        if let Some(acks) = acks {
            acks.save_if_due(now, false);
        }
    }

    fn is_too_late(&mut self, now: Duration) -> bool {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return true;
        }
        let retry_for = self.limits.retry_for;
        let is_hopeless = |request: &Request| request.trouble.is_some() && !request.is_in_flight();
        if self.interrupted && self.window.requests().all(|(_, request)| is_hopeless(request)) {
            return true;
        }
        self.window.requests().any(|(_, request)| {
            is_hopeless(request) && retry_for.is_some_and(|retry_for| now.saturating_sub(request.since) >= retry_for)
        })
    }

    /// The end, with whatever is left.
    fn give_up(&mut self) -> Exit {
        let left = self.window.left();
        if left == 0 {
            return if self.report.tally.refused > 0 { Exit::No } else { Exit::Done };
        }
        self.report.say(&format!(
            "{left} records are not delivered{}",
            if self.acks.is_some() { ", they come again after the next start" } else { "" }
        ));
        Exit::Trouble
    }

    fn wait(&mut self, now: Duration, linger: Duration) -> Result<(), Stop> {
        let reads = self.window.has_room() && !self.is_at_eof;
        let mut next: Option<Duration> = self.deadline;
        let mut at = |time: Option<Duration>| next = [next, time].into_iter().flatten().min();
        at(self.window.due_at(linger));
        at(self.look_at);
        at(self.acks.as_ref().and_then(Acks::due_at));
        at(self.report.due_at());
        let is_idle = self.deliverer.is_idle();
        let retry_for = self.limits.retry_for;
        at(is_idle.then_some(self.pace.next_at()).filter(|next_at| *next_at > now));
        for (_, request) in self.window.requests() {
            if let Stage::Ready(ready_at) = request.stage() {
                at(retry_for.map(|retry_for| request.since.saturating_add(retry_for)));
                at(is_idle.then_some(ready_at.max(self.pace.next_at())));
            }
        }
        let input = reads.then(|| self.input.as_fd());
        let others = iter::once(self.deliverer.as_fd()).chain(self.signals.fds()).collect();
        let woken = Wait { input, others, ..Wait::default() }
            .wait(next.map(|next| next.saturating_sub(now)))
            .map_err(|error| Trouble::io("poll", &error))?;
        if woken.other == Some(0) {
            self.deliverer.hear();
        }
        // One may stand behind an answer.
        self.has_signal = woken.other.is_some();
        if woken.input && !self.input.fill()? {
            self.is_at_eof = true;
            self.see_end(now);
        }
        Ok(())
    }
}

fn went(answer: &Result<Answer, Failure>, outcomes: &Outcomes) -> Went {
    let is_again = |outcome: &Outcome| matches!(outcome, Outcome::Again(_) | Outcome::Hold(_));
    match outcomes {
        Outcomes::All(Outcome::Cut(_) | Outcome::TooLarge(_) | Outcome::Unwieldy(_)) => Went::TooLarge,
        Outcomes::All(outcome) if is_again(outcome) => {
            if answer.as_ref().is_ok_and(|answer| answer.status == 429) {
                Went::Throttled
            } else {
                Went::Badly
            }
        }
        Outcomes::Each(outcomes) if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Again(_))) => {
            Went::Throttled
        }
        _ => Went::Well,
    }
}

/// What is to be said where only one side of the pipe keeps positions.
fn one_sided(has_state: bool, has_position: bool) -> Option<&'static str> {
    match (has_state, has_position) {
        (true, false) => {
            Some("--state: the input has no positions that could be kept, expected them from logtail --state")
        }
        (false, true) => Some(
            "the input has positions and there is no --state to keep them, so a restart delivers again, expected --state as in logtail",
        ),
        _ => None,
    }
}

/// Anything from 0 to 1, so that many senders do not come back at the same moment.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    // Without random numbers the longest pause is as good.
    if rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) != Ok(bytes.len()) {
        return 1.0;
    }
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

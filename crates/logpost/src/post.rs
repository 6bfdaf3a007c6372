//! The loop: take in, send, read answers, settle, acknowledge, wait. What is decided about records stands in
//! [`crate::window`] and [`crate::job`]; this knows the clock, stdin, stdout, the signals and the threads.
//!
//! Memory is bounded whatever the server does: when the batches on their way and the open one are full, stdin is not read,
//! the pipe fills, and the log file is the buffer.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use logline::ending::{Exit, Stop, Trouble, say};
use logline::input::Input;
use logline::line::Item;
use logline::output::Output;
use logline::signal::{Asked, Signals};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::PROG;
use crate::acks::Acks;
use crate::deliver::Deliverer;
use crate::fate::Answer;
use crate::kinds::Kind;
use crate::window::Window;

/// What INT leaves for what is under way.
const AFTER_INT: Duration = Duration::from_secs(5);
/// How long another process may hold the lock.
const PATIENCE: Duration = Duration::from_secs(30);
/// Trouble that lasts is said again after so long.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// How the loop goes.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long the first record of a batch that is not full waits for others.
    pub linger: Duration,
    /// How long it goes on after TERM or EOF.
    pub drain: Duration,
    /// How long a batch is tried before that.
    pub retry_for: Option<Duration>,
    /// One line for each request.
    pub verbose: bool,
}

/// All that a run of logpost holds.
pub struct Post {
    input: Input,
    refused: Output,
    signals: Signals,
    window: Window,
    acks: Option<Acks>,
    acks_open: bool,
    deliverer: Deliverer,
    kind: Box<dyn Kind>,
    server: String,
    pace: Pace,
    clock: Instant,
    deadline: Option<Duration>,
    interrupted: bool,
    is_at_eof: bool,
    counts: Counts,
    outage: Option<Outage>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    taken: u64,
    delivered: u64,
    refused: u64,
    requests: u64,
    bytes: u64,
    resent: u64,
}

/// The server does not take what it is sent.
struct Outage {
    since: Duration,
    said_at: Duration,
    cause: String,
}

impl Post {
    /// Between stdin and `deliverer`.
    pub fn new(
        deliverer: Deliverer,
        kind: Box<dyn Kind>,
        server: String,
        window: Window,
        acks: Option<Acks>,
        pace: Pace,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            input: Input::without_signals(PROG),
            refused: Output::stdout(),
            signals: Signals::of_end().map_err(|error| Trouble::io("signals", &error))?,
            window,
            acks,
            acks_open: false,
            deliverer,
            kind,
            server,
            pace,
            clock: Instant::now(),
            deadline: None,
            interrupted: false,
            is_at_eof: false,
            counts: Counts::default(),
            outage: None,
        })
    }

    /// Runs until everything is delivered or the time is up.
    pub fn run(mut self) -> Result<Exit, Stop> {
        let ended = self.work();
        let now = self.clock.elapsed();
        if let Some(acks) = &mut self.acks {
            acks.save_if_due(now, true);
        }
        let exit = ended?;
        self.say_summary(now);
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
            let linger = if self.deadline.is_some() || self.is_at_eof { Duration::ZERO } else { self.pace.linger };
            self.window.close_if_due(now, linger);
            self.send(now)?;
            self.read_answers(now)?;
            self.settle(now);
            if self.is_at_eof && self.window.is_empty() {
                return Ok(if self.counts.refused > 0 { Exit::No } else { Exit::Done });
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
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::Counters => self.say_counters(),
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
        self.deadline.get_or_insert(now + self.pace.drain);
    }

    /// Takes in what has been read already. False if the wait for the lock was ended by a signal.
    fn take_in(&mut self, now: Duration) -> Result<bool, Stop> {
        while self.window.has_room() && !self.interrupted {
            let Some(item) = self.input.ready() else { break };
            if self.acks.is_some() && !self.acks_open && item.carries_position() {
                // The item is borrowed from the input; what it says is taken in below, once the lock is held.
                self.acks_open = true;
                let held = Self::open_acks(self.acks.as_mut(), &self.signals)?;
                if !held {
                    return Ok(false);
                }
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
                    self.counts.taken += 1;
                    self.window.add(&line, now);
                    self.window.close_if_full(now);
                }
                Item::Mark(mark, _) => self.window.add_mark(&mark),
                Item::End(_) | Item::CountersAsked | Item::Idle => {}
            }
        }
        Ok(true)
    }

    /// Waits until nobody else holds the lock of `acks`, for at most [`PATIENCE`]. False if a signal ended the wait.
    fn open_acks(acks: Option<&mut Acks>, signals: &Signals) -> Result<bool, Stop> {
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
            let fds: Vec<BorrowedFd<'_>> = signals.fds().collect();
            let mut fds: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 }));
            if signals.next().is_some_and(|asked| asked != Asked::Counters) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn send(&mut self, now: Duration) -> Result<(), Stop> {
        for (id, job) in self.window.jobs() {
            if !self.deliverer.is_idle() {
                break;
            }
            if job.in_flight || job.ready_at > now {
                continue;
            }
            while let Some(records) = job.next() {
                let mut body = self.deliverer.body();
                body.reserve(job.batch.bytes() + 128 * records.len());
                let left_out = self.kind.write(&job.batch, records, &mut body);
                let sends = !body.is_empty();
                if sends {
                    self.counts.requests += 1;
                    self.counts.bytes += body.len() as u64;
                }
                if !left_out.is_empty() {
                    job.refuse(left_out);
                    self.counts.refused += write_refused(&mut self.refused, job)?;
                }
                if sends {
                    job.in_flight = true;
                    self.deliverer.send(id, body);
                    break;
                }
                self.deliverer.keep(body);
            }
        }
        Ok(())
    }

    fn read_answers(&mut self, now: Duration) -> Result<(), Stop> {
        while let Some((id, answer)) = self.deliverer.answer() {
            let Some(job) = self.window.job(id) else { continue };
            let count = job.next().map_or(0, <[usize]>::len);
            if self.pace.verbose {
                say(PROG, format_args!("{}: {count} records, {}", self.server, described(&answer)));
            }
            let retry_after = match &answer {
                Answer::Http { retry_after, .. } => *retry_after,
                Answer::Failed(_) => None,
            };
            let verdict = self.kind.read(&answer, count);
            let resent = job.resent;
            let delivered = job.take(verdict, retry_after, now, jitter());
            self.counts.resent += job.resent - resent;
            self.counts.refused += write_refused(&mut self.refused, job)?;
            let trouble = job.trouble.clone();
            self.say_progress(now, delivered as u64, trouble);
        }
        Ok(())
    }

    fn say_progress(&mut self, now: Duration, delivered: u64, trouble: Option<crate::job::Trouble>) {
        if delivered > 0 && self.counts.delivered == 0 {
            say(PROG, format_args!("delivered the first batch: {delivered} records to {}", self.server));
        }
        self.counts.delivered += delivered;
        match (trouble, &mut self.outage) {
            (None, outage) => {
                if let Some(outage) = outage.take_if(|_| delivered > 0) {
                    let waited = in_words(now.saturating_sub(outage.since));
                    say(PROG, format_args!("{}: recovered after {waited}", self.server));
                }
            }
            (Some(trouble), outage) => {
                let since = outage.as_ref().map_or(now, |outage| outage.since);
                let is_new = outage.as_ref().is_none_or(|outage| {
                    outage.cause != trouble.cause && now >= outage.said_at + Duration::from_secs(1)
                        || now >= outage.said_at + SAY_AGAIN
                });
                if is_new {
                    let waited = in_words(now.saturating_sub(since));
                    say(
                        PROG,
                        format_args!("{}: {}, trying again (waiting since {waited})", self.server, trouble.cause),
                    );
                    *outage = Some(Outage { since, said_at: now, cause: trouble.cause });
                }
            }
        }
    }

    fn settle(&mut self, now: Duration) {
        let acks = &mut self.acks;
        self.window.settle(|fid, next| {
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
        let is_hopeless = |job: &crate::job::Job| job.trouble.is_some() && !job.in_flight;
        if self.interrupted && self.window.jobs().all(|(_, job)| is_hopeless(job)) {
            return true;
        }
        let retry_for = self.pace.retry_for;
        self.window.jobs().any(|(_, job)| {
            is_hopeless(job) && retry_for.is_some_and(|retry_for| now.saturating_sub(job.since) >= retry_for)
        })
    }

    fn give_up(&mut self) -> Exit {
        let left = self.window.left();
        if left == 0 {
            return Exit::Done;
        }
        say(
            PROG,
            format_args!("{}: {left} records are not delivered, they come again after the next start", self.server),
        );
        Exit::Trouble
    }

    fn wait(&mut self, now: Duration, linger: Duration) -> Result<(), Stop> {
        let reads = self.window.has_room() && !self.is_at_eof;
        let mut next: Option<Duration> = self.deadline;
        let mut at = |time: Option<Duration>| next = [next, time].into_iter().flatten().min();
        at(self.window.due_at(linger));
        at(self.acks.as_ref().and_then(Acks::due_at));
        let is_idle = self.deliverer.is_idle();
        for (_, job) in self.window.jobs() {
            at((is_idle && !job.in_flight && !job.is_done()).then_some(job.ready_at));
        }
        let timeout = next.map(|next| next.saturating_sub(now)).and_then(|left| Timespec::try_from(left).ok());
        let deliverer = self.deliverer.as_fd();
        let signals: Vec<BorrowedFd<'_>> = self.signals.fds().collect();
        let stdin = self.input.as_fd();
        let mut fds = vec![PollFd::new(&deliverer, PollFlags::IN)];
        fds.extend(signals.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        if reads {
            fds.push(PollFd::new(&stdin, PollFlags::IN));
        }
        let polled = poll(&mut fds, timeout.as_ref());
        let is_readable = reads && polled.is_ok() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        if let Err(errno) = polled
            && errno != rustix::io::Errno::INTR
        {
            return Err(Trouble::io("poll", &errno.into()).into());
        }
        if is_readable && !self.input.fill()? {
            self.is_at_eof = true;
            self.begin_drain(now);
        }
        Ok(())
    }

    fn say_counters(&self) {
        let Counts { taken, delivered, refused, requests, resent, .. } = self.counts;
        say(
            PROG,
            format_args!(
                "records {taken}, delivered {delivered}, refused {refused}, waiting {}, requests {requests}, sent again {resent}",
                self.window.left()
            ),
        );
    }

    fn say_summary(&self, now: Duration) {
        let Counts { delivered, refused, requests, bytes, resent, .. } = self.counts;
        say(
            PROG,
            format_args!(
                "delivered {delivered} records in {requests} requests, {bytes} bytes, {:.1} s; sent again {resent}, refused {refused}",
                now.as_secs_f64()
            ),
        );
    }
}

/// Writes out what was refused of the batch; how many records that was.
fn write_refused(output: &mut Output, job: &mut crate::job::Job) -> Result<u64, Stop> {
    let refused = job.take_refused();
    for (record, reason) in &refused {
        output.line(&job.batch.refused(*record, reason)).map_err(unwritten)?;
    }
    output.flush().map_err(unwritten)?;
    Ok(refused.len() as u64)
}

/// A refused record that cannot be written out is not settled: that is trouble, whoever went away.
fn unwritten(stop: Stop) -> Stop {
    match stop {
        Stop::ReaderGone => {
            Trouble::new("standard output", "closed, and a refused record could not be written to it").into()
        }
        trouble @ Stop::Trouble(_) => trouble,
    }
}

fn described(answer: &Answer) -> String {
    match answer {
        Answer::Http { status, .. } => status.to_string(),
        Answer::Failed(cause) => cause.clone(),
    }
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
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

//! The loop: look, read, save, write, wait. It alone knows the clock, the signals, stdout and the state directory; what is
//! decided about files stands in [`crate::follow`].
//!
//! Nothing leaves before the checkpoint that it needs is on disk ([`crate::checkpoint`]), and a full pipe blinds nobody: as
//! long as its reader does not read, rotations are followed and new files opened.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use logline::ending::{Exit, Stop, Trouble, say};
use logline::output::{Output, WRITE_SIZE};
use logline::signal::{Asked, Signals};
use logline::wait::Wait;

use crate::PROG;
use crate::checkpoint::Outgoing;
use crate::drain::Drain;
use crate::follow::Follower;
use crate::gzip::Unpacking;
use crate::hung::Pulse;
use crate::others::Others;
use crate::state::State;
use crate::system::System;
use crate::terms::STEP;
use crate::watch::Watch;

/// While a file is active it wakes logtail at most so often: a wake-up of four processes for each line is what costs.
const GROUPED: Duration = Duration::from_millis(50);
/// The least time between two looks at what has been acknowledged.
const HEAR_EVERY: Duration = Duration::from_secs(10);
/// How long logtail gives stdout at an end that was not asked to wait.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// How the loop goes.
#[derive(Debug)]
pub struct Pace {
    /// Whether it goes on at the end of the files.
    pub follows: bool,
    /// The poll interval while idle.
    pub at_rest: Duration,
    /// Whether it may be woken by the kernel.
    pub inotify: bool,
    /// When a drain is over.
    pub drain: Drain,
}

/// All that a run of logtail holds.
#[derive(Debug)]
pub struct Run {
    follower: Follower<Unpacking<System>>,
    output: Outgoing,
    state: Option<State>,
    others: Others,
    signals: Signals,
    watch: Option<Watch>,
    pace: Pace,
    clock: Instant,
    pulse: Pulse,
    looked_at: Option<Duration>,
    /// The rest between two looks where nothing wakes: short after activity, then longer.
    rest: Duration,
    look_took: Duration,
    woken_at: Duration,
    bytes: u64,
    /// When it was last looked at what has been acknowledged.
    heard_of_acks_at: Option<Duration>,
}

/// Why the loop ended.
enum End {
    /// Everything was read.
    Complete,
    /// INT, or a second TERM.
    Stopped,
    /// The time for the drain was up before everything was read.
    Cut,
}

impl Run {
    /// A run of `follower`, whose files the `others` read too.
    pub fn new(
        follower: Follower<Unpacking<System>>,
        state: Option<State>,
        others: Others,
        signals: Signals,
        pace: Pace,
        clock: Instant,
        pulse: Pulse,
    ) -> Self {
        let watch = if pace.follows && pace.inotify { Watch::new() } else { None };
        Self {
            follower,
            output: Outgoing::new(Output::stdout()),
            state,
            others,
            signals,
            watch,
            pace,
            clock,
            pulse,
            looked_at: None,
            rest: GROUPED,
            look_took: Duration::ZERO,
            woken_at: Duration::ZERO,
            bytes: 0,
            heard_of_acks_at: None,
        }
    }

    /// Runs to its end, whatever ends it, and leaves a state from which the next run goes on.
    pub fn run(mut self) -> Result<Exit, Stop> {
        let ended = self.follow().and_then(|end| self.conclude(&end));
        // Also where the reader is gone: positions only ever say what was seen.
        let now = self.clock.elapsed();
        self.heard_of_acks_at = None;
        self.hear_of_acks(now);
        keep(&mut self.follower, self.state.as_mut(), now, true);
        self.say_messages();
        let exit = ended?;
        let is_trouble =
            self.state.as_ref().is_some_and(State::has_failed) || (!self.pace.follows && self.follower.has_troubles());
        Ok(if is_trouble { Exit::Trouble } else { exit })
    }

    fn follow(&mut self) -> Result<End, Stop> {
        loop {
            let now = self.clock.elapsed();
            self.pulse.beat(now);
            if let Some(end) = self.obey(now) {
                return Ok(end);
            }
            self.look_if_due(now);
            self.hear_of_acks(now);
            let is_more = self.read(now);
            let is_blocked = !self.write(now)?;
            if let Some(end) = self.is_over(now, is_more || is_blocked) {
                return Ok(end);
            }
            self.wait(now, is_more, is_blocked)?;
        }
    }

    fn obey(&mut self, now: Duration) -> Option<End> {
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::Counters => self.say_counters(),
                Asked::Drain if !self.pace.drain.is_on() => self.pace.drain.begin(now),
                Asked::Drain | Asked::Stop => return Some(End::Stopped),
            }
        }
        None
    }

    fn look_if_due(&mut self, now: Duration) {
        let mut is_due = self.looked_at.is_none_or(|at| now >= at + self.between_looks());
        if let Some(watch) = &mut self.watch {
            let woken = watch.drain();
            is_due |= woken.names_changed;
            for fid in woken.files {
                // One that is not open any more has a successor, which nothing would wake for.
                is_due |= !self.follower.touch(fid);
            }
        }
        if is_due {
            self.looked_at = Some(now);
            if let Some(own) = self.state.as_mut().and_then(State::own) {
                self.follower.leave_out(own, now);
            }
            self.follower.look(now);
            self.look_took = self.clock.elapsed().saturating_sub(now);
            if let Some(watch) = &mut self.watch {
                watch.follow(self.follower.directories(), self.follower.open_files());
            }
        }
    }

    /// Looks at what has been acknowledged, where the follower keeps anything until then.
    fn hear_of_acks(&mut self, now: Duration) {
        if let Some(state) = &self.state
            && self.heard_of_acks_at.is_none_or(|at| now >= at + HEAR_EVERY)
            && self.follower.awaits_acks()
        {
            self.heard_of_acks_at = Some(now);
            let (needs, messages) = self.others.needs(STEP);
            for message in messages {
                self.follower.say(message);
            }
            self.follower.acknowledge(&state.acks(), &needs, now);
        }
    }

    /// A look over many files takes no more than a twentieth of the time, a drain apart.
    fn between_looks(&self) -> Duration {
        if self.follower.has_deferred() {
            return GROUPED;
        }
        if self.pace.drain.is_on() { self.rest } else { self.rest.max((20 * self.look_took).min(self.pace.at_rest)) }
    }

    fn read(&mut self, now: Duration) -> bool {
        if self.output.pending() >= WRITE_SIZE {
            self.say_messages();
            return true;
        }
        let mut unsaved = self.output.unsaved();
        let buffer = unsaved.buffer();
        let before = buffer.len();
        let is_more = self.follower.turn(now, WRITE_SIZE, buffer);
        // A watermark alone is no activity: a line that comes just after it goes at once.
        if buffer.len() > before {
            self.woken_at = now;
            self.rest = GROUPED;
        }
        self.follower.mark(now, buffer);
        self.bytes += (buffer.len() - before) as u64;
        self.say_messages();
        is_more
    }

    /// Keeps the checkpoint if it is due, then writes what the reader has room for; whether that was all.
    fn write(&mut self, now: Duration) -> Result<bool, Stop> {
        if let Some(state) = &mut self.state {
            state.watch_for_logpost(now, self.bytes > 0);
        }
        let follows = self.pace.follows;
        let output = self.saved();
        if !follows {
            // It may block, and widens the pipe of a busy stream.
            output.settle()?;
        }
        let is_all = output.flush_some()?;
        if is_all && let Some(state) = &mut self.state {
            state.advance(&self.follower, now, false);
        }
        Ok(is_all)
    }

    /// stdout, once the checkpoint that it needs is kept.
    fn saved(&mut self) -> &mut Output {
        let now = self.clock.elapsed();
        let (follower, state) = (&mut self.follower, &mut self.state);
        self.output.unsaved().saved(|| keep(follower, state.as_mut(), now, false))
    }

    fn is_over(&mut self, now: Duration, is_busy: bool) -> Option<End> {
        if !self.pace.follows {
            return (!is_busy && !self.follower.has_deferred()).then_some(End::Complete);
        }
        let asked_at = self.pace.drain.asked_at()?;
        let mut unsaved = self.output.unsaved();
        // This comes first: a disk that was slow to keep the checkpoint takes nothing from what has been read.
        if !is_busy && self.follower.is_drained(now, asked_at, self.pace.drain.quiet, unsaved.buffer()) {
            return Some(End::Complete);
        }
        (now >= asked_at + self.pace.drain.max).then_some(End::Cut)
    }

    /// The last lines, watermarks and the end mark, written within the time that is left.
    fn conclude(&mut self, end: &End) -> Result<Exit, Stop> {
        let now = self.clock.elapsed();
        let parts = matches!(end, End::Complete) && self.state.as_ref().is_none_or(|state| !state.advances());
        self.follower.end(now, parts, self.output.unsaved().buffer());
        self.say_messages();
        let follows = self.pace.follows;
        let output = self.saved();
        if !follows {
            output.flush()?;
        }
        let of_drain = self.pace.drain.left(now).filter(|_| !matches!(end, End::Stopped));
        let left = of_drain.unwrap_or(LAST_WRITE).max(LAST_WRITE);
        let is_written = self.write_within(left)?;
        if is_written && let Some(state) = &mut self.state {
            state.advance(&self.follower, now, true);
        }
        match end {
            End::Cut => {
                say(PROG, "the time for the drain is up, what is left is read after the next start");
                Ok(Exit::Trouble)
            }
            _ if !is_written => Err(Trouble::new("standard output", "its reader does not read, giving up").into()),
            _ => Ok(Exit::Done),
        }
    }

    fn write_within(&mut self, left: Duration) -> Result<bool, Stop> {
        let until = Instant::now() + left;
        while !self.saved().flush_some()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.signals.next().is_some_and(|asked| asked != Asked::Counters) {
                return Ok(false);
            }
            self.wait_for(left, true, false)?;
        }
        Ok(true)
    }

    /// Waits for whatever comes first: a signal, the reader's going, room in the pipe, an event, the next look.
    fn wait(&mut self, now: Duration, is_more: bool, is_blocked: bool) -> Result<(), Stop> {
        if is_more && !is_blocked {
            return Ok(());
        }
        if !is_blocked {
            // What has come since the last wake-up is read together.
            let pause = (self.woken_at + GROUPED).saturating_sub(now);
            if now > Duration::ZERO && !pause.is_zero() {
                self.wait_for(pause, is_blocked, false)?;
            }
        }
        let now = self.clock.elapsed();
        let until_next = self.until_next(now);
        self.wait_for(until_next, is_blocked, true)
    }

    fn until_next(&mut self, now: Duration) -> Duration {
        if self.pace.drain.is_on() {
            self.rest = GROUPED;
        } else if self.watch.is_some() {
            self.rest = self.pace.at_rest;
        } else {
            self.rest = (self.rest * 2).min(self.pace.at_rest);
        }
        let next_look = self.looked_at.map_or(Duration::ZERO, |at| at + self.between_looks()).saturating_sub(now);
        if self.follower.has_unmarked() { next_look.min(Duration::from_secs(1)) } else { next_look }
    }

    fn wait_for(&self, timeout: Duration, for_room: bool, for_events: bool) -> Result<(), Stop> {
        let mut others: Vec<_> = self.signals.fds().collect();
        others.extend(self.watch.as_ref().filter(|_| for_events).map(|watch| watch.as_fd()));
        let wait = Wait { output: Some(self.output.fd()), for_room, others, ..Wait::default() };
        let woken = wait.wait(Some(timeout)).map_err(|error| Trouble::io("poll", &error))?;
        self.pulse.beat(self.clock.elapsed());
        if woken.reader_is_gone { Err(Stop::ReaderGone) } else { Ok(()) }
    }

    fn say_messages(&mut self) {
        for message in self.follower.messages() {
            say(PROG, message);
        }
    }

    fn say_counters(&self) {
        let counters = self.follower.counters();
        let (known, open) = self.follower.count();
        say(
            PROG,
            format_args!(
                "files {open} open, {known} known, bytes {}, lines cut {}, truncations {}, gaps {}, possible loss {} bytes, holes {} bytes, given back {} bytes",
                self.bytes,
                self.follower.truncated_lines(),
                counters.truncations,
                counters.gaps,
                counters.possible_loss_bytes,
                counters.hole_bytes,
                counters.freed_bytes
            ),
        );
    }
}

/// Keeps the checkpoint if it is due; without a state directory there is nothing to keep.
fn keep(follower: &mut Follower<Unpacking<System>>, state: Option<&mut State>, now: Duration, is_end: bool) {
    if let Some(state) = state {
        crate::checkpoint::keep(follower, state.files(), now, is_end);
    }
}

/// The id of this boot; empty where the kernel does not tell.
pub fn boot_id() -> String {
    std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id"))
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

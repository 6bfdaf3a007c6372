//! logtail without a process: a follower on the fake disk, its state directory in memory, its stdout a buffer. It is
//! stepped, killed and started again.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use logline::position::Fid;
use logline::state::{decode, encode};
use logtail::emit::Shape;
use logtail::follow::{First, Follower, Plan};
use logtail::glob::Pattern;
use logtail::ledger::{Ledger, acks_text, parse_acks};

use crate::fake::Fake;

/// A state directory.
#[derive(Clone, Default, Debug)]
pub struct Kept {
    pub files: Slot,
    pub acks: Slot,
}

/// One state file and the copy before it.
#[derive(Clone, Default, Debug)]
pub struct Slot {
    pub current: Option<Vec<u8>>,
    pub previous: Option<Vec<u8>>,
}

impl Slot {
    pub fn save(&mut self, name: &str, body: &[u8]) {
        let text = encode(name, body);
        self.previous = self.current.replace(text);
    }

    pub fn load(&self, name: &str) -> Option<Vec<u8>> {
        let read = |text: &Option<Vec<u8>>| decode(name, text.as_deref()?).ok().map(<[u8]>::to_vec);
        read(&self.current).or_else(|| read(&self.previous))
    }

    fn is_current(&self, name: &str) -> bool {
        self.current.as_deref().is_some_and(|text| decode(name, text).is_ok())
    }
}

impl Kept {
    pub fn acks(&self) -> HashMap<Fid, u64> {
        self.acks.load("acks").map(|text| parse_acks(&text)).unwrap_or_default()
    }

    pub fn save_acks(&mut self, acks: impl Iterator<Item = (Fid, u64)>) {
        self.acks.save("acks", &acks_text(acks));
    }

    pub fn ledger(&self) -> Option<Ledger> {
        let mut ledger = Ledger::parse(&self.files.load("files")?).0;
        if !self.files.is_current("files") {
            ledger.forget_unread();
        }
        Some(ledger)
    }
}

thread_local! {
    static NAMES: Cell<u64> = const { Cell::new(0) };
}

/// Fids that are the same whenever a test runs: each thread counts for itself.
pub fn names_from(seed: u64) {
    NAMES.set(seed << 32);
}

/// As `logtail -F --state` with these files.
pub fn plan(patterns: &[&str]) -> Plan {
    Plan {
        patterns: patterns.iter().map(|pattern| Pattern::new(pattern.as_bytes()).unwrap()).collect(),
        excludes: Vec::new(),
        shape: Shape { tagged: true, max_line: 1 << 20 },
        first: First::Head,
        follows: true,
        headers: false,
        rotate_quiet: Duration::from_secs(10),
        forget_after: Duration::from_secs(60),
        open_limit: 64,
        chunk: 4096,
    }
}

/// One run of it.
pub struct Run {
    pub follower: Follower<Fake>,
    /// What has been read and not been written to stdout.
    pub out: Vec<u8>,
    pub said: Vec<String>,
    started: Duration,
    asked_to_drain: Option<Duration>,
}

impl Run {
    pub fn start(disk: &Fake, plan: Plan, kept: &Kept, boot: &str) -> Self {
        #[expect(clippy::unnecessary_wraps, reason = "the kernel's random numbers may fail")]
        fn name() -> std::io::Result<Fid> {
            NAMES.set(NAMES.get() + 1);
            Ok(Fid(NAMES.get()))
        }
        let mut follower = Follower::new(disk.clone(), plan, boot.to_owned(), name);
        match kept.ledger() {
            Some(ledger) => follower.resume(ledger, &kept.acks(), Duration::ZERO),
            None if kept.files.current.is_some() => follower.resume_from_nothing(),
            None => {}
        }
        let started = disk.0.borrow().now;
        Self { follower, out: Vec::new(), said: Vec::new(), started, asked_to_drain: None }
    }

    fn now(&self) -> Duration {
        self.follower.disk().0.borrow().now.saturating_sub(self.started)
    }

    /// Looks at the disk.
    pub fn look(&mut self) {
        let now = self.now();
        self.follower.look(now);
    }

    /// Reads once around; true if there is more.
    pub fn turn(&mut self, room: usize) -> bool {
        let now = self.now();
        let is_more = self.follower.turn(now, room, &mut self.out);
        self.follower.mark(now, false, &mut self.out);
        self.said.append(&mut self.follower.messages());
        is_more
    }

    /// Keeps the ledger if it is due: to be called before anything of `out` leaves.
    pub fn keep(&mut self, kept: &mut Kept, is_end: bool) {
        let now = self.now();
        let need = *self.follower.need();
        let due = need.is_due(now).or((is_end && need.is_any()).then_some(true));
        if let Some(sync) = due {
            kept.files.save("files", &self.follower.ledger().text());
            self.follower.need().written(now, sync);
        }
    }

    pub fn drain(&mut self) {
        self.asked_to_drain.get_or_insert(self.now());
    }

    /// Whether it was asked to drain and all is read. What was read by this is in `out`.
    pub fn is_drained(&mut self) -> bool {
        let Some(asked_at) = self.asked_to_drain else { return false };
        let now = self.now();
        self.follower.is_drained(now, asked_at, Duration::from_secs(2), &mut self.out)
    }

    /// The last words; the ledger is to be kept before they leave.
    pub fn end(&mut self, is_drained: bool) {
        let now = self.now();
        self.follower.end(now, is_drained, &mut self.out);
        self.said.append(&mut self.follower.messages());
    }
}

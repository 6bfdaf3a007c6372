//! logtail without a process: a follower on the fake disk, its state directory in memory, its stdout a buffer. It is
//! stepped, killed and started again.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use logline::position::Fid;
use logline::state::files::Checkpoint;
use logline::state::{Keeper, Shelf, Text, acks, decode, encode};
use logtail::checkpoint;
use logtail::disk::Disk;
use logtail::emit::Shape;
use logtail::follow::Follower;
use logtail::glob::Pattern;
use logtail::gzip::Unpacking;
use logtail::others::Needs;
use logtail::plan::{First, Plan};

use crate::fake::Fake;

/// A state directory.
#[derive(Clone, Debug)]
pub struct Kept {
    pub files: Slot,
    pub acks: Slot,
}

impl Default for Kept {
    fn default() -> Self {
        Self { files: Slot::new("files"), acks: Slot::new("acks") }
    }
}

/// One state file and the copy before it.
#[derive(Clone, Debug)]
pub struct Slot {
    name: &'static str,
    pub current: Option<Vec<u8>>,
    pub previous: Option<Vec<u8>>,
}

impl Slot {
    fn new(name: &'static str) -> Self {
        Self { name, current: None, previous: None }
    }

    pub fn load(&self) -> Option<Vec<u8>> {
        let read = |text: &Option<Vec<u8>>| decode(self.name, text.as_deref()?).ok().map(<[u8]>::to_vec);
        read(&self.current).or_else(|| read(&self.previous))
    }

    pub fn save(&mut self, body: &[u8]) {
        self.previous = self.current.replace(encode(self.name, body));
    }

    fn is_current(&self) -> bool {
        self.current.as_deref().is_some_and(|text| decode(self.name, text).is_ok())
    }
}

/// Where the product's keeper puts the text, on its way into a slot.
#[derive(Default, Debug)]
struct Tray {
    text: Option<Vec<u8>>,
    fails: bool,
}

impl Shelf for Tray {
    fn save<T: Text + ?Sized>(&mut self, text: &T, _sync: bool) -> std::io::Result<()> {
        if self.fails {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        text.write_to(self.text.insert(Vec::new()))
    }
}

impl Kept {
    pub fn acks(&self) -> HashMap<Fid, u64> {
        self.acks.load().map(|text| acks::parse(&text).collect()).unwrap_or_default()
    }

    pub fn save_acks(&mut self, offsets: impl Iterator<Item = (Fid, u64)>) {
        self.acks.save(&acks::text(offsets));
    }

    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let mut checkpoint = Checkpoint::parse(&self.files.load()?).0;
        if !self.files.is_current() {
            checkpoint.forget_unread();
        }
        Some(checkpoint)
    }
}

/// What a follower would keep now.
pub fn checkpoint_of<D: Disk>(follower: &Follower<D>) -> Checkpoint {
    let mut text = Vec::new();
    follower.checkpoint().write_to(&mut text).unwrap();
    Checkpoint::parse(&text).0
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
        most_open: usize::MAX,
        partial_after: None,
        follow_links: Vec::new(),
        reclaim: None,
        state: None,
        chunk: 4096,
    }
}

/// One run of it.
pub struct Run {
    pub follower: Follower<Unpacking<Fake>>,
    /// What has been read and not been written to stdout.
    pub out: Vec<u8>,
    pub said: Vec<String>,
    /// What other pipelines need.
    pub needs: Needs,
    keeper: Keeper<Tray>,
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
        let mut follower = Follower::new(Unpacking(disk.clone()), plan, boot.to_owned(), name);
        match kept.checkpoint() {
            Some(checkpoint) => follower.resume(checkpoint, &kept.acks(), Duration::ZERO),
            None if kept.files.current.is_some() => follower.resume_from_nothing(),
            None => {}
        }
        let keeper = Keeper::new(Tray::default(), "/state".to_owned());
        let started = disk.0.borrow().now;
        Self {
            follower,
            out: Vec::new(),
            said: Vec::new(),
            needs: Needs::default(),
            keeper,
            started,
            asked_to_drain: None,
        }
    }

    fn now(&self) -> Duration {
        self.follower.disk().0.0.borrow().now.saturating_sub(self.started)
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
        self.follower.mark(now, &mut self.out);
        self.said.append(&mut self.follower.messages());
        is_more
    }

    /// Keeps the checkpoint if it is due, as the program does: to be called before anything of `out` leaves.
    pub fn keep(&mut self, kept: &mut Kept, is_end: bool) {
        let now = self.now();
        checkpoint::keep(&mut self.follower, &mut self.keeper, now, is_end);
        if let Some(text) = self.keeper.shelf_mut().text.take() {
            kept.files.save(&text);
        }
    }

    /// From now on the checkpoint can be saved, or not.
    pub fn fails_to_save(&mut self, fails: bool) {
        self.keeper.shelf_mut().fails = fails;
    }

    /// Hears what has been acknowledged, as the program does now and then.
    pub fn hear(&mut self, kept: &Kept) {
        let now = self.now();
        self.follower.acknowledge(&kept.acks(), &self.needs, now);
        self.said.append(&mut self.follower.messages());
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

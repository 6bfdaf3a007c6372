//! What is known of files: every generation by its fid and by its inode, and for each watched path the order of its
//! generations by age. A file is taken for a known generation, or not, here and nowhere else.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::Urgency;
use logline::state::files::{Entry, Inode};
use memchr::memrchr;

use crate::context::Context;
use crate::disk::{Disk, Stat, or_here};
use crate::ends;
use crate::file::{Generation, Owed, next_content};
use crate::fingerprint::{Fingerprint, HEAD, TakenBack, read_full};
use crate::gzip::is_gzip;
use crate::hole;
use crate::plan::{First, Plan};
use crate::queue::Queue;

/// Where a new generation belongs among those of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// It is the youngest.
    Youngest,
    /// It is just older than this one.
    JustBefore(Fid),
}

/// Where the reading of a file begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The first offset that is to be emitted.
    offset: u64,
    /// What stands from here on up to `offset` was delivered in an earlier boot.
    since: u64,
    /// The offset up to which its disk space was given back.
    freed: u64,
    /// The generation whose content goes on there.
    follows: Option<Fid>,
}

impl Start {
    /// Begins at `offset`; what stands in front of it was never delivered, or is not known to be what was delivered.
    pub fn at(offset: u64) -> Self {
        Self { offset, since: offset, freed: 0, follows: None }
    }

    /// The content of another generation goes on at `offset`.
    pub fn of_successor(of: Fid, offset: u64) -> Self {
        Self { follows: Some(of), ..Self::at(offset) }
    }
}

/// A copy of a known generation.
#[derive(Clone, Copy, Debug)]
struct Copied {
    /// Its size and the time of its last change.
    as_compared: (u64, i64),
    /// Of which generation, and in what form.
    of: Fid,
    form: Form,
}

/// How a file holds what another one held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Byte for byte.
    Plain,
    /// Compressed.
    Packed,
}

/// All known generations.
#[derive(Debug)]
pub struct Files<F> {
    known: BTreeMap<Fid, Box<Generation<F>>>,
    by_inode: HashMap<Inode, Fid>,
    /// The generations of each path, oldest first.
    chains: HashMap<Rc<Path>, Box<[Fid]>>,
    /// How many have become known in this run.
    count_ever: u32,
    /// How many were open when the look began, and were opened since.
    open: usize,
    /// The rotated files that wait for their turn.
    queue: Queue,
    /// The first of the files that wait in this look until others are closed for them.
    deferred: Option<PathBuf>,
    /// That has been said.
    has_told_deferred: bool,
    /// Those that were opened since the last turn.
    opened: Vec<Fid>,
    /// Copies of what is known, compressed ones too, as they were when they were compared.
    copies: HashMap<Inode, Copied>,
    /// Entries whose identities must not go on (they are of another boot, or their content went on as another generation),
    /// by which files are known again for a while, and how far each was acknowledged.
    to_rebase: Vec<(Entry, u64)>,
    /// The paths whose files were truncated or rewritten, or lie beside a copy of themselves.
    rewritten: BTreeSet<PathBuf>,
    /// When the run took up what an earlier one had left.
    resumed_at: std::time::Duration,
    /// The id of this boot.
    boot: String,
    /// Gives a new fid at each call.
    new_fid: fn() -> io::Result<Fid>,
}

impl<F> Files<F> {
    /// Nothing is known yet.
    pub fn new(boot: String, new_fid: fn() -> io::Result<Fid>) -> Self {
        Self {
            known: BTreeMap::new(),
            by_inode: HashMap::new(),
            chains: HashMap::new(),
            count_ever: 0,
            open: 0,
            queue: Queue::default(),
            deferred: None,
            has_told_deferred: false,
            opened: Vec::new(),
            copies: HashMap::new(),
            to_rebase: Vec::new(),
            rewritten: BTreeSet::new(),
            resumed_at: std::time::Duration::ZERO,
            boot,
            new_fid,
        }
    }

    /// The id of this boot.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// A generation.
    pub fn get(&self, fid: Fid) -> Option<&Generation<F>> {
        self.known.get(&fid).map(Box::as_ref)
    }

    /// A generation, to be read or changed.
    pub fn get_mut(&mut self, fid: Fid) -> Option<&mut Generation<F>> {
        self.known.get_mut(&fid).map(Box::as_mut)
    }

    /// All of them, in the order of their fids, which means nothing.
    pub fn iter(&self) -> impl Iterator<Item = &Generation<F>> {
        self.known.values().map(Box::as_ref)
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Generation<F>> {
        self.known.values_mut().map(Box::as_mut)
    }

    /// Those for which `which` holds.
    pub fn which(&self, which: impl Fn(&Generation<F>) -> bool) -> Vec<Fid> {
        self.iter().filter(|generation| which(generation)).map(Generation::fid).collect()
    }

    /// The same, of each path oldest first.
    pub fn by_age(&self, which: impl Fn(&Generation<F>) -> bool) -> Vec<Fid> {
        self.iter_by_age().filter(|generation| which(generation)).map(Generation::fid).collect()
    }

    /// All of them, of each path oldest first.
    pub fn iter_by_age(&self) -> impl Iterator<Item = &Generation<F>> {
        let mut chains: Vec<(&Rc<Path>, &Box<[Fid]>)> = self.chains.iter().collect();
        // By their bytes: paths are compared part by part, which takes ten times as long.
        chains.sort_unstable_by_key(|(path, _)| path.as_os_str());
        chains.into_iter().flat_map(|(_, fids)| fids).filter_map(|fid| self.get(*fid))
    }

    /// The generation whose content lies there.
    pub fn at(&self, inode: Inode) -> Option<Fid> {
        self.by_inode.get(&inode).copied()
    }

    /// The generations of a path, oldest first.
    pub fn of_path(&self, path: &Path) -> &[Fid] {
        self.chains.get(path).map_or(&[], Box::as_ref)
    }

    /// When the oldest file of the path that is known was made: what was changed before was there before logtail came.
    pub fn followed_since(&self, path: &Path) -> Option<i64> {
        self.of_path(path).iter().filter_map(|fid| self.get(*fid)?.born()).min()
    }

    /// Those of the same path that are older, oldest first.
    pub fn older_than(&self, fid: Fid) -> &[Fid] {
        let Some(generation) = self.get(fid) else { return &[] };
        let chain = self.of_path(generation.path());
        let end = chain.iter().position(|other| *other == fid).unwrap_or(0);
        &chain[..end]
    }

    /// Files of the path are truncated or rewritten, or copied in order to be: from now on that is expected at any time.
    pub fn is_rewritten_in_place(&mut self, path: &Path) {
        if !self.rewritten.contains(path) {
            self.rewritten.insert(path.to_owned());
        }
    }

    /// Whether a file of the path was ever seen truncated or rewritten, or beside a copy of it.
    pub fn was_rewritten_in_place(&self, path: &Path) -> bool {
        self.rewritten.contains(path)
    }

    /// Those paths, as far as anything is known of them; sorted.
    pub fn rewritten_paths(&self) -> Vec<PathBuf> {
        self.rewritten.iter().filter(|path| self.knows(path)).cloned().collect()
    }

    /// All paths of which a generation is known, in no order.
    pub fn paths(&self) -> impl Iterator<Item = &Rc<Path>> {
        self.chains.keys()
    }

    /// Whether anything is known of the path.
    pub fn knows(&self, path: &Path) -> bool {
        self.chains.contains_key(path)
    }

    /// Those that were opened since the last call, with their ranks.
    pub fn take_opened(&mut self) -> Vec<(u32, Fid)> {
        let opened = std::mem::take(&mut self.opened);
        let still_open = |fid: &Fid| self.get(*fid).filter(|known| known.is_open());
        opened.iter().filter_map(still_open).map(|known| (known.rank(), known.fid())).collect()
    }

    /// How many are known, and how many of them are open.
    pub fn count(&self) -> (usize, usize) {
        (self.known.len(), self.iter().filter(|generation| generation.is_open()).count())
    }

    /// Whether the inode is a copy of what is known, and looks as it did when that was found out.
    pub fn is_known_copy(&self, stat: &Stat) -> bool {
        self.copies.get(&stat.inode).is_some_and(|copied| copied.as_compared == (stat.size, stat.modified))
    }

    /// The generation that is not among the `seen` any more and of which the inode is the copy, unchanged since that was found
    /// out, and in what form: if it is compressed, one that is closed, else one that has been read to its end.
    pub fn outlived(&self, stat: &Stat, seen: &BTreeSet<Inode>) -> Option<(Fid, Form)> {
        let copied = self.copies.get(&stat.inode).filter(|_| self.is_known_copy(stat))?;
        let original = self.get(copied.of).filter(|known| !seen.contains(&known.inode()))?;
        let is_over = if copied.form == Form::Packed { !original.is_open() } else { original.is_finished() };
        is_over.then_some((copied.of, copied.form))
    }

    /// The inode is a copy of the generation.
    pub fn remember_copy(&mut self, stat: &Stat, of: Fid, form: Form) {
        self.copies.insert(stat.inode, Copied { as_compared: (stat.size, stat.modified), of, form });
    }

    /// Whether one file more may be open.
    pub fn has_room(&self, plan: &Plan) -> bool {
        self.open < plan.most_open
    }

    /// The file waits until others are closed for it.
    pub fn defer(&mut self, path: &Path) {
        self.deferred.get_or_insert_with(|| path.to_owned());
    }

    /// Whether a rotated file may be opened; else it is to be set aside until others have been read.
    pub fn takes_turn(&mut self, plan: &Plan, fid: Fid) -> bool {
        self.queue.takes_turn(fid, plan.open_limit)
    }

    /// Whether the file is not to be read yet, for an older one of its path waits for its turn.
    pub fn must_wait(&self, fid: Fid) -> bool {
        self.queue.moves() && self.has_waiting_elder(fid)
    }

    fn has_waiting_elder(&self, fid: Fid) -> bool {
        self.older_than(fid).iter().any(|older| self.queue.waits(*older))
    }

    /// Whether any file waits that a look could open, or until others are closed for it.
    pub fn has_deferred(&self) -> bool {
        self.deferred.is_some() || self.queue.is_to_be_looked_at()
    }

    /// The path, in the memory of those generations that are known of it.
    fn shared(&self, path: &Path) -> Rc<Path> {
        self.chains.get_key_value(path).map_or_else(|| Rc::from(path), |(path, _)| Rc::clone(path))
    }

    fn was_opened(&mut self, fid: Fid) {
        self.opened.push(fid);
        self.open += 1;
    }

    fn insert(&mut self, mut generation: Generation<F>, age: Age) -> Fid {
        generation.ranks(self.count_ever);
        self.count_ever = self.count_ever.saturating_add(1);
        let fid = generation.fid();
        let held = self.chains.entry(Rc::clone(generation.shared_path())).or_default();
        let mut chain = std::mem::take(held).into_vec();
        let at = match age {
            Age::Youngest => chain.len(),
            Age::JustBefore(younger) => chain.iter().position(|other| *other == younger).unwrap_or(chain.len()),
        };
        chain.insert(at, fid);
        *held = chain.into_boxed_slice();
        if generation.inode() != Inode::NOWHERE {
            self.by_inode.insert(generation.inode(), fid);
        }
        self.known.insert(fid, Box::new(generation));
        fid
    }

    fn remove(&mut self, fid: Fid) -> Option<Generation<F>> {
        let generation = *self.known.remove(&fid)?;
        self.release(generation.inode(), fid);
        if let Some(held) = self.chains.get_mut(generation.path()) {
            let mut chain = std::mem::take(held).into_vec();
            chain.retain(|other| *other != fid);
            *held = chain.into_boxed_slice();
            if held.is_empty() {
                self.chains.remove(generation.path());
            }
        }
        Some(generation)
    }

    /// The generation lies there no more.
    fn release(&mut self, inode: Inode, fid: Fid) {
        if self.by_inode.get(&inode) == Some(&fid) {
            self.by_inode.remove(&inode);
        }
    }
}

impl<F> Files<F> {
    /// Takes up what an earlier run has left: each generation goes on where `acks` says, or at its start.
    pub fn resume<D: Disk<File = F>>(
        &mut self,
        entries: Vec<Entry>,
        boot: &str,
        acks: &HashMap<Fid, u64>,
        context: &mut Context<'_, D>,
    ) {
        // A boot whose id cannot be read may be another one.
        let is_same_boot = boot == self.boot && !boot.is_empty();
        self.resumed_at = context.now;
        let successors = successors_of(&entries);
        // By those who are to emit it: what is owed of their predecessors, and those themselves.
        let mut owed: HashMap<Fid, (Owed, Vec<Generation<F>>)> = HashMap::new();
        let mut left = entries;
        left.reverse();
        while let Some(mut entry) = left.pop() {
            if left.len().is_multiple_of(1024) {
                // What is taken over is not to take its memory twice.
                left.shrink_to_fit();
            }
            let ack = acks.get(&entry.fid).copied().unwrap_or(entry.start).max(entry.start);
            if let Some((successor, start)) = successors.get(&entry.fid) {
                // Behind the start of its successor nothing is its own any more.
                let end = entry.end.map_or(*start, |end| end.min(*start));
                if ack < end {
                    let path = self.shared(&entry.path);
                    let mut generation = Generation::from_entry(&entry, path, ack, context.now);
                    generation.leave_content(*successor, Some(end), context.now);
                    let (owed, of) = owed.entry(*successor).or_insert_with(|| (Owed::from(ack), Vec::new()));
                    owed.add(entry.fid, end, &entry.cuts);
                    of.push(generation);
                }
                continue;
            }
            let owed = owed.remove(&entry.fid);
            if !is_same_boot {
                let from = owed.map_or(ack, |(owed, _)| owed.from);
                entry.start = entry.start.min(from);
                self.to_rebase.push((entry, from));
            } else if entry.marker.offset < ack && entry.head.length < ack.min(HEAD as u64) {
                // An older copy of the state: it cannot tell whether the file is still what was delivered.
                context.report.say(format!(
                    "{}: the state is older than what was delivered of it, it is read again from its head",
                    entry.path.display()
                ));
            } else {
                let path = self.shared(&entry.path);
                let mut generation = Generation::from_entry(&entry, path, ack, context.now);
                if let Some((owed, of)) = owed {
                    generation.owes(owed);
                    for before in of {
                        self.insert(before, Age::Youngest);
                    }
                }
                self.insert(generation, Age::Youngest);
            }
        }
    }

    /// Starts to read a file that is ours, from `start` on. `None` if it cannot be read.
    pub fn begin<D: Disk<File = F>>(
        &mut self,
        context: &mut Context<'_, D>,
        path: &Path,
        file: F,
        stat: &Stat,
        start: Start,
        age: Age,
    ) -> Option<Fid> {
        let owed = start.follows.and_then(|before| self.get(before)?.owed_before(start.offset));
        let left_at = owed.as_ref().map(|_| start.offset);
        let started = (self.new_fid)().and_then(|fid| {
            let mut generation = Generation::new(fid, self.shared(path), stat.inode, start.offset, context.now);
            generation.open_at(context.disk, file, stat, start.offset, &context.reading())?;
            if let Some(owed) = owed {
                generation.goes_back_to(context.disk, owed, stat, &context.reading())?;
            }
            if start.since < start.offset && context.plan.reclaim.is_some() {
                generation.goes_on_with(start.since, start.freed);
            }
            Ok(generation)
        });
        match started {
            Ok(generation) => {
                context.report.must_save(Urgency::SyncedBeforeOutput);
                self.was_opened(generation.fid());
                if let Some(before) = start.follows {
                    self.leave_content(context, before, generation.fid(), left_at);
                }
                Some(self.insert(generation, age))
            }
            Err(error) => {
                context.report.complain(path, cause(&error));
                None
            }
        }
    }

    /// Where the reading of a file begins of which no generation is known.
    pub fn start_of<D: Disk<File = F>>(
        &mut self,
        context: &mut Context<'_, D>,
        path: &Path,
        file: &F,
        stat: &Stat,
        is_first_look: bool,
    ) -> io::Result<Start> {
        if let Some(start) = self.start_after_restart(context.disk, path, file, stat)? {
            return Ok(start);
        }
        if let Some((before, start)) = self.predecessor(context, path, file, stat)? {
            return Ok(Start::of_successor(before, start));
        }
        let offset = match context.plan.first {
            _ if !is_first_look => 0,
            First::Head => 0,
            First::LastLines(count) => ends::start_of_last_lines(context.disk, file, stat.size, count)?,
            First::FromLine(number) => ends::start_of_line(context.disk, file, number)?,
        };
        Ok(Start::at(offset))
    }

    /// After a restart a file whose identities must not go on is known by path and inode, or inode, or path and the inode's
    /// number on another device, or by its content where it is a longer copy in the place of the original; it goes on
    /// where it was acknowledged, or at the last sample that matches: bytes may have been lost, and others may have been
    /// written in their place.
    fn start_after_restart<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        path: &Path,
        file: &F,
        stat: &Stat,
    ) -> io::Result<Option<Start>> {
        let matches = |entry: &Entry, strict: u8| match strict {
            0 => entry.path == path && entry.inode == stat.inode && !is_born_again(disk, entry.born, file),
            1 => entry.inode == stat.inode && !is_born_again(disk, entry.born, file),
            _ => {
                entry.inode.number == stat.inode.number
                    && entry.inode.device != stat.inode.device
                    && (entry.path == path || entry.head.length > 0)
            }
        };
        for strict in 0..3 {
            for index in 0..self.to_rebase.len() {
                let (entry, ack) = &self.to_rebase[index];
                if !matches(entry, strict) {
                    continue;
                }
                let print = Fingerprint::from_entry(entry);
                if !print.begins(disk, file)? {
                    continue;
                }
                let offset = go_on_at(disk, &print, file, stat.size, entry.start, *ack)?;
                let start = if offset < entry.freed {
                    Start::at(behind_hole(disk, file, entry)?.unwrap_or(offset))
                } else {
                    // All samples stand that lie in front of it.
                    Start { since: entry.since.min(offset), freed: entry.freed, ..Start::at(offset) }
                };
                self.to_rebase.remove(index);
                return Ok(Some(start));
            }
        }
        for (index, (entry, ack)) in self.to_rebase.iter().enumerate().rev() {
            let print = Fingerprint::from_entry(entry);
            if entry.path == path && is_longer_copy(disk, &print, entry.inode, path, file, stat.size)? {
                let start = Start::at(*ack);
                self.to_rebase.remove(index);
                return Ok(Some(start));
            }
        }
        Ok(None)
    }

    /// Whether the file, as it is, was done before anyone looked: so says an entry from another boot, or what is known of
    /// the same inode number on another device (a volume that was mounted anew).
    pub fn was_left_out<D: Disk<File = F>>(&self, disk: &D, file: &F, stat: &Stat) -> bool {
        let is_it = |number: u64, start: u64, end: Option<u64>| {
            number == stat.inode.number && (start, end) == (stat.size, Some(stat.size))
        };
        let ends = |print: &Fingerprint| print.ends(disk, file).unwrap_or(false);
        self.to_rebase.iter().any(|(entry, _)| {
            is_it(entry.inode.number, entry.start, entry.end) && ends(&Fingerprint::from_entry(entry))
        }) || self.iter().any(|known| is_it(known.inode().number, known.start(), known.end()) && ends(known.print()))
    }

    /// The generation of this path whose content goes on in a file that is not known, and where:
    ///
    /// - the same inode number on another device (a volume that was mounted anew), what was known of it lying nowhere; or
    /// - a longer copy (as rsync and editors make it), the original having neither a name nor a writer, and having been
    ///   read to its end; or that was made while the original was not open, and lies in its place (a volume that was
    ///   copied while logtail was down). A copy of the same length cannot be told from a report that is written again
    ///   with the same bytes, and is a new generation.
    fn predecessor<D: Disk<File = F>>(
        &self,
        context: &Context<'_, D>,
        path: &Path,
        file: &F,
        stat: &Stat,
    ) -> io::Result<Option<(Fid, u64)>> {
        // Of copies of copies the youngest holds most.
        for known in self.of_path(path).iter().rev().filter_map(|fid| self.get(*fid)) {
            let is_moved = !known.is_open()
                && known.inode().number == stat.inode.number
                && known.inode().device != stat.inode.device
                && !known.is_blank();
            if is_moved && known.print().begins(context.disk, file)? {
                let (end, first) = (known.end().unwrap_or(known.offset()), known.start());
                let start = go_on_at(context.disk, known.print(), file, stat.size, first, end)?;
                return Ok(Some((known.fid(), start)));
            }
            let is_closed = !known.is_open() && known.inode() != stat.inode;
            if is_closed
                && is_longer_copy(context.disk, known.print(), known.inode(), path, file, stat.size)?
                && !self.begins_as_another(context.disk, known, file)?
            {
                return Ok(Some((known.fid(), known.end().unwrap_or(known.offset()))));
            }
            let is_whole =
                known.can_doze() && known.print().head().length == HEAD as u64 && stat.size > known.scanned();
            if is_whole && let Some(original) = known.file() {
                let is_gone = context.disk.stat_open(original)?.names == 0;
                let is_free = context.disk.has_writer(original) != Some(true);
                let stands = is_gone && is_free && known.print().stands(context.disk, file)?;
                if stands && !self.begins_as_another(context.disk, known, file)? {
                    return Ok(Some((known.fid(), known.offset())));
                }
            }
        }
        Ok(None)
    }

    /// Whether another generation of its path begins as the generation and the file do, and goes on otherwise only behind all
    /// that was read of the generation: programs may print more than a KiB at each start, and that may be all of it.
    pub fn begins_as_another<D: Disk<File = F>>(&self, disk: &D, known: &Generation<F>, file: &F) -> io::Result<bool> {
        let mut first = [0; HEAD];
        let count = read_full(disk, file, &mut first, 0)?;
        for other in self.of_path(known.path()).iter().filter_map(|fid| self.get(*fid)) {
            let print = other.print();
            let begins_so = print.head().length == HEAD as u64 && print.begins_with(&first[..count]);
            let may_be_all = other.fid() != known.fid()
                && begins_so
                && !print.stands(disk, file)?
                && !print.parts_before(disk, file, known.print().marker().offset)?;
            if may_be_all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The inode numbers of entries whose identities must not go on, and that were not found yet.
    pub fn awaited(&self) -> HashSet<u64> {
        self.to_rebase.iter().map(|(entry, _)| entry.inode.number).collect()
    }

    /// The entry, not found yet, whose file this may be: its watched path, and when it was made.
    pub fn awaits<D: Disk<File = F>>(&self, disk: &D, path: &Path, stat: &Stat) -> Option<(PathBuf, Option<i64>)> {
        let file = disk.open_itself(path).ok()?;
        let is_it = |entry: &Entry| {
            entry.inode.number == stat.inode.number
                && entry.head.length > 0
                && Fingerprint::from_entry(entry).begins(disk, &file).unwrap_or(false)
        };
        let (entry, _) = self.to_rebase.iter().find(|(entry, _)| is_it(entry))?;
        Some((entry.path.clone(), entry.born))
    }

    /// A known file has a name; it may be closed, or away, and then it is taken up again if it goes on. One that `is_rotated`
    /// waits for its turn where too many are open. If the inode holds something else by now it is known no more.
    pub fn revisit<D: Disk<File = F>>(
        &mut self,
        context: &mut Context<'_, D>,
        fid: Fid,
        path: &Path,
        stat: &Stat,
        is_rotated: bool,
    ) {
        let Some(generation) = self.get_mut(fid) else { return };
        generation.was_seen(context.now);
        generation.lies_at(path);
        generation.was_looked_at(stat);
        if generation.is_open() || generation.is_as_left(stat) || generation.is_as_read(stat) {
            return;
        }
        let Ok(file) = context.disk.open(path) else { return };
        let Ok(stat) = context.disk.stat_open(&file) else { return };
        if stat.inode != generation.inode() {
            return;
        }
        let reached = generation.read_to();
        let same = |generation: &Generation<F>, file: &F, size: u64| {
            if size < reached || is_born_again(context.disk, generation.born(), file) {
                return Ok(false);
            }
            generation.known_by().stands(context.disk, file)
        };
        let (mut file, mut size) = (file, stat.size);
        let mut is_same = match same(generation, &file, size) {
            Ok(is_same) => is_same,
            // What cannot be compared is judged in another look.
            Err(error) => return context.report.complain(path, cause(&error)),
        };
        if (!is_same || size > reached) && is_gzip(context.disk, &file) {
            let Ok(unpacked) = context.disk.unpacked(file) else { return };
            let Ok(stat) = context.disk.stat_open(&unpacked) else { return };
            // Entered as it is, it was done before anyone looked, and is so for ever.
            size = if is_same { reached } else { stat.size };
            is_same = is_same || same(generation, &unpacked, size).unwrap_or(true);
            file = unpacked;
        }
        if !is_same && generation.is_blank() && generation.path() != path {
            // Nothing of it can be lost: the number of its inode was given to another log.
            self.give_up(context, fid);
        } else if !is_same {
            self.go_on_otherwise(context, fid, file, &stat);
        } else if size == reached && generation.is_finished() {
            generation.was_left_as(&stat);
        } else if !self.has_room(context.plan) {
            self.defer(path);
        } else if is_rotated && !self.takes_turn(context.plan, fid) {
            self.queue.wait(fid);
        } else {
            self.reopen(context, fid, path, file, &Stat { size, ..stat });
        }
    }

    /// A closed file holds something else than was read. Its writer may have taken the last line back; else it was truncated
    /// or rewritten.
    fn go_on_otherwise<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid, file: F, stat: &Stat) {
        let Some(generation) = self.get(fid) else { return };
        let path = generation.path().to_owned();
        let is_other = is_born_again(context.disk, generation.born(), &file);
        if !is_other {
            self.is_rewritten_in_place(&path);
        }
        let Some(generation) = self.get(fid) else { return };
        match generation.print().taken_back(context.disk, &file, stat.size) {
            Ok(TakenBack::Now) if !is_other => {}
            Ok(TakenBack::To(line)) if !is_other => {
                self.begin(context, &path, file, stat, Start::of_successor(fid, line), Age::Youngest);
            }
            // The number of its inode has been given to another file: it was removed, or what it held lies elsewhere.
            Ok(_) if is_other => self.seek_content(context, fid),
            Ok(_) => self.lose_content(context, fid),
            Err(error) => context.report.complain(&path, cause(&error)),
        }
    }

    fn reopen<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid, path: &Path, file: F, stat: &Stat) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let print = generation.print().clone();
        let offset = generation.end().unwrap_or(generation.offset());
        let opened = generation.open_at(context.disk, file, stat, offset, &context.reading());
        context.report.must_save(Urgency::Lazy);
        self.opened.push(fid);
        self.open += 1;
        // What later reads are compared with has been read now: only if the old content is still there is it of that.
        let is_same = opened.and_then(|()| match generation.file() {
            Some(file) => print.stands(context.disk, file),
            None => Ok(true),
        });
        match is_same {
            Ok(true) => {}
            Ok(false) => {
                generation.set_aside();
                generation.restore(print);
                self.is_rewritten_in_place(path);
                self.lose_content(context, fid);
            }
            Err(error) => {
                generation.set_aside();
                generation.restore(print);
                context.report.complain(path, cause(&error));
            }
        }
    }

    /// The inode holds something else now. What has not been read may lie in a copy beside.
    pub fn lose_content<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid) {
        if let Some(generation) = self.get(fid).filter(|generation| !generation.is_finished()) {
            context.report.truncated(generation.path());
        }
        self.seek_content(context, fid);
    }

    /// The inode is no more that of the generation.
    fn seek_content<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let inode = generation.inode();
        generation.lose_content(context.now);
        context.report.must_save(Urgency::Lazy);
        self.release(inode, fid);
    }

    /// The content goes on as another generation. Where something is still `owed` of it, up to an offset, the successor emits
    /// that.
    fn leave_content<D: Disk<File = F>>(
        &mut self,
        context: &mut Context<'_, D>,
        fid: Fid,
        successor: Fid,
        owed: Option<u64>,
    ) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let inode = generation.inode();
        generation.leave_content(successor, owed, context.now);
        context.report.must_save(Urgency::SyncedBeforeOutput);
        self.release(inode, fid);
    }

    /// Whether the content of any generation went on as another: those are kept until they are acknowledged.
    pub fn has_left_contents(&self) -> bool {
        self.iter().any(|known| self.has_successor(known))
    }

    /// Whether the generation's content went on as another that is known.
    fn has_successor(&self, known: &Generation<F>) -> bool {
        known.successor().is_some_and(|successor| self.known.contains_key(&successor))
    }

    /// What is to be remembered of all, of each path oldest first. The content of one that went on as another lies where that
    /// lies.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.iter_by_age().map(|generation| {
            let successor = generation.successor().and_then(|successor| self.get(successor));
            Entry { inode: successor.unwrap_or(generation).inode(), ..generation.entry() }
        })
    }

    /// Drops the generations whose content went on as another and that are acknowledged to their ends.
    pub fn acknowledge(&mut self, acks: &HashMap<Fid, u64>) {
        let is_done =
            |known: &Generation<F>| self.has_successor(known) && known.end() <= acks.get(&known.fid()).copied();
        for fid in self.which(is_done) {
            self.remove(fid);
        }
    }

    /// The generation is not known any more: no byte of it was ever read, or it is not to be followed.
    pub fn give_up<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid) {
        self.remove(fid);
        context.report.must_save(Urgency::Lazy);
    }

    /// The rest of a generation that was truncated is read from its copy.
    pub fn adopt_copy<D: Disk<File = F>>(
        &mut self,
        context: &mut Context<'_, D>,
        fid: Fid,
        path: &Path,
        file: F,
        stat: &Stat,
    ) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let (before, reached) = (generation.inode(), generation.offset());
        // A copy shorter than what was read ends the generation where it ends itself.
        let offset = reached.min(stat.size);
        if generation.open_at(context.disk, file, stat, offset, &context.reading()).is_err() {
            generation.lose_content(context.now);
            self.release(before, fid);
            return;
        }
        context.report.must_save(Urgency::SyncedBeforeOutput);
        if reached < stat.size {
            context.report.say(format!(
                "{}: reading the rest of the old content from {}",
                generation.path().display(),
                path.display()
            ));
        }
        self.copies.remove(&stat.inode);
        self.opened.push(fid);
        self.open += 1;
        self.release(before, fid);
        self.by_inode.insert(stat.inode, fid);
        if !self.takes_turn(context.plan, fid) {
            self.set_aside(context, fid);
        }
    }

    /// A look begins. Where files have waited in the last one, those that are at their end and have been silent longest are
    /// closed for them, half of what may be open.
    pub fn make_room<D: Disk<File = F>>(&mut self, context: &Context<'_, D>, is_current: impl Fn(Fid) -> bool) {
        self.open = self.count().1;
        if self.deferred.take().is_some() {
            self.close_silent(context);
        }
        let open = self.iter().filter(|known| known.is_open() && !is_current(known.fid())).count();
        self.queue.look_begins(open, context.plan.open_limit);
    }

    /// A look is over. Of too many rotated files the oldest stay open; the others are closed until their turn comes.
    pub fn keep_turns<D: Disk<File = F>>(&mut self, context: &Context<'_, D>, is_current: impl Fn(Fid) -> bool) {
        let limit = context.plan.open_limit;
        let is_rotated = |known: &Generation<F>| known.is_open() && !is_current(known.fid());
        let by_age = self.by_age(|known| is_rotated(known) || self.queue.waits(known.fid()));
        for fid in by_age.iter().skip(limit) {
            self.set_aside(context, *fid);
        }
        // One that waits itself, or that a silent writer holds open, makes room for nobody.
        let is_read = |known: &Generation<F>| !known.is_read() && !self.has_waiting_elder(known.fid());
        let is_any_read = self.iter().any(|known| is_rotated(known) && is_read(known));
        self.queue.look_is_over(by_age, limit, is_any_read);
    }

    fn close_silent<D: Disk<File = F>>(&mut self, context: &Context<'_, D>) {
        let mut silent: Vec<(std::time::Duration, Fid)> =
            self.iter().filter(|known| known.can_doze()).map(|known| (known.grown_at(), known.fid())).collect();
        silent.sort_unstable();
        let excess = (self.open + context.plan.most_open / 2).saturating_sub(context.plan.most_open);
        for (_, fid) in silent.into_iter().take(excess) {
            if let Some(known) = self.get_mut(fid) {
                known.doze();
            }
        }
        self.open = self.count().1;
    }

    /// Says once that not all files can be open at a time.
    pub fn tell_deferred<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>) {
        if let Some(path) = &self.deferred
            && !std::mem::replace(&mut self.has_told_deferred, true)
        {
            context.report.say(format!(
                "{}: waits for its turn, and others may: {} files may be open at a time (ulimit -n)",
                path.display(),
                context.plan.most_open
            ));
        }
    }

    /// The file holds what a finished generation held, compressed or not: it is known as that.
    pub fn is_held_by<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid, file: &F, stat: &Stat) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let before = generation.inode();
        generation.is_held_by(stat.inode, context.disk.born(file), context.now);
        self.release(before, fid);
        self.copies.remove(&stat.inode);
        self.by_inode.insert(stat.inode, fid);
        context.report.must_save(Urgency::Lazy);
    }

    /// Closes a file until its turn comes; one without a name could not be found again and stays open.
    pub fn set_aside<D: Disk<File = F>>(&mut self, context: &Context<'_, D>, fid: Fid) {
        let Some(generation) = self.get_mut(fid) else { return };
        let Some(Ok(stat)) = generation.file().map(|file| context.disk.stat_open(file)) else { return };
        if stat.names > 0 && generation.note(context.disk, stat.size, &context.reading()).is_ok() {
            generation.set_aside();
            self.queue.wait(fid);
        }
    }

    /// Closes a file of which nothing more is expected, and appends its final watermark.
    pub fn finish<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, fid: Fid, out: &mut Vec<u8>) {
        let Some(generation) = self.known.get_mut(&fid) else { return };
        let inode = generation.inode();
        if let Some(fault) = generation.file().and_then(|file| context.disk.fault(file)) {
            context.report.cut_short(generation.path(), generation.offset(), &fault);
        }
        // Until now it was there, whatever its names were: what it goes on in is looked for from now on.
        generation.was_seen(context.now);
        generation.finish(context.disk, context.plan.shape, out);
        self.queue.was_finished();
        if generation.inode() != inode {
            self.release(inode, fid);
        }
        context.report.must_save(Urgency::Lazy);
    }

    /// Drops what has been gone for long enough; what was not read of it is a gap. `is_replaced` tells whether a path shows
    /// another generation by now.
    pub fn forget<D: Disk<File = F>>(&mut self, context: &mut Context<'_, D>, is_replaced: impl Fn(&Path) -> bool) {
        let after = context.plan.forget_after;
        let gone = self.which(|generation| {
            !generation.is_open() && context.now >= generation.seen_at() + after && !self.has_successor(generation)
        });
        let mut sight = Sight::default();
        for fid in gone {
            let could_be_seen = self.get(fid).is_some_and(|generation| {
                generation.inode() == Inode::NOWHERE || sight.reaches(context.disk, self, generation)
            });
            if !could_be_seen {
                continue;
            }
            let Some(generation) = self.remove(fid) else { continue };
            context.report.must_save(Urgency::Lazy);
            if !generation.is_finished() && (generation.unread() > 0 || is_replaced(generation.path())) {
                context.report.gap(generation.path(), generation.offset(), generation.unread());
            }
        }
        if context.now >= self.resumed_at + after {
            for (entry, ack) in std::mem::take(&mut self.to_rebase) {
                context.report.must_save(Urgency::Lazy);
                let unread = entry.read_to().saturating_sub(ack);
                if unread > 0 {
                    context.report.gap(&entry.path, ack, unread);
                }
            }
        }
    }
}

/// Of the entries whose content went on as another: the last of those that came behind it, and where the first of them begins.
fn successors_of(entries: &[Entry]) -> HashMap<Fid, (Fid, u64)> {
    let links = entries.iter().filter(|entry| entry.successor.is_some()).count();
    if links == 0 {
        return HashMap::new();
    }
    let starts: HashMap<Fid, u64> = entries.iter().map(|entry| (entry.fid, entry.start)).collect();
    let mut successors: HashMap<Fid, (Fid, u64)> = HashMap::with_capacity(links);
    for entry in entries.iter().rev() {
        let Some(next) = entry.successor else { continue };
        let Some(start) = starts.get(&next) else { continue };
        let (last, first) = successors.get(&next).copied().unwrap_or((next, *start));
        successors.insert(entry.fid, (last, first.min(*start)));
    }
    successors
}

/// Whether the file was made anew with the number of an inode that was made at `born`, and perhaps with the same bytes.
fn is_born_again<D: Disk>(disk: &D, born: Option<i64>, file: &D::File) -> bool {
    born.is_some_and(|born| disk.born(file).is_some_and(|now| now != born))
}

/// Where a file of `size` bytes goes on that was acknowledged up to `ack`, if its identities must not go on: there, or at the
/// last sample that matches, or at `first`, always at the beginning of a line.
fn go_on_at<D: Disk>(
    disk: &D,
    print: &Fingerprint,
    file: &D::File,
    size: u64,
    first: u64,
    ack: u64,
) -> io::Result<u64> {
    let reached = print.holds_up_to(disk, file, size)?.unwrap_or(first);
    // A sample may stand in the middle of a line: what was read of it may have been lost, and be another now.
    let start = ack.min(reached);
    if start > size {
        return Ok(0);
    }
    let line = end_of_last_line(disk, file, start)?;
    // Where what stood in front of the first offset is another now, what stands at it was never meant.
    Ok(if reached < first { line } else { line.max(first) })
}

/// Whether `file`, which `path` shows, is a longer copy of the file that was not open while this was made, and that has
/// no name beside it any more: it begins with all that is known of that, which is more than a banner may be.
fn is_longer_copy<D: Disk>(
    disk: &D,
    original: &Fingerprint,
    inode: Inode,
    path: &Path,
    file: &D::File,
    size: u64,
) -> io::Result<bool> {
    let has_full_head = original.head().length == HEAD as u64 && original.marker().offset > HEAD as u64;
    if !has_full_head || size <= original.marker().offset || !original.stands(disk, file)? {
        return Ok(false);
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    let shows = |name: &OsString| disk.stat(&directory.join(name)).is_ok_and(|stat| stat.inode == inode);
    Ok(!disk.list(directory)?.iter().any(shows))
}

/// Where something stands in a file that has become shorter than what was said to be given back of it, all of which was
/// acknowledged: it was written since.
fn behind_hole<D: Disk>(disk: &D, file: &D::File, entry: &Entry) -> io::Result<Option<u64>> {
    next_content(disk, file, hole::first_offset(entry.since, hole::FIRST), &mut [0; 4096])
}

/// The end of the last whole line in the first `size` bytes of a file.
pub fn end_of_last_line<D: Disk>(disk: &D, file: &D::File, size: u64) -> io::Result<u64> {
    let mut block = vec![0; 4096];
    let mut end = size;
    while end > 0 {
        let from = end.saturating_sub(block.len() as u64);
        let length = usize::try_from(end - from).unwrap_or(block.len());
        let count = read_full(disk, file, &mut block[..length], from)?;
        if let Some(lf) = memrchr(b'\n', &block[..count]) {
            return Ok(from + lf as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// Which directories can be seen into in one look: a file is only gone if it would be seen were it there.
#[derive(Debug, Default)]
struct Sight {
    /// The nearest existing directory above a path and its device, if it can be read.
    seen: HashMap<PathBuf, Option<(PathBuf, u64)>>,
    /// The devices on which files below a directory were seen in this look.
    devices: HashMap<PathBuf, HashSet<u64>>,
}

impl Sight {
    /// Whether the generation's file would be seen if it were where it was: the nearest directory above it that exists can
    /// be read, and lies on the file's device, or on one on which other files below it were found again.
    fn reaches<D: Disk>(&mut self, disk: &D, files: &Files<D::File>, generation: &Generation<D::File>) -> bool {
        let path = generation.path();
        let above = self.seen.entry(path.parent().unwrap_or(Path::new("")).to_owned());
        let Some((directory, device)) = above.or_insert_with(|| nearest(disk, path)).clone() else { return false };
        device == generation.inode().device
            || self
                .devices
                .entry(directory)
                .or_insert_with_key(|directory| {
                    let below = files.iter().filter(|known| known.is_open() && known.path().starts_with(directory));
                    below.map(|known| known.inode().device).collect()
                })
                .contains(&device)
    }
}

/// The nearest directory above `path` that exists, and its device; `None` if it cannot be read, or its state not told.
fn nearest<D: Disk>(disk: &D, path: &Path) -> Option<(PathBuf, u64)> {
    let mut directory = path.parent()?;
    loop {
        let named = or_here(directory);
        match disk.stat(named) {
            Ok(stat) => return disk.list(named).is_ok().then(|| (directory.to_owned(), stat.inode.device)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => directory = directory.parent()?,
            Err(_) => return None,
        }
    }
}

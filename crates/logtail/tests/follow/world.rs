//! Applications that write and rotate on the fake disk at random, and the truth about what they wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::fake::{File, Store, Writer};
use crate::stage::packed;

/// How much must have been read of a file for a sample to prove that a compressed one goes on with it.
const PROOF: usize = logtail::fingerprint::HEAD + 64;

/// Numbers from a seed: the same seed, the same numbers (xorshift).
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % limit as u64).unwrap()
    }

    /// One time in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// How the logs are rotated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rotation {
    /// Renamed and removed.
    Rename,
    /// Copied and truncated, or just truncated.
    Truncate,
}

/// The content of a file between two truncations.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Content {
    pub bytes: Vec<u8>,
    /// Made by copying, not by writing.
    pub is_copy: bool,
    /// Whole lines in so many first bytes must arrive; `None`: all of it.
    pub owed: Option<usize>,
    /// It has no name any more, or its inode holds something else.
    pub is_gone: bool,
    /// It was made while logtail looked for the very first time.
    in_first_look: bool,
    /// How much of it is in a copy.
    copied: usize,
    /// It was written to after it had been compressed: a short one that was read further is not known in what is compressed,
    /// and comes twice.
    is_late: bool,
    /// It was written to while nobody read it, when it was so short that nothing proves what goes on with it: what is
    /// compressed of it may come twice.
    grew_unseen: bool,
    /// How long it was at the last two looks that saw all.
    seen: [usize; 2],
    /// Its inode, where it got a name of a form that had not been learnt: without an entry in the state nothing tells the
    /// next run whose it was.
    unlearnt: Option<u64>,
}

impl Content {
    /// What can still be read of it: where only a copy is left, compressed or not, what is in that.
    fn left(&self) -> &[u8] {
        let is_only_copy = self.copied > 0 && self.owed.is_some_and(|owed| owed <= self.copied);
        &self.bytes[..if is_only_copy { self.copied } else { self.bytes.len() }]
    }
}

/// The applications, and what each file that they made held.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct World {
    pub dice: Dice,
    pub contents: Vec<Content>,
    rotation: Rotation,
    apps: Vec<App>,
    number: u64,
    /// Each file begins with the same line.
    headers: bool,
    /// Older files are compressed.
    compresses: bool,
    pub longest: usize,
    /// All lines are equally long, and nothing but their beginnings tells them apart.
    pub is_alike: bool,
    /// So many steps more.
    left: usize,
    /// With so many directory reads the first look of all knows what lies beside.
    sighted_at: u64,
    /// It is being looked for the very first time.
    pub is_first_look: bool,
    /// No state has been kept yet: what is truncated before that was never followed.
    pub is_first: bool,
    /// Of which logs a form of names has been learnt, and kept.
    pub learnt: Vec<PathBuf>,
    /// What was done, for the reader of a failure.
    pub history: Option<Vec<String>>,
}

/// How rotation names the older files of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Naming {
    /// `a.1`, and all move on.
    Numbered,
    /// `a-20261001-07`.
    Dated,
    /// `a-2026-10-01T07.log` of `a.log`.
    DatedInside,
    /// `a-7.log` of `a.log`, and none moves: a form that has to be learnt.
    Learnt,
    /// `a-2026-10-02/a-7.log` of `a.log`: the directory has to be learnt too.
    Daily,
}

impl Naming {
    /// Whether logtail has to see such a name before it knows the next one.
    fn is_to_be_learnt(self) -> bool {
        matches!(self, Self::Learnt | Self::Daily)
    }
}

struct App {
    path: PathBuf,
    writer: Option<Writer>,
    /// Files it was rotated away from and still writes to.
    late: Vec<Writer>,
    rotations: u32,
    naming: Naming,
    copying: Option<Copying>,
}

struct Copying {
    path: PathBuf,
    from: Rc<File>,
    to: Writer,
    at: usize,
}

impl World {
    /// Where `learns`, there are names besides that have to be learnt.
    pub fn new(mut dice: Dice, rotation: Rotation, paths: &[&str], learns: bool) -> Self {
        let apps = paths.iter().map(|path| App {
            path: PathBuf::from(path),
            writer: None,
            late: Vec::new(),
            rotations: 0,
            naming: match (dice.below(4), Path::new(path).extension().is_some()) {
                (0, true) => Naming::DatedInside,
                (1, true) if learns && dice.one_in(2) => Naming::Daily,
                (1, true) if learns => Naming::Learnt,
                (0 | 1, _) => Naming::Numbered,
                _ => Naming::Dated,
            },
            copying: None,
        });
        let apps = apps.collect();
        let headers = dice.one_in(3);
        let compresses = dice.one_in(2);
        let longest = [8, 40, 200][dice.below(3)];
        Self {
            dice,
            contents: Vec::new(),
            rotation,
            apps,
            number: 0,
            headers,
            compresses,
            longest,
            is_alike: false,
            left: 200,
            sighted_at: 0,
            is_first_look: false,
            is_first: true,
            learnt: Vec::new(),
            history: None,
        }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(history) = &mut self.history {
            history.push(what());
        }
    }

    /// Something happens.
    pub fn step(&mut self, store: &mut Store) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let app = self.dice.below(self.apps.len());
        match (self.dice.below(20), self.rotation) {
            (9..=11, _) => self.write_part(store, app),
            (12 | 13, _) => self.write_late(store, app),
            (14 | 15, Rotation::Rename) => self.rename(store, app),
            (16, Rotation::Rename) if self.compresses && self.dice.one_in(2) => self.compress(store, app),
            (16, Rotation::Rename) => self.remove(store, app),
            (14 | 15, Rotation::Truncate) => self.copy(store, app),
            (16, Rotation::Truncate) => self.truncate(store, app),
            (17, _) => self.close(app),
            _ => self.write_line(store, app),
        }
    }

    fn open(&mut self, store: &mut Store, app: usize) {
        if self.apps[app].writer.is_some() {
            return;
        }
        let path = self.apps[app].path.clone();
        let writer = store.open(&path);
        if writer.file.generation.get() == usize::MAX {
            self.begin(&writer.file, false);
            self.tell(|| format!("create {} inode {}", path.display(), writer.file.number));
        }
        self.apps[app].writer = Some(writer);
        if self.headers {
            self.write(store, app, b"header\n");
        }
    }

    fn begin(&mut self, file: &File, is_copy: bool) {
        file.generation.set(self.contents.len());
        let in_first_look = self.is_first_look;
        self.contents.push(Content { is_copy, in_first_look, ..Content::default() });
    }

    fn write(&mut self, store: &Store, app: usize, text: &[u8]) {
        let Some(mut writer) = self.apps[app].writer.take() else { return };
        self.append(store, &mut writer, text);
        self.apps[app].writer = Some(writer);
    }

    fn append(&mut self, store: &Store, writer: &mut Writer, text: &[u8]) {
        writer.write(store, text);
        self.tell(|| {
            let length = writer.file.bytes.borrow().len();
            format!("write inode {} to {length}: {}", writer.file.number, shown(text))
        });
        let content = &mut self.contents[writer.file.generation.get()];
        content.grew_unseen |= writer.file.readers.get() == 0 && (1..=PROOF).contains(&content.bytes.len());
        content.bytes.extend_from_slice(text);
        content.is_late |= content.is_gone && content.copied > 0 && !content.is_copy;
        if writer.file.names.get() == 0 && writer.file.readers.get() == 0 {
            // Nobody can ever see it.
            content.owed.get_or_insert(0);
        }
    }

    /// One that a filter drops begins with `d`.
    fn line(&mut self) -> Vec<u8> {
        self.number += 1;
        let kind = if self.dice.one_in(4) { 'd' } else { 'k' };
        if self.is_alike {
            // Records of one application end in the same fields.
            return format!("{kind}{:08}:{}\n", self.number, "the same in all of them,".repeat(9)).into_bytes();
        }
        // Unlike that of any other line, so that no 64 bytes of a file stand elsewhere too.
        let mut padding = format!("{:x}.", self.number).repeat(self.longest);
        padding.truncate(self.dice.below(self.longest));
        format!("{kind}{}:{padding}\n", self.number).into_bytes()
    }

    fn write_line(&mut self, store: &mut Store, app: usize) {
        self.open(store, app);
        for _ in 0..=self.dice.below(3) {
            let line = if self.dice.one_in(10) { b"\n".to_vec() } else { self.line() };
            self.write(store, app, &line);
        }
    }

    fn write_part(&mut self, store: &mut Store, app: usize) {
        self.open(store, app);
        let line = self.line();
        let part = self.dice.below(line.len());
        self.write(store, app, &line[..part]);
        if self.dice.one_in(2) {
            self.write(store, app, &line[part..]);
        }
    }

    fn write_late(&mut self, store: &mut Store, app: usize) {
        if self.apps[app].late.is_empty() {
            return;
        }
        let which = self.dice.below(self.apps[app].late.len());
        let mut writer = self.apps[app].late.swap_remove(which);
        let line = self.line();
        self.append(store, &mut writer, &line);
        if !self.dice.one_in(3) {
            self.apps[app].late.push(writer);
        }
    }

    /// It ends, and begins anew later.
    fn close(&mut self, app: usize) {
        self.apps[app].writer = None;
        if self.dice.one_in(2) {
            self.apps[app].late.clear();
        }
    }

    /// Everything is closed.
    pub fn close_all(&mut self) {
        for app in &mut self.apps {
            app.writer = None;
            app.late.clear();
            app.copying = None;
        }
    }

    fn rotated(&mut self, store: &mut Store, app: usize) -> PathBuf {
        let path = self.apps[app].path.display().to_string();
        self.apps[app].rotations += 1;
        let rotations = self.apps[app].rotations;
        let (day, hour) = (1 + rotations / 24, rotations % 24);
        let stem = path.trim_end_matches(".log");
        match self.apps[app].naming {
            Naming::Numbered => {}
            Naming::Dated => return PathBuf::from(format!("{path}-202610{day:02}-{hour:02}")),
            Naming::DatedInside => return PathBuf::from(format!("{stem}-2026-10-{day:02}T{hour:02}.log")),
            Naming::Learnt => return PathBuf::from(format!("{stem}-{rotations}.log")),
            Naming::Daily => {
                let directory = PathBuf::from(format!("{stem}-2026-10-{:02}", 1 + rotations / 4));
                store.directory(&directory);
                let name = Path::new(stem).file_name().unwrap().display();
                return directory.join(format!("{name}-{rotations}.log"));
            }
        }
        let name = |number: u32| PathBuf::from(format!("{path}.{number}"));
        let packed = |number: u32| PathBuf::from(format!("{path}.{number}.gz"));
        let is_free = |number: &u32| !store.exists(&name(*number)) && !store.exists(&packed(*number));
        let first = (1..=u32::MAX).find(is_free).unwrap();
        for number in (1..first).rev() {
            let names: [&dyn Fn(u32) -> PathBuf; 2] = [&name, &packed];
            for name in names {
                store.rename(&name(number), &name(number + 1));
            }
            self.maybe_unlisted(store, &name(number + 1));
        }
        name(1)
    }

    /// A directory that is read during a rotation can miss a name.
    fn maybe_unlisted(&mut self, store: &mut Store, path: &Path) {
        if self.dice.one_in(4) {
            store.unlisted.insert(path.to_owned());
        }
    }

    fn rename(&mut self, store: &mut Store, app: usize) {
        let path = self.apps[app].path.clone();
        if !store.exists(&path) {
            return;
        }
        let to = self.rotated(store, app);
        store.rename(&path, &to);
        self.maybe_unlisted(store, &to);
        self.tell(|| format!("rename {} {}", path.display(), to.display()));
        if let Some(file) = store.file(&to) {
            let content = &mut self.contents[file.generation.get()];
            // Made and rotated within the first look, it may be seen as one of those that lay beside before.
            let is_unlearnt = self.apps[app].naming.is_to_be_learnt() && !self.learnt.contains(&path);
            let tells_nothing = is_unlearnt && file.readers.get() == 0;
            content.unlearnt = is_unlearnt.then_some(file.number);
            if tells_nothing || store.lists < self.sighted_at || (self.is_first_look && content.in_first_look) {
                content.owed = Some(0);
            }
        }
        if let Some(writer) = self.apps[app].writer.take()
            && self.dice.one_in(2)
        {
            self.apps[app].late.push(writer);
        }
        if !self.dice.one_in(3) {
            self.open(store, app);
        }
    }

    /// The log and its older files.
    fn beside(&self, store: &Store, app: usize) -> Vec<PathBuf> {
        let base = self.apps[app].path.display().to_string();
        let mut beside = store.files(Path::new("/log"));
        beside.retain(|name| name.display().to_string().starts_with(base.trim_end_matches(".log")));
        beside
    }

    /// All older files stay as they are.
    pub fn compress_nothing(&mut self) {
        self.compresses = false;
    }

    /// Compresses one of the older files, as a rotation does some time after.
    fn compress(&mut self, store: &mut Store, app: usize) {
        let mut beside = self.beside(store, app);
        beside.retain(|name| *name != self.apps[app].path && name.extension().is_none_or(|ending| ending != "gz"));
        if beside.is_empty() || self.is_first_look || self.is_first || store.lists < self.sighted_at {
            return;
        }
        let path = beside[self.dice.below(beside.len())].clone();
        let to = PathBuf::from(format!("{}.gz", path.display()));
        let file = store.file(&path).unwrap();
        let bytes = file.bytes.borrow().clone();
        let mut writer = store.open(&to);
        writer.file.generation.set(file.generation.get());
        writer.write(store, &packed(&bytes));
        drop(writer);
        store.remove(&path);
        self.tell(|| format!("compress {} inode {} to {} bytes of it", path.display(), file.number, bytes.len()));
        // The rest, if someone still writes to it, is only there as long as it is open.
        let content = &mut self.contents[file.generation.get()];
        (content.is_gone, content.copied) = (true, bytes.len());
        content.is_late |= content.grew_unseen;
        if file.readers.get() == 0 {
            content.owed = Some(content.owed.unwrap_or(usize::MAX).min(bytes.len()));
        }
    }

    fn remove(&mut self, store: &mut Store, app: usize) {
        // What has gone before it was seen under its new name teaches nothing.
        if self.apps[app].naming.is_to_be_learnt() {
            return;
        }
        let beside = self.beside(store, app);
        if beside.is_empty() || !self.dice.one_in(3) {
            return;
        }
        let path = beside[self.dice.below(beside.len())].clone();
        let file = store.file(&path).unwrap();
        store.remove(&path);
        self.tell(|| format!("remove {} inode {}", path.display(), file.number));
        let content = &mut self.contents[file.generation.get()];
        (content.is_gone, content.copied) = (true, 0);
        if file.readers.get() == 0 {
            content.owed.get_or_insert(0);
        }
        if path == self.apps[app].path
            && let Some(writer) = self.apps[app].writer.take()
            && self.dice.one_in(2)
        {
            self.apps[app].late.push(writer);
        }
    }

    /// Begins a copy, goes on with it, or truncates the copied file.
    fn copy(&mut self, store: &mut Store, app: usize) {
        let Some(mut copying) = self.apps[app].copying.take() else {
            let path = self.apps[app].path.clone();
            let Some(from) = store.file(&path) else { return };
            let to = self.rotated(store, app);
            let writer = store.open(&to);
            self.begin(&writer.file, true);
            self.tell(|| format!("copy {} to {} inode {}", path.display(), to.display(), writer.file.number));
            self.apps[app].copying = Some(Copying { path: to, from, to: writer, at: 0 });
            return;
        };
        let rest = copying.from.bytes.borrow().len().saturating_sub(copying.at);
        let count = if self.dice.one_in(2) { rest } else { self.dice.below(rest + 1) };
        let bytes = copying.from.bytes.borrow()[copying.at..copying.at + count].to_vec();
        copying.to.write(store, &bytes);
        self.contents[copying.to.file.generation.get()].bytes.extend_from_slice(&bytes);
        copying.at += count;
        self.tell(|| format!("copy {count} bytes more"));
        let is_whole = count == rest;
        if is_whole && !self.dice.one_in(4) {
            let path = self.apps[app].path.clone();
            self.tell(|| {
                format!("truncate {} copied up to {} into {}", path.display(), copying.at, copying.path.display())
            });
            self.empty(store, &path, copying.at);
        } else {
            self.apps[app].copying = Some(copying);
        }
    }

    /// Truncates what was not copied.
    fn truncate(&mut self, store: &mut Store, app: usize) {
        let path = self.apps[app].path.clone();
        if !store.exists(&path) || self.apps[app].copying.is_some() || !self.dice.one_in(3) {
            return;
        }
        self.tell(|| format!("truncate {}", path.display()));
        self.empty(store, &path, 0);
        if self.dice.one_in(2) {
            self.write_line(store, app);
        }
    }

    fn empty(&mut self, store: &mut Store, path: &Path, copied: usize) {
        let file = store.file(path).unwrap();
        let content = &mut self.contents[file.generation.get()];
        content.is_gone = true;
        content.copied = if self.is_first { 0 } else { copied };
        let copied = content.copied;
        content.owed = Some(content.owed.unwrap_or(usize::MAX).min(content.seen[1].max(copied)));
        store.truncate(path, 0);
        self.begin(&file, false);
    }

    /// A look has seen, and a turn read, all there was.
    pub fn seen(&mut self) {
        for content in &mut self.contents {
            content.seen = [content.bytes.len(), content.seen[0]];
        }
    }

    /// logtail has ended, and these inodes are in its state: what has gone is lost as far as it was not delivered and is in no
    /// copy.
    pub fn forgotten(&mut self, kept: &[u64]) {
        for content in &mut self.contents {
            content.seen = [0; 2];
            if content.unlearnt.take().is_some_and(|inode| !kept.contains(&inode)) {
                content.owed = Some(0);
            }
            if content.is_gone {
                content.owed = Some(content.owed.unwrap_or(usize::MAX).min(content.copied));
            }
        }
    }

    /// The first start with no state behind it: what has been rotated already is not its business.
    pub fn first_start(&mut self, store: &Store, globs: u64, is_followed: impl Fn(&Path) -> bool) {
        self.sighted_at = store.lists + globs + 1;
        self.is_first_look = true;
        let mut followed = vec![false; self.contents.len()];
        for path in store.files(Path::new("/log")) {
            let is_packed = path.extension().is_some_and(|ending| ending == "gz");
            if is_followed(&path)
                && !is_packed
                && let Some(file) = store.file(&path)
            {
                followed[file.generation.get()] = true;
            }
        }
        for (content, is_followed) in self.contents.iter_mut().zip(followed) {
            if !is_followed {
                content.owed = Some(0);
            }
        }
    }

    /// Of how many files the piece may be all that has arrived of a line, whose rest was truncated or removed.
    pub fn rests(&self, piece: &[u8]) -> usize {
        let is_part = |line: &[u8]| line.len() > piece.len() && line.windows(piece.len()).any(|part| part == piece);
        let may_end = |content: &&Content| content.owed.is_some() || self.may_be_copied_twice(content);
        let gone = self.contents.iter().filter(|content| !piece.is_empty() && may_end(content));
        gone.filter(|content| content.bytes.split(|byte| *byte == b'\n').any(is_part)).count()
    }

    /// In how many copies a line is cut that went on after they were made, and this is all they hold of it.
    pub fn cut_copies(&self, piece: &[u8]) -> usize {
        let is_cut = |content: &&Content| {
            let Some((copied, rest)) = content.bytes.split_at_checked(content.copied) else { return false };
            !rest.is_empty() && copied.rsplit(|byte| *byte == b'\n').next() == Some(piece)
        };
        self.contents.iter().filter(is_cut).count()
    }

    /// The machine goes down: everything is closed, and files may have lost what was written last.
    pub fn reboot(&mut self, store: &mut Store) {
        self.close_all();
        for path in store.files(Path::new("/log")) {
            let file = store.file(&path).unwrap();
            let content = &mut self.contents[file.generation.get()];
            let is_packed = path.extension().is_some_and(|ending| ending == "gz");
            if self.dice.one_in(2) && !content.is_copy && !is_packed {
                let size = content.bytes.len() - self.dice.below(content.bytes.len().min(300) + 1);
                let size = size.max(usize::try_from(file.synced.get()).unwrap());
                content.bytes.truncate(size);
                store.truncate(&path, size);
                if let Some(history) = &mut self.history {
                    history.push(format!("inode {} has only {size} bytes now", file.number));
                }
            }
        }
    }

    /// A file in which a byte outside its hole is not what was written.
    pub fn changed(&self, store: &Store) -> Option<PathBuf> {
        let is_changed = |path: &PathBuf| {
            let file = store.file(path).unwrap();
            let bytes = file.bytes.borrow();
            let written = self.contents[file.generation.get()].bytes.iter().enumerate();
            bytes.len() != written.len()
                || written.zip(&*bytes).any(|((at, a), b)| a != b && !file.is_punched(at as u64))
        };
        let is_plain = |path: &PathBuf| path.extension().is_none_or(|ending| ending != "gz");
        store.files(Path::new("/log")).into_iter().filter(is_plain).find(is_changed)
    }

    fn may_be_copied_twice(&self, content: &Content) -> bool {
        let begins = |other: &&Content| !other.bytes.is_empty() && content.bytes.starts_with(&other.bytes);
        let is_truncated = |other: &Content| other.is_gone && !other.is_copy && !std::ptr::eq(other, content);
        let mut beginnings = self.contents.iter().filter(begins);
        beginnings.clone().any(|other| other.is_copy) && beginnings.any(is_truncated)
    }

    /// Where a truncated file begins again with all that stood in front of one short line, that line may have been taken back
    /// by its writer, and what was copied of it before comes a second time.
    fn may_look_taken_back(&self, content: &Content) -> bool {
        const SHORT: usize = 16;
        if self.rotation != Rotation::Truncate || content.owed.is_none() {
            return false;
        }
        let begins = |start: usize| {
            let is_other = |other: &&Content| !other.is_copy && !std::ptr::eq(*other, content);
            self.contents.iter().filter(is_other).any(|other| other.bytes.starts_with(&content.bytes[..start]))
        };
        let mut start = 0;
        content.bytes.split_inclusive(|byte| *byte == b'\n').any(|line| {
            let before = start;
            start += line.len();
            before > 0 && line.len() <= SHORT && begins(before)
        })
    }

    /// How often each line was written at most, and how often it must have arrived at least.
    pub fn written(&self) -> BTreeMap<Vec<u8>, (usize, usize)> {
        let mut lines: BTreeMap<Vec<u8>, (usize, usize)> = BTreeMap::new();
        let written: Vec<&Content> = self.contents.iter().filter(|content| !content.is_copy).collect();
        for (index, content) in written.iter().enumerate() {
            // One that was rotated before it was seen, and holds no more than what another begins with, cannot be told
            // from a copy that is being made of that.
            let left = content.left();
            let begins_another = |other: &(usize, &&Content)| other.0 != index && other.1.bytes.starts_with(left);
            let may_be_copy = written.iter().enumerate().any(|other| begins_another(&other));
            // A copy that is being made of one that begins with all a truncated one held may be the copy of that: its lines
            // may come twice.
            let comes_twice = content.is_late || self.may_be_copied_twice(content) || self.may_look_taken_back(content);
            let times = if comes_twice { 2 } else { 1 };
            let mut end = 0;
            for line in content.bytes.split_inclusive(|byte| *byte == b'\n') {
                end += line.len();
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                if line.is_empty() {
                    continue;
                }
                let (written, owed) = lines.entry(line.to_vec()).or_default();
                *written += times;
                let is_owed = content.owed.is_none_or(|owed| end <= owed) && line[0] != b'd' && !may_be_copy;
                *owed += usize::from(is_owed);
            }
        }
        lines
    }
}

/// A line for the eye.
pub fn shown(line: &[u8]) -> String {
    let text = line.escape_ascii().to_string();
    if text.len() < 30 { text } else { format!("{}… {}", &text[..20], text.len()) }
}

//! A disk in memory: names, inodes whose numbers are used again, links, holes, writers, times of change. It only moves
//! when it is told to; what happens between two system calls of a reader is told by [`Store::meddle_with`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

use logline::state::files::Inode;
use logtail::disk::{DELETED, Disk, Stat};

/// Holes are kept in whole blocks.
const BLOCK: u64 = 4096;
const ESTALE: i32 = 116;

/// The disk as logtail sees it; all clones are one disk.
#[derive(Clone)]
pub struct Fake(pub Rc<RefCell<Store>>);

/// What is on it.
#[derive(Default)]
pub struct Store {
    /// The time of the machine.
    pub now: Duration,
    /// So many seconds the clock is ahead of it.
    pub clock_ahead: u64,
    /// By their paths as bytes: paths compare themselves part by part, which is ten times slower.
    nodes: BTreeMap<OsString, Node>,
    /// Every file that has a name or is open.
    alive: Vec<Weak<File>>,
    /// Whether a new file gets the lowest number that is free, or one that was never used.
    pub reuses_numbers: bool,
    next_number: u64,
    /// Whether it can be told who has a file open for writing.
    pub no_leases: bool,
    /// Whether the file system does not tell when a file was made.
    pub no_births: bool,
    /// Directories that can be neither read nor searched.
    shut: BTreeSet<PathBuf>,
    /// Directories whose names can be read, and nothing below them be reached.
    pub unsearchable: BTreeSet<PathBuf>,
    /// Directories in which others may write too.
    pub shared: BTreeSet<PathBuf>,
    /// Names that a directory read leaves out, once.
    pub unlisted: BTreeSet<PathBuf>,
    /// How many calls logtail has made, and how many of them read a directory.
    pub calls: u64,
    pub lists: u64,
    meddler: Option<Meddler>,
    /// Why no hole can be made, as an error of the system.
    pub no_holes: Option<i32>,
    /// What happens just before a hole is made, once.
    pub before_punch: Option<Meddler>,
    /// The holes that were made: of which inode, from where to where.
    pub punched: Vec<(u64, u64, u64)>,
    /// Which call of logtail fails, and how.
    pub fault: Option<Fault>,
}

/// A call of logtail that fails.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The call with this number, counted from 1.
    pub call: u64,
    /// With this error of the system.
    pub errno: i32,
    /// So do all that follow.
    pub stays: bool,
}

pub type Meddler = Box<dyn FnMut(&mut Store)>;

enum Node {
    File(Rc<File>),
    Link(PathBuf),
    Directory { number: u64, device: u64 },
}

/// An inode and what it holds.
pub struct File {
    pub number: u64,
    device: u64,
    /// Its content, and the offset before which it is a hole.
    pub bytes: RefCell<Vec<u8>>,
    hole: Cell<u64>,
    /// Where holes were made into it; they do not overlap.
    punched: RefCell<Vec<Range<u64>>>,
    /// So much of it is on disk for sure.
    pub synced: Cell<u64>,
    modified: Cell<Duration>,
    /// When it was made; `None` on a file system that does not tell.
    born: Option<Duration>,
    pub names: Cell<u64>,
    /// The name that it lost last.
    last_name: RefCell<PathBuf>,
    writers: Cell<u64>,
    pub readers: Cell<u64>,
    pub unreadable: Cell<bool>,
    /// The size that handles opened before are told, as on a network file system.
    pub stale_size: Cell<Option<u64>>,
    /// It was opened since, which has told the size anew.
    is_told_anew: Cell<bool>,
    /// How often its server has forgotten the handles that were open.
    forgotten: Cell<u32>,
    /// For a test: which generation of its own count this is.
    pub generation: Cell<usize>,
}

/// An open descriptor of logtail.
pub struct Reader {
    file: Rc<File>,
    /// It was opened after the file's size had become stale.
    is_anew: bool,
    /// How often the server of the file had forgotten handles when it was opened.
    forgotten: u32,
}

impl Reader {
    fn new(file: &Rc<File>, is_anew: bool) -> Self {
        file.readers.set(file.readers.get() + 1);
        Self { file: Rc::clone(file), is_anew, forgotten: file.forgotten.get() }
    }

    /// The file, if its server knows the descriptor.
    fn known(&self) -> io::Result<&File> {
        let is_known = self.forgotten == self.file.forgotten.get();
        if is_known { Ok(&self.file) } else { Err(io::Error::from_raw_os_error(ESTALE)) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.file.readers.set(self.file.readers.get() - 1);
    }
}

/// An open descriptor of an application.
pub struct Writer {
    pub file: Rc<File>,
    /// Where it writes next; `None` with O_APPEND.
    at: Option<u64>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.file.writers.set(self.file.writers.get() - 1);
    }
}

impl Writer {
    pub fn write(&mut self, store: &Store, text: &[u8]) {
        let mut bytes = self.file.bytes.borrow_mut();
        let at = self.at.map_or(bytes.len(), |at| usize::try_from(at).unwrap());
        if at > bytes.len() {
            if bytes.is_empty() {
                self.file.hole.set(at as u64 / BLOCK * BLOCK);
            }
            bytes.resize(at, 0);
        }
        let covered = text.len().min(bytes.len() - at);
        bytes[at..at + covered].copy_from_slice(&text[..covered]);
        bytes.extend_from_slice(&text[covered..]);
        if let Some(at) = &mut self.at {
            *at += text.len() as u64;
        }
        self.file.modified.set(store.clock());
    }
}

impl File {
    /// As the server of a network file system that was started anew: what is open must be opened again.
    pub fn forget_handles(&self) {
        self.forgotten.set(self.forgotten.get() + 1);
    }

    /// Whether the byte lies in a hole that was made into it.
    pub fn is_punched(&self, at: u64) -> bool {
        self.punched.borrow().iter().any(|hole| hole.contains(&at))
    }

    fn punch(&self, mut hole: Range<u64>) {
        let mut bytes = self.bytes.borrow_mut();
        hole.end = hole.end.min(bytes.len() as u64);
        let at = |offset: u64| usize::try_from(offset).unwrap();
        if let Some(hole) = bytes.get_mut(at(hole.start)..at(hole.end)) {
            hole.fill(0);
        }
        let mut punched = self.punched.borrow_mut();
        punched.retain(|other| {
            let touches = other.start <= hole.end && hole.start <= other.end;
            if touches {
                hole = hole.start.min(other.start)..hole.end.max(other.end);
            }
            !touches
        });
        punched.push(hole);
    }
}

impl Store {
    /// What `meddler` does happens between two calls of logtail.
    pub fn meddle_with(&mut self, meddler: impl FnMut(&mut Self) + 'static) {
        self.meddler = Some(Box::new(meddler));
    }

    fn meddle(&mut self) -> io::Result<()> {
        self.calls += 1;
        if let Some(fault) = self.fault
            && (self.calls == fault.call || (fault.stays && self.calls > fault.call))
        {
            return Err(io::Error::from_raw_os_error(fault.errno));
        }
        if let Some(mut meddler) = self.meddler.take() {
            meddler(self);
            self.meddler = Some(meddler);
        }
        Ok(())
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The time of files: it has ticked between two looks.
    fn clock(&self) -> Duration {
        self.now + Duration::from_nanos(self.lists)
    }

    /// The file that `path` leads to.
    pub fn file(&self, path: &Path) -> Option<Rc<File>> {
        if let Ok(Node::File(file)) = self.resolve(path) { Some(Rc::clone(file)) } else { None }
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        self.nodes.get(path.as_os_str())
    }

    /// What `path` leads to: never a link.
    fn resolve(&self, path: &Path) -> io::Result<&Node> {
        if !self.shut.is_empty() && path.parent().is_some_and(|directory| self.shut.contains(directory)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if !self.unsearchable.is_empty() && path.ancestors().skip(1).any(|above| self.unsearchable.contains(above)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if let Some(node @ Node::File(_)) = self.node(path) {
            return Ok(node);
        }
        let mut path = joined(Path::new("/"), path.strip_prefix("/").unwrap_or(path));
        for _ in 0..8 {
            match self.node(&path) {
                Some(Node::Link(target)) => path = joined(path.parent().unwrap(), target),
                Some(node) => return Ok(node),
                None => return Err(io::ErrorKind::NotFound.into()),
            }
        }
        Err(io::Error::from_raw_os_error(40))
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.node(path).is_some()
    }

    /// A new empty file in the place of whatever has the name.
    pub fn create(&mut self, path: &Path) -> Rc<File> {
        self.create_on(1, 0, path)
    }

    /// The same on another device, where the number is `number`.
    pub fn create_on(&mut self, device: u64, number: u64, path: &Path) -> Rc<File> {
        self.remove(path);
        let number = if device != 1 {
            number
        } else if self.reuses_numbers {
            self.alive.retain(|file| file.strong_count() > 0);
            let used: BTreeSet<u64> = self.alive.iter().filter_map(Weak::upgrade).map(|file| file.number).collect();
            (1..=u64::MAX).find(|number| !used.contains(number)).unwrap()
        } else {
            self.next_number += 1;
            100 + self.next_number
        };
        let file = Rc::new(File {
            number,
            device,
            bytes: RefCell::default(),
            hole: Cell::new(0),
            punched: RefCell::default(),
            synced: Cell::new(0),
            modified: Cell::new(self.clock()),
            born: (!self.no_births).then(|| self.clock()),
            names: Cell::new(1),
            last_name: RefCell::default(),
            writers: Cell::new(0),
            readers: Cell::new(0),
            unreadable: Cell::new(false),
            stale_size: Cell::new(None),
            is_told_anew: Cell::new(false),
            forgotten: Cell::new(0),
            generation: Cell::new(usize::MAX),
        });
        self.alive.push(Rc::downgrade(&file));
        self.nodes.insert(path.into(), Node::File(Rc::clone(&file)));
        file
    }

    pub fn directory(&mut self, path: &Path) {
        for above in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            let number = self.nodes.len() as u64;
            self.nodes.entry(above.into()).or_insert(Node::Directory { number, device: 1 });
        }
    }

    /// Whether the file or the directory can be read.
    pub fn permit(&mut self, path: &Path, is_permitted: bool) {
        if let Some(Node::File(file)) = self.node(path) {
            file.unreadable.set(!is_permitted);
        } else if is_permitted {
            self.shut.remove(path);
        } else {
            self.shut.insert(path.to_owned());
        }
    }

    pub fn link(&mut self, target: &str, path: &Path) {
        self.nodes.insert(path.into(), Node::Link(PathBuf::from(target)));
    }

    /// Another name for the same file.
    pub fn hard_link(&mut self, path: &Path, other: &Path) {
        let file = self.file(path).unwrap();
        file.names.set(file.names.get() + 1);
        self.nodes.insert(other.into(), Node::File(file));
    }

    /// Opens for appending, as most applications do.
    pub fn open(&mut self, path: &Path) -> Writer {
        let file = self.file(path).unwrap_or_else(|| self.create(path));
        Self::writer(file, None)
    }

    /// Opens without O_APPEND, at the end.
    pub fn open_at_end(&mut self, path: &Path) -> Writer {
        let file = self.file(path).unwrap_or_else(|| self.create(path));
        let at = file.bytes.borrow().len() as u64;
        Self::writer(file, Some(at))
    }

    fn writer(file: Rc<File>, at: Option<u64>) -> Writer {
        file.writers.set(file.writers.get() + 1);
        Writer { file, at }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(node) = self.nodes.remove(from.as_os_str()) {
            self.remove(to);
            self.nodes.insert(to.into(), node);
        }
    }

    /// The directory and all below it get other names.
    pub fn move_directory(&mut self, from: &Path, to: &Path) {
        let below = |path: &OsStr| Path::new(path).strip_prefix(from).ok().map(|rest| to.join(rest));
        let moved: Vec<(OsString, PathBuf)> =
            self.nodes.keys().filter_map(|path| Some((path.clone(), below(path)?))).collect();
        for (path, to) in moved {
            let node = self.nodes.remove(&path).unwrap();
            // `join` of nothing ends in a slash.
            let to: PathBuf = to.components().collect();
            self.nodes.insert(to.into(), node);
        }
    }

    /// The device on which the directory lies, where it is another than that of all others.
    pub fn mount(&mut self, directory: &Path, device: u64) {
        if let Some(Node::Directory { device: of, .. }) = self.nodes.get_mut(directory.as_os_str()) {
            *of = device;
        }
    }

    pub fn remove(&mut self, path: &Path) {
        if let Some(Node::File(file)) = self.nodes.remove(path.as_os_str()) {
            file.names.set(file.names.get() - 1);
            file.last_name.replace(path.to_owned());
        }
    }

    pub fn truncate(&mut self, path: &Path, size: usize) {
        let file = self.file(path).unwrap();
        file.bytes.borrow_mut().resize(size, 0);
        file.hole.set(file.hole.get().min(size as u64));
        file.synced.set(file.synced.get().min(size as u64));
        for hole in file.punched.borrow_mut().iter_mut() {
            *hole = hole.start.min(size as u64)..hole.end.min(size as u64);
        }
        file.modified.set(self.clock());
    }

    /// The names in a directory.
    /// The files in a directory and below it.
    pub fn files(&self, directory: &Path) -> Vec<PathBuf> {
        let is_file = |(path, node): (&OsString, &Node)| {
            (matches!(node, Node::File(_)) && Path::new(path).starts_with(directory)).then(|| PathBuf::from(path))
        };
        self.nodes.iter().filter_map(is_file).collect()
    }

    fn names_in(&self, directory: &Path) -> impl Iterator<Item = &[u8]> {
        let directory = directory.as_os_str().as_bytes();
        let directory = directory.strip_suffix(b"/").unwrap_or(directory);
        let below = self.nodes.keys().filter_map(|path| path.as_bytes().strip_prefix(directory)?.strip_prefix(b"/"));
        below.filter(|name| !name.is_empty() && !name.contains(&b'/'))
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.file.number)
    }
}

impl Fake {
    pub fn new() -> Self {
        let mut store = Store::default();
        store.directory(Path::new("/"));
        store.directory(Path::new("/log"));
        Self(Rc::new(RefCell::new(store)))
    }

    fn told(file: &File, is_anew: bool) -> Stat {
        let punched: u64 = file.punched.borrow().iter().map(|hole| hole.end - hole.start).sum();
        let blocks = (file.bytes.borrow().len() as u64).next_multiple_of(BLOCK);
        Stat {
            inode: Inode { device: file.device, number: file.number },
            size: file.stale_size.get().filter(|_| !is_anew).unwrap_or(file.bytes.borrow().len() as u64),
            modified: nanoseconds(file.modified.get()),
            held: blocks.saturating_sub(file.hole.get() + punched),
            block: BLOCK,
            names: file.names.get(),
            is_file: true,
        }
    }
}

/// Without `..`, which is no name here.
fn joined(directory: &Path, target: &Path) -> PathBuf {
    let mut path = directory.to_owned();
    for part in target {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

impl Disk for Fake {
    type File = Reader;

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.0.borrow_mut().meddle()?;
        let store = self.0.borrow();
        match store.resolve(path)? {
            Node::File(file) => Ok(Self::told(file, file.is_told_anew.get())),
            Node::Directory { number, device } => {
                let inode = Inode { device: *device, number: 1_000_000 + *number };
                Ok(Stat { inode, size: 0, modified: 0, held: 0, block: BLOCK, names: 1, is_file: false })
            }
            Node::Link(_) => unreachable!("a link has been followed"),
        }
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        match self.0.borrow().node(path) {
            Some(Node::Link(target)) => Ok(target.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Reader> {
        self.0.borrow_mut().meddle()?;
        match self.0.borrow().resolve(path)? {
            Node::File(file) if file.unreadable.get() => Err(io::ErrorKind::PermissionDenied.into()),
            Node::File(file) => {
                // To open a file is to hear its size anew (close-to-open); a handle that was open before is told the old one.
                let is_anew = file.stale_size.get().is_some();
                file.is_told_anew.set(is_anew);
                Ok(Reader::new(file, is_anew))
            }
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn open_itself(&self, path: &Path) -> io::Result<Reader> {
        let is_link = matches!(self.0.borrow().node(path), Some(Node::Link(_)));
        if is_link { Err(io::Error::from_raw_os_error(40)) } else { self.open(path) }
    }

    fn place(&self, file: &Reader, path: &Path) -> io::Result<PathBuf> {
        let store = self.0.borrow();
        let is_it = |node: &Node| matches!(node, Node::File(other) if Rc::ptr_eq(other, &file.file));
        if store.node(path).is_some_and(is_it) {
            return Ok(path.to_owned());
        }
        let found = store.nodes.iter().find(|(_, node)| is_it(node));
        Ok(found.map_or_else(
            || PathBuf::from(format!("{}{DELETED}", file.file.last_name.borrow().display())),
            |(path, _)| PathBuf::from(path),
        ))
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(joined(Path::new("/"), path.strip_prefix("/").unwrap_or(path)))
    }

    fn is_ours(&self, path: &Path) -> bool {
        let store = self.0.borrow();
        !store.shared.contains(path)
    }

    fn duplicate(&self, file: &Reader) -> io::Result<Reader> {
        self.0.borrow_mut().meddle()?;
        file.known()?;
        Ok(Reader::new(&file.file, file.is_anew))
    }

    fn stat_open(&self, file: &Reader) -> io::Result<Stat> {
        self.0.borrow_mut().meddle()?;
        Ok(Self::told(file.known()?, file.is_anew))
    }

    fn read_at(&self, file: &Reader, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.borrow_mut().meddle()?;
        let content = file.known()?.bytes.borrow();
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn next_data(&self, file: &Reader, offset: u64) -> io::Result<Option<u64>> {
        self.0.borrow_mut().meddle()?;
        let file = file.known()?;
        let data = offset.max(file.hole.get());
        let data = file.punched.borrow().iter().find(|hole| hole.contains(&data)).map_or(data, |hole| hole.end);
        Ok((data < file.bytes.borrow().len() as u64).then_some(data))
    }

    fn sync_data(&self, file: &Reader) -> io::Result<()> {
        self.0.borrow_mut().meddle()?;
        let file = file.known()?;
        file.synced.set(file.bytes.borrow().len() as u64);
        Ok(())
    }

    fn punch(&self, file: &Reader, from: u64, to: u64) -> io::Result<()> {
        self.0.borrow_mut().meddle()?;
        let before = self.0.borrow_mut().before_punch.take();
        if let Some(mut before) = before {
            before(&mut self.0.borrow_mut());
        }
        let mut store = self.0.borrow_mut();
        if let Some(errno) = store.no_holes {
            return Err(io::Error::from_raw_os_error(errno));
        }
        assert!(from >= BLOCK && from < to && from.is_multiple_of(BLOCK) && to.is_multiple_of(BLOCK), "{from} to {to}");
        file.file.punch(from..to);
        file.file.modified.set(store.clock());
        store.punched.push((file.file.number, from, to));
        let file = file.known()?;
        file.punch(from..to);
        file.modified.set(store.clock());
        store.punched.push((file.number, from, to));
        Ok(())
    }

    fn has_writer(&self, file: &Reader) -> Option<bool> {
        self.0.borrow_mut().meddle().ok()?;
        (!self.0.borrow().no_leases).then(|| file.file.writers.get() > 0)
    }

    fn born(&self, file: &Reader) -> Option<i64> {
        file.file.born.map(nanoseconds)
    }

    fn time_of_day(&self) -> u64 {
        self.0.borrow().now.as_secs() + self.0.borrow().clock_ahead
    }

    fn uptime(&self) -> u64 {
        self.0.borrow().now.as_secs()
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.0.borrow_mut().meddle()?;
        let mut store = self.0.borrow_mut();
        store.lists += 1;
        let directory = &joined(Path::new("/"), directory.strip_prefix("/").unwrap_or(directory));
        match store.node(directory) {
            Some(Node::Directory { .. }) if store.shut.contains(directory) => {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Some(Node::Directory { .. }) => {}
            Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        let unlisted = std::mem::take(&mut store.unlisted);
        let is_listed = |name: &&OsStr| unlisted.is_empty() || !unlisted.contains(&directory.join(name));
        Ok(store.names_in(directory).map(OsStr::from_bytes).filter(is_listed).map(OsStr::to_owned).collect())
    }
}

/// No time is the epoch itself, which a real disk does not tell either.
fn nanoseconds(time: Duration) -> i64 {
    1 + i64::try_from(time.as_nanos()).unwrap()
}

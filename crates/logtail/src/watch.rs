//! inotify as an early wake-up. What it says is only a hint: polling finds the same, a little later. Whatever goes wrong
//! here (no inotify, no watches left, a queue that ran over) means polling, not failure.

use std::collections::{BTreeMap, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use logline::ending::say;
use logline::position::Fid;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::PROG;

/// The watches that are set.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
    files: BTreeMap<Fid, i32>,
    fids: HashMap<i32, Fid>,
    directories: HashMap<PathBuf, i32>,
    is_exhausted: bool,
}

/// What has happened since the last look.
#[derive(Debug, Default)]
pub struct Woken {
    /// A name was made, moved or removed somewhere.
    pub names_changed: bool,
    /// The fids of files to which something was written.
    pub files: Vec<Fid>,
}

impl Watch {
    /// `None` where inotify cannot be had.
    pub fn new() -> Option<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        Some(Self {
            inotify,
            files: BTreeMap::new(),
            fids: HashMap::new(),
            directories: HashMap::new(),
            is_exhausted: false,
        })
    }

    /// Watches exactly these directories and open files, which come sorted by their fids, from now on.
    pub fn follow<'a>(&mut self, directories: &[PathBuf], files: impl Iterator<Item = (Fid, &'a (impl AsFd + 'a))>) {
        let gone: Vec<PathBuf> =
            self.directories.keys().filter(|known| !directories.contains(known)).cloned().collect();
        for directory in gone {
            if let Some(watch) = self.directories.remove(&directory) {
                let _ = inotify::remove_watch(&self.inotify, watch);
            }
        }
        let names = WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ONLYDIR;
        for directory in directories {
            if !self.directories.contains_key(directory)
                && let Some(watch) = self.add(directory, names)
            {
                self.directories.insert(directory.clone(), watch);
            }
        }
        let mut open = Vec::with_capacity(self.files.len());
        for (fid, file) in files {
            open.push(fid);
            if self.files.contains_key(&fid) {
                continue;
            }
            // By descriptor, so that no race picks another file.
            let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()));
            if let Some(watch) = self.add(&path, WatchFlags::MODIFY) {
                self.files.insert(fid, watch);
                self.fids.insert(watch, fid);
            }
        }
        let closed: Vec<Fid> = self.files.keys().copied().filter(|fid| open.binary_search(fid).is_err()).collect();
        for fid in closed {
            if let Some(watch) = self.files.remove(&fid)
                && self.fids.get(&watch) == Some(&fid)
            {
                self.fids.remove(&watch);
                let _ = inotify::remove_watch(&self.inotify, watch);
            }
        }
    }

    fn add(&mut self, path: &Path, flags: WatchFlags) -> Option<i32> {
        match inotify::add_watch(&self.inotify, path, flags) {
            Ok(watch) => Some(watch),
            Err(errno) => {
                if errno == rustix::io::Errno::NOSPC && !self.is_exhausted {
                    self.is_exhausted = true;
                    say(PROG, "no inotify watches left, polling");
                }
                None
            }
        }
    }

    /// Takes all events that are there.
    pub fn drain(&mut self) -> Woken {
        let mut woken = Woken::default();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        while let Ok(event) = events.next() {
            let happened = event.events();
            if happened.contains(ReadFlags::QUEUE_OVERFLOW) {
                woken.names_changed = true;
            } else if let Some(fid) = self.fids.get(&event.wd()) {
                if woken.files.last() != Some(fid) {
                    woken.files.push(*fid);
                }
            } else if !happened.contains(ReadFlags::IGNORED) {
                woken.names_changed = true;
            }
        }
        woken
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

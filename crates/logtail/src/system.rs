//! The real disk: each call of [`Disk`] as one or two system calls.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{self, AtFlags, FallocateFlags, FileType, Mode, OFlags, SeekFrom, StatxFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use logline::state::files::Inode;

use crate::disk::{Disk, Stat};
use crate::lease;

/// Descriptors for everything but logs: the standard three, signals, inotify, the state's files and locks, a directory, and
/// one file that is opened to be compared with another.
const RESERVED: usize = 24;

/// The file system of this machine.
#[derive(Clone, Copy, Debug)]
pub struct System;

/// Lets as many files be open as this process may ask for: the usual limit of 1024 is there for programs that use select(2),
/// and a node has more logs. Where it is refused, files beyond the limit are told one by one.
///
/// How many logs may be open: what is left when some descriptors are kept back for the state, directories and signals.
pub fn raise_limit_of_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(usize::MAX).saturating_sub(RESERVED).max(1)
}

impl Disk for System {
    type File = OwnedFd;

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(told(&fs::stat(path)?))
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(path)
    }

    fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(fs::open(path, flags, Mode::empty())?)
    }

    fn open_itself(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        Ok(fs::open(path, flags, Mode::empty())?)
    }

    fn place(&self, file: &OwnedFd, _path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn is_ours(&self, path: &Path) -> bool {
        let Ok(stat) = fs::lstat(path) else { return false };
        let is_owned = stat.st_uid == 0 || stat.st_uid == geteuid().as_raw();
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        is_owned && (is_link || stat.st_mode & 0o022 == 0)
    }

    fn duplicate(&self, file: &OwnedFd) -> io::Result<OwnedFd> {
        file.try_clone()
    }

    fn stat_open(&self, file: &OwnedFd) -> io::Result<Stat> {
        Ok(told(&fs::fstat(file)?))
    }

    fn read_at(&self, file: &OwnedFd, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match rustix::io::pread(file, &mut *bytes, offset) {
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    fn next_data(&self, file: &OwnedFd, offset: u64) -> io::Result<Option<u64>> {
        match fs::seek(file, SeekFrom::Data(offset)) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NXIO) => Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(offset)),
            Err(errno) => Err(errno.into()),
        }
    }

    fn sync_data(&self, file: &OwnedFd) -> io::Result<()> {
        Ok(fs::fdatasync(file)?)
    }

    fn punch(&self, file: &OwnedFd, from: u64, to: u64) -> io::Result<()> {
        // Neither a path nor a link leads there: it is the very file that is read, also when it has no name any more.
        let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let writable = fs::open(itself, flags, Mode::empty())?;
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(fs::fallocate(writable, how, from, to.saturating_sub(from))?)
    }

    fn has_writer(&self, file: &OwnedFd) -> Option<bool> {
        lease::has_writer(file)
    }

    fn born(&self, file: &OwnedFd) -> Option<i64> {
        let told = fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
        let is_told = told.stx_mask & StatxFlags::BTIME.bits() != 0;
        is_told.then(|| nanoseconds(told.stx_btime.tv_sec, told.stx_btime.tv_nsec.into()))
    }

    fn time_of_day(&self) -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn uptime(&self) -> u64 {
        u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or(0)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(fs::open(directory, flags, Mode::empty())?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }
}

// A number of links is a u32 on some machines.
#[allow(clippy::useless_conversion, reason = "on x86-64 it is a u64 already")]
fn told(stat: &fs::Stat) -> Stat {
    Stat {
        inode: Inode { device: stat.st_dev, number: stat.st_ino },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        held: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        block: u64::try_from(stat.st_blksize).unwrap_or(0),
        names: u64::from(stat.st_nlink),
        is_file: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
    }
}

/// Nanoseconds since the epoch: see [`Stat::modified`].
fn nanoseconds(seconds: i64, more: u64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add_unsigned(more)
}

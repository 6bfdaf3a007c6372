//! The file system as logtail sees it. What logtail decides is parted from it by this trait, so that a test can play a
//! disk that rotates, truncates and loses power thousands of times a second.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use logline::state::files::Inode;

/// What stands behind the place of an open file that has been deleted (proc(5)).
pub const DELETED: &str = " (deleted)";

/// A directory as the calls take it: the empty path, to which relative names are joined, is the one where the program runs.
pub fn or_here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

/// What `stat` tells of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// The file's own number: the device's and the inode's.
    pub inode: Inode,
    /// Bytes.
    pub size: u64,
    /// When its content was last changed: nanoseconds since the epoch. A time behind the year 2262 wraps around, so that it
    /// tells of no order; whether the content was changed it tells all the same.
    pub modified: i64,
    /// How many bytes of blocks it takes, whatever its size.
    pub held: u64,
    /// How many bytes a block has, in which holes are punched.
    pub block: u64,
    /// How many names it has; 0 once it is deleted.
    pub names: u64,
    /// Whether it is a regular file (links are followed).
    pub is_file: bool,
}

/// The calls that logtail makes. Errors are the system's.
pub trait Disk {
    /// An open file; closed when it is dropped.
    type File;

    /// Follows symbolic links.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Where a symbolic link leads, as it says itself; an error if the path is none.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;
    /// Opens for reading, without blocking on anything that is no regular file.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// The same, but never through a link at the end of the path.
    fn open_itself(&self, path: &Path) -> io::Result<Self::File>;
    /// Where the open file lies, whatever links led there from `path`. Of one that has been deleted: where it lay last, and
    /// [`DELETED`] behind that.
    fn place(&self, file: &Self::File, path: &Path) -> io::Result<PathBuf>;
    /// Where the path leads: absolute, without links.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf>;
    /// Whether the file, directory or link itself belongs to root or to the user who runs this, and, being no link, can be
    /// written by nobody else.
    fn is_ours(&self, path: &Path) -> bool;
    /// Another handle of the open file.
    fn duplicate(&self, file: &Self::File) -> io::Result<Self::File>;
    /// The same file, which is compressed, read as what it holds from now on; an error where the disk cannot do that.
    fn unpacked(&self, file: Self::File) -> io::Result<Self::File> {
        drop(file);
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Why not all can be read that a compressed file holds; `None` of any other.
    fn fault(&self, _file: &Self::File) -> Option<String> {
        None
    }
    /// Of an open file.
    fn stat_open(&self, file: &Self::File) -> io::Result<Stat>;
    /// Reads at `offset` as much as there is, up to the length of `bytes`; 0 at the end of the file.
    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The first offset from `offset` on that is not in a hole of the file (SEEK_DATA), `offset` itself where holes are
    /// not known; `None` if there is no data behind it.
    fn next_data(&self, file: &Self::File, offset: u64) -> io::Result<Option<u64>>;
    /// Puts the content to disk, and the size (fdatasync).
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;
    /// Gives the blocks between two offsets back; they are read as NUL bytes from then on, and the size stays (a hole). For
    /// that moment the file is opened for writing, whatever its names.
    fn punch(&self, file: &Self::File, from: u64, to: u64) -> io::Result<()>;
    /// Whether any process has the file open for writing; `None` where that cannot be told.
    fn has_writer(&self, file: &Self::File) -> Option<bool>;
    /// When the file's inode was made, in nanoseconds since the epoch; `None` where the file system does not tell.
    fn born(&self, file: &Self::File) -> Option<i64>;
    /// The time of day: seconds since the epoch. It may be set.
    fn time_of_day(&self) -> u64;
    /// How many seconds the machine has run, also asleep, since it was booted.
    fn uptime(&self) -> u64;
    /// The names in a directory, `.` and `..` apart, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
}

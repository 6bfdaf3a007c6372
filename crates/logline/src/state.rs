//! A small text file that survives a kill at any moment: JSON lines between a header with the version and a trailer with
//! a checksum, readable with `cat`. It is replaced by a rename. Beside it stay the copy before, `.old`, and the last one that
//! was put to disk, `.synced`: after a power loss all that were only written since may be empty.
//!
//! ```text
//! {"logpipe":"acks","version":1}
//! {"fid":"3f2a00c4d1e0b7a9","offset":4096}
//! {"checksum":"9c1185a5c5e9fc54"}
//! ```
//!
//! One process writes a file: it holds the [`Lock`] beside it, which is never replaced. The texts of the files that logtail
//! and logpost share are in [`files`], [`acks`] and [`own`].

pub mod acks;
pub mod files;
mod keeper;
pub mod own;

pub use keeper::{Keeper, Locked, Saved, Shelf, Urgency};

use std::fs::{self, File};
use std::hash::Hasher as _;
use std::io::{self, BufWriter, Read as _, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use siphasher::sip::SipHasher13;

/// The version that this program writes. Keys may be added to it; an incompatible change takes a new file name.
const VERSION: u32 = 1;

/// The lines of a state file, which are written a piece at a time: all of them together may take much memory.
pub trait Text {
    /// Writes them. It gives the same bytes at each call.
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl Text for [u8] {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self)
    }
}

/// One state file.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    name: &'static str,
}

/// What a state file said.
#[derive(PartialEq, Eq, Debug)]
pub enum Loaded {
    /// There is none.
    Nothing,
    /// Its lines.
    Current(Vec<u8>),
    /// The lines of a copy from before, and what is wrong with the current one.
    Previous(Vec<u8>, String),
    /// What is wrong, and no copy to fall back to.
    Lost(String),
}

impl Store {
    /// The file `name` in `directory`; touches nothing.
    pub fn new(directory: &Path, name: &'static str) -> Self {
        Self { directory: directory.to_owned(), name }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}{ending}", self.name))
    }

    /// Reads the file, or a copy from before where it cannot be used. Never fails: what is wrong is told.
    pub fn load(&self) -> Loaded {
        let mut why = None;
        for ending in ["", ".old", ".synced"] {
            match self.read(ending) {
                Ok(Some(body)) if ending.is_empty() => return Loaded::Current(body),
                Ok(Some(body)) => return Loaded::Previous(body, why.unwrap_or_else(|| "missing".to_owned())),
                Ok(None) => {}
                Err(cause) => drop(why.get_or_insert(cause)),
            }
        }
        why.map_or(Loaded::Nothing, Loaded::Lost)
    }

    /// The lines of the file and of each copy from before, as far as they can be read.
    pub fn copies(&self) -> Vec<Vec<u8>> {
        ["", ".old", ".synced"].into_iter().filter_map(|ending| self.read(ending).ok().flatten()).collect()
    }

    fn read(&self, ending: &str) -> Result<Option<Vec<u8>>, String> {
        match read_regular(&self.path(ending)) {
            Ok(mut text) => {
                let body = find_body(self.name, &text)?;
                text.truncate(body.end);
                text.drain(..body.start);
                Ok(Some(text))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(crate::ending::cause(&error)),
        }
    }

    /// Replaces the file by one with the lines `body`. With `sync` it is on disk when this returns; a kill of the process
    /// needs none. On error the file is as it was.
    pub fn save<T: Text + ?Sized>(&self, body: &T, sync: bool) -> io::Result<()> {
        let (new, current) = (self.path(".new"), self.path(""));
        let mut out = BufWriter::new(create_new(&new)?);
        write(self.name, body, &mut out)?;
        let file = out.into_inner()?;
        if sync {
            file.sync_all()?;
        }
        self.keep_as(".old");
        fs::rename(&new, current)?;
        if sync {
            File::open(&self.directory)?.sync_all()?;
            self.keep_as(".synced");
        }
        Ok(())
    }

    /// Keeps the current file under another name too. A file system without links only lacks the copies.
    fn keep_as(&self, ending: &str) {
        let copy = self.path(ending);
        let _ = fs::remove_file(&copy);
        let _ = fs::hard_link(self.path(""), &copy);
    }
}

/// Others may be able to write in the directory: nothing that they put there is written through, waited for, or taken for a
/// state file unless it is one. Only the owner may read what is written: it names files and tells of their content.
const OWN: u32 = 0o600;
/// Through no link, and waiting for no other end of a FIFO.
const UNLED: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();

/// Makes the file, in the place of whatever has its name.
fn create_new(path: &Path) -> io::Result<File> {
    let make = || File::options().write(true).create_new(true).mode(OWN).custom_flags(UNLED).open(path);
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            make()
        }
        made => made,
    }
}

fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::options().read(true).custom_flags(UNLED).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}

/// The text of the file `name` with the lines `body`.
pub fn encode(name: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let written = write(name, body, &mut text);
    debug_assert!(written.is_ok(), "memory takes what is written");
    text
}

/// Writes the text of the file `name` with the lines `body`.
fn write<T: Text + ?Sized>(name: &str, body: &T, out: impl Write) -> io::Result<()> {
    let mut out = Summed { out, sum: SipHasher13::new() };
    writeln!(out, "{{\"logpipe\":\"{name}\",\"version\":{VERSION}}}")?;
    body.write_to(&mut out)?;
    let checksum = out.sum.finish();
    writeln!(out, "{{\"checksum\":\"{checksum:016x}\"}}")
}

/// Hands on what is written, and makes its checksum.
struct Summed<W> {
    out: W,
    sum: SipHasher13,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.sum.write(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The lines of such a text, or what is wrong with it.
pub fn decode<'a>(name: &str, text: &'a [u8]) -> Result<&'a [u8], String> {
    find_body(name, text).map(|body| &text[body])
}

/// Where the lines stand in such a text, or what is wrong with it.
fn find_body(name: &str, text: &[u8]) -> Result<Range<usize>, String> {
    if text.is_empty() {
        return Err("empty".to_owned());
    }
    let header_end = text.iter().position(|byte| *byte == b'\n').ok_or("no header")? + 1;
    let header = crate::json::member(&text[..header_end], "logpipe").ok_or("not a state file of logpipe")?;
    if header != format!("\"{name}\"").as_bytes() {
        return Err(format!("not the state file '{name}'"));
    }
    let version = crate::json::member(&text[..header_end], "version").unwrap_or_default();
    if version != VERSION.to_string().as_bytes() {
        return Err(format!("version {}, expected {VERSION}", version.escape_ascii()));
    }
    let lines = text.strip_suffix(b"\n").ok_or("half written")?;
    let trailer = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1);
    let told = crate::json::member(&lines[trailer..], "checksum").ok_or("half written")?;
    if trailer < header_end || told != format!("\"{:016x}\"", checksum(&text[..trailer])).as_bytes() {
        return Err("damaged, its checksum does not match".to_owned());
    }
    Ok(header_end..trailer)
}

fn checksum(text: &[u8]) -> u64 {
    let mut sum = SipHasher13::new();
    sum.write(text);
    sum.finish()
}

/// The right to write one state file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `directory/name.lock`; `None` if somebody holds it.
    pub fn take(directory: &Path, name: &str) -> io::Result<Option<Self>> {
        lock(directory, name, FlockOperation::NonBlockingLockExclusive)
    }

    /// Whether nobody holds the lock, without standing in the way of one who takes it.
    pub fn is_free(directory: &Path, name: &str) -> io::Result<bool> {
        lock(directory, name, FlockOperation::NonBlockingLockShared).map(|lock| lock.is_some())
    }
}

fn lock(directory: &Path, name: &str, operation: FlockOperation) -> io::Result<Option<Lock>> {
    let path = directory.join(format!("{name}.lock"));
    let file = File::options().create(true).append(true).mode(OWN).custom_flags(UNLED).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{name}.lock is no regular file")));
    }
    match flock(&file, operation) {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const BODY: &[u8] = b"{\"a\":1}\n{\"b\":2}\n";

    /// A directory of its own that goes with the test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("logline-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let directory = Directory::new("saved");
        let store = Store::new(&directory.0, "acks");
        assert_eq!(store.load(), Loaded::Nothing);
        for body in [&b""[..], BODY] {
            store.save(body, true).unwrap();
            assert_eq!(store.load(), Loaded::Current(body.to_vec()));
        }
    }

    #[test]
    fn every_beginning_of_a_file_and_every_changed_byte_is_refused() {
        let text = encode("acks", BODY);
        assert_eq!(decode("acks", &text), Ok(BODY));
        for end in 0..text.len() {
            assert!(decode("acks", &text[..end]).is_err(), "{end}");
        }
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(decode("acks", &changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_damaged_file_falls_back_to_the_copy_before() {
        let directory = Directory::new("damaged");
        let store = Store::new(&directory.0, "acks");
        store.save(BODY, false).unwrap();
        store.save(&b"{\"c\":3}\n"[..], false).unwrap();
        fs::write(directory.0.join("acks"), "garbage").unwrap();
        assert!(matches!(store.load(), Loaded::Previous(body, why) if body == BODY && !why.is_empty()));
        fs::write(directory.0.join("acks.old"), "").unwrap();
        assert!(matches!(store.load(), Loaded::Lost(_)));
    }

    #[test]
    fn where_nothing_written_since_has_reached_the_disk_what_was_put_there_is_left() {
        let directory = Directory::new("synced");
        let store = Store::new(&directory.0, "acks");
        for (body, sync) in [("1\n", true), ("2\n", true), ("3\n", false), ("4\n", false)] {
            store.save(body.as_bytes(), sync).unwrap();
        }
        for name in ["acks", "acks.old"] {
            fs::write(directory.0.join(name), "").unwrap();
        }
        assert_eq!(store.load(), Loaded::Previous(b"2\n".to_vec(), "empty".to_owned()));
        assert_eq!(store.copies(), [b"2\n"]);
    }

    #[test]
    fn another_version_or_another_file_is_refused_by_name() {
        let newer = String::from_utf8(encode("acks", BODY)).unwrap().replace("\"version\":1", "\"version\":2");
        assert_eq!(decode("acks", newer.as_bytes()), Err("version 2, expected 1".to_owned()));
        assert!(decode("files", &encode("acks", BODY)).is_err_and(|why| why.contains("files")));
    }

    #[test]
    fn nothing_is_written_or_read_through_what_others_put_in_the_directory() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = Directory::new("led");
        let victim = directory.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        for name in ["acks.new", "acks", "acks.lock"] {
            symlink(&victim, directory.0.join(name)).unwrap();
        }
        let store = Store::new(&directory.0, "acks");
        assert!(matches!(store.load(), Loaded::Lost(_)));
        assert!(Lock::take(&directory.0, "acks").is_err());
        store.save(BODY, true).unwrap();
        assert_eq!(store.load(), Loaded::Current(BODY.to_vec()));
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::metadata(directory.0.join("acks")).unwrap().permissions().mode() & 0o777, 0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, directory.0.join("files"), 0o666.into()).unwrap();
        assert!(matches!(Store::new(&directory.0, "files").load(), Loaded::Lost(_)));
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let directory = Directory::new("lock");
        assert!(Lock::is_free(&directory.0, "acks").unwrap());
        let held = Lock::take(&directory.0, "acks").unwrap().unwrap();
        assert!(Lock::take(&directory.0, "acks").unwrap().is_none());
        assert!(!Lock::is_free(&directory.0, "acks").unwrap());
        drop(held);
        assert!(Lock::take(&directory.0, "acks").unwrap().is_some());
    }
}

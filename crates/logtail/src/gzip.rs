//! A disk on which a compressed file can be read as what it holds: [`Unpacking`] hands everything on to the disk below, and
//! files that were opened by [`Disk::unpacked`] tell the size, and give the bytes, of their decompressed content.
//!
//! Memory is bounded, however much a file holds: of what was decompressed only the last `KEPT` bytes stay, and a reader
//! that goes back behind them begins anew at the head. Plain files pay nothing.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use flate2::write::MultiGzDecoder;

use crate::disk::{Disk, Stat};
use crate::fingerprint::read_full;

/// How much of what was decompressed is kept, in bytes: more than one read goes back.
const KEPT: usize = 320 << 10;
/// More than this is never held: what one step adds is at most a thousand times as long as it.
const MOST: usize = 2 * KEPT;
/// How many compressed bytes are decompressed in one step.
const STEP: usize = 256;
/// How many compressed bytes are read at once.
const RAW: usize = 32 << 10;

/// Whether the content of a file begins as gzip's does (RFC 1952): the two magic bytes, the only method there is, and no
/// flag that is reserved.
pub fn is_gzip<D: Disk>(disk: &D, file: &D::File) -> bool {
    let mut first = [0; 10];
    let is_read = read_full(disk, file, &mut first, 0).is_ok_and(|count| count == first.len());
    is_read && first.starts_with(b"\x1f\x8b\x08") && first[3] & 0xe0 == 0
}

/// The first bytes of what a compressed file holds, as many as `bytes` takes; how many there are. No more than they need is
/// decompressed, however much the file holds.
pub fn read_first<D: Disk>(disk: &D, file: &D::File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut stream = Stream::new();
    stream.reach(disk, file, 0, bytes.len() as u64)?;
    let held = stream.decoder.get_ref();
    let count = held.len().min(bytes.len());
    bytes[..count].copy_from_slice(&held[..count]);
    Ok(count)
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Unpacking<D>(pub D);

/// An open file, read as it is or as what it holds.
#[derive(Debug)]
pub enum Content<F> {
    /// As it is.
    Plain(F),
    /// As what it holds.
    Packed(Box<Packed<F>>),
}

/// A compressed file.
#[derive(Debug)]
pub struct Packed<F> {
    file: F,
    /// The size of what it holds, as far as it can be decompressed.
    size: u64,
    /// Why not all of it can be.
    fault: Option<String>,
    stream: RefCell<Stream>,
}

/// What has been decompressed from the head on.
struct Stream {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// Where the next compressed bytes are read.
    raw_at: u64,
    /// The offset of the first byte that the decoder's output holds.
    start: u64,
    /// Nothing more comes; why, if that is not the end of the data.
    is_over: bool,
    fault: Option<String>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("raw_at", &self.raw_at).field("start", &self.start).finish_non_exhaustive()
    }
}

impl Stream {
    fn new() -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()), raw_at: 0, start: 0, is_over: false, fault: None }
    }

    /// The offset behind the last byte that was decompressed.
    fn end(&self) -> u64 {
        self.start + self.decoder.get_ref().len() as u64
    }

    /// Decompresses until the byte before `until` is there, or nothing more comes; what lies before `from` need not stay.
    fn reach<D: Disk>(&mut self, disk: &D, file: &D::File, from: u64, until: u64) -> io::Result<()> {
        if from < self.start {
            *self = Self::new();
        }
        let mut raw = vec![0; RAW];
        while self.end() < until && !self.is_over {
            let count = disk.read_at(file, &mut raw, self.raw_at)?;
            if count == 0 {
                self.conclude();
                break;
            }
            let mut rest = &raw[..count];
            while !rest.is_empty() && self.end() < until && !self.is_over {
                match self.decoder.write(&rest[..rest.len().min(STEP)]) {
                    Ok(taken) if taken > 0 => {
                        rest = &rest[taken..];
                        self.raw_at += taken as u64;
                    }
                    Ok(_) => self.conclude(),
                    Err(error) => self.fail(&error),
                }
                self.trim(from);
            }
        }
        Ok(())
    }

    fn conclude(&mut self) {
        self.is_over = true;
        if let Err(error) = self.decoder.try_finish() {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.is_over = true;
        self.fault = Some(error.to_string());
    }

    fn trim(&mut self, from: u64) {
        let length = self.decoder.get_ref().len();
        if length > MOST {
            let wanted = usize::try_from(from.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let count = wanted.min(length - KEPT);
            self.decoder.get_mut().drain(..count);
            self.start += count as u64;
        }
    }
}

impl<F> Content<F> {
    fn file(&self) -> &F {
        match self {
            Self::Plain(file) => file,
            Self::Packed(packed) => &packed.file,
        }
    }
}

impl<F: AsFd> AsFd for Content<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

impl<D: Disk> Disk for Unpacking<D> {
    type File = Content<D::File>;

    fn unpacked(&self, file: Self::File) -> io::Result<Self::File> {
        let Content::Plain(file) = file else { return Ok(file) };
        // Once through, for its size: what is compared with it, and whether all of it is there, depends on that.
        let mut stream = Stream::new();
        stream.reach(&self.0, &file, u64::MAX, u64::MAX)?;
        let (size, fault) = (stream.end(), stream.fault);
        Ok(Content::Packed(Box::new(Packed { file, size, fault, stream: RefCell::new(Stream::new()) })))
    }

    fn fault(&self, file: &Self::File) -> Option<String> {
        match file {
            Content::Plain(file) => self.0.fault(file),
            Content::Packed(packed) => packed.fault.clone(),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.0.stat(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.read_link(path)
    }

    fn open(&self, path: &Path) -> io::Result<Self::File> {
        self.0.open(path).map(Content::Plain)
    }

    fn open_itself(&self, path: &Path) -> io::Result<Self::File> {
        self.0.open_itself(path).map(Content::Plain)
    }

    fn place(&self, file: &Self::File, path: &Path) -> io::Result<PathBuf> {
        self.0.place(file.file(), path)
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.real_path(path)
    }

    fn is_ours(&self, path: &Path) -> bool {
        self.0.is_ours(path)
    }

    fn duplicate(&self, file: &Self::File) -> io::Result<Self::File> {
        match file {
            Content::Plain(file) => self.0.duplicate(file).map(Content::Plain),
            Content::Packed(packed) => self.unpacked(Content::Plain(self.0.duplicate(&packed.file)?)),
        }
    }

    fn stat_open(&self, file: &Self::File) -> io::Result<Stat> {
        let stat = self.0.stat_open(file.file())?;
        Ok(match file {
            Content::Plain(_) => stat,
            Content::Packed(packed) => Stat { size: packed.size, ..stat },
        })
    }

    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let packed = match file {
            Content::Plain(file) => return self.0.read_at(file, bytes, offset),
            Content::Packed(packed) => packed,
        };
        let mut stream = packed.stream.borrow_mut();
        let until = offset.saturating_add(bytes.len() as u64).min(packed.size);
        stream.reach(&self.0, &packed.file, offset, until)?;
        let there = usize::try_from(offset - stream.start).ok().and_then(|at| stream.decoder.get_ref().get(at..));
        let there = there.unwrap_or_default();
        let count = there.len().min(bytes.len());
        bytes[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn next_data(&self, file: &Self::File, offset: u64) -> io::Result<Option<u64>> {
        match file {
            Content::Plain(file) => self.0.next_data(file, offset),
            Content::Packed(packed) => Ok((offset < packed.size).then_some(offset)),
        }
    }

    fn sync_data(&self, file: &Self::File) -> io::Result<()> {
        self.0.sync_data(file.file())
    }

    fn punch(&self, file: &Self::File, from: u64, to: u64) -> io::Result<()> {
        match file {
            Content::Plain(file) => self.0.punch(file, from, to),
            // The offsets are those of what it holds.
            Content::Packed(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn has_writer(&self, file: &Self::File) -> Option<bool> {
        self.0.has_writer(file.file())
    }

    fn born(&self, file: &Self::File) -> Option<i64> {
        self.0.born(file.file())
    }

    fn time_of_day(&self) -> u64 {
        self.0.time_of_day()
    }

    fn uptime(&self) -> u64 {
        self.0.uptime()
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.0.list(directory)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::system::System;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn with_file(name: &str, bytes: &[u8], check: impl Fn(&Unpacking<System>, &Content<std::os::fd::OwnedFd>)) {
        let path = std::env::temp_dir().join(format!("logtail-gzip-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let disk = Unpacking(System);
        let file = disk.open(&path).unwrap();
        let is_packed = is_gzip(&disk, &file);
        let file = if is_packed { disk.unpacked(file).unwrap() } else { file };
        std::fs::remove_file(&path).unwrap();
        check(&disk, &file);
    }

    #[test]
    fn any_part_is_read_in_any_order_also_of_several_members() {
        let content: Vec<u8> = (0..200_000).flat_map(|number: u32| format!("{number}\n").into_bytes()).collect();
        let (first, second) = content.split_at(700_000);
        with_file("members", &[packed(first), packed(second)].concat(), |disk, file| {
            assert_eq!(disk.stat_open(file).unwrap().size, content.len() as u64);
            for at in [0, 1000, 900_000, 899_000, 5, content.len() - 10, content.len()] {
                let mut bytes = vec![0; 300_000.min(content.len() - at)];
                let count = read_full(disk, file, &mut bytes, at as u64).unwrap();
                assert!(bytes[..count] == content[at..at + count] && count == bytes.len(), "{at}");
            }
            assert_eq!(disk.fault(file), None);
        });
    }

    #[test]
    fn of_one_that_ends_too_early_what_is_there_is_given_and_the_fault_told() {
        let mut bytes = packed("0123456789 lines\n".repeat(10_000).as_bytes());
        bytes.truncate(bytes.len() - 9);
        with_file("early", &bytes, |disk, file| {
            assert!(disk.fault(file).is_some());
            let mut first = [0; 17];
            assert_eq!(read_full(disk, file, &mut first, 0).unwrap(), 17);
            assert_eq!(&first, b"0123456789 lines\n");
        });
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_other_files() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..256 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        with_file("bomb", &encoder.finish().unwrap(), |disk, file| {
            let Content::Packed(packed) = file else { panic!("it is packed") };
            assert_eq!(packed.size, 256 << 20);
            let mut bytes = [1; 100];
            assert_eq!(disk.read_at(file, &mut bytes, (256 << 20) - 50).unwrap(), 50);
            assert!(packed.stream.borrow().decoder.get_ref().capacity() < 4 << 20);
        });
    }

    #[test]
    fn text_is_no_gzip_whatever_its_name() {
        with_file("text.gz", b"\x1f\x8b but a text of more than ten bytes\n", |_, file| {
            assert!(matches!(file, Content::Plain(_)));
        });
    }
}

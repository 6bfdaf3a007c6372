//! The hole in a log whose delivered beginning was given back to the file system ([`crate::reclaim`]): how far it has been
//! said and punched, and how any reader knows it again, with the state or without.
//!
//! A hole begins at byte 4096, or at the next boundary where blocks are larger or reading began further on. Its shape tells
//! it from all other NUL bytes: the file system calls it a hole, and the byte in front of it is none. What stands behind it
//! up to and with the next LF began in the hole, and was delivered with it.

use std::io;

use memchr::memchr;

use crate::disk::Disk;

/// No hole begins before this offset: the first bytes of a file are what it is known by.
pub const FIRST: u64 = 4096;
/// The largest block at whose boundary a hole is looked for.
pub const LARGEST_BLOCK: u64 = 4 << 20;
/// How much one read takes in search of an LF.
const PIECE: usize = 32 << 10;

/// How far the delivered beginning of one generation has been given back.
///
/// The invariant: `punched <= said <= freed`, each 0 or an offset on a boundary of blocks.
#[derive(Clone, Copy, Default, Debug)]
pub struct Hole {
    freed: u64,
    said: u64,
    punched: u64,
}

impl Hole {
    /// Nothing has been given back.
    pub const NONE: Self = Self { freed: 0, said: 0, punched: 0 };

    /// As the checkpoint says it.
    pub fn from_checkpoint(freed: u64) -> Self {
        Self { freed, said: freed, punched: 0 }
    }

    /// The end of what is to be given back, or has been: nothing below is compared any more.
    pub fn freed(&self) -> u64 {
        self.freed
    }

    /// The end of what may be punched now if the last `reserve` bytes of what is said are held back, where that is more than
    /// has been punched in this run.
    pub fn due(&self, reserve: u64) -> Option<u64> {
        let end = self.said.saturating_sub(reserve);
        (end > self.punched).then_some(end)
    }

    /// The next checkpoint is to say that all below `end` is given back.
    pub fn is_to_reach(&mut self, end: u64) {
        self.freed = end;
    }

    /// A checkpoint is on disk that says how far it is to reach.
    pub fn was_said(&mut self) {
        self.said = self.freed;
    }

    /// All below `end` has been punched.
    pub fn was_punched(&mut self, end: u64) {
        self.punched = end;
    }

    /// Nothing more may be punched.
    pub fn ends_here(&mut self) {
        (self.freed, self.said) = (self.punched, self.punched);
    }
}

/// The offset where a hole begins in a file that is ours from `start` on, in whole blocks of `block` bytes.
pub fn first_offset(start: u64, block: u64) -> u64 {
    start.max(FIRST).next_multiple_of(block.max(1))
}

/// The beginning and the end of the hole that was punched around the offset `at`, if there is one; the file is ours from
/// `start` on. Where the file system does not tell holes, none is found.
pub fn around<D: Disk>(disk: &D, file: &D::File, at: u64, start: u64) -> io::Result<Option<(u64, u64)>> {
    find(disk, file, start, |begin, end| (begin..end).contains(&at))
}

/// The beginning and the end of the first hole that was punched in a file that is ours from its beginning on.
pub fn first<D: Disk>(disk: &D, file: &D::File) -> io::Result<Option<(u64, u64)>> {
    find(disk, file, 0, |begin, end| begin < end)
}

/// The first hole of those wanted that begins where one is punched, with content in front of it.
fn find<D: Disk>(
    disk: &D,
    file: &D::File,
    start: u64,
    is_wanted: impl Fn(u64, u64) -> bool,
) -> io::Result<Option<(u64, u64)>> {
    let of_blocks =
        std::iter::successors(Some(FIRST), |block| Some(block * 2)).take_while(|block| *block <= LARGEST_BLOCK);
    for begin in of_blocks.chain([first_offset(start, FIRST)]) {
        // Behind the last data there is no hole but the end of the file.
        let Some(end) = disk.next_data(file, begin)? else { break };
        let mut before = [0];
        if is_wanted(begin, end) && disk.read_at(file, &mut before, begin - 1)? == 1 && before != [0] {
            return Ok(Some((begin, end)));
        }
    }
    Ok(None)
}

/// Where the first line begins that did not begin in a hole that ends at `end`; `None` if no LF stands behind it.
pub fn next_line<D: Disk>(disk: &D, file: &D::File, end: u64) -> io::Result<Option<u64>> {
    let mut piece = vec![0; PIECE];
    let mut at = end;
    loop {
        let count = disk.read_at(file, &mut piece, at)?;
        if count == 0 {
            return Ok(None);
        }
        if let Some(lf) = memchr(b'\n', &piece[..count]) {
            return Ok(Some(at + lf as u64 + 1));
        }
        at += count as u64;
    }
}

/// Whether `bytes`, which were read at `offset`, are NUL as far as they may lie in a hole: all of them, or those on one
/// side of the boundary of a block among them.
pub fn may_hold(bytes: &[u8], offset: u64) -> bool {
    let end = offset + bytes.len() as u64;
    let boundary = end / FIRST * FIRST;
    let (left, right) = match usize::try_from(boundary.saturating_sub(offset)) {
        Ok(at) if at < bytes.len() => bytes.split_at(at),
        _ => (bytes, &[][..]),
    };
    let is_nul = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0);
    end > FIRST && (is_nul(left) || is_nul(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_begins_behind_the_head_and_behind_what_was_never_delivered() {
        for (start, block, begin) in [(0, 4096, 4096), (0, 1024, 4096), (0, 65536, 65536), (5000, 4096, 8192)] {
            assert_eq!(first_offset(start, block), begin, "{start} {block}");
        }
    }

    #[test]
    fn what_is_said_is_due_only_once_it_is_on_disk_and_until_it_is_punched() {
        let mut hole = Hole::default();
        hole.is_to_reach(8192);
        assert_eq!((hole.due(0), hole.freed()), (None, 8192));
        hole.was_said();
        assert_eq!((hole.due(0), hole.due(4096), hole.due(9000)), (Some(8192), Some(4096), None));
        hole.was_punched(8192);
        assert_eq!((hole.due(0), hole.freed()), (None, 8192));
        hole.is_to_reach(12288);
        hole.ends_here();
        assert_eq!((hole.due(0), hole.freed()), (None, 8192));
    }

    #[test]
    fn bytes_may_lie_in_a_hole_if_one_side_of_a_boundary_is_nul() {
        assert!(may_hold(&[0; 64], 8192));
        assert!(may_hold(b"ab\0\0", 4094));
        assert!(may_hold(b"\0\0ab", 8190));
        assert!(!may_hold(b"\0\0ab", 8192));
        assert!(!may_hold(b"abcd", 8190));
        assert!(!may_hold(&[0; 64], 100));
        assert!(!may_hold(b"", 8192));
    }
}

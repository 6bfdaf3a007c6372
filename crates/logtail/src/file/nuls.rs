//! NUL bytes that nobody wrote: a writer went on at its old offset after a truncation, a file is filled up in advance, a page
//! of a network file system is still on its way. They are told from content by these rules:
//!
//! | NUL bytes | then |
//! |---|---|
//! | up to the end of the file | not written yet: the file ends in front of them |
//! | at the very beginning, or a few at the beginning of a line | skipped |
//! | more at the beginning of a line, other bytes behind them | waited for a while, then skipped |
//! | a page or more inside a line, other bytes behind them | waited for a while, then the line is cut in front of them |
//! | fewer inside a line | content |
//! | the hole of what was given back ([`crate::hole`]) | skipped, with the lines that begin in front of it and in it |

use std::io;
use std::time::Duration;

use memchr::memchr;

use crate::disk::Disk;

/// NUL bytes inside a line are content up to this number.
pub const PAGE: u64 = 4096;
/// NUL bytes at the beginning of a line are skipped at once up to this number.
const FEW: u64 = 16;

/// NUL bytes at which reading stands still.
#[derive(Clone, Copy, Debug)]
pub struct Nuls {
    /// The offset of the first of them.
    pub start: u64,
    /// When they were first seen.
    pub since: Duration,
}

/// NUL bytes among some that were read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The index of the first of them.
    pub start: usize,
    /// Behind the last of them; the end of the bytes, where it is not known what follows.
    pub end: usize,
}

impl Run {
    /// The first NUL bytes in `bytes[known..]` that are no content for sure: at the beginning of a line, at the end of the
    /// bytes, or a page of them. `is_line_start` tells whether a line begins at `known`.
    pub fn first(bytes: &[u8], known: usize, is_line_start: bool) -> Option<Self> {
        let mut from = known;
        while let Some(at) = memchr(0, &bytes[from..]) {
            let start = from + at;
            let end = bytes[start..].iter().position(|byte| *byte != 0).map_or(bytes.len(), |length| start + length);
            let begins_line = if start == known { is_line_start } else { bytes[start - 1] == b'\n' };
            if begins_line || end == bytes.len() || (end - start) as u64 >= PAGE {
                return Some(Self { start, end });
            }
            from = end;
        }
        None
    }

    /// How many there are, as far as is known.
    pub fn length(self) -> u64 {
        (self.end - self.start) as u64
    }

    /// Whether other bytes follow among the `count` that were read, and it is so short that nothing is waited for.
    pub fn is_few(self, count: usize) -> bool {
        self.end < count && self.length() <= FEW
    }
}

/// The offset of the first byte from `at` on that is not NUL; `None` where none stands before the end of the file.
pub fn next_content<D: Disk>(disk: &D, file: &D::File, at: u64, scratch: &mut [u8]) -> io::Result<Option<u64>> {
    let mut at = at;
    while let Some(from) = disk.next_data(file, at)? {
        let count = disk.read_at(file, scratch, from)?;
        let nuls = scratch[..count].iter().take_while(|byte| **byte == 0).count();
        at = from + nuls as u64;
        if nuls < count {
            return Ok(Some(at));
        }
        if count == 0 {
            break;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_bytes_are_no_content_at_a_line_s_beginning_at_the_end_or_in_a_page() {
        let page = [&b"ab"[..], &[0; 4096], b"c\n"].concat();
        let few_behind_a_page = [&[b'a'; 4096][..], b"\0\0c\n"].concat();
        for (bytes, known, is_line_start, run) in [
            (&b"ab\0\0c\n"[..], 0, true, None),
            (b"\0\0ab\n", 0, true, Some((0, 2))),
            (b"\0\0ab\n", 0, false, None),
            (b"a\n\0b\n", 0, true, Some((2, 3))),
            (b"a\0b\n\0c", 0, true, Some((4, 5))),
            (b"ab\0", 0, true, Some((2, 3))),
            (b"a\n\0\0c", 3, false, None),
            (&page, 0, true, Some((2, 4098))),
            (&page[..page.len() - 2], 0, true, Some((2, 4098))),
            (&few_behind_a_page, 0, true, None),
        ] {
            let expected = run.map(|(start, end)| Run { start, end });
            assert_eq!(Run::first(bytes, known, is_line_start), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_few_are_not_waited_for_if_other_bytes_follow() {
        assert!(Run { start: 4, end: 20 }.is_few(21));
        assert!(!Run { start: 4, end: 21 }.is_few(22));
        assert!(!Run { start: 4, end: 20 }.is_few(20));
    }
}

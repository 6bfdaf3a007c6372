//! Where the last or the n-th line of a file begins, found without holding more than a block of it.

use std::io;

use memchr::{memchr_iter, memrchr_iter};

use crate::disk::Disk;
use crate::fingerprint::read_full;
use crate::hole;

const BLOCK: usize = 64 << 10;

/// The offset where the last `count` lines of the first `size` bytes begin. An unterminated last line is a line. Only lines
/// behind a hole of what was given back are counted: where there are fewer, the first of them is the answer.
pub fn start_of_last_lines<D: Disk>(disk: &D, file: &D::File, size: u64, count: u64) -> io::Result<u64> {
    if count == 0 {
        return Ok(size);
    }
    let mut block = vec![0; BLOCK];
    let mut lines = 0;
    let mut end = size;
    let first = first_line(disk, file, size)?;
    while end > first {
        let from = end.saturating_sub(BLOCK as u64).max(first);
        let length = usize::try_from(end - from).unwrap_or(BLOCK);
        let filled = read_full(disk, file, &mut block[..length], from)?;
        for lf in memrchr_iter(b'\n', &block[..filled]) {
            let behind = from + lf as u64 + 1;
            // The LF at the very end closes the last line and begins none.
            if behind < size {
                lines += 1;
                if lines == count {
                    return Ok(behind);
                }
            }
        }
        end = from;
    }
    Ok(first)
}

/// Where the first line begins behind the hole of what was given back; 0 where there is none.
fn first_line<D: Disk>(disk: &D, file: &D::File, size: u64) -> io::Result<u64> {
    let hole = if size > hole::FIRST { hole::first(disk, file)? } else { None };
    Ok(match hole {
        Some((_, end)) => hole::next_line(disk, file, end)?.map_or(0, |line| line.min(size)),
        None => 0,
    })
}

/// The offset where line `number`, counted from 1, begins; the end of the file where it has fewer. 0 means 1, as in tail.
pub fn start_of_line<D: Disk>(disk: &D, file: &D::File, number: u64) -> io::Result<u64> {
    let mut left = number.saturating_sub(1);
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    while left > 0 {
        let filled = read_full(disk, file, &mut block, at)?;
        for lf in memchr_iter(b'\n', &block[..filled]) {
            left -= 1;
            if left == 0 {
                return Ok(at + lf as u64 + 1);
            }
        }
        at += filled as u64;
        if filled < block.len() {
            break;
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::system::System;
    use std::path::Path;

    fn with_file(name: &str, text: &[u8], check: impl Fn(&<System as Disk>::File)) {
        let path = std::env::temp_dir().join(format!("logtail-ends-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let file = System.open(Path::new(&path)).unwrap();
        std::fs::remove_file(&path).unwrap();
        check(&file);
    }

    #[test]
    fn the_last_lines_begin_where_tail_says() {
        with_file("last", b"a\nbb\nccc\n", |file| {
            for (count, start) in [(0, 9), (1, 5), (2, 2), (3, 0), (4, 0)] {
                assert_eq!(start_of_last_lines(&System, file, 9, count).unwrap(), start, "{count}");
            }
        });
        with_file("unterminated", b"a\nbb\nccc", |file| {
            assert_eq!(start_of_last_lines(&System, file, 8, 1).unwrap(), 5);
            assert_eq!(start_of_last_lines(&System, file, 8, 2).unwrap(), 2);
        });
    }

    #[test]
    fn lines_are_counted_over_many_blocks() {
        let text = "0123456789\n".repeat(30_000);
        with_file("blocks", text.as_bytes(), |file| {
            assert_eq!(start_of_last_lines(&System, file, 330_000, 20_000).unwrap(), 110_000);
            assert_eq!(start_of_line(&System, file, 20_001).unwrap(), 220_000);
        });
    }

    #[test]
    fn a_line_behind_the_last_is_the_end() {
        with_file("behind", b"a\nb", |file| {
            for (number, start) in [(0, 0), (1, 0), (2, 2), (3, 3), (9, 3)] {
                assert_eq!(start_of_line(&System, file, number).unwrap(), start, "{number}");
            }
        });
    }
}

//! The files that rotation leaves beside a log: known by their names, told apart from copies by their bytes.

use std::io;

use crate::disk::Disk;
use crate::generation::{Entry, has_head, has_marker};

/// The names of logs of which a file called `name` may be an older generation: `name` without one or more endings that
/// begin with `.`, `-` or `_` and hold only digits and date marks, or without `.old`. Compressed ones are none.
pub fn bases(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let old = name.strip_suffix(b".old");
    let dated = (1..name.len())
        .rev()
        .take_while(|at| name[*at..].iter().all(|byte| is_date_mark(*byte)))
        .filter(|at| matches!(name[*at], b'.' | b'-' | b'_') && name.get(at + 1).is_some_and(u8::is_ascii_digit));
    old.into_iter().chain(dated.map(|at| &name[..at])).filter(|base| !base.is_empty())
}

fn is_date_mark(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'T' | b'Z' | b'+')
}

/// A key that sorts the siblings of one log from the oldest: `log.2` before `log.1`, `log-20261123` before `log-20261124`.
pub fn age(name: &[u8]) -> (u64, Vec<u8>) {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let ending = &name[name.len() - digits..];
    let number: u64 = std::str::from_utf8(ending).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    // A counter counts up with age, a date down: nobody keeps ten million files.
    if digits > 0 && digits < 8 && !name[..name.len() - digits].ends_with(b"-") {
        (u64::MAX - number, Vec::new())
    } else {
        (u64::MAX / 2, name.to_vec())
    }
}

/// Whether all `size` bytes of `candidate` equal the first of `original`: then it is a copy, or the beginning of one.
pub fn is_prefix<D: Disk>(
    disk: &D,
    candidate: &D::File,
    size: u64,
    original: &D::File,
    scratch: &mut [u8],
) -> io::Result<bool> {
    if disk.stat_open(original)?.size < size {
        return Ok(false);
    }
    let (left, right) = scratch.split_at_mut(scratch.len() / 2);
    let mut at = 0;
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(usize::MAX).min(left.len());
        let count = disk.read_at(candidate, &mut left[..length], at)?;
        if count == 0 {
            return Ok(false);
        }
        let mut compared = 0;
        while compared < count {
            let other = disk.read_at(original, &mut right[..count - compared], at + compared as u64)?;
            if other == 0 || left[compared..compared + other] != right[..other] {
                return Ok(false);
            }
            compared += other;
        }
        at += count as u64;
    }
    Ok(true)
}

/// Whether `candidate`, `size` bytes long, holds what the generation held whose original has shrunk: its whole head and
/// its marker, or, if it is shorter than what was read (lines came between the copy and the truncation), a full head.
pub fn is_copy<D: Disk>(disk: &D, candidate: &D::File, size: u64, entry: &Entry) -> io::Result<bool> {
    if entry.head.length == 0 || !has_head(disk, candidate, entry)? {
        return Ok(false);
    }
    if size >= entry.marker.offset {
        return has_marker(disk, candidate, entry);
    }
    Ok(entry.head.is_full())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn is_sibling(name: &str, base: &str) -> bool {
        bases(name.as_bytes()).any(|found| found == base.as_bytes())
    }

    #[test]
    fn rotated_names_are_known_and_others_are_not() {
        for name in [
            "app.log.1",
            "app.log.12",
            "app.log-20261124",
            "app.log_2026-11-24",
            "app.log.2026-11-24T10:00:00Z",
            "app.log.20261124-101112",
            "app.log-2026.11.24.1",
            "app.log.old",
        ] {
            assert!(is_sibling(name, "app.log"), "{name}");
        }
        for name in [
            "app.log",
            "app.log2",
            "app.log.bak",
            "app.log.offset",
            "app.log.1.gz",
            "app.log.",
            "app.log.x1",
            "app.log.-",
        ] {
            assert!(!is_sibling(name, "app.log"), "{name}");
        }
        assert!(is_sibling("0.log.20261124-101112", "0.log"));
    }

    #[test]
    fn siblings_sort_from_the_oldest() {
        for (older, younger) in [
            ("a.log.2", "a.log.1"),
            ("a.log.10", "a.log.9"),
            ("a.log-20261123", "a.log-20261124"),
            ("a.log.2026-11-23", "a.log.2026-11-24"),
            ("0.log.20261124-101112", "0.log.20261124-101113"),
        ] {
            assert!(age(older.as_bytes()) < age(younger.as_bytes()), "{older} {younger}");
        }
    }
}

//! The names that rotation gives to the older generations of a log, and their order by age.

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

/// A key that sorts the rotated files of one log from the oldest: `log.2` before `log.1`, `log-20261123` before
/// `log-20261124`.
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

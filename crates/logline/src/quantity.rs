//! Sizes and durations as people write them in options. A number without a unit is bytes or seconds.

use std::time::Duration;

/// Bytes: `4096`, `64k`, `64KiB`, `1MiB`, `10MB` (`k`, `M`, `G` and `KiB`, `MiB`, `GiB` count in 1024, `kB`, `MB`,
/// `GB` in 1000; case does not matter). The error says what was expected.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected = || format!("'{text}' is no size, expected something like 4096, 64KiB, 1MiB or 10MB");
    let (digits, unit) = number_and_unit(text);
    let number: f64 = digits.parse().map_err(|_| expected())?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(expected()),
    };
    let bytes = number * factor;
    if !(0.0..1e18).contains(&bytes) {
        return Err(expected());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    Ok(bytes as u64)
}

/// Seconds. No option means more, and no sum of a few such overflows.
const LONGEST: f64 = 100.0 * 366.0 * 86_400.0;

/// A length of time: `250ms`, `90s`, `1.5s`, `2h30m`, `7d`, `0`; a bare number is seconds. The error says what was
/// expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("'{text}' is no duration, expected something like 250ms, 90s, 2h30m or 7d");
    let mut rest = text;
    let mut seconds = 0.0;
    if text.is_empty() {
        return Err(expected());
    }
    while !rest.is_empty() {
        let (digits, behind) = number_and_unit(rest);
        let unit_length = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(unit_length);
        let number: f64 = digits.parse().map_err(|_| expected())?;
        seconds += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "" | "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 7.0 * 86_400.0,
                _ => return Err(expected()),
            };
        rest = next;
    }
    if seconds > LONGEST {
        return Err(format!("'{text}' is longer than a century"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| expected())
}

fn number_and_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64k", 65536),
            ("64KiB", 65536),
            ("1MiB", 1 << 20),
            ("10MB", 10_000_000),
            ("1.5k", 1536),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, millis) in [
            ("0", 0),
            ("250ms", 250),
            ("90s", 90_000),
            ("1.5s", 1500),
            ("2h30m", 9_000_000),
            ("7d", 604_800_000),
            ("2", 2000),
            ("1m2.5s", 62_500),
            ("5000µs", 5),
            ("5000μs", 5),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_says_what_was_expected() {
        for text in ["", "x", "-1", "1x", "1.2.3", "9999999999999999999999GiB"] {
            assert!(parse_size(text).is_err_and(|error| error.contains("expected")), "{text}");
        }
        assert!(parse_duration("1e400").is_err() && parse_duration("99999999d").is_err());
        for text in ["", "s", "-1s", "1x", "1h-2m"] {
            assert!(parse_duration(text).is_err_and(|error| error.contains("expected")), "{text}");
        }
    }
}

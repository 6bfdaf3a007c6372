//! What `--reclaim` is told: how much of a log stays, and in which steps the rest is given back.

use std::time::Duration;

use logline::quantity::{parse_duration, parse_size};

/// The usual step.
pub const STEP: u64 = 1 << 20;

/// What stays of each log, with all its older generations, although it is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// So many bytes of disk space, the newest.
    Size(u64),
    /// What was read within a span of time.
    Time(Duration),
}

impl Keep {
    /// Reads `24h` or `512MB`; `m` means minutes, `M` MiB. A bare number could be both, and is none. The error says what was
    /// expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_bare = text != "0" && text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
        match (parse_duration(text), parse_size(text)) {
            (_, Ok(0)) => Ok(Self::Size(0)),
            (Ok(time), _) if !is_bare => Ok(Self::Time(time)),
            (_, Ok(size)) if !is_bare => Ok(Self::Size(size)),
            _ => Err(format!(
                "'{text}' is neither a duration nor a size, expected something like 24h, 7d, 512MB or 10GiB"
            )),
        }
    }
}

/// On which terms disk space is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// What stays.
    pub keep: Keep,
    /// Of a file that is still written, disk space is given back in steps of at least this many bytes, and this many bytes
    /// in front of the marker stay.
    pub step: u64,
}

impl Terms {
    /// The usual ones, with `keep`.
    pub fn new(keep: Keep) -> Self {
        Self { keep, step: STEP }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_a_time_or_a_size_and_never_a_bare_number() {
        let hours = |hours: u64| Ok(Keep::Time(Duration::from_secs(hours * 3600)));
        for (text, keep) in [
            ("0", Ok(Keep::Size(0))),
            ("24h", hours(24)),
            ("7d", hours(168)),
            ("60m", hours(1)),
            ("512MB", Ok(Keep::Size(512_000_000))),
            ("1M", Ok(Keep::Size(1 << 20))),
            ("10GiB", Ok(Keep::Size(10 << 30))),
        ] {
            assert_eq!(Keep::parse(text), keep, "{text}");
        }
        for text in ["", "512", "1h30", "never", "-1h", "1x", "h"] {
            assert!(Keep::parse(text).is_err_and(|why| why.contains("24h")), "{text}");
        }
    }
}

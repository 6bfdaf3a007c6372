//! Levels in their order, by all the names and numbers that loggers give them.

/// A level, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Finest.
    Trace,
    /// For developers.
    Debug,
    /// As usual.
    Info,
    /// As usual, but worth a look.
    Notice,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
    /// It does not work; `fatal` reads as this.
    Crit,
    /// Somebody must act.
    Alert,
    /// Nothing works.
    Emerg,
}

const NAMES: [(&str, Level); 21] = [
    ("trace", Level::Trace),
    ("verbose", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("information", Level::Info),
    ("informational", Level::Info),
    ("notice", Level::Notice),
    ("warn", Level::Warn),
    ("warning", Level::Warn),
    ("error", Level::Error),
    ("err", Level::Error),
    ("severe", Level::Error),
    ("crit", Level::Crit),
    ("critical", Level::Crit),
    ("fatal", Level::Crit),
    ("alert", Level::Alert),
    ("emerg", Level::Emerg),
    ("emergency", Level::Emerg),
    ("panic", Level::Emerg),
    ("dbg", Level::Debug),
    ("inf", Level::Info),
];

impl Level {
    /// By name, whatever its case, or by number: syslog's 0 to 7, pino's 10 to 60.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if let Some((_, level)) = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(*level);
        }
        match std::str::from_utf8(text).ok()?.parse::<u8>().ok()? {
            0 => Some(Level::Emerg),
            1 => Some(Level::Alert),
            2 | 60 => Some(Level::Crit),
            3 | 50 => Some(Level::Error),
            4 | 40 => Some(Level::Warn),
            5 => Some(Level::Notice),
            6 | 30 => Some(Level::Info),
            7 | 20 => Some(Level::Debug),
            10 => Some(Level::Trace),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_known_by_all_their_names() {
        assert!(Level::parse(b"WARNING") < Level::parse(b"err"));
        assert_eq!(Level::parse(b"fatal"), Some(Level::Crit));
        assert_eq!((Level::parse(b"3"), Level::parse(b"50")), (Some(Level::Error), Some(Level::Error)));
        assert_eq!(Level::parse(b"loud"), None);
        assert_eq!(Level::parse(b"8"), None);
    }
}

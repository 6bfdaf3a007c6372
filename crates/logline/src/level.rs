//! Levels in their order, by all the names and numbers that loggers give them. This table is the only one in the workspace.

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

/// The words of each level, the one that records use first.
const WORDS: [(Level, &[&str]); 9] = [
    (Level::Trace, &["trace", "trc", "t", "trac", "trce", "verbose", "vrb", "v", "silly", "finer", "finest"]),
    (
        Level::Debug,
        &["debug", "dbg", "d", "debu", "dbug", "fine", "http", "debug1", "debug2", "debug3", "debug4", "debug5"],
    ),
    (Level::Info, &["info", "inf", "i", "information", "informational", "note", "log", "success"]),
    (Level::Notice, &["notice"]),
    (Level::Warn, &["warn", "warning", "wrn", "w"]),
    (Level::Error, &["error", "err", "e", "erro", "eror", "fail", "failure", "severe"]),
    (Level::Crit, &["crit", "critical", "fatal", "fata", "ftl", "f", "panic", "pani", "pnc"]),
    (Level::Alert, &["alert"]),
    (Level::Emerg, &["emerg", "emergency"]),
];

impl Level {
    /// By one of its words, in any case and with white space around it or not.
    pub fn from_word(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        // No word is longer; most texts that are asked about are.
        if text.len() > "informational".len() {
            return None;
        }
        let is_one = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
        WORDS.iter().find(|(_, words)| is_one(words)).map(|(level, _)| *level)
    }

    /// By the text of a field of the name `field`: a word, or a number by what that name says of numbers. These are syslog's
    /// 0 to 7 in any field; in `level` and its like also the 10 to 60 of pino and bunyan and the 100 to 600 of Monolog; and
    /// in `levelno` Python's 10 to 50.
    pub fn from_field(field: &str, text: &[u8]) -> Option<Self> {
        Self::from_word(text).or_else(|| {
            let number = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
            Self::from_number(field, number)
        })
    }

    fn from_number(field: &str, number: u16) -> Option<Self> {
        let is_syslog = ["severity", "priority"].iter().any(|name| field.eq_ignore_ascii_case(name));
        let is_python = field.eq_ignore_ascii_case("levelno");
        Some(match number {
            10 if is_python => Self::Debug,
            20 if is_python => Self::Info,
            30 if is_python => Self::Warn,
            40 if is_python => Self::Error,
            50 if is_python => Self::Crit,
            _ if is_python => return None,
            0 => Self::Emerg,
            1 => Self::Alert,
            2 => Self::Crit,
            3 => Self::Error,
            4 => Self::Warn,
            5 => Self::Notice,
            6 => Self::Info,
            7 => Self::Debug,
            _ if is_syslog => return None,
            10 => Self::Trace,
            20 | 100 => Self::Debug,
            30 | 200 => Self::Info,
            250 => Self::Notice,
            40 | 300 => Self::Warn,
            50 | 400 => Self::Error,
            60 | 500 => Self::Crit,
            550 => Self::Alert,
            600 => Self::Emerg,
            _ => return None,
        })
    }

    /// The word that records use: `trace debug info notice warn error crit alert emerg`.
    pub fn name(self) -> &'static str {
        WORDS[self as usize].1[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_known_by_all_their_names() {
        assert!(Level::from_word(b"WARNING") < Level::from_word(b"err"));
        for (word, level) in [
            ("fatal", Level::Crit),
            (" Info ", Level::Info),
            ("ERROR\t", Level::Error),
            ("ftl", Level::Crit),
            ("pnc", Level::Crit),
            ("VRB", Level::Trace),
            ("emergency", Level::Emerg),
        ] {
            assert_eq!(Level::from_word(word.as_bytes()), Some(level), "{word}");
        }
        for word in ["loud", "", "errors", "8", "a text that is much longer"] {
            assert_eq!(Level::from_word(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn each_level_stands_at_its_place_in_the_table_and_no_word_has_two_levels() {
        for (place, (level, words)) in WORDS.iter().enumerate() {
            assert_eq!(*level as usize, place);
            assert_eq!(Level::from_word(level.name().as_bytes()), Some(*level));
            for word in *words {
                assert_eq!(WORDS.iter().filter(|(_, words)| words.contains(word)).count(), 1, "{word}");
            }
        }
    }

    #[test]
    fn a_number_means_what_the_name_of_its_field_says() {
        for (field, number, level) in [
            ("level", "3", Some(Level::Error)),
            ("level", "50", Some(Level::Error)),
            ("level", "550", Some(Level::Alert)),
            ("level", "35", None),
            ("level", "-3", None),
            ("PRIORITY", "3", Some(Level::Error)),
            ("severity", "50", None),
            ("levelno", "50", Some(Level::Crit)),
            ("levelno", "3", None),
            ("level", "70000", None),
        ] {
            assert_eq!(Level::from_field(field, number.as_bytes()), level, "{field} {number}");
        }
    }
}

//! Whether a condition can hold at all, judged by the first thousand lines: a slip in the name of a field would otherwise
//! drop a whole log in silence.

use std::cell::Cell;
use std::collections::BTreeSet;

use logline::json::{members, unescape_inner};
use logline::spelling::nearest;

/// As many lines are looked at.
pub const LENGTH: u64 = 1000;

/// No more names of fields are remembered, nor longer ones.
const MOST_NAMES: usize = 500;
const LONGEST_NAME: usize = 100;

/// What lines and fields have been seen.
#[derive(Debug, Default)]
pub struct Trial {
    lines: u64,
    records: u64,
    names: BTreeSet<String>,
    has_ended: bool,
}

/// What a test of a field has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// It has been asked of a record.
    pub asked: Cell<bool>,
    /// A record had the field.
    pub found: Cell<bool>,
    /// The field could be compared with the right side.
    pub compared: Cell<bool>,
}

/// Why a test never holds, as far as has been seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// No record had this field.
    Missing(String),
    /// No value of the field could be compared: what is said of it.
    Unlike(String),
}

/// What is known of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outlook {
    /// It holds for some records, or may.
    Open,
    /// It holds for every record, for this cause.
    Always(Cause),
    /// It holds for none, for this cause.
    Never(Cause),
}

impl Outlook {
    /// The opposite.
    pub fn negated(self) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Always(cause) => Self::Never(cause),
            Self::Never(cause) => Self::Always(cause),
        }
    }

    /// That of conditions which must all hold.
    pub fn all(mut outlooks: impl Iterator<Item = Self>) -> Self {
        let mut together = None;
        outlooks
            .find_map(|outlook| match outlook {
                Self::Never(_) => Some(outlook),
                Self::Open => {
                    together = Some(Self::Open);
                    None
                }
                Self::Always(_) => {
                    together.get_or_insert(outlook);
                    None
                }
            })
            .or(together)
            .unwrap_or(Self::Open)
    }

    /// That of conditions of which one must hold.
    pub fn any(outlooks: impl Iterator<Item = Self>) -> Self {
        Self::all(outlooks.map(Self::negated)).negated()
    }
}

impl Trial {
    /// Whether more lines are to be looked at.
    pub fn goes_on(&self) -> bool {
        !self.has_ended
    }

    /// Takes note of a line, and of the record that it is. True when it was the last to be looked at.
    pub fn take(&mut self, record: Option<&[u8]>) -> bool {
        if self.has_ended {
            return false;
        }
        self.lines += 1;
        if let Some(record) = record {
            self.records += 1;
            for member in members(record).flatten() {
                let Some(name) = unescape_inner(member.key) else { continue };
                // Most names have been seen in the record before.
                if let Ok(name) = std::str::from_utf8(&name)
                    && name.len() <= LONGEST_NAME
                    && self.names.len() < MOST_NAMES
                    && !self.names.contains(name)
                {
                    self.names.insert(name.to_owned());
                }
            }
        }
        self.has_ended = self.lines == LENGTH;
        self.has_ended
    }

    /// Whether lines have come, and none was a record.
    pub fn has_no_record(&self) -> bool {
        self.lines > 0 && self.records == 0
    }

    /// What is to be said of a condition that never holds for a cause.
    pub fn reproach(&self, cause: &Cause) -> String {
        match cause {
            Cause::Unlike(text) => text.clone(),
            Cause::Missing(name) => {
                let meant = nearest(name, self.names.iter().map(String::as_str), 2);
                let hint = meant.map(|meant| format!(" (did you mean '{meant}'?)")).unwrap_or_default();
                format!("no record had a field '{name}'{hint}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_as_open_as_its_parts_leave_it() {
        let cause = || Cause::Missing("a".to_owned());
        let (never, always) = (|| Outlook::Never(cause()), || Outlook::Always(cause()));
        for (all, expected) in [
            (vec![Outlook::Open, never()], never()),
            (vec![Outlook::Open, always()], Outlook::Open),
            (vec![always(), always()], always()),
        ] {
            assert_eq!(Outlook::all(all.clone().into_iter()), expected, "{all:?}");
        }
        assert_eq!(Outlook::any([Outlook::Open, never()].into_iter()), Outlook::Open);
        assert_eq!(Outlook::any([never(), never()].into_iter()), never());
        assert_eq!(Outlook::any([Outlook::Open, always()].into_iter()), always());
    }

    #[test]
    fn names_and_lines_are_bounded() {
        let mut trial = Trial::default();
        let mut ended = 0;
        for n in 0..2 * LENGTH {
            let record = format!("{{\"{n}\":1,\"{}\":2}}", "x".repeat(LONGEST_NAME + 1));
            ended += u64::from(trial.take(Some(record.as_bytes())));
        }
        assert_eq!((ended, trial.lines, trial.names.len()), (1, LENGTH, MOST_NAMES));
    }
}

//! Directories that are named after the day or the month, into which rotation moves the older files: which there are now that
//! are later than one that is known.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, or_here};
use crate::names::{are_alike, has_date, numbers};

/// What may follow a year, each in a directory of its own: the month, the day, the hour.
const UNITS: [RangeInclusive<u64>; 3] = [1..=12, 1..=31, 0..=23];

/// The date for which the name of a directory stands that lies in one which stands for `above` units, from the greatest unit
/// on: `[2026, 11, 28]` for `2026-11-28`, `28-11-2026` and `app-20261128`, `[2026]` for `2026` and `year=2026`, and behind
/// that `[11]` for `11`. `None` if it stands for none.
fn date_of(name: &[u8], above: usize) -> Option<Vec<u64>> {
    let core = name.rsplit(|byte| *byte == b'=').next().unwrap_or(name);
    let core = core.strip_suffix(b"h").unwrap_or(core);
    let runs: Vec<&[u8]> = core.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    let number = |run: &[u8]| std::str::from_utf8(run).ok()?.parse::<u64>().ok();
    let unit = |run: &&[u8], unit: usize| {
        (run.len() <= 2).then(|| number(run)).flatten().filter(|number| UNITS[unit].contains(number))
    };
    let is_year = |run: &&[u8]| run.len() == 4 && (run.starts_with(b"19") || run.starts_with(b"20"));
    if let [only] = runs[..]
        && only == core
    {
        if is_year(&only) {
            return number(only).map(|year| vec![year]);
        }
        if (1..=UNITS.len()).contains(&above) && only.len() <= 2 {
            return unit(&only, above - 1).map(|number| vec![number]);
        }
    }
    if let Some(at) = runs.iter().position(is_year) {
        let year = number(runs[at])?;
        match (&runs[..at], runs.get(at + 1).and_then(|run| unit(run, 0))) {
            (_, Some(month)) => {
                let day = runs.get(at + 2).and_then(|run| unit(run, 1));
                return Some([year, month].into_iter().chain(day).collect());
            }
            ([.., one, other], None) if let (Some(one), Some(other)) = (unit(one, 1), unit(other, 1)) => {
                let (day, month) = if other > 12 { (other, one) } else { (one, other) };
                return Some(vec![year, month, day]);
            }
            ([.., one], None) if let Some(month) = unit(one, 0) => return Some(vec![year, month]),
            _ => {}
        }
    }
    if !has_date(core) {
        return None;
    }
    // Of a date without separators the year has four digits, what follows two each.
    let is_joined = |run: &&&[u8]| run.len() >= 6 && run.len().is_multiple_of(2);
    Some(runs.iter().find(is_joined).map_or_else(
        || numbers(core),
        |run| std::iter::once(&run[..4]).chain(run[4..].chunks(2)).filter_map(number).collect(),
    ))
}

/// The parts of the path `place` behind those that it has in common with `own`, and the date for which each stands. What
/// stands in `own` too is none (`2026/12/8080/app.log` of `8080/app.log`).
fn parts<'a>(own: &Path, place: &'a Path) -> Vec<(&'a OsStr, usize, Option<Vec<u64>>)> {
    let common = own.components().zip(place.components()).take_while(|(one, other)| one == other).count();
    let is_own = |part: &OsStr| own.components().skip(common).any(|own| own.as_os_str() == part);
    let mut above = 0;
    let read = |part: std::path::Component<'a>| {
        let part = part.as_os_str();
        let date = date_of(part.as_bytes(), above).filter(|_| !is_own(part));
        let read = (part, above, date);
        above = read.2.as_ref().map_or(0, |date| above + date.len());
        read
    };
    place.components().skip(common).map(read).collect()
}

/// Sorts directories from the oldest, where they are named after dates.
pub fn sort_by_date(directories: &mut [PathBuf]) {
    directories.sort_by_cached_key(|directory| -> Vec<u64> {
        let parts = parts(Path::new(""), directory).into_iter();
        parts.flat_map(|(name, _, date)| date.unwrap_or_else(|| numbers(name.as_bytes()))).collect()
    });
}

/// Whether the path of `place` varies with time, apart from what it has in common with `own`.
pub fn is_dated(own: &Path, place: &Path) -> bool {
    parts(own, place).iter().any(|(_, _, date)| date.is_some())
}

/// The directories that differ from `place` in a later date only, in any order. Only what lies below the directories that
/// `own` and `place` have in common is looked at, and no link is taken. What cannot be listed holds none.
pub fn later<D: Disk>(disk: &D, own: &Path, place: &Path) -> Vec<PathBuf> {
    let own = or_here(own);
    let real = if place.is_absolute() { disk.real_path(own).ok() } else { None };
    let own = real.as_deref().filter(|real| !place.starts_with(own) || place.starts_with(real)).unwrap_or(own);
    let parts = parts(own, place);
    let common: PathBuf = place.components().take(place.components().count() - parts.len()).collect();
    let mut known = Vec::new();
    let mut found: Vec<(Vec<u64>, PathBuf)> = vec![(Vec::new(), common)];
    for (name, above, date) in parts {
        let Some(here) = date else {
            for (_, directory) in &mut found {
                directory.push(name);
            }
            found.retain(|(_, directory)| disk.read_link(directory).is_err());
            continue;
        };
        known.extend(here);
        let below = |(date, directory): (Vec<u64>, PathBuf)| {
            let names = disk.list(or_here(&directory)).unwrap_or_default();
            let alike = names.into_iter().filter(|other| are_alike(other.as_bytes(), name.as_bytes()));
            let dated = alike.filter_map(|other| {
                Some(([&date[..], &date_of(other.as_bytes(), above)?].concat(), directory.join(other)))
            });
            let is_later = |(date, path): &(Vec<u64>, PathBuf)| *date >= known && disk.read_link(path).is_err();
            dated.filter(is_later).collect::<Vec<_>>()
        };
        found = found.into_iter().flat_map(below).collect();
    }
    found.into_iter().filter(|(date, _)| *date > known).map(|(_, directory)| directory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_directories_stand_for_dates() {
        let dates: [(&str, usize, &[u64]); 17] = [
            ("2026-11-28", 0, &[2026, 11, 28]),
            ("20261128", 0, &[2026, 11, 28]),
            ("2026112813", 0, &[2026, 11, 28, 13]),
            ("2026-9-3", 0, &[2026, 9, 3]),
            ("28-11-2026", 0, &[2026, 11, 28]),
            ("11.28.2026", 0, &[2026, 11, 28]),
            ("12-2026", 0, &[2026, 12]),
            ("2026-12", 0, &[2026, 12]),
            ("app-2026_12", 0, &[2026, 12]),
            ("28-Nov-2026", 0, &[2026, 11, 28]),
            ("Nov-2026", 0, &[2026, 11]),
            ("2026", 0, &[2026]),
            ("dt=2026-11-28", 0, &[2026, 11, 28]),
            ("year=2026", 0, &[2026]),
            ("11", 1, &[11]),
            ("hour=13", 3, &[13]),
            ("07h", 3, &[7]),
        ];
        for (name, above, date) in dates {
            assert_eq!(date_of(name.as_bytes(), above).as_deref(), Some(date), "{name}");
        }
        for (name, above) in [("8080", 3), ("13", 1), ("24", 3), ("11", 0), ("11", 4), ("old", 0), ("app-7", 0)] {
            assert_eq!(date_of(name.as_bytes(), above), None, "{name}");
        }
    }

    #[test]
    fn what_stands_in_the_own_directory_too_is_no_date() {
        let is_dated = |own, place| is_dated(Path::new(own), Path::new(place));
        assert!(is_dated("/logs/8080", "/logs/2026-11-28/8080"));
        assert!(!is_dated("/logs/2026", "/logs/old/2026"));
        assert!(!is_dated("/srv/2026-11-28/logs", "/srv/2026-11-28/old"));
    }
}

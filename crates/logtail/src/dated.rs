//! Directories that are named after the day or the month, into which rotation moves the older files: which there are now that
//! are later than one that is known.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::names::{are_alike, has_date, numbers};

/// The parts of the path `place` behind those that it has in common with `own`, and whether each varies with time: a date,
/// a year, or a number directly behind such (`2026/12/01`).
fn parts<'a>(own: &Path, place: &'a Path) -> impl Iterator<Item = (&'a OsStr, bool)> {
    let common = own.components().zip(place.components()).take_while(|(one, other)| one == other).count();
    let mut is_dated = false;
    place.components().skip(common).map(move |part| {
        let name = part.as_os_str().as_bytes();
        let is_number = name.iter().all(u8::is_ascii_digit);
        let is_year = is_number && name.len() == 4 && matches!(&name[..2], b"19" | b"20");
        is_dated = is_year || has_date(name) || (is_dated && is_number);
        (part.as_os_str(), is_dated)
    })
}

/// Whether the path of `place` varies with time, apart from what it has in common with `own`.
pub fn is_dated(own: &Path, place: &Path) -> bool {
    parts(own, place).any(|(_, varies)| varies)
}

/// The directories that differ from `place` in a later date only, from the oldest. Only what lies below the directories that
/// `own` and `place` have in common is looked at, and no link is taken. What cannot be listed holds none.
pub fn later<D: Disk>(disk: &D, own: &Path, place: &Path) -> Vec<PathBuf> {
    let varying = parts(own, place);
    let common = place.components().count() - parts(own, place).count();
    let mut known = Vec::new();
    let mut found: Vec<(Vec<u64>, PathBuf)> = vec![(Vec::new(), place.components().take(common).collect())];
    for (name, varies) in varying {
        if !varies {
            found.iter_mut().for_each(|(_, directory)| directory.push(name));
            continue;
        }
        known.extend(numbers(name.as_bytes()));
        let below = |(date, directory): (Vec<u64>, PathBuf)| {
            let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            let names = disk.list(listed).unwrap_or_default();
            let alike = names.into_iter().filter(|other| are_alike(other.as_bytes(), name.as_bytes()));
            let dated = alike.map(|other| ([&date[..], &numbers(other.as_bytes())].concat(), directory.join(other)));
            dated.filter(|(date, path)| *date >= known && disk.read_link(path).is_err()).collect::<Vec<_>>()
        };
        found = found.into_iter().flat_map(below).collect();
    }
    found.retain(|(date, _)| *date > known);
    found.sort_unstable();
    found.into_iter().map(|(_, directory)| directory).collect()
}

//! Other pipelines over the same files (`--also-acked`): what one of them may still need is not given back.
//!
//! Each has a state of its own, under names that only it knows; a file is the same by device and inode in the same boot. Of a
//! file that another pipeline does not know nothing is given back, and neither is anything as long as its state cannot be read.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::files::{Checkpoint, Entry, Inode};
use logline::state::{Loaded, Store, acks};

use crate::fingerprint::SAMPLE;

/// The state directories of the other pipelines.
#[derive(Debug, Default)]
pub struct Others {
    directories: Vec<PathBuf>,
    /// The id of this boot.
    boot: String,
    /// Those whose state could not be read, which has been said.
    silent: BTreeSet<PathBuf>,
}

impl Others {
    /// Those with these state directories; `boot` is the id of this boot.
    pub fn new(directories: Vec<PathBuf>, boot: String) -> Self {
        Self { directories, boot, silent: BTreeSet::new() }
    }

    /// What they need by now, and what is to be said. `step` is that of [`Needs::add`].
    pub fn needs(&mut self, step: u64) -> (Needs, Vec<String>) {
        let (mut needs, mut messages) = (Needs::default(), Vec::new());
        for directory in &self.directories {
            let copies: Vec<Checkpoint> =
                Store::new(directory, "files").copies().iter().map(|text| Checkpoint::parse(text).0).collect();
            let acks = match Store::new(directory, "acks").load() {
                Loaded::Current(text) => acks::parse(&text).collect(),
                Loaded::Nothing | Loaded::Previous(..) | Loaded::Lost(_) => HashMap::new(),
            };
            if !copies.is_empty() {
                self.silent.remove(directory);
            } else if self.silent.insert(directory.clone()) {
                let why = std::fs::metadata(directory.join("files")).err().map(|error| cause(&error));
                messages.push(format!(
                    "--also-acked {}: no state can be read there ({}), no disk space is given back",
                    directory.display(),
                    why.as_deref().unwrap_or("it is not ours, or damaged")
                ));
            }
            needs.add(&copies, &acks, &self.boot, step);
        }
        (needs, messages)
    }
}

/// What other pipelines may still need: of each file all from an offset on.
#[derive(Debug, Default)]
pub struct Needs(Vec<HashMap<Inode, u64>>);

impl Needs {
    /// One pipeline more. It may go on from any of the `copies` of its checkpoint, as far as they are of this `boot`; of a
    /// file that is not finished the last `step` bytes before a marker stay.
    pub fn add(&mut self, copies: &[Checkpoint], acks: &HashMap<Fid, u64>, boot: &str, step: u64) {
        let of_copy = |copy: &Checkpoint| {
            let mut needed: HashMap<Inode, u64> = HashMap::new();
            for entry in copy.entries.iter().filter(|_| copy.boot == boot) {
                // One whose content went on as another generation, and that is delivered, is not taken up again.
                let ack = acks.get(&entry.fid).copied().unwrap_or(0);
                if entry.successor.is_some() && entry.end.is_some_and(|end| ack >= end) {
                    continue;
                }
                let from = ack.min(known_from(entry, step));
                needed.entry(entry.inode).and_modify(|needed| *needed = from.min(*needed)).or_insert(from);
            }
            needed
        };
        let mut all = copies.iter().map(of_copy);
        let mut needed = all.next().unwrap_or_default();
        for other in all {
            needed.retain(|inode, _| other.contains_key(inode));
            for (inode, from) in &mut needed {
                *from = (*from).min(other.get(inode).copied().unwrap_or(0));
            }
        }
        self.0.push(needed);
    }

    /// The offset from which on the file is needed; 0 where that is not known.
    pub fn from(&self, inode: Inode) -> u64 {
        self.0.iter().map(|needed| needed.get(&inode).copied().unwrap_or(0)).min().unwrap_or(u64::MAX)
    }
}

/// Where begins what a file is known by at its end.
fn known_from(entry: &Entry, step: u64) -> u64 {
    entry.marker.offset.saturating_sub(if entry.end.is_some() { SAMPLE as u64 } else { step })
}

#[cfg(test)]
mod tests {
    use super::*;
    use logline::state::files::{Head, Sample};

    const FILE: Inode = Inode { device: 1, number: 2 };

    fn entry(fid: u64, marker: u64, end: Option<u64>) -> Entry {
        Entry {
            fid: Fid(fid),
            path: PathBuf::from("/log/a"),
            inode: FILE,
            born: None,
            head: Head::default(),
            samples: Vec::new(),
            marker: Sample { offset: marker, ..Sample::default() },
            start: 0,
            since: 0,
            cuts: Vec::new(),
            freed: 0,
            end,
            successor: None,
        }
    }

    fn copy(entries: Vec<Entry>) -> Checkpoint {
        Checkpoint { boot: "boot".to_owned(), entries, ..Checkpoint::default() }
    }

    fn needed(copies: &[Checkpoint], acks: &[(u64, u64)]) -> u64 {
        let mut needs = Needs::default();
        let acks = acks.iter().map(|(fid, offset)| (Fid(*fid), *offset)).collect();
        needs.add(copies, &acks, "boot", 1000);
        needs.from(FILE)
    }

    #[test]
    fn nobody_else_needs_nothing() {
        assert_eq!(Needs::default().from(FILE), u64::MAX);
    }

    #[test]
    fn what_is_not_acknowledged_and_what_the_file_is_known_by_is_needed() {
        assert_eq!(needed(&[copy(vec![entry(1, 9000, None)])], &[(1, 5000)]), 5000);
        assert_eq!(needed(&[copy(vec![entry(1, 9000, None)])], &[(1, 8900)]), 8000);
        assert_eq!(needed(&[copy(vec![entry(1, 9000, Some(9000))])], &[(1, 9000)]), 9000 - SAMPLE as u64);
        assert_eq!(needed(&[copy(vec![entry(1, 9000, None)])], &[]), 0);
    }

    #[test]
    fn a_file_or_a_boot_that_is_not_known_is_needed_whole() {
        assert_eq!(needed(&[], &[]), 0);
        assert_eq!(needed(&[copy(vec![])], &[(1, 5000)]), 0);
        let of_another_boot = Checkpoint { boot: "other".to_owned(), ..copy(vec![entry(1, 9000, None)]) };
        assert_eq!(needed(&[of_another_boot], &[(1, 5000)]), 0);
    }

    #[test]
    fn each_copy_of_a_checkpoint_counts() {
        let copies = [copy(vec![entry(1, 9000, None)]), copy(vec![entry(1, 4000, None)])];
        assert_eq!(needed(&copies, &[(1, 8000)]), 3000);
        assert_eq!(needed(&[copies[0].clone(), copy(vec![])], &[(1, 8000)]), 0);
    }

    #[test]
    fn of_a_file_that_went_on_under_another_name_both_count_until_the_first_is_delivered() {
        let first = Entry { successor: Some(Fid(2)), ..entry(1, 5000, Some(5000)) };
        let copies = [copy(vec![first, entry(2, 9000, None)])];
        assert_eq!(needed(&copies, &[(1, 3000), (2, 7000)]), 3000);
        assert_eq!(needed(&copies, &[(1, 5000), (2, 7000)]), 7000);
    }
}

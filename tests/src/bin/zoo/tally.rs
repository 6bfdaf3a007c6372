//! What became of each line of a writer on the way through one pipeline.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use serde_json::Value;

use crate::disk::Left;
use crate::feed::{self, Fed};
use crate::follower::Follower;
use crate::writer::Setting;

/// The counts of one pattern.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    pub(crate) kills: u64,
    /// In a file at the end, and never arrived.
    pub(crate) lost: Vec<u64>,
    /// Arrived more than once.
    pub(crate) twice: Vec<u64>,
    /// Arrived under another path than that which they were written under.
    pub(crate) wrong_file: Vec<(u64, String)>,
    /// Whose order by offset is not that of their numbers.
    pub(crate) disordered: u64,
    /// Neither in a file at the end nor arrived: the writer itself has deleted or never written them.
    pub(crate) gone: u64,
    /// logtail said of something that it was lost.
    pub(crate) is_said: bool,
    /// Everything else that is not as it should be.
    pub(crate) complaints: Vec<String>,
    /// The files of lost lines, each with how many.
    pub(crate) lost_in: BTreeMap<String, usize>,
}

/// Where a number arrived.
#[derive(Debug)]
struct Arrival {
    fid: String,
    start: u64,
    file: String,
}

/// Counts them.
pub(crate) fn count(
    follower: &mut Follower,
    fed: &Fed,
    files: &[Left],
    setting: &Setting,
    is_drained: bool,
) -> io::Result<Tally> {
    let arrived = arrivals(&follower.documents());
    let mut place: HashMap<u64, &Left> = HashMap::new();
    for file in files {
        place.extend(file.numbers.iter().map(|number| (*number, file)));
    }
    let logs = follower.logs();
    let (exact, is_exact) = (setting.exact.as_ref(), follower.pattern().kind == "exact");
    let mut tally = Tally {
        lines: fed.lines,
        kills: follower.kills,
        lost: Vec::new(),
        twice: Vec::new(),
        wrong_file: Vec::new(),
        disordered: if setting.is_unordered { 0 } else { disordered(&arrived) },
        gone: 0,
        is_said: follower.counted() != (0, 0) || says_loss(&follower.said()),
        complaints: std::mem::take(&mut follower.complaints),
        lost_in: BTreeMap::new(),
    };
    for number in 0..fed.lines {
        match arrived.get(&number).map_or(&[][..], Vec::as_slice) {
            [] => match place.get(&number) {
                Some(file) => {
                    tally.lost.push(number);
                    *tally.lost_in.entry(file.names[0].clone()).or_default() += 1;
                }
                None => tally.gone += 1,
            },
            [arrival] => {
                let own = place.get(&number).filter(|_| setting.is_own && !is_exact);
                // A link that a glob takes too is another name of the file that it leads to.
                let mut wanted = own.iter().flat_map(|file| &file.names).chain(exact);
                let is_known = !setting.is_own || is_exact || own.is_some();
                // What was deleted meanwhile had a name that nobody knows any more.
                if is_known && !wanted.any(|name| arrival.file == format!("{logs}/{name}")) {
                    tally.wrong_file.push((number, arrival.file.clone()));
                }
            }
            _ => tally.twice.push(number),
        }
    }
    if !is_drained {
        tally.complaints.push("the last run did not deliver everything".to_owned());
    }
    if !tally.is_good(setting) {
        follower.keep_documents()?;
    }
    Ok(tally)
}

impl Tally {
    /// Nothing lost, twice or misplaced; and where the writer has deleted what was not read, logtail has said so.
    pub(crate) fn is_good(&self, setting: &Setting) -> bool {
        let is_silent = self.gone > 0 && !self.is_said && setting.drops.is_none();
        let is_whole = self.lost.is_empty() && self.twice.is_empty() && self.wrong_file.is_empty();
        is_whole && self.disordered == 0 && !is_silent && self.complaints.is_empty()
    }

    /// What is wrong, for the eyes of whoever looks why.
    pub(crate) fn explain(&self) -> Vec<String> {
        let mut text = self.complaints.clone();
        if !self.lost.is_empty() {
            let files: Vec<_> = self.lost_in.iter().take(4).map(|(name, count)| format!("{name}: {count}")).collect();
            let said = if self.is_said { "said" } else { "in silence" };
            text.push(format!(
                "lost {said}, from {} ({} files: {} …)",
                self.lost[0],
                self.lost_in.len(),
                files.join(", ")
            ));
        }
        if let Some(first) = self.twice.first() {
            text.push(format!("twice: {first} and {} others", self.twice.len() - 1));
        }
        if let Some((number, file)) = self.wrong_file.first() {
            let files: HashSet<_> = self.wrong_file.iter().map(|(_, file)| file).collect();
            text.push(format!("wrong file: {number} under {file} ({} such names)", files.len()));
        }
        if self.disordered > 0 {
            text.push(format!("out of order: {}", self.disordered));
        }
        if self.gone > 0 {
            let said = if self.is_said { "said" } else { "nothing said" };
            text.push(format!("deleted by the writer, or never written: {} ({said})", self.gone));
        }
        text
    }
}

/// A number that stands in a document more than once, as a field and in a message, arrived once.
fn arrivals(documents: &[Value]) -> HashMap<u64, Vec<Arrival>> {
    let mut arrived: HashMap<u64, Vec<Arrival>> = HashMap::new();
    for document in documents {
        let text = |key| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut parts = text("_id").split('-');
        let fid = parts.next().unwrap_or_default();
        let start = parts.next().and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let numbers: HashSet<u64> = feed::numbers(document.to_string().as_bytes()).collect();
        for number in numbers {
            let arrival = Arrival { fid: fid.to_owned(), start, file: text("file_path").to_owned() };
            arrived.entry(number).or_default().push(arrival);
        }
    }
    arrived
}

/// How often the offsets of a generation do not rise with the numbers.
fn disordered(arrived: &HashMap<u64, Vec<Arrival>>) -> u64 {
    let mut generations: HashMap<&str, Vec<(u64, u64)>> = HashMap::new();
    for (number, arrivals) in arrived {
        for arrival in arrivals {
            generations.entry(&arrival.fid).or_default().push((arrival.start, *number));
        }
    }
    let mut count = 0;
    for places in generations.values_mut() {
        places.sort_unstable();
        count += places.windows(2).filter(|pair| pair[0].1 > pair[1].1).count() as u64;
    }
    count
}

/// Whether logtail has said that something cannot be delivered.
fn says_loss(said: &str) -> bool {
    let words = ["lost", "vanished", "gap", "gone unread"];
    said.lines().any(|line| line.starts_with("logtail: ") && words.iter().any(|word| line.contains(word)))
}

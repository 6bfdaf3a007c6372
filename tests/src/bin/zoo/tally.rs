//! What became of each line of a writer on the way through one pipeline.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::disk::Left;
use crate::feed::{self, Fed};
use crate::writer::{Habit, Setting};

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

/// What a pipeline did.
#[derive(Debug)]
pub(crate) struct Heard {
    /// What arrived.
    pub(crate) documents: Vec<Value>,
    /// What its members have said.
    pub(crate) said: String,
    /// The bytes and the files that logtail itself counts as lost.
    pub(crate) counted: (u64, u64),
    pub(crate) kills: u64,
    /// Members that have ended as none should.
    pub(crate) complaints: Vec<String>,
}

/// Counts the lines that were fed among the documents of a pipeline. `logs` is the directory of the files, and `is_exact`
/// says that the pipeline followed the active log's name.
pub(crate) fn count(heard: Heard, fed: &Fed, files: &[Left], setting: &Setting, logs: &str, is_exact: bool) -> Tally {
    let arrived = arrivals(&heard.documents);
    let mut place: HashMap<u64, &Left> = HashMap::new();
    for file in files {
        place.extend(file.numbers.iter().map(|number| (*number, file)));
    }
    let mut tally = Tally {
        lines: fed.lines,
        kills: heard.kills,
        lost: Vec::new(),
        twice: Vec::new(),
        wrong_file: Vec::new(),
        disordered: if setting.has(Habit::Unordered) { 0 } else { disordered(&arrived) },
        gone: 0,
        is_said: heard.counted != (0, 0) || says_loss(&heard.said),
        complaints: heard.complaints,
        lost_in: BTreeMap::new(),
    };
    for number in 0..fed.lines {
        let left = place.get(&number).copied();
        match arrived.get(&number).map_or(&[][..], Vec::as_slice) {
            [] => match left {
                Some(file) => {
                    tally.lost.push(number);
                    *tally.lost_in.entry(file.names[0].clone()).or_default() += 1;
                }
                None => tally.gone += 1,
            },
            [arrival] if !is_right_file(&arrival.file, left, setting, logs, is_exact) => {
                tally.wrong_file.push((number, arrival.file.clone()));
            }
            [_] => {}
            // A group that was sent when idle or at a drain, and is read again, may be longer then.
            [first, rest @ ..] if setting.has(Habit::Joined) && rest.iter().all(|other| other.fid == first.fid) => {}
            _ => tally.twice.push(number),
        }
    }
    tally
}

/// Whether a line arrived under the path that it was written under: the active log's, or that of a file that is never
/// renamed. A link that a glob takes too is another name of the file that it leads to, and so is the name without the
/// number at its end: whether `app.log.1` is an older `app.log` or the one behind it, its name does not tell.
fn is_right_file(file: &str, left: Option<&Left>, setting: &Setting, logs: &str, is_exact: bool) -> bool {
    let own = left.filter(|_| setting.has(Habit::Own) && !is_exact);
    // What was deleted meanwhile had a name that nobody knows any more.
    let is_unknown = setting.has(Habit::Own) && !is_exact && own.is_none();
    let names = own.into_iter().flat_map(|left| &left.names).chain(&setting.exact);
    let unnumbered =
        |name: &String| name.trim_end_matches(|char: char| char.is_ascii_digit()).strip_suffix('.').map(str::to_owned);
    let mut names = names.flat_map(|name| [Some(name.clone()), unnumbered(name)]).flatten();
    is_unknown || names.any(|name| file == format!("{logs}/{name}"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(value: &Value) -> Setting {
        Setting::read("test", value).expect("it is whole")
    }

    fn document(id: &str, file: &str, number: u64) -> Value {
        json!({"_id": id, "file_path": file, "message": format!("zoo:{number}: written")})
    }

    fn heard(documents: Vec<Value>) -> Heard {
        Heard { documents, said: String::new(), counted: (0, 0), kills: 0, complaints: Vec::new() }
    }

    fn left(name: &str, numbers: &[u64]) -> Left {
        Left { names: vec![name.to_owned()], text: Vec::new(), numbers: numbers.to_vec() }
    }

    fn fed(lines: u64) -> Fed {
        Fed { lines, begun: 0.0, ended: 0.0 }
    }

    #[test]
    fn each_way_to_fail_is_counted() {
        let setting = setting(&json!({"what": "", "exact": "a.log", "narrow": "a.log*", "format": "text"}));
        let files = [left("a.log.1", &[0, 1, 2, 3, 4]), left("a.log", &[5])];
        let documents = vec![
            document("f-000000000000-1", "/l/a.log", 0),
            document("f-00000000000a-1", "/l/a.log.1", 1),
            document("f-00000000000b-1", "/l/a.log", 2),
            document("g-00000000000b-1", "/l/a.log", 2),
            document("f-000000000008-1", "/l/a.log", 4),
        ];
        let tally = count(heard(documents), &fed(7), &files, &setting, "/l", true);
        assert_eq!(tally.lost, [3, 5]);
        assert_eq!(tally.lost_in, BTreeMap::from([("a.log".to_owned(), 1), ("a.log.1".to_owned(), 1)]));
        assert_eq!(tally.twice, [2]);
        assert_eq!(tally.wrong_file, [(1, "/l/a.log.1".to_owned())]);
        assert_eq!(tally.disordered, 1);
        assert_eq!(tally.gone, 1);
        assert!(!tally.is_good(&setting));
    }

    #[test]
    fn what_the_writer_deleted_is_good_only_where_it_was_said() {
        let setting = setting(&json!({"what": "", "exact": "a.log", "narrow": "a.log*", "format": "text"}));
        let count_with = |counted| {
            let heard = Heard { counted, ..heard(vec![document("f-0-1", "/l/a.log", 1)]) };
            count(heard, &fed(2), &[left("a.log", &[1])], &setting, "/l", true)
        };
        assert!(!count_with((0, 0)).is_good(&setting));
        assert!(count_with((100, 0)).is_good(&setting));
        let said = "logtail: a.log: a file of it could not be found again, what stood in it from byte 7 on is lost\n";
        assert!(says_loss(said) && !says_loss("logtail: a.log: has been replaced\nlogpost: lost\n"));
    }

    #[test]
    fn a_file_that_is_never_renamed_is_its_own_under_a_glob_and_the_link_by_name() {
        let setting = setting(&json!({"what": "", "exact": "current", "own": true, "narrow": "a*", "format": "text"}));
        let file = left("a-1.log", &[0]);
        assert!(is_right_file("/l/a-1.log", Some(&file), &setting, "/l", false));
        assert!(is_right_file("/l/current", Some(&file), &setting, "/l", false));
        assert!(!is_right_file("/l/a-2.log", Some(&file), &setting, "/l", false));
        assert!(is_right_file("/l/current", Some(&file), &setting, "/l", true));
        assert!(!is_right_file("/l/a-1.log", Some(&file), &setting, "/l", true));
        assert!(is_right_file("/l/a-0.log", None, &setting, "/l", false));
        let numbered = left("a-1.log.12", &[0]);
        assert!(is_right_file("/l/a-1.log", Some(&numbered), &setting, "/l", false));
        assert!(!is_right_file("/l/a-1", Some(&numbered), &setting, "/l", false));
    }
}

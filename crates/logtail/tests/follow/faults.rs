//! Every call to the disk fails once, in turn: for each scenario, for n = 1, 2, … until it makes no more calls, the n-th call
//! answers with an error of the system, once or from then on until all is well again. Whatever fails: in the end each line
//! has come, none under two identities, what failed was said, and nothing spins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::fake::Fault;
use crate::stage::{Stage, Way};

const ERRORS: [(&str, i32); 5] = [("EIO", 5), ("ENOSPC", 28), ("EMFILE", 24), ("EINTR", 4), ("ESTALE", 116)];

/// What happens, and the lines that must have come in the end.
type Scenario = (&'static str, &'static [&'static str], fn(&mut Stage) -> u32);

const SCENARIOS: &[Scenario] = &[
    ("lines are appended", &["a"], appended),
    ("rotated by renaming", &["a"], renamed),
    ("copied and truncated", &["a"], copied),
    ("killed and started again", &["*.log"], restarted),
    ("removed and made anew", &["*.log"], removed),
    ("a link leads elsewhere", &["a", "one"], relinked),
    ("the last line taken back", &["a"], taken_back),
    ("more files than may be open", &["*.log"], crowded),
];

fn line(stage: &mut Stage, name: &str, number: u32) {
    stage.append(name, &format!("line {number} of a log, which is a little longer than a sample is\n"));
}

fn lines(stage: &mut Stage, name: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        line(stage, name, number);
    }
}

fn looks(stage: &mut Stage, count: u32) {
    for _ in 0..count {
        stage.step();
    }
}

fn appended(stage: &mut Stage) -> u32 {
    lines(stage, "a", 0..3);
    stage.start();
    for number in 3..6 {
        line(stage, "a", number);
        looks(stage, 2);
    }
    6
}

fn renamed(stage: &mut Stage) -> u32 {
    lines(stage, "a", 0..3);
    stage.start();
    looks(stage, 1);
    for round in 1..4 {
        stage.rename("a", &format!("a.{}", 9 - round));
        lines(stage, "a", 3 * round..3 * round + 3);
        looks(stage, 3);
    }
    12
}

fn copied(stage: &mut Stage) -> u32 {
    lines(stage, "a", 0..20);
    stage.start();
    looks(stage, 1);
    lines(stage, "a", 20..30);
    stage.copy("a", "a.1");
    looks(stage, 1);
    stage.truncate("a");
    looks(stage, 1);
    lines(stage, "a", 30..33);
    looks(stage, 3);
    33
}

fn restarted(stage: &mut Stage) -> u32 {
    lines(stage, "a.log", 0..3);
    lines(stage, "b.log", 3..6);
    stage.start();
    looks(stage, 2);
    stage.kill();
    lines(stage, "a.log", 6..9);
    stage.rename("a.log", "a.log.1");
    lines(stage, "a.log", 9..12);
    stage.start();
    looks(stage, 3);
    12
}

fn removed(stage: &mut Stage) -> u32 {
    lines(stage, "a.log", 0..3);
    stage.start();
    looks(stage, 8);
    stage.rename("a.log", "a.log.1");
    looks(stage, 8);
    lines(stage, "a.log", 3..6);
    looks(stage, 3);
    6
}

fn relinked(stage: &mut Stage) -> u32 {
    lines(stage, "one", 0..3);
    lines(stage, "two", 3..6);
    stage.link("one", "a");
    stage.start();
    looks(stage, 2);
    stage.remove("a");
    stage.link("two", "a");
    looks(stage, 3);
    6
}

fn taken_back(stage: &mut Stage) -> u32 {
    lines(stage, "a", 0..40);
    stage.append("a", "]\n");
    stage.start();
    looks(stage, 2);
    let length = stage.content("a").len();
    let path = stage.path("a");
    stage.fake().disk.0.borrow_mut().truncate(&path, length - 2);
    lines(stage, "a", 40..42);
    stage.append("a", "]\n");
    looks(stage, 3);
    42
}

fn crowded(stage: &mut Stage) -> u32 {
    stage.option(&[], |plan| plan.most_open = 2);
    for number in 0..6 {
        line(stage, &format!("{number}.log"), number);
    }
    stage.start();
    looks(stage, 6);
    6
}

/// Runs the scenario with the fault, makes all well, and says what is wrong in the end. Gives the number of calls.
fn run(scenario: &Scenario, fault: Option<Fault>) -> Result<u64, String> {
    let (_, patterns, body) = scenario;
    let mut stage = Stage::new(Way::Fake, patterns);
    stage.fake().disk.0.borrow_mut().fault = fault;
    let count = body(&mut stage);
    let calls = stage.fake().disk.0.borrow().calls;
    stage.fake().disk.0.borrow_mut().fault = None;
    for _ in 0..12 {
        let before = stage.fake().disk.0.borrow().calls;
        stage.pass(1);
        let made = stage.fake().disk.0.borrow().calls - before;
        if made > 2000 {
            return Err(format!("{made} calls in one second: it spins"));
        }
    }
    stage.drain();
    let mut seen: BTreeMap<String, BTreeSet<(u64, u64)>> = BTreeMap::new();
    for line in stage.arrived.iter().filter(|line| line.text() != "]") {
        seen.entry(line.text()).or_default().insert((line.position.fid.0, line.position.start));
    }
    let missing = (0..count).find(|number| !seen.keys().any(|text| text.starts_with(&format!("line {number} "))));
    let said = stage.said_all();
    if let Some(number) = missing {
        return Err(format!("line {number} is lost: {said}"));
    }
    if let Some((text, identities)) = seen.iter().find(|(_, identities)| identities.len() > 1) {
        return Err(format!("{text} came as {identities:?}: {said}"));
    }
    Ok(calls)
}

#[test]
fn whatever_call_fails_each_line_comes_and_none_under_two_identities() {
    let mut failed = Vec::new();
    for scenario in SCENARIOS {
        let calls = run(scenario, None).unwrap_or_else(|why| panic!("{} without a fault: {why}", scenario.0));
        for (name, errno) in ERRORS {
            for stays in [false, true] {
                for call in 1..=calls {
                    if let Err(why) = run(scenario, Some(Fault { call, errno, stays })) {
                        let how = if stays { "from then on" } else { "once" };
                        failed.push(format!("{}: call {call} of {calls}, {name} {how}: {why}", scenario.0));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} of them:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_disk_that_fails_for_ever_ends_a_drain_in_time() {
    let mut stage = Stage::new(Way::Fake, &["a"]);
    lines(&mut stage, "a", 0..3);
    stage.start();
    looks(&mut stage, 1);
    assert!(stage.fake().disk.0.borrow().exists(Path::new("/log/a")));
    let mut store = stage.fake().disk.0.borrow_mut();
    store.fault = Some(Fault { call: store.calls + 1, errno: 5, stays: true });
    drop(store);
    stage.fake().run.as_mut().unwrap().drain();
    stage.pass(3);
    // A file that cannot be read is not awaited: the clock of the drain is what ends it.
    assert!(stage.said_all().contains("input/output error"), "{}", stage.said_all());
    stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(1));
}

//! A pipeline that runs to be measured. What a member has used is read from `/proc` once it has ended and before it is
//! waited for: until then its number is its own and its account is complete.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// How often the peak of memory is looked at; it only ever rises.
const SAMPLE: Duration = Duration::from_millis(10);
/// What one unit of a process's account is (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// What one member has used.
#[derive(Clone, Debug)]
pub struct Used {
    /// Its program.
    pub name: String,
    /// User and system time, to a hundredth of a second.
    pub cpu: Duration,
    /// The most memory it held, in bytes.
    pub peak: u64,
}

/// What a run of the whole has taken.
#[derive(Clone, Debug)]
pub struct Run {
    /// From its start to the end of its last member.
    pub wall: Duration,
    /// By member, in order.
    pub used: Vec<Used>,
}

impl Run {
    /// User and system time of all members.
    pub fn cpu(&self) -> Duration {
        self.used.iter().map(|used| used.cpu).sum()
    }
}

/// The members of a pipeline that is measured.
#[derive(Debug)]
pub struct Pipeline {
    members: Vec<(String, Child)>,
    begin: Instant,
}

impl Pipeline {
    /// Starts `stages`, each a program and its arguments; the first reads `input`, the last writes to nobody.
    pub fn start(stages: &[Vec<String>], input: Option<&Path>) -> io::Result<Self> {
        let begin = Instant::now();
        let mut pipeline = Self { members: Vec::new(), begin };
        for (place, words) in stages.iter().enumerate() {
            let stdin = match (pipeline.members.last_mut().and_then(|(_, child)| child.stdout.take()), input) {
                (Some(pipe), _) => Stdio::from(pipe),
                (None, Some(path)) => Stdio::from(File::open(path)?),
                (None, None) => Stdio::null(),
            };
            let stdout = if place + 1 == stages.len() { Stdio::null() } else { Stdio::piped() };
            let child =
                Command::new(&words[0]).args(&words[1..]).stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn()?;
            pipeline.members.push((words[0].clone(), child));
        }
        Ok(pipeline)
    }

    /// Tells the first and the last to end, as the image's entry point does.
    pub fn terminate(&self) {
        for (_, child) in [self.members.first(), self.members.last()].into_iter().flatten() {
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    /// Whether the first and the last have a handler for it by now; before that it would just end them.
    pub fn hears_term(&self) -> bool {
        [self.members.first(), self.members.last()].into_iter().flatten().all(|(_, child)| {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
            mask >> (Signal::TERM.as_raw() - 1) & 1 == 1
        })
    }

    /// What the members have used up to now: time to the nanosecond, memory that is theirs alone in bytes.
    pub fn used(&self) -> Vec<Used> {
        let used = |(name, child): &(String, Child)| Used {
            name: name.clone(),
            cpu: time_of_threads(child.id()),
            peak: private_memory(child.id()),
        };
        self.members.iter().map(used).collect()
    }

    /// Waits for the end of all. An error if one of them fails.
    pub fn finish(mut self) -> io::Result<Run> {
        let is_over = AtomicBool::new(false);
        let numbers: Vec<u32> = self.members.iter().map(|(_, child)| child.id()).collect();
        let (wall, peaks) = thread::scope(|scope| {
            let sampler = scope.spawn(|| sample_peaks(&numbers, &is_over));
            let waited: io::Result<()> = self.members.iter().try_for_each(|(_, child)| {
                waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
                Ok(())
            });
            let wall = self.begin.elapsed();
            is_over.store(true, Ordering::SeqCst);
            let peaks = sampler.join().map_err(|_| io::Error::other("the sampler panicked"));
            waited.and(peaks.map(|peaks| (wall, peaks)))
        })?;
        let mut used = Vec::new();
        for ((name, child), peak) in self.members.iter_mut().zip(peaks) {
            let cpu = account(child.id());
            if !child.wait()?.success() {
                return Err(io::Error::other(format!("{name} failed")));
            }
            used.push(Used { name: name.clone(), cpu, peak });
        }
        self.members.clear();
        Ok(Run { wall, used })
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        for (_, child) in &mut self.members {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn sample_peaks(numbers: &[u32], is_over: &AtomicBool) -> Vec<u64> {
    let mut peaks = vec![0; numbers.len()];
    loop {
        for (peak, number) in peaks.iter_mut().zip(numbers) {
            *peak = (*peak).max(field(&format!("/proc/{number}/status"), "VmHWM:"));
        }
        if is_over.load(Ordering::SeqCst) {
            return peaks;
        }
        thread::sleep(SAMPLE);
    }
}

/// A field in kibibytes of a file of `/proc`, in bytes; 0 where there is none.
fn field(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn private_memory(number: u32) -> u64 {
    let path = format!("/proc/{number}/smaps_rollup");
    field(&path, "Private_Clean:") + field(&path, "Private_Dirty:")
}

/// User and system time of a process and all its threads, also of those that have ended.
fn account(number: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    // The name may hold anything, also a parenthesis; the state is the first word behind the last one.
    let words: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| words.get(place).and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
    TICK * (ticks(11) + ticks(12))
}

/// The same of the threads that live, to the nanosecond.
fn time_of_threads(number: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{number}/task")).into_iter().flatten().flatten();
    let time = threads.map(|thread| fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default());
    let time = time.filter_map(|text| text.split_whitespace().next()?.parse().ok());
    time.map(Duration::from_nanos).sum()
}

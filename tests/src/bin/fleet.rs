//! Many pipelines before one real server, as the sidecars of a cluster are: when their requests come, how long a line is
//! under way, what each costs, whether they come back apart after an outage and share a server that has too much to do.
//! It prints tables and judges nothing: what is printed depends on the machine.
//!
//! Between the pipelines and the server stands a gate that notes each request, and that can be closed or be made narrow.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use logpipe_tests::front::read_request;
use logpipe_tests::tools::Scratch;
use rustix::process::{Pid, Signal, kill_process};

const USAGE: &str = "usage: fleet [--seconds N] COUNT SERVER:PORT (a VictoriaLogs)";
/// A linger long enough for its phases to be told apart.
const LINGER: u64 = 10;
/// So many lines each has to catch up with before a narrow gate.
const BACKLOG: u64 = 20_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "fleet: {cause}"));
            ExitCode::from(2)
        }
    }
}

/// What the gate does with a request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Open,
    /// The connection is closed without an answer.
    Closed,
    /// So many a second pass, and the others are answered with 429.
    Narrow(u64),
}

/// A request that has come to the gate.
#[derive(Clone, Copy)]
struct Seen {
    at: Duration,
    sender: usize,
    records: u64,
    is_taken: bool,
}

/// What the gate shares with the measurement.
struct Gate {
    begin: Instant,
    behind: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mode: Mode,
    seen: Vec<Seen>,
    /// How long lines were under way, in milliseconds.
    under_way: Vec<u64>,
}

impl Gate {
    fn start(behind: SocketAddr) -> io::Result<(Arc<Self>, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Self { begin: Instant::now(), behind, state: Mutex::default() });
        let accepting = Arc::clone(&gate);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let gate = Arc::clone(&accepting);
                // A connection that breaks is the sender's matter.
                thread::spawn(move || drop(gate.converse(stream)));
            }
        });
        Ok((gate, address))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut behind = TcpStream::connect(self.behind)?;
        loop {
            let request = read_request(&mut stream)?;
            let (head, body) = request.split_once("\r\n\r\n").unwrap_or_default();
            let sender = head.lines().find_map(|line| line.strip_prefix("x-sender: ")?.parse().ok()).unwrap_or(0);
            let records = body.lines().count() as u64;
            let at = self.begin.elapsed();
            let (mode, may_pass) = {
                let mut state = self.state();
                let second = at.as_secs();
                let passed = state.seen.iter().rev().take_while(|seen| seen.at.as_secs() == second);
                let passed = passed.filter(|seen| seen.is_taken).count() as u64;
                let may_pass = match state.mode {
                    Mode::Open => true,
                    Mode::Closed => false,
                    Mode::Narrow(most) => passed < most,
                };
                state.seen.push(Seen { at, sender, records, is_taken: may_pass });
                (state.mode, may_pass)
            };
            if may_pass {
                behind.write_all(request.as_bytes())?;
                let mut answer = vec![0; 4096];
                let count = behind.read(&mut answer)?;
                stream.write_all(&answer[..count])?;
                let now = microseconds();
                let times = body
                    .split("\"at\":")
                    .skip(1)
                    .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok());
                let under_way: Vec<u64> = times.map(|at| now.saturating_sub(at) / 1000).collect();
                self.state().under_way.extend(under_way);
            } else if mode == Mode::Closed {
                return Ok(());
            } else {
                stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")?;
            }
        }
    }
}

fn microseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// One pipeline and the file that it follows. It is ended when dropped.
struct Pipeline {
    members: Vec<Child>,
    file: File,
}

impl Pipeline {
    fn start(number: usize, scratch: &Scratch, gate: SocketAddr) -> io::Result<Self> {
        let directory = scratch.path().join(number.to_string());
        fs::create_dir_all(&directory)?;
        let (log, state) = (directory.join("log"), directory.join("state"));
        let file = File::options().create(true).append(true).open(&log)?;
        let state = state.display().to_string();
        let (url, linger) = (format!("http://{gate}"), format!("{LINGER}s"));
        let sender = format!("X-Sender: {number}");
        let stages: [Vec<&str>; 3] = [
            vec!["logtail", "-F", "--state", &state, log.to_str().unwrap_or_default()],
            vec!["logparse", "json"],
            vec!["logpost", "--state", &state, "--to", "victorialogs", "--linger", &linger, "-H", &sender, &url],
        ];
        let mut members: Vec<Child> = Vec::new();
        for words in stages {
            let stdin = members.last_mut().and_then(|member| member.stdout.take());
            let member = Command::new(words[0])
                .args(&words[1..])
                .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
                .stdout(if words[0] == "logpost" { Stdio::null() } else { Stdio::piped() })
                .stderr(File::create(directory.join(words[0]))?)
                .spawn()?;
            members.push(member);
        }
        Ok(Self { members, file })
    }

    fn write(&mut self, lines: u64) -> io::Result<()> {
        let mut text = String::new();
        for _ in 0..lines {
            text.extend(["{\"at\":", &microseconds().to_string(), ",\"message\":\"a line of some sidecar\"}\n"]);
        }
        self.file.write_all(text.as_bytes())
    }

    /// CPU time, and memory with its share of what is shared, in KiB.
    fn used(&self) -> (Duration, u64) {
        let (mut cpu, mut memory) = (0, 0);
        for member in &self.members {
            let proc = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", member.id())).unwrap_or_default();
            let stat = proc("stat");
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
            cpu += [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum::<u64>();
            let rollup = proc("smaps_rollup");
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            memory += pss.and_then(|pss| pss.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
        }
        // What one unit of a process's account is (USER_HZ, proc(5)).
        (Duration::from_millis(cpu * 10), memory)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        for member in &mut self.members {
            // One that has ended before cannot be killed.
            let _ = kill_process(Pid::from_child(member), Signal::KILL);
            drop(member.wait());
        }
    }
}

fn run() -> io::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::other(USAGE);
    let mut seconds = 60;
    if words.first().is_some_and(|word| word == "--seconds") {
        seconds = words.get(1).and_then(|word| word.parse().ok()).ok_or_else(usage)?;
        words.drain(..2);
    }
    let [count, server] = &words[..] else { return Err(usage()) };
    let (count, server) = (count.parse().map_err(|_| usage())?, server.parse().map_err(|_| usage())?);
    let scratch = Scratch::new("fleet");
    let (gate, address) = Gate::start(server)?;
    let mut pipelines: Vec<Pipeline> =
        (0..count).map(|number| Pipeline::start(number, &scratch, address)).collect::<io::Result<_>>()?;
    let mut out = io::stdout();

    write_for(&mut pipelines, seconds)?;
    let seen: Vec<Seen> = std::mem::take(&mut gate.state().seen);
    let mut under_way = std::mem::take(&mut gate.state().under_way);
    under_way.sort_unstable();
    let used: Vec<(Duration, u64)> = pipelines.iter().map(Pipeline::used).collect();
    let cpu: Duration = used.iter().map(|(cpu, _)| *cpu).sum();
    let memory: u64 = used.iter().map(|(_, memory)| *memory).sum();
    let (each, length) = (pipelines.len().max(1) as u64, seconds.max(1));
    writeln!(out, "{count} pipelines, a line a second each, linger {LINGER} s, {seconds} s")?;
    writeln!(out, "  requests a second      {:.1}", per(seen.len() as u64, length))?;
    writeln!(out, "  from write to stored   p50 {} ms, p99 {} ms", at(&under_way, 50), at(&under_way, 99))?;
    writeln!(
        out,
        "  a pipeline             {:.2} % CPU, {} KiB PSS",
        per(u64::try_from(cpu.as_millis()).unwrap_or(0), length * each * 10),
        memory / each
    )?;
    // Without the first linger, when all begin at once for the message that it works.
    let steady = seen.iter().filter(|seen| seen.at.as_secs() >= 2 * LINGER);
    histogram(&mut out, "  requests by second of the linger", steady.map(|seen| seen.at.as_secs() % LINGER))?;

    gate.state().mode = Mode::Closed;
    write_for(&mut pipelines, 60)?;
    let since = gate.begin.elapsed();
    gate.state().mode = Mode::Open;
    let before: u64 = gate.state().under_way.len() as u64;
    let missed = each * 60;
    let until = Instant::now() + Duration::from_secs(180);
    while (gate.state().under_way.len() as u64) < before + missed * 9 / 10 && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    let seen: Vec<Seen> = std::mem::take(&mut gate.state().seen);
    writeln!(
        out,
        "closed for 60 s: nine tenths caught up {:.1} s after it was opened",
        gate.begin.elapsed().saturating_sub(since).as_secs_f64()
    )?;
    let back: Vec<u64> =
        seen.iter().filter(|seen| seen.at >= since).map(|seen| seen.at.saturating_sub(since).as_secs()).collect();
    let most = (0..60).map(|second| back.iter().filter(|at| (second..second + 2).contains(*at)).count()).max();
    writeln!(out, "  most requests of two neighbouring seconds: {} of {}", most.unwrap_or(0), back.len())?;
    histogram(&mut out, "  requests by second after it", back.into_iter().filter(|second| *second < 40))?;

    gate.state().mode = Mode::Narrow((each / 10).max(1));
    gate.state().seen.clear();
    for pipeline in &mut pipelines {
        pipeline.write(BACKLOG)?;
    }
    thread::sleep(Duration::from_secs(60));
    let mut taken: BTreeMap<usize, u64> = (0..pipelines.len()).map(|number| (number, 0)).collect();
    for seen in gate.state().seen.iter().filter(|seen| seen.is_taken) {
        *taken.entry(seen.sender).or_default() += seen.records;
    }
    let mut shares: Vec<u64> = taken.into_values().map(|records| records * 100 / BACKLOG).collect();
    shares.sort_unstable();
    writeln!(out, "a backlog of {BACKLOG} lines each, a tenth of a request a second each passes: after 60 s")?;
    writeln!(
        out,
        "  share that is stored   p10 {} %, p50 {} %, most {} %",
        at(&shares, 10),
        at(&shares, 50),
        at(&shares, 100)
    )
}

/// Each pipeline gets a line a second for so long.
fn write_for(pipelines: &mut [Pipeline], seconds: u64) -> io::Result<()> {
    for _ in 0..seconds {
        let begin = Instant::now();
        for pipeline in pipelines.iter_mut() {
            pipeline.write(1)?;
        }
        thread::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed()));
    }
    Ok(())
}

fn histogram(out: &mut impl Write, title: &str, seconds: impl Iterator<Item = u64>) -> io::Result<()> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    seconds.for_each(|second| *counts.entry(second).or_default() += 1);
    let (all, most) = (counts.values().sum::<u64>(), counts.values().copied().max().unwrap_or(0));
    writeln!(out, "{title}: mean {:.1}, most {most}", per(all, counts.len() as u64))?;
    for (second, count) in counts {
        let length = usize::try_from(count * 50 / most.max(1)).unwrap_or(0);
        writeln!(out, "    {second:>3} s {count:>6} {}", "#".repeat(length))?;
    }
    Ok(())
}

/// The value that `percent` of the sorted values do not exceed.
fn at(sorted: &[u64], percent: usize) -> u64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "for a table")]
fn per(value: u64, count: u64) -> f64 {
    value as f64 / count.max(1) as f64
}

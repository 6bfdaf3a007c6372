//! A stage for the cases: the same steps on the fake disk, and with the real program on a real disk, woken by inotify or
//! polling alone. What has come is awaited, never slept for; at the end nothing else may have come.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logline::line::{Item, Line, classify};
use logline::position::{Fid, Position};
use logline::state::Store as StateFile;
use logline::state::acks;
use logline::state::files::Checkpoint;
use logtail::plan::Plan;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::fake::{self, Fake};
use crate::run::{Kept, Run, plan};

/// How logtail runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// In this process, on the fake disk: it only polls, and time passes when it is told to.
    Fake,
    /// The program, woken by the kernel.
    Inotify,
    /// The program, polling alone.
    Polling,
}

/// A line that has come.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub content: Vec<u8>,
    pub position: Position,
    pub path: String,
}

impl Arrived {
    fn of(line: &Line<'_>) -> Self {
        let tag = line.tag.expect("each line of logtail has a tag");
        let path = String::from_utf8(tag.path_bytes().into_owned()).unwrap();
        Self { content: line.content.to_vec(), position: line.position().unwrap(), path }
    }

    pub fn text(&self) -> String {
        self.content.escape_ascii().to_string()
    }

    /// Its flags as they are written.
    pub fn flags(&self) -> String {
        let flags = self.position.flags;
        let letters = [(flags.partial, 'p'), (flags.continued, 'c'), (flags.truncated, 't')];
        letters.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect()
    }
}

/// A followed directory, and what has come from it.
pub struct Stage {
    pub way: Way,
    pub arrived: Vec<Arrived>,
    /// The generations whose final watermarks have come, in that order.
    pub ended: Vec<Fid>,
    taken: usize,
    marks: HashMap<Fid, u64>,
    patterns: Vec<String>,
    excludes: Vec<String>,
    options: Vec<&'static str>,
    unprivileged: bool,
    /// Where links may lead.
    follow_links: Vec<PathBuf>,
    /// The state directory is that of the logs.
    keeps_state_among_the_logs: bool,
    writers: Vec<Option<Writer>>,
    inner: Inner,
}

enum Writer {
    Fake(fake::Writer),
    Real(fs::File),
}

enum Inner {
    Fake(Box<OnFake>),
    Real(OnDisk),
}

pub struct OnFake {
    pub disk: Fake,
    pub kept: Kept,
    pub run: Option<Run>,
    pub change: fn(&mut Plan),
    pub boot: &'static str,
    pub said: Vec<String>,
}

struct OnDisk {
    root: PathBuf,
    is_state_among_the_logs: bool,
    child: Option<Running>,
    said: Arc<Mutex<String>>,
}

struct Running {
    child: Child,
    lines: Receiver<Vec<u8>>,
}

/// A user who owns nothing.
const NOBODY: u32 = 65534;

/// How long anything may take that is awaited.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `body` in each way; at its end logtail drains, and nothing may come that `body` has not awaited.
pub fn every_way(patterns: &[&str], body: impl Fn(&mut Stage)) {
    for way in [Way::Fake, Way::Inotify, Way::Polling] {
        let mut stage = Stage::new(way, patterns);
        body(&mut stage);
        stage.end();
    }
}

/// The same on the fake disk alone: where time has to pass, or what happens cannot be had from a real disk.
pub fn on_fake(patterns: &[&str], body: impl Fn(&mut Stage)) {
    let mut stage = Stage::new(Way::Fake, patterns);
    body(&mut stage);
    stage.end();
}

impl Stage {
    pub fn new(way: Way, patterns: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let inner = if way == Way::Fake {
            Inner::Fake(Box::new(OnFake {
                disk: Fake::new(),
                kept: Kept::default(),
                run: None,
                change: |_| {},
                boot: "boot",
                said: Vec::new(),
            }))
        } else {
            let number = NUMBER.fetch_add(1, Ordering::SeqCst);
            let root = std::env::temp_dir().join(format!("logtail-stage-{}-{number}", std::process::id()));
            fs::create_dir_all(root.join("log")).unwrap();
            Inner::Real(OnDisk { root, is_state_among_the_logs: false, child: None, said: Arc::default() })
        };
        Self {
            way,
            arrived: Vec::new(),
            ended: Vec::new(),
            taken: 0,
            marks: HashMap::new(),
            patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
            excludes: Vec::new(),
            options: Vec::new(),
            unprivileged: false,
            follow_links: Vec::new(),
            keeps_state_among_the_logs: false,
            writers: Vec::new(),
            inner,
        }
    }

    pub fn fake(&mut self) -> &mut OnFake {
        match &mut self.inner {
            Inner::Fake(fake) => fake,
            Inner::Real(_) => panic!("only on the fake disk"),
        }
    }

    pub fn exclude(&mut self, pattern: &str) {
        self.excludes.push(pattern.to_owned());
    }

    /// An option of the program, and what it changes in the plan.
    pub fn option(&mut self, options: &[&'static str], change: fn(&mut Plan)) {
        self.options = options.to_vec();
        if let Inner::Fake(fake) = &mut self.inner {
            fake.change = change;
        }
    }

    /// The program runs as a user to whom permissions apply, who owns no log, and so is given no lease on one either.
    pub fn unprivileged(&mut self) {
        self.unprivileged = true;
        if let Inner::Fake(fake) = &mut self.inner {
            fake.disk.0.borrow_mut().no_leases = true;
        }
    }

    /// Others may write in the directory too.
    pub fn share(&mut self, directory: &Path) {
        match &mut self.inner {
            Inner::Fake(fake) => drop(fake.disk.0.borrow_mut().shared.insert(directory.components().collect())),
            Inner::Real(_) => fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap(),
        }
    }

    /// `--follow-links`.
    pub fn follow_links(&mut self, directory: &Path) {
        self.follow_links.push(directory.to_owned());
    }

    /// The state lies where the logs do.
    pub fn keep_state_among_the_logs(&mut self) {
        self.keeps_state_among_the_logs = true;
        if let Inner::Real(real) = &mut self.inner {
            real.is_state_among_the_logs = true;
        }
        if self.way == Way::Fake {
            for name in ["files", "files.old", "files.synced", "files.lock", "acks", "acks.new"] {
                self.append(name, "of the state\n");
            }
        }
    }

    /// What has come so far does not count.
    pub fn forget_arrived(&mut self) {
        self.arrived.clear();
        self.taken = 0;
    }

    /// Where a name lies.
    pub fn path(&self, name: &str) -> PathBuf {
        match &self.inner {
            Inner::Fake(_) if name.starts_with("../") => Path::new("/").join(&name[3..]),
            Inner::Fake(_) => Path::new("/log").join(name),
            Inner::Real(real) => real.root.join("log").join(name),
        }
    }

    // What applications do.

    pub fn append(&mut self, name: &str, text: &str) {
        let writer = self.open(name);
        self.write(writer, text);
        self.close(writer);
    }

    /// Opens for appending; the file is made if it is not there.
    pub fn open(&mut self, name: &str) -> usize {
        let path = self.path(name);
        let writer = match &mut self.inner {
            Inner::Fake(fake) => Writer::Fake(fake.disk.0.borrow_mut().open(&path)),
            Inner::Real(_) => Writer::Real(fs::File::options().create(true).append(true).open(path).unwrap()),
        };
        self.writers.push(Some(writer));
        self.writers.len() - 1
    }

    /// Opens without O_APPEND, at the end.
    pub fn open_at_end(&mut self, name: &str) -> usize {
        use std::io::Seek as _;
        let path = self.path(name);
        let writer = match &mut self.inner {
            Inner::Fake(fake) => Writer::Fake(fake.disk.0.borrow_mut().open_at_end(&path)),
            Inner::Real(_) => {
                let mut file = fs::File::options().create(true).truncate(false).write(true).open(path).unwrap();
                file.seek(std::io::SeekFrom::End(0)).unwrap();
                Writer::Real(file)
            }
        };
        self.writers.push(Some(writer));
        self.writers.len() - 1
    }

    pub fn write(&mut self, writer: usize, text: &str) {
        self.write_bytes(writer, text.as_bytes());
    }

    pub fn write_bytes(&mut self, writer: usize, bytes: &[u8]) {
        match (self.writers[writer].as_mut().unwrap(), &self.inner) {
            (Writer::Fake(writer), Inner::Fake(fake)) => {
                fake.disk.0.borrow_mut().pass(Duration::from_millis(1));
                writer.write(&fake.disk.0.borrow(), bytes);
            }
            (Writer::Real(file), _) => file.write_all(bytes).unwrap(),
            _ => unreachable!(),
        }
    }

    pub fn close(&mut self, writer: usize) {
        self.writers[writer] = None;
    }

    pub fn create(&mut self, name: &str) {
        let writer = self.open(name);
        self.close(writer);
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        let (from, to) = (self.path(from), self.path(to));
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().rename(&from, &to),
            Inner::Real(_) => fs::rename(from, to).unwrap(),
        }
    }

    pub fn remove(&mut self, name: &str) {
        let path = self.path(name);
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().remove(&path),
            Inner::Real(_) => fs::remove_file(path).unwrap(),
        }
    }

    pub fn truncate(&mut self, name: &str) {
        let path = self.path(name);
        match &mut self.inner {
            Inner::Fake(fake) => {
                fake.disk.0.borrow_mut().pass(Duration::from_millis(1));
                fake.disk.0.borrow_mut().truncate(&path, 0);
            }
            Inner::Real(_) => fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap(),
        }
    }

    /// As `> file` and a write do, with nothing between them.
    pub fn overwrite(&mut self, name: &str, text: &str) {
        self.truncate(name);
        self.append(name, text);
    }

    /// As `gzip` does, with no writer left at the end.
    pub fn compress(&mut self, from: &str, to: &str) {
        let bytes = packed(&self.content(from));
        let writer = self.open(to);
        self.write_bytes(writer, &bytes);
        self.close(writer);
        self.remove(from);
    }

    pub fn copy(&mut self, from: &str, to: &str) {
        let bytes = self.content(from);
        let writer = self.open(to);
        self.write_bytes(writer, &bytes);
        self.close(writer);
    }

    pub fn content(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        match &self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow().file(&path).unwrap().bytes.borrow().clone(),
            Inner::Real(_) => fs::read(path).unwrap(),
        }
    }

    pub fn link(&mut self, target: &str, name: &str) {
        let path = self.path(name);
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().link(target, &path),
            Inner::Real(_) => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    }

    pub fn hard_link(&mut self, name: &str, other: &str) {
        let (path, other) = (self.path(name), self.path(other));
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().hard_link(&path, &other),
            Inner::Real(_) => fs::hard_link(path, other).unwrap(),
        }
    }

    pub fn directory(&mut self, name: &str) {
        let path = self.path(name);
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().directory(&path),
            Inner::Real(_) => fs::create_dir_all(path).unwrap(),
        }
    }

    /// Nobody may read the file or the directory any more, or all may again.
    pub fn permit(&mut self, name: &str, is_permitted: bool) {
        let path = self.path(name);
        match &mut self.inner {
            Inner::Fake(fake) => fake.disk.0.borrow_mut().permit(&path, is_permitted),
            Inner::Real(_) => {
                let mode = if is_permitted { 0o755 } else { 0 };
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }

    // What becomes of logtail.

    pub fn start(&mut self) {
        self.begin();
        if self.way == Way::Fake {
            // The program has looked once before anybody can know that it runs.
            self.step();
        }
    }

    /// It starts on the fake disk, looks, keeps its checkpoint, and has read nothing yet.
    pub fn start_and_look(&mut self) {
        self.begin();
        let OnFake { kept, run, .. } = self.fake();
        let run = run.as_mut().unwrap();
        run.look();
        run.keep(kept, false);
    }

    fn begin(&mut self) {
        let patterns: Vec<PathBuf> = self.patterns.iter().map(|pattern| self.path(pattern)).collect();
        match &mut self.inner {
            Inner::Fake(fake) => {
                let texts: Vec<&str> = patterns.iter().map(|path| path.to_str().unwrap()).collect();
                let mut plan = plan(&texts);
                plan.excludes = self
                    .excludes
                    .iter()
                    .map(|pattern| logtail::glob::Pattern::new(pattern.as_bytes()).unwrap())
                    .collect();
                plan.follow_links.clone_from(&self.follow_links);
                plan.state = self.keeps_state_among_the_logs.then(|| PathBuf::from("/log"));
                (fake.change)(&mut plan);
                fake.run = Some(Run::start(&fake.disk, plan, &fake.kept, fake.boot));
            }
            Inner::Real(real) => {
                let mut command = real.program(self.unprivileged);
                command.args(["-F", "-s", "0.05", "--drain-quiet", "0.1"]).arg("--state").arg(real.state());
                for directory in &self.follow_links {
                    command.arg("--follow-links").arg(directory);
                }
                command.args(&self.options);
                if self.way == Way::Polling {
                    command.arg("--no-inotify");
                }
                for exclude in &self.excludes {
                    command.arg("--exclude").arg(exclude);
                }
                command.args(&patterns).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = command.spawn().unwrap();
                let lines = lines_of(child.stdout.take().unwrap());
                let (stderr, said) = (child.stderr.take().unwrap(), Arc::clone(&real.said));
                std::thread::spawn(move || {
                    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                        said.lock().unwrap().push_str(&(line + "\n"));
                    }
                });
                real.child = Some(Running { child, lines });
                let state = real.state().join("files");
                await_that("the first look", || state.exists());
            }
        }
    }

    /// What is done in `body` is done between two of its looks.
    pub fn unseen(&mut self, body: impl FnOnce(&mut Self)) {
        self.signal(Signal::STOP);
        if let Inner::Real(real) = &self.inner {
            let status = real.proc("stat");
            await_that("the stop", || fs::read_to_string(&status).unwrap().contains(") T "));
        }
        body(self);
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Inner::Real(real) = &self.inner {
            kill_process(Pid::from_child(&real.child.as_ref().unwrap().child), signal).unwrap();
        }
    }

    /// How many logs it holds open.
    pub fn open_files(&self) -> usize {
        match &self.inner {
            Inner::Fake(fake) => fake.run.as_ref().unwrap().follower.count().1,
            Inner::Real(real) => {
                let files = fs::read_dir(real.proc("fd")).unwrap();
                let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
                targets.filter(|target| target.starts_with(real.root.join("log"))).count()
            }
        }
    }

    /// Awaits that it has closed its logs but for so many; in vain where it runs as their owner, who is told of writers.
    pub fn closes_all_but(&mut self, count: usize) {
        if self.way == Way::Fake {
            for _ in 0..400 {
                if self.open_files() <= count {
                    return;
                }
                self.step();
            }
            panic!("the old files are not closed");
        }
        if geteuid().is_root() {
            await_that("the old files are closed", || self.open_files() <= count);
        }
    }

    /// How many watches it has set.
    pub fn watches(&self) -> usize {
        let Inner::Real(real) = &self.inner else { return 0 };
        let files = fs::read_dir(real.proc("fdinfo")).unwrap();
        let infos = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        infos.map(|info| info.matches("inotify wd:").count()).sum()
    }

    /// It is killed; what had come out of it is kept.
    pub fn kill(&mut self) {
        match &mut self.inner {
            Inner::Fake(fake) => fake.run = None,
            Inner::Real(real) => {
                let mut running = real.child.take().unwrap();
                running.child.kill().unwrap();
                running.child.wait().unwrap();
            }
        }
    }

    /// TERM; what still comes is in `arrived`.
    pub fn drain(&mut self) {
        if self.way == Way::Fake {
            self.fake().run.as_mut().unwrap().drain();
            for _ in 0..2000 {
                self.step();
                let OnFake { run, kept, said, .. } = self.fake();
                let run_now = run.as_mut().unwrap();
                if !run_now.is_drained() {
                    continue;
                }
                run_now.end(true);
                run_now.keep(kept, true);
                said.append(&mut run_now.said);
                let out = std::mem::take(&mut run_now.out);
                *run = None;
                self.take(&out);
                return;
            }
            panic!("the drain does not end");
        }
        let Inner::Real(real) = &mut self.inner else { unreachable!() };
        let mut running = real.child.take().unwrap();
        kill_process(Pid::from_child(&running.child), Signal::TERM).unwrap();
        while let Ok(line) = running.lines.recv_timeout(PATIENCE) {
            self.take(&line);
        }
        assert!(running.child.wait().unwrap().success(), "{}", self.said_all());
    }

    /// Everything that has come is acknowledged, the finished generations too.
    pub fn acknowledge(&mut self) {
        let marks = self.marks.clone();
        self.acknowledge_lines(self.arrived.len(), &marks);
    }

    /// Only the first lines that came are acknowledged.
    pub fn acknowledge_first(&mut self, count: usize) {
        self.acknowledge_lines(count, &HashMap::new());
    }

    fn acknowledge_lines(&mut self, count: usize, marks: &HashMap<Fid, u64>) {
        let mut acks: HashMap<Fid, u64> = HashMap::new();
        for line in &self.arrived[..count] {
            let ack = acks.entry(line.position.fid).or_default();
            *ack = line.position.end.max(*ack);
        }
        for (fid, next) in marks {
            let ack = acks.entry(*fid).or_default();
            *ack = (*next).max(*ack);
        }
        match &mut self.inner {
            Inner::Fake(fake) => fake.kept.save_acks(acks.into_iter()),
            Inner::Real(real) => {
                let store = StateFile::new(&real.state(), "acks");
                store.save(&acks::text(acks.into_iter())[..], false).unwrap();
            }
        }
    }

    /// One look and all that is there to be read; time passes a little.
    pub fn step(&mut self) {
        self.step_by(Duration::from_millis(200));
    }

    fn step_by(&mut self, time: Duration) {
        let OnFake { disk, kept, run, said, .. } = self.fake();
        let run = run.as_mut().unwrap();
        run.look();
        while run.turn(usize::MAX) {}
        run.hear(kept);
        run.keep(kept, false);
        said.append(&mut run.said);
        let out = std::mem::take(&mut run.out);
        disk.0.borrow_mut().pass(time);
        self.take(&out);
    }

    /// Time passes while it looks, on the fake disk.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.step_by(Duration::from_secs(1));
        }
    }

    fn take(&mut self, out: &[u8]) {
        for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match classify(line, true) {
                Item::Line(line) => self.arrived.push(Arrived::of(&line)),
                Item::Mark(mark, _) => {
                    self.marks.insert(mark.fid, mark.next);
                    if mark.finished {
                        self.ended.push(mark.fid);
                    }
                }
                _ => {}
            }
        }
    }

    /// Awaits exactly these lines more, in this order.
    pub fn comes(&mut self, lines: &[&str]) {
        self.await_lines(lines.len());
        let came: Vec<String> = self.arrived[self.taken..].iter().map(Arrived::text).collect();
        assert_eq!(came, lines, "{:?}: {}", self.way, self.said_all());
        self.taken = self.arrived.len();
    }

    /// Awaits these lines more, in any order.
    pub fn comes_in_any_order(&mut self, lines: &[&str]) {
        self.await_lines(lines.len());
        let mut came: Vec<String> = self.arrived[self.taken..].iter().map(Arrived::text).collect();
        came.sort();
        let mut lines: Vec<&str> = lines.to_vec();
        lines.sort_unstable();
        assert_eq!(came, lines, "{:?}: {}", self.way, self.said_all());
        self.taken = self.arrived.len();
    }

    /// Awaits so many lines more at least; all that have come count as awaited.
    pub fn come_at_least(&mut self, count: usize) {
        self.await_lines(count);
        self.taken = self.arrived.len();
    }

    /// Awaits so many lines more, and gives them.
    pub fn come(&mut self, count: usize) -> Vec<Arrived> {
        self.await_lines(count);
        let came = self.arrived[self.taken..].to_vec();
        assert_eq!(came.len(), count, "{:?}: {came:?} {}", self.way, self.said_all());
        self.taken = self.arrived.len();
        came
    }

    fn await_lines(&mut self, count: usize) {
        let until = self.taken + count;
        if self.way == Way::Fake {
            for _ in 0..400 {
                if self.arrived.len() >= until || self.fake().run.is_none() {
                    return;
                }
                self.step();
            }
            return;
        }
        while self.arrived.len() < until {
            let Inner::Real(real) = &self.inner else { unreachable!() };
            let Some(running) = &real.child else { return };
            match running.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.take(&line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Awaits a message that holds `text`.
    pub fn says(&mut self, text: &str) {
        if self.way == Way::Fake {
            for _ in 0..400 {
                if self.said_all().contains(text) {
                    return;
                }
                self.step();
            }
            panic!("{text}: not among\n{}", self.said_all());
        }
        let Inner::Real(real) = &self.inner else { unreachable!() };
        await_that(text, || real.said.lock().unwrap().contains(text));
    }

    pub fn said_all(&self) -> String {
        match &self.inner {
            Inner::Fake(fake) => fake.said.join("\n"),
            Inner::Real(real) => real.said.lock().unwrap().clone(),
        }
    }

    /// Waits until the state knows a file of that name.
    pub fn await_known(&mut self, name: &str) {
        let path = self.path(name);
        let is_known = |stage: &Self| {
            let text = match &stage.inner {
                Inner::Fake(fake) => fake.kept.files.load().unwrap_or_default(),
                Inner::Real(real) => fs::read(real.state().join("files")).unwrap_or_default(),
            };
            Checkpoint::parse(&text).0.entries.iter().any(|entry| entry.path == path)
        };
        if self.way == Way::Fake {
            self.pass(2);
            assert!(is_known(self), "{}", self.said_all());
        } else {
            await_that("a known file", || is_known(self));
        }
    }

    /// What the state says.
    pub fn checkpoint(&self) -> Checkpoint {
        match &self.inner {
            Inner::Fake(fake) => fake.kept.checkpoint().unwrap_or_default(),
            Inner::Real(real) => match StateFile::new(&real.state(), "files").load() {
                logline::state::Loaded::Current(text) => Checkpoint::parse(&text).0,
                other => panic!("no state: {other:?}"),
            },
        }
    }

    /// If it still runs it drains, and nothing else has come.
    pub fn end(&mut self) {
        let runs = match &self.inner {
            Inner::Fake(fake) => fake.run.is_some(),
            Inner::Real(real) => real.child.is_some(),
        };
        if runs {
            self.writers.clear();
            self.drain();
        }
        let more: Vec<String> = self.arrived[self.taken..].iter().map(Arrived::text).collect();
        assert!(more.is_empty(), "{:?}: came too: {more:?} {}", self.way, self.said_all());
    }
}

impl OnDisk {
    /// The program, as the user who runs the tests or as one to whom permissions apply.
    fn program(&self, unprivileged: bool) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_logtail"));
        if !unprivileged || !geteuid().is_root() {
            return Command::new(program);
        }
        // Where the program was built that user may have no access.
        let own = self.root.join("logtail");
        if !own.exists() {
            fs::hard_link(program, &own).or_else(|_| fs::copy(program, &own).map(drop)).unwrap();
        }
        let state = self.root.join("state");
        fs::create_dir_all(&state).unwrap();
        chown(state, Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = Command::new(own);
        command.uid(NOBODY).gid(NOBODY);
        command
    }

    fn state(&self) -> PathBuf {
        self.root.join(if self.is_state_among_the_logs { "log" } else { "state" })
    }

    /// What the kernel tells of the running program under this name.
    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.as_ref().unwrap().child.id()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Inner::Real(real) = &mut self.inner {
            if let Some(mut running) = real.child.take() {
                let _ = running.child.kill();
                let _ = running.child.wait();
            }
            let _ = fs::remove_dir_all(&real.root);
        }
    }
}

/// As gzip writes it.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lines_of(stdout: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout);
        loop {
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 || sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "{what}: awaited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

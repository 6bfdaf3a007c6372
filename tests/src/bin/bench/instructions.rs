//! How many instructions a line takes, counted by callgrind: the difference between many lines and few, so that the start
//! does not count. The same whatever else the machine does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use logpipe_tests::receiver::{Options, Receiver};
use logpipe_tests::tools::data;

use crate::Build;

/// How many lines of the real log.
const FEW: usize = 1_000;
const MANY: usize = 10_000;

/// Measures and prints, for each of the builds, or for the tools in `PATH` where there is none; says so where callgrind is
/// not there.
pub fn table(scratch: &Path, builds: &[Build]) -> io::Result<()> {
    let mut out = io::stdout();
    let of_path = [Build { name: "instr. a line".to_owned(), directory: PathBuf::new() }];
    let builds = if builds.is_empty() { &of_path } else { builds };
    write!(out, "\n{:<28}", "instructions a line")?;
    builds.iter().try_for_each(|build| write!(out, " {:>14}", build.name))?;
    writeln!(out)?;
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return writeln!(out, "skipped: valgrind is not installed");
    }
    let sink = Receiver::start_with(&Options { sink: true, ..Options::default() })?;
    let url = format!("{}/x", sink.url());
    for lines in [FEW, MANY] {
        let text = fs::read(data().join("access-combined.log"))?;
        let end = memchr::memchr_iter(b'\n', &text).nth(lines - 1).map_or(text.len(), |lf| lf + 1);
        fs::write(scratch.join(format!("log-{lines}")), &text[..end])?;
        make(scratch, "tagged", lines, &["logtail", "-n", "+1", "--tag"])?;
        make(scratch, "records", lines, &["logparse", "nginx"])?;
    }
    let tools: [(&str, &str, Vec<&str>); 6] = [
        ("logtail --tag", "", vec!["logtail", "-n", "+1", "--tag"]),
        ("logparse nginx", "log", vec!["logparse", "nginx"]),
        ("logparse nginx, tagged", "tagged", vec!["logparse", "nginx"]),
        ("logfilter PATTERN", "log", vec!["logfilter", "logstash-1.3.2"]),
        ("logfilter -W", "records", vec!["logfilter", "-W", "status >= 500"]),
        ("logpost", "records", vec!["logpost", "--to", "elasticsearch", &url]),
    ];
    for (name, input, words) in tools {
        write!(out, "{name:<28}")?;
        for build in builds {
            let program = build.directory.join(words[0]).display().to_string();
            let words: Vec<&str> = [&[&program[..]], &words[1..]].concat();
            let [few, many] = [FEW, MANY].map(|lines| count(scratch, input, lines, &words));
            match (few, many) {
                (Ok(few), Ok(many)) => write!(out, " {:>14}", (many - few) / (MANY - FEW) as u64)?,
                (Err(_), _) | (_, Err(_)) => write!(out, " {:>14}", "-")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn make(scratch: &Path, name: &str, lines: usize, words: &[&str]) -> io::Result<()> {
    let log = scratch.join(format!("log-{lines}"));
    let out = File::create(scratch.join(format!("{name}-{lines}")))?;
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(out);
    if words[0] == "logtail" {
        command.arg(&log).stdin(Stdio::null())
    } else {
        command.stdin(File::open(&log)?)
    };
    if command.status()?.success() { Ok(()) } else { Err(io::Error::other(format!("{} failed", words[0]))) }
}

/// The instructions of one run; `input` is empty where the tool names its file. An error where callgrind cannot run it: with
/// a thread beside the first one it may not find what the kernel has mapped (`AT_SYSINFO_EHDR`).
fn count(scratch: &Path, input: &str, lines: usize, words: &[&str]) -> io::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--"]).args(words).stdout(Stdio::null());
    if input.is_empty() {
        command.arg(scratch.join(format!("log-{lines}"))).stdin(Stdio::null());
    } else {
        command.stdin(File::open(scratch.join(format!("{input}-{lines}")))?);
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(io::Error::other(format!("valgrind: {said}")));
    }
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    collected.and_then(|count| count.trim().parse().ok()).ok_or_else(|| io::Error::other(format!("valgrind: {said}")))
}

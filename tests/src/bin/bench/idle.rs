//! What a start costs, beside that of `true`; what the whole pipeline costs while nothing happens to the files it follows.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::receiver::{Options, Receiver};

use crate::median;
use crate::pipeline::Pipeline;
use crate::throughput::stages;

const STARTS: usize = 40;
/// How long nothing happens.
const REST: Duration = Duration::from_secs(10);
/// Until then the first look, the first marks and the first state files are done.
const SETTLING: Duration = Duration::from_secs(3);

/// Measures and prints.
pub fn table(scratch: &Path) -> io::Result<()> {
    starts(scratch)?;
    writeln!(io::stdout(), "\n{:<28} {:>10} private MiB by member", "at rest, ten seconds", "% of core")?;
    [1, 100, 1000].into_iter().try_for_each(|files| at_rest(scratch, files))
}

fn starts(scratch: &Path) -> io::Result<()> {
    let empty = scratch.join("empty");
    fs::write(&empty, "")?;
    let logtail = format!("logtail {}", empty.display());
    let commands = ["true", &logtail, "logparse nginx", "logfilter x", "logpost http://127.0.0.1:9/"];
    let mut times = commands.map(|command| (command, Vec::new()));
    for _ in 0..STARTS {
        for (command, times) in &mut times {
            let words: Vec<&str> = command.split(' ').collect();
            let begin = Instant::now();
            Command::new(words[0])
                .args(&words[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    writeln!(io::stdout(), "\n{:<28} {:>10} (spread)", "start to end, empty input", "ms")?;
    for (command, times) in &times {
        let (middle, least, most) = median(times);
        let tool = command.split(' ').next().unwrap_or(command);
        writeln!(io::stdout(), "{tool:<28} {middle:>10.2} ({least:.2} to {most:.2})")?;
    }
    Ok(())
}

fn at_rest(scratch: &Path, files: usize) -> io::Result<()> {
    let directory = scratch.join(format!("rest-{files}"));
    fs::create_dir_all(directory.join("logs"))?;
    for number in 0..files {
        fs::write(directory.join(format!("logs/{number}.log")), format!("one line of file {number}\n"))?;
    }
    let receiver = Receiver::start_with(&Options { sink: true, ..Options::default() })?;
    let logs = directory.join("logs/*.log").display().to_string();
    let state = directory.join("state").display().to_string();
    let stages = stages(
        "logtail -F --state {state} {logs} | logparse text | logfilter -W message | logpost --state {state} --to elasticsearch {url}/x",
        &[("{state}", &state), ("{logs}", &logs), ("{url}", &receiver.url())],
    );
    let pipeline = Pipeline::start(&stages, None)?;
    crate::await_that(|| Path::new(&state).join("acks").exists())?;
    thread::sleep(SETTLING);
    let before = pipeline.used();
    thread::sleep(REST);
    let after = pipeline.used();
    let spent: Duration = before.iter().zip(&after).map(|(before, after)| after.cpu.saturating_sub(before.cpu)).sum();
    #[expect(clippy::cast_precision_loss, reason = "mebibytes, shown with one decimal")]
    let memory: Vec<String> =
        after.iter().map(|used| format!("{} {:.1}", used.name, used.peak as f64 / 1_048_576.0)).collect();
    pipeline.terminate();
    pipeline.finish()?;
    writeln!(
        io::stdout(),
        "{:<28} {:>10.3} {}",
        format!("{files} files, pipe of four"),
        spent.as_secs_f64() / REST.as_secs_f64() * 100.0,
        memory.join(", ")
    )
}

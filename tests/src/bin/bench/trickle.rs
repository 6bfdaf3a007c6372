//! What some lines a second cost, and how long each is under way: each line carries the time when it was written, and the
//! receiver notes when it came.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::receiver::{Options, Receiver};
use memchr::memmem;

use crate::pipeline::Pipeline;
use crate::throughput::stages;

const LASTING: Duration = Duration::from_secs(10);

/// Measures at several rates and prints.
pub fn table(scratch: &Path) -> io::Result<()> {
    writeln!(
        io::stdout(),
        "\n{:<28} {:>10} {:>10} {:>10} {:>10}",
        "trickle, ten seconds",
        "% of core",
        "p50 ms",
        "p99 ms",
        "lines"
    )?;
    for (rate, linger) in [(1, "0"), (1_000, "0"), (1_000, "1s"), (100_000, "0")] {
        trickle(scratch, rate, linger)?;
    }
    Ok(())
}

fn trickle(scratch: &Path, rate: u64, linger: &str) -> io::Result<()> {
    let directory = scratch.join(format!("trickle-{rate}-{linger}"));
    fs::create_dir_all(&directory)?;
    let log = directory.join("access.log");
    let state = directory.join("state");
    File::create(&log)?;
    let (arrivals, arrived) = channel();
    let receiver = Receiver::start_with(&Options { sink: true, observer: Some(arrivals), ..Options::default() })?;
    let stages = stages(
        "logtail -F --state {state} {log} | logparse nginx | logfilter -W request_uri \
         | logpost --linger {linger} --state {state} --to elasticsearch {url}/x",
        &[
            ("{state}", &state.display().to_string()),
            ("{log}", &log.display().to_string()),
            ("{url}", &receiver.url()),
            ("{linger}", linger),
        ],
    );
    let pipeline = Pipeline::start(&stages, None)?;
    crate::await_that(|| state.join("files").exists())?;
    let before = pipeline.used();
    let epoch = Instant::now();
    let written = write(&log, rate, epoch)?;
    let spent: Duration =
        pipeline.used().iter().zip(&before).map(|(after, before)| after.cpu.saturating_sub(before.cpu)).sum();
    pipeline.terminate();
    pipeline.finish()?;
    drop(receiver);
    let mut delays: Vec<Duration> = Vec::new();
    for (at, body) in arrived.try_iter() {
        let at: Duration = Instant::duration_since(&at, epoch);
        delays.extend(times(&body).map(|written| at.saturating_sub(written)));
    }
    delays.sort();
    if delays.len() as u64 != written {
        return Err(io::Error::other(format!("{} of {written} lines arrived", delays.len())));
    }
    let quantile = |part: usize| delays[(delays.len() - 1) * part / 100].as_secs_f64() * 1e3;
    writeln!(
        io::stdout(),
        "{:<28} {:>10.2} {:>10.1} {:>10.1} {:>10}",
        format!("{rate} lines/s, --linger {linger}"),
        spent.as_secs_f64() / LASTING.as_secs_f64() * 100.0,
        quantile(50),
        quantile(99),
        delays.len()
    )
}

/// Writes so many lines a second, each in a write of its own up to a thousand, else a thousandth of them at a time.
fn write(log: &Path, rate: u64, epoch: Instant) -> io::Result<u64> {
    let mut file = OpenOptions::new().append(true).open(log)?;
    let (steps, lines) = if rate > 1_000 { (1_000, rate / 1_000) } else { (rate, 1) };
    let step = Duration::from_secs(1) / u32::try_from(steps).unwrap_or(1_000);
    let mut due = epoch;
    let mut written = 0;
    while epoch.elapsed() < LASTING {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += step;
        let mut text = String::new();
        for _ in 0..lines {
            text.push_str("127.0.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET /");
            text.push_str(&epoch.elapsed().as_nanos().to_string());
            text.push_str(" HTTP/1.1\" 200 612 \"-\" \"bench/1.0\"\n");
        }
        file.write_all(text.as_bytes())?;
        written += lines;
    }
    Ok(written)
}

/// When the lines in a body were written.
fn times(body: &[u8]) -> impl Iterator<Item = Duration> + '_ {
    const KEY: &[u8] = b"\"request_uri\":\"/";
    memmem::find_iter(body, KEY).filter_map(|at| {
        let digits = &body[at + KEY.len()..];
        let end = digits.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(&digits[..end]).ok()?.parse().ok().map(Duration::from_nanos)
    })
}

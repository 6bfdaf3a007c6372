//! The tools against real servers: what each holds in the end is read back, record by record, and compared with the log.
//! `scripts/test-servers` runs it.
//!
//! | module | what it shows |
//! |---|---|
//! | [`bulk`] | OpenSearch and Elasticsearch: every answer that they can be forced to give |
//! | [`victorialogs`] | what it would drop is refused, and it drops nothing |
//! | [`loki`] | nothing is refused that it has or would take, and nothing is lost |
//! | [`collector`] | every field arrives as it was |
//! | [`front`] | nginx in between: TLS, certificates, passwords, limits |
//! | [`recipes`] | those of the documentation, for keeping and finding |
//!
//! A claim that fails does not stop the others. Nothing is asserted about time.

mod bulk;
mod collector;
mod comparison;
mod front;
mod loki;
mod recipes;
mod server;
mod shipment;
mod victorialogs;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use logpipe_tests::tools::{self, Scratch};
use server::{Name, Trouble};

const USAGE: &str = "usage: servers [--keep] [opensearch|elasticsearch|victorialogs|loki|otelcol]…";

/// Counts what holds and what does not.
#[derive(Default)]
pub struct Claims {
    held: AtomicUsize,
    failed: AtomicUsize,
}

impl Claims {
    /// Looks whether a claim holds, and prints it with its figures.
    pub fn show(&self, who: &str, claim: &str, shown: impl FnOnce() -> Result<String, Trouble>) {
        let begin = Instant::now();
        let shown = shown();
        let (count, word) = if shown.is_ok() { (&self.held, "holds") } else { (&self.failed, "FAILS") };
        count.fetch_add(1, Ordering::SeqCst);
        let (Ok(figures) | Err(figures)) = shown.map_err(|error| error.to_string());
        let line = format!("{word}  {who:<13}  {claim}: {figures}  [{:.1} s]\n", begin.elapsed().as_secs_f64());
        // Where it cannot be written the exit code still tells.
        drop(io::stdout().write_all(line.as_bytes()));
    }
}

/// 10 000 real lines.
fn access_log() -> Result<Vec<u8>, Trouble> {
    Ok(std::fs::read(tools::data().join("access-combined.log"))?)
}

/// The same lines as if they had been written every 7 seconds from so many hours ago on: in 19 and a half hours.
fn access_log_since(hours: i64) -> Result<Vec<u8>, Trouble> {
    access_log_every(7, hours, usize::MAX)
}

/// The first of these lines as if they had been written at equal intervals, beginning some hours ago.
fn access_log_every(seconds: i64, hours: i64, lines: usize) -> Result<Vec<u8>, Trouble> {
    let mut time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    let mut dated = Vec::new();
    for line in access_log()?.split_inclusive(|byte| *byte == b'\n').take(lines) {
        let (open, close) =
            memchr::memchr(b'[', line).zip(memchr::memchr(b']', line)).ok_or("a line without a time")?;
        dated.extend_from_slice(&line[..=open]);
        dated.extend_from_slice(time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string().as_bytes());
        dated.extend_from_slice(&line[close..]);
        time += jiff::SignedDuration::from_secs(seconds);
    }
    Ok(dated)
}

fn main() -> ExitCode {
    let mut names = Vec::new();
    let mut keeps = false;
    for word in std::env::args().skip(1) {
        match Name::ALL.into_iter().find(|name| name.text() == word) {
            Some(name) => names.push(name),
            None if word == "--keep" => keeps = true,
            None => {
                drop(writeln!(io::stderr(), "servers: {USAGE}"));
                return ExitCode::from(2);
            }
        }
    }
    if names.is_empty() {
        names.extend(Name::ALL);
    }
    let scratch = Scratch::new("servers");
    let claims = Claims::default();
    thread::scope(|scope| {
        for name in names {
            let (claims, directory) = (&claims, scratch.path().join(name.text()));
            scope.spawn(move || {
                let shown = match name {
                    Name::OpenSearch | Name::Elasticsearch => bulk::show(name, &directory, claims),
                    Name::VictoriaLogs => victorialogs::show(&directory, claims),
                    Name::Loki => loki::show(&directory, claims),
                    Name::Collector => collector::show(&directory, claims),
                };
                if let Err(trouble) = shown {
                    claims.show(name.text(), "the server runs", || Err(trouble));
                }
            });
        }
    });
    if keeps {
        drop(writeln!(io::stderr(), "servers: kept {}", scratch.path().display()));
        std::mem::forget(scratch);
    }
    let (held, failed) = (claims.held.into_inner(), claims.failed.into_inner());
    drop(writeln!(io::stdout(), "{held} claims hold, {failed} fail"));
    if failed == 0 && held > 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

//! Logs the lines of stdin through tracing, into files of tracing-appender.

use std::io::{self, BufRead as _};

use tracing_appender::rolling::{RollingFileAppender, Rotation};

fn main() -> io::Result<()> {
    let setting = std::env::args().nth(1).unwrap_or_default();
    let logs = std::env::var_os("LOGS").ok_or(io::ErrorKind::NotFound)?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::MINUTELY)
        .filename_prefix("app")
        .filename_suffix("log")
        .build(logs)
        .map_err(io::Error::other)?;
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(std::sync::Mutex::new(appender));
    if setting == "json" {
        subscriber.json().flatten_event(true).init();
    } else {
        subscriber.init();
    }
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (level, text) = line.split_once(' ').unwrap_or(("info", &line));
        match level {
            "warn" => tracing::warn!("{text}"),
            "error" | "trace" => tracing::error!("{text}"),
            _ => tracing::info!("{text}"),
        }
    }
    Ok(())
}

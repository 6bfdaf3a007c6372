//! Logs the lines of stdin through flexi_logger.

use std::io::{self, BufRead as _};

use flexi_logger::{Age, Cleanup, Criterion, FileSpec, Logger, Naming, detailed_format};

fn main() -> io::Result<()> {
    let setting = std::env::args().nth(1).unwrap_or_default();
    let logs = std::env::var_os("LOGS").ok_or(io::ErrorKind::NotFound)?;
    let (criterion, naming, cleanup) = match setting.as_str() {
        "age" => (Criterion::Age(Age::Second), Naming::Timestamps, Cleanup::Never),
        "gzip" => (Criterion::Size(20_000), Naming::Numbers, Cleanup::KeepCompressedFiles(500)),
        _ => (Criterion::Size(20_000), Naming::Numbers, Cleanup::Never),
    };
    let logger = Logger::try_with_str("info")
        .map_err(io::Error::other)?
        .log_to_file(FileSpec::default().directory(logs).basename("app").suppress_timestamp())
        .rotate(criterion, naming, cleanup)
        .format(detailed_format)
        .start()
        .map_err(io::Error::other)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (level, text) = line.split_once(' ').unwrap_or(("info", &line));
        match level {
            "warn" => log::warn!("{text}"),
            "error" | "trace" => log::error!("{text}"),
            _ => log::info!("{text}"),
        }
    }
    logger.shutdown();
    Ok(())
}

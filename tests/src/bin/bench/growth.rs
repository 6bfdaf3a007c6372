//! Whether a line costs the same in a large file, among many files, and what its length costs. The account of a process is
//! exact to a hundredth of a second, so each figure is that of a log large enough, less that of an empty one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use logpipe_tests::receiver::{Options, Receiver};

use crate::pipeline::Pipeline;
use crate::throughput::stages;

/// Measures and prints; the largest file has `megabytes`, ten of them at least.
pub fn table(scratch: &Path, megabytes: u64) -> io::Result<()> {
    let sink = Receiver::start_with(&Options { sink: true, ..Options::default() })?;
    writeln!(
        io::stdout(),
        "\n{:<28} {:>10} {:>14} {:>12}",
        "growth, pipe of three",
        "MB",
        "µs CPU a line",
        "ns CPU a byte"
    )?;
    let directory = scratch.join("growth");
    for size in [16, 64, 256, 2048].into_iter().filter(|size| *size <= megabytes.max(64) * 4) {
        let of_size = files(&directory, 1, size * 1_000_000, None)?;
        row(&format!("one file of {size} MB"), &directory, &sink.url(), &of_size)?;
    }
    for count in [1, 10, 100, 1000] {
        let of_count = files(&directory, count, megabytes * 1_000_000, None)?;
        row(&format!("{count} files"), &directory, &sink.url(), &of_count)?;
    }
    for length in [20, 100, 1_000, 10_000, 65_000] {
        let of_length = files(&directory, 1, megabytes * 1_000_000, Some(length))?;
        row(&format!("lines of {length} bytes"), &directory, &sink.url(), &of_length)?;
    }
    Ok(())
}

/// Lines and bytes of what is to be read.
struct Amount {
    lines: u64,
    bytes: u64,
}

/// Replaces what is in `directory` by `count` files of `bytes` together: of a real log, or of lines of that length.
fn files(directory: &Path, count: u64, bytes: u64, length: Option<usize>) -> io::Result<Amount> {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory)?;
    let mut amount = Amount { lines: 0, bytes: 0 };
    for number in 0..count {
        let path = directory.join(format!("{number}.log"));
        match length {
            None => crate::real_log(&path, bytes / count)?,
            Some(length) => {
                let line = [vec![b'x'; length - 1], b"\n".to_vec()].concat();
                let mut file = BufWriter::new(File::create(&path)?);
                for _ in 0..bytes / count / length as u64 {
                    file.write_all(&line)?;
                }
                file.flush()?;
            }
        }
        let text = fs::read(&path)?;
        amount.bytes += text.len() as u64;
        amount.lines += memchr::memchr_iter(b'\n', &text).count() as u64;
    }
    Ok(amount)
}

fn row(name: &str, directory: &Path, url: &str, amount: &Amount) -> io::Result<()> {
    let format = if name.starts_with("lines") { "text" } else { "nginx" };
    let cost = |glob: &str| -> io::Result<Duration> {
        let command = "logtail -n +1 --tag {glob} | logparse {format} | logpost --to elasticsearch {url}/x";
        let stages = stages(command, &[("{glob}", glob), ("{format}", format), ("{url}", url)]);
        Ok(Pipeline::start(&stages, None)?.finish()?.cpu())
    };
    let empty = directory.with_extension("empty");
    fs::write(&empty, "")?;
    let spent = cost(&directory.join("*.log").display().to_string())?
        .saturating_sub(cost(&empty.display().to_string())?)
        .as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts, shown with three digits")]
    let (lines, bytes) = (amount.lines as f64, amount.bytes as f64);
    writeln!(
        io::stdout(),
        "{name:<28} {:>10.0} {:>14.3} {:>12.2}",
        bytes / 1e6,
        spent / lines * 1e6,
        spent / bytes * 1e9
    )
}

//! A server that is down for long: memory stays flat, the log is the buffer, then everything arrives in order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use logpipe_tests::pipeline::Pipeline;
use logpipe_tests::receiver::{Behaviour, Receiver};
use logpipe_tests::site::Site;
use logpipe_tests::tools::{self, await_that};

/// Kilobytes that each member has in memory.
fn resident(pipeline: &Pipeline) -> Vec<u64> {
    let of = |place| {
        let path = format!("/proc/{}/status", pipeline.process(place).as_raw_pid());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (0..pipeline.len()).map(of).collect()
}

/// Appends numbered lines of about four hundred bytes.
fn write(site: &Site, numbers: std::ops::Range<usize>) {
    let mut log = std::io::BufWriter::new(site.open_log().unwrap());
    let padding = "x".repeat(390);
    for number in numbers {
        writeln!(log, "{number} {padding}").unwrap();
    }
    log.flush().unwrap();
}

#[test]
fn g8_while_the_server_is_down_memory_is_flat_and_then_everything_arrives_in_order() {
    let site = Site::new("g8");
    site.receiver.fail(Behaviour { status: Some(503), ..Behaviour::default() });
    write(&site, 0..20_000);
    // One request at a time: two may be answered out of order, and order is looked at here.
    let line = site.line("", &["logparse text", "logfilter -W message"], "--batch-bytes 256KiB --in-flight 1");
    let mut pipeline = site.start(&line).unwrap();
    await_that("three tries", || site.receiver.requests() >= 3);
    // The file has more than all buffers hold, and they are full or will be soon. Of what comes later, four times as much
    // each time as may be seen of it all, nothing is held.
    let before = resident(&pipeline);
    for round in 1..4 {
        write(&site, round * 20_000..(round + 1) * 20_000);
        fs::rename(site.log(), site.path(&format!("logs/app.log.{round}"))).unwrap();
        write(&site, 0..0);
        let requests = site.receiver.requests();
        await_that("another try", || site.receiver.requests() > requests);
    }
    for (before, after) in before.iter().zip(resident(&pipeline)) {
        assert!(after <= before + 2048, "{before} kB have become {after} kB");
    }
    site.receiver.recover();
    await_that("all lines", || site.receiver.stored() == 80_000);
    pipeline.terminate();
    await_that("the end", || pipeline.has_ended());
    assert_eq!(pipeline.codes(), [Some(0); 4], "{}", site.said());
    let number = |message: &String| message.split(' ').next().unwrap().parse::<usize>().unwrap();
    let wrong = site.messages().iter().map(number).enumerate().find(|(place, number)| place != number);
    assert_eq!(wrong, None, "in order, and each once");
    let said = site.said();
    assert!(said.contains("trying again") && said.contains("recovered after"), "{said}");
}

#[test]
fn an_input_that_ends_while_the_server_takes_nothing_is_given_up_when_the_drain_is_over() {
    let receiver = Receiver::start();
    receiver.fail(Behaviour { status: Some(503), ..Behaviour::default() });
    let mut logpost = Command::new(tools::directory().join("logpost"))
        .args(["--to=elasticsearch", "--batch-bytes=64KiB", "--drain=1s", &receiver.url()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = logpost.stdin.take().unwrap();
    rustix::io::ioctl_fionbio(&stdin, true).unwrap();
    // It reads no more, for it holds as much as it may: its end stands behind what the pipe holds.
    let record = format!("{{\"message\":\"{}\"}}\n", "x".repeat(1000));
    await_that("a full pipe", || stdin.write(record.as_bytes()).is_err() && receiver.requests() > 3);
    drop(stdin);
    let mut said = String::new();
    logpost.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(logpost.wait().unwrap().code(), Some(2), "{said}");
    assert!(said.contains("records are not delivered"), "{said}");
}

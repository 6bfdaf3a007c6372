//! A grok pattern is taken or refused with a reason, and what is taken reads any line. The first line of the input is the
//! pattern, the others are what it is to read.

#![no_main]

use clap::Parser as _;
use libfuzzer_sys::fuzz_target;
use logline::json::is_valid_object;
use logline::line::{Item, Line};
use logline::output::Output;
use logparse::{Args, Parse};

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let Some(pattern) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else { return };
    let Ok(args) = Args::try_parse_from(["logparse".to_owned(), format!("--grok={pattern}")]) else { return };
    let mut parse = match Parse::new(&args) {
        Ok(parse) => parse,
        Err(stop) => return assert!(!format!("{stop:?}").is_empty()),
    };
    let mut output = Output::to(rustix::stdio::stdout());
    for line in lines {
        assert!(parse.take(&Item::Line(Line::plain(line)), &mut output).is_ok());
    }
    for record in std::mem::take(output.buffer()).split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
        assert!(is_valid_object(record), "{}", String::from_utf8_lossy(record));
    }
});

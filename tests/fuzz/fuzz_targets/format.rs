//! Whatever a line is, each format makes valid records of it, on lines of their own, and forges no position. The first
//! byte of the input chooses the format, the rest are lines.

#![no_main]

use std::cell::RefCell;

use clap::Parser as _;
use libfuzzer_sys::fuzz_target;
use logline::json::is_valid_object;
use logline::line::{Item, Line, classify};
use logline::output::Output;
use logparse::{Args, Parse};

const CHAINS: [&[&str]; 18] = [
    &["nginx"],
    &["apache"],
    &["ingress-nginx"],
    &["json"],
    &["logfmt"],
    &["syslog"],
    &["cri"],
    &["docker"],
    &["klog"],
    &["text"],
    &["auto"],
    &["cri,auto"],
    &["docker,json"],
    &["text", "--join", "trace"],
    &["nginx", "--log-format", "$remote_addr [$time_iso8601] \"$request\" $status $upstream_response_time"],
    &["apache", "--log-format", "%h %l %u %t \"%r\" %>s %b %D"],
    &["--regex", r"(?P<time>\S+) (?P<level>\w+) (?P<message>.*)"],
    &["--grok", "%{IPORHOST:client} %{NUMBER:bytes:int} %{GREEDYDATA:message}"],
];

thread_local!(static PARSES: RefCell<Vec<Option<Parse>>> = RefCell::new(CHAINS.iter().map(|_| None).collect()));

fuzz_target!(|input: &[u8]| {
    let Some((choice, lines)) = input.split_first() else { return };
    let choice = usize::from(*choice) % CHAINS.len();
    PARSES.with_borrow_mut(|parses| {
        let parse = parses[choice].get_or_insert_with(|| {
            let args = Args::parse_from(["logparse"].iter().chain(CHAINS[choice]));
            Parse::new(&args).expect("options that are right")
        });
        let mut output = Output::to(rustix::stdio::stdout());
        for line in lines.split(|byte| *byte == b'\n') {
            let is_ours = match classify(line, false) {
                item @ Item::Line(_) => parse.take(&item, &mut output).is_ok(),
                _ => parse.take(&Item::Line(Line::plain(line)), &mut output).is_ok(),
            };
            assert!(is_ours);
        }
        // What a join still holds belongs to this input and to no other.
        assert!(parse.take(&Item::End(b"\x1eend"), &mut output).is_ok());
        for record in std::mem::take(output.buffer()).split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
            assert!(is_valid_object(record), "{}", String::from_utf8_lossy(record));
            assert!(serde_json::from_slice::<serde_json::Value>(record).is_ok() || has_its_reason(record));
        }
    });
});

/// serde_json has neither more than 128 levels nor numbers beyond a double, which are valid all the same.
fn has_its_reason(record: &[u8]) -> bool {
    let Err(error) = serde_json::from_slice::<serde_json::Value>(record) else { return true };
    let words = error.to_string();
    words.contains("recursion") || words.contains("range") || words.contains("surrogate") || words.contains("hex")
}

//! Whatever a server answers, each record that was sent comes out in exactly one place. The first byte of the input
//! chooses the destination, the second the status, the third how many records were sent; the rest is the body.

#![no_main]

use libfuzzer_sys::fuzz_target;

/// Those that the destinations know, and one that nobody does.
const STATUSES: [u16; 16] = [200, 201, 202, 204, 207, 260, 301, 400, 401, 403, 413, 422, 429, 500, 503, 799];
const DESTINATIONS: [&str; 7] = ["elasticsearch", "loki", "otlp", "splunk", "datadog", "victorialogs", "ndjson"];

fuzz_target!(|input: &[u8]| {
    let Some(([to, status, count], body)) = input.split_first_chunk::<3>() else { return };
    let to = DESTINATIONS[usize::from(*to) % DESTINATIONS.len()];
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    logpost::fuzz::answer(to, status, usize::from(*count % 32) + 1, body);
});

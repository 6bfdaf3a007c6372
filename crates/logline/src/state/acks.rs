//! The text of the state file `acks`, which logpost writes and logtail reads: for each generation of a file the offset
//! below which every line has been acknowledged.
//!
//! ```text
//! {"fid":"3f2a00c4d1e0b7a9","offset":4096}
//! ```

use std::io::Write as _;

use crate::json::member;
use crate::position::Fid;
use crate::state::files::{parse_fid, parse_number};

/// The lines of the file, in the order of `offsets`.
pub fn text(offsets: impl Iterator<Item = (Fid, u64)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (fid, offset) in offsets {
        let _ = writeln!(out, "{{\"fid\":\"{fid}\",\"offset\":{offset}}}");
    }
    out
}

/// Reads such lines. A line that has no fid or no offset is passed over.
pub fn parse(text: &[u8]) -> impl Iterator<Item = (Fid, u64)> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| Some((parse_fid(member(line, "fid")?)?, parse_number(member(line, "offset")?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_are_read_as_they_are_written() {
        let acks = [(Fid(1), 5), (Fid(2), 0)];
        assert_eq!(parse(&text(acks.into_iter())).collect::<Vec<_>>(), acks);
    }

    #[test]
    fn a_line_that_lacks_something_is_passed_over() {
        let text = b"{\"fid\":\"0000000000000001\"}\n{\"offset\":7}\n{\"fid\":\"0000000000000002\",\"offset\":9,\"later\":1}\n";
        assert_eq!(parse(text).collect::<Vec<_>>(), [(Fid(2), 9)]);
    }
}

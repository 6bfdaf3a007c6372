//! Torn lines: a member that is killed inside a write leaves the beginning of a line before the end of the stream, and a
//! foreign filter may give it an LF. It must never be taken for the line. No timer decides, only what comes next.
//!
//! | the last line | terminated | verdict |
//! |---|---|---|
//! | begins with RS or `{"_pos":` | no | torn |
//! | a tagged line whose content has not the length that its position tells | yes | held until more comes; torn at EOF |
//! | begins with `{"_pos":` and is not one whole object | yes | held; torn at EOF and, where positions are carried and its last byte is no brace, at once |
//! | a beginning of `{"_pos":`, or RS without a tag that parses, where positions are carried | yes, no | held; torn at EOF |
//! | anything else | no | a line |

use crate::json;
use crate::line::{Item, RECORD_HEAD, RS, classify};
use crate::position::Position;

/// Whether the unterminated `line` before EOF is dropped.
pub fn unterminated_is_torn(line: &[u8], carried: bool) -> bool {
    line.first() == Some(&RS) || line.starts_with(RECORD_HEAD) || (carried && is_beginning_of_record(line))
}

/// Whether the terminated `line` (given without its LF) has to be held until more input comes, and is dropped at EOF.
pub fn terminated_may_be_torn(line: &[u8], carried: bool) -> bool {
    match line.first() {
        Some(&RS) => match classify(line, carried) {
            Item::Line(line) => line.position().map_or(carried, |position| !has_told_length(&position, line.content)),
            _ => false,
        },
        Some(b'{') => is_broken_record(line) || (carried && is_beginning_of_record(line)),
        _ => false,
    }
}

/// Whether the line begins with `{"_pos":` and is not one whole object.
pub fn is_broken_record(line: &[u8]) -> bool {
    line.starts_with(RECORD_HEAD) && !json::is_complete_object(line)
}

fn is_beginning_of_record(line: &[u8]) -> bool {
    !line.is_empty() && line.len() < RECORD_HEAD.len() && RECORD_HEAD.starts_with(line)
}

/// A partial line has no LF of its own in its file, every other has one.
fn has_told_length(position: &Position, content: &[u8]) -> bool {
    let told = position.end - position.start;
    let length = content.len() as u64 + u64::from(!position.flags.partial);
    position.flags.truncated || told == length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tagged_line_is_whole_by_the_length_its_position_tells() {
        assert!(!terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10-15 /a\tfour", false));
        assert!(!terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10-14p /a\tfour", false));
        assert!(!terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10-99t /a\tfour", false));
        assert!(terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10-15 /a\tfou", false));
        assert!(terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10-14 /a\tfour", false));
    }

    #[test]
    fn every_terminated_beginning_of_a_tagged_line_may_be_torn_or_is_a_mark_that_claims_no_more() {
        let line = b"\x1e3f2a00c4d1e0b7a9:10-15 /a\tfour";
        for end in 1..line.len() {
            match classify(&line[..end], true) {
                Item::Mark(mark, _) => assert!(mark.next <= 10 && !mark.finished),
                _ => assert!(terminated_may_be_torn(&line[..end], true), "{}", line[..end].escape_ascii()),
            }
        }
    }

    #[test]
    fn every_terminated_beginning_of_a_record_may_be_torn() {
        let line = br#"{"_pos":"3f2a00c4d1e0b7a9:10-15","a":{"b":1}}"#;
        for end in 1..line.len() {
            assert!(terminated_may_be_torn(&line[..end], true), "{}", line[..end].escape_ascii());
        }
        assert!(!terminated_may_be_torn(line, true));
    }

    #[test]
    fn marks_are_never_torn_when_terminated() {
        assert!(!terminated_may_be_torn(b"\x1e3f2a00c4d1e0b7a9:10", true));
        assert!(!terminated_may_be_torn(b"\x1eend", true));
    }

    #[test]
    fn plain_text_is_a_line_whatever_it_begins_with_as_long_as_no_position_was_carried() {
        for line in [&b"{"[..], b"{\"_p", b"text", b"\x1ebinary"] {
            assert!(!terminated_may_be_torn(line, false), "{}", line.escape_ascii());
        }
        assert!(!unterminated_is_torn(b"{\"_p", false));
        assert!(unterminated_is_torn(b"{\"_p", true));
    }
}

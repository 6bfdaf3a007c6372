//! Records for people: time, level, message, then `key=value`, one line for each.

use logline::json::{self, Member};
use logline::level::Level;
use logline::names::Places;
use logline::stamp::Reader;

/// Rewrites the records that `out` holds behind `begin`, in colour or not.
pub fn rewrite(out: &mut Vec<u8>, begin: usize, coloured: bool, reader: Reader<'_>) {
    let records = out.split_off(begin);
    for record in records.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
        write(out, record, coloured, reader);
    }
}

fn write(out: &mut Vec<u8>, record: &[u8], coloured: bool, reader: Reader<'_>) {
    let paint = |out: &mut Vec<u8>, code: &str, value: &[u8]| {
        if coloured && !code.is_empty() {
            out.extend_from_slice(format!("\x1b[{code}m").as_bytes());
        }
        plain(out, value);
        if coloured && !code.is_empty() {
            out.extend_from_slice(b"\x1b[0m");
        }
        out.push(b' ');
    };
    let members: Vec<Member<'_>> = json::members(record).flatten().collect();
    let places = Places::of(&members);
    let (time, level) = (places.time(&members, &reader), places.level(&members));
    let message = places.message(&members);
    if let Some((_, time)) = &time {
        paint(out, "2", time.value);
    }
    if let Some((known, level)) = &level {
        paint(out, colour(*known), level.value);
    }
    if let Some(message) = &message {
        paint(out, "1", message.value);
    }
    let told = [time.map(|(_, time)| time.at), level.map(|(_, level)| level.at), message.map(|message| message.at)];
    for (at, member) in members.iter().enumerate() {
        if told.contains(&Some(Some(at))) || matches!(member.key, b"_pos" | b"_file") {
            continue;
        }
        let mut key = vec![b'"'];
        key.extend_from_slice(member.key);
        key.push(b'"');
        paint(out, "36", &key);
        out.pop();
        out.push(b'=');
        paint(out, "", member.value);
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// A string without its quotes; what could move a terminal's cursor stays escaped.
fn plain(out: &mut Vec<u8>, value: &[u8]) {
    match json::unescape(value).map(|text| text.to_vec()).map(String::from_utf8) {
        Some(Ok(text)) => {
            for letter in text.chars() {
                if letter == '\n' {
                    out.extend_from_slice(b"\n    ");
                } else if letter.is_control() && letter != '\t' {
                    out.extend(letter.escape_default().map(|letter| letter as u8));
                } else {
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        _ => out.extend_from_slice(value),
    }
}

fn colour(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Error | Level::Crit | Level::Alert | Level::Emerg) => "31",
        Some(Level::Warn) => "33",
        Some(Level::Debug | Level::Trace) => "2",
        _ => "32",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use logline::time::Zone;

    use super::*;

    #[test]
    fn time_level_and_message_come_first_and_escapes_stay_harmless() {
        let mut out = b"x".to_vec();
        out.extend_from_slice(
            b"{\"_pos\":\"p\",\"time\":\"2026-11-29T07:24:02Z\",\"status\":200,\"message\":\"a\\u001b[31m\",\"level\":\"info\"}\n",
        );
        rewrite(&mut out, 1, false, Reader::new(&Zone::Fixed(0)));
        assert_eq!(String::from_utf8(out).unwrap(), "x2026-11-29T07:24:02Z info a\\u{1b}[31m status=200\n");
    }
}

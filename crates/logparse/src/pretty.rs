//! Records for people: time, level, message, then `key=value`, one line for each.

use logline::json;

use crate::formats::text;

/// Rewrites the records that `out` holds behind `begin`, in colour or not.
pub fn rewrite(out: &mut Vec<u8>, begin: usize, coloured: bool) {
    let records = out.split_off(begin);
    for record in records.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
        write(out, record, coloured);
    }
}

fn write(out: &mut Vec<u8>, record: &[u8], coloured: bool) {
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
    if let Some(time) = json::member(record, "time") {
        paint(out, "2", time);
    }
    if let Some(level) = json::member(record, "level") {
        paint(out, colour(level), level);
    }
    for key in ["message", "msg"] {
        if let Some(message) = json::member(record, key) {
            paint(out, "1", message);
        }
    }
    for member in json::members(record).flatten() {
        if matches!(member.key, b"time" | b"level" | b"message" | b"msg" | b"_pos" | b"_file") {
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

fn colour(level: &[u8]) -> &'static str {
    let word = level.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(level);
    match text::level(word) {
        Some(b"error" | b"crit" | b"alert" | b"emerg") => "31",
        Some(b"warn") => "33",
        Some(b"debug" | b"trace") => "2",
        _ => "32",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn time_level_and_message_come_first_and_escapes_stay_harmless() {
        let mut out = b"x".to_vec();
        out.extend_from_slice(
            b"{\"_pos\":\"p\",\"time\":\"t\",\"status\":200,\"message\":\"a\\u001b[31m\",\"level\":\"info\"}\n",
        );
        rewrite(&mut out, 1, false);
        assert_eq!(String::from_utf8(out).unwrap(), "xt info a\\u{1b}[31m status=200\n");
    }
}

//! Values that several formats share: numbers copied digit by digit, escapes of web servers, the request line.

use std::borrow::Cow;

use logline::json;
use memchr::memchr;

use crate::record::Record;

/// Whether `text` is digits, with decimals or without.
pub fn is_number(text: &[u8]) -> bool {
    let mut digits = 0;
    let mut point = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' if !point && digits > 0 && at + 1 < text.len() => point = true,
            b'-' if at == 0 => {}
            _ => return false,
        }
    }
    digits > 0
}

/// Appends a number, for which [`is_number`] holds, as JSON: its digits without the zeros in front that JSON forbids.
pub fn number(out: &mut Vec<u8>, text: &[u8]) {
    let mut digits = text;
    if let Some(rest) = text.strip_prefix(b"-") {
        out.push(b'-');
        digits = rest;
    }
    while let [b'0', rest @ ..] = digits
        && rest.first().is_some_and(u8::is_ascii_digit)
    {
        digits = rest;
    }
    out.extend_from_slice(digits);
}

/// Appends a text as JSON, `\xHH` decoded if the whole value then is printable UTF-8.
pub fn decoded(out: &mut Vec<u8>, text: &[u8], decodes: bool) {
    if decodes && memchr(b'\\', text).is_some() {
        json::write_string(out, &unescaped(text, false));
    } else {
        json::write_string(out, text);
    }
}

/// The same with Apache's escapes beside `\xhh`: `\"`, `\\`, `\n` and their like.
pub fn decoded_apache(out: &mut Vec<u8>, text: &[u8]) {
    json::write_string(out, &unescaped(text, true));
}

/// The value of a hexadecimal digit.
pub fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a' - 10),
    }
}

fn unescaped(text: &[u8], letters: bool) -> Cow<'_, [u8]> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex(*high) << 4 | hex(*low));
                rest = behind;
            }
            [letter @ (b'"' | b'\\'), behind @ ..] if letters => {
                plain.push(*letter);
                rest = behind;
            }
            // A control character: the value is kept as it was logged.
            [b'n' | b't' | b'r' | b'b' | b'v' | b'f', ..] if letters => return Cow::Borrowed(text),
            _ => plain.push(b'\\'),
        }
    }
    plain.extend_from_slice(rest);
    match std::str::from_utf8(&plain) {
        Ok(letters) if !letters.chars().any(char::is_control) => Cow::Owned(plain),
        _ => Cow::Borrowed(text),
    }
}

/// The protocol that ends `text`, with its space in front.
pub fn protocol_at_end(text: &[u8]) -> Option<&[u8]> {
    let space = memchr::memrchr(b' ', &text[text.len().saturating_sub(10)..])? + text.len().saturating_sub(10);
    let protocol = &text[space + 1..];
    match protocol.strip_prefix(b"HTTP/")? {
        [major] | [major, b'.', _] if !major.is_ascii_digit() => None,
        [_] => Some(protocol),
        [_, b'.', minor] if minor.is_ascii_digit() => Some(protocol),
        _ => None,
    }
}

/// Puts a request line: its three parts if it is well formed, else the whole beside the parts that are certain.
pub fn request(record: &mut Record, text: &[u8], decodes: bool) {
    request_with(record, text, |out, part| decoded(out, part, decodes));
}

/// The same with a way to write a part.
pub fn request_with(record: &mut Record, text: &[u8], write: impl Fn(&mut Vec<u8>, &[u8])) {
    let method_length = memchr(b' ', text).filter(|length| is_method(&text[..*length]));
    let protocol = protocol_at_end(text);
    if let (Some(length), Some(protocol)) = (method_length, protocol) {
        let end = text.len() - protocol.len() - 1;
        if length < end {
            let uri = &text[length + 1..end];
            if !uri.is_empty() && memchr(b' ', uri).is_none() {
                part(record, "request_method", &text[..length]);
                write(record.field("request_uri"), uri);
                part(record, "server_protocol", protocol);
                return;
            }
        }
    }
    if let Some(length) = method_length {
        part(record, "request_method", &text[..length]);
        let rest = &text[length + 1..];
        if rest.first() == Some(&b'/') && memchr(b' ', rest).is_none() {
            write(record.field("request_uri"), rest);
        }
        if let Some(protocol) = protocol {
            part(record, "server_protocol", protocol);
        }
    }
    write(record.field("request"), text);
}

/// A value of known letters, which need no escaping.
fn part(record: &mut Record, key: &str, value: &[u8]) {
    let out = record.field(key);
    out.push(b'"');
    out.extend_from_slice(value);
    out.push(b'"');
}

fn is_method(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_value_is_decoded_only_if_all_of_it_is_printable() {
        assert_eq!(&*unescaped(br"caf\xC3\xA9 \x22q\x22", false), "café \"q\"".as_bytes());
        assert_eq!(&*unescaped(br"caf\xE9 \x22", false), br"caf\xE9 \x22");
        assert_eq!(&*unescaped(br"\x16\x03", false), br"\x16\x03");
        assert_eq!(&*unescaped(br"\\x \x5", false), br"\\x \x5");
    }

    #[test]
    fn numbers_keep_their_digits_and_lose_their_zeros() {
        for (text, written) in [("000", "0"), ("007.50", "7.50"), ("-0.5", "-0.5"), ("12345678901", "12345678901")] {
            assert!(is_number(text.as_bytes()));
            let mut out = Vec::new();
            number(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
        for text in ["", "-", ".5", "5.", "1e3", "1.2.3", "0x1"] {
            assert!(!is_number(text.as_bytes()), "{text}");
        }
    }
}

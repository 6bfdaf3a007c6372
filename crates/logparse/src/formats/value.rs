//! Values that several formats share: numbers copied digit by digit, escapes of web servers, the request line.

use std::borrow::Cow;

use logline::{digits, json, lanes};
use memchr::memchr;

use crate::record::{Key, Pen, Record};

static METHOD: Key = Key::new("request_method");
static URI: Key = Key::new("request_uri");
static PROTOCOL: Key = Key::new("server_protocol");
static REQUEST: Key = Key::new("request");

/// Whether `text` is printable ASCII without a backslash: a part of it without a quote stands in JSON as it is.
pub fn is_plain(text: &[u8]) -> bool {
    // What is not ASCII is below zero.
    lanes::holds_nowhere(text, |bytes| lanes::below(bytes, b' ') | lanes::any(bytes, *b"\\"))
}

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

/// How long the number is that `text` begins with and that JSON writes just so: digits, without zeros in front, and decimals.
#[inline]
pub fn canonical_length(text: &[u8]) -> Option<usize> {
    // Most have a few digits and no decimals.
    match digits::short_number(text) {
        Some((length, behind)) if behind != b'.' => Some(length),
        _ => any_canonical_length(text),
    }
}

fn any_canonical_length(text: &[u8]) -> Option<usize> {
    let whole = digits::count(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return None;
    }
    match &text[whole..] {
        [b'.', behind @ ..] => match digits::count(behind) {
            0 => None,
            decimals => Some(whole + 1 + decimals),
        },
        _ => Some(whole),
    }
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

/// Where a name ends that a path or a query follows without anything between: before the first `first`. Of a target with a
/// scheme (`GET http://a/ HTTP/1.1` to a proxy) the scheme is its beginning.
pub fn border(text: &[u8], first: u8) -> Option<usize> {
    let at = memchr(first, text)?;
    let before = &text[..at];
    let is_scheme = text[at..].starts_with(b"//") && first == b'/';
    let scheme = [&b"http:"[..], b"https:"].into_iter().find(|scheme| is_scheme && before.ends_with(scheme));
    Some(at - scheme.map_or(0, <[u8]>::len))
}

/// The protocol that ends `text`.
pub fn protocol_at_end(text: &[u8]) -> Option<&[u8]> {
    match text {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Some(&text[text.len() - 8..]),
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9'] => Some(&text[text.len() - 6..]),
        _ => None,
    }
}

/// What a request line tells.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The parts that are certain.
    method: Option<&'a [u8]>,
    uri: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
    /// The line, where it is more than these three and the spaces between them.
    whole: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Takes a line apart.
    #[inline]
    pub fn new(text: &'a [u8]) -> Self {
        let whole = Some(text);
        let Some(method) = method_at_start(text) else {
            return Self { method: None, uri: None, protocol: None, whole };
        };
        let protocol = protocol_at_end(text);
        let behind = &text[method.len() + 1..];
        if let Some(protocol) = protocol
            && let Some(length @ 1..) = behind.len().checked_sub(protocol.len() + 1)
            && memchr(b' ', &behind[..length]).is_none()
        {
            return Self { method: Some(method), uri: Some(&behind[..length]), protocol: Some(protocol), whole: None };
        }
        let uri = (behind.first() == Some(&b'/') && memchr(b' ', behind).is_none()).then_some(behind);
        Self { method: Some(method), uri, protocol, whole }
    }

    /// Puts the parts into a record, by a way to write what has to be looked at.
    pub fn put(&self, record: &mut Record, write: impl Fn(&mut Vec<u8>, &[u8])) {
        for (key, part) in self.parts() {
            write(record.keyed(key), part);
        }
    }

    /// The same for a line that has neither quotes nor escapes, if its three parts are all of it: else false.
    #[inline]
    pub fn put_plain(&self, pen: &mut Pen<'_>) -> bool {
        if let (Some(method), Some(uri), Some(protocol), None) = (self.method, self.uri, self.protocol, self.whole) {
            pen.text(&METHOD, method, method.len());
            pen.text(&URI, uri, uri.len());
            pen.text(&PROTOCOL, protocol, protocol.len());
            return true;
        }
        false
    }

    fn parts(&self) -> impl Iterator<Item = (&'static Key, &'a [u8])> {
        let parts = [(&METHOD, self.method), (&URI, self.uri), (&PROTOCOL, self.protocol), (&REQUEST, self.whole)];
        parts.into_iter().filter_map(|(key, part)| Some((key, part?)))
    }
}

/// Writes the three parts of the request that `text`, of a plain line, begins with and a quote ends; how long it is. `None`
/// if it has not just these three.
#[inline]
pub fn put_request(pen: &mut Pen<'_>, text: &[u8]) -> Option<usize> {
    let method = method_at_start(text)?.len();
    pen.text(&METHOD, text, method);
    let rest = &text[method + 1..];
    let uri = pen.text_until(&URI, rest, [b' ', b'"'])?;
    let behind = rest.get(uri + 1..)?;
    if uri > 0 && rest[uri] == b' ' && behind.starts_with(b"HTTP/1.1\"") {
        pen.text(&PROTOCOL, behind, 8);
        return Some(method + 1 + uri + 1 + 8);
    }
    let protocol = pen.text_until(&PROTOCOL, behind, [b'"'])?;
    let length = uri + 1 + protocol;
    let is_whole = uri > 0 && protocol_at_end(&rest[..length]).is_some_and(|found| found.len() == protocol);
    is_whole.then_some(method + 1 + length)
}

/// Whether fields of these names may have equal keys: a name occurs twice, or one is a part of a request that is there too.
pub fn repeats<'a>(names: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut keys = Vec::new();
    for name in names {
        match name {
            b"request" => keys.extend([name, b"request_method", b"request_uri", b"server_protocol"]),
            _ => keys.push(name),
        }
    }
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    keys.len() < all
}

/// The capital letters in front of the first space.
#[inline]
fn method_at_start(text: &[u8]) -> Option<&[u8]> {
    if text.starts_with(b"GET ") {
        return Some(&text[..3]);
    }
    let length = lanes::find_any(text, [b' '])?;
    let is_method = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-');
    (length > 0 && text[..length].iter().all(is_method)).then_some(&text[..length])
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
    fn one_odd_byte_at_any_place_makes_a_text_not_plain() {
        for length in 0..100 {
            let text = vec![b'a'; length];
            assert!(is_plain(&text));
            for place in 0..length {
                for odd in [0, 0x1f, b'\\', 0x80, 0xff, b'"'] {
                    let mut text = text.clone();
                    text[place] = odd;
                    assert_eq!(is_plain(&text), odd == b'"', "{odd} at {place}");
                }
            }
        }
    }

    #[test]
    fn a_canonical_number_is_one_that_is_written_as_it_is() {
        for text in [
            "0",
            "7",
            "10",
            "0.005",
            "12.50",
            "007",
            "",
            "-1",
            ".5",
            "5.",
            "1.2.3",
            "00.5",
            "1e3",
            "1234567",
            "12345678",
            "123456789.5",
        ] {
            let mut out = Vec::new();
            if is_number(text.as_bytes()) {
                number(&mut out, text.as_bytes());
            }
            let is_same = !text.starts_with('-') && out == text.as_bytes() && !text.is_empty();
            assert_eq!(canonical_length(text.as_bytes()) == Some(text.len()), is_same, "{text}");
            for behind in ["", " ", "\"", "] 12345678"] {
                let text = format!("{text}{behind}");
                let length = any_canonical_length(text.as_bytes());
                assert_eq!(canonical_length(text.as_bytes()), length, "{text}");
            }
        }
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

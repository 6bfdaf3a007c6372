//! nginx's and Apache's `\xHH`: split first, decode after, and only where the whole value then is readable text.

use std::borrow::Cow;

use memchr::memchr;

/// The byte that `\xHH` at the beginning of `text` stands for.
pub fn hex_escape(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// The value with its escapes decoded, if it then is UTF-8 without control characters; else as it is.
pub fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'\\', value) else { return Cow::Borrowed(value) };
    let mut text = value[..first].to_vec();
    let mut rest = &value[first..];
    while let Some((byte, behind)) = rest.split_first() {
        if let Some(decoded) = hex_escape(rest) {
            text.push(decoded);
            rest = &rest[4..];
        } else if let [b'\\', escaped @ (b'"' | b'\\'), behind @ ..] = rest {
            text.push(*escaped);
            rest = behind;
        } else {
            text.push(*byte);
            rest = behind;
        }
    }
    let is_readable = std::str::from_utf8(&text).is_ok_and(|text| !text.chars().any(char::is_control));
    if is_readable { Cow::Owned(text) } else { Cow::Borrowed(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_only_where_the_whole_is_readable() {
        for (value, text) in [
            (&b"plain"[..], &b"plain"[..]),
            (br"\x22q\x22 \x5C", br#""q" \"#),
            (br"/caf\xC3\xA9", "/caf\u{e9}".as_bytes()),
            (br"\x16\x03\x01", br"\x16\x03\x01"),
            (br"\xC3", br"\xC3"),
            (br"\x2", br"\x2"),
            (br#"a\"b"#, br#"a"b"#),
        ] {
            assert_eq!(decoded(value), text);
        }
    }
}

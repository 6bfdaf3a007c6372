//! Decimal digits, read eight at a time in one word: numbers in a log are short, and a loop over their digits takes a branch
//! for each.

/// The powers of ten that a word of digits can have.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The decimal number at the beginning of `text`, and what follows it; `None` if there is none or it does not fit.
#[expect(clippy::inline_always, reason = "a call would cost as much as what it does")]
#[inline(always)]
pub fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let any = || Some((any_number(text)?, count(text)));
    let (value, length) = match text.first_chunk::<16>() {
        None => any()?,
        Some(sixteen) => match leading_digits(sixteen) {
            (0, _) => return None,
            (8, first) => match leading_digits(&sixteen[8..]) {
                (8, _) => any()?,
                (count, second) => (first * POWERS[count] + second, 8 + count),
            },
            (count, value) => (value, count),
        },
    };
    Some((value, &text[length..]))
}

/// The value alone, of any text: word by word. It comes back in registers, where more would go through memory.
#[cold]
fn any_number(text: &[u8]) -> Option<u64> {
    let (mut length, mut value) = leading_digits(text);
    let mut rest = &text[length..];
    // The next word goes on with it.
    while length == 8 {
        let digits;
        (length, digits) = leading_digits(rest);
        value = value.checked_mul(POWERS[length])?.checked_add(digits)?;
        rest = &rest[length..];
    }
    (rest.len() < text.len()).then_some(value)
}

const ONES: u64 = u64::MAX / 255;

/// The high bits of those of eight bytes that are no value of a digit: it exceeds nine by itself or has the high bit.
#[inline]
fn others(word: u64) -> u64 {
    (((word & !(ONES << 7)) + ONES * 0x76) | word) & (ONES << 7)
}

/// What eight values of digits say, the first in the lowest byte. Neighbours are put together: to pairs, to fours, to the
/// whole.
#[inline]
fn value(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 * 65536 + 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 * (1 << 32) + 1) >> 32
}

/// How many decimal digits, of eight at most, `text` begins with, and their value. All of them are read in one word.
#[inline]
pub fn leading_digits(text: &[u8]) -> (usize, u64) {
    let mut word = [0; 8];
    match text.first_chunk() {
        Some(eight) => word = *eight,
        None => word[..text.len()].copy_from_slice(text),
    }
    // A digit is its value now.
    let word = u64::from_le_bytes(word) ^ (ONES * u64::from(b'0'));
    let count = others(word).trailing_zeros() as usize / 8;
    // As if zeros stood in front of them.
    (count, value(if count == 0 { 0 } else { word << (64 - 8 * count) }))
}

/// How long the number is that `text` begins with, and the byte behind it, if it has one to seven digits and no zero in front:
/// most numbers of a log are so. Whether they go on behind a point is for the caller to see.
#[inline]
pub fn short_number(text: &[u8]) -> Option<(usize, u8)> {
    let word = u64::from_le_bytes(*text.first_chunk()?);
    let digits = word ^ (ONES * u64::from(b'0'));
    // Eight times the number of digits.
    let bits = others(digits).trailing_zeros() & !7;
    let is_canonical = digits & 0xff != 0 && bits > 0 && bits < 64;
    is_canonical.then(|| (bits as usize / 8, word.unbounded_shr(bits).to_le_bytes()[0]))
}

/// How many digits `text` begins with.
#[inline]
pub fn count(text: &[u8]) -> usize {
    match leading_digits(text) {
        (8, _) => 8 + text[8..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
        (count, _) => count,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_number_is_read_to_its_last_digit_whatever_follows() {
        for length in 1..=20 {
            let digits = &"18446744073709551615"[..length];
            for behind in [
                "",
                "-",
                "-1234567890123456",
                "\u{ff}789012345678901",
                ":x",
                "\u{ff}",
                "/",
                "\0",
                "a2345678",
                "\u{b0}1",
            ] {
                let text = format!("{digits}{behind}");
                assert_eq!(number(text.as_bytes()), Some((digits.parse().unwrap(), behind.as_bytes())), "{text}");
                assert_eq!(any_number(text.as_bytes()), Some(digits.parse().unwrap()), "{text}");
            }
        }
        for text in [
            "",
            "-1",
            ":",
            "x1234567",
            "-123456789012345",
            "18446744073709551616",
            "99999999999999999999",
            "184467440737095516150",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_short_number_is_told_with_what_follows_it() {
        for (text, expected) in [
            ("200 1234567", Some((3, b' '))),
            ("7,       ", Some((1, b','))),
            ("1234567}", Some((7, b'}'))),
            ("1.500000", Some((1, b'.'))),
            ("9\u{ff}345678", Some((1, 0xc3))),
            ("0 1234567", None),
            ("12345678 ", None),
            ("-1 123456", None),
            (" 12345678", None),
            ("1234567", None),
        ] {
            assert_eq!(short_number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn all_digits_are_counted_and_nothing_behind_them() {
        for length in 0..=40 {
            for behind in ["", "/", ":", "\u{b0}1", "x12345678", "\0"] {
                let text = format!("{}{behind}", "7".repeat(length));
                assert_eq!(count(text.as_bytes()), length, "{text}");
            }
        }
    }
}

//! Where the bytes of a line come from. The identity of a record is (fid, start, end): the same identity always means
//! the same bytes of the same file.
//!
//! ```text
//! position = fid ":" start "-" end [ "@" next ] [ flags ]      3f2a00c4d1e0b7a9:0-17@9p
//! mark     = fid ":" next [ "." ]                              3f2a00c4d1e0b7a9:4096.
//! ```

use std::fmt;

use crate::digits::number;
use crate::lanes;

/// The name of one generation of one file: 64 random bits, written as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fid(pub u64);

impl Fid {
    /// A new name from the system's random numbers. Fails only where there are none.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 8];
        crate::system::fill_random(&mut bytes)?;
        Ok(Self(u64::from_ne_bytes(bytes)))
    }

    /// Reads exactly 16 lower-case hexadecimal digits.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; 16] = text.try_into().ok()?;
        let bytes = lanes::at(digits, 0);
        let are_digits = lanes::within(bytes, b'0', b'9') | lanes::within(bytes, b'a', b'f');
        if are_digits.to_bitmask() != u32::MAX >> 16 {
            return None;
        }
        let (high, low) = digits.split_at(8);
        Some(Self(eight_digits(high.try_into().ok()?) << 32 | eight_digits(low.try_into().ok()?)))
    }

    /// Appends the 16 digits.
    pub fn write(self, out: &mut Vec<u8>) {
        write_hex(out, self.0, 16);
    }
}

impl fmt::Display for Fid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What eight hexadecimal digits say, all of them read in one word.
fn eight_digits(digits: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_be_bytes(digits);
    // The low half of a digit is its value, that of a letter is its value less nine.
    let nibbles = (text & (0x0f * ONES)) + 9 * (text >> 6 & ONES);
    let pairs = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (fours | fours >> 16) & 0xffff_ffff
}

/// Appends the lowest `digits` (at most 16) hexadecimal digits of `value`, lower case, with leading zeros.
pub fn write_hex(out: &mut Vec<u8>, value: u64, digits: usize) {
    out.extend_from_slice(&hex(value)[16 - digits..]);
}

/// All hexadecimal digits of `value`, eight at a time in one word.
pub fn hex(value: u64) -> [u8; 16] {
    let eight = |half: u64| {
        let spread = (half | half << 16) & 0x0000_ffff_0000_ffff;
        let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
        let nibbles = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
        let is_letter = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
        (nibbles + 0x3030_3030_3030_3030 + is_letter * u64::from(b'a' - 10 - b'0')).to_be_bytes()
    };
    let mut digits = [0; 16];
    digits[..8].copy_from_slice(&eight(value >> 32));
    digits[8..].copy_from_slice(&eight(value & 0xffff_ffff));
    digits
}

/// What became of a line on its way out of the file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags {
    /// `p`: it has no LF, for the file or the drain ended inside it.
    pub partial: bool,
    /// `c`: it is the rest of a line whose beginning left as partial.
    pub continued: bool,
    /// `t`: it was cut at `--max-line`.
    pub truncated: bool,
}

/// Where a line was made from: bytes `start..end` of the generation `fid`, its LF included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The generation.
    pub fid: Fid,
    /// Offset of the first byte.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
    /// Once this line has arrived, all of the generation below this offset has arrived or was filtered out. Equal to
    /// `end` unless a join says otherwise.
    pub next: u64,
    /// How the line was cut, if it was.
    pub flags: Flags,
}

impl Position {
    /// Reads a position that takes up the whole of `text`. `None` also where `start` lies behind `end`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (position, rest) = Self::leading(text)?;
        rest.is_empty().then_some(position)
    }

    /// Reads the position that `text` begins with; it, and what follows.
    #[inline]
    pub fn leading(text: &[u8]) -> Option<(Self, &[u8])> {
        let (fid, rest) = fid_and_rest(text)?;
        let (start, rest) = number(rest)?;
        let (end, rest) = number(rest.strip_prefix(b"-")?)?;
        if end < start {
            return None;
        }
        let (next, mut rest) = match rest.strip_prefix(b"@") {
            Some(rest) => number(rest)?,
            None => (end, rest),
        };
        let mut flags = Flags::default();
        while let [flag, behind @ ..] = rest {
            match flag {
                b'p' => flags.partial = true,
                b'c' => flags.continued = true,
                b't' => flags.truncated = true,
                _ => break,
            }
            rest = behind;
        }
        Some((Self { fid, start, end, next, flags }, rest))
    }

    /// Appends the position as it is read, the flags included.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_without_flags(out);
        let Flags { partial, continued, truncated } = self.flags;
        for (set, letter) in [(partial, b'p'), (continued, b'c'), (truncated, b't')] {
            if set {
                out.push(letter);
            }
        }
    }

    /// Appends the position as it stands in the `_pos` of a record, where the flags are keys of their own.
    pub fn write_without_flags(&self, out: &mut Vec<u8>) {
        self.fid.write(out);
        out.push(b':');
        write_decimal(out, self.start);
        out.push(b'-');
        write_decimal(out, self.end);
        if self.next != self.end {
            out.push(b'@');
            write_decimal(out, self.next);
        }
    }
}

/// Everything of the generation below `next` has been emitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The generation.
    pub fid: Fid,
    /// The end of the last line emitted.
    pub next: u64,
    /// The generation is finished: nothing more will come of it.
    pub finished: bool,
}

impl Mark {
    /// Reads a mark that takes up the whole of `text`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (fid, rest) = fid_and_rest(text)?;
        let (next, rest) = number(rest)?;
        match rest {
            b"" => Some(Self { fid, next, finished: false }),
            b"." => Some(Self { fid, next, finished: true }),
            _ => None,
        }
    }

    /// Appends the mark as it is read.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.fid.write(out);
        out.push(b':');
        write_decimal(out, self.next);
        if self.finished {
            out.push(b'.');
        }
    }
}

/// Appends `value` in decimal.
pub fn write_decimal(out: &mut Vec<u8>, value: u64) {
    const EIGHT: u64 = 100_000_000;
    let mut digits = [0; 24];
    digits[16..].copy_from_slice(&eight_decimals(value % EIGHT));
    let mut first = 16;
    if value >= EIGHT {
        let value = value / EIGHT;
        digits[8..16].copy_from_slice(&eight_decimals(value % EIGHT));
        first = 8;
        if value >= EIGHT {
            digits[..8].copy_from_slice(&eight_decimals(value / EIGHT));
            first = 0;
        }
    }
    let zeros = digits[first..].iter().take(7).take_while(|digit| **digit == b'0').count();
    out.extend_from_slice(&digits[first + zeros..]);
}

/// The decimal digits of a number below 100 000 000, all in one word. It is taken apart to fours, to pairs, to single digits: a
/// division is what costs, and multiplications by these inverses are exact for what stands in each place.
fn eight_decimals(value: u64) -> [u8; 8] {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    (tens | ((pairs - 10 * tens) << 8) | 0x3030_3030_3030_3030).to_le_bytes()
}

#[inline]
fn fid_and_rest(text: &[u8]) -> Option<(Fid, &[u8])> {
    let (fid, rest) = text.split_at_checked(16)?;
    Some((Fid::parse(fid)?, rest.strip_prefix(b":")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_position_is_read_as_it_was_written() {
        for text in [
            "3f2a00c4d1e0b7a9:0-17",
            "3f2a00c4d1e0b7a9:0-17@9",
            "0000000000000000:0-0",
            "ffffffffffffffff:18446744073709551614-18446744073709551615pct",
            "3f2a00c4d1e0b7a9:5-9@0p",
        ] {
            let position = Position::parse(text.as_bytes()).unwrap();
            assert_eq!(written(|out| position.write(out)), text);
        }
    }

    #[test]
    fn next_equals_end_where_it_is_left_out() {
        assert_eq!(Position::parse(b"3f2a00c4d1e0b7a9:3-17").unwrap().next, 17);
    }

    #[test]
    fn what_only_resembles_a_position_is_none() {
        for text in [
            "",
            "3f2a00c4d1e0b7a9",
            "3f2a00c4d1e0b7a9:1",
            "3f2a00c4d1e0b7a9:1-",
            "3f2a00c4d1e0b7a9:-1",
            "3f2a00c4d1e0b7a9:9-1",
            "3f2a00c4d1e0b7a9:1-2x",
            "3f2a00c4d1e0b7a9:1-2@",
            "3f2a00c4d1e0b7a9:1-18446744073709551616",
            "3F2A00C4D1E0B7A9:1-2",
            "3f2a00c4d1e0b7a:1-2",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}:1-2",
        ] {
            assert_eq!(Position::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_is_no_position() {
        for text in ["3f2a00c4d1e0b7a9:17", "3f2a00c4d1e0b7a9:0."] {
            let mark = Mark::parse(text.as_bytes()).unwrap();
            assert_eq!(written(|out| mark.write(out)), text);
            assert_eq!(Position::parse(text.as_bytes()), None);
        }
        assert_eq!(Mark::parse(b"3f2a00c4d1e0b7a9:0-4"), None);
        assert_eq!(Mark::parse(b"3f2a00c4d1e0b7a9:0.."), None);
    }

    #[test]
    fn decimal_digits_are_those_of_the_value() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        for value in
            powers.flat_map(|power| [power - 1, power, power.saturating_add(7)]).chain([u64::MAX]).chain(0..1000)
        {
            assert_eq!(written(|out| write_decimal(out, value)), value.to_string());
        }
        for four in 0..10_000 {
            assert_eq!(eight_decimals(four * 10_001), format!("{four:04}{four:04}").as_bytes());
        }
    }

    #[test]
    fn hexadecimal_digits_are_those_of_the_value() {
        for value in [0, 1, 0x9a, 0xdead_beef, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(written(|out| write_hex(out, value, 16)), format!("{value:016x}"));
            assert_eq!(written(|out| write_hex(out, value, 2)), format!("{:02x}", value & 0xff));
            assert_eq!(Fid::parse(&hex(value)), Some(Fid(value)));
        }
    }

    #[test]
    fn a_name_has_only_lower_case_hexadecimal_digits() {
        for byte in 0..=u8::MAX {
            for place in 0..16 {
                let mut text = *b"0123456789abcdef";
                text[place] = byte;
                let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                assert_eq!(Fid::parse(&text).map(|fid| hex(fid.0)), is_digit.then_some(text), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn two_random_names_differ() {
        assert_ne!(Fid::random().unwrap(), Fid::random().unwrap());
    }
}

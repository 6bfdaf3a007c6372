//! How a generation is known again: by a hash of its first bytes, which covers more as the file grows, and by one of the
//! last bytes that were read.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use logline::position::Fid;

/// The head covers at most this many bytes.
pub const HEAD: usize = 1024;
/// The marker covers at most this many bytes.
pub const MARKER: usize = 64;

/// A keyed hash of some bytes: whoever writes the log does not know the key, so cannot make two heads equal.
pub fn hash(key: Fid, bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key.0, !key.0);
    hasher.write(bytes);
    hasher.finish()
}

/// The first `length` bytes of a file, by their hash.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Head {
    /// At most [`HEAD`]; only bytes that were read.
    pub length: u64,
    /// Keyed with the fid.
    pub hash: u64,
}

impl Head {
    /// Of the first bytes of a file; what lies behind the first [`HEAD`] does not count.
    pub fn of(key: Fid, first: &[u8]) -> Self {
        let first = &first[..first.len().min(HEAD)];
        Self { length: first.len() as u64, hash: hash(key, first) }
    }

    /// Whether `first`, the first bytes of a file, begin like this head; fewer bytes than it covers do not.
    pub fn begins(&self, key: Fid, first: &[u8]) -> bool {
        usize::try_from(self.length)
            .ok()
            .and_then(|length| first.get(..length))
            .is_some_and(|first| hash(key, first) == self.hash)
    }

    /// Whether it covers as much as a head can.
    pub fn is_full(&self) -> bool {
        self.length == HEAD as u64
    }
}

/// The last bytes that were read before an offset.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Marker {
    /// The offset behind the bytes.
    pub offset: u64,
    /// How many bytes it covers, at most [`MARKER`].
    pub length: u64,
    /// Keyed with the fid.
    pub hash: u64,
}

impl Marker {
    /// Of the bytes that end at `offset`; only the last [`MARKER`] count.
    pub fn of(key: Fid, offset: u64, before: &[u8]) -> Self {
        let before = &before[before.len().saturating_sub(MARKER)..];
        Self { offset, length: before.len() as u64, hash: hash(key, before) }
    }

    /// Offset of the first byte it covers.
    pub fn start(&self) -> u64 {
        self.offset - self.length
    }

    /// Whether `bytes`, which were read from [`Marker::start`] on, are those it was made of.
    pub fn matches(&self, key: Fid, bytes: &[u8]) -> bool {
        usize::try_from(self.length)
            .ok()
            .and_then(|length| bytes.get(..length))
            .is_some_and(|bytes| hash(key, bytes) == self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Fid = Fid(7);

    #[test]
    fn a_head_is_known_again_however_much_has_been_appended() {
        let head = Head::of(KEY, b"first line\n");
        assert!(head.begins(KEY, b"first line\nsecond line\n"));
        assert!(!head.begins(KEY, b"first line"));
        assert!(!head.begins(KEY, b"First line\n"));
        assert!(!head.begins(Fid(8), b"first line\n"));
    }

    #[test]
    fn a_head_is_bounded_and_an_empty_one_begins_everything() {
        assert!(Head::of(KEY, &[b'x'; 4000]).is_full());
        assert!(Head::of(KEY, b"").begins(KEY, b"anything"));
    }

    #[test]
    fn a_marker_covers_the_last_bytes() {
        let marker = Marker::of(KEY, 100, &[b'x'; 100]);
        assert_eq!((marker.start(), marker.length), (36, 64));
        assert!(marker.matches(KEY, &[b'x'; 70]));
        assert!(!marker.matches(KEY, &[b'x'; 63]));
        assert!(!marker.matches(KEY, &[b'y'; 64]));
        assert!(Marker::of(KEY, 0, b"").matches(KEY, b""));
    }
}

//! Bytes looked for sixteen at a time, in a vector of the processor: most values of a line are shorter than what a call of
//! a search costs.

use wide::i8x16;

/// How many bytes are looked at in one step.
pub const LANES: usize = 16;

/// Which of these bytes `holds` says are meant: a set of bits, the first byte's the lowest.
#[expect(clippy::inline_always, reason = "a call would cost as much as what it does")]
#[inline(always)]
fn set(chunk: [u8; LANES], holds: impl Fn(i8x16) -> i8x16) -> u32 {
    holds(i8x16::new(chunk.map(u8::cast_signed))).to_bitmask()
}

/// Where the first byte stands that `holds` gives all bits for. It is asked about sixteen bytes at a time, of which some
/// may come twice and some, in a text that is shorter, are zeros behind it.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn find(text: &[u8], holds: impl Fn(i8x16) -> i8x16) -> Option<usize> {
    let (chunks, rest) = text.as_chunks();
    let mut from = 0;
    for chunk in chunks {
        let found = set(*chunk, &holds);
        if found != 0 {
            return Some(from + found.trailing_zeros() as usize);
        }
        from += LANES;
    }
    if rest.is_empty() {
        return None;
    }
    if let Some(last) = text.last_chunk() {
        // It overlaps the one before it, where nothing was found.
        let found = set(*last, &holds);
        return (found != 0).then(|| text.len() - LANES + found.trailing_zeros() as usize);
    }
    let mut chunk = [0; LANES];
    chunk[..rest.len()].copy_from_slice(rest);
    let place = set(chunk, &holds).trailing_zeros() as usize;
    (place < rest.len()).then_some(place)
}

/// Whether there is no byte that `holds` gives any bits for. It is asked as by [`find`].
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn holds_nowhere(text: &[u8], holds: impl Fn(i8x16) -> i8x16) -> bool {
    let Some(last) = text.last_chunk::<LANES>() else { return find(text, holds).is_none() };
    // It overlaps the one before it.
    let mut held = holds(at(last, 0));
    for chunk in text.as_chunks::<LANES>().0 {
        held |= holds(at(chunk, 0));
    }
    held.to_bitmask() == 0
}

/// The bytes that are less than `limit`, as signed numbers.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn below(bytes: i8x16, limit: u8) -> i8x16 {
    bytes.simd_lt(i8x16::splat(limit.cast_signed()))
}

/// The bytes from `first` to `last`, both of them ASCII.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn within(bytes: i8x16, first: u8, last: u8) -> i8x16 {
    below(bytes, last + 1) & !below(bytes, first)
}

/// Where the first of `stops` stands.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn find_any<const N: usize>(text: &[u8], stops: [u8; N]) -> Option<usize> {
    find(text, |bytes| any(bytes, stops))
}

/// The lanes of `block` that begin at `at`. Panics if it is not so long.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn at<const N: usize>(block: &[u8; N], at: usize) -> i8x16 {
    let mut chunk = [0; LANES];
    chunk.copy_from_slice(&block[at..at + LANES]);
    i8x16::new(chunk.map(u8::cast_signed))
}

/// The bytes that are one of `stops`.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub fn any<const N: usize>(bytes: i8x16, stops: [u8; N]) -> i8x16 {
    stops.iter().fold(i8x16::default(), |any, stop| any | bytes.simd_eq(i8x16::splat(stop.cast_signed())))
}

/// Copies `text` up to the first of `stops`, and says where that is; more may have been copied than that. `None` if there
/// is none. Panics if `to` is shorter than `text`.
#[inline]
pub fn copy_until<const N: usize>(to: &mut [u8], text: &[u8], stops: [u8; N]) -> Option<usize> {
    let to = &mut to[..text.len()];
    let place = |pair: &[u8; 2 * LANES]| {
        let found = |half: &[u8]| half.first_chunk().map_or(0, |half| set(*half, |bytes| any(bytes, stops)));
        let found = found(&pair[..LANES]) | found(&pair[LANES..]) << LANES;
        (found != 0).then(|| found.trailing_zeros() as usize)
    };
    let mut from = 0;
    for (to, pair) in to.as_chunks_mut().0.iter_mut().zip(text.as_chunks().0) {
        *to = *pair;
        if let Some(place) = place(pair) {
            return Some(from + place);
        }
        from += 2 * LANES;
    }
    if let (Some(to), Some(last)) = (to.last_chunk_mut(), text.last_chunk()) {
        // It overlaps the one before it, where no stop was.
        *to = *last;
        return place(last).map(|place| text.len() - 2 * LANES + place);
    }
    let length = find_any(text, stops)?;
    to[..length].copy_from_slice(&text[..length]);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stop_is_found_at_every_place_of_every_length_and_all_before_it_is_copied() {
        for length in 0..140 {
            for place in 0..=length {
                let mut text: Vec<u8> = (0..length).map(|at| b'a' + at % 16).collect();
                for (behind, stop) in text.iter_mut().skip(usize::from(place)).zip(b"|\"}{|!\"#".iter().cycle()) {
                    *behind = *stop;
                }
                let mut to = vec![0; text.len() + 3];
                let found = (place < length).then_some(usize::from(place));
                assert_eq!(find_any(&text, [b'"', b'|']), found, "{length} {place}");
                assert_eq!(copy_until(&mut to, &text, [b'"', b'|']), found, "{length} {place}");
                let copied = found.unwrap_or_default();
                assert_eq!(to[..copied], text[..copied]);
            }
        }
    }
}

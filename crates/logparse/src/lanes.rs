//! Bytes looked for sixteen at a time, written so that the compiler makes vectors of it: most values of a line are shorter
//! than what a call to a search costs.

/// How many bytes are looked at in one step.
pub const LANES: usize = 16;

/// Where the first of `stops` stands among these bytes, if one does.
#[expect(clippy::inline_always, reason = "a call would cost as much as what it does")]
#[inline(always)]
pub fn first_of<const N: usize>(chunk: [u8; LANES], stops: [u8; N]) -> Option<usize> {
    let holds = |stop: &u8| chunk.iter().fold(0, |holds, byte| holds | u8::from(byte == stop));
    let any = stops.iter().fold(0, |any, stop| any | holds(stop));
    if any > 0 { Some(place(chunk, stops)) } else { None }
}

/// The same of bytes among which there is one.
fn place<const N: usize>(chunk: [u8; LANES], stops: [u8; N]) -> usize {
    const ONES: u128 = u128::MAX / 255;
    let text = u128::from_le_bytes(chunk);
    let equal = stops.iter().fold(0, |equal, stop| {
        let differs = text ^ (ONES * u128::from(*stop));
        equal | (differs.wrapping_sub(ONES) & !differs & (ONES << 7))
    });
    // The lowest set bit is exact; higher ones may be carried into.
    (equal.trailing_zeros() / 8) as usize
}

/// Copies `text` up to the first of `stops`, and says where that is; more may have been copied than that. `None` if there
/// is none. Panics if `to` is shorter than `text`.
#[inline]
pub fn copy_until<const N: usize>(to: &mut [u8], text: &[u8], stops: [u8; N]) -> Option<usize> {
    let to = &mut to[..text.len()];
    let mut from = 0;
    for (to, chunk) in to.as_chunks_mut().0.iter_mut().zip(text.as_chunks().0) {
        let chunk = *chunk;
        *to = chunk;
        if let Some(place) = first_of(chunk, stops) {
            return Some(from + place);
        }
        from += LANES;
    }
    if let (Some(to), Some(&last)) = (to.last_chunk_mut(), text.last_chunk()) {
        // It overlaps the one before it, where no stop was.
        *to = last;
        return first_of(last, stops).map(|place| text.len() - LANES + place);
    }
    let length = text.iter().position(|byte| stops.contains(byte))?;
    for (to, byte) in to.iter_mut().zip(&text[..length]) {
        *to = *byte;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stop_is_found_at_every_place_of_every_length_and_all_before_it_is_copied() {
        for length in 0..70 {
            for place in 0..=length {
                let mut text: Vec<u8> = (0..length).map(|at| b'a' + at % 16).collect();
                for (behind, stop) in text.iter_mut().skip(usize::from(place)).zip(b"|\"}{|!\"#".iter().cycle()) {
                    *behind = *stop;
                }
                let mut to = vec![0; text.len() + 3];
                let found = (place < length).then_some(usize::from(place));
                assert_eq!(copy_until(&mut to, &text, [b'"', b'|']), found, "{length} {place}");
                let copied = found.unwrap_or_default();
                assert_eq!(to[..copied], text[..copied]);
            }
        }
    }
}

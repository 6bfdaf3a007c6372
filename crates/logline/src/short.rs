//! Short runs of bytes, appended and compared by moves of a fixed size. Lines and what records are made of are so short that
//! the call that copies them takes longer than the copy: the C library of a static binary starts a string instruction there.

/// What is longer is worth the call.
const LONGEST: usize = 512;

/// Appends `bytes`, as `extend_from_slice` does.
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return out.extend_from_slice(bytes);
    }
    let (chunks, rest) = bytes.as_chunks::<32>();
    for chunk in chunks {
        out.extend_from_slice(chunk);
    }
    if let Some(last) = bytes.last_chunk::<32>() {
        append_over(out, last, rest.len());
    } else if let (Some(first), Some(last)) = (rest.first_chunk::<16>(), rest.last_chunk::<16>()) {
        out.extend_from_slice(first);
        append_over(out, last, rest.len() - 16);
    } else if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        out.extend_from_slice(first);
        append_over(out, last, rest.len() - 8);
    } else if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        out.extend_from_slice(first);
        append_over(out, last, rest.len() - 4);
    } else {
        for byte in rest {
            out.push(*byte);
        }
    }
}

/// Appends the last `new` of `bytes`; the others stand at the end of `out` already.
#[inline]
fn append_over<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N], new: usize) {
    out.truncate(out.len() + new - N);
    out.extend_from_slice(bytes);
}

/// Copies `bytes` to a place of the same length, as `copy_from_slice` does. Panics if it has another.
#[inline]
pub fn copy(to: &mut [u8], bytes: &[u8]) {
    if let (Some(last), Some(end)) = (bytes.last_chunk::<32>(), to.len().checked_sub(32)) {
        for (to, chunk) in to.as_chunks_mut().0.iter_mut().zip(bytes.as_chunks::<32>().0) {
            *to = *chunk;
        }
        return to[end..].copy_from_slice(last);
    }
    if let (Some(first), Some(last), Some(end)) =
        (bytes.first_chunk::<16>(), bytes.last_chunk::<16>(), to.len().checked_sub(16))
    {
        to[..16].copy_from_slice(first);
        return to[end..].copy_from_slice(last);
    }
    to.copy_from_slice(bytes);
}

/// Whether the two are the same bytes.
#[inline]
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (ones, rest) = one.as_chunks::<16>();
    let (others, other_rest) = other.as_chunks::<16>();
    if ones.iter().zip(others).any(|(one, other)| one != other) {
        return false;
    }
    if let (Some(one), Some(other)) = (one.last_chunk::<16>(), other.last_chunk::<16>()) {
        return one == other;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        return Some(first) == other_rest.first_chunk() && Some(last) == other_rest.last_chunk();
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        return Some(first) == other_rest.first_chunk() && Some(last) == other_rest.last_chunk();
    }
    rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_appended_whole_and_nothing_before_it_changes() {
        let text: Vec<u8> = (0..=255).cycle().take(LONGEST + 2).collect();
        for length in 0..=text.len() {
            let mut out = b"before".to_vec();
            append(&mut out, &text[..length]);
            assert_eq!(out, [b"before", &text[..length]].concat());
        }
    }

    #[test]
    fn every_length_is_copied() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=text.len() {
            let mut to = vec![0; length];
            copy(&mut to, &text[..length]);
            assert_eq!(to, text[..length]);
        }
    }

    #[test]
    fn a_difference_is_seen_at_every_place() {
        let text: Vec<u8> = (0..100).collect();
        for length in 0..text.len() {
            assert!(is_equal(&text[..length], &text[..length]));
            assert!(!is_equal(&text[..length], &text[..=length]));
            for place in 0..length {
                let mut other = text[..length].to_vec();
                other[place] = 255;
                assert!(!is_equal(&text[..length], &other), "{place} of {length}");
            }
        }
    }
}

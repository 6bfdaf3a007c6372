//! Short runs of bytes, appended by moves of a fixed size. Lines and what records are made of are so short that
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
}

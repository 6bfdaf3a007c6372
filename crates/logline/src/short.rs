//! Short runs of bytes, copied by moves of a fixed size: a value of a record is so short that a call would take longer.

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
    fn every_length_is_copied() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=text.len() {
            let mut to = vec![0; length];
            copy(&mut to, &text[..length]);
            assert_eq!(to, text[..length]);
        }
    }
}

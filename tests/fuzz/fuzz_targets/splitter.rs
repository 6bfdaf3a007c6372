//! Where reads happen to end makes no difference to what the splitter hands out. The first bytes of the input are the
//! lengths of the reads, in turn; the rest is the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logline::line::Item;
use logline::splitter::{Losses, Splitter};

/// So many lengths of reads.
const READS: usize = 4;
/// A longer line is passed by; short, so that the fuzzer gets there.
const LONGEST: usize = 64;

fuzz_target!(|input: &[u8]| {
    let Some((reads, stream)) = input.split_first_chunk::<READS>() else { return };
    let in_pieces = split(stream, reads);
    assert_eq!(in_pieces, split(stream, &[1]), "byte by byte");
    assert_eq!(in_pieces, split(stream, &[255]), "in long reads");
    let lines: usize = in_pieces.0.iter().map(|(_, line)| line.len()).sum();
    assert!(lines <= stream.len(), "more than came");
});

/// What it hands out, each with its kind, and what it has lost.
fn split(mut stream: &[u8], reads: &[u8]) -> (Vec<(char, Vec<u8>)>, Losses) {
    let mut splitter = Splitter::with_limit(LONGEST);
    let mut items = Vec::new();
    let mut lengths = reads.iter().cycle().map(|length| usize::from(*length).max(1));
    while !stream.is_empty() {
        let space = splitter.space();
        let length = lengths.next().unwrap_or(1).min(space.len()).min(stream.len());
        space[..length].copy_from_slice(&stream[..length]);
        stream = &stream[length..];
        splitter.filled(length);
        take(&mut splitter, &mut items);
    }
    splitter.finish();
    take(&mut splitter, &mut items);
    (items, splitter.losses())
}

fn take(splitter: &mut Splitter, items: &mut Vec<(char, Vec<u8>)>) {
    while let Some(item) = splitter.item() {
        items.push(match item {
            Item::Line(line) => {
                assert!(line.raw.ends_with(line.content));
                assert!(line.raw.len() <= LONGEST);
                ('l', line.raw.to_vec())
            }
            Item::Mark(_, raw) => ('m', raw.to_vec()),
            Item::End(raw) => ('e', raw.to_vec()),
            Item::CountersAsked | Item::Idle => unreachable!("nobody asks"),
        });
    }
}

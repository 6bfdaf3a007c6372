//! What slices do with the functions of `memory.c`, at every length and alignment that takes another way through them. Built
//! for a target that has functions of its own, these are tested.

use std::cmp::Ordering;
use std::hint::black_box;

use memory as _;

/// Longer than the longest length that is not copied in a loop, by more than two steps of that.
const LONGEST: usize = 300;
/// These are copied in another way again.
const LONG: [usize; 6] = [1023, 1024, 1025, 1031, 4000, 4099];

/// Different bytes next to each other, also at a distance of any power of two.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

#[test]
fn every_length_is_copied_whole_and_nothing_beside_it_changes() {
    let source = text(LONG[5] + 16);
    for length in (0..=LONGEST).chain(LONG) {
        for (from, to) in [(0, 0), (1, 0), (0, 1), (3, 7), (8, 5)] {
            let mut copy = vec![0xfe; length + 16];
            copy[to..to + length].copy_from_slice(black_box(&source[from..from + length]));
            assert_eq!(copy[to..to + length], source[from..from + length], "{length} from {from} to {to}");
            let around = [&copy[..to], &copy[to + length..]].concat();
            assert!(around.iter().all(|byte| *byte == 0xfe), "{length} from {from} to {to}");
        }
    }
}

#[test]
fn what_overlaps_is_moved_as_if_it_had_been_copied_aside_before() {
    for length in (0..=LONGEST).chain(LONG) {
        for distance in [0, 1, 2, 7, 15, 16, 17, 63, 64, 65, 130, 300, 4099] {
            for (from, to) in [(distance, 0), (0, distance)] {
                let mut moved = text(length + distance);
                let mut expected = moved.clone();
                let aside: Vec<u8> = moved[from..from + length].to_vec();
                for (place, byte) in expected[to..].iter_mut().zip(aside) {
                    *place = byte;
                }
                moved.copy_within(black_box(from..from + length), black_box(to));
                assert!(moved.iter().eq(&expected), "{length} from {from} to {to}");
            }
        }
    }
}

#[test]
fn every_length_is_filled_and_nothing_beside_it() {
    for length in 0..=LONGEST {
        for begin in [0, 1, 5] {
            for value in [0, 0x7f, 0xff] {
                let mut filled = text(LONGEST + 16);
                filled[begin..begin + length].fill(black_box(value));
                let expected = text(LONGEST + 16);
                for (at, byte) in filled.iter().enumerate() {
                    let is_inside = (begin..begin + length).contains(&at);
                    assert_eq!(*byte, if is_inside { value } else { expected[at] }, "{at} of {length} from {begin}");
                }
            }
        }
    }
}

#[test]
fn the_first_byte_that_differs_decides_whatever_follows() {
    for length in 0..=LONGEST {
        let one = text(length);
        assert_eq!(black_box(&one[..]).cmp(black_box(&text(length))), Ordering::Equal, "{length}");
        for place in 0..length {
            let mut other = one.clone();
            other[place] = other[place].wrapping_add(0x80);
            // What follows says the opposite.
            for behind in &mut other[place + 1..] {
                *behind = if one[place] < 0x80 { 0 } else { 0xff };
            }
            let order = one[place].cmp(&other[place]);
            assert_eq!(black_box(&one[..]).cmp(black_box(&other)), order, "{place} of {length}");
            assert_eq!(black_box(&other[..]).cmp(black_box(&one)), order.reverse(), "{place} of {length}");
            assert!(black_box(&one[..]) != black_box(&other[..]), "{place} of {length}");
        }
    }
}

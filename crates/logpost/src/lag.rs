//! For how long the oldest byte that is not acknowledged has been in its file. No file system tells when a byte was
//! written, so the lengths of the files are noted at each look. The answer is a lower bound: what was there before the
//! first look counts from that look on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use logline::position::Fid;

use crate::acks::Unacknowledged;

/// The most lengths that are kept of a generation.
const MOST: usize = 32;

/// The lengths that generations had, and when.
#[derive(Default, Debug)]
pub struct Lag {
    /// Of each generation with something unacknowledged: offsets that are, rising, each with the time of the look that
    /// found the file to be so long.
    lengths: BTreeMap<Fid, VecDeque<(u64, Duration)>>,
}

impl Lag {
    /// Takes note of the generations as they are `now`; the age of the oldest unacknowledged byte, 0 if there is none.
    pub fn look(&mut self, generations: &[Unacknowledged], now: Duration) -> Duration {
        let mut before = std::mem::take(&mut self.lengths);
        let mut oldest = now;
        for part in generations {
            let mut lengths = before.remove(&part.fid).unwrap_or_default();
            if lengths.back().is_none_or(|(end, _)| *end < part.end) {
                lengths.push_back((part.end, now));
            }
            while lengths.front().is_some_and(|(end, _)| *end <= part.from) {
                lengths.pop_front();
            }
            // Bytes between two that are left count from the later one on, so those that are close together lose one.
            if lengths.len() > MOST {
                let gap = |at: &usize| lengths[at + 1].1.saturating_sub(lengths[at - 1].1);
                if let Some(least) = (1..lengths.len() - 1).min_by_key(gap) {
                    lengths.remove(least);
                }
            }
            oldest = lengths.front().map_or(oldest, |(_, at)| oldest.min(*at));
            self.lengths.insert(part.fid, lengths);
        }
        now.saturating_sub(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(lag: &mut Lag, from: u64, end: u64, now: u64) -> u64 {
        let part = Unacknowledged { fid: Fid(1), from, end };
        let generations = if from < end { vec![part] } else { Vec::new() };
        lag.look(&generations, Duration::from_secs(now)).as_secs()
    }

    #[test]
    fn the_age_is_that_of_the_oldest_byte_and_falls_when_it_is_acknowledged() {
        let mut lag = Lag::default();
        assert_eq!(look(&mut lag, 0, 10, 5), 0, "what was there before counts from the first look on");
        assert_eq!(look(&mut lag, 0, 20, 10), 5);
        assert_eq!(look(&mut lag, 0, 30, 15), 10);
        assert_eq!(look(&mut lag, 9, 30, 20), 15);
        assert_eq!(look(&mut lag, 10, 30, 25), 15, "byte 10 came between the looks at 5 and at 10");
        assert_eq!(look(&mut lag, 25, 30, 30), 15);
        assert_eq!(look(&mut lag, 30, 30, 35), 0);
        assert_eq!(look(&mut lag, 30, 40, 90), 0);
    }

    #[test]
    fn the_oldest_of_several_counts_and_one_that_is_gone_is_forgotten() {
        let mut lag = Lag::default();
        let [old, new] = [(1, 0), (2, 0)].map(|(fid, from)| Unacknowledged { fid: Fid(fid), from, end: 10 });
        assert_eq!(lag.look(&[old], Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(lag.look(&[new, old], Duration::from_secs(10)), Duration::from_secs(5));
        assert_eq!(lag.look(&[new], Duration::from_secs(20)), Duration::from_secs(10));
        assert_eq!(lag.look(&[], Duration::from_secs(30)), Duration::ZERO);
        assert!(lag.lengths.is_empty());
    }

    #[test]
    fn a_long_outage_takes_a_bounded_number_of_lengths_and_its_age_is_exact() {
        let mut lag = Lag::default();
        for now in 1..5000 {
            assert_eq!(look(&mut lag, 0, now * 100, now), now - 1);
            assert!(lag.lengths[&Fid(1)].len() <= MOST);
        }
        // Halfway through what has piled up the age is about half.
        let age = look(&mut lag, 250_000, 500_000, 5000);
        assert!((2100..=2500).contains(&age), "{age}");
    }
}

//! The pace of requests: what keeps many senders apart in time, and each from asking more of a server than it can do.
//!
//! - A batch that is not full is closed when the linger in force has passed since its first record, times a factor between
//!   0.5 and 1.5 that is drawn anew for each: senders that have started together do not stay together. The first batch of a
//!   run goes at once, so that a newcomer learns at once what is wrong; the second draws its factor between 0 and 1.
//! - The linger in force follows the server: three times what the last request took, at least `--linger` and at most 30 s.
//!   A failure doubles it, and an answer lowers it by a fifth at most. No pause after a failure is shorter than half of it.
//! - A server that answers with 429 has too many senders. The rate of requests is halved at each such answer and rises by a
//!   constant at each success, which shares a server fairly among senders that do so.

use std::time::Duration;

/// The linger in force is never longer, if the user has not asked for it.
const LONGEST_LINGER: Duration = Duration::from_secs(30);
/// The first and the longest distance of requests to a server that has too much to do.
const FIRST_SPACING: Duration = Duration::from_millis(500);
const LONGEST_SPACING: Duration = Duration::from_secs(30);
/// How much the rate rises at each success, in requests a second.
const RISE: f64 = 0.1;
/// A shorter distance is none.
const SHORTEST_SPACING: Duration = Duration::from_millis(100);

/// What the user asks for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the first record of a batch that is not full waits for others.
    pub linger: Duration,
    /// How long it goes on after TERM or EOF; `None` for the default.
    pub drain: Option<Duration>,
    /// How long a batch is tried; `None` for ever.
    pub retry_for: Option<Duration>,
}

/// When the next batch is closed, and when the next request may be sent.
#[derive(Debug)]
pub struct Pace {
    least: Duration,
    linger: Duration,
    /// The factor of the batch that is being filled, and which batch that is.
    drawn: (u64, f64),
    /// The distance of requests where the server has said that it has too much to do.
    spacing: Option<Duration>,
    next_at: Duration,
}

/// How a request went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Went {
    /// The server has taken it.
    Well,
    /// It has to be sent again.
    Badly,
    /// It was too large, or the connection was cut while it was written, which may mean that.
    TooLarge,
    /// It has to be sent again, for the server has too much to do.
    Throttled,
}

impl Pace {
    /// With at least this linger.
    pub fn new(least: Duration) -> Self {
        Self { least, linger: least, drawn: (0, 0.0), spacing: None, next_at: Duration::ZERO }
    }

    /// How long batch number `number` of the run waits for more records. `random` is anything from 0 to 1.
    pub fn wait(&mut self, number: u64, random: impl FnOnce() -> f64) -> Duration {
        if number == 0 {
            return Duration::ZERO;
        }
        if self.drawn.0 != number {
            self.drawn = (number, if number == 1 { random() } else { 0.5 + random() });
        }
        self.linger.mul_f64(self.drawn.1)
    }

    /// A request was answered after `took`, or not.
    pub fn learn(&mut self, took: Duration, went: Went) {
        if went == Went::TooLarge {
            return;
        }
        let longest = LONGEST_LINGER.max(self.least);
        self.linger = if went == Went::Well {
            (took * 3).max(self.linger * 4 / 5).clamp(self.least, longest)
        } else {
            (self.linger * 2).min(longest)
        };
        if self.least.is_zero() {
            self.linger = Duration::ZERO;
        }
        self.spacing = match (went, self.spacing) {
            (Went::Throttled, before) => Some((before.unwrap_or(FIRST_SPACING / 2) * 2).min(LONGEST_SPACING)),
            (Went::Well, Some(before)) => {
                let spacing = Duration::from_secs_f64(1.0 / (1.0 / before.as_secs_f64() + RISE));
                Some(spacing).filter(|spacing| *spacing >= SHORTEST_SPACING)
            }
            (_, before) => before,
        };
    }

    /// No pause after a failure is shorter.
    pub fn least_pause(&self) -> Duration {
        self.linger / 2
    }

    /// The pause after an answer that says that the server has too much to do.
    pub fn pause(&self, random: f64) -> Option<Duration> {
        self.spacing.map(|spacing| spacing.mul_f64(0.5 + random))
    }

    /// A request goes out now.
    pub fn sent(&mut self, now: Duration, random: f64) {
        self.next_at = now + self.pause(random).unwrap_or_default();
    }

    /// When the next one may go.
    pub fn next_at(&self) -> Duration {
        if self.spacing.is_some() { self.next_at } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_batch_draws_its_own_factor_once() {
        let mut pace = Pace::new(SECOND);
        assert_eq!(pace.wait(0, || 1.0), Duration::ZERO, "the first goes at once");
        assert_eq!(pace.wait(1, || 0.25), SECOND / 4);
        assert_eq!(pace.wait(1, || 1.0), SECOND / 4, "it has drawn");
        assert_eq!((pace.wait(2, || 0.0), pace.wait(3, || 1.0)), (SECOND / 2, SECOND * 3 / 2));
    }

    #[test]
    fn the_linger_follows_the_server_and_falls_slowly() {
        let mut pace = Pace::new(SECOND);
        pace.learn(SECOND / 10, Went::Well);
        assert_eq!(pace.linger, SECOND);
        pace.learn(SECOND * 5, Went::Well);
        assert_eq!(pace.linger, SECOND * 15);
        pace.learn(SECOND / 10, Went::Well);
        assert_eq!(pace.linger, SECOND * 12);
        pace.learn(SECOND * 20, Went::Well);
        assert_eq!(pace.linger, LONGEST_LINGER);
        let mut failing = Pace::new(SECOND);
        failing.learn(SECOND, Went::Badly);
        failing.learn(SECOND, Went::Badly);
        assert_eq!((failing.linger, failing.least_pause()), (SECOND * 4, SECOND * 2));
        let mut at_once = Pace::new(Duration::ZERO);
        at_once.learn(SECOND, Went::Badly);
        at_once.learn(SECOND, Went::Well);
        assert_eq!(at_once.wait(7, || 1.0), Duration::ZERO);
        let mut long = Pace::new(SECOND * 60);
        long.learn(SECOND, Went::Badly);
        assert_eq!(long.linger, SECOND * 60, "what the user asks for is no less");
    }

    #[test]
    fn requests_are_spaced_out_after_a_429_and_come_nearer_with_each_success() {
        let mut pace = Pace::new(SECOND);
        pace.sent(SECOND, 0.5);
        assert_eq!((pace.next_at(), pace.pause(0.5)), (Duration::ZERO, None));
        pace.learn(SECOND, Went::Throttled);
        assert_eq!(pace.pause(0.5), Some(FIRST_SPACING));
        pace.sent(SECOND, 0.5);
        assert_eq!(pace.next_at(), SECOND + FIRST_SPACING);
        for _ in 0..10 {
            pace.learn(SECOND, Went::Throttled);
        }
        assert_eq!(pace.pause(0.5), Some(LONGEST_SPACING));
        pace.learn(SECOND, Went::Well);
        assert_eq!(pace.pause(0.5).map(|pause| pause.as_millis()), Some(7500));
        for _ in 0..100 {
            pace.learn(SECOND, Went::Well);
        }
        assert_eq!(pace.pause(0.5), None);
    }

    /// Senders with a backlog before a server that takes a few requests a second and answers the others with 429.
    #[test]
    fn a_server_that_has_too_many_senders_is_shared_fairly() {
        let mut seed = 7_u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(seed >> 32).unwrap_or(0)) / f64::from(u32::MAX)
        };
        let step = Duration::from_millis(50);
        let mut senders: Vec<(Pace, Duration, u32)> =
            (0..100).map(|_| (Pace::new(SECOND), SECOND.mul_f64(random()), 0)).collect();
        for tick in 0..(180 * 20) {
            let now = step * tick;
            // 20 requests a second.
            let mut room = 1;
            for turn in 0..senders.len() {
                let at = (turn * 37 + usize::try_from(tick).unwrap_or(0) * 11) % senders.len();
                let (pace, ready_at, taken) = &mut senders[at];
                if now < (*ready_at).max(pace.next_at()) {
                    continue;
                }
                pace.sent(now, random());
                if room > 0 {
                    room -= 1;
                    *taken += 1;
                    pace.learn(step, Went::Well);
                } else {
                    pace.learn(step, Went::Throttled);
                    *ready_at = now + pace.pause(random()).unwrap_or_default();
                }
            }
        }
        let mut taken: Vec<u32> = senders.iter().map(|(_, _, taken)| *taken).collect();
        taken.sort_unstable();
        let (few, half) = (taken[10], taken[50]);
        assert!(half >= 10 && f64::from(few) >= 0.4 * f64::from(half), "p10 {few}, p50 {half}, {taken:?}");
    }
}

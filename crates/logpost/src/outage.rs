//! When the server does not take what it is sent: what is said of it, and when. The first failure is said at once, one that
//! lasts every half minute, its end with what had waited. One that comes back again and again is not said each time.

use std::time::Duration;

use crate::tally::{grouped, in_words};

/// Trouble that lasts, or comes back, is said again after so long.
const SAY_AGAIN: Duration = Duration::from_secs(30);
/// Another cause is said after so long.
const SAY_OTHER: Duration = Duration::from_secs(1);
/// What comes back is said if it lasts so long.
const NOT_BRIEF: Duration = Duration::from_secs(5);

/// What is known, and has been said, of the server's trouble.
#[derive(Default, Debug)]
pub struct Outage {
    /// Since when the server is in trouble, and whether that was said.
    since: Option<(Duration, bool)>,
    /// The cause that was said last, and when.
    said: Option<(String, Duration)>,
}

impl Outage {
    /// Something has to be sent again for this cause; the words for it, if it is time to say it.
    pub fn failed(&mut self, cause: &str, now: Duration) -> Option<String> {
        let (since, was_said) = *self.since.get_or_insert((now, false));
        let lasts = now.saturating_sub(since);
        if let Some((said, at)) = &self.said {
            let pause = if was_said && said != cause { SAY_OTHER } else { SAY_AGAIN };
            let comes_back_to_stay = !was_said && (said != cause || lasts >= NOT_BRIEF);
            if now < *at + pause && !comes_back_to_stay {
                return None;
            }
        }
        self.since = Some((since, true));
        self.said = Some((cause.to_owned(), now));
        let waiting = if lasts < Duration::from_secs(1) {
            String::new()
        } else {
            format!(" (waiting since {})", in_words(lasts))
        };
        Some(format!("{cause}, trying again{waiting}"))
    }

    /// Whether it is not over.
    #[cfg(test)]
    pub fn lasts(&self) -> bool {
        self.since.is_some()
    }

    /// The server has stored something, and `waited` records had to wait for that; the words for it, if the trouble was
    /// said.
    pub fn ended(&mut self, waited: u64, now: Duration) -> Option<String> {
        let (since, was_said) = self.since.take()?;
        let lasted = in_words(now.saturating_sub(since));
        was_said.then(|| format!("recovered after {lasted}, {} records waited", grouped(waited)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_said_at_once_then_every_half_minute_and_at_its_end() {
        let mut outage = Outage::default();
        assert_eq!(outage.failed("refused", at(0)).as_deref(), Some("refused, trying again"));
        assert_eq!(outage.failed("refused", at(10)), None);
        assert_eq!(outage.failed("refused", at(31)).as_deref(), Some("refused, trying again (waiting since 31 s)"));
        assert_eq!(outage.failed("503", at(40)).as_deref(), Some("503, trying again (waiting since 40 s)"));
        assert_eq!(outage.ended(1204, at(180)).as_deref(), Some("recovered after 3 min, 1 204 records waited"));
        assert_eq!(outage.ended(1, at(181)), None);
    }

    #[test]
    fn what_comes_back_again_and_again_is_not_said_each_time() {
        let mut outage = Outage::default();
        assert!(outage.failed("429", at(0)).is_some() && outage.ended(1, at(1)).is_some());
        assert!(outage.failed("429", at(2)).is_none() && outage.ended(1, at(3)).is_none());
        assert!(outage.failed("429", at(4)).is_none() && outage.failed("429", at(9)).is_some());
        assert!(outage.ended(1, at(10)).is_some());
        assert!(outage.failed("503", at(11)).is_some());
    }
}

//! The rotated files that wait for their turn: only some are open at a time, of each path the oldest.

use std::collections::HashSet;

use logline::position::Fid;

/// Who waits, and whose turn is next.
#[derive(Default, Debug)]
pub struct Queue {
    /// How many rotated files were open when the look began, and were opened since.
    open: usize,
    /// Those that this look has left for later.
    waiting: HashSet<Fid>,
    /// Those whose turn is next, oldest first; from the beginning of a look on as many as may be opened.
    next: Vec<Fid>,
    /// Fewer are open than may be: the next look opens some.
    has_slots: bool,
    /// So it does, or those that are open are being read, so that the turn of the others comes.
    moves: bool,
    /// A file was finished since the look began.
    has_finished: bool,
}

impl Queue {
    /// A look begins, with `open` rotated files; no more than `limit` may be.
    pub fn look_begins(&mut self, open: usize, limit: usize) {
        self.open = open;
        self.next.truncate(limit.saturating_sub(open));
        self.waiting.clear();
        self.has_finished = false;
    }

    /// A look is over: `by_age` are those that are open and those that wait, of each path oldest first. `is_read` tells
    /// whether any that is open is being read, and does not wait for an older one itself.
    pub fn look_is_over(&mut self, by_age: Vec<Fid>, limit: usize, is_read: bool) {
        let (mut waiting, open): (Vec<Fid>, Vec<Fid>) = by_age.into_iter().partition(|fid| self.waits(*fid));
        waiting.truncate(limit);
        self.next = waiting;
        self.has_slots = open.len() < limit;
        self.moves = !self.waiting.is_empty() && (self.has_slots || is_read);
    }

    /// Whether the file may be opened: it is its turn, or none is kept for others.
    pub fn takes_turn(&mut self, fid: Fid, limit: usize) -> bool {
        let place = self.next.iter().position(|next| *next == fid).map(|place| self.next.remove(place));
        let is_its = place.is_some() || self.open + self.next.len() < limit;
        self.open += usize::from(is_its);
        is_its
    }

    /// The file is left for later.
    pub fn wait(&mut self, fid: Fid) {
        self.waiting.insert(fid);
    }

    /// A file was finished: there is room for another.
    pub fn was_finished(&mut self) {
        self.has_finished = true;
    }

    /// Whether the file waits.
    pub fn waits(&self, fid: Fid) -> bool {
        self.waiting.contains(&fid)
    }

    /// Whether the turn of those that wait comes, so that what is younger may wait for them.
    pub fn moves(&self) -> bool {
        self.moves
    }

    /// Whether a look would open any that waits.
    pub fn is_to_be_looked_at(&self) -> bool {
        !self.waiting.is_empty() && (self.has_slots || self.has_finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_to_the_oldest_in_whatever_order_they_are_met() {
        let fids = [1, 2, 3, 4].map(Fid);
        let mut queue = Queue::default();
        queue.look_begins(0, 2);
        assert_eq!(fids.map(|fid| queue.takes_turn(fid, 2)), [true, true, false, false]);
        queue.wait(fids[2]);
        queue.wait(fids[3]);
        assert_eq!(fids.map(|fid| queue.waits(fid)), [false, false, true, true]);
        queue.look_is_over(fids.to_vec(), 2, true);
        assert!(queue.moves() && !queue.is_to_be_looked_at());
        queue.was_finished();
        assert!(queue.is_to_be_looked_at());
        // The first has ended. The youngest is met first.
        queue.look_begins(1, 2);
        assert_eq!([3, 2].map(|number| queue.takes_turn(fids[number], 2)), [false, true]);
        queue.wait(fids[3]);
        queue.look_is_over(fids[1..].to_vec(), 2, false);
        assert!(!queue.moves(), "nothing of what is open is being read");
        assert!(!queue.is_to_be_looked_at());
        queue.look_begins(1, 2);
        queue.wait(fids[3]);
        queue.look_is_over(fids[2..].to_vec(), 2, false);
        assert!(queue.moves() && queue.is_to_be_looked_at(), "there is room");
    }
}

//! What must be on disk before what leaves. [`Outgoing`] is stdout with a gate in front of it: bytes are appended to
//! [`Unsaved`], and come out of the process only through [`Unsaved::saved`], which keeps the checkpoint first.

use std::time::Duration;

use logline::output::Output;
use logline::state::{Keeper, Shelf};

use crate::disk::Disk;
use crate::follow::Follower;

/// Keeps the follower's checkpoint if it is due. At the end of a run all that is not on disk is put there.
pub fn keep<D: Disk, S: Shelf>(follower: &mut Follower<D>, keeper: &mut Keeper<S>, now: Duration, is_end: bool) {
    let Some(sync) = keeper.due(follower.urgency(), now, is_end) else { return };
    let saved = keeper.save(&follower.checkpoint(), now, sync);
    follower.checkpoint_was_kept(saved.is_kept, sync, now);
    if let Some(message) = saved.message {
        follower.say(message);
    }
}

/// Where lines leave the process, and what has not been written yet. Nothing is appended to it but through [`Unsaved`].
#[derive(Debug)]
pub struct Outgoing {
    output: Output,
}

impl Outgoing {
    /// In front of `output`.
    pub fn new(output: Output) -> Self {
        Self { output }
    }

    /// To append to.
    pub fn unsaved(&mut self) -> Unsaved<'_> {
        Unsaved { output: &mut self.output }
    }

    /// How many bytes have not been written yet.
    pub fn pending(&self) -> usize {
        self.output.pending()
    }

    /// The descriptor, to watch its reader by.
    pub fn fd(&self) -> std::os::fd::BorrowedFd<'static> {
        self.output.fd()
    }
}

/// Bytes of which the checkpoint may not know yet.
#[derive(Debug)]
pub struct Unsaved<'a> {
    output: &'a mut Output,
}

impl<'a> Unsaved<'a> {
    /// The bytes, to append to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.output.buffer()
    }

    /// Runs `save`, which keeps the checkpoint where it is due, and then gives the output, to be written. Where the state
    /// directory cannot be written the lines leave all the same: that has been said, and the run ends as trouble.
    pub fn saved(self, save: impl FnOnce()) -> &'a mut Output {
        save();
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_pending_until_it_is_written() {
        let mut outgoing = Outgoing::new(Output::stdout());
        assert_eq!(outgoing.pending(), 0);
        outgoing.unsaved().buffer().extend_from_slice(b"a line\n");
        assert_eq!(outgoing.pending(), 7);
    }
}

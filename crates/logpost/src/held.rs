//! Records that a server tells to hold while it stores others: their index is closed or cannot be made, say. They wait
//! apart, in a request of their own, so that the records behind them go on.
//!
//! What may be acknowledged is held back meanwhile: of each file that has a record here, nothing that came with that record
//! or after it. So a restart reads them again, and nothing is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use logline::position::Fid;

use crate::batch::Batch;
use crate::request::Request;

/// The records that wait apart.
#[derive(Debug)]
pub struct HeldApart {
    /// They, on their way like any batch.
    pub request: Request,
    /// Per file with a record here, what would have been acknowledged without it.
    files: BTreeMap<Fid, File>,
}

/// What is not acknowledged of a file.
#[derive(Clone, Copy, Debug)]
struct File {
    /// The first batch that had a record that is here.
    from: u64,
    /// What that batch or a later one would have acknowledged.
    reached: Option<u64>,
}

impl HeldApart {
    /// With no record yet.
    pub fn new(now: Duration) -> Self {
        Self { request: Request::new(Batch::default(), None, now), files: BTreeMap::new() }
    }

    /// Takes over the records that the last answer to `other` told to hold, which is batch number `id`. Does nothing if its
    /// own records are under way, if they would weigh more than `room` in all, or if there are none.
    pub fn take_over(&mut self, id: u64, other: &mut Request, room: usize) {
        let is_full = self.request.batch.weight() + other.weight_of_held() > room;
        if self.request.is_in_flight() || is_full {
            return;
        }
        let Some(held) = other.take_held() else { return };
        let from = self.request.batch.len();
        for record in &held.records {
            self.request.batch.adopt(&other.batch, *record);
            if let Some(position) = other.batch.position(*record) {
                let file = self.files.entry(position.fid).or_insert(File { from: id, reached: None });
                file.from = file.from.min(id);
            }
        }
        self.request.hold(from, held.trouble, held.at);
    }

    /// Batch number `id` would acknowledge `next` of a file. Returns true if that must wait.
    pub fn holds_back(&mut self, id: u64, fid: Fid, next: u64) -> bool {
        let Some(file) = self.files.get_mut(&fid).filter(|file| id >= file.from) else { return false };
        file.reached = Some(file.reached.map_or(next, |reached| reached.max(next)));
        true
    }

    /// What may be acknowledged now that all records are done.
    pub fn acknowledges(self) -> impl Iterator<Item = (Fid, u64)> {
        self.files.into_iter().filter_map(|(fid, file)| Some((fid, file.reached?)))
    }
}

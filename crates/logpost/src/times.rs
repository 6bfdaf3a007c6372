//! The time in force in each file: that of the last record that had one. A record without a time, such as a line of a stack
//! trace, takes it, as it does in logfilter's window of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use logline::position::Fid;

use crate::document::Stamp;

/// More files are not remembered at a time.
const MOST: usize = 8192;

/// The times in force behind all batches that have been closed.
#[derive(Default, Debug)]
pub struct Times {
    /// `None` stands for all records without a position.
    files: BTreeMap<Option<Fid>, Arc<Stamp>>,
}

impl Times {
    /// The time in force in a file, if one of its records had a time.
    pub fn get(&self, file: Option<Fid>) -> Option<Arc<Stamp>> {
        self.files.get(&file).cloned()
    }

    /// Remembers the time in force in a file. Of too many files the one with the oldest time is forgotten.
    pub fn set(&mut self, file: Option<Fid>, time: Arc<Stamp>) {
        self.files.insert(file, time);
        if self.files.len() > MOST {
            let oldest = self.files.iter().min_by_key(|(_, time)| time.moment).map(|(file, _)| *file);
            self.files.retain(|file, _| Some(*file) != oldest);
        }
    }

    /// Forgets a file that has been read to its end.
    pub fn forget(&mut self, file: Fid) {
        self.files.remove(&Some(file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_files_the_oldest_is_forgotten() {
        let mut times = Times::default();
        for fid in 0..=MOST as u64 {
            let time =
                Stamp::of_reading(&format!("2025-10-10T{:02}:{:02}:{:02}Z", fid / 3600, fid / 60 % 60, fid % 60));
            times.set(Some(Fid(fid)), Arc::new(time));
        }
        assert_eq!(times.files.len(), MOST);
        assert!(times.get(Some(Fid(0))).is_none() && times.get(Some(Fid(1))).is_some());
        times.forget(Fid(1));
        assert!(times.get(Some(Fid(1))).is_none());
    }
}

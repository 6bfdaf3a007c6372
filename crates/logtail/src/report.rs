//! What a run tells its user, counts, and must remember: messages, troubles with paths, counters, and how soon the
//! checkpoint has to be written.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use logline::state::Urgency;
use logline::state::files::Counters;

/// What a run tells its user, what it has counted, and how soon its checkpoint must be written.
#[derive(Debug, Default)]
pub struct Report {
    messages: Vec<String>,
    /// What is wrong with which path; said again only when it changes.
    troubles: HashMap<PathBuf, String>,
    counters: Counters,
    /// Lines that were cut at the limit since the start of the run.
    truncated_lines: u64,
    urgency: Urgency,
}

impl Report {
    /// One that goes on with the counters of earlier runs.
    pub fn resume(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Adds a message.
    pub fn say(&mut self, message: String) {
        self.messages.push(message);
    }

    /// The messages since the last call, in their order.
    pub fn take_messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.messages)
    }

    /// Says what is wrong with a path, once as long as it stays the same.
    pub fn complain(&mut self, path: &Path, cause: String) {
        if self.troubles.get(path) != Some(&cause) {
            self.say(format!("{}: {cause}", path.display()));
            self.troubles.insert(path.to_owned(), cause);
        }
    }

    /// Nothing is wrong with the path any more.
    pub fn is_well(&mut self, path: &Path) {
        self.troubles.remove(path);
    }

    /// Whether anything is wrong with any path.
    pub fn has_troubles(&self) -> bool {
        !self.troubles.is_empty()
    }

    /// What has been counted since the state began.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many lines were cut at the limit since the start of the run.
    pub fn truncated_lines(&self) -> u64 {
        self.truncated_lines
    }

    /// `count` lines of the file were cut at the limit of `most` bytes; the first time that is said.
    pub fn cut_lines(&mut self, path: &Path, count: u64, is_first: bool, most: usize) {
        self.truncated_lines += count;
        if is_first {
            let bytes = if most == 1 { "byte" } else { "bytes" };
            self.say(format!("{}: a line is longer than {most} {bytes}, cut there", path.display()));
        }
    }

    /// A file was truncated, or rewritten in place.
    pub fn truncated(&mut self, path: &Path) {
        self.counters.truncations += 1;
        self.say(format!(
            "{}: has been truncated or rewritten, reading the new content from its beginning",
            path.display()
        ));
    }

    /// A file that had not been read to its end could not be found again; `unread` bytes of it had been seen.
    pub fn gap(&mut self, path: &Path, offset: u64, unread: u64) {
        self.counters.gaps += 1;
        self.counters.possible_loss_bytes += unread;
        self.say(format!(
            "{}: a file of it could not be found again, what stood in it from byte {offset} on is lost",
            path.display()
        ));
    }

    /// At the end of a run a file that had not been read to its end has not been found again, and may yet be.
    pub fn missing(&mut self, path: &Path, offset: u64) {
        self.say(format!(
            "{}: a file of it has not been found again, what stood in it from byte {offset} on is lost unless a later run finds it",
            path.display()
        ));
    }

    /// A file that an earlier run followed was found under a name that tells nothing of others: what was rotated after it is
    /// not looked for.
    pub fn untold(&mut self, path: &Path, found: &Path) {
        let cause = format!(
            "files that were rotated in between may be lost: the last one is {} now, a name that tells nothing of theirs",
            found.display()
        );
        if self.troubles.get(path) != Some(&cause) {
            self.counters.gaps += 1;
            self.complain(path, cause);
        }
    }

    /// A compressed file could be decompressed up to `end` only.
    pub fn cut_short(&mut self, path: &Path, end: u64, fault: &str) {
        self.counters.gaps += 1;
        self.say(format!(
            "{}: a compressed file of it cannot be decompressed to its end ({fault}), what stood in it from byte {end} on is lost",
            path.display()
        ));
    }

    /// Bytes that had been seen were gone before they were read.
    pub fn vanished(&mut self, path: &Path, bytes: u64) {
        if bytes > 0 {
            self.counters.possible_loss_bytes += bytes;
            self.say(format!(
                "{}: {bytes} bytes vanished in a truncation before they were read, and no copy of them was found",
                path.display()
            ));
        }
    }

    /// A file was truncated, or written anew, while no run followed it, and no copy was found: nobody knows what stood in it.
    pub fn was_truncated_unseen(&mut self, path: &Path, offset: u64) {
        self.counters.gaps += 1;
        self.say(format!(
            "{}: was truncated or written anew while it was not followed, and no copy was found: what may have been written behind byte {offset} before that is lost",
            path.display()
        ));
    }

    /// NUL bytes that nobody wrote were skipped.
    pub fn skipped_hole(&mut self, bytes: u64) {
        self.counters.hole_bytes += bytes;
    }

    /// A hole was met in the place of what was delivered and given back.
    pub fn passed_hole(&mut self, path: &Path, begin: u64, end: u64) {
        self.say(format!("{}: bytes {begin} to {end} were given back after delivery", path.display()));
    }

    /// Bytes that were delivered have been given back to the file system.
    pub fn freed(&mut self, bytes: u64) {
        self.counters.freed_bytes += bytes;
    }

    /// A file was truncated or rewritten while `bytes` of it were given back: some of them may have been new.
    pub fn may_have_freed_more(&mut self, path: &Path, bytes: u64) {
        self.counters.possible_loss_bytes += bytes;
        self.say(format!(
            "{}: has been truncated or rewritten while its delivered part was given back, {bytes} new bytes may be lost",
            path.display()
        ));
    }

    /// How soon the checkpoint must be written.
    pub fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// The checkpoint must be written, with this urgency at least.
    pub fn must_save(&mut self, urgency: Urgency) {
        self.urgency = self.urgency.max(urgency);
    }

    /// The checkpoint has been written, or could not be: then it is tried again, but nothing waits for it.
    pub fn was_saved(&mut self, is_kept: bool) {
        self.urgency = if is_kept { Urgency::None } else { Urgency::Lazy };
    }
}

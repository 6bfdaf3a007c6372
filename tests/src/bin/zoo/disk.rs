//! What a writer has left on disk: every file with its lines, compressed ones unpacked.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use crate::feed;

/// A file as it was in the end.
#[derive(Debug)]
pub(crate) struct Left {
    /// Its names below the directory of the logs, without the ending of a compression; a hard link is one more.
    pub(crate) names: Vec<String>,
    /// What is in it, unpacked.
    pub(crate) text: Vec<u8>,
    /// The numbers in it, in order.
    pub(crate) numbers: Vec<u64>,
}

/// All files below the directory, in the order of their first numbers.
pub(crate) fn read(logs: &Path) -> io::Result<Vec<Left>> {
    let mut left: Vec<Left> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for path in files(logs) {
        let name = path.strip_prefix(logs).unwrap_or(&path).to_string_lossy().into_owned();
        let name = name.strip_suffix(".gz").unwrap_or(&name).to_owned();
        let metadata = path.metadata()?;
        match known.entry((metadata.dev(), metadata.ino())) {
            Entry::Occupied(place) => {
                left[*place.get()].names.push(name);
                continue;
            }
            Entry::Vacant(place) => place.insert(left.len()),
        };
        let bytes = fs::read(&path)?;
        let mut text = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
        } else {
            text = bytes;
        }
        // A preallocated file's rest is not written yet.
        while text.last() == Some(&0) {
            text.pop();
        }
        let numbers = feed::numbers(&text).collect();
        left.push(Left { names: vec![name], text, numbers });
    }
    left.sort_by_key(|file| file.numbers.first().copied());
    Ok(left)
}

/// The regular files below a directory; links are not followed.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // While files are renamed one may be gone again: that is no failure of the look.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// Looks at the directory again and again, to count the files that were there, and how often one was truncated.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Watch {
    pub(crate) fn start(logs: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (logs, stopped) = (logs.to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut seen = HashMap::new();
            let mut packed = BTreeSet::new();
            let mut truncations = 0;
            while !stopped.load(Ordering::SeqCst) {
                for path in files(&logs) {
                    let Ok(metadata) = path.metadata() else { continue };
                    let identity = (metadata.dev(), metadata.ino(), metadata.created().ok());
                    if path.extension().is_some_and(|ending| ending == "gz") {
                        packed.insert(path);
                    } else if metadata.len() > 0 {
                        let before = seen.insert(identity, metadata.len());
                        truncations += usize::from(before.is_some_and(|before| before > metadata.len()));
                    }
                }
                thread::sleep(Duration::from_millis(30));
            }
            // Whoever writes into the compressed file at once was never there as text.
            seen.len().max(packed.len() + 1).max(truncations + 1)
        });
        Self { stop, thread }
    }

    /// How many files there were beside the first, or truncations.
    pub(crate) fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap_or_default().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use logpipe_tests::tools::Scratch;

    use super::*;

    #[test]
    fn every_line_is_read_once_whatever_its_file_is_named_and_packed_with() {
        let scratch = Scratch::new("disk");
        let path = |name: &str| scratch.path().join(name);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"zoo:0: a\nzoo:1: b\n").expect("memory takes it");
        let packed = packed.finish().expect("memory takes it");
        fs::create_dir(path("old")).expect("a directory");
        fs::write(path("old/app.log.1.gz"), packed).expect("a file");
        fs::write(path("app.log"), b"zoo:2: c\n\0\0\0").expect("a file");
        fs::hard_link(path("app.log"), path("current")).expect("a link");
        std::os::unix::fs::symlink("app.log", path("link")).expect("a link");
        let mut left = read(scratch.path()).expect("it can be read");
        for file in &mut left {
            file.names.sort();
        }
        let found: Vec<_> = left.iter().map(|file| (file.names.join(" "), file.numbers.clone())).collect();
        assert_eq!(found, [("old/app.log.1".to_owned(), vec![0, 1]), ("app.log current".to_owned(), vec![2])]);
        assert_eq!(left[1].text, b"zoo:2: c\n");
    }
}

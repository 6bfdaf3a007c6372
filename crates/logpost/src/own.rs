//! The files that logpost writes besides its state: dead letters and metrics. They are entered in the state directory before
//! they are made, so that logtail leaves them out where a glob of the same pipeline matches them: a refused record would
//! come back as a new one for ever.

use std::io;
use std::path::{Path, PathBuf};

use logline::state::{Loaded, Store, own};

use crate::metrics;

/// The paths of these files, absolute.
pub fn paths(dead_letter: Option<&Path>, metrics: Option<&Path>) -> io::Result<Vec<PathBuf>> {
    let new = metrics.map(metrics::path_of_new);
    [dead_letter, metrics, new.as_deref()].into_iter().flatten().map(std::path::absolute).collect()
}

/// Enters them in `directory`. Those of earlier runs stay as long as they are there.
pub fn enter(directory: &Path, paths: &[PathBuf]) -> io::Result<()> {
    let store = Store::new(directory, "own");
    let known: Vec<PathBuf> = match store.load() {
        Loaded::Current(text) | Loaded::Previous(text, _) => own::parse(&text).collect(),
        Loaded::Nothing | Loaded::Lost(_) => Vec::new(),
    };
    let mut all: Vec<&PathBuf> = known.iter().filter(|path| path.exists()).chain(paths).collect();
    all.sort_unstable();
    all.dedup();
    if all.iter().copied().eq(&known) {
        return Ok(());
    }
    store.save(&own::text(all.into_iter().map(PathBuf::as_path))[..], false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_earlier_runs_have_left_stays_entered_until_it_is_gone() {
        let directory = std::env::temp_dir().join(format!("logpost-own-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let entered = || match Store::new(&directory, "own").load() {
            Loaded::Current(text) => own::parse(&text).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let first = paths(Some(&directory.join("dead")), Some(&directory.join("metrics"))).unwrap();
        enter(&directory, &first).unwrap();
        assert_eq!(entered(), ["dead", "metrics", "metrics.new"].map(|name| directory.join(name)));
        std::fs::write(&first[0], "").unwrap();
        enter(&directory, &paths(Some(&directory.join("other")), None).unwrap()).unwrap();
        assert_eq!(entered(), ["dead", "other"].map(|name| directory.join(name)));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

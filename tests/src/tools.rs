//! Where the built tools and the test data are.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The root of the workspace.
///
/// # Panics
/// Never in a checkout: the crate of the tests is a directory of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a member of the workspace")
}

/// The pages of the documentation: the README at the top and those of the directories that have one.
///
/// # Panics
/// When the directory of the crates cannot be read.
pub fn pages() -> Vec<PathBuf> {
    let crates = std::fs::read_dir(workspace().join("crates")).expect("the workspace has crates");
    let mut directories: Vec<PathBuf> = crates.flatten().map(|entry| entry.path()).collect();
    directories.sort();
    directories.extend(["images", "tests"].map(|directory| workspace().join(directory)));
    directories.insert(0, workspace().to_path_buf());
    let pages = directories.into_iter().map(|directory| directory.join("README.md"));
    pages.chain([workspace().join(".github/CONTRIBUTING.md")]).filter(|page| page.exists()).collect()
}

/// The directory of the built tools: `$LOGPIPE_TOOLS`, where a script tests others than those of this build; else two above
/// the test program itself.
///
/// # Panics
/// When the system does not tell a program's own path.
pub fn directory() -> PathBuf {
    if let Some(directory) = env::var_os("LOGPIPE_TOOLS") {
        return directory.into();
    }
    let own = env::current_exe().expect("a test program knows its path");
    own.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// `PATH` with the built tools first.
pub fn path() -> OsString {
    let mut path = directory().into_os_string();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    path
}

/// The directory of the test data.
pub fn data() -> PathBuf {
    workspace().join("tests/data")
}

/// A port of the loopback that nobody has, for a server that must be told one. It lies below those that connections are
/// given, of which each test makes many while a server starts.
///
/// # Errors
/// When none is free.
pub fn free_port() -> io::Result<u16> {
    // Who looks for one at the same time begins somewhere else.
    let begin = RandomState::new().hash_one(()) % 10_000;
    let ports = (begin..10_000).chain(0..begin).filter_map(|number| u16::try_from(20_000 + number).ok());
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(is_free).ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// Waits until something holds that can only be looked at from outside. The limit is that of a machine in trouble, not of
/// the thing.
///
/// # Panics
/// When it does not come to hold.
#[track_caller]
pub fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Says that a test cannot be run here, and why; `scripts/test` counts it as skipped.
///
/// # Panics
/// When the list of the skipped, which the script names, cannot be written.
pub fn skip(test: &str, reason: &str) {
    let Some(list) = env::var_os("LOGPIPE_SKIPPED") else { return };
    let mut list = OpenOptions::new().create(true).append(true).open(list).expect("the list can be written");
    writeln!(list, "{test}: {reason}").expect("the list can be written");
}

/// A directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one; the name only has to differ between the tests of one process.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("logpipe-{}-{name}", std::process::id()));
        // Whoever had this number and name before was killed, and what it has left is no start for a test.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).expect("the temporary directory is writable");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the temporary directory, which is cleared anyhow.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

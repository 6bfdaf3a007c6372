//! Whether a file has a writer: the kernel grants a read lease only on a file that no process has open for writing.
#![expect(unsafe_code, reason = "no safe wrapper of F_SETLEASE exists")]

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Somebody who opens the file for writing while the lease is held breaks it, which is told by a signal that would end the
/// process. To be called once before [`has_writer`].
pub fn prepare() -> io::Result<()> {
    signal_hook::flag::register(signal_hook::consts::SIGIO, Arc::new(AtomicBool::new(false))).map(|_| ())
}

/// Whether any process has `file`, which is open for reading only, open for writing. `None` where that cannot be told: a
/// file of another user without `CAP_LEASE`, a file system without leases.
pub fn has_writer(file: &OwnedFd) -> Option<bool> {
    match set_lease(file, libc::F_RDLCK) {
        Ok(()) => {
            // A lease that cannot be given back would delay a writer: then nothing is told.
            set_lease(file, libc::F_UNLCK).ok().map(|()| false)
        }
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Some(true),
        Err(_) => None,
    }
}

fn set_lease(file: &OwnedFd, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: F_SETLEASE takes an integer and touches no memory of this process; the descriptor is open, for it is
    // borrowed from an OwnedFd.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::fs::File;

    #[test]
    fn a_writer_is_seen_and_its_end_too() {
        prepare().unwrap();
        let path = std::env::temp_dir().join(format!("logtail-lease-{}", std::process::id()));
        let writer = File::create(&path).unwrap();
        let reader = OwnedFd::from(File::open(&path).unwrap());
        let with = has_writer(&reader);
        drop(writer);
        let without = has_writer(&reader);
        std::fs::remove_file(&path).unwrap();
        assert!(matches!((with, without), (Some(true), Some(false)) | (None, None)), "{with:?} {without:?}");
    }
}

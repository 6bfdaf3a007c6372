//! The few system calls that only Linux has, and what other systems do in their place. Each has the same contract on
//! both; `--cfg logpipe_portable` chooses the portable ones on Linux too, so that they can be tested there.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;

pub use kernel::{ROOM, enlarge, fill_random, write_now};

/// A pipe whose ends are not inherited by programs that are started and whose reads and writes never block.
pub fn signal_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&read, true)?;
    rustix::io::ioctl_fionbio(&write, true)?;
    Ok((read.into(), write.into()))
}

#[cfg(all(target_os = "linux", not(logpipe_portable)))]
mod kernel {
    use super::{BorrowedFd, Errno, io};
    use rustix::io::ReadWriteFlags;
    use rustix::rand::{GetRandomFlags, getrandom};

    /// A write of up to this many bytes does not block where `poll` has said that a pipe has room: one page.
    pub const ROOM: usize = 4096;

    /// Writes what a pipe has room for: `EAGAIN` where it has none, `EOPNOTSUPP`, `ENOSYS` or `EINVAL` where the kernel
    /// cannot do that (before Linux 6.4).
    pub fn write_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
        // An offset of -1 means: as write does.
        rustix::io::pwritev2(fd, &[io::IoSlice::new(bytes)], u64::MAX, ReadWriteFlags::NOWAIT)
    }

    /// Enlarges a pipe to `size` bytes. Where that is refused the pipe stays as it is: slower, nothing else.
    pub fn enlarge(fd: BorrowedFd<'_>, size: usize) {
        if rustix::pipe::fcntl_getpipe_size(fd).is_ok_and(|now| now < size) {
            let _ = rustix::pipe::fcntl_setpipe_size(fd, size);
        }
    }

    /// Fills `bytes` with the kernel's random numbers.
    pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
        }
        Ok(())
    }
}

#[cfg(not(all(target_os = "linux", not(logpipe_portable))))]
mod kernel {
    use super::{BorrowedFd, Errno, io};
    use std::fs::File;
    use std::io::Read as _;

    /// A write of up to this many bytes does not block where `poll` has said that a pipe has room: POSIX's least `PIPE_BUF`.
    pub const ROOM: usize = 512;

    /// Always `ENOSYS`: there is no write that asks not to block for one call alone.
    pub fn write_now(_fd: BorrowedFd<'_>, _bytes: &[u8]) -> Result<usize, Errno> {
        Err(Errno::NOSYS)
    }

    /// Does nothing: the size of a pipe is the system's to choose.
    pub fn enlarge(_fd: BorrowedFd<'_>, _size: usize) {}

    /// Fills `bytes` with the system's random numbers.
    pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
        File::open("/dev/urandom")?.read_exact(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_signal_pipe_is_not_inherited_and_never_blocks() {
        let (read, write) = signal_pipe().unwrap();
        assert_eq!(rustix::io::read(&read, &mut [0; 1]), Err(Errno::AGAIN));
        while rustix::io::write(&write, &[0; 4096]) != Err(Errno::AGAIN) {}
        for end in [&read, &write] {
            assert!(rustix::io::fcntl_getfd(end).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        }
    }

    #[test]
    fn random_numbers_fill_all_bytes_and_differ() {
        let (mut one, mut two) = ([0; 64], [0; 64]);
        fill_random(&mut one).unwrap();
        fill_random(&mut two).unwrap();
        assert!(one != two && one[56..] != [0; 8]);
    }

    #[test]
    fn a_write_that_must_not_block_returns_from_a_full_pipe() {
        let (_read, write) = io::pipe().unwrap();
        enlarge(write.as_fd(), 8192);
        let refused = loop {
            match write_now(write.as_fd(), &[0; 4096]) {
                Ok(_) => {}
                Err(errno) => break errno,
            }
        };
        assert!([Errno::AGAIN, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL].contains(&refused), "{refused}");
    }
}

//! Where records go that were refused for good: to stdout, or to the end of a file. A refused record that cannot be written
//! out is not acknowledged: that ends the run as trouble, whoever went away.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use logline::ending::{Stop, Trouble, say};
use logline::json;
use logline::output::Output;

use crate::PROG;

/// Where refused records are written.
#[derive(Debug)]
pub enum Refusals {
    /// One a line, as they come.
    Stdout(Output),
    /// The same, on disk before it counts as written.
    DeadLetter(PathBuf, File),
    /// On stderr, where stdout is for something else.
    Said,
}

impl Refusals {
    /// To `dead_letter`, which is made if it is not there; without one to stdout.
    pub fn open(dead_letter: Option<&Path>) -> Result<Self, Trouble> {
        let Some(path) = dead_letter else { return Ok(Self::Stdout(Output::stdout())) };
        let opened = File::options().create(true).read(true).append(true).open(path).and_then(|mut file| {
            // What a kill in the middle of a write has left stays a line of its own.
            let mut last = [b'\n'];
            if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
            }
            if last != [b'\n'] {
                file.write_all(b"\n")?;
            }
            Ok(file)
        });
        let file = opened.map_err(|error| Trouble::io(path.display(), &error))?;
        Ok(Self::DeadLetter(path.to_owned(), file))
    }

    /// The text of refused records in the pieces that [`Self::write`] takes: lines, on stdout no more than `most` bytes at a
    /// time, which a pipe takes at once or not at all.
    pub fn pieces<'a>(&self, text: &'a [u8], most: usize) -> std::slice::Chunks<'a, u8> {
        text.chunks(if matches!(self, Self::Stdout(_)) { most } else { text.len().max(1) })
    }

    /// What may have to be waited for before a piece is written: a reader of stdout.
    pub fn awaited(&self) -> Option<io::Stdout> {
        matches!(self, Self::Stdout(_)).then(io::stdout)
    }

    /// Writes a piece. When it returns it is out, in a file on disk.
    pub fn write(&mut self, text: &[u8]) -> Result<(), Stop> {
        match self {
            Self::Stdout(output) => output.write(text).and_then(|()| output.flush()).map_err(|stop| match stop {
                Stop::ReaderGone => {
                    Trouble::new("standard output", "closed, and a refused record could not be written to it").into()
                }
                trouble @ Stop::Trouble(_) => trouble,
            }),
            Self::DeadLetter(path, file) => {
                let written = file.write_all(text).and_then(|()| file.sync_data());
                written.map_err(|error| Trouble::io(path.display(), &error).into())
            }
            Self::Said => {
                for record in text.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
                    // The reason is the last member of what may be a long record.
                    let reason = json::member(record, "_refused").and_then(json::unescape).unwrap_or_default();
                    let (reason, record) = (String::from_utf8_lossy(&reason), String::from_utf8_lossy(record));
                    say(PROG, format_args!("refused, {reason}: {record}"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_dead_letter_file_grows_and_half_a_line_in_it_spoils_no_other() {
        let path = std::env::temp_dir().join(format!("logpost-dead-{}", std::process::id()));
        for expected in ["{\"a\":1}\n", "{\"a\":1}\n{\"a\":1}\n", "{\"a\":1}\n{\"a\":1}\nhalf\n{\"a\":1}\n"] {
            Refusals::open(Some(&path)).unwrap().write(b"{\"a\":1}\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
            if expected.len() > 8 {
                File::options().append(true).open(&path).unwrap().write_all(b"half").unwrap();
            }
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_dead_letter_file_that_cannot_be_opened_is_named() {
        let trouble = Refusals::open(Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert_eq!(trouble.to_string(), "/nowhere/at/all: no such file or directory");
    }
}

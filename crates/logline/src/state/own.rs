//! The text of the state file `own`: the files that logpost writes besides its state, its dead letters and metrics. logpost
//! enters them before it makes them, so that the logtail of the same pipeline never follows them, where a glob matches them.
//!
//! ```text
//! {"path":"/var/log/app/dead.ndjson"}
//! ```

use std::path::{Path, PathBuf};

use crate::json::member;
use crate::state::files::{parse_path, write_path};

/// The lines of the file, in the order of `paths`.
pub fn text<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<u8> {
    let mut out = Vec::new();
    for path in paths {
        out.extend_from_slice(b"{\"path\":");
        write_path(&mut out, path);
        out.extend_from_slice(b"}\n");
    }
    out
}

/// Reads such lines. One that has no path is passed over.
pub fn parse(text: &[u8]) -> impl Iterator<Item = PathBuf> {
    text.split(|byte| *byte == b'\n').filter_map(|line| parse_path(member(line, "path")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn paths_are_read_as_they_are_written_and_what_is_none_is_passed_over() {
        let paths = [Path::new("/log/dead \"letters\".ndjson"), Path::new(OsStr::from_bytes(b"/log/\xff"))];
        let mut lines = text(paths.into_iter());
        lines.extend_from_slice(b"{\"later\":1}\n");
        assert_eq!(parse(&lines).collect::<Vec<_>>(), paths);
    }
}

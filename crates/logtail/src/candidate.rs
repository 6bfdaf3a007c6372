//! A file beside a path that may be an older generation of it: how it is opened, and how it is entered as done.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use logline::ending::cause;

use crate::context::Context;
use crate::disk::{Disk, Stat, or_here};
use crate::files::{Age, Files, Start, end_of_last_line};
use crate::fingerprint::is_prefix;
use crate::gzip::is_gzip;
use crate::paths::is_compressed;

/// A file of which nothing is known yet, beside the path `base` of which it may be an older generation.
pub struct Candidate {
    /// Where it lies.
    pub path: PathBuf,
    /// The watched path.
    pub base: PathBuf,
    /// What was told of it.
    pub stat: Stat,
}

/// An opened candidate.
pub struct Opened<F> {
    /// What is read: of a compressed one its content.
    pub file: F,
    /// As it was told of what is read: of a compressed file its content's size.
    pub stat: Stat,
    /// Whether the file itself is compressed.
    pub is_packed: bool,
}

/// Opens a candidate, if it is still the same file, and no link: a compressed one to read what it holds. Not one that is still being
/// compressed, or was so in another way.
pub fn open<D: Disk>(context: &mut Context<'_, D>, candidate: &Candidate) -> Option<Opened<D::File>> {
    let file = match context.disk.open_itself(&candidate.path) {
        Ok(file) => file,
        Err(error) => {
            if is_unreadable(&error) {
                context.report.complain(&candidate.path, cause(&error));
            }
            return None;
        }
    };
    context.report.is_well(&candidate.path);
    let stat = context.disk.stat_open(&file).and_then(|stat| same(stat, candidate)).ok()?;
    if leads_elsewhere(context, candidate, &file) {
        return None;
    }
    let is_packed = is_gzip(context.disk, &file);
    if !is_packed {
        return (!is_compressed(&candidate.path)).then_some(Opened { file, stat, is_packed });
    }
    if context.disk.has_writer(&file) == Some(true) {
        return None;
    }
    let is_young = !context.is_left(&stat);
    let file = context.disk.unpacked(file).ok()?;
    let stat = context.disk.stat_open(&file).ok()?;
    (context.disk.fault(&file).is_none() || !is_young).then_some(Opened { file, stat, is_packed })
}

/// Whether the file is there and may not or cannot be read.
fn is_unreadable(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    error.kind() == std::io::ErrorKind::PermissionDenied || Errno::from_io_error(error) == Some(Errno::IO)
}

/// Whether the directory below the path's own, in which the candidate lies by its name, has become a link.
fn leads_elsewhere<D: Disk>(context: &Context<'_, D>, candidate: &Candidate, file: &D::File) -> bool {
    let own = candidate.base.parent().unwrap_or(Path::new(""));
    let Ok(below) = candidate.path.strip_prefix(own) else { return false };
    let is_below = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if below.components().count() < 2 || !is_below {
        return false;
    }
    let own = or_here(own);
    let (real, place) = (context.disk.real_path(own), context.disk.place(file, &candidate.path));
    !matches!((real, place), (Ok(real), Ok(place)) if real.join(below) == place)
}

fn same(stat: Stat, candidate: &Candidate) -> std::io::Result<Stat> {
    if stat.inode == candidate.stat.inode { Ok(stat) } else { Err(std::io::ErrorKind::NotFound.into()) }
}

/// What was there before is not ours, but for what is still written to it.
pub fn enter_as_done<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidate: &Candidate) {
    let Ok(file) = context.disk.open_itself(&candidate.path) else { return };
    let Ok(stat) = context.disk.stat_open(&file).and_then(|stat| same(stat, candidate)) else { return };
    // A copy that is being made is judged as often as it has changed.
    let begins_base = || {
        let base = context.disk.open(&candidate.base);
        base.is_ok_and(|base| is_prefix(context.disk, &file, stat.size, &base, 0..0).unwrap_or(false))
    };
    if stat.size == 0 || begins_base() {
        return;
    }
    let is_packed = is_compressed(&candidate.path) || is_gzip(context.disk, &file);
    let end = if is_packed { Ok(stat.size) } else { end_of_last_line(context.disk, &file, stat.size) };
    let Ok(end) = end else { return };
    let begun = files.begin(context, &candidate.base, file, &stat, Start::at(end), Age::Youngest);
    if let Some(generation) = begun.and_then(|fid| files.get_mut(fid)) {
        generation.enter_as_done(end, &stat);
    }
}

/// Whether the compressed file was entered as done in another boot, or on another device; then it is so again. Its end
/// counts compressed bytes, and says nothing of what it holds.
pub fn stays_left_out<D: Disk>(
    context: &mut Context<'_, D>,
    files: &mut Files<D::File>,
    candidate: &Candidate,
) -> bool {
    let file = context.disk.open_itself(&candidate.path);
    let is_left_out = file.is_ok_and(|file| files.was_left_out(context.disk, &file, &candidate.stat));
    if is_left_out {
        enter_as_done(context, files, candidate);
    }
    is_left_out
}

/// The names in a directory; `None` if it is not there or cannot be read.
pub fn names_in<D: Disk>(context: &mut Context<'_, D>, directory: &Path) -> Option<Vec<OsString>> {
    match context.disk.list(or_here(directory)) {
        Ok(names) => Some(names),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            context.report.complain(directory, cause(&error));
            None
        }
    }
}

/// The last part of a path, as bytes.
pub fn name_of(path: &Path) -> &[u8] {
    path.file_name().map_or(b"", |name| name.as_bytes())
}

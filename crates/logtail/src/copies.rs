//! Copies: which of the files beside a path hold what a known generation held, byte for byte or compressed, and how that goes on
//! there.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::files::Inode;

use crate::candidate::{Candidate, Opened, enter_as_done, open};
use crate::context::Context;
use crate::disk::{Disk, Stat};
use crate::file::Generation;
use crate::files::{Files, Form};
use crate::fingerprint::{HEAD, is_prefix};
use crate::hole::{FIRST, first_offset};
use crate::learning::learn_name;
use crate::paths::Paths;

/// A truncated generation, or one whose inode holds something else, goes on in its copy. What cannot be compared is judged
/// in another look.
pub fn find_copies<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidates: &mut Vec<Candidate>) {
    for fid in files.which(Generation::seeks_copy) {
        let Some(generation) = files.get(fid) else { continue };
        // Of several copies it is the one that holds most: others may have been made before.
        let mut found: Option<(usize, D::File, Stat)> = None;
        for (index, candidate) in candidates.iter().enumerate() {
            if candidate.base != generation.path() {
                continue;
            }
            let Some(Opened { file, stat, .. }) = open(context, candidate) else { continue };
            match is_copy_of(context, files, generation, &file, &stat) {
                Ok(true) if found.as_ref().is_none_or(|(_, _, best)| stat.size >= best.size) => {
                    found = Some((index, file, stat));
                }
                Ok(_) => {}
                Err(error) => context.report.complain(&candidate.path, cause(&error)),
            }
        }
        if let Some((index, file, stat)) = found {
            let candidate = candidates.remove(index);
            files.adopt_copy(context, fid, &candidate.path, file, &stat);
        }
    }
}

/// Whether the file is a copy of the generation, and of none of its path of which more was read, nor of one that is open:
/// programs begin alike.
fn is_copy_of<D: Disk>(
    context: &Context<'_, D>,
    files: &Files<D::File>,
    generation: &Generation<D::File>,
    file: &D::File,
    stat: &Stat,
) -> std::io::Result<bool> {
    if !generation.is_copied_to(context.disk, file, stat.size)? {
        return Ok(false);
    }
    for other in files.of_path(generation.path()).iter().filter_map(|fid| files.get(*fid)) {
        if other.read_to() > generation.read_to() && other.is_copied_to(context.disk, file, stat.size)? {
            return Ok(false);
        }
        if let Some(original) = other.file()
            && is_prefix(context.disk, file, stat.size, original, given_back(other))?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What has been given back of a generation, or is to be.
fn given_back<F>(generation: &Generation<F>) -> Range<u64> {
    first_offset(generation.since(), FIRST)..generation.hole().freed()
}

/// Gives the file, which was compressed, back if it holds none of the known generations of its path. One that was not read
/// or acknowledged to its end goes on in it.
pub fn known_packed<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
    stat: &Stat,
    seen: &BTreeSet<Inode>,
) -> Option<D::File> {
    let holds = |known: &&Generation<D::File>| {
        let disk = context.disk;
        match (known.file(), known.end()) {
            (Some(original), _) => is_prefix(disk, &file, stat.size, original, given_back(known)).unwrap_or(false),
            // It may have been finished before its last line: then it goes on, if it is surely the same.
            (None, Some(end)) if end != stat.size && known.print().marker().offset <= HEAD as u64 => false,
            (None, end) => {
                let is_longer = end.is_some_and(|end| end < stat.size);
                known.is_copied_to(disk, &file, stat.size).unwrap_or(false)
                    && !(is_longer && files.begins_as_another(disk, known, &file).unwrap_or(false))
            }
        }
    };
    // Those too that were first seen under the name of an older one, and are at home there.
    let is_of_base = |known: &&Generation<D::File>| {
        known.path() == candidate.base || paths.likely_base_of(known.path()).as_ref() == Some(&candidate.base)
    };
    // Of another path, if that is sure: nothing was learnt of its names yet, or a glob found it while it was being rotated.
    let is_sure = |known: &&Generation<D::File>| {
        let is_all = known.is_open() || known.end() == Some(stat.size);
        known.print().has_proof()
            || (is_all && stat.size > HEAD as u64)
            || paths.is_numbered(known.path(), &candidate.path)
    };
    // Programs begin alike: of several that it may be, it is the one of which most was read.
    let most = |known: &&Generation<D::File>| (known.is_open(), known.read_to());
    let of_base = files.iter().filter(is_of_base).filter(holds).max_by_key(most);
    let of_others = || files.iter().filter(is_sure).filter(holds).max_by_key(most);
    let Some(known) = of_base.or_else(of_others) else { return Some(file) };
    let fid = known.fid();
    if of_base.is_none() {
        learn_name(context, paths, files, known.path(), &candidate.path);
    }
    if known.is_open() || seen.contains(&known.inode()) {
        files.remember_copy(&candidate.stat, fid, Form::Packed);
    } else if known.end().is_some_and(|end| stat.size <= end) {
        files.is_held_by(context, fid, &file, stat);
    } else {
        files.adopt_copy(context, fid, &candidate.path, file, stat);
    }
    None
}

/// Gives the file back if it holds none of the generations of its path that are closed: a volume may have been copied, or a
/// log copied and removed. One that lies nowhere any more, and was not read or acknowledged to its end, goes on in it.
pub fn known_copy<D: Disk>(
    context: &mut Context<'_, D>,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
    stat: &Stat,
    seen: &BTreeSet<Inode>,
) -> Option<D::File> {
    match closed_original(context, files, candidate, &file, stat, seen) {
        None => return Some(file),
        Some(Original::There(fid)) => files.remember_copy(stat, fid, Form::Plain),
        Some(Original::Done(fid)) => outlive(context, files, candidate, fid),
        Some(Original::GoesOn(fid)) => files.adopt_copy(context, fid, &candidate.path, file, stat),
    }
    None
}

/// The generation, which was read to its end, lies nowhere any more but in this copy. If that holds all of it, it is known as
/// the generation from now on: what is not acknowledged can be read there. Else it is done.
pub fn outlive<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidate: &Candidate, fid: Fid) {
    let Candidate { path, stat, .. } = candidate;
    let is_whole = files.get(fid).is_some_and(|known| known.end() == Some(stat.size));
    let file = if is_whole { context.disk.open_itself(path).ok() } else { None };
    match file.filter(|file| context.disk.stat_open(file).is_ok_and(|opened| opened.inode == stat.inode)) {
        Some(file) => files.is_held_by(context, fid, &file, stat),
        None => enter_as_done(context, files, candidate),
    }
}

/// What a file is a copy of.
enum Original {
    /// Of a generation that is closed and still there.
    There(Fid),
    /// Of one that lies nowhere any more, and was read to its end.
    Done(Fid),
    /// Of one that lies nowhere any more, and goes on in the copy.
    GoesOn(Fid),
}

/// The closed generation of the candidate's path of which the file is a copy.
fn closed_original<D: Disk>(
    context: &Context<'_, D>,
    files: &Files<D::File>,
    candidate: &Candidate,
    file: &D::File,
    stat: &Stat,
    seen: &BTreeSet<Inode>,
) -> Option<Original> {
    let disk = context.disk;
    let is_there = |known: &Generation<D::File>| {
        seen.contains(&known.inode()) || disk.stat(known.place()).is_ok_and(|stat| stat.inode == known.inode())
    };
    let holds = |known: &&Generation<D::File>| {
        let print = known.print();
        let is_whole = known.end() == Some(stat.size);
        if is_whole && known.start() == stat.size {
            return !is_there(known) && print.ends(disk, file).unwrap_or(false);
        }
        if is_there(known) {
            // As of one that is open: all that the file holds, if that is more than programs begin with.
            let may_be = known.end().is_some_and(|end| stat.size <= end) && stat.size > HEAD as u64;
            // Since it was met another file may have come to its place.
            let is_it = |original: &D::File| disk.stat_open(original).is_ok_and(|it| it.inode == known.inode());
            let equals = |original: D::File| {
                is_it(&original) && is_prefix(disk, file, stat.size, &original, given_back(known)).unwrap_or(false)
            };
            return may_be && disk.open_itself(known.place()).is_ok_and(equals);
        }
        let is_longer = known.end().is_some_and(|end| end < stat.size);
        // What is short may be a report that is written again with the same bytes, and what is longer have the same beginning.
        let is_long = print.marker().offset > HEAD as u64 && !is_longer;
        (is_long || print.has_proof())
            && known.is_copied_to(disk, file, stat.size).unwrap_or(false)
            && !(is_longer && files.begins_as_another(disk, known, file).unwrap_or(true))
    };
    let closed = files.of_path(&candidate.base).iter().filter_map(|fid| files.get(*fid));
    let closed = closed.filter(|known| !known.is_open() && !known.seeks_copy());
    let known = closed.filter(holds).max_by_key(|known| known.read_to())?;
    Some(match known.end() {
        _ if is_there(known) => Original::There(known.fid()),
        Some(end) if stat.size <= end => Original::Done(known.fid()),
        _ => Original::GoesOn(known.fid()),
    })
}

/// Whether the file that a glob has found is a copy of a log in a directory above, `candidate.base`, of which it has the name
/// or that of an older one. Then that tells how older ones are called, and it is looked at as such.
pub fn is_copy_from_above<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: &D::File,
) -> bool {
    let Candidate { path, base, stat } = candidate;
    let is_sure = |known: &Generation<D::File>| known.print().has_proof() || paths.is_numbered(base, path);
    let is_copy = match original_of(context, files, base, file, stat) {
        Ok(Origin::Open) if stat.size > HEAD as u64 => true,
        Ok(Origin::Truncated(fid)) => files.get(fid).is_some_and(is_sure),
        // Programs begin alike: what is short is looked at again.
        Ok(Origin::Open | Origin::Unclear) => {
            paths.disturb(base, context.now);
            return true;
        }
        Ok(Origin::None) => closed_original(context, files, candidate, file, stat, &BTreeSet::new()).is_some(),
        Err(error) => {
            context.report.complain(path, cause(&error));
            return true;
        }
    };
    if is_copy {
        learn_name(context, paths, files, base, path);
    }
    is_copy
}

/// Gives `file`, of which nothing is known, back if it is a generation that was never seen: not where it is a copy, or where
/// that cannot be told yet.
pub fn unseen<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
) -> Option<D::File> {
    let Candidate { path, base, stat } = candidate;
    match original_of(context, files, base, &file, stat) {
        Ok(Origin::None) if stat.size > 0 => Some(file),
        Ok(Origin::Open) => {
            files.is_rewritten_in_place(base);
            None
        }
        Ok(Origin::Truncated(fid)) => {
            files.adopt_copy(context, fid, path, file, stat);
            None
        }
        Ok(Origin::Unclear) => {
            paths.disturb(base, context.now);
            None
        }
        Ok(_) => None,
        Err(error) => {
            context.report.complain(path, cause(&error));
            None
        }
    }
}

/// What a file beside a path is a copy of.
enum Origin {
    /// Of nothing that is known.
    None,
    /// Of what is open, perhaps in the making.
    Open,
    /// Of what was truncated.
    Truncated(Fid),
    /// That cannot be told before a read has found out about a truncation.
    Unclear,
}

/// What the file is a copy of. A copy of what is open is remembered as one once all its bytes have been read from the
/// original: till then a truncation may leave them nowhere else, and unseen.
fn original_of<D: Disk>(
    context: &Context<'_, D>,
    files: &mut Files<D::File>,
    base: &Path,
    file: &D::File,
    stat: &Stat,
) -> io::Result<Origin> {
    let of_base: Vec<Fid> = files.of_path(base).to_vec();
    let known = |fid: &Fid| files.get(*fid);
    for generation in of_base.iter().filter_map(known) {
        let Some(original) = generation.file() else { continue };
        let is_other = context.disk.stat_open(original)?.inode != stat.inode;
        if is_other && stat.size > 0 && is_prefix(context.disk, file, stat.size, original, given_back(generation))? {
            if generation.has_read(context.disk, stat.size)? {
                let fid = generation.fid();
                files.remember_copy(stat, fid, Form::Plain);
            }
            return Ok(Origin::Open);
        }
    }
    for generation in of_base.iter().filter_map(known) {
        if generation.is_rewritten(context.disk)? {
            return Ok(Origin::Unclear);
        }
    }
    for generation in of_base.iter().filter_map(known).filter(|generation| generation.seeks_copy()) {
        if is_copy_of(context, files, generation, file, stat)? {
            return Ok(Origin::Truncated(generation.fid()));
        }
    }
    Ok(Origin::None)
}

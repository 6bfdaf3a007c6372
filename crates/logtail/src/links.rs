//! Where links may lead. An application that shares a directory with its sidecar must not be able to have any file of the
//! sidecar's shipped by a link to it.
//!
//! What counts is where an opened file lies, not the links on the way there:
//!
//! | the path | may lie |
//! |---|---|
//! | named on the command line | anywhere: it is the user's word, for this path |
//! | found by a glob | below the part of a pattern that has no wildcard, or below a directory of `--follow-links` |
//! | found by a glob, nobody but root and ourselves being able to write to the directories on the way | anywhere |
//! | that of a rotated file | where it is named: it is never a link |
//!
//! What the pipeline writes itself is never read, whatever leads to it: the files of the state directory, of which each save
//! would be a line for the next, and the dead letters and metrics that logpost enters there (`own`).

use std::path::{Path, PathBuf};

use crate::disk::{DELETED, Disk, or_here};
use crate::glob::Pattern;
use crate::plan::Plan;

/// Where the file, opened at `path` that a glob has found, lies if it must not be read.
pub fn leads_out<D: Disk>(disk: &D, plan: &Plan, own: &[PathBuf], path: &Path, file: &D::File) -> Option<PathBuf> {
    let place = disk.place(file, path).ok()?;
    if place == path {
        return None;
    }
    if is_of_state(disk, plan, &place) || is_among(disk, own, &place) {
        return Some(place);
    }
    let roots = plan.patterns.iter().filter(|pattern| !pattern.is_literal()).map(Pattern::fixed_part);
    let mut allowed = roots.clone().chain(plan.follow_links.iter().cloned());
    let real = |root: &Path| disk.real_path(or_here(root));
    let is_inside = allowed.any(|root| real(&root).is_ok_and(|root| place.starts_with(root)));
    let is_trusted = || {
        let root = roots.filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len());
        let mut directories = path.ancestors().skip(1);
        root.is_some_and(|root| {
            disk.is_ours(path)
                && directories
                    .by_ref()
                    .take_while(|directory| directory.starts_with(&root))
                    .all(|directory| disk.is_ours(directory))
        })
    };
    (!is_inside && !is_trusted()).then_some(place)
}

/// Whether the path is one of the files that logtail and logpost keep in their state directory.
pub fn is_of_state<D: Disk>(disk: &D, plan: &Plan, path: &Path) -> bool {
    let Some((directory, name)) = plan.state.as_ref().zip(path.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    let name = name.strip_suffix(DELETED).unwrap_or(name);
    let name = name.strip_suffix(".lock").unwrap_or(name);
    let stem = [".old", ".new", ".synced"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    matches!(stem, "files" | "acks" | "own") && is_same_directory(disk, directory, directory_of(path))
}

/// Whether the path is one of `paths`, also if it leads through another name of the directory.
pub fn is_among<D: Disk>(disk: &D, paths: &[PathBuf], path: &Path) -> bool {
    let named_so = paths.iter().filter(|own| own.file_name() == path.file_name());
    named_so.into_iter().any(|own| is_same_directory(disk, directory_of(own), directory_of(path)))
}

fn directory_of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

fn is_same_directory<D: Disk>(disk: &D, one: &Path, other: &Path) -> bool {
    disk.stat(one).is_ok_and(|one| disk.stat(other).is_ok_and(|other| one.inode == other.inode))
}

//! Generations that have to be found again, and that no name tells of: rotation has compressed them, or copied them, and
//! what it calls its files was never seen. They are known by content, and their names teach the shape of the others.
//!
//! A file is opened once for it, and again only when it has changed or something else is sought; of a compressed one the
//! first KiB is decompressed, and more only where that matches.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::files::Inode;

use crate::candidate::names_in;
use crate::context::Context;
use crate::disk::{Disk, Stat, or_here};
use crate::file::Generation;
use crate::files::Files;
use crate::fingerprint::{HEAD, read_full};
use crate::gzip::{is_gzip, read_first};
use crate::learning::{is_still, learn_name, teach};
use crate::paths::{Paths, RESTLESS, directory_of, unpacked_path};
use crate::rotated::AT_REST;

/// How deep below the directory of a path a generation of it is sought whose place nothing tells of (`old/2026/12`), and in how
/// many directories at most.
const DEPTH: usize = 3;
const MOST_BELOW: usize = 200;

/// Which generations are sought, and which files were looked into for that.
#[derive(Debug, Default)]
pub struct Search {
    /// What was away when it was last looked for, since when, and when that was.
    away: BTreeSet<Fid>,
    since: Duration,
    looked_at: Duration,
    /// What was away when the run began, and was found by its inode.
    met: HashSet<Fid>,
    /// What of it was not found by inode.
    sought: BTreeSet<Fid>,
    /// Files that hold nothing of it, as they were then: the size and the time of the last change.
    in_vain: HashMap<Inode, (u64, i64)>,
}

impl Search {
    /// Looks for generations that are neither open nor where they were, and learns the shapes of the names under which they
    /// are found. This comes before the paths are looked at: a glob may take such a name for a log of its own.
    pub fn look<D: Disk>(&mut self, context: &mut Context<'_, D>, paths: &mut Paths, files: &Files<D::File>) {
        let mut sought = sought(context, files, &self.met);
        if sought.is_empty() {
            self.in_vain.clear();
            return;
        }
        let is_new = !self.away.iter().eq(sought.keys());
        if is_new {
            (self.away, self.since) = (sought.keys().copied().collect(), context.now);
        } else if context.now >= self.since + RESTLESS && context.now < self.looked_at + AT_REST {
            return;
        }
        self.looked_at = context.now;
        paths.learn_later_places(context.disk, |path| files.followed_since(path), |_| true);
        let mut places: BTreeSet<PathBuf> = sought.values().flat_map(|path| paths.places(path)).collect();
        for own in sought.values().map(|path| directory_of(path)).collect::<BTreeSet<PathBuf>>() {
            places.extend(below(context.disk, &own));
        }
        let mut unknown = Vec::new();
        for directory in places {
            for name in names_in(context, &directory).unwrap_or_default() {
                let path = directory.join(name);
                let Ok(stat) = context.disk.stat(&path) else { continue };
                let known = files.at(stat.inode).and_then(|fid| files.get(fid));
                let is_known = |known: &&Generation<D::File>| {
                    // The number of its inode may have been given to another file.
                    !sought.contains_key(&known.fid()) || is_still(context, known, &path)
                };
                if let Some(known) = known.filter(is_known) {
                    self.met.extend(sought.remove(&known.fid()).map(|_| known.fid()));
                    teach(context, paths, files, known.fid(), &path);
                } else if stat.is_file && stat.size > 0 {
                    unknown.push((path, stat));
                }
            }
        }
        let sought: BTreeSet<Fid> = sought.into_keys().collect();
        if sought != self.sought {
            (self.sought, self.in_vain) = (sought, HashMap::new());
        }
        if self.sought.is_empty() {
            return;
        }
        for (path, stat) in unknown {
            let as_it_is = (stat.size, stat.modified);
            if self.in_vain.get(&stat.inode) == Some(&as_it_is) || paths.is_rotated_name(&path) {
                continue;
            }
            match self.held_by(context, paths, files, &path, &stat) {
                Ok(Held::Sought(fid)) => {
                    let Some(known) = files.get(fid) else { continue };
                    learn_name(context, paths, files, known.path(), &path);
                }
                Ok(Held::Other) => drop(self.in_vain.insert(stat.inode, as_it_is)),
                Ok(Held::Unclear) => {}
                Err(error) => context.report.complain(&path, cause(&error)),
            }
        }
    }

    fn held_by<D: Disk>(
        &self,
        context: &Context<'_, D>,
        paths: &Paths,
        files: &Files<D::File>,
        path: &Path,
        stat: &Stat,
    ) -> io::Result<Held> {
        let disk = context.disk;
        let Ok(file) = disk.open_itself(path) else { return Ok(Held::Unclear) };
        if disk.stat_open(&file)?.inode != stat.inode {
            return Ok(Held::Unclear);
        }
        let mut first = [0; HEAD];
        let is_packed = is_gzip(disk, &file);
        let count =
            if is_packed { read_first(disk, &file, &mut first)? } else { read_full(disk, &file, &mut first, 0)? };
        // Where little was read the name must look like that of an older generation too: programs begin alike.
        let is_likely = |known: &&Generation<D::File>| {
            (is_packed || known.seeks_copy() || known.print().marker().offset > HEAD as u64)
                && !known.furthest().is_blank()
                && known.known_by().begins_with(&first[..count])
                && (known.print().has_proof() || paths.is_numbered(known.path(), path))
        };
        let mut likely: Vec<_> = self.sought.iter().filter_map(|fid| files.get(*fid)).filter(is_likely).collect();
        // And of several it is the one of which most was read.
        likely.sort_by_key(|known| Reverse(known.read_to()));
        if likely.is_empty() {
            // Of a file that was empty when it was last seen there are only the names.
            let is_blank = |known: &&Generation<D::File>| known.furthest().is_blank();
            let mut blank = self.sought.iter().filter_map(|fid| files.get(*fid)).filter(is_blank);
            let may_be = |known: &&Generation<D::File>| {
                let born = disk.born(&file);
                is_packed && born.is_some() && born > known.born() && paths.is_numbered(known.path(), path)
            };
            let is_alone = || unpacked_path(path).is_none_or(|own| disk.stat(&own).is_err());
            let known = blank.find(may_be).filter(|_| is_alone());
            return Ok(known.map_or(Held::Other, |known| Held::Sought(known.fid())));
        }
        if is_packed && disk.has_writer(&file) == Some(true) {
            return Ok(Held::Unclear);
        }
        let file = if is_packed { disk.unpacked(file)? } else { file };
        let size = disk.stat_open(&file)?.size;
        for known in likely {
            if known.is_copied_to(disk, &file, size)? {
                return Ok(Held::Sought(known.fid()));
            }
        }
        // One that is still being written may hold more soon.
        Ok(if disk.fault(&file).is_some() { Held::Unclear } else { Held::Other })
    }
}

/// The directories below `own`, as far as [`DEPTH`] and [`MOST_BELOW`] go, the nearest first: rotation may move a file there
/// before it was ever seen to do so. No link is taken, and what cannot be listed is passed over.
fn below<D: Disk>(disk: &D, own: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut level = vec![own.to_owned()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for directory in &level {
            let paths = disk.list(or_here(directory)).unwrap_or_default().into_iter().map(|name| directory.join(name));
            let is_directory = |path: &PathBuf| {
                disk.stat(path).is_ok_and(|stat| !stat.is_file)
                    && disk.read_link(path).is_err()
                    && disk.list(path).is_ok()
            };
            let left = MOST_BELOW - found.len() - next.len();
            next.extend(paths.filter(is_directory).take(left));
        }
        found.extend_from_slice(&next);
        level = next;
    }
    found
}

/// What a file holds.
enum Held {
    /// A generation that is sought.
    Sought(Fid),
    /// Nothing that is sought.
    Other,
    /// That cannot be told yet.
    Unclear,
}

/// The generations that are to be found again, with their paths: not those that wait for their turn where too many are open
/// (they are `met` in each look).
fn sought<D: Disk>(context: &Context<'_, D>, files: &Files<D::File>, met: &HashSet<Fid>) -> BTreeMap<Fid, PathBuf> {
    let is_away = |known: &&Generation<D::File>| {
        let is_unseen = context.now >= known.seen_at() + RESTLESS;
        let is_new = !known.was_open() && !met.contains(&known.fid());
        known.is_away() && !known.is_dozing() && (known.seeks_copy() || is_unseen || is_new)
    };
    let is_home = |known: &Generation<D::File>| {
        context.disk.stat(known.path()).is_ok_and(|stat| stat.inode == known.inode())
            && is_still(context, known, known.path())
    };
    let away = files.iter().filter(is_away).filter(|known| !is_home(known));
    away.map(|known| (known.fid(), known.path().to_owned())).collect()
}

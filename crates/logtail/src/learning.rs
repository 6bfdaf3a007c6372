//! What the names tell under which known files are met: how rotation calls the older generations of a path.

use std::path::Path;

use logline::position::Fid;
use logline::state::Urgency;

use crate::context::Context;
use crate::disk::Disk;
use crate::file::Generation;
use crate::files::Files;
use crate::paths::{Lesson, Paths};

/// A known generation is met at `found`: if its path shows it no more, that name tells how others are called. If it tells
/// nothing of them, and others may have come and gone since the generation was last seen, that is said.
pub fn learn<D: Disk>(context: &mut Context<'_, D>, paths: &mut Paths, files: &Files<D::File>, fid: Fid, found: &Path) {
    if teach(context, paths, files, fid, found) == Lesson::Nothing
        && let Some(known) = files.get(fid).filter(|known| known.is_away())
    {
        context.report.untold(known.path(), found);
    }
}

/// The same; a name that tells nothing at all can be met again, and is left to that.
pub fn teach<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &Files<D::File>,
    fid: Fid,
    found: &Path,
) -> Lesson {
    let Some(known) = files.get(fid).filter(|known| known.path() != found) else { return Lesson::Known };
    let shows = |path: &Path| context.disk.stat(path).is_ok_and(|stat| stat.inode == known.inode());
    // Asked of the disk last: most are where they were.
    if paths.get(known.path()).is_none_or(|watched| watched.current() == Some(fid)) || shows(known.path()) {
        return Lesson::Known;
    }
    // The number of its inode may have been given to another file. A link has a name of its own.
    if paths.is_rotated_name(found) || !is_still(context, known, found) || context.disk.read_link(found).is_ok() {
        return Lesson::Known;
    }
    let lesson = learn_name(context, paths, files, known.path(), found);
    if lesson == Lesson::Name && known.is_away() {
        context.report.untold(known.path(), found);
    }
    lesson
}

/// A file of `path` has the name `found`, for sure.
pub fn learn_name<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &Files<D::File>,
    path: &Path,
    found: &Path,
) -> Lesson {
    // Where another instance has such a name and is written beside this one, it tells nothing of the names of others.
    let others = paths.at_home_under_such_names(path, found);
    if !others.is_empty()
        && let Some(born) = context.disk.open_itself(found).ok().and_then(|file| context.disk.born(&file))
        && others.iter().any(|other| context.disk.stat(other).is_ok_and(|stat| stat.modified > born))
    {
        return Lesson::Known;
    }
    enter_name(context, paths, path, found, files.followed_since(path))
}

/// The same of a path that is followed since `began`; a new name is kept, and others like it are looked for.
pub fn enter_name<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    path: &Path,
    found: &Path,
    began: Option<i64>,
) -> Lesson {
    let lesson = paths.learn(path, found, began);
    if matches!(lesson, Lesson::New | Lesson::Name) {
        paths.disturb(path, context.now);
        context.report.must_save(Urgency::Lazy);
    }
    lesson
}

/// Whether the file at `found`, which has the inode of the generation, is that for sure: made at the same time, and what was
/// read of it stands there. One of which nothing was read is known by the time alone, and one that is open needs no name.
pub fn is_still<D: Disk>(context: &Context<'_, D>, known: &Generation<D::File>, found: &Path) -> bool {
    let Ok(file) = context.disk.open(found) else { return known.is_open() };
    let born = known.born().and_then(|born| Some(born == context.disk.born(&file)?));
    match (born, known.is_blank()) {
        (Some(false), _) | (None, true) => false,
        (Some(true), true) => true,
        (_, false) => known.is_open() || known.known_by().stands(context.disk, &file).unwrap_or(false),
    }
}

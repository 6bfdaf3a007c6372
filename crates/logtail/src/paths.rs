//! The watched paths: which there are, what each shows, where links lead, which directories tell of new names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::files::LearntShape;

use crate::context::Context;
use crate::dated::{is_dated, later, sort_by_date};
use crate::disk::{Disk, Stat};
use crate::glob::Pattern;
use crate::links::{is_among, is_of_state};
use crate::names::{Shape, age, are_alike, find_base, unpacked};
use crate::plan::Plan;

/// How long after a path has changed the files beside it are looked at again and again: a directory that is read during
/// a rotation can miss a name.
pub const RESTLESS: Duration = Duration::from_secs(2);
/// The kernel follows as many links from one path.
const MOST_LINKS: usize = 40;

/// In the state it stands before the path of a file that only has the name of an older generation.
const OTHER: &str = "!";

/// The greatest number of directories besides its own in which the older generations of a path are looked for.
const MOST_PLACES: usize = 8;

/// A path that is watched.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the path")]
pub struct WatchedPath {
    /// The generation that was there at the last look.
    current: Option<Fid>,
    /// Where it leads; `None` where that is to be looked up.
    target: Option<Target>,
    /// Until then what lies beside it is looked at each time.
    restless_until: Duration,
    /// When it was last named, or found by a glob.
    found_at: Duration,
    /// It was named, not found by a glob.
    is_literal: bool,
    /// It has been said that it is waited for.
    is_waited_for: bool,
    /// What lies beside it now is not ours: it was there before its pattern was first looked for.
    is_new: bool,
    /// What it shows was first seen here, whatever the name.
    is_home: bool,
    /// The directories beside its own in which older generations of it were found.
    elsewhere: Vec<PathBuf>,
}

/// Where a path leads.
#[derive(Debug)]
enum Target {
    /// It is no link.
    Itself,
    /// It is a link to this path.
    Other(PathBuf),
}

/// A shape of names that was learnt of a watched path.
#[derive(Debug)]
struct Learnt {
    path: PathBuf,
    shape: Shape,
    /// Since when the path is followed, until its directory has been looked into: what was last changed before was there
    /// before logtail came.
    began: Option<i64>,
}

/// What the new name of a known generation tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lesson {
    /// Nothing new.
    Known,
    /// A shape.
    New,
    /// That name alone, and nothing of the names of others.
    Name,
    /// Nothing.
    Nothing,
}

impl WatchedPath {
    /// The generation that was there at the last look.
    pub fn current(&self) -> Option<Fid> {
        self.current
    }

    /// Whether the user has named it.
    pub fn is_literal(&self) -> bool {
        self.is_literal
    }

    /// Whether what lies beside it is to be looked at in this look.
    pub fn is_restless(&self, now: Duration) -> bool {
        now < self.restless_until
    }

    /// Whether what lies beside it was there before its pattern was first looked for.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether it was a link when it was last looked at.
    pub fn is_link(&self) -> bool {
        self.link().is_some()
    }

    /// Where it leads, if it is a link.
    fn link(&self) -> Option<&Path> {
        match &self.target {
            Some(Target::Other(target)) => Some(target),
            _ => None,
        }
    }
}

/// What is to be looked at in one look.
#[derive(Debug)]
pub struct Found {
    /// The watched paths, with what a glob was told of each in this look.
    pub paths: Vec<(PathBuf, Option<Stat>)>,
    /// The generation that each of them showed at the last look.
    pub before: Vec<Option<Fid>>,
}

/// All watched paths.
#[derive(Debug, Default)]
pub struct Paths {
    /// By their bytes: paths are compared part by part, which takes ten times as long.
    watched: BTreeMap<Box<OsStr>, WatchedPath>,
    /// The files that the patterns stand for in this look, in the order of their names, with what was told of each.
    found: Vec<(PathBuf, Option<Stat>)>,
    /// The paths that are links, by where they lead: what is rotated lies beside the target.
    targets: HashMap<PathBuf, PathBuf>,
    /// The shapes of rotated names that were learnt, by the directories in which such files lie.
    learnt: HashMap<PathBuf, Vec<Learnt>>,
    /// Files that have the name of an older generation by a shape that was learnt, and were written while their path's own
    /// file was: each is a log of its own. With the path of which it is not one.
    others: HashMap<PathBuf, PathBuf>,
    /// Paths beside which others are watched that have the names of older generations of them and are none: the forms that
    /// are built in do not count there.
    with_instances: HashSet<PathBuf>,
    /// The directories in which a new name is to be noticed.
    directories: Vec<PathBuf>,
    /// The patterns, as text, that have been looked for before.
    known_patterns: HashSet<String>,
    /// What a path shows that is not an older generation of another.
    current: HashSet<Fid>,
    /// The files that logpost writes besides its state.
    own: Vec<PathBuf>,
    /// Those that were met, which has been said.
    own_met: HashSet<PathBuf>,
    /// No look has been finished.
    is_first_look: bool,
    /// What lies beside a path is ours, however new the path is: a state was there and is lost.
    is_all_ours: bool,
    /// A glob stood for nothing, and nothing is waited for.
    is_unmatched: bool,
}

impl Paths {
    /// Before the very first look.
    pub fn new() -> Self {
        Self { is_first_look: true, ..Self::default() }
    }

    /// An earlier run has watched paths with these patterns; where it did not say, with those of `plan`.
    pub fn resume(&mut self, patterns: Option<Vec<String>>, plan: &Plan) {
        self.is_first_look = false;
        let of_plan = || plan.patterns.iter().map(in_full).collect();
        self.known_patterns = patterns.map_or_else(of_plan, |patterns| patterns.iter().map(in_full).collect());
    }

    /// An earlier run has learnt these shapes. One that cannot be read is learnt again.
    pub fn resume_shapes(&mut self, shapes: Vec<LearntShape>) {
        for LearntShape { path, shape } in shapes {
            if let Some(other) = shape.strip_prefix(OTHER) {
                self.others.insert(PathBuf::from(other), path);
            } else if let Some(shape) = Shape::parse(&shape) {
                self.enter_shape(Learnt { path, shape, began: None });
            }
        }
    }

    fn enter_shape(&mut self, learnt: Learnt) {
        let own = directory_of(&learnt.path);
        let directory = own.join(learnt.shape.directory());
        let watched = self.watched.entry(learnt.path.as_os_str().into()).or_default();
        if directory != own && !watched.elsewhere.contains(&directory) {
            watched.elsewhere.push(directory.clone());
        }
        self.learnt.entry(directory).or_default().push(learnt);
    }

    /// Forgets the oldest directories, where there are too many: none in which something `is_left`, and none that is younger
    /// than such a one, for what is not known and younger is learnt again.
    pub fn forget_places(&mut self, is_left: impl Fn(&Path) -> bool) {
        for (path, watched) in self.watched.iter_mut().filter(|(_, watched)| watched.elsewhere.len() > MOST_PLACES) {
            sort_by_date(&mut watched.elsewhere);
            let too_many = watched.elsewhere.len() - MOST_PLACES;
            let count = watched.elsewhere[..too_many].iter().take_while(|place| !is_left(place)).count();
            for place in watched.elsewhere.drain(..count) {
                self.learnt.entry(place).or_default().retain(|learnt| learnt.path.as_os_str() != &**path);
            }
        }
    }

    /// Where older generations lie in directories of the day or of the month, those that have come since are learnt too, of
    /// the paths that are `sought`. Each path is followed since some time.
    pub fn learn_later_places<D: Disk>(
        &mut self,
        disk: &D,
        followed_since: impl Fn(&Path) -> Option<i64>,
        sought: impl Fn(&WatchedPath) -> bool,
    ) {
        // What is later than a directory, which many paths have in common.
        let mut found = HashMap::new();
        let elsewhere = self.iter().filter(|(_, watched)| !watched.elsewhere.is_empty() && sought(watched));
        let new: Vec<_> =
            elsewhere.map(|(path, _)| (path.to_owned(), self.later_places(disk, path, &mut found))).collect();
        for (path, new) in new.into_iter().filter(|(_, new)| !new.is_empty()) {
            let began = followed_since(&path);
            for (place, shape) in new {
                if let Some(watched) = self.get_mut(&path).filter(|watched| !watched.elsewhere.contains(&place)) {
                    watched.elsewhere.push(place.clone());
                }
                self.learnt.entry(place).or_default().push(Learnt { path: path.clone(), shape, began });
            }
        }
    }

    /// The directories later than the first of each form that was learnt of a path, and not learnt yet, each with the shapes
    /// of the names in it.
    fn later_places<D: Disk>(
        &self,
        disk: &D,
        path: &Path,
        found: &mut HashMap<(PathBuf, PathBuf), Vec<PathBuf>>,
    ) -> Vec<(PathBuf, Shape)> {
        use std::os::unix::ffi::OsStrExt as _;
        let own = directory_of(path);
        let known = self.get(path).map_or(&[][..], |watched| &watched.elsewhere);
        let mut dated: Vec<PathBuf> = known.iter().filter(|place| is_dated(&own, place)).cloned().collect();
        sort_by_date(&mut dated);
        let mut firsts: Vec<&PathBuf> = Vec::new();
        for place in &dated {
            if !firsts.iter().any(|first| are_alike(first.as_os_str().as_bytes(), place.as_os_str().as_bytes())) {
                firsts.push(place);
            }
        }
        let mut new = Vec::new();
        for place in firsts {
            let here = || self.learnt.get(place).into_iter().flatten().filter(|learnt| learnt.path == path);
            let later = found.entry((own.clone(), place.clone())).or_insert_with(|| later(disk, &own, place));
            for later in later.iter().filter(|later| !known.contains(later) && disk.list(later).is_ok()) {
                let directory = later.strip_prefix(&own).unwrap_or(later);
                let shapes = here().map(|learnt| (later.clone(), learnt.shape.within(directory)));
                for shape in shapes {
                    if !new.contains(&shape) {
                        new.push(shape);
                    }
                }
            }
        }
        new
    }

    /// What has been learnt of rotated names, sorted.
    pub fn shapes(&self) -> Vec<LearntShape> {
        let all = self.learnt.values().flatten();
        let mut shapes: Vec<LearntShape> =
            all.map(|learnt| LearntShape { path: learnt.path.clone(), shape: learnt.shape.to_string() }).collect();
        let others = self.others.iter().filter_map(|(other, path)| Some((path, other.to_str()?)));
        shapes.extend(others.map(|(path, other)| LearntShape { path: path.clone(), shape: format!("{OTHER}{other}") }));
        shapes.sort_unstable();
        shapes
    }

    /// A generation of `path`, which is followed since `began`, is not what the path shows, and is met at `found`.
    pub fn learn(&mut self, path: &Path, found: &Path, began: Option<i64>) -> Lesson {
        let Some(watched) = self.get(path) else { return Lesson::Known };
        if self.is_rotated_name(found) || found == path || self.base_of(path).is_some() {
            return Lesson::Known;
        }
        let Some(shape) = shape_of(path, watched, found) else { return Lesson::Nothing };
        let varies = shape.varies() || is_dated(&directory_of(path), &directory_of(found));
        let lesson = if varies { Lesson::New } else { Lesson::Name };
        self.enter_shape(Learnt { path: path.to_owned(), shape, began });
        if let Some(watched) = self.get_mut(path) {
            watched.target = None;
        }
        lesson
    }

    /// The other paths whose names are such as `found` tells that older generations of `path` have, and which show files that
    /// were first seen there.
    pub fn at_home_under_such_names(&self, path: &Path, found: &Path) -> Vec<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        if self.is_rotated_name(found) {
            return Vec::new();
        }
        let Some(shape) = self.get(path).and_then(|watched| shape_of(path, watched, found)) else { return Vec::new() };
        // By bytes: to part all paths into their components takes ten times as long.
        let whole = found.as_os_str().as_bytes();
        let directory = &whole[..whole.len() - found.file_name().map_or(0, OsStr::len)];
        let is_such = |(other, watched): &(&OsStr, &WatchedPath)| {
            let name = other.as_bytes().strip_prefix(directory);
            watched.is_home
                && watched.current.is_some()
                && name.is_some_and(|name| !name.contains(&b'/') && shape.matches(name))
                && other.as_bytes() != whole
                && *other != path.as_os_str()
        };
        let first = Bound::Included(OsStr::from_bytes(directory));
        let beside = self.watched.range::<OsStr, _>((first, Bound::Unbounded));
        let beside = beside.map(|(other, watched)| (&**other, watched));
        let beside = beside.take_while(|(other, _)| other.as_bytes().starts_with(directory));
        beside.filter(is_such).map(|(other, _)| PathBuf::from(other)).collect()
    }

    /// Whether `found` differs from the name of `path`, or from where it leads, by numbers only, as the name of an older
    /// generation does; or it has the same name in a directory that is named after the day or the month.
    pub fn is_numbered(&self, path: &Path, found: &Path) -> bool {
        let shape = self.get(path).and_then(|watched| shape_of(path, watched, found));
        let is_dated = || is_dated(&directory_of(path), &directory_of(found));
        shape.is_some_and(|shape| shape.varies_in_numbers() || (!shape.varies() && is_dated()))
    }

    /// The file is a log of its own, not an older generation of `base`, whatever its name.
    pub fn disown(&mut self, base: &Path, other: &Path) {
        self.others.insert(other.to_owned(), base.to_owned());
    }

    /// A compressed file is of a path that a pattern would find if the file were there as it was: then that path is watched.
    pub fn watch_packed(&mut self, plan: &Plan, path: &Path) {
        let Some(own) = unpacked_path(path) else { return };
        if !self.is_watched(&own) && self.is_wanted(plan, &own) {
            use std::os::unix::ffi::OsStrExt as _;
            let bytes = own.as_os_str().as_bytes();
            let finds = |pattern: &&Pattern| pattern.finds(bytes);
            let is_new = !plan.patterns.iter().filter(finds).any(|pattern| self.was_looked_for(pattern));
            self.watched.insert(own.as_os_str().into(), WatchedPath { is_new, ..WatchedPath::default() });
        }
    }

    /// What the path shows lies at `place`.
    pub fn learn_place(&mut self, path: &Path, place: &Path) {
        let Some(shape) = place.to_str().and_then(Shape::parse) else { return };
        let place = directory_of(path).join(shape.directory());
        let is_known = |learnt: &Learnt| learnt.path == path && learnt.shape == shape;
        if !self.learnt.get(&place).is_some_and(|here| here.iter().any(is_known)) {
            self.enter_shape(Learnt { path: path.to_owned(), shape, began: None });
        }
    }

    /// What was changed before that was there before logtail came, if it was learnt just now that `candidate` is one of
    /// `path`.
    pub fn learnt_just_now(&self, path: &Path, candidate: &Path) -> Option<i64> {
        self.learnt_of(candidate).filter(|learnt| learnt.path == path)?.began
    }

    /// A directory has been looked into.
    pub fn was_looked_into(&mut self, directory: &Path) {
        for learnt in self.learnt.get_mut(directory).into_iter().flatten() {
            learnt.began = None;
        }
    }

    fn learnt_of(&self, path: &Path) -> Option<&Learnt> {
        use std::os::unix::ffi::OsStrExt as _;
        if self.learnt.is_empty() || self.others.contains_key(path) {
            return None;
        }
        let name = path.file_name()?.as_bytes();
        let here = self.learnt.get(path.parent()?)?;
        here.iter().find(|learnt| learnt.shape.matches(name) && learnt.path != path && self.is_watched(&learnt.path))
    }

    /// The directories in which older generations of the path may lie: its own, if it is a link its target's, and those
    /// that were learnt.
    pub fn places(&self, path: &Path) -> Vec<PathBuf> {
        let mut places = vec![directory_of(path)];
        if let Some(watched) = self.get(path) {
            places.extend(watched.link().map(directory_of));
            places.extend_from_slice(&watched.elsewhere);
        }
        places
    }

    /// There was a state, and nothing can be read of it: all that is there is ours.
    pub fn resume_from_nothing(&mut self) {
        self.is_first_look = false;
        self.is_all_ours = true;
    }

    /// An earlier run knew generations of these paths.
    pub fn were_watched<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) {
        let new: BTreeSet<&OsStr> =
            paths.map(Path::as_os_str).filter(|path| !self.watched.contains_key(*path)).collect();
        self.enter(new.into_iter().map(|path| (path.into(), WatchedPath::default())).collect());
    }

    /// Enters paths that were not watched. A map that is made of many at once takes half the memory of one that has grown.
    fn enter(&mut self, new: Vec<(Box<OsStr>, WatchedPath)>) {
        if new.len() > self.watched.len() / 8 {
            self.watched = std::mem::take(&mut self.watched).into_iter().chain(new).collect();
        } else {
            self.watched.extend(new);
        }
    }

    /// Whether a pattern was never looked for.
    pub fn has_new_patterns(&self, plan: &Plan) -> bool {
        plan.patterns.iter().any(|pattern| !self.was_looked_for(pattern))
    }

    /// Whether a pattern was looked for, however it was spelled.
    fn was_looked_for(&self, pattern: &Pattern) -> bool {
        self.is_all_ours || self.known_patterns.contains(&in_full(pattern))
    }

    /// Whether no look has been finished since the state began.
    pub fn is_first_look(&self) -> bool {
        self.is_first_look
    }

    /// A look has been finished.
    pub fn look_is_over(&mut self, plan: &Plan) {
        self.known_patterns.extend(plan.patterns.iter().map(in_full));
        (self.is_first_look, self.is_all_ours) = (false, false);
        for watched in self.watched.values_mut() {
            watched.is_new = false;
        }
    }

    /// The patterns that have been looked for, from the root on; sorted.
    pub fn known_patterns(&self) -> Vec<String> {
        let mut patterns: Vec<String> = self.known_patterns.iter().cloned().collect();
        patterns.sort_unstable();
        patterns
    }

    /// The directories in which a new name is to be noticed.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// A watched path.
    pub fn get(&self, path: &Path) -> Option<&WatchedPath> {
        self.watched.get(path.as_os_str())
    }

    fn get_mut(&mut self, path: &Path) -> Option<&mut WatchedPath> {
        self.watched.get_mut(path.as_os_str())
    }

    fn is_watched(&self, path: &Path) -> bool {
        self.watched.contains_key(path.as_os_str())
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &WatchedPath)> {
        self.watched.iter().map(|(path, watched)| (Path::new(path), watched))
    }

    /// Whether a glob stood for nothing that is not waited for, or a file that was named is not there.
    pub fn has_missing(&self) -> bool {
        self.is_unmatched || self.watched.values().any(|watched| watched.is_literal && watched.is_waited_for)
    }

    /// The files that logpost writes besides its state: none of them is followed. Gives the watched ones among them, which are
    /// so no more.
    pub fn leave_out<D: Disk>(&mut self, disk: &D, own: Vec<PathBuf>) -> Vec<PathBuf> {
        self.own = own;
        let watched = self.watched.keys().map(|path| Path::new(&**path));
        let out: Vec<PathBuf> = watched.filter(|path| is_among(disk, &self.own, path)).map(Path::to_owned).collect();
        for path in &out {
            self.watched.remove(path.as_os_str());
        }
        out
    }

    /// The files that logpost writes besides its state.
    pub fn own(&self) -> &[PathBuf] {
        &self.own
    }

    /// Whether logpost writes the file; the first time that is said.
    pub fn is_own<D: Disk>(&mut self, context: &mut Context<'_, D>, path: &Path) -> bool {
        let is_own = is_among(context.disk, &self.own, path);
        if is_own && self.own_met.insert(path.to_owned()) {
            context.report.say(format!("{}: logpost of this pipeline writes it, left out", path.display()));
        }
        is_own
    }

    /// Looks for what the patterns stand for now.
    pub fn expand<D: Disk>(&mut self, context: &mut Context<'_, D>) {
        let mut directories = Vec::new();
        for pattern in &context.plan.patterns {
            let is_literal = pattern.is_literal();
            let is_new = !self.was_looked_for(pattern);
            let expansion = pattern.expand(context.disk);
            directories.extend(expansion.directories);
            for (path, error) in expansion.troubles {
                context.report.complain(&path, cause(&error));
            }
            let mut paths = expansion.paths;
            paths.retain(|(path, _)| is_literal || !is_excluded(context.plan, path));
            if context.plan.follows && !is_literal {
                let before = paths.len();
                paths.retain(|(path, _)| !is_compressed(path));
                if paths.len() < before {
                    let text = pattern.to_string();
                    let cause = "compressed files are left out but for what rotation has left unread (without -F those of gzip are read)";
                    context.report.complain(Path::new(&text), cause.to_owned());
                }
            }
            paths.retain(|(path, _)| !is_of_state(context.disk, context.plan, path) && !self.is_own(context, path));
            for parent in paths.iter().filter_map(|(path, _)| path.parent()) {
                if directories.last().is_none_or(|last| last.as_os_str() != parent.as_os_str()) {
                    directories.push(parent.to_owned());
                }
            }
            if paths.is_empty() && self.is_first_look {
                let what = if context.plan.follows { "no such file yet, waiting" } else { "no such file" };
                self.is_unmatched |= !context.plan.follows;
                context.report.say(format!("{pattern}: {what}"));
            }
            self.find(&paths, is_literal, is_new, context.now);
            if self.found.is_empty() {
                self.found = paths;
            } else {
                self.found.append(&mut paths);
            }
        }
        if context.plan.patterns.len() > 1 {
            self.found.sort_by(|(one, _), (other, _)| one.as_os_str().cmp(other.as_os_str()));
            self.found.dedup_by(|(later, stat), (earlier, told)| {
                let is_same = later.as_os_str() == earlier.as_os_str();
                if is_same {
                    *told = *stat;
                }
                is_same
            });
        }
        directories.sort();
        directories.dedup();
        self.directories = directories;
    }

    /// Enters what a pattern stands for. Most of it is known, and comes in the order of what is: that is not looked up.
    fn find(&mut self, paths: &[(PathBuf, Option<Stat>)], is_literal: bool, is_new: bool, now: Duration) {
        let tell = |watched: &mut WatchedPath| {
            watched.is_literal |= is_literal;
            watched.found_at = now;
        };
        let mut paths = paths.iter().map(|(path, _)| path.as_os_str()).peekable();
        let mut new = Vec::new();
        for (known, watched) in &mut self.watched {
            new.extend(std::iter::from_fn(|| paths.next_if(|path| *path < &**known)));
            if paths.next_if(|path| *path == &**known).is_some() {
                tell(watched);
            }
        }
        new.extend(paths);
        let enter = |path: &OsStr| {
            let mut watched = WatchedPath { is_new, ..WatchedPath::default() };
            tell(&mut watched);
            (path.into(), watched)
        };
        self.enter(new.into_iter().map(enter).collect());
    }

    /// Finds out where the paths lead that are links. What lies beside a link is not what was rotated.
    pub fn find_targets<D: Disk>(&mut self, disk: &D) {
        for (path, watched) in self.watched.iter_mut().filter(|(_, watched)| watched.target.is_none()) {
            let path = Path::new(path);
            let target = target_of(disk, path);
            self.targets.retain(|_, of| of != path);
            watched.target = Some(if target == path {
                Target::Itself
            } else {
                self.targets.insert(target.clone(), path.to_owned());
                Target::Other(target)
            });
        }
    }

    /// Every path: in the order of their names, or, where nothing is followed, the older generations of each in front of it.
    pub fn take_found(&mut self, plan: &Plan) -> Found {
        let mut found = std::mem::take(&mut self.found);
        let mut names = found.iter().map(|(path, _)| path.as_os_str()).peekable();
        let is_missed = |path: &&OsStr| names.next_if_eq(path).is_none();
        let watched = self.watched.keys().map(|path| &**path);
        let missed: Vec<_> = watched.filter(is_missed).map(|path| (PathBuf::from(path), None)).collect();
        if !missed.is_empty() {
            found.extend(missed);
            found.sort_unstable_by(|(one, _), (other, _)| one.as_os_str().cmp(other.as_os_str()));
        }
        if plan.follows {
            return Found { paths: found, before: self.watched.values().map(|watched| watched.current).collect() };
        }
        found.sort_by_cached_key(|(path, _)| {
            use std::os::unix::ffi::OsStrExt as _;
            let base = self.base_of(path);
            let age = base.as_ref().and_then(|_| Some(age(path.file_name()?.as_bytes(), false)));
            (base.unwrap_or_else(|| path.clone()), age.is_none(), age, path.clone())
        });
        let before = found.iter().map(|(path, _)| self.get(path)?.current).collect();
        Found { paths: found, before }
    }

    /// Whether the path itself is one to be watched, named or found by a glob.
    pub fn is_wanted(&self, plan: &Plan, path: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = path.as_os_str().as_bytes();
        self.is_watched(path) || (plan.patterns.iter().any(|pattern| pattern.finds(bytes)) && !is_excluded(plan, path))
    }

    /// The watched path of which `path` has the name of an older generation. One that is watched itself has it only by chance
    /// where others like it are at home at their paths.
    pub fn base_of(&self, path: &Path) -> Option<PathBuf> {
        if let Some(own) = self.packed_of(path) {
            return self.base_of(&own).or(Some(own));
        }
        let is_chance = |base: &PathBuf| self.with_instances.contains(base) && self.is_watched(path);
        let built_in = self.built_in_base_of(path).filter(|base| !is_chance(base));
        built_in.or_else(|| self.learnt_base_of(path))
    }

    /// Whether `path` has the name of an older generation of a watched path, compressed or not. That it is compressed alone
    /// makes it none.
    pub fn is_rotated_name(&self, path: &Path) -> bool {
        self.base_of(unpacked_path(path).as_deref().unwrap_or(path)).is_some()
    }

    /// The same, also where it may be by chance: what is there may be a copy.
    pub fn likely_base_of(&self, path: &Path) -> Option<PathBuf> {
        if let Some(own) = self.packed_of(path) {
            return self.likely_base_of(&own).or(Some(own));
        }
        self.built_in_base_of(path).or_else(|| self.learnt_base_of(path))
    }

    /// The watched path in a directory above of which `path` has the name, or that of an older generation.
    pub fn base_above(&self, path: &Path) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let name = path.file_name()?.as_bytes();
        let above = path.parent()?.ancestors().skip(1);
        above.filter(|directory| !directory.as_os_str().is_empty() || path.is_relative()).find_map(|directory| {
            let watched = |name: &[u8]| {
                let base = directory.join(OsStr::from_bytes(name));
                self.is_watched(&base).then_some(base)
            };
            watched(unpacked(name)).or_else(|| find_base(name, watched))
        })
    }

    /// Whether a path is a rotated one only by a shape that was learnt.
    pub fn is_only_learnt(&self, path: &Path) -> bool {
        self.packed_of(path).is_none() && self.built_in_base_of(path).is_none()
    }

    /// The watched path of which a file is the compressed one by its name.
    fn packed_of(&self, path: &Path) -> Option<PathBuf> {
        unpacked_path(path).filter(|own| self.is_watched(own))
    }

    fn learnt_base_of(&self, path: &Path) -> Option<PathBuf> {
        self.learnt_of(path).map(|learnt| learnt.path.clone())
    }

    fn built_in_base_of(&self, path: &Path) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let name = path.file_name()?.as_bytes();
        find_base(name, |base| {
            let base = path.with_file_name(std::ffi::OsStr::from_bytes(base));
            if self.is_watched(&base) {
                return Some(base);
            }
            // What was rotated may be rotated once more.
            self.targets.get(&base).cloned().or_else(|| self.learnt_base_of(&base))
        })
    }

    /// The generation is what `path` shows now; `is_home` tells whether it was first seen there. Gives the one that was
    /// there before, if it was another.
    pub fn arrive(&mut self, path: &Path, fid: Fid, is_home: bool, now: Duration) -> Option<Fid> {
        let is_rotated = !is_home && self.base_of(path).is_some();
        let watched = self.get_mut(path)?;
        watched.is_home = is_home;
        watched.is_waited_for = false;
        let before = watched.current.replace(fid);
        if before == Some(fid) {
            return None;
        }
        watched.restless_until = now + RESTLESS;
        watched.target = None;
        // At once, for it takes no room among the rotated files, and the one before does.
        if !is_rotated {
            if let Some(before) = before {
                self.current.remove(&before);
            }
            self.current.insert(fid);
        }
        before
    }

    /// Nothing that is known is at the path any more. True if something was.
    pub fn leave(&mut self, path: &Path, now: Duration) -> bool {
        let Some(watched) = self.get_mut(path) else { return false };
        let was_there = watched.current.take().is_some();
        if was_there {
            watched.restless_until = now + RESTLESS;
        }
        was_there
    }

    /// Nothing that is known is at the path, which shows a file.
    pub fn vacate(&mut self, path: &Path) {
        if let Some(watched) = self.get_mut(path) {
            watched.current = None;
        }
    }

    /// Whether it is to be said that the path, which was named, is waited for: in the first look, and once.
    pub fn begins_to_wait(&mut self, path: &Path) -> bool {
        let is_first_look = self.is_first_look;
        let Some(watched) = self.get_mut(path) else { return false };
        watched.is_literal && is_first_look && !std::mem::replace(&mut watched.is_waited_for, true)
    }

    /// What lies beside the path is to be looked at for a while.
    pub fn disturb(&mut self, path: &Path, now: Duration) {
        if let Some(watched) = self.get_mut(path) {
            watched.restless_until = now + RESTLESS;
        }
    }

    /// Another generation holds what the paths show that showed `before`.
    pub fn succeed(&mut self, before: Fid, after: Fid) {
        for watched in self.watched.values_mut().filter(|watched| watched.current == Some(before)) {
            watched.current = Some(after);
            self.current.insert(after);
        }
        self.current.remove(&before);
    }

    /// Looks up anew which generations are current.
    pub fn find_current(&mut self) {
        let homes = self.iter().filter(|(_, watched)| watched.is_home && watched.current.is_some());
        self.with_instances = homes.filter_map(|(path, _)| self.built_in_base_of(path)).collect();
        let own = self.iter().filter(|(path, watched)| watched.is_home || self.base_of(path).is_none());
        self.current = own.filter_map(|(_, watched)| watched.current).collect();
    }

    /// Whether the generation is current: what a path shows, and is not an older generation of another.
    pub fn is_current(&self, fid: Fid) -> bool {
        self.current.contains(&fid)
    }

    /// Forgets paths that have been gone for long and of which `is_known` says that no generation is known. True if there
    /// were any.
    pub fn forget(&mut self, now: Duration, after: Duration, is_known: impl Fn(&Path) -> bool) -> bool {
        let before = self.watched.len();
        self.watched.retain(|path, watched| {
            let path = Path::new(path);
            watched.current.is_some() || now < watched.found_at.max(watched.restless_until) + after || is_known(path)
        });
        let has_forgotten = self.watched.len() < before;
        if has_forgotten {
            let watched = &self.watched;
            self.targets.retain(|_, path| watched.contains_key(path.as_os_str()));
            for learnt in self.learnt.values_mut() {
                learnt.retain(|learnt| watched.contains_key(learnt.path.as_os_str()));
            }
            self.learnt.retain(|_, learnt| !learnt.is_empty());
            self.others.retain(|_, path| watched.contains_key(path.as_os_str()));
        }
        has_forgotten
    }
}

/// A pattern as it is from the root on.
fn in_full(pattern: &impl ToString) -> String {
    let pattern = pattern.to_string();
    std::path::absolute(&pattern).map_or(pattern, |whole| whole.display().to_string())
}

/// The shape that the name `found` of an older generation of `path` tells.
fn shape_of(path: &Path, watched: &WatchedPath, found: &Path) -> Option<Shape> {
    use std::os::unix::ffi::OsStrExt as _;
    let (own, place) = (directory_of(path), directory_of(found));
    let directory = place.strip_prefix(&own).unwrap_or(&place);
    // Beside a link's target the names are like the target's.
    let link = watched.link();
    let base = link.filter(|link| link.parent() == found.parent()).unwrap_or(path);
    let (base_name, name) = (base.file_name()?, found.file_name()?);
    Shape::learn(directory, base_name.as_bytes(), name.as_bytes(), base != path)
}

/// Where a path leads, itself if it is no link. Links between directories are not looked at.
pub fn target_of<D: Disk>(disk: &D, path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(link) = disk.read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    target
}

/// The directory of a path as its names are joined to it: empty for a name without one.
pub fn directory_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// The path without the ending that compression has added to it; `None` where there is none.
pub fn unpacked_path(path: &Path) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let name = path.file_name()?.as_bytes();
    let own = unpacked(name);
    (own.len() < name.len() && !own.is_empty()).then(|| path.with_file_name(std::ffi::OsStr::from_bytes(own)))
}

fn is_excluded(plan: &Plan, path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    plan.excludes.iter().any(|exclude| exclude.matches(path.as_os_str().as_bytes()))
}

/// Whether a file that a glob has found is no text by its name.
pub fn is_compressed(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let name = path.file_name().unwrap_or_default().as_bytes();
    unpacked(name).len() < name.len()
}

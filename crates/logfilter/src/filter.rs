//! What is kept: lines whose text matches the patterns and whose fields are as asked. Marks pass, whatever is asked.

use logline::ending::{Exit, Stop, say};
use logline::line::{Item, RS};
use logline::output::Output;
use logline::splitter::Run;
use logline::time::Moment;
use memchr::{memchr, memchr_iter, memrchr};

use crate::PROG;
use crate::needle::Ahead;
use crate::pattern::Pattern;
use crate::query::Query;
use crate::record::Subject;

/// A filter at work.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option or a fact of its own")]
pub struct Filter {
    /// Patterns, as one.
    pub pattern: Option<Pattern>,
    /// A line that matches them is dropped, and one that does not is kept.
    pub inverts: bool,
    /// What is asked of the fields.
    pub query: Option<Query>,
    /// Nothing is printed but, at the end, how many were selected.
    pub counts: bool,
    /// Nothing is printed.
    pub is_quiet: bool,
    /// So many and no more.
    pub most: u64,
    /// How many bytes came.
    pub read: u64,
    /// How many lines were kept.
    pub selected: u64,
    /// A record has come: then nobody asks as grep is asked.
    pub reads_records: bool,
}

/// Where lines stand that are next to each other; the last may have no LF.
struct Stretch {
    start: usize,
    end: usize,
    /// They need not be looked at.
    is_kept: bool,
    /// More than one.
    is_block: bool,
}

impl Filter {
    /// Takes what has arrived; false when nothing more is wanted.
    pub fn take(&mut self, run: &Run<'_>, output: &mut Output) -> Result<bool, Stop> {
        match run {
            Run::Lines(lines) => self.take_lines(lines, output)?,
            Run::Item(Item::CountersAsked) => {
                say(PROG, format_args!("read {} bytes, selected {} lines", self.read, self.selected));
            }
            Run::Item(item @ (Item::Mark(_, raw) | Item::End(raw))) => {
                if let Some(query) = &mut self.query {
                    query.pass(item);
                }
                if self.prints() {
                    output.line(raw)?;
                }
            }
            Run::Item(Item::Line(_) | Item::Idle) => {}
        }
        Ok(self.selected < self.most)
    }

    fn prints(&self) -> bool {
        !self.counts && !self.is_quiet
    }

    fn take_lines(&mut self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        self.read += lines.len() as u64;
        self.reads_records |= lines.first() == Some(&b'{');
        if let Some(query) = &mut self.query {
            query.look_at_the_clock(Moment::now());
        }
        let has_tags = self.pattern.is_some() && memchr(RS, lines).is_some();
        let mut ahead = Ahead::default();
        let mut at = 0;
        while at < lines.len() && self.selected < self.most {
            let Some(stretch) = self.next(lines, at, has_tags, &mut ahead) else { break };
            at = stretch.end;
            let taken = &lines[stretch.start..stretch.end];
            if stretch.is_kept || self.keeps(taken.strip_suffix(b"\n").unwrap_or(taken)) {
                self.selected += if stretch.is_block { count(taken) } else { 1 };
                self.print(taken, output)?;
            }
        }
        Ok(())
    }

    /// The next lines, from `at` on, that may be kept: those between are not.
    fn next(&mut self, lines: &[u8], at: usize, has_tags: bool, ahead: &mut Ahead) -> Option<Stretch> {
        if let Some(pattern) = &mut self.pattern
            && self.query.as_ref().is_none_or(|query| !query.sees_all())
        {
            // A match that is empty behind the last LF is in no line.
            let hit = pattern.find(lines, at, has_tags).filter(|hit| hit.at < lines.len() || !lines.ends_with(b"\n"));
            if !self.inverts {
                let hit = hit?;
                let line = line_around(lines, at, hit.at);
                let is_kept = hit.is_certain && self.query.is_none() && lines[line.start] != RS;
                return Some(Stretch { is_kept, ..line });
            }
            let line = hit.map(|hit| line_around(lines, at, hit.at));
            let next = line.as_ref().map_or(lines.len(), |line| line.start);
            if next > at && self.query.is_none() && self.most == u64::MAX {
                return Some(Stretch { start: at, end: next, is_kept: true, is_block: true });
            }
        } else if let Some(needles) = self.query.as_ref().and_then(Query::needles) {
            return Some(line_around(lines, at, needles.find(lines, at, ahead)?));
        }
        Some(line_around(lines, at, at))
    }

    fn keeps(&mut self, line: &[u8]) -> bool {
        let subject = Subject::new(line);
        // A window has to see every line.
        let is_asked = self.query.as_mut().is_none_or(|query| query.holds(&subject));
        is_asked && self.pattern.as_mut().is_none_or(|pattern| pattern.matches(subject.content) != self.inverts)
    }

    fn print(&self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        if !self.prints() {
            Ok(())
        } else if lines.ends_with(b"\n") {
            output.write(lines)
        } else {
            output.line(lines)
        }
    }

    /// The exit of the run: asked as grep is asked, nothing selected is a no.
    pub fn exit(&self, carried: bool) -> Exit {
        let asked_as_grep = self.is_quiet || self.counts || !(carried || self.reads_records);
        if self.selected == 0 && asked_as_grep { Exit::No } else { Exit::Done }
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr_iter(b'\n', lines).count() as u64 + u64::from(!lines.ends_with(b"\n"))
}

/// The line, its LF included, in which an offset lies; it begins at `from` or later.
fn line_around(lines: &[u8], from: usize, offset: usize) -> Stretch {
    let start = memrchr(b'\n', &lines[from..offset]).map_or(from, |lf| from + lf + 1);
    let end = memchr(b'\n', &lines[offset..]).map_or(lines.len(), |lf| offset + lf + 1);
    Stretch { start, end, is_kept: false, is_block: false }
}

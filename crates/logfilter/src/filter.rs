//! What is kept: lines whose text matches the patterns and whose fields are as asked. Marks pass, whatever is asked.

use std::ops::Range;

use logline::ending::{Exit, Stop, say};
use logline::line::{Item, RS};
use logline::output::Output;
use logline::splitter::Run;
use logline::time::Moment;
use memchr::{memchr, memchr_iter, memrchr};

use crate::PROG;
use crate::needle::Ahead;
use crate::pattern::Pattern;
use crate::query::{Judgement, Query};
use crate::record::Subject;

/// A filter at work.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option or a fact of its own")]
pub struct Filter {
    /// Patterns, as one.
    pub pattern: Option<Pattern>,
    /// A line that matches them and is as asked is dropped, and one that is not is kept, if it lies in the window.
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
    /// It has been said whether the conditions can hold.
    pub has_reproached: bool,
}

impl Filter {
    /// Takes what has arrived; false when nothing more is wanted.
    pub fn take(&mut self, run: &Run<'_>, output: &mut Output) -> Result<bool, Stop> {
        match run {
            Run::Lines(lines) => self.take_lines(lines, output)?,
            Run::Item(Item::CountersAsked) => {
                let reproach = self.query.as_ref().and_then(Query::reproach);
                let reproach = reproach.map(|text| format!("; {text}")).unwrap_or_default();
                say(PROG, format_args!("read {} bytes, selected {} lines{reproach}", self.read, self.selected));
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
        if self.inverts && self.query.is_none() && self.most == u64::MAX {
            return self.take_between(lines, output);
        }
        let has_tags = self.has_tags(lines);
        let mut ahead = Ahead::default();
        let mut at = 0;
        // Lines that are kept and stand next to each other are printed at once.
        let mut kept = 0..0;
        while at < lines.len() && self.selected < self.most {
            let Some((line, is_kept)) = self.next(lines, at, has_tags, &mut ahead) else { break };
            at = line.end;
            if is_kept || self.keeps(&lines[line.clone()]) {
                self.selected += 1;
                if kept.end != line.start {
                    self.print(&lines[kept], output)?;
                    kept = line.start..line.start;
                }
                kept.end = line.end;
            }
        }
        self.print(&lines[kept], output)?;
        if self.query.as_ref().is_some_and(Query::has_been_tried) {
            self.reproach();
        }
        Ok(())
    }

    /// Says once whether conditions can never hold; to be called when enough has been seen, and at the end.
    pub fn reproach(&mut self) {
        if !std::mem::replace(&mut self.has_reproached, true)
            && let Some(text) = self.query.as_ref().and_then(Query::reproach)
        {
            say(PROG, text);
        }
    }

    /// The next line, from `at` on, that may be kept, and whether that is certain: those between are not.
    fn next(&mut self, lines: &[u8], at: usize, has_tags: bool, ahead: &mut Ahead) -> Option<(Range<usize>, bool)> {
        match (&mut self.pattern, &self.query) {
            (Some(pattern), query) if !self.inverts && !query.as_ref().is_some_and(Query::sees_all) => {
                let hit = pattern.find(lines, at, has_tags)?;
                let line = line_around(lines, at, hit.at);
                let is_kept = hit.is_certain && query.is_none() && lines[line.start] != RS;
                Some((line, is_kept))
            }
            // Until enough has been seen every line is looked at.
            (None, Some(query)) if !self.inverts && query.has_been_tried() && query.needles().is_some() => {
                let found = query.needles()?.find(lines, at, ahead)?;
                Some((line_around(lines, at, found), false))
            }
            _ => Some((at..line_end(lines, at), false)),
        }
    }

    /// What stands between the lines that match is kept as it stands.
    fn take_between(&mut self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        let has_tags = self.has_tags(lines);
        let (mut from, mut at) = (0, 0);
        while at < lines.len()
            && let Some(hit) = self.pattern.as_mut().and_then(|pattern| pattern.find(lines, at, has_tags))
        {
            let line = line_around(lines, at, hit.at);
            at = line.end;
            if (hit.is_certain && lines[line.start] != RS) || !self.keeps(&lines[line.clone()]) {
                self.take_all(&lines[from..line.start], output)?;
                from = line.end;
            }
        }
        self.take_all(&lines[from..], output)
    }

    fn take_all(&mut self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        if lines.is_empty() {
            return Ok(());
        }
        self.selected += memchr_iter(b'\n', lines).count() as u64 + u64::from(!lines.ends_with(b"\n"));
        self.print(lines, output)
    }

    fn has_tags(&self, lines: &[u8]) -> bool {
        self.pattern.as_ref().is_some_and(Pattern::minds_tags) && memchr(RS, lines).is_some()
    }

    fn keeps(&mut self, line: &[u8]) -> bool {
        let subject = Subject::new(line.strip_suffix(b"\n").unwrap_or(line));
        // A window has to see every line.
        let judgement = self.query.as_mut().map_or(Judgement::Holds, |query| query.judge(&subject));
        let is_selected = judgement == Judgement::Holds
            && self.pattern.as_mut().is_none_or(|pattern| pattern.matches(subject.content));
        judgement != Judgement::Outside && is_selected != self.inverts
    }

    fn print(&self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        if !self.prints() || lines.is_empty() {
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

/// The line, its LF included, in which an offset lies; it begins at `from` or later.
fn line_around(lines: &[u8], from: usize, offset: usize) -> Range<usize> {
    let start = memrchr(b'\n', &lines[from..offset]).map_or(from, |lf| from + lf + 1);
    start..line_end(lines, offset)
}

/// Where the line ends, its LF included, in which an offset lies.
fn line_end(lines: &[u8], offset: usize) -> usize {
    memchr(b'\n', &lines[offset..]).map_or(lines.len(), |lf| offset + lf + 1)
}

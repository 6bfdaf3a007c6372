//! What is kept: lines whose text matches the patterns and whose fields fulfil the conditions. Marks pass, whatever is
//! asked.

use logline::ending::{Exit, Stop, say};
use logline::json::write_string;
use logline::line::{Item, Line};
use logline::output::Output;
use logline::splitter::Arrival;
use memchr::{memchr, memrchr};
use regex::bytes::Regex;

use crate::PROG;
use crate::condition::Condition;

/// A filter at work.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option or a fact of its own")]
pub struct Filter {
    /// Patterns, as one.
    pub pattern: Option<Regex>,
    /// A line that matches them is dropped, and one that does not is kept.
    pub inverts: bool,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Nothing is printed but, at the end, how many were selected.
    pub counts: bool,
    /// Nothing is printed.
    pub is_quiet: bool,
    /// So many and no more.
    pub most: u64,
    /// How many came.
    pub seen: u64,
    /// How many were kept.
    pub selected: u64,
    /// A record has come: then nobody asks as grep is asked.
    pub reads_records: bool,
}

impl Filter {
    /// Takes what has arrived; false when nothing more is wanted.
    pub fn take(&mut self, arrival: &Arrival<'_>, output: &mut Output) -> Result<bool, Stop> {
        match arrival {
            Arrival::Plain(lines) if self.can_search_whole() => self.search(lines, output)?,
            Arrival::Plain(lines) => {
                for line in lines.split_inclusive(|byte| *byte == b'\n') {
                    self.take_line(&Line::plain(line.strip_suffix(b"\n").unwrap_or(line)), output)?;
                    if self.selected >= self.most {
                        break;
                    }
                }
            }
            Arrival::Item(Item::Line(line)) => self.take_line(line, output)?,
            Arrival::Item(Item::Mark(_, raw) | Item::End(raw)) => {
                if !self.counts && !self.is_quiet {
                    output.line(raw)?;
                }
            }
            Arrival::Item(Item::CountersAsked) => self.say_counters(),
            Arrival::Item(Item::Idle) => {}
        }
        Ok(self.selected < self.most)
    }

    fn take_line(&mut self, line: &Line<'_>, output: &mut Output) -> Result<(), Stop> {
        self.seen += 1;
        self.reads_records |= line.is_record();
        let matches = self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(line.content) != self.inverts);
        if !matches || !self.fulfils(line.content) {
            return Ok(());
        }
        self.selected += 1;
        if self.counts || self.is_quiet { Ok(()) } else { output.line(line.raw) }
    }

    /// A line that is no object counts as a record with only a message.
    fn fulfils(&self, content: &[u8]) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        let record = content.trim_ascii();
        if record.first() == Some(&b'{') && logline::json::is_complete_object(record) {
            return self.conditions.iter().all(|condition| condition.holds(record));
        }
        let mut message = b"{\"message\":".to_vec();
        write_string(&mut message, content);
        message.push(b'}');
        self.conditions.iter().all(|condition| condition.holds(&message))
    }

    fn can_search_whole(&self) -> bool {
        self.conditions.is_empty() && self.pattern.is_some() && !self.inverts && self.most == u64::MAX
    }

    /// Searches many lines at once, and looks for the ends of a line only around a match. A pattern that can match over an
    /// LF is asked again with the line alone.
    fn search(&mut self, lines: &[u8], output: &mut Output) -> Result<(), Stop> {
        let Some(pattern) = &self.pattern else { return Ok(()) };
        self.reads_records |= lines.first() == Some(&b'{');
        let mut at = 0;
        while at < lines.len() {
            let Some(found) = pattern.find_at(lines, at) else { break };
            // A match that is empty at the very end, behind the last LF, is in no line.
            if found.start() >= lines.len() && lines.ends_with(b"\n") {
                break;
            }
            let start = memrchr(b'\n', &lines[at..found.start()]).map_or(at, |lf| at + lf + 1);
            let end = memchr(b'\n', &lines[found.start()..]).map_or(lines.len(), |lf| found.start() + lf);
            let line = &lines[start..end];
            if found.end() <= end || pattern.is_match(line) {
                self.selected += 1;
                if !self.counts && !self.is_quiet {
                    output.line(line)?;
                }
            }
            at = end + 1;
            if self.is_quiet && self.selected > 0 {
                self.most = 0;
                return Ok(());
            }
        }
        Ok(())
    }

    fn say_counters(&self) {
        say(PROG, format_args!("lines {}, selected {}", self.seen, self.selected));
    }

    /// The exit of the run: asked as grep is asked, nothing selected is a no.
    pub fn exit(&self, carried: bool) -> Exit {
        let asked_as_grep = self.is_quiet || self.counts || !(carried || self.reads_records);
        if self.selected == 0 && asked_as_grep { Exit::No } else { Exit::Done }
    }
}

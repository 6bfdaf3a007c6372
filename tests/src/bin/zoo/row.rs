//! The rows of what was measured, and the table for the documentation.

use std::fmt::{self, Display, Write as _};

use crate::fields::Fields;
use crate::tally::Tally;
use crate::writer::{Habit, Pattern, Setting, Writer};

/// One setting of one writer, followed by one pattern.
#[derive(Debug)]
pub(crate) struct Row {
    writer: Writer,
    setting: Setting,
    pattern: Option<Pattern>,
    rotations: usize,
    tally: Option<Tally>,
    fields: Option<Fields>,
    /// What was wrong with the run itself.
    trouble: Option<String>,
}

impl Row {
    pub(crate) fn new(
        writer: &Writer,
        setting: &Setting,
        pattern: &Pattern,
        rotations: usize,
        tally: Tally,
        fields: &Fields,
    ) -> Self {
        let trouble = (rotations < 2 && !setting.has(Habit::Slow)).then(|| "it was not rotated twice".to_owned());
        Self {
            writer: writer.clone(),
            setting: setting.clone(),
            pattern: Some(pattern.clone()),
            rotations,
            tally: Some(tally),
            fields: Some(fields.clone()),
            trouble,
        }
    }

    /// A run that came to nothing.
    pub(crate) fn failed(writer: &Writer, setting: &Setting, cause: &str) -> Self {
        Self {
            writer: writer.clone(),
            setting: setting.clone(),
            pattern: None,
            rotations: 0,
            tally: None,
            fields: None,
            trouble: Some(cause.to_owned()),
        }
    }

    /// Whether every line arrived once, in order, under its own file, with its fields.
    pub(crate) fn is_good(&self) -> bool {
        self.trouble.is_none()
            && self.tally.as_ref().is_some_and(|tally| tally.is_good(&self.setting))
            && self.fields.as_ref().is_some_and(|fields| fields.right == fields.events)
    }

    /// Whether every line arrived, whatever became of its fields.
    fn is_whole(&self) -> bool {
        self.tally.as_ref().is_some_and(|tally| tally.is_good(&self.setting))
    }
}

/// The heads of the columns.
pub(crate) fn head() -> String {
    columns([
        "writer",
        "version",
        "setting",
        "pattern",
        "lines",
        "rotations",
        "kills",
        "lost",
        "twice",
        "wrong file",
        "gone",
        "fields right",
        "",
    ])
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: [String; 13] = Default::default();
        words[0].clone_from(&self.writer.name);
        words[1].clone_from(&self.writer.version);
        words[2].clone_from(&self.setting.name);
        if let Some(pattern) = &self.pattern {
            words[3] = format!("{} {}", pattern.kind, pattern.glob);
        }
        if let Some(tally) = &self.tally {
            words[4] = tally.lines.to_string();
            words[5] = self.rotations.to_string();
            words[6] = tally.kills.to_string();
            words[7] = tally.lost.len().to_string();
            words[8] = tally.twice.len().to_string();
            words[9] = tally.wrong_file.len().to_string();
            words[10] = tally.gone.to_string();
        }
        if let Some(fields) = &self.fields {
            words[11] = format!("{}/{}", fields.right, fields.events);
        }
        if !self.is_good() {
            words[12].push_str("NOT GOOD");
        }
        f.write_str(columns(words.each_ref().map(String::as_str)).trim_end())?;
        if let Some(trouble) = &self.trouble {
            write!(f, "\n    {trouble}")?;
        }
        for what in self.tally.iter().flat_map(Tally::explain) {
            write!(f, "\n    {what}")?;
        }
        if let Some(first) = self.fields.as_ref().and_then(|fields| fields.first.as_ref()) {
            write!(f, "\n    fields: {first}")?;
        }
        Ok(())
    }
}

fn columns(words: [&str; 13]) -> String {
    const WIDTHS: [usize; 13] = [22, 12, 14, 32, 7, 9, 6, 6, 6, 10, 6, 13, 8];
    let mut text = String::new();
    for (word, width) in words.iter().zip(WIDTHS) {
        let _ = write!(text, "{word:<width$} ");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Markdown: what to name to logtail and to logparse for each writer, and what was measured with it.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut sorted: Vec<&Row> = rows.iter().filter(|row| row.pattern.is_some()).collect();
    sorted.sort_by_key(|row| (&row.writer.name, row.setting.place));
    let mut text =
        "| writer | rotation | pattern | logparse | what to set | measured |\n|---|---|---|---|---|---|\n".to_owned();
    for rows in
        sorted.chunk_by(|one, other| one.writer.name == other.writer.name && one.setting.name == other.setting.name)
    {
        // What people write is named first, so that it is the advice where it works.
        let whole: Vec<&&Row> = rows.iter().filter(|row| row.is_whole()).collect();
        let row = whole.first().map_or(rows[0], |row| **row);
        let glob = row.pattern.as_ref().map_or("", |pattern| pattern.glob.as_str());
        let measured = row.tally.as_ref().map_or_else(String::new, |tally| {
            let (lost, twice) = (tally.lost.len(), tally.twice.len());
            let ways = whole.len();
            format!(
                "{} lines, {} rotations, {} kills: {lost} lost, {twice} twice; {ways} of {} patterns",
                tally.lines,
                row.rotations,
                tally.kills,
                rows.len()
            )
        });
        let _ = writeln!(
            text,
            "| {} {} {} {measured} |",
            row.writer.title,
            row.writer.version,
            advice(&row.setting, glob),
        );
    }
    text.truncate(text.trim_end().len());
    text
}

/// The columns of the table that tell what to name and what to set.
fn advice(setting: &Setting, glob: &str) -> String {
    let format: Vec<&str> = setting.format.iter().chain(&setting.join).map(String::as_str).collect();
    format!("| {} | `{glob}` | `{}` | {} |", cell(&setting.what), cell(&format.join(" ")), cell(&setting.advice))
}

/// A text as it stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use logpipe_tests::tools;

    use super::*;

    #[test]
    fn the_page_of_logtail_has_a_row_for_every_setting_as_it_is_now() {
        let page = tools::workspace().join("crates/logtail/README.md");
        let page = std::fs::read_to_string(page).expect("it can be read");
        for writer in Writer::all(&tools::workspace().join("tests/writers")).expect("each can be read") {
            let name = format!("| {} ", writer.title);
            for setting in &writer.settings {
                let advised: Vec<_> = setting.patterns().iter().map(|pattern| advice(setting, &pattern.glob)).collect();
                let is_row = |line: &str| line.starts_with(&name) && advised.iter().any(|text| line.contains(text));
                let place = format!("{}/{}", writer.name, setting.name);
                assert!(page.lines().any(is_row), "{place}: its row is missing (scripts/test-writers --table {place})");
            }
        }
    }
}

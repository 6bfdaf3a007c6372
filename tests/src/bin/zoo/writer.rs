//! The writers: folders of `tests/writers`, each with `writer.json` (what it is, its settings), `run` (which logs what
//! comes on its stdin) and what is to be installed.
//!
//! `run SETTING` reads lines `LEVEL TEXT` on its stdin and logs each of them into `$LOGS`, by the program's own means and
//! in its default format; LEVEL is `info`, `warn`, `error` or `trace` (an error with a stack trace, where the program can).
//! At the end of its stdin it ends, and with it all that it started. `$INSTALLED` is where its packages are; it runs in
//! a directory of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use logpipe_tests::pipeline::words;
use logpipe_tests::tools;
use serde_json::Value;

/// A program that writes logs.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    /// The name of its folder.
    pub(crate) name: String,
    /// What people call it.
    pub(crate) title: String,
    /// Known once it is installed.
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
    /// Where its packages are.
    pub(crate) installed: PathBuf,
    pub(crate) settings: Vec<Setting>,
    version_line: String,
}

/// Whether a writer can be run here.
#[derive(Debug)]
pub(crate) enum Found {
    Installed,
    /// Why it cannot.
    Missing(String),
}

/// One way to make it rotate.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// Its place among those of its writer.
    pub(crate) place: usize,
    /// What is set, as its users know it.
    pub(crate) what: String,
    /// The active log's name, where it keeps one.
    pub(crate) exact: Option<String>,
    /// The glob of its directory.
    pub(crate) directory: String,
    /// The narrow glob of the log's names.
    pub(crate) narrow: String,
    habits: Vec<Habit>,
    /// The words behind `logparse`.
    pub(crate) format: Vec<String>,
    /// Those that join the lines of an event.
    pub(crate) join: Vec<String>,
    /// What its lines tell of `time`, `level` and `message`.
    tells: Vec<String>,
    /// What stands before and behind the text in the message, digits, capitals and blanks aside.
    pub(crate) before: String,
    pub(crate) after: String,
    /// Its names of our levels, where they are others once read.
    pub(crate) levels: BTreeMap<String, String>,
    /// Why lines may be lost before they ever were in a file.
    pub(crate) drops: Option<String>,
    /// What a user is told to set.
    pub(crate) advice: String,
}

/// What a setting does otherwise than most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Under globs each file is a log of its own name, for the program never renames it.
    Own,
    /// Several processes write at once, so that the numbers in a file do not rise.
    Unordered,
    /// Its format joins the lines of an event, so that one which is read again may be longer.
    Joined,
    /// It rotates once a minute at most, which a short run does not see.
    Slow,
}

impl Habit {
    const ALL: [(&'static str, Self); 4] =
        [("own", Self::Own), ("unordered", Self::Unordered), ("joined", Self::Joined), ("slow", Self::Slow)];
}

/// How a setting's logs are named to logtail.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// `exact`, `directory` or `narrow`.
    pub(crate) kind: &'static str,
    /// Below the directory of the logs.
    pub(crate) glob: String,
}

impl Writer {
    /// All of them, in the order of their names.
    pub(crate) fn all(directory: &Path) -> io::Result<Vec<Self>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(directory)? {
            let folder = entry?.path();
            if folder.join("writer.json").exists() {
                folders.push(folder);
            }
        }
        folders.sort();
        folders.iter().map(|folder| Self::read(folder)).collect()
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let file = folder.join("writer.json");
        let wrong = |what: &str| io::Error::other(format!("{}: {what}", file.display()));
        let text = fs::read_to_string(&file)?;
        let value: Value = serde_json::from_str(&text).map_err(|cause| wrong(&cause.to_string()))?;
        let word = |key: &str| value[key].as_str().map(str::to_owned).ok_or_else(|| wrong(&format!("no '{key}'")));
        let settings = value["settings"].as_object().ok_or_else(|| wrong("no 'settings'"))?;
        let settings = settings.iter().enumerate().map(|(place, (name, setting))| {
            let setting = Setting::read(name, setting).map(|setting| Setting { place, ..setting });
            setting.ok_or_else(|| wrong(&format!("setting '{name}' is incomplete")))
        });
        Ok(Self {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            title: word("title")?,
            version: String::new(),
            folder: folder.to_owned(),
            installed: PathBuf::new(),
            settings: settings.collect::<io::Result<_>>()?,
            version_line: word("version")?,
        })
    }

    /// Whether a name on the command line, `NAME` or `NAME/SETTING`, means something of it.
    pub(crate) fn is_meant(&self, name: &str) -> bool {
        let (writer, setting) = name.split_once('/').map_or((name, None), |(writer, setting)| (writer, Some(setting)));
        writer == self.name && setting.is_none_or(|wanted| self.settings.iter().any(|own| own.name == wanted))
    }

    /// Leaves the settings that the names mean; without names, all.
    pub(crate) fn keep_meant(&mut self, names: &[String]) {
        let writer = self.name.clone();
        self.settings.retain(|setting| {
            let whole = format!("{writer}/{}", setting.name);
            names.is_empty() || names.iter().any(|name| *name == writer || *name == whole)
        });
    }

    /// Installs what is missing, and asks for the version.
    pub(crate) fn install(&mut self) -> io::Result<Found> {
        let script = tools::workspace().join("scripts/writer");
        let output = Command::new(script).arg(&self.name).stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.code() {
            Some(0) => self.installed = PathBuf::from(text),
            Some(3) => return Ok(Found::Missing(text)),
            _ => return Err(io::Error::other(format!("{}: cannot be installed: {}", self.name, output.status))),
        }
        let output = self.command("bash").arg("-c").arg(&self.version_line).output()?;
        self.version.push_str(String::from_utf8_lossy(&output.stdout).trim());
        if self.version.is_empty() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(io::Error::other(format!("{}: does not tell its version: {text}", self.name)));
        }
        Ok(Found::Installed)
    }

    /// A command of it, which finds what was installed.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":/usr/sbin:/sbin");
        let mut command = Command::new(program);
        command.env("INSTALLED", &self.installed).env("FOLDER", &self.folder).env("TZ", "UTC").env("PATH", path);
        command
    }
}

/// Options as a text without quotes, or as a list of words.
fn options(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(words(text)),
        Value::Array(list) => list.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl Setting {
    /// From its part of `writer.json`; `None` where something is missing.
    pub(crate) fn read(name: &str, value: &Value) -> Option<Self> {
        let word = |key: &str| value[key].as_str().map(str::to_owned);
        let is = |key: &str| value[key].as_bool().unwrap_or(false);
        let told = value["tells"].as_array();
        let told = told.map(|told| told.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect());
        let levels = value["levels"].as_object().into_iter().flatten();
        Some(Self {
            name: name.to_owned(),
            place: 0,
            what: word("what")?,
            exact: word("exact"),
            directory: word("directory").unwrap_or_else(|| "*".to_owned()),
            narrow: word("narrow")?,
            habits: Habit::ALL.into_iter().filter(|(name, _)| is(name)).map(|(_, habit)| habit).collect(),
            format: options(&value["format"])?,
            join: options(&value["join"]).unwrap_or_default(),
            tells: told.unwrap_or_else(|| ["time", "level", "message"].map(str::to_owned).to_vec()),
            before: word("before").unwrap_or_default(),
            after: word("after").unwrap_or_default(),
            levels: levels.filter_map(|(ours, its)| Some((ours.clone(), its.as_str()?.to_owned()))).collect(),
            drops: word("drops"),
            advice: word("set").unwrap_or_default(),
        })
    }

    pub(crate) fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// Whether its lines tell `time`, `level` or `message`.
    pub(crate) fn tells(&self, what: &str) -> bool {
        self.tells.iter().any(|told| told == what)
    }

    /// Whether its errors have lines of their own behind them, which the join is for.
    pub(crate) fn has_traces(&self) -> bool {
        !self.join.is_empty() && self.tells("message")
    }

    /// How its logs are named to logtail, each in turn.
    pub(crate) fn patterns(&self) -> Vec<Pattern> {
        let exact = self.exact.clone().map(|glob| Pattern { kind: "exact", glob });
        let globs = [("narrow", &self.narrow), ("directory", &self.directory)];
        let globs = globs.map(|(kind, glob)| Pattern { kind, glob: glob.clone() });
        exact.into_iter().chain(globs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_whole() {
        let writers = Writer::all(&tools::workspace().join("tests/writers")).expect("each can be read");
        assert!(!writers.is_empty());
        for writer in writers {
            assert!(writer.folder.join("run").exists(), "{}", writer.name);
            assert!(!writer.settings.is_empty(), "{}", writer.name);
        }
    }

    #[test]
    fn a_name_means_a_writer_or_one_of_its_settings() {
        let writers = Writer::all(&tools::workspace().join("tests/writers")).expect("each can be read");
        let mut writer = writers.into_iter().find(|writer| writer.name == "nginx").expect("it is there");
        assert!(writer.is_meant("nginx") && writer.is_meant("nginx/create"));
        assert!(!writer.is_meant("nginx/none") && !writer.is_meant("ngin"));
        writer.keep_meant(&["nginx/create".to_owned(), "other".to_owned()]);
        assert_eq!(writer.settings.len(), 1);
    }
}

//! How a tool explains itself: its options under headings, a short help and a whole one, what else its man page tells, and
//! the answers to options that people have in their fingers from a related tool.

use clap::builder::StyledStr;
use clap::{Arg, Command};

/// Everything about a tool's help that its options do not carry themselves.
#[derive(Clone, Copy, Debug)]
pub struct Manual {
    /// Headings in the order in which they are shown, each with the long names of its options. An option that none of
    /// them names is shown under "Options".
    pub groups: &'static [(&'static str, &'static [&'static str])],
    /// The long names of the options that `-h` shows; `--help` shows all.
    pub short: &'static [&'static str],
    /// Further sections of the man page, in the form of those below the options in `--help`: a heading with a colon at the
    /// margin, then indented lines.
    pub sections: &'static str,
    /// A word of the command line that is refused, and what does here what it does elsewhere: `("-o", "use grep -o behind
    /// it")`. `-NUM` stands for a dash and any number; in its answer `NUM` is that number.
    pub hints: &'static [(&'static str, &'static str)],
}

impl Manual {
    /// The command with its options under their headings, as help, man page and completions show it.
    pub fn arrange(&self, command: Command) -> Command {
        command.mut_args(|arg| {
            let heading = self.groups.iter().find(|(_, options)| is_among(&arg, options)).map(|(heading, _)| *heading);
            match heading {
                Some(heading) => arg.help_heading(heading),
                None => arg,
            }
        })
    }

    /// What `--help` prints, or the shorter text of `-h`, which needs no headings.
    pub fn help(&self, command: Command, is_short: bool) -> StyledStr {
        if !is_short {
            return self.arrange(command).render_help();
        }
        let all = format!("{} --help shows all options, exit status and examples.", command.get_name());
        let shorten = |arg: Arg| {
            let is_hidden = arg.is_hide_set() || !(arg.is_positional() || is_among(&arg, self.short));
            arg.hide(is_hidden)
        };
        command.mut_args(shorten).after_help(all).render_help()
    }

    /// What to do instead of a word that was refused.
    pub fn hint(&self, word: &str) -> Option<String> {
        let found = |name: &str| self.hints.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint);
        let number = word.strip_prefix('-').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match number.filter(|digits| !digits.is_empty()) {
            Some(number) => found("-NUM").map(|hint| hint.replace("NUM", number)),
            None => found(word).map(str::to_owned),
        }
    }
}

fn is_among(arg: &Arg, options: &[&str]) -> bool {
    arg.get_long().is_some_and(|long| options.contains(&long))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const MANUAL: Manual = Manual {
        groups: &[("Colour", &["red", "blue"])],
        short: &["red"],
        sections: "",
        hints: &[("-o", "use grep -o"), ("-NUM", "use -n NUM")],
    };

    fn command() -> Command {
        let option = |name: &'static str| Arg::new(name).long(name).help(name);
        Command::new("paint").args([option("red"), option("blue"), option("size")]).after_help("Exit status:\n  0")
    }

    #[test]
    fn options_stand_under_their_headings_and_the_short_help_has_those_that_matter() {
        let whole = MANUAL.help(command(), false).to_string();
        let (options, colours) = whole.split_once("Colour:\n").unwrap();
        assert!(options.contains("--size") && !options.contains("--red"), "{whole}");
        assert!(colours.contains("--red") && colours.contains("--blue") && whole.contains("Exit status:"), "{whole}");
        let short = MANUAL.help(command(), true).to_string();
        assert!(short.contains("--red") && !short.contains("--blue") && !short.contains("--size"), "{short}");
        assert!(!short.contains("Exit status:") && !short.contains("Colour:"), "{short}");
        assert!(short.ends_with("paint --help shows all options, exit status and examples.\n"), "{short}");
    }

    #[test]
    fn a_number_behind_a_dash_is_answered_with_it() {
        assert_eq!(MANUAL.hint("-20").as_deref(), Some("use -n 20"));
        assert_eq!(MANUAL.hint("-o").as_deref(), Some("use grep -o"));
        assert_eq!(MANUAL.hint("-"), None);
        assert_eq!(MANUAL.hint("-x2"), None);
    }
}

//! Writes man pages and shell completions of the four tools, made of the definition that `--help` is made of, where `man` and
//! the shells look for them if DIR is a directory of shared files such as `~/.local/share`: `manuals DIR` makes
//! `man/man1/TOOL.1`, `bash-completion/completions/TOOL`, `zsh/site-functions/_TOOL` and `fish/vendor_completions.d/TOOL.fish`
//! below DIR.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use logline::manual::Manual;

fn main() -> io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("no directory named, expected manuals DIR"));
    };
    for (command, manual) in commands() {
        write(command, &manual, Path::new(&directory))?;
    }
    Ok(())
}

/// The four definitions.
pub fn commands() -> [(Command, Manual); 4] {
    [
        (logtail::args::Args::command(), logtail::manual::MANUAL),
        (logparse::Args::command(), logparse::MANUAL),
        (logfilter::args::Args::command(), logfilter::manual::MANUAL),
        (logpost::Args::command(), logpost::MANUAL),
    ]
    .map(|(command, manual)| (manual.arrange(command), manual))
}

/// Writes all that is made of one of them.
pub fn write(mut command: Command, manual: &Manual, directory: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, folder) in [
        (Shell::Bash, "bash-completion/completions"),
        (Shell::Zsh, "zsh/site-functions"),
        (Shell::Fish, "fish/vendor_completions.d"),
    ] {
        let folder = directory.join(folder);
        fs::create_dir_all(&folder)?;
        let file = match shell {
            Shell::Zsh => format!("_{name}"),
            Shell::Fish => format!("{name}.fish"),
            _ => name.clone(),
        };
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, &name, &mut text);
        fs::write(folder.join(file), text)?;
    }
    let folder = directory.join("man/man1");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.1")), page(command, manual)?)
}

fn page(command: Command, manual: &Manual) -> io::Result<Vec<u8>> {
    let name = command.get_name().to_owned();
    let extra = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    write_sections(&mut page, &extra)?;
    write_sections(&mut page, manual.sections)?;
    let others = ["logtail", "logparse", "logfilter", "logpost"].into_iter().filter(|other| *other != name);
    let others: Vec<String> = others.map(|other| format!("\\fB{other}\\fR(1)")).collect();
    writeln!(page, ".SH SEE ALSO\n{}", others.join(", "))?;
    Ok(page)
}

/// What stands below the options in `--help`: headings at the margin, and lines that stay as they are.
fn write_sections(page: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let mut is_inside = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            Some(heading) => {
                let end = if is_inside { ".fi\n" } else { "" };
                writeln!(page, "{end}.SH {}\n.nf", heading.to_uppercase())?;
                is_inside = true;
            }
            // A full stop or an apostrophe at the margin would be a request.
            None => writeln!(page, "\\&{}", line.trim_start().replace('\\', "\\e").replace('-', "\\-"))?,
        }
    }
    if is_inside { writeln!(page, ".fi") } else { Ok(()) }
}

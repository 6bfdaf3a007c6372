//! A `log_format` out of an nginx.conf: the statement as it stands there, comments left out.

/// The statement that defines `name` in the text of a configuration, from `log_format` to before its `;`.
pub fn log_format(conf: &str, name: &str) -> Option<String> {
    statements(conf).into_iter().find(|statement| {
        let mut words = statement.split_whitespace();
        words.next() == Some("log_format") && words.next() == Some(name)
    })
}

/// The names of the formats that the text defines.
pub fn names(conf: &str) -> Vec<String> {
    let name = |statement: String| {
        let mut words = statement.split_whitespace();
        (words.next() == Some("log_format")).then(|| words.next().map(str::to_owned))?
    };
    statements(conf).into_iter().filter_map(name).collect()
}

fn statements(conf: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut statement = String::new();
    let mut quote = None;
    let mut letters = conf.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => {
                statement.push(letter);
                statement.extend(letters.next());
                continue;
            }
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('#', None) if statement.is_empty() || statement.ends_with(char::is_whitespace) => {
                letters.by_ref().find(|letter| *letter == '\n');
                continue;
            }
            (';' | '{' | '}', None) => {
                found.push(std::mem::take(&mut statement).trim().to_owned());
                continue;
            }
            _ => {}
        }
        statement.push(letter);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_found_among_comments_and_blocks() {
        let conf = "http {\n # log_format main 'no';\n log_format main escape=json '{\"a\":\"$b;\"'\n   '}';\n}";
        assert_eq!(log_format(conf, "main").as_deref(), Some("log_format main escape=json '{\"a\":\"$b;\"'\n   '}'"));
        assert_eq!(log_format(conf, "other"), None);
        assert_eq!(names(conf), ["main"]);
    }
}

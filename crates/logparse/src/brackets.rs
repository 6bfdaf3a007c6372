//! The brackets of a JSON object that is written over several lines, counted line by line.

/// How deep the lines so far have opened brackets that they have not closed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Brackets {
    depth: usize,
}

impl Brackets {
    /// What the first line of an event opens; nothing unless it begins an object.
    pub fn of_first(line: &[u8]) -> Self {
        let mut brackets = Self::default();
        let text = line.trim_ascii();
        if text == b"{" || text.starts_with(b"{\"") {
            brackets.take(line);
        }
        brackets
    }

    /// Whether the object goes on.
    pub fn are_open(self) -> bool {
        self.depth > 0
    }

    /// Whether `line` can be a part of the object that is open.
    pub fn take_in(self, line: &[u8]) -> bool {
        let begins_so = |first: &u8| matches!(first, b'"' | b'{' | b'}' | b'[' | b']' | b',');
        let is_word = |text: &[u8]| [&b"true"[..], b"false", b"null"].iter().any(|word| text.starts_with(word));
        let text = line.trim_ascii_start();
        let is_number = |text: &[u8]| {
            text.trim_ascii_end()
                .strip_suffix(b",")
                .unwrap_or(text.trim_ascii_end())
                .iter()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
        };
        self.are_open() && text.first().is_none_or(|first| begins_so(first) || is_word(text) || is_number(text))
    }

    /// Counts the brackets of a line. A string does not go on in the next line: JSON forbids it.
    pub fn take(&mut self, line: &[u8]) {
        let mut bytes = line.iter();
        let mut in_string = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' if in_string => drop(bytes.next()),
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_open_until_its_last_bracket() {
        let mut brackets = Brackets::of_first(b"{");
        for line in [r#"  "a": "}\"}","#, r#"  "b": ["#, "    1,", "    -2.5e3", "  ]"] {
            assert!(brackets.take_in(line.as_bytes()), "{line}");
            brackets.take(line.as_bytes());
            assert!(brackets.are_open(), "{line}");
        }
        brackets.take(b"}");
        assert!(!brackets.are_open() && !brackets.take_in(b"}"));
    }

    #[test]
    fn what_is_no_json_does_not_go_on() {
        assert!(!Brackets::of_first(b"{x").are_open());
        let brackets = Brackets::of_first(b"{\"a\": 1,");
        assert!(!brackets.take_in(b"2024-03-05 10:11:12 next") && !brackets.take_in(b"next2"));
    }
}

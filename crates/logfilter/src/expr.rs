//! The language of conditions: text in, a tree out, and where it is wrong, where and what was expected.
//!
//! ```text
//! expr := and { ("or"|"||") and }     and := not { ("and"|"&&") not }     not := ("not"|"!") not | test | "(" expr ")"
//! test := field op value | field ["not"] "in" list | field ["not"] "contains" value
//!       | field "startswith" value | field "endswith" value | field
//! op   := "=" "==" "!=" "<" "<=" ">" ">=" "~" "=~" "!~"        list := "[" value { "," value } "]" or with ( )
//! field := name { "." name | "[" int|string "]" }              value := number [unit] | word | 'text' | "text" | true | false | null
//! ```

use std::fmt;

/// How deep parentheses and `not` may nest.
const DEEPEST: usize = 100;

/// A condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// One of them holds.
    Or(Vec<Expr>),
    /// All of them hold.
    And(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A test of one field.
    Test(Test),
}

/// A field and what is asked of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    /// The names that lead to it.
    pub field: Vec<Step>,
    /// What is asked.
    pub asked: Asked,
}

/// One step to a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// A place in an array, from 0.
    Place(usize),
}

/// What is asked of a field.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    /// It is there, and neither null nor false.
    Present,
    /// A comparison.
    Compare(Relation, Value),
    /// A regular expression matches, or (true) does not.
    Match(String, bool),
    /// It is one of these, or (true) is not.
    In(Vec<Value>, bool),
    /// It contains the text, or (true) does not.
    Contains(String, bool),
    /// It begins so.
    StartsWith(String),
    /// It ends so.
    EndsWith(String),
}

/// How two values stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named for their signs")]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The right side of a test.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A number (with its unit applied: bytes, or seconds).
    Number(f64),
    /// `5xx`: the first digit of a status.
    Class(u8),
    /// A text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`, or a missing field.
    Null,
}

/// What is wrong with an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The offset in bytes.
    pub at: usize,
    /// What was expected there.
    pub expected: String,
}

impl Mistake {
    /// How many characters stand before the place in the expression `text`.
    pub fn column(&self, text: &str) -> usize {
        text.get(..self.at).map_or(0, |before| before.chars().count())
    }
}

/// Reads a condition.
pub fn parse(text: &str) -> Result<Expr, Mistake> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expr = parser.or()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("'and', 'or' or the end"));
    }
    Ok(expr)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

const RELATIONS: [(&str, Relation); 7] = [
    ("==", Relation::Equal),
    ("!=", Relation::NotEqual),
    ("<=", Relation::LessOrEqual),
    (">=", Relation::GreaterOrEqual),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
];

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Expr, Mistake> {
        let mut all = vec![self.and()?];
        while self.take_word("or") || self.take("||") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Or(all) })
    }

    fn and(&mut self) -> Result<Expr, Mistake> {
        let mut all = vec![self.not()?];
        while self.take_word("and") || self.take("&&") {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn not(&mut self) -> Result<Expr, Mistake> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.expected("less nesting"));
        }
        let expr = if self.take_word("not") || (!self.rest().starts_with("!=") && self.take("!")) {
            Expr::Not(Box::new(self.not()?))
        } else if self.take("(") {
            let inner = self.or()?;
            if !self.take(")") {
                return Err(self.expected("')'"));
            }
            inner
        } else {
            Expr::Test(self.test()?)
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn test(&mut self) -> Result<Test, Mistake> {
        let field = self.field()?;
        let asked = self.asked()?;
        Ok(Test { field, asked })
    }

    fn asked(&mut self) -> Result<Asked, Mistake> {
        for (sign, is_negated) in [("!~", true), ("=~", false), ("~", false)] {
            if self.take(sign) {
                return Ok(Asked::Match(self.quoted("a regular expression in quotes")?, is_negated));
            }
        }
        for (sign, relation) in RELATIONS {
            if self.take(sign) {
                return Ok(Asked::Compare(relation, self.value()?));
            }
        }
        let before = self.at;
        let is_negated = self.take_word("not");
        if self.take_word("in") {
            return Ok(Asked::In(self.list()?, is_negated));
        }
        if self.take_word("contains") {
            return Ok(Asked::Contains(self.text_value()?, is_negated));
        }
        if is_negated {
            self.skip_space();
            let mistake = self.expected("'in' or 'contains' behind 'not'");
            self.at = before;
            return Err(mistake);
        }
        if self.take_word("startswith") {
            return Ok(Asked::StartsWith(self.text_value()?));
        }
        if self.take_word("endswith") {
            return Ok(Asked::EndsWith(self.text_value()?));
        }
        Ok(Asked::Present)
    }

    fn field(&mut self) -> Result<Vec<Step>, Mistake> {
        self.skip_space();
        // jq's leading dot.
        if self.rest().starts_with('.') {
            self.at += 1;
        }
        let mut steps = Vec::new();
        if !self.rest().starts_with('[') {
            steps.push(Step::Key(self.name()?));
        }
        loop {
            if self.rest().starts_with('.') {
                self.at += 1;
                steps.push(Step::Key(self.name()?));
            } else if self.rest().starts_with('[') {
                self.at += 1;
                self.skip_space();
                let digits = self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
                if digits > 0 {
                    let place = self.rest()[..digits].parse().map_err(|_| self.expected("a smaller number"))?;
                    self.at += digits;
                    steps.push(Step::Place(place));
                } else {
                    steps.push(Step::Key(self.quoted("a number or a key in quotes")?));
                }
                if !self.take("]") {
                    return Err(self.expected("']'"));
                }
            } else if steps.is_empty() {
                return Err(self.expected("a field"));
            } else {
                return Ok(steps);
            }
        }
    }

    fn name(&mut self) -> Result<String, Mistake> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '@' | '-')).unwrap_or(rest.len());
        if length == 0 || rest.starts_with('-') {
            return Err(self.expected("a field"));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn list(&mut self) -> Result<Vec<Value>, Mistake> {
        let close = if self.take("[") {
            "]"
        } else if self.take("(") {
            ")"
        } else {
            return Err(self.expected("'[' and values"));
        };
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        if !self.take(close) {
            return Err(self.expected(&format!("',' or '{close}'")));
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, Mistake> {
        self.skip_space();
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Value::Text(self.quoted("a value")?));
        }
        let rest = self.rest();
        let length = rest
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | ']' | '(' | '[' | '\'' | '"' | '|' | '&'))
            .unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected("a value"));
        }
        let word = &rest[..length];
        self.at += length;
        Ok(match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => number(word).unwrap_or_else(|| Value::Text(word.to_owned())),
        })
    }

    fn text_value(&mut self) -> Result<String, Mistake> {
        self.skip_space();
        let start = self.at;
        match self.value()? {
            Value::Text(text) => Ok(text),
            _ => Ok(self.text[start..self.at].to_owned()),
        }
    }

    /// A string in single or double quotes; a backslash stands before a quote or itself.
    fn quoted(&mut self, what: &str) -> Result<String, Mistake> {
        self.skip_space();
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Err(self.expected(what));
        };
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.at += at + 1;
                return Ok(text);
            }
            if letter == '\\' {
                match letters.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                }
            } else {
                text.push(letter);
            }
        }
        self.at = self.text.len();
        Err(self.expected(&format!("a closing {quote}")))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_there = self.rest().starts_with(sign);
        self.at += if is_there { sign.len() } else { 0 };
        is_there
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let rest = self.rest();
        let is_there = rest.strip_prefix(word).is_some_and(|behind| {
            !behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '-' | '.'))
        });
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    fn expected(&self, what: &str) -> Mistake {
        let at = self.text.len() - self.rest().trim_start().len();
        Mistake { at, expected: what.to_owned() }
    }
}

/// A number with or without a unit, or a class of status.
fn number(word: &str) -> Option<Value> {
    if let [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = word.as_bytes() {
        return Some(Value::Class(digit - b'0'));
    }
    let unit_at = word.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E').unwrap_or(word.len());
    let (digits, unit) = word.split_at(unit_at);
    if !digits.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = digits.parse().ok()?;
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" | "k" => 1024.0,
        "MiB" | "M" => 1_048_576.0,
        "GiB" | "G" => 1_073_741_824.0,
        _ => return None,
    };
    Some(Value::Number(value * factor))
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            for (index, expr) in all.iter().enumerate() {
                let between = if index > 0 { word } else { "" };
                write!(f, "{between}({expr})")?;
            }
            Ok(())
        };
        match self {
            Self::Or(all) => joined(f, all, " or "),
            Self::And(all) => joined(f, all, " and "),
            Self::Not(expr) => write!(f, "not ({expr})"),
            Self::Test(test) => write!(f, "{test}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.field {
            match step {
                Step::Key(key) => write!(f, "[{}]", Quoted(key))?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        let not = |is_negated: &bool| if *is_negated { " not" } else { "" };
        match &self.asked {
            Asked::Present => Ok(()),
            Asked::Compare(relation, value) => {
                let sign = RELATIONS.iter().find(|(_, known)| known == relation).map_or("==", |(sign, _)| sign);
                write!(f, " {sign} {value}")
            }
            Asked::Match(text, is_negated) => write!(f, " {} {}", if *is_negated { "!~" } else { "~" }, Quoted(text)),
            Asked::In(values, is_negated) => {
                write!(f, "{} in [", not(is_negated))?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                write!(f, "]")
            }
            Asked::Contains(text, is_negated) => write!(f, "{} contains {}", not(is_negated), Quoted(text)),
            Asked::StartsWith(text) => write!(f, " startswith {}", Quoted(text)),
            Asked::EndsWith(text) => write!(f, " endswith {}", Quoted(text)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Class(digit) => write!(f, "{digit}xx"),
            Self::Text(text) => write!(f, "{}", Quoted(text)),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => write!(f, "null"),
        }
    }
}

/// A text in double quotes, as the parser reads it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        for text in [
            "status >= 500",
            "a or b and not c",
            "(a or b) and !(c)",
            "level >= error or status in [502, 503] and request_uri !~ \"^/health\\d\"",
            "x not in (a, 'b c', null, true, 1.5)",
            ".a.b[0]['c d'].e contains \"q\\\"\\\\\"",
            "t < 250ms && size > 10MB || status == 5xx",
            "@timestamp startswith 2026 and path endswith .php",
            "x not contains y",
        ] {
            let parsed = parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            assert_eq!(parse(&parsed.to_string()).unwrap(), parsed, "{text} -> {parsed}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tightest() {
        let tree = |text| parse(text).unwrap();
        assert_eq!(tree("a or b and c"), tree("a or (b and c)"));
        assert_eq!(tree("not a and b"), tree("(not a) and b"));
        assert_eq!(tree("!a && b || c"), tree("((not a) and b) or c"));
    }

    #[test]
    fn a_mistake_tells_its_column_and_what_was_expected() {
        for (text, at, expected) in [
            ("", 0, "a field"),
            ("status >=", 9, "a value"),
            ("status >= 500 and", 17, "a field"),
            ("(a", 2, "')'"),
            ("a b", 2, "'and', 'or' or the end"),
            ("a ~ x", 4, "a regular expression in quotes"),
            ("a in 5", 5, "'[' and values"),
            ("a in [1", 7, "',' or ']'"),
            ("a == 'x", 7, "a closing '"),
            ("a not b", 6, "'in' or 'contains' behind 'not'"),
            ("a[b]", 2, "a number or a key in quotes"),
        ] {
            let mistake = parse(text).unwrap_err();
            assert_eq!((mistake.at, mistake.expected.as_str()), (at, expected), "{text}");
        }
        assert_eq!(parse("\u{e9} ==").unwrap_err().column("\u{e9} =="), 4);
    }

    #[test]
    fn nothing_random_makes_it_panic_or_nest_without_bound() {
        let pieces = [
            "a", "not ", "(", ")", " and ", " or ", ">=", "5", "'", "\"", "[", "]", ".", "\\", "\u{e9}", "~", " in ",
            ",",
        ];
        let mut state: u64 = 42;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state.wrapping_add(1);
            if let Err(mistake) = parse(&text) {
                assert!(mistake.at <= text.len() && mistake.column(&text) <= mistake.at);
            }
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }
}

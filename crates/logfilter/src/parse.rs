//! Text in, a tree out, and where the text is wrong: where, and what was expected. What a field is said to hold (a time, a
//! level) decides how its right side is read.

use logline::ending::reason_of_regex;
use logline::names::LEVELS;
use logline::time::Zone;

use crate::expr::{Asked, Expr, Kind, RELATIONS, Relation, Step, Test};
use crate::value::{Measured, Number, UNITS, Value};
use crate::when::{self, When, is_like_a_date};
use logline::level::Level;

/// How deep parentheses and `not` may nest.
const DEEPEST: usize = 100;

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

/// Reads a condition; times without a zone are of `zone`.
pub fn parse(text: &str, zone: &Zone) -> Result<Expr, Mistake> {
    let mut parser = Parser { text, zone, at: 0, depth: 0 };
    let expr = parser.or()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("'and', 'or' or the end"));
    }
    Ok(expr)
}

struct Parser<'a> {
    text: &'a str,
    zone: &'a Zone,
    at: usize,
    depth: usize,
}

/// For messages: what a level looks like.
const LEVEL: &str = "a level (trace debug info notice warn error crit alert emerg), or its number";

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
        } else if let Some(percent) = self.sample()? {
            Expr::Sample(percent)
        } else {
            Expr::Test(self.test()?)
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// `sample 1%`; a field may have that name too.
    fn sample(&mut self) -> Result<Option<Number>, Mistake> {
        let before = self.at;
        if !self.take_word("sample") {
            return Ok(None);
        }
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if length == 0 {
            self.at = before;
            return Ok(None);
        }
        let percent = Number::parse(&rest.as_bytes()[..length]);
        let Some(percent) = percent.filter(|percent| (0.0..=100.0).contains(&percent.real())) else {
            return Err(self.expected("a number from 0 to 100"));
        };
        self.at += length;
        if self.take("%") { Ok(Some(percent)) } else { Err(self.expected("'%'")) }
    }

    fn test(&mut self) -> Result<Test, Mistake> {
        let field = self.field()?;
        let asked = self.asked(Kind::of(&field))?;
        Ok(Test { field, asked })
    }

    fn asked(&mut self, kind: Kind) -> Result<Asked, Mistake> {
        for (sign, is_negated) in [("!~", true), ("=~", false), ("~", false)] {
            if self.take(sign) {
                return Ok(Asked::Match(self.regex()?, is_negated));
            }
        }
        for (sign, relation) in RELATIONS {
            if self.take(sign) {
                let orders = !matches!(relation, Relation::Equal | Relation::NotEqual);
                return Ok(Asked::Compare(relation, self.value(kind, orders)?));
            }
        }
        let before = self.at;
        let is_negated = self.take_word("not");
        if self.take_word("in") {
            return Ok(Asked::In(self.list(kind)?, is_negated));
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

    fn list(&mut self, kind: Kind) -> Result<Vec<Value>, Mistake> {
        let close = if self.take("[") {
            "]"
        } else if self.take("(") {
            ")"
        } else {
            return Err(self.expected("'[' and values"));
        };
        let mut values = vec![self.value(kind, false)?];
        while self.take(",") {
            values.push(self.value(kind, false)?);
        }
        if !self.take(close) {
            return Err(self.expected(&format!("',' or '{close}'")));
        }
        Ok(values)
    }

    /// A value for a field of a kind. What cannot be put in an order with others is a mistake where one is asked for, and a
    /// text where not.
    fn value(&mut self, kind: Kind, orders: bool) -> Result<Value, Mistake> {
        self.skip_space();
        let start = self.at;
        let mistake = |expected: &str| Err(Mistake { at: start, expected: expected.to_owned() });
        if self.rest().starts_with(['\'', '"']) {
            let text = self.quoted("a value")?;
            return match kind {
                Kind::Time => match When::parse(&text, self.zone) {
                    Some(when) => Ok(Value::Time(when, text)),
                    None if orders || is_like_a_date(&text) => mistake(when::EXPECTED),
                    None => Ok(Value::Text(text)),
                },
                Kind::Level if orders && Level::from_field(LEVELS[0], text.as_bytes()).is_none() => mistake(LEVEL),
                _ => Ok(Value::Text(text)),
            };
        }
        let word = self.word()?;
        match word {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "null" => return Ok(Value::Null),
            _ => {}
        }
        if kind == Kind::Time || When::is_told(word) {
            match When::parse(word, self.zone) {
                Some(when) => return Ok(Value::Time(when, word.to_owned())),
                None if orders || (kind == Kind::Time && is_like_a_date(word)) => return mistake(when::EXPECTED),
                None => {}
            }
        }
        if kind == Kind::Level
            && orders
            && Level::from_field(LEVELS[0], word.as_bytes()).is_none()
            && Number::parse(word.as_bytes()).is_none()
        {
            return mistake(LEVEL);
        }
        match Measured::parse(word) {
            Measured::Value(value) => Ok(value),
            Measured::UnknownUnit if orders => mistake(UNITS),
            Measured::UnknownUnit | Measured::Word => Ok(Value::Text(word.to_owned())),
        }
    }

    fn word(&mut self) -> Result<&'a str, Mistake> {
        self.skip_space();
        let rest = self.rest();
        let length = rest
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | ']' | '(' | '[' | '\'' | '"' | '|' | '&'))
            .unwrap_or(rest.len());
        // An operator too many is no value; `<none>` is one.
        if rest[..length].trim_start_matches(['<', '>', '=', '!', '~']).is_empty() {
            return Err(self.expected("a value"));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    fn text_value(&mut self) -> Result<String, Mistake> {
        self.skip_space();
        if self.rest().starts_with(['\'', '"']) { self.quoted("a value") } else { self.word().map(str::to_owned) }
    }

    fn regex(&mut self) -> Result<String, Mistake> {
        self.skip_space();
        let start = self.at;
        let pattern = self.quoted("a regular expression in quotes")?;
        match regex::bytes::Regex::new(&pattern) {
            Ok(_) => Ok(pattern),
            Err(error) => {
                let expected = format!("a regular expression: {}", reason_of_regex(&error.to_string()));
                Err(Mistake { at: start, expected })
            }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(text: &str) -> Result<Expr, Mistake> {
        parse(text, &Zone::Fixed(0))
    }

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
            "level >= warn or sample 0.5% and not sample 100%",
            "sample == 5 or sample",
            "time >= -24h and time < '2026-11-23 08:00' and ts > 1764000000.5 and date == today",
            "started > yesterday and day == today and x == 2026-13-45",
            "t > 2h30m and t < 7d and u >= 1e300 and v == -0.1us and w == 9e15",
        ] {
            let parsed = read(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            assert_eq!(read(&parsed.to_string()).unwrap(), parsed, "{text} -> {parsed}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tightest() {
        let tree = |text| read(text).unwrap();
        assert_eq!(tree("a or b and c"), tree("a or (b and c)"));
        assert_eq!(tree("not a and b"), tree("(not a) and b"));
        assert_eq!(tree("!a && b || c"), tree("((not a) and b) or c"));
    }

    #[test]
    fn a_mistake_tells_its_column_and_what_was_expected() {
        for (text, at, expected) in [
            ("", 0, "a field"),
            ("status >=", 9, "a value"),
            ("status >>", 8, "a value"),
            ("status === 500", 9, "a value"),
            ("status in [200, <]", 16, "a value"),
            ("status >= 500 and", 17, "a field"),
            ("(a", 2, "')'"),
            ("a b", 2, "'and', 'or' or the end"),
            ("a ~ x", 4, "a regular expression in quotes"),
            ("a in 5", 5, "'[' and values"),
            ("a in [1", 7, "',' or ']'"),
            ("a == 'x", 7, "a closing '"),
            ("a not b", 6, "'in' or 'contains' behind 'not'"),
            ("a[b]", 2, "a number or a key in quotes"),
            ("a > 1 and size > 10XB", 17, UNITS),
            ("time > 2026-13-45", 7, when::EXPECTED),
            ("time == '2026-11-31T00:00:00Z'", 8, when::EXPECTED),
            ("started < 2026-02-30", 10, when::EXPECTED),
            ("time >= tomorrow", 8, when::EXPECTED),
            ("level >= loud", 9, LEVEL),
            ("severity < 'x'", 11, LEVEL),
            ("sample 101%", 7, "a number from 0 to 100"),
            ("sample 1", 8, "'%'"),
        ] {
            let mistake = read(text).expect_err(text);
            assert_eq!((mistake.at, mistake.expected.as_str()), (at, expected), "{text}");
        }
        assert!(read("a == <none>").is_ok(), "a value that begins like an operator");
        assert_eq!(read("\u{e9} ==").unwrap_err().column("\u{e9} =="), 4);
    }

    #[test]
    fn nothing_random_makes_it_panic_or_nest_without_bound() {
        let pieces = [
            "a",
            "not ",
            "(",
            ")",
            " and ",
            " or ",
            ">=",
            "5",
            "'",
            "\"",
            "[",
            "]",
            ".",
            "\\",
            "\u{e9}",
            "~",
            " in ",
            ",",
            "sample ",
            "1%",
            "time",
            "-24h",
            "now",
            "2026-11-23",
            "level",
            "5xx",
            "10MB",
        ];
        let mut state: u64 = 42;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state.wrapping_add(1);
            if let Err(mistake) = read(&text) {
                assert!(mistake.at <= text.len() && mistake.column(&text) <= mistake.at);
            }
        }
        assert!(read(&"(".repeat(100_000)).is_err());
    }
}

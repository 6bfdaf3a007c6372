//! A condition at work: its fields are looked up in the text of the record, nothing else of it is read.
//!
//! | the field is missing | then |
//! |---|---|
//! | `== null` | holds |
//! | `!=`, `!~`, `not in`, `not contains` | hold: they are exact negations |
//! | any other test | does not hold |

use logline::json::{member, unescape};
use regex::Regex;

use crate::expr::{Asked, Expr, Mistake, Relation, Step, Test, Value, parse};
use crate::level::Level;

/// Names under which applications write the level, the canonical one first.
const LEVELS: [&str; 8] =
    ["level", "lvl", "severity", "severity_text", "log.level", "loglevel", "levelname", "PRIORITY"];

/// A compiled condition.
#[derive(Debug)]
pub enum Condition {
    /// One of them holds.
    Or(Vec<Condition>),
    /// All of them hold.
    And(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A test of one field.
    Test(Box<Probe>),
}

/// A test of one field, ready to run.
#[derive(Debug)]
pub struct Probe {
    test: Test,
    dotted: Option<String>,
    is_level: bool,
    is_request: bool,
    regex: Option<Regex>,
}

impl Condition {
    /// Reads and compiles a condition.
    pub fn new(text: &str) -> Result<Self, Mistake> {
        Self::compile(parse(text)?, text)
    }

    fn compile(expr: Expr, text: &str) -> Result<Self, Mistake> {
        let all = |all: Vec<Expr>| all.into_iter().map(|expr| Self::compile(expr, text)).collect::<Result<Vec<_>, _>>();
        Ok(match expr {
            Expr::Or(exprs) => Self::Or(all(exprs)?),
            Expr::And(exprs) => Self::And(all(exprs)?),
            Expr::Not(expr) => Self::Not(Box::new(Self::compile(*expr, text)?)),
            Expr::Test(test) => Self::Test(Box::new(Probe::new(test, text)?)),
        })
    }

    /// Whether it holds for the record, the text of an object.
    pub fn holds(&self, record: &[u8]) -> bool {
        match self {
            Self::Or(all) => all.iter().any(|condition| condition.holds(record)),
            Self::And(all) => all.iter().all(|condition| condition.holds(record)),
            Self::Not(condition) => !condition.holds(record),
            Self::Test(probe) => probe.holds(record),
        }
    }
}

impl Probe {
    fn new(test: Test, text: &str) -> Result<Self, Mistake> {
        let regex = match &test.asked {
            Asked::Match(pattern, _) => Some(Regex::new(pattern).map_err(|_| Mistake {
                at: text.find(pattern.as_str()).unwrap_or(0),
                expected: "a regular expression in the syntax of the regex crate".to_owned(),
            })?),
            _ => None,
        };
        let keys: Vec<&str> = test
            .field
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Place(_) => None,
            })
            .collect();
        let is_plain = keys.len() == test.field.len();
        Ok(Self {
            dotted: (is_plain && keys.len() > 1).then(|| keys.join(".")),
            is_level: keys == ["level"],
            is_request: keys == ["request"],
            regex,
            test,
        })
    }

    fn holds(&self, record: &[u8]) -> bool {
        match self.find(record) {
            Some(raw) => self.matches(&raw),
            None => match &self.test.asked {
                Asked::Compare(Relation::Equal, value) => *value == Value::Null,
                Asked::Compare(Relation::NotEqual, value) => *value != Value::Null,
                Asked::In(values, is_negated) => values.contains(&Value::Null) != *is_negated,
                Asked::Match(_, is_negated) | Asked::Contains(_, is_negated) => *is_negated,
                _ => false,
            },
        }
    }

    fn find<'r>(&self, record: &'r [u8]) -> Option<std::borrow::Cow<'r, [u8]>> {
        let nested = self.test.field.iter().try_fold(record, |value, step| match step {
            Step::Key(key) => member(value, key),
            Step::Place(place) => elements(value).nth(*place),
        });
        let found = nested.or_else(|| self.dotted.as_ref().and_then(|key| member(record, key)));
        if let Some(found) = found {
            return Some(found.into());
        }
        if self.is_level {
            return LEVELS[1..].iter().find_map(|name| member(record, name)).map(Into::into);
        }
        if self.is_request {
            return request_of_parts(record).map(Into::into);
        }
        None
    }

    /// An array matches if any element does; a negation is exact.
    fn matches(&self, raw: &[u8]) -> bool {
        match &self.test.asked {
            Asked::Present => !matches!(raw, b"null" | b"false"),
            Asked::Compare(Relation::NotEqual, value) => {
                !self.any(raw, &|raw| self.compares(raw, Relation::Equal, value))
            }
            Asked::Compare(relation, value) => self.any(raw, &|raw| self.compares(raw, *relation, value)),
            Asked::In(values, is_negated) => {
                let is_in = |raw: &[u8]| values.iter().any(|value| self.compares(raw, Relation::Equal, value));
                self.any(raw, &is_in) != *is_negated
            }
            Asked::Match(_, is_negated) => {
                let regex = self.regex.as_ref();
                self.any(raw, &|raw| regex.is_some_and(|regex| regex.is_match(&text(raw)))) != *is_negated
            }
            Asked::Contains(part, is_negated) => self.any(raw, &|raw| text(raw).contains(part.as_str())) != *is_negated,
            Asked::StartsWith(part) => self.any(raw, &|raw| text(raw).starts_with(part.as_str())),
            Asked::EndsWith(part) => self.any(raw, &|raw| text(raw).ends_with(part.as_str())),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the probe beside its callers")]
    fn any(&self, raw: &[u8], holds: &dyn Fn(&[u8]) -> bool) -> bool {
        if raw.first() == Some(&b'[') { elements(raw).any(holds) } else { holds(raw) }
    }

    fn compares(&self, raw: &[u8], relation: Relation, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let ordering = if self.is_level {
            match (Level::parse(&text(raw)), level_of(value)) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => None,
            }
        } else {
            None
        };
        let ordering = ordering.or_else(|| match value {
            Value::Null => (raw == b"null").then_some(Equal),
            Value::Bool(value) => (raw == value.to_string().as_bytes()).then_some(Equal),
            Value::Number(right) => number(raw)?.partial_cmp(right),
            Value::Class(digit) => {
                let class = f64::from(*digit) * 100.0;
                let left = number(raw)?;
                Some(if left < class {
                    Less
                } else if left >= class + 100.0 {
                    Greater
                } else {
                    Equal
                })
            }
            Value::Text(right) => (raw.first() == Some(&b'"')).then(|| text(raw).as_ref().cmp(right.as_str())),
        });
        ordering.is_some_and(|ordering| match relation {
            Relation::Equal => ordering == Equal,
            Relation::NotEqual => ordering != Equal,
            Relation::Less => ordering == Less,
            Relation::LessOrEqual => ordering != Greater,
            Relation::Greater => ordering == Greater,
            Relation::GreaterOrEqual => ordering != Less,
        })
    }
}

fn level_of(value: &Value) -> Option<Level> {
    match value {
        Value::Text(text) => Level::parse(text),
        Value::Number(number) => Level::parse(&number.to_string()),
        _ => None,
    }
}

/// A raw value as text: strings unescaped, anything else as it stands.
fn text(raw: &[u8]) -> std::borrow::Cow<'_, str> {
    match unescape(raw) {
        Some(std::borrow::Cow::Borrowed(text)) => String::from_utf8_lossy(text),
        Some(std::borrow::Cow::Owned(text)) => String::from_utf8_lossy(&text).into_owned().into(),
        None => String::from_utf8_lossy(raw),
    }
}

/// A number, or a string that is one.
fn number(raw: &[u8]) -> Option<f64> {
    let digits = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The elements of a raw array: an array is read as an object is, one made key at a time.
fn elements(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = raw.strip_prefix(b"[").and_then(|raw| raw.strip_suffix(b"]")).unwrap_or_default();
    let mut rest = inner.trim_ascii_start();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = logline::json::value_length(rest)?;
        let element = &rest[..end];
        rest = rest[end..].trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or_default().trim_ascii_start();
        Some(element)
    })
}

/// The request as it was, where logparse has left only its three parts.
fn request_of_parts(record: &[u8]) -> Option<Vec<u8>> {
    let part = |key| member(record, key)?.strip_prefix(b"\"")?.strip_suffix(b"\"");
    let parts = [part("request_method")?, part("request_uri")?, part("server_protocol")?];
    Some([b"\"", parts.join(&b' ').as_slice(), b"\""].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const RECORD: &str = r#"{"status":503,"code":"404","level":"WARNING","request_method":"GET","request_uri":"/a\"b","server_protocol":"HTTP/1.1","tags":["x","y"],"t":0.25,"size":20000000,"user":null,"ok":true,"off":false,"a":{"b":[{"c":1}]},"k.v":"dotted"}"#;

    #[test]
    fn conditions_that_hold() {
        for text in [
            "status >= 500",
            "code == 404",
            "status == 5xx",
            "status in [502, 503]",
            "level >= warn",
            "level < error",
            "level == warning",
            "request_method == GET",
            "request_uri == '/a\"b'",
            "request ~ \"^GET /a.b HTTP\"",
            "tags == y",
            "tags contains y",
            "t == 250ms",
            "size > 10MB",
            "user == null",
            "missing == null",
            "ok",
            "ok == true",
            "not off",
            "not user",
            "a.b[0].c == 1",
            "k.v startswith dot and k.v endswith ted",
            "request_uri != /healthz",
            "missing != 5 and missing !~ \"x\" and missing not in [1] and missing not contains x",
            "missing or status",
        ] {
            assert!(Condition::new(text).unwrap().holds(RECORD.as_bytes()), "{text}");
        }
    }

    #[test]
    fn conditions_that_do_not_hold() {
        for text in [
            "status < 500",
            "status == '503x'",
            "request_method > 5",
            "missing == 5",
            "missing < 5",
            "missing ~ \"x\"",
            "user != null",
            "missing != null",
            "tags != y",
            "tags not in [y]",
            "off",
            "level >= error",
            "status == 4xx",
        ] {
            assert!(!Condition::new(text).unwrap().holds(RECORD.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_condition_and_its_negation_part_all_records() {
        let records = [RECORD, "{}", r#"{"status":null}"#, r#"{"status":[1,600]}"#, r#"{"message":"text"}"#, "{broken"];
        for text in
            ["status >= 500", "status", "tags != y", "level > info or ok", "request ~ \"GET\"", "status not in [1]"]
        {
            let condition = Condition::new(text).unwrap();
            let negated = Condition::new(&format!("not ({text})")).unwrap();
            for record in records {
                assert_ne!(condition.holds(record.as_bytes()), negated.holds(record.as_bytes()), "{text} {record}");
            }
        }
    }
}

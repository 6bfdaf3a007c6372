//! A condition at work: its fields are looked up in the text of the line, nothing else of it is read.
//!
//! | the field is missing, or null | then |
//! |---|---|
//! | `== null` | holds |
//! | `!=`, `!~`, `not in`, `not contains` | hold: they are exact negations |
//! | any other test | does not hold |

use std::cmp::Ordering;

use logline::level::Level;
use logline::names::{MESSAGES, TIMES};
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use siphasher::sip::SipHasher13;

use crate::expr::{self, Expr, Kind, RELATIONS, Relation, Step};
use crate::reading::{Canonical, CanonicalKind, Names, Reading, Way, level, moment, number, time};
use crate::record::{Field, Subject};
use crate::trial::{Cause, Outlook, Seen};
use crate::value::{Number, Value};
use crate::when::When;

/// A condition, compiled.
#[derive(Debug)]
pub enum Condition {
    /// One of them holds.
    Or(Vec<Condition>),
    /// All of them hold.
    And(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A test of one field.
    Test(Box<Test>),
    /// The hash of the line is below this.
    Sample(u128),
}

/// A test of one field.
#[derive(Debug)]
pub struct Test {
    /// What the field is called, for what numbers mean in it.
    name: String,
    /// The whole way to it, for messages.
    label: String,
    field: Way,
    /// All that it may be called, where it is canonical.
    canonical: Option<Canonical>,
    /// Of these parts the field is made where it is missing.
    parts: Vec<usize>,
    asked: Asked,
    /// What would be said if it never could be compared; see [`crate::trial`].
    unlike: Option<String>,
    seen: Seen,
}

#[derive(Debug)]
enum Asked {
    Present,
    Compare(Relation, Right),
    Match(Regex, bool),
    In(Vec<Right>, bool),
    Contains(Part, bool),
    StartsWith(Part),
    EndsWith(Part),
}

/// A text that stands in another, its letters as they are or in any case.
#[derive(Debug)]
struct Part {
    text: Vec<u8>,
    search: Box<Finder<'static>>,
    in_any_case: bool,
}

impl Part {
    fn new(text: &str, in_any_case: bool) -> Self {
        let text = if in_any_case { text.to_lowercase() } else { text.to_owned() }.into_bytes();
        Self { search: Box::new(Finder::new(&text).into_owned()), text, in_any_case }
    }

    fn fits(&self, field: &Field<'_>, how: impl Fn(&Self, &[u8]) -> bool) -> bool {
        let text = field.text();
        if self.in_any_case { how(self, &lowered(&text)) } else { how(self, &text) }
    }
}

fn lowered(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).to_lowercase().into_bytes()
}

/// The right side of a comparison.
#[derive(Debug)]
enum Right {
    Null,
    Bool(bool),
    Number(Number),
    /// Seconds, also where the field is a text with a unit.
    Duration(Number),
    Class(u8),
    /// With the number that the text is, if it is one.
    Text(Vec<u8>, Option<Number>),
    /// The same in small letters.
    Lowered(Vec<u8>, Option<Number>),
    Level(Level, Value),
    /// The number of the moment; for fields that tell no time the text, and the seconds that were meant.
    Time(usize, Vec<u8>, Option<Number>),
}

impl Condition {
    /// Compiles a condition.
    pub fn new(expr: &Expr, names: &mut Names) -> Self {
        match expr {
            Expr::Or(all) => Self::Or(all.iter().map(|expr| Self::new(expr, names)).collect()),
            Expr::And(all) => Self::And(all.iter().map(|expr| Self::new(expr, names)).collect()),
            Expr::Not(expr) => Self::Not(Box::new(Self::new(expr, names))),
            Expr::Test(test) => Self::Test(Box::new(Test::new(test, names))),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100 by the parser")]
            Expr::Sample(percent) => Self::Sample((percent.real() / 100.0 * 2_f64.powi(64)) as u128),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, reading: &Reading<'_>) -> bool {
        match self {
            Self::Or(all) => all.iter().any(|condition| condition.holds(reading)),
            Self::And(all) => all.iter().all(|condition| condition.holds(reading)),
            Self::Not(condition) => !condition.holds(reading),
            Self::Test(test) => test.holds(reading),
            Self::Sample(below) => u128::from(hash(reading.subject)) < *below,
        }
    }

    /// What is known of it by what its tests have seen, or, where `has_records` is false, by the fields that no line has.
    pub fn outlook(&self, has_records: bool) -> Outlook {
        match self {
            Self::Or(all) => Outlook::any(all.iter().map(|condition| condition.outlook(has_records))),
            Self::And(all) => Outlook::all(all.iter().map(|condition| condition.outlook(has_records))),
            Self::Not(condition) => condition.outlook(has_records).negated(),
            Self::Test(test) => test.outlook(has_records),
            Self::Sample(_) => Outlook::Open,
        }
    }

    /// Forgets what its tests have seen.
    pub fn forget(&self) {
        match self {
            Self::Or(all) | Self::And(all) => all.iter().for_each(Self::forget),
            Self::Not(condition) => condition.forget(),
            Self::Test(test) => {
                for seen in [&test.seen.asked, &test.seen.found, &test.seen.compared] {
                    seen.set(false);
                }
            }
            Self::Sample(_) => {}
        }
    }
}

/// Of the position, so that the same lines are chosen again after a restart; where there is none, of the content.
fn hash(subject: &Subject<'_>) -> u64 {
    let hasher = SipHasher13::new();
    match subject.position() {
        Some(position) => {
            let place = [position.fid.0, position.start, position.end].map(u64::to_le_bytes);
            hasher.hash(place.as_flattened())
        }
        None => hasher.hash(subject.content),
    }
}

impl Test {
    fn new(test: &expr::Test, names: &mut Names) -> Self {
        let kind = Kind::of(&test.field);
        let name = match test.field.last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        let in_any_case = names.ignores_case;
        let mut right = |value: &Value| Right::new(value, kind, name, names);
        let asked = match &test.asked {
            expr::Asked::Present => Asked::Present,
            expr::Asked::Compare(relation, value) => Asked::Compare(*relation, right(value)),
            expr::Asked::Match(pattern, is_negated) => {
                match RegexBuilder::new(pattern).case_insensitive(in_any_case).build() {
                    Ok(regex) => Asked::Match(regex, *is_negated),
                    // The parser has tried it.
                    Err(_) => Asked::In(Vec::new(), *is_negated),
                }
            }
            expr::Asked::In(values, is_negated) => Asked::In(values.iter().map(right).collect(), *is_negated),
            expr::Asked::Contains(text, is_negated) => Asked::Contains(Part::new(text, in_any_case), *is_negated),
            expr::Asked::StartsWith(text) => Asked::StartsWith(Part::new(text, in_any_case)),
            expr::Asked::EndsWith(text) => Asked::EndsWith(Part::new(text, in_any_case)),
        };
        let is_single = test.field.len() == 1;
        let parts: &[&str] =
            if is_single && name == "request" { &["request_method", "request_uri", "server_protocol"] } else { &[] };
        Self {
            name: name.to_owned(),
            label: label(&test.field),
            field: names.way(&test.field),
            canonical: if is_single { Canonical::new(name, names) } else { None },
            parts: parts.iter().map(|part| names.keys.number(part)).collect(),
            unlike: unlike(test, &asked),
            asked,
            seen: Seen::default(),
        }
    }

    fn outlook(&self, has_records: bool) -> Outlook {
        let is_of_every_line = self.name == MESSAGES[0] || self.name == "_file";
        let is_missing = if has_records { !self.seen.found.get() } else { !is_of_every_line };
        if has_records && !self.seen.asked.get() {
            return Outlook::Open;
        }
        if is_missing {
            let cause = Cause::Missing(self.label.clone());
            return if self.asked.holds_of_nothing() { Outlook::Always(cause) } else { Outlook::Never(cause) };
        }
        match &self.unlike {
            Some(text) if has_records && !self.seen.compared.get() => {
                let cause = Cause::Unlike(text.clone());
                match self.asked {
                    Asked::Compare(Relation::NotEqual, _) => Outlook::Always(cause),
                    _ => Outlook::Never(cause),
                }
            }
            _ => Outlook::Open,
        }
    }

    fn holds(&self, reading: &Reading<'_>) -> bool {
        let canonical = self.canonical.as_ref().and_then(|canonical| reading.canonical(canonical));
        // Of the texts and numbers under its names none is a time or level, and what is made of several is none at all.
        let is_of_one =
            self.canonical.as_ref().is_some_and(|canonical| !matches!(canonical.kind, CanonicalKind::Message));
        let is_one = |field: &Field<'_>| !is_of_one || !matches!(field, Field::Json([b'[' | b'{', ..]));
        let own = || {
            let field = reading.get(&self.field).or_else(|| self.joined(reading)).filter(is_one)?;
            Some((field, self.name.as_str()))
        };
        let found = canonical.or_else(own);
        self.seen.asked.set(true);
        if found.is_some() {
            self.seen.found.set(true);
        }
        // A field that is null is as good as missing.
        match found.filter(|(field, _)| !field.is(b"null")) {
            Some((field, name)) => self.asked.holds(&field, name, reading, &self.seen),
            None => self.asked.holds_of_nothing(),
        }
    }

    /// The request as it was, where logparse has left only its three parts.
    fn joined<'r>(&self, reading: &Reading<'r>) -> Option<Field<'r>> {
        let [method, rest @ ..] = self.parts.as_slice() else { return None };
        let mut text = reading.top(*method)?.text().into_owned();
        for part in rest {
            text.push(b' ');
            text.extend_from_slice(&reading.top(*part)?.text());
        }
        Some(Field::Text(text.into()))
    }
}

impl Asked {
    fn holds_of_nothing(&self) -> bool {
        let is_null = |right: &Right| matches!(right, Right::Null);
        match self {
            Self::Compare(Relation::Equal, right) => is_null(right),
            Self::Compare(Relation::NotEqual, right) => !is_null(right),
            Self::In(rights, is_negated) => rights.iter().any(is_null) != *is_negated,
            Self::Match(_, is_negated) | Self::Contains(_, is_negated) => *is_negated,
            _ => false,
        }
    }

    /// An array matches if any element does; a negation is exact.
    fn holds(&self, field: &Field<'_>, name: &str, reading: &Reading<'_>, seen: &Seen) -> bool {
        let order = |right: &Right, field: &Field<'_>| {
            let order = right.order(field, name, reading);
            if order.is_some() {
                seen.compared.set(true);
            }
            order
        };
        let equals = |right: &Right, field: &Field<'_>| order(right, field) == Some(Ordering::Equal);
        match self {
            Self::Present => !field.is(b"false"),
            Self::Compare(Relation::NotEqual, right) => !field.any(|field| equals(right, field)),
            Self::Compare(relation, right) => {
                field.any(|field| order(right, field).is_some_and(|order| relation.allows(order)))
            }
            Self::In(rights, is_negated) => {
                field.any(|field| rights.iter().any(|right| equals(right, field))) != *is_negated
            }
            Self::Match(regex, is_negated) => field.any(|field| regex.is_match(&field.text())) != *is_negated,
            Self::Contains(part, is_negated) => {
                let is_in = |part: &Part, text: &[u8]| part.search.find(text).is_some();
                field.any(|field| part.fits(field, is_in)) != *is_negated
            }
            Self::StartsWith(part) => field.any(|field| part.fits(field, |part, text| text.starts_with(&part.text))),
            Self::EndsWith(part) => field.any(|field| part.fits(field, |part, text| text.ends_with(&part.text))),
        }
    }
}

impl Relation {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Right {
    fn new(value: &Value, kind: Kind, name: &str, names: &mut Names) -> Self {
        let level = match value {
            Value::Text(text) => Level::from_field(name, text.as_bytes()),
            Value::Number(number) => Level::from_field(name, number.to_string().as_bytes()),
            _ => None,
        };
        if let (Kind::Level, Some(level)) = (kind, level) {
            return Self::Level(level, value.clone());
        }
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(*number),
            Value::Duration(number) => Self::Duration(*number),
            Value::Class(digit) => Self::Class(*digit),
            Value::Text(text) => {
                let number = Number::parse(text.as_bytes());
                if names.ignores_case {
                    Self::Lowered(text.to_lowercase().into_bytes(), number)
                } else {
                    Self::Text(text.as_bytes().to_vec(), number)
                }
            }
            Value::Time(when, text) => {
                let meant = match when {
                    When::Ago(by) if kind == Kind::Any => Number::parse(format!("-{}", by.as_secs_f64()).as_bytes()),
                    _ => None,
                };
                Self::Time(names.moment(*when), text.as_bytes().to_vec(), meant)
            }
        }
    }

    /// How the field stands to this; `None` where they cannot be compared.
    fn order(&self, field: &Field<'_>, name: &str, reading: &Reading<'_>) -> Option<Ordering> {
        match self {
            Self::Null => field.is(b"null").then_some(Ordering::Equal),
            Self::Bool(value) => {
                field.is(if *value { b"true".as_slice() } else { b"false" }).then_some(Ordering::Equal)
            }
            Self::Number(right) => number(field)?.partial_cmp(right),
            Self::Duration(right) => {
                let of_text = || Number::parse_duration(&field.text()).filter(|_| field.is_text());
                number(field).or_else(of_text)?.partial_cmp(right)
            }
            Self::Class(digit) => {
                let hundreds = number(field)?.real() / 100.0;
                hundreds.floor().partial_cmp(&f64::from(*digit))
            }
            Self::Text(right, _) if field.is_text() => Some(field.text().as_ref().cmp(right)),
            Self::Lowered(right, _) if field.is_text() => Some(lowered(&field.text()).cmp(right)),
            Self::Text(_, right) | Self::Lowered(_, right) => number(field)?.partial_cmp(right.as_ref()?),
            Self::Level(right, otherwise) => match (level(field, name), otherwise) {
                (Some(left), _) => Some(left.cmp(right)),
                (None, Value::Number(right)) => number(field)?.partial_cmp(right),
                // Levels that nobody knows have no order.
                (None, _) => None,
            },
            Self::Time(right, text, meant) => {
                let is_small = |field| number(field).is_some_and(|number| number.real().abs() < 1e8);
                if let (Some(meant), true) = (meant, is_small(field)) {
                    return number(field)?.partial_cmp(meant);
                }
                // What a record tells by `time` is a time or none; another field may as well be a date.
                let left = if name == TIMES[0] { time(field, reading.zone) } else { moment(field, reading.zone) };
                match left {
                    Some(left) => Some(left.cmp(&reading.moments[*right])),
                    None => (field.text() == text.as_slice()).then_some(Ordering::Equal),
                }
            }
        }
    }
}

/// A field as a user writes it: `a.b[0]`.
fn label(field: &[Step]) -> String {
    let mut label = String::new();
    for step in field {
        match step {
            Step::Key(key) if label.is_empty() => label.push_str(key),
            Step::Key(key) => label.extend([".", key]),
            Step::Place(place) => label.extend(["[", &place.to_string(), "]"]),
        }
    }
    label
}

/// What is to be said of a comparison whose sides never are of one kind.
fn unlike(test: &expr::Test, asked: &Asked) -> Option<String> {
    let (expr::Asked::Compare(relation, value), Asked::Compare(_, right)) = (&test.asked, asked) else { return None };
    let sign = RELATIONS.iter().find(|(_, known)| known == relation).map_or("==", |(sign, _)| sign);
    let label = label(&test.field);
    let said = |text: &str| format!("{label} {sign} {text} never holds");
    match (right, value) {
        (Right::Text(_, None) | Right::Lowered(_, None), Value::Text(text)) => {
            Some(format!("'{text}' is no number, so {}", said(text)))
        }
        (Right::Number(_) | Right::Duration(_) | Right::Class(_), value) => {
            Some(format!("no '{label}' was a number, so {}", said(&value.to_string())))
        }
        (Right::Level(..), Value::Text(text)) => Some(format!("no '{label}' was a level, so {}", said(text))),
        (Right::Time(..), Value::Time(_, text)) => Some(format!("no '{label}' was a time, so {}", said(text))),
        _ => None,
    }
}

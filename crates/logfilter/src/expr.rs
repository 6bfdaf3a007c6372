//! The language of conditions, as a tree. What is printed is read as the same tree.
//!
//! ```text
//! expr := and { ("or"|"||") and }     and := not { ("and"|"&&") not }     not := ("not"|"!") not | test | "(" expr ")"
//! test := field op value | field ["not"] "in" list | field ["not"] "contains" value
//!       | field "startswith" value | field "endswith" value | field | "sample" number "%"
//! op   := "=" "==" "!=" "<" "<=" ">" ">=" "~" "=~" "!~"        list := "[" value { "," value } "]" or with ( )
//! field := name { "." name | "[" int|string "]" }
//! value := number [unit] | time | word | 'text' | "text" | true | false | null
//! ```

use std::fmt;

use logline::names::{LEVELS, TIMES, is_among};

use crate::value::{Number, Quoted, Value};

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
    /// So many of a hundred lines, chosen by a hash.
    Sample(Number),
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

/// What the name of a field says of its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Moments.
    Time,
    /// Levels.
    Level,
    /// Anything.
    Any,
}

impl Kind {
    /// By the canonical names and those that are read in their place.
    pub fn of(field: &[Step]) -> Self {
        let keys: Option<Vec<&str>> = field
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Place(_) => None,
            })
            .collect();
        let Some(name) = keys.map(|keys| keys.join(".")) else { return Self::Any };
        if is_among(&TIMES, name.as_bytes()) {
            Self::Time
        } else if is_among(&LEVELS, name.as_bytes()) {
            Self::Level
        } else {
            Self::Any
        }
    }
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
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The signs of comparison, the longer ones first.
pub const RELATIONS: [(&str, Relation); 7] = [
    ("==", Relation::Equal),
    ("!=", Relation::NotEqual),
    ("<=", Relation::LessOrEqual),
    (">=", Relation::GreaterOrEqual),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
];

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
            Self::Sample(percent) => write!(f, "sample {percent}%"),
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

//! The fields of a line as conditions and the window ask for them: by a way through its objects, or, where they are canonical,
//! by the names that applications have for them.

use std::cell::OnceCell;

use logline::json::member;
use logline::level::Level;
use logline::names::{self, LEVELS, MESSAGES, TIMES};
use logline::stamp::Reader;
use logline::time::{Moment, Zone};

use crate::expr::Step;
use crate::record::{Field, Found, Keys, Subject};
use crate::value::Number;
use crate::when::When;

/// How a field is reached.
#[derive(Debug)]
pub struct Way {
    /// The number of the key at the top, among those in another case where it is one.
    top: usize,
    is_in_other_case: bool,
    rest: Vec<Step>,
    /// The number of the key that has the whole name, dots and all.
    dotted: Option<usize>,
}

/// What conditions share: the keys they read and the moments they name.
#[derive(Debug, Default)]
pub struct Names {
    /// The keys.
    pub keys: Keys,
    /// The same in another case of their letters, which few records have: they are looked for where nothing else is left.
    pub keys_in_other_case: Keys,
    /// The moments.
    pub whens: Vec<When>,
    /// Texts are compared whatever the case of their letters.
    pub ignores_case: bool,
}

impl Names {
    pub fn way(&mut self, field: &[Step]) -> Way {
        let keys: Vec<&str> = field
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Place(_) => None,
            })
            .collect();
        let is_dotted = keys.len() == field.len() && keys.len() > 1;
        Way {
            top: self.keys.number(keys.first().copied().unwrap_or_default()),
            is_in_other_case: false,
            rest: field[1.min(field.len())..].to_vec(),
            dotted: is_dotted.then(|| self.keys.number(&keys.join("."))),
        }
    }

    /// The ways to a canonical field: its own name and those that applications use.
    pub fn ways(&mut self, names: &'static [&'static str]) -> Vec<(&'static str, Way)> {
        let mut ways = Vec::new();
        for name in names {
            let nested = Way {
                dotted: None,
                ..self.way(&name.split('.').map(|key| Step::Key(key.to_owned())).collect::<Vec<_>>())
            };
            ways.push((*name, nested));
            let is_in_other_case = !name.contains('.');
            let keys = if is_in_other_case { &mut self.keys_in_other_case } else { &mut self.keys };
            let top = if is_in_other_case { keys.number_in_other_case(name) } else { keys.number(name) };
            ways.push((*name, Way { top, is_in_other_case, rest: Vec::new(), dotted: None }));
        }
        ways
    }

    /// The number of a moment.
    pub fn moment(&mut self, when: When) -> usize {
        self.whens.push(when);
        self.whens.len() - 1
    }
}

/// A line as fields.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'r> {
    /// The line.
    pub subject: &'r Subject<'r>,
    /// The object that it holds and what was found in it. Without one its text is its message.
    pub object: Option<(&'r [u8], &'r Found)>,
    /// The keys in another case, if the object may have any, and what was found of them when somebody asked.
    pub in_other_case: Option<(&'r Keys, &'r OnceCell<Found>)>,
    /// Which of the canonical fields the object may tell, as [`names::marks`] says.
    pub marks: u32,
    /// The numbers of the keys that are told otherwise: the message of a line that is no record, the path of a tag.
    pub message: Option<usize>,
    /// See `message`.
    pub file: Option<usize>,
    /// What the moments that are named are now.
    pub moments: &'r [Moment],
    /// For times that name none.
    pub zone: &'r Zone,
}

impl<'r> Reading<'r> {
    #[inline]
    pub fn top(&self, key: usize) -> Option<Field<'r>> {
        if let Some((object, found)) = self.object {
            if let Some(range) = &found[key] {
                return Some(Field::Json(&object[range.clone()]));
            }
        } else if Some(key) == self.message {
            let content = self.subject.content;
            return Some(Field::Text(content.strip_suffix(b"\r").unwrap_or(content).into()));
        }
        if Some(key) == self.file {
            return self.subject.tag.as_ref().map(|tag| Field::Text(tag.path_bytes()));
        }
        None
    }

    fn top_in_other_case(&self, key: usize) -> Option<Field<'r>> {
        let ((object, _), (keys, found)) = (self.object?, self.in_other_case?);
        let found = found.get_or_init(|| {
            let mut found = Found::new();
            keys.read(object, &mut found);
            found
        });
        Some(Field::Json(&object[found[key].clone()?]))
    }

    pub fn get(&self, way: &Way) -> Option<Field<'r>> {
        if way.is_in_other_case {
            return self.top_in_other_case(way.top);
        }
        if way.rest.is_empty() {
            return self.top(way.top);
        }
        let nested = self.top(way.top).and_then(|top| {
            way.rest.iter().try_fold(top, |field, step| match (step, &field) {
                (Step::Key(key), Field::Json(raw)) => member(raw, key).map(Field::Json),
                (Step::Place(place), _) => field.element(*place),
                _ => None,
            })
        });
        nested.or_else(|| self.top(way.dotted?))
    }

    /// The time that a record tells, if it does.
    pub fn time(&self, times: &Times) -> Option<Moment> {
        if self.marks & names::TIME == 0 {
            return None;
        }
        times.0.iter().find_map(|(_, way)| time(&self.get(way)?, self.zone))
    }

    /// The field of a record that counts as a canonical one, and the name that it has; see [`logline::names`].
    pub fn canonical(&self, canonical: &Canonical) -> Option<(Field<'r>, &'static str)> {
        if self.marks & canonical.kind.mark() == 0 {
            return None;
        }
        let fields = || canonical.ways.iter().filter_map(|(name, way)| Some((self.get(way)?, *name)));
        match canonical.kind {
            CanonicalKind::Time => fields().find(|(field, _)| time(field, self.zone).is_some()),
            CanonicalKind::Level => {
                let is_level = |(field, name): &(Field<'_>, &str)| level(field, name).is_some();
                fields()
                    .find(is_level)
                    .or_else(|| fields().find(|(field, _)| field.is_text() || number(field).is_some()))
            }
            CanonicalKind::Message => fields().find(|(field, _)| field.is_text()),
        }
    }
}

/// A field that applications call otherwise.
#[derive(Debug)]
pub struct Canonical {
    /// Which.
    pub kind: CanonicalKind,
    ways: Vec<(&'static str, Way)>,
}

#[derive(Clone, Copy, Debug)]
pub enum CanonicalKind {
    Time,
    Level,
    Message,
}

impl CanonicalKind {
    fn mark(self) -> u32 {
        match self {
            Self::Time => names::TIME,
            Self::Level => names::LEVEL,
            Self::Message => names::MESSAGE,
        }
    }
}

impl Canonical {
    pub fn new(name: &str, names: &mut Names) -> Option<Self> {
        let (kind, all): (_, &'static [&'static str]) = match name {
            "time" => (CanonicalKind::Time, &TIMES),
            "level" => (CanonicalKind::Level, &LEVELS),
            "message" => (CanonicalKind::Message, &MESSAGES),
            _ => return None,
        };
        Some(Self { kind, ways: names.ways(all) })
    }
}

/// The ways to the time of a record.
#[derive(Debug)]
pub struct Times(Vec<(&'static str, Way)>);

impl Times {
    /// Adds the keys to those that are read.
    pub fn new(names: &mut Names) -> Self {
        Self(names.ways(&TIMES))
    }
}

/// A number, or a text that is one.
pub fn number(field: &Field<'_>) -> Option<Number> {
    match field {
        Field::Json([b'"', inner @ .., b'"']) => Number::parse(inner),
        Field::Json(raw) => Number::parse(raw),
        Field::Text(text) => Number::parse(text),
    }
}

/// What a field means as a level.
pub fn level(field: &Field<'_>, name: &str) -> Option<Level> {
    match field {
        Field::Json([b'"' | b'-' | b'0'..=b'9', ..]) | Field::Text(_) => Level::from_field(name, &field.text()),
        Field::Json(_) => None,
    }
}

/// The moment that a field tells as the time of a record.
pub fn time(field: &Field<'_>, zone: &Zone) -> Option<Moment> {
    let reader = Reader::new(zone);
    match field {
        Field::Json(raw) => reader.value(raw),
        Field::Text(text) => reader.text(text),
    }
    .map(|stamp| stamp.moment())
}

/// The moment that any field tells: also a date alone, or an epoch of any size.
pub fn moment(field: &Field<'_>, zone: &Zone) -> Option<Moment> {
    match field {
        Field::Json([b'"' | b'0'..=b'9', ..]) | Field::Text(_) => Reader::new(zone).moment(&field.text()),
        Field::Json(_) => None,
    }
}

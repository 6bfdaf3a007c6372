//! The pieces between which time and level stand: words and brackets, and what parts them.
//!
//! | a level is | |
//! |---|---|
//! | `[warn]`, `<Information>`, `(ERROR)`, `[core:error]` | a word of the table in brackets |
//! | `WARN`, `INFO[0000]`, `ERROR/worker` | a word of the table in capitals |
//! | `info:`, `shop.ERROR:` | one with a colon behind it |
//! | `- error -`, `\| info \|`, TAB `info` TAB, `, Info   ` | one between separators |
//!
//! At most two pieces stand before it, and each has a sign of not being a word of a sentence: brackets, a digit, a point, a
//! separator behind it. So a sentence with the word ERROR in it has no level.

use std::ops::Range;

use logline::level::Level;

/// A word or something in brackets.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where it begins, its bracket included.
    start: usize,
    /// Where it ends.
    pub end: usize,
    is_bracketed: bool,
}

/// What stands before a time and is no sentence.
pub enum BeforeTime {
    /// A level.
    Level(Level),
    /// The number of a process.
    Process(Range<usize>),
    /// The name of a file, a thread or a container.
    Name,
}

/// A level that has been found.
pub struct Found {
    /// `None` where a word is no level, but is written in its place.
    pub level: Option<Level>,
    /// Where the message begins behind it.
    pub end: usize,
    /// Nothing but numbers that become fields stands before it, so that it may be taken off the message.
    pub may_be_cut: bool,
    /// The number of the process, if that stands before it.
    pub process: Option<Range<usize>>,
    /// What it is called.
    pub process_name: &'static str,
}

/// The longest piece.
const LONGEST: usize = 64;

impl Piece {
    /// The piece that begins at `at`; `None` if none does or it is too long for one.
    pub fn read(text: &[u8], at: usize) -> Option<Self> {
        let rest = text.get(at..)?;
        let close = match rest.first()? {
            b'[' => b']',
            b'(' => b')',
            b'<' => b'>',
            b'{' => b'}',
            byte if byte.is_ascii_whitespace() => return None,
            _ => {
                let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'|';
                let length = rest.iter().take(LONGEST + 1).position(is_end).unwrap_or(rest.len());
                return (1..=LONGEST).contains(&length).then_some(Self {
                    start: at,
                    end: at + length,
                    is_bracketed: false,
                });
            }
        };
        let (open, mut depth) = (rest[0], 0);
        for (place, byte) in rest.iter().take(LONGEST).enumerate() {
            if *byte == open {
                depth += 1;
            } else if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return Some(Self { start: at, end: at + place + 1, is_bracketed: true });
                }
            }
        }
        None
    }

    fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        if self.is_bracketed { &text[self.start + 1..self.end - 1] } else { &text[self.start..self.end] }
    }

    /// What it is before a time.
    pub fn before_time(&self, text: &[u8]) -> Option<BeforeTime> {
        let word = self.text(text);
        let is_number = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
        if self.is_bracketed {
            return Some(match bracketed_level(word, true) {
                Some(level) => BeforeTime::Level(level),
                None if is_number => BeforeTime::Process(self.start + 1..self.end - 1),
                None => BeforeTime::Name,
            });
        }
        // `E,`, as Ruby writes it.
        if let [letter, b','] = word
            && letter.is_ascii_uppercase()
        {
            return Level::from_word(&[*letter]).map(BeforeTime::Level);
        }
        if let Some((level, length)) = capital_level(word).or_else(|| level_with_colon(word))
            && matches!(&word[length..], b"" | b":")
        {
            return Some(BeforeTime::Level(level));
        }
        let is_file = memchr::memmem::find(word, b".log").is_some();
        let is_container = text[self.end..].trim_ascii_start().first() == Some(&b'|');
        (is_file || is_container).then_some(BeforeTime::Name)
    }

    /// Whether it shows that it is no word of a sentence.
    fn is_technical(&self, text: &[u8]) -> bool {
        let word = self.text(text);
        let has_sign = |byte: &u8| byte.is_ascii_digit() || b"._/=@#$[]".contains(byte);
        let stem = word.strip_suffix(b".").unwrap_or(word);
        self.is_bracketed || word == b"main" || stem.iter().any(has_sign) || is_set_off(text, self.end)
    }
}

/// Whether a separator follows at `at`: ` - `, `|`, a tab.
fn is_set_off(text: &[u8], at: usize) -> bool {
    matches!(text[at..].trim_ascii_start(), [b'|', ..] | [b'-', b' ', ..]) || text.get(at) == Some(&b'\t')
}

/// Whether nothing goes on here that is part of a word.
pub fn is_word_end(text: &[u8]) -> bool {
    text.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// Where what follows a time, a level or a piece begins: behind spaces and one separator (`-`, `|`, `:`, `,`).
pub fn skip_separator(text: &[u8], at: usize) -> usize {
    let at = skip_space(text, at);
    let at = match &text[at..] {
        [b':' | b',' | b'|', ..] | [b'-', b' ' | b'\t', ..] => at + 1,
        [b'-', b'-', b' ', b':', ..] => at + 4,
        _ => return at,
    };
    skip_space(text, at)
}

fn skip_space(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// A level in capitals that `text` begins with, and its length; something that is no part of a word follows it.
pub fn capital_level(text: &[u8]) -> Option<(Level, usize)> {
    let length = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    // HTTP, NOTE and LOG are words of sentences in capitals as well.
    if length < 3 || matches!(&text[..length], b"HTTP" | b"NOTE" | b"LOG") {
        return None;
    }
    let is_end = matches!(text.get(length), None | Some(b' ' | b'\t' | b':' | b'[' | b'/' | b'>' | b'|' | b',' | b']'));
    Some((Level::from_word(&text[..length]).filter(|_| is_end)?, length))
}

/// A level in any case with a colon behind it, and the length without that.
fn level_with_colon(text: &[u8]) -> Option<(Level, usize)> {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if length < 3 || text.get(length) != Some(&b':') || text[..length].eq_ignore_ascii_case(b"note") {
        return None;
    }
    Some((Level::from_word(&text[..length])?, length))
}

/// A level between brackets: the whole, or what follows the name of a module (`core:error`).
fn bracketed_level(inner: &[u8], is_next: bool) -> Option<Level> {
    let inner = inner.trim_ascii();
    let word = match memchr::memrchr(b':', inner) {
        Some(colon) if inner[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') => {
            &inner[colon + 1..]
        }
        _ => inner,
    };
    // `[07:24:02 INF]`
    let word = match inner.first() {
        Some(b'0'..=b'9') => &inner[memchr::memrchr(b' ', inner)? + 1..],
        _ => word,
    };
    let is_letter = word.len() == 1 && word[0].is_ascii_uppercase() && is_next;
    Level::from_word(word).filter(|_| word.len() >= 3 || is_letter)
}

/// The level behind a time, or at the beginning of a line that has none.
pub fn find_level(text: &[u8], from: usize, is_timed: bool) -> Option<Found> {
    let mut at = from;
    let mut process = None;
    let mut are_numbers = true;
    // What parts the piece from the one before it is a separator, not only a space.
    let mut is_set_off_before =
        is_timed && from > 0 && matches!(text[..from].trim_ascii_end().last(), Some(b'-' | b'|' | b','));
    is_set_off_before |= from > 0 && text[from - 1] == b'\t';
    let mut pairs = 0;
    for count in 0.. {
        let piece = Piece::read(text, at)?;
        let word = piece.text(text);
        let is_next = count == 0;
        if let Some((level, end)) = level_of(text, &piece, is_timed, is_next, is_set_off_before) {
            let is_kept = process.is_some() && is_postgres(&text[at..]);
            return Some(Found {
                level,
                end: if is_kept { at } else { end },
                may_be_cut: are_numbers && level_begins(text, &piece),
                process,
                process_name: if piece.is_bracketed && text[from] != b'[' { "thread_id" } else { "pid" },
            });
        }
        let is_pair = memchr::memchr(b'=', word).is_some();
        pairs += usize::from(is_pair);
        if count + 1 > 2 + pairs || pairs > 4 || !piece.is_technical(text) {
            return None;
        }
        // Without a time before it, only what cannot begin a sentence may stand before a level.
        let is_clock = word.first().is_some_and(u8::is_ascii_digit) && memchr::memchr(b':', word).is_some();
        if is_next && !is_timed && !piece.is_bracketed && !is_clock {
            return None;
        }
        let is_number = !word.is_empty() && word.len() < 12 && word.iter().all(u8::is_ascii_digit);
        are_numbers &= is_number && process.is_none();
        if is_number && is_next && is_timed {
            process = Some(if piece.is_bracketed { piece.start + 1..piece.end - 1 } else { piece.start..piece.end });
        }
        let next = skip_separator(text, piece.end);
        is_set_off_before = text[piece.end..next].iter().any(|byte| matches!(byte, b'-' | b'|' | b'\t' | b','));
        if next == piece.end && !text.get(next).is_some_and(|byte| matches!(byte, b'[' | b'(' | b'{' | b'<')) {
            return None;
        }
        at = next;
    }
    None
}

/// Whether the level stands at the beginning of the piece.
fn level_begins(text: &[u8], piece: &Piece) -> bool {
    piece.is_bracketed
        && bracketed_level(piece.text(text), true)
            .is_some_and(|_| memchr::memchr(b' ', piece.text(text).trim_ascii()).is_none())
        || (!piece.is_bracketed && dotted(piece.text(text)).is_none())
}

/// The level that a piece tells, and where the message begins behind it.
fn level_of(
    text: &[u8],
    piece: &Piece,
    is_timed: bool,
    is_next: bool,
    is_set_off_before: bool,
) -> Option<(Option<Level>, usize)> {
    let word = piece.text(text);
    if is_http(word) && !is_winston_http(text, piece, is_timed) {
        return None;
    }
    if piece.is_bracketed {
        // A brace or an angle is around much else.
        let is_level = text[piece.start] != b'{' && (is_timed || text[piece.start] != b'(');
        let level = bracketed_level(word, is_next && is_timed).filter(|_| is_level)?;
        return Some((Some(level), skip_separator(text, piece.end)));
    }
    if let Some((level, length)) = capital_level(word) {
        let end = piece.start + length;
        let end = if matches!(text.get(end), Some(b'/' | b'>')) { end + 1 } else { skip_separator(text, end) };
        return Some((Some(level), end));
    }
    if let Some((level, length)) = level_with_colon(word)
        && (is_next || is_set_off_before || text[..piece.start].trim_ascii_end().last() == Some(&b']'))
        && (length + 1 == word.len() || is_next)
    {
        return Some((Some(level), skip_separator(text, piece.start + length)));
    }
    if is_timed && is_postgres(word) && !is_next {
        return Some((postgres_level(word), piece.start));
    }
    if is_timed && let Some(level) = dotted(word) {
        return Some((Some(level), piece.end));
    }
    let gap = text[piece.end..].iter().take_while(|byte| **byte == b' ').count();
    if is_set_off_before && word.len() >= 3 && (is_set_off(text, piece.end) || gap > 1) {
        return Some((Some(Level::from_word(word)?), skip_separator(text, piece.end)));
    }
    None
}

fn is_http(word: &[u8]) -> bool {
    word.strip_suffix(b":").unwrap_or(word).eq_ignore_ascii_case(b"http")
}

/// Whether `http` is winston's level: a colon follows, behind a time. Go's net/http begins its messages with it as well, but
/// behind a date with slashes; and many a module has this name.
fn is_winston_http(text: &[u8], piece: &Piece, is_timed: bool) -> bool {
    let has_colon = piece.text(text).ends_with(b":") || text.get(piece.end) == Some(&b':');
    is_timed && has_colon && memchr::memchr(b'/', &text[..piece.start]).is_none()
}

/// `shop.ERROR:`, as Monolog and Laravel write it.
fn dotted(word: &[u8]) -> Option<Level> {
    let word = word.strip_suffix(b":")?;
    let point = memchr::memrchr(b'.', word)?;
    let (name, level) = (&word[..point], &word[point + 1..]);
    let is_capital = level.len() >= 3 && level.iter().all(u8::is_ascii_uppercase);
    Level::from_word(level).filter(|_| is_capital && !name.is_empty())
}

/// PostgreSQL's words with their colon and two spaces: they stay in the message, for of `DETAIL:  ` and its like none is a
/// level.
const POSTGRES: [&[u8]; 17] = [
    b"LOG:",
    b"ERROR:",
    b"FATAL:",
    b"PANIC:",
    b"WARNING:",
    b"NOTICE:",
    b"INFO:",
    b"DEBUG:",
    b"DEBUG1:",
    b"DEBUG2:",
    b"DETAIL:",
    b"HINT:",
    b"STATEMENT:",
    b"CONTEXT:",
    b"QUERY:",
    b"LOCATION:",
    b"BACKTRACE:",
];

fn is_postgres(text: &[u8]) -> bool {
    POSTGRES.iter().any(|word| text.strip_prefix(*word).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"  ")))
}

/// What such a word means, if it is a level.
fn postgres_level(word: &[u8]) -> Option<Level> {
    Level::from_word(word.strip_suffix(b":")?)
}

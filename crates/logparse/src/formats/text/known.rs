//! Beginnings that a few programs write in a way of their own, and that no general rule could read without reading others
//! wrong.
//!
//! | line | from |
//! |---|---|
//! | `30582:M 29 Nov 2026 07:20:28.123 * Ready` | Redis; its sign is the level |
//! | `081109 203615 148 INFO dfs.DataNode: x`, `17/06/09 20:10:40 INFO executor.X: y` | Hadoop, Spark |
//! | `03-17 16:13:38.811  1702  2395 D WindowManager: x` | Android |
//! | `1764397442.946    123 10.0.0.1 TCP_MISS/200` | Squid |
//! | `[10.30 16:49:06] chrome.exe - x` | Proxifier |
//! | `[I 261129 07:24:02 web:2162] x`, `[I 2026-11-29 07:24:02.946 ServerApp] x` | Tornado, Jupyter |
//! | `- 1117838570 2005.06.03 node time … RAS KERNEL INFO x` | the logs of clusters: an alert or `-`, an epoch, a date, a node |
//! | `134681 node-246 unix.hw state_change.unavailable 1077804742 1 x` | another of these: an epoch in the fifth place |

use logline::level::Level;

use super::Beginning;
use super::piece::{capital_level, is_word_end, skip_separator};
use crate::clock::Clock;

/// Reads such a beginning, if the line has one.
pub fn read(text: &[u8], clock: &Clock) -> Option<Beginning> {
    match text.first()? {
        b'0'..=b'9' => redis(text, clock)
            .or_else(|| hadoop(text, clock))
            .or_else(|| spark(text, clock))
            .or_else(|| android(text, clock))
            .or_else(|| squid(text, clock))
            .or_else(|| fifth_place(text, clock)),
        b'[' => proxifier(text, clock).or_else(|| tornado(text, clock)),
        b'-' | b'A'..=b'Z' => cluster(text, clock),
        _ => None,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || digits(text) < text.len() || text.len() > 4 {
        return None;
    }
    Some(text.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

fn skip_spaces(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| **byte == b' ').count()
}

fn redis(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let pid = digits(text);
    let [b':', b'X' | b'C' | b'S' | b'M', b' ', rest @ ..] = &text[pid..] else { return None };
    let (stamp, length) = clock.reader().leading(rest).ok()?;
    let [b' ', sign, b' ', message @ ..] = &rest[length..] else { return None };
    let level = match sign {
        b'.' => Level::Debug,
        b'-' => Level::Info,
        b'*' => Level::Notice,
        b'#' => Level::Warn,
        _ => return None,
    };
    Some(Beginning {
        time: Some(stamp),
        level: Some(level),
        fields: vec![("pid", 0..pid)],
        message: text.len() - message.len(),
        ..Beginning::default()
    })
}

/// The date and the time are two numbers, and a process and a level follow.
fn hadoop(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let [_, _, _, _, _, _, b' ', h1, h2, m1, m2, s1, s2, b' ', rest @ ..] = text else { return None };
    let pid = digits(rest);
    if digits(text) != 6 || pid == 0 || rest.get(pid) != Some(&b' ') {
        return None;
    }
    let (level, length) = capital_level(&rest[pid + 1..])?;
    let date = [2000 + number(&text[..2])?, number(&text[2..4])?, number(&text[4..6])?];
    let (stamp, _) = clock.reader().clock(date, &[*h1, *h2, b':', *m1, *m2, b':', *s1, *s2]).ok()?;
    Some(Beginning {
        time: Some(stamp),
        level: Some(level),
        fields: vec![("pid", 14..14 + pid)],
        message: skip_separator(text, 14 + pid + 1 + length),
        ..Beginning::default()
    })
}

/// Only the level in capitals tells that the year comes first.
fn spark(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let [y1, y2, b'/', m1, m2, b'/', d1, d2, b' ', rest @ ..] = text else { return None };
    let clock_length = rest.iter().position(|byte| *byte == b' ')?;
    let (level, length) = capital_level(&rest[clock_length + 1..])?;
    let date = [2000 + number(&[*y1, *y2])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?];
    let (stamp, end) = clock.reader().clock(date, &rest[..clock_length]).ok()?;
    (end == clock_length).then(|| Beginning {
        time: Some(stamp),
        level: Some(level),
        message: skip_separator(text, 9 + clock_length + 1 + length),
        ..Beginning::default()
    })
}

fn android(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let [m1, m2, b'-', d1, d2, b' ', rest @ ..] = text else { return None };
    let (stamp, length) = clock.reader().yearless_clock(number(&[*m1, *m2])?, number(&[*d1, *d2])?, rest).ok()?;
    let mut at = 6 + length;
    let mut fields = Vec::new();
    for name in ["pid", "tid"] {
        let from = skip_spaces(text, at);
        let count = digits(&text[from..]);
        if count > 0 {
            fields.push((name, from..from + count));
            at = from + count;
        }
    }
    at = skip_spaces(text, at);
    let [letter, b' ' | b'/', _, ..] = &text[at..] else { return None };
    let level = match letter {
        b'V' => Level::Trace,
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' => Level::Crit,
        _ => return None,
    };
    Some(Beginning { time: Some(stamp), level: Some(level), fields, message: at + 2, ..Beginning::default() })
}

/// Only its decimals tell an epoch from any other number.
fn squid(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let length = text.iter().position(|byte| *byte == b' ')?;
    let is_exact = matches!(text[..length], [.., b'.', _, _, _]) && digits(text) + 4 == length;
    let stamp = clock.reader().text(&text[..length]).filter(|_| is_exact)?;
    Some(Beginning { time: Some(stamp), message: skip_spaces(text, length), ..Beginning::default() })
}

fn proxifier(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let [b'[', m1, m2, b'.', d1, d2, b' ', rest @ ..] = text else { return None };
    let (stamp, length) = clock.reader().yearless_clock(number(&[*m1, *m2])?, number(&[*d1, *d2])?, rest).ok()?;
    let is_whole = rest[length..].starts_with(b"] ");
    is_whole.then(|| Beginning { time: Some(stamp), message: 7 + length + 2, ..Beginning::default() })
}

fn tornado(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let [b'[', letter @ (b'D' | b'I' | b'W' | b'E' | b'C'), b' ', rest @ ..] = text else { return None };
    let (stamp, length) = clock.reader().leading(rest).ok()?;
    let level = if *letter == b'C' { Level::Crit } else { Level::from_word(&[*letter])? };
    let is_open = rest.get(length) != Some(&b']');
    let end = 3 + length;
    Some(Beginning {
        time: Some(stamp),
        level: Some(level),
        is_open,
        message: if is_open { skip_spaces(text, end) } else { skip_separator(text, end + 1) },
        ..Beginning::default()
    })
}

/// The epoch is the time: the other stamp is of a zone that the line does not tell.
fn cluster(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let label = text.iter().position(|byte| *byte == b' ')?;
    let rest = &text[label + 1..];
    let [epoch @ .., _] = rest.get(..11)? else { return None };
    let is_date = matches!(rest.get(10..22), Some([b' ', _, _, _, _, b'.', _, _, b'.', _, _, b' ']));
    if label > 16 || digits(rest) != 10 || !is_date {
        return None;
    }
    let stamp = clock.reader().text(epoch)?;
    let message = label + 1 + 22;
    // `node time node RAS KERNEL INFO`
    let level = text[message..]
        .split(|byte| *byte == b' ')
        .skip(3)
        .take(4)
        .find_map(|word| capital_level(word).filter(|(_, length)| *length == word.len()).map(|(level, _)| level));
    Some(Beginning { time: Some(stamp), level, message, ..Beginning::default() })
}

fn fifth_place(text: &[u8], clock: &Clock) -> Option<Beginning> {
    let words: Vec<&[u8]> = text.split(|byte| *byte == b' ').take(6).collect();
    let [id, node, part, state, epoch, flag] = words[..] else { return None };
    let is_name = |word: &[u8]| word.iter().any(|byte| matches!(byte, b'.' | b'-' | b'_')) && is_word_end(&word[..0]);
    let is_number = |word: &[u8]| !word.is_empty() && digits(word) == word.len();
    let fits = is_number(id) && [node, part, state].into_iter().all(is_name) && is_number(flag);
    let stamp = clock.reader().text(epoch).filter(|_| fits && is_number(epoch) && epoch.len() == 10)?;
    Some(Beginning { time: Some(stamp), ..Beginning::default() })
}

/// `PHP Warning:  ` behind a time: the level, and how long it is.
pub fn php(text: &[u8]) -> Option<(Option<Level>, usize)> {
    const KINDS: [(&[u8], Level); 8] = [
        (b"Notice", Level::Notice),
        (b"Deprecated", Level::Notice),
        (b"Strict Standards", Level::Notice),
        (b"Warning", Level::Warn),
        (b"Recoverable fatal error", Level::Error),
        (b"Fatal error", Level::Crit),
        (b"Parse error", Level::Crit),
        (b"Core Warning", Level::Warn),
    ];
    let rest = text.strip_prefix(b"PHP ")?;
    let (kind, level) = KINDS.into_iter().find(|(kind, _)| rest.starts_with(kind))?;
    let spaces = rest[kind.len()..].strip_prefix(b":")?.iter().take_while(|byte| **byte == b' ').count();
    Some((Some(level), 4 + kind.len() + 1 + spaces))
}

//! One JSON object a line. Its members are passed on as they are, numbers by their digits; of equal keys the last wins.

use std::borrow::Cow;
use std::collections::HashSet;

use logline::json::{Member, is_valid_object, members, unescape_inner};

use crate::record::Record;

/// Writes the members of the object that `line` is.
pub fn parse(line: &[u8], record: &mut Record<'_>) -> Result<(), &'static str> {
    let text = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    if text.first() != Some(&b'{') {
        return Err("not an object");
    }
    let text = match std::str::from_utf8(text) {
        Ok(_) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(String::from_utf8_lossy(text).into_owned().into_bytes()),
    };
    if !is_valid_object(&text) {
        return Err("not one valid object");
    }
    write_members(&text, record);
    Ok(())
}

/// Writes the members of a valid object, of equal keys the last.
pub fn write_members(object: &[u8], record: &mut Record<'_>) {
    let all: Vec<Member<'_>> = members(object).map_while(Result::ok).collect();
    // From behind, so that the last of equal keys is the first seen.
    let mut seen = HashSet::new();
    let mut wins = vec![true; all.len()];
    for (index, member) in all.iter().enumerate().rev() {
        wins[index] = seen.insert(unescape_inner(member.key));
    }
    for (member, _) in all.iter().zip(wins).filter(|(_, wins)| *wins) {
        record.member(member.key, member.value);
    }
}

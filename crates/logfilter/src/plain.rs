//! Objects as logparse writes most of them, read by what stood in the objects before them; see [`logline::plain`].

use logline::names;
use logline::plain::Layout;

use crate::reading::Names;
use crate::record::Found;

/// The mark of a key that is asked for as it is spelled. Below it stand those of [`names::marks`].
const ASKED: u32 = 1 << 8;
/// The mark of a key that is asked for in another case.
pub const IN_OTHER_CASE: u32 = 1 << 9;

/// The marks of keys that may tell a canonical field.
pub const CANONICAL: u32 = names::TIME | names::LEVEL | names::MESSAGE;

/// Reads plain objects. In a log in which most objects are not plain, only few are tried.
#[derive(Debug, Default)]
pub struct Plain {
    layout: Layout,
    /// The number of objects that are skipped before the next one is tried.
    to_skip: u32,
    /// The number of objects skipped after the last failure. Each further failure doubles it, a success makes it zero.
    skipped: u32,
}

/// The most objects that are skipped after one failure.
const MOST: u32 = 63;

impl Plain {
    /// Looks for all keys in `object` if it is a whole object and plain, and returns the marks of those that are there. Else, or
    /// if it is not tried, the result is `None`, and `found` says nothing. `names` must be the same each time.
    pub fn read(&mut self, object: &[u8], names: &Names, found: &mut Found) -> Option<u32> {
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return None;
        }
        names.keys.clear(found);
        let mark = |key: &[u8]| {
            let asked = if names.keys.has(key) { ASKED } else { 0 };
            let in_other_case = if names.keys_in_other_case.has(key) { IN_OTHER_CASE } else { 0 };
            match asked | in_other_case {
                0 => 0,
                marks => marks | names::marks(key),
            }
        };
        let marks = self.layout.read_object(object, mark, |member| names.keys.enter_member(object, member, found));
        self.skipped = if marks.is_some() { 0 } else { (2 * self.skipped + 1).min(MOST) };
        self.to_skip = self.skipped;
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_asked_for_have_marks() {
        let mut names = Names::default();
        names.ways(&names::LEVELS);
        let (mut plain, mut found) = (Plain::default(), Found::new());
        let mut read = |object: &str| plain.read(object.as_bytes(), &names, &mut found);
        assert_eq!(read(r#"{"time":"x","a":1}"#), Some(0));
        assert_eq!(read(r#"{"time":"x","level":1}"#), Some(ASKED | names::LEVEL));
        assert_eq!(read(r#"{"time":"x","Level":1}"#), Some(IN_OTHER_CASE | names::LEVEL));
    }

    #[test]
    fn after_objects_that_are_not_plain_some_are_skipped_and_none_once_one_is_plain_again() {
        let names = Names::default();
        let (mut plain, mut found) = (Plain::default(), Found::new());
        let mut read = |object: &str| plain.read(object.as_bytes(), &names, &mut found).is_some();
        for _ in 0..1000 {
            assert!(!read(r#"{"a":{}}"#));
        }
        let skipped = (0..1000).take_while(|_| !read(r#"{"a":1}"#)).count();
        assert!((1..=MOST as usize).contains(&skipped), "{skipped}");
        assert!(read(r#"{"a":1}"#));
    }
}

//! Names with a slip in them: which known name was meant.

/// Of the names the one that differs least from `name`, if in no more than `most` letters and not in all of them.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>, most: usize) -> Option<&'a str> {
    let distances = names.into_iter().map(|known| (distance(name, known), known));
    distances.min().filter(|(distance, _)| *distance <= most && *distance < name.len()).map(|(_, known)| known)
}

/// Letters to insert, remove or change, by Levenshtein.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (to, target) in other.bytes().enumerate() {
            let replaced = corner + usize::from(letter != target);
            corner = row[to + 1];
            row[to + 1] = replaced.min(row[to] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_differs_least_is_meant_and_none_that_differs_in_all() {
        let names = ["status", "state", "uri"];
        assert_eq!(nearest("staus", names, 2), Some("status"));
        assert_eq!(nearest("uri", names, 2), Some("uri"));
        assert_eq!(nearest("method", names, 2), None);
        assert_eq!(nearest("xy", ["ab"], 2), None);
    }
}

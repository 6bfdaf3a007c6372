//! Objects read without a tree are what serde_json reads with one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logline::json::{escape, is_valid_object, members, unescape, unescape_inner, value_length, write_string};
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    strings(text);
    let is_valid = is_valid_object(text);
    if let Some(length) = value_length(text) {
        assert!((1..=text.len()).contains(&length));
    }
    // Of a broken object it may be anything, but neither a panic nor no end.
    let read: Vec<_> = members(text).take(text.len() + 2).collect();
    // What is missing is told even where there is nothing.
    assert!(read.len() <= text.len() + 1);
    // serde_json gives up at 128 levels and has no numbers beyond a double.
    let known = serde_json::from_slice::<Value>(text);
    match known {
        Ok(Value::Object(object)) => {
            assert!(is_valid, "serde_json reads it");
            let names: Vec<_> = read.iter().map(|member| member.as_ref().map(|member| member.key.to_vec())).collect();
            assert!(names.iter().all(Result::is_ok));
            for member in read.into_iter().flatten() {
                // A lone surrogate is no text in Rust.
                let Some(key) = unescape_inner(member.key).and_then(|key| String::from_utf8(key.into_owned()).ok())
                else {
                    continue;
                };
                assert!(object.contains_key(&key), "{key}");
            }
        }
        Ok(_) => assert!(!is_valid, "it is no object"),
        Err(error) => {
            let words = error.to_string();
            let is_ours_too = words.contains("recursion") || words.contains("range") || words.contains("surrogate");
            assert!(!is_valid || is_ours_too || std::str::from_utf8(text).is_err() || words.contains("hex"), "{words}");
        }
    }
});

/// Any text written as a string is valid, and text in UTF-8 comes back.
fn strings(text: &[u8]) {
    let mut written = Vec::new();
    write_string(&mut written, text);
    let read: String = serde_json::from_slice(&written).expect("a valid string");
    let mut inner = Vec::new();
    escape(&mut inner, text);
    assert_eq!(written[1..written.len() - 1], inner);
    let back = unescape(&written).expect("a string");
    assert_eq!(&*back, read.as_bytes());
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(read, text);
    }
    // Not written by us: anything.
    let _ = unescape(text);
    let _ = unescape_inner(text);
}

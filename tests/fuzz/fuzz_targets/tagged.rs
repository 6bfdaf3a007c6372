//! A line is what its kind says, a path comes back from its tag, and what is written as a tagged line is read as one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logline::line::{
    Item, classify, escape_path, is_no_mark, unescape_path, unparsed, write_mark, write_mark_record, write_tag,
};
use logline::position::Mark;

fuzz_target!(|line: &[u8]| {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    for carried in [false, true] {
        match classify(line, carried) {
            Item::Line(read) => {
                assert_eq!(read.raw, line);
                assert!(line.ends_with(read.content));
                if let (Some(tag), Some(position)) = (read.tag, read.position()) {
                    let mut again = Vec::new();
                    write_tag(&mut again, &position, &escape_path(&tag.path_bytes()));
                    again.extend_from_slice(read.content);
                    let Item::Line(same) = classify(&again, carried) else { panic!("a line of ours is none") };
                    assert_eq!((same.position(), same.content), (read.position(), read.content));
                    assert_eq!(same.tag.map(|tag| tag.path_bytes()), Some(tag.path_bytes()));
                }
            }
            Item::Mark(mark, raw) => {
                assert_eq!(raw, line);
                assert!(!is_no_mark(line));
                let as_record = |out: &mut Vec<u8>, mark: &_| write_mark_record(out, mark, unparsed(raw));
                for write in [&write_mark as &dyn Fn(&mut Vec<u8>, &Mark), &as_record] {
                    let mut again = Vec::new();
                    write(&mut again, &mark);
                    assert_eq!(again.pop(), Some(b'\n'));
                    assert!(matches!(classify(&again, carried), Item::Mark(same, _) if same == mark));
                }
            }
            Item::End(raw) => assert!(carried && raw == line && !is_no_mark(line)),
            Item::CountersAsked | Item::Idle => panic!("nobody asks"),
        }
    }
    assert_eq!(&*unescape_path(&escape_path(line)), line);
});

//! A condition is taken or refused at a column of its own text, and what is taken is asked of any line: with and without
//! what it looks for ahead, the answer is the same. The first line of the input is the condition, the others are asked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logfilter::parse::parse;
use logfilter::query::Query;
use logfilter::record::Subject;
use logline::time::Zone;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let Some(text) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else { return };
    let expression = match parse(text, &Zone::Fixed(0)) {
        Ok(expression) => expression,
        Err(mistake) => {
            assert!(mistake.column(text) <= text.chars().count() && !mistake.expected.is_empty());
            return;
        }
    };
    let mut query = Query::new(&[expression], None, None, Zone::Fixed(0));
    for line in lines {
        let subject = Subject::new(line);
        let holds = query.holds(&subject);
        assert_eq!(holds, query.holds(&subject), "asked again");
    }
});

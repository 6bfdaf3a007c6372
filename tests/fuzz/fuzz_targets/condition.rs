//! A condition is taken or refused at a column of its own text, and what is taken is asked of any line: with and without
//! what it looks for ahead, the answer is the same. The first line of the input is the condition, the others are asked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logfilter::{Ahead, Judgement, Query, Subject, parse};
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
    let mut query = Query::new(&[expression], None, None, Zone::Fixed(0), false);
    for line in lines {
        let subject = Subject::new(line);
        let judgement = query.judge(&subject);
        assert_eq!(judgement, query.judge(&subject), "asked again");
        if let Some(needles) = query.needles().filter(|_| judgement == Judgement::Holds) {
            assert!(needles.find(line, 0, &mut Ahead::default()).is_some(), "a line that is kept has no needle");
        }
    }
});

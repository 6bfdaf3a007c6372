//! A last line that its writer takes back before what stands in front of it is acknowledged: all of that keeps its identity.

use std::collections::BTreeSet;
use std::time::Duration;

use logline::position::Fid;

use crate::field::{put, text_of};
use crate::stage::{Arrived, Stage, on_fake};

/// What tells one record from another where it is delivered, and what it holds.
type Record = (Fid, u64, u64, String);

fn records(came: &[Arrived]) -> BTreeSet<Record> {
    let record = |line: &Arrived| (line.position.fid, line.position.start, line.position.end, line.text());
    came.iter().map(record).collect()
}

/// The writer of `a` takes its last line `]` back, to write `line` and `]` in its place.
fn take_back(stage: &mut Stage, line: &str) {
    let end = stage.content("a").len() - "]\n".len();
    put(stage, "a", end, format!("{line}\n]\n").as_bytes());
}

/// Ends without a word, and begins again; what had come may be stored without being acknowledged.
fn killed(stage: &mut Stage, meanwhile: impl FnOnce(&mut Stage)) {
    stage.kill();
    meanwhile(stage);
    stage.start();
}

/// `a` holds three lines, and they have come.
fn three(stage: &mut Stage) -> BTreeSet<Record> {
    stage.append("a", "one\ntwo\n]\n");
    stage.start();
    records(&stage.come(3))
}

/// `a` holds a hundred lines, and its writer has taken the last one back: what has come of it, and is still there.
fn a_hundred_and_taken_back(stage: &mut Stage) -> BTreeSet<Record> {
    stage.append("a", &format!("{}]\n", text_of(0..100)));
    stage.start();
    let before = without(&records(&stage.come(101)), "]");
    take_back(stage, "three");
    before.into_iter().chain(records(&stage.come(2))).collect()
}

fn copy_and_truncate(stage: &mut Stage) {
    stage.copy("a", "a.1");
    stage.truncate("a");
    stage.append("a", "new\n");
}

/// What a line holds that takes several reads, and is cut.
fn longer_than_a_read(stage: &mut Stage) -> String {
    stage.option(&[], |plan| {
        plan.chunk = 256;
        plan.shape.max_line = 300;
    });
    "l".repeat(1000)
}

fn without(records: &BTreeSet<Record>, text: &str) -> BTreeSet<Record> {
    records.iter().filter(|record| record.3 != text).cloned().collect()
}

#[test]
fn w45_what_stands_in_front_of_a_line_taken_back_while_down_is_what_it_was() {
    on_fake(&["a"], |stage| {
        let before = without(&three(stage), "]");
        killed(stage, |stage| take_back(stage, "three"));
        let came = stage.come(4);
        assert_eq!(came.iter().map(Arrived::text).collect::<Vec<_>>(), ["one", "two", "three", "]"]);
        assert_eq!(records(&came[..2]), before);
        assert_ne!(came[2].position.fid, came[0].position.fid);
        // None of it is acknowledged yet, so it comes once more as it was.
        for _ in 0..2 {
            killed(stage, |_| {});
            assert_eq!(records(&stage.come(4)), records(&came));
        }
    });
}

#[test]
fn w45_what_went_on_as_another_generation_keeps_its_identity_in_a_kill() {
    on_fake(&["a"], |stage| {
        let before = without(&three(stage), "]");
        take_back(stage, "three");
        let after = records(&stage.come(2));
        take_back(stage, "four");
        let last = records(&stage.come(2));
        killed(stage, |_| {});
        let again = records(&stage.come(5));
        let all: BTreeSet<Record> = [before, without(&after, "]"), last].into_iter().flatten().collect();
        assert_eq!(again, all);
    });
}

#[test]
fn what_is_owed_begins_where_it_was_acknowledged_and_ends_with_a_watermark() {
    for is_down in [false, true] {
        on_fake(&["a"], |stage| {
            three(stage);
            let first = stage.arrived[0].position.fid;
            stage.acknowledge_first(1);
            if !is_down {
                take_back(stage, "three");
                stage.come(2);
            }
            killed(stage, |stage| {
                stage.ended.clear();
                if is_down {
                    take_back(stage, "three");
                }
            });
            let came = stage.come(3);
            assert_eq!((came[0].text(), came[0].position.fid), ("two".to_owned(), first));
            stage.pass(2);
            let times = stage.ended.iter().filter(|fid| **fid == first).count();
            assert_eq!(times, 1, "it ends once, behind its last line");
            stage.acknowledge();
            stage.pass(2);
            let known = stage.fake().run.as_ref().unwrap().follower.count().0;
            assert_eq!(known, 1, "the first is kept no longer than it is needed");
        });
    }
}

#[test]
fn all_that_was_taken_back_in_turn_is_owed_by_the_last() {
    on_fake(&["a"], |stage| {
        let mut all = without(&three(stage), "]");
        for line in ["three", "four", "five"] {
            killed(stage, |stage| take_back(stage, line));
            let came = records(&stage.come(all.len() + 2));
            assert!(came.is_superset(&all), "{came:?}, {all:?}");
            all = without(&came, "]");
        }
        assert_eq!(all.iter().map(|record| record.0).collect::<BTreeSet<_>>().len(), 4, "each went on as another");
    });
}

#[test]
fn a_line_that_is_cut_or_longer_than_a_read_is_owed_as_it_was() {
    on_fake(&["a"], |stage| {
        let long = longer_than_a_read(stage);
        stage.append("a", &format!("one\n{long}\nha"));
        stage.start();
        let mut before = records(&stage.come(2));
        stage.drain();
        before.extend(records(&stage.come(1)));
        stage.append("a", "lf\n]\n");
        stage.start();
        let all = records(&stage.come(5));
        assert!(all.is_superset(&before));
        killed(stage, |stage| take_back(stage, "three"));
        let came = stage.come(6);
        assert_eq!(records(&came[..4]), without(&all, "]"));
        assert_eq!([came[2].flags(), came[3].flags()], ["p", "c"]);
        killed(stage, |_| {});
        let again = stage.come(6);
        assert_eq!(records(&again), records(&came));
        assert_eq!([again[2].flags(), again[3].flags()], ["p", "c"]);
    });
}

#[test]
fn a_line_whose_end_was_taken_back_too_is_owed_by_none_but_the_last() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n{1}\n]\n");
        stage.start();
        let before = stage.come(3);
        killed(stage, |stage| put(stage, "a", 5, b",\n{2}\n]\n"));
        let came = stage.come(4);
        assert_eq!(came.iter().map(Arrived::text).collect::<Vec<_>>(), ["[", "{1},", "{2}", "]"]);
        assert_eq!(came[0].position.fid, before[0].position.fid);
        assert!(came[1..].iter().all(|line| line.position.fid == came[3].position.fid));
        assert_ne!(came[1].position.fid, before[1].position.fid);
    });
}

#[test]
fn what_a_state_does_not_know_well_enough_is_read_from_its_head() {
    on_fake(&["a"], |stage| {
        three(stage);
        take_back(stage, "three");
        let younger = stage.come(2)[0].position.fid;
        let early = stage.fake().kept.files.load().unwrap();
        stage.append("a", "and more\n");
        let end = stage.come(1)[0].position.end;
        stage.kill();
        let kept = &mut stage.fake().kept;
        kept.files.save(&early);
        kept.save_acks([(younger, end)].into_iter());
        stage.start();
        stage.comes(&["one", "two", "three", "]", "and more"]);
        stage.says("the state is older than what was delivered of it");
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.count().0, 1, "nothing of the others is kept");
    });
}

#[test]
fn what_is_owed_of_a_copied_and_truncated_file_comes_from_the_copy() {
    on_fake(&["a"], |stage| {
        let taken_back = a_hundred_and_taken_back(stage);
        killed(stage, copy_and_truncate);
        let came = records(&stage.come(103));
        assert!(came.is_superset(&taken_back), "{}", stage.said_all());
    });
}

#[test]
fn a_line_is_not_taken_back_where_another_begins_in_the_place_of_the_lf_before_it() {
    on_fake(&["a"], |stage| {
        stage.append("a", "\n\nk13:d.d.d\n");
        stage.start();
        stage.comes(&["", "", "k13:d.d.d"]);
        killed(stage, |stage| stage.overwrite("a", "\nk18:12.\n"));
        stage.come_at_least(2);
        let last = stage.arrived.last().map(Arrived::text);
        assert_eq!(last.as_deref(), Some("k18:12."));
    });
}

#[test]
fn what_is_owed_goes_along_with_a_content_that_was_copied_and_truncated_before_another_kill() {
    on_fake(&["a"], |stage| {
        let taken_back = a_hundred_and_taken_back(stage);
        copy_and_truncate(stage);
        let new = records(&stage.come(1));
        let all: BTreeSet<Record> = [taken_back, new].into_iter().flatten().collect();
        for _ in 0..2 {
            killed(stage, |_| {});
            assert_eq!(records(&stage.come(103)), all, "{}", stage.said_all());
        }
    });
}

#[test]
fn a_kill_before_the_first_read_of_what_is_owed_changes_no_identity() {
    on_fake(&["a"], |stage| {
        let before = without(&three(stage), "]");
        stage.kill();
        take_back(stage, "three");
        stage.start_and_look();
        killed(stage, |_| {});
        assert!(records(&stage.come(4)).is_superset(&before), "{}", stage.said_all());
    });
}

#[test]
fn what_is_owed_ends_with_a_watermark_before_any_line_of_its_successor() {
    on_fake(&["a"], |stage| {
        let first = three(stage).first().unwrap().0;
        killed(stage, |stage| {
            stage.ended.clear();
            put(stage, "a", 8, b"thr");
        });
        stage.comes(&["one", "two"]);
        stage.pass(2);
        assert!(stage.ended.contains(&first));
        stage.append("a", "ee\n");
        stage.comes(&["three"]);
    });
}

#[test]
fn a_line_as_long_as_the_one_in_whose_place_it_stands_has_another_name() {
    on_fake(&["a"], |stage| {
        let before = without(&three(stage), "]");
        take_back(stage, "x");
        let after = records(&stage.come(2));
        killed(stage, |_| {});
        assert_eq!(records(&stage.come(4)), before.union(&after).cloned().collect());
    });
}

#[test]
fn what_was_emitted_before_its_last_line_was_taken_back_ends_with_a_watermark() {
    on_fake(&["a"], |stage| {
        let first = three(stage).first().unwrap().0;
        take_back(stage, "three");
        stage.come(2);
        stage.pass(2);
        assert!(stage.ended.contains(&first));
    });
}

#[test]
fn of_what_was_acknowledged_up_to_the_line_taken_back_nothing_is_owed() {
    on_fake(&["a"], |stage| {
        let first = three(stage).first().unwrap().0;
        take_back(stage, "three");
        stage.come(2);
        stage.acknowledge_first(2);
        killed(stage, |stage| stage.ended.clear());
        stage.comes(&["three", "]"]);
        stage.pass(2);
        assert!(!stage.ended.contains(&first));
    });
}

#[test]
fn what_is_owed_by_one_that_was_acknowledged_to_its_end_comes_too() {
    on_fake(&["a"], |stage| {
        let before = without(&three(stage), "]");
        take_back(stage, "three");
        let last = stage.come(2)[1].position;
        stage.rename("a", "a.1");
        stage.pass(5);
        assert!(stage.ended.contains(&last.fid));
        stage.kill();
        stage.fake().kept.save_acks([(last.fid, last.end)].into_iter());
        stage.start();
        assert!(records(&stage.come(4)).is_superset(&before));
    });
}

#[test]
fn a_line_longer_than_a_read_whose_end_was_taken_back_is_owed_by_none_but_the_last() {
    on_fake(&["a"], |stage| {
        let long = longer_than_a_read(stage);
        stage.append("a", &format!("[\n{long}\n]\n"));
        stage.start();
        let before = stage.come(3);
        killed(stage, |stage| put(stage, "a", 1002, b",\n{2}\n]\n"));
        let came = stage.come(4);
        assert_eq!(came[0].position.fid, before[0].position.fid);
        assert_eq!(came[1].position.fid, came[3].position.fid);
    });
}

#[test]
fn the_end_of_a_line_that_was_cut_is_taken_back_with_its_beginning() {
    on_fake(&["a"], |stage| {
        stage.append("a", "one\ntwo\nha");
        stage.start();
        stage.come(2);
        stage.drain();
        stage.come(1);
        stage.acknowledge();
        stage.append("a", "lf\n");
        stage.start();
        stage.comes(&["lf"]);
        put(stage, "a", 10, b"ppy\n]\n");
        stage.comes(&["happy", "]"]);
    });
}

#[test]
fn w53_what_closes_an_array_may_take_several_lines_or_none_with_an_lf() {
    for footer in ["\n]", "\n]\n", "\n]\n}\n", "\n\n]\n", "\n  ]\n}\n", "\n</a>\n</log4j:events>\n"] {
        for (is_cut_off, is_down) in [(false, false), (true, false), (false, true), (true, true)] {
            on_fake(&["a"], |stage| {
                stage.append("a", &format!("[\n{{\"event\":00}}{footer}"));
                stage.start();
                for number in 1..60 {
                    if is_down && number % 10 == 0 {
                        // What has no comma yet is never read so again.
                        stage.acknowledge();
                        stage.kill();
                    }
                    let end = stage.content("a").len() - footer.len();
                    if is_cut_off {
                        let content = stage.content("a");
                        stage.truncate("a");
                        put(stage, "a", 0, &content[..end]);
                        if !is_down {
                            stage.step();
                        }
                    }
                    put(stage, "a", end, format!(",\n{{\"event\":{number:02}}}{footer}").as_bytes());
                    if is_down && number % 10 == 0 {
                        stage.start();
                    }
                    stage.step();
                }
                stage.pass(3);
                stage.drain();
                let all = records(&stage.arrived);
                let events = all.iter().filter(|record| record.3.starts_with('{'));
                let texts: Vec<String> = events.map(|record| record.3.replace(['{', '}', ','], "")).collect();
                let distinct: BTreeSet<&String> = texts.iter().collect();
                assert_eq!((distinct.len(), texts.len()), (60, 60), "{footer:?} {is_cut_off} {is_down}: {texts:?}");
                assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
                stage.forget_arrived();
            });
        }
    }
}

#[test]
fn a_new_file_with_the_number_of_one_that_was_removed_and_that_begins_alike_takes_no_line_back() {
    for content in ["one\ntwo", "one\ntwo\nthree\n]"] {
        for is_down in [true, false] {
            on_fake(&["a"], |stage| {
                stage.fake().disk.0.borrow_mut().reuses_numbers = true;
                three(stage);
                stage.acknowledge();
                if is_down {
                    stage.kill();
                }
                stage.remove("a");
                if !is_down {
                    stage.pass(120);
                }
                stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(1));
                stage.append("a", content);
                if is_down {
                    stage.start();
                }
                stage.pass(2);
                stage.append("a", "\n");
                stage.comes(&content.split('\n').collect::<Vec<_>>());
            });
        }
    }
}

#[test]
fn a_closed_file_whose_last_line_is_cut_off_for_a_moment_is_not_taken_for_a_new_one() {
    on_fake(&["a"], |stage| {
        three(stage);
        stage.acknowledge();
        stage.kill();
        stage.truncate("a");
        stage.append("a", "one\ntwo");
        stage.start();
        stage.pass(5);
        stage.append("a", "\nthree\n]\n");
        stage.comes(&["three", "]"]);
    });
}

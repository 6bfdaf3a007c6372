//! Which file is which after a restart of the machine, when no identity goes on.

use logtail::plan::First;

use crate::field::{text_of, while_down};
use crate::stage::{Stage, on_fake};

/// The machine is started anew after all was acknowledged; `body` happens meanwhile.
fn while_off(stage: &mut Stage, body: impl FnOnce(&mut Stage)) {
    while_down(stage, |stage| {
        stage.fake().boot = "another";
        body(stage);
    });
}

/// A file on another device.
fn make(stage: &mut Stage, device: u64, number: u64, name: &str, text: &str) {
    let path = stage.path(name);
    let mut store = stage.fake().disk.0.borrow_mut();
    *store.create_on(device, number, &path).bytes.borrow_mut() = text.as_bytes().to_vec();
}

#[test]
fn a_log_that_was_taken_up_inside_a_line_goes_on_inside_it() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.first = First::LastLines(0));
        stage.append("a", "not wanted");
        stage.start();
        while_off(stage, |stage| stage.append("a", ", this is\n"));
        stage.comes(&[", this is"]);
    });
}

#[test]
fn a_log_that_has_another_watched_name_goes_on_where_it_was() {
    on_fake(&["*.log"], |stage| {
        stage.append("a.log", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        while_off(stage, |stage| {
            stage.rename("a.log", "b.log");
            stage.append("b.log", "3\n");
        });
        stage.comes(&["3"]);
    });
}

#[test]
fn a_log_that_only_begins_as_one_that_is_gone_is_read_whole() {
    on_fake(&["*.log"], |stage| {
        stage.append("a.log", "header\n");
        stage.start();
        stage.comes(&["header"]);
        while_off(stage, |stage| {
            stage.remove("a.log");
            stage.append("b.log", "header\nmore\n");
        });
        stage.comes(&["header", "more"]);
    });
}

#[test]
fn on_a_volume_mounted_anew_a_short_log_is_known_by_path_and_number() {
    for (number, comes) in [(2, &["2"][..]), (3, &["1", "2"])] {
        on_fake(&["v/*.log"], |stage| {
            stage.directory("v");
            make(stage, 7, 2, "v/a.log", "1\n");
            stage.start();
            stage.comes(&["1"]);
            while_off(stage, |stage| make(stage, 8, number, "v/a.log", "1\n2\n"));
            stage.comes(comes);
        });
    }
}

#[test]
fn on_a_volume_mounted_anew_a_renamed_log_is_known_by_its_number_if_its_head_proves_it() {
    for (before, after, count) in [(text_of(0..50), text_of(0..60), 10), ("1\n".to_owned(), "1\n2\n".to_owned(), 2)] {
        on_fake(&["v/*.log"], |stage| {
            stage.directory("v");
            make(stage, 7, 2, "v/a.log", &before);
            stage.start();
            stage.come(before.lines().count());
            while_off(stage, |stage| {
                stage.remove("v/a.log");
                make(stage, 8, 2, "v/b.log", &after);
            });
            stage.come(count);
        });
    }
}

#[test]
fn a_log_that_comes_back_some_time_later_goes_on_where_it_was() {
    on_fake(&["v/*.log"], |stage| {
        stage.directory("v");
        stage.append("v/a.log", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        while_off(stage, |stage| stage.rename("v/a.log", "kept"));
        stage.pass(30);
        stage.rename("kept", "v/a.log");
        stage.append("v/a.log", "3\n");
        stage.comes(&["3"]);
    });
}

#[test]
fn of_a_log_that_is_gone_and_was_acknowledged_nothing_is_called_lost() {
    on_fake(&["*.log"], |stage| {
        stage.append("a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        while_off(stage, |stage| stage.remove("a.log"));
        stage.pass(80);
        assert_eq!((stage.checkpoint().counters.gaps, stage.checkpoint().entries.len()), (0, 0));
    });
}

#[test]
fn a_form_of_names_is_learnt_from_a_rotation_meanwhile() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        while_off(stage, |stage| {
            stage.append("app.log", "3\n");
            stage.rename("app.log", "app-7.log");
            stage.append("app.log", "4\n");
        });
        stage.comes_in_any_order(&["3", "4"]);
    });
}

#[test]
fn no_form_of_names_is_learnt_from_a_file_that_only_has_the_number_of_one_that_is_gone() {
    for before in ["1\n", "1\n2\n"] {
        on_fake(&["app.log"], |stage| {
            stage.fake().disk.0.borrow_mut().reuses_numbers = true;
            stage.append("app.log", before);
            stage.start();
            stage.come(before.lines().count());
            while_off(stage, |stage| {
                stage.remove("app.log");
                stage.append("app-7.log", "not ours\n");
                stage.append("app.log", "3\n");
            });
            stage.comes(&["3"]);
            stage.pass(20);
        });
    }
}

//! What logtail's help and man page tell beside its options.

use logline::manual::Manual;

/// Headings, the short help, the man page's further sections, and answers to tail's options.
pub const MANUAL: Manual = Manual {
    groups: &[
        ("Which files", &["exclude", "follow-links", "verbose"]),
        (
            "From where, and for how long",
            &["follow", "lines", "state", "tag", "advance", "sleep-interval", "no-inotify"],
        ),
        ("Lines", &["max-line", "partial-after"]),
        ("Rotation and the end", &["rotate-quiet", "drain-quiet", "drain-max", "reclaim", "also-acked"]),
    ],
    short: &["follow", "lines", "exclude", "state", "tag", "advance"],
    sections: SECTIONS,
    hints: &[
        ("-c", "use tail -c"),
        ("--bytes", "use tail -c"),
        ("--pid", "use tail --pid"),
        ("-q", "there are no headers unless -v asks for them"),
        ("--quiet", "there are no headers unless -v asks for them"),
        ("--retry", "-F waits for files that are not there yet"),
        ("-z", "use tail -z"),
        ("--follow=name", "-F follows by name"),
        ("--follow=descriptor", "use tail -f; -F follows by name"),
        ("-NUM", "use -n NUM"),
        ("--max-unchanged-stats", "-s is the interval of looking"),
    ],
};

const SECTIONS: &str = "\
Environment:
  LOGPIPE_STATE  the directory of --state, where that is not given

Files:
  DIR/files                     the positions: one line of JSON for each file that is known, readable with cat
  DIR/acks                      what logpost has delivered, which logtail starts from
  DIR/files.old, files.synced   the copy before, and the last one that was put to disk
  DIR/files.lock, acks.lock     held by the logtail and the logpost that write

Signals:
  TERM  read what is there, wait for what is still written (--drain-quiet, --drain-max), and end with 0
  INT   end at once; a second TERM too
  USR1  say the counters
  HUP   nothing";

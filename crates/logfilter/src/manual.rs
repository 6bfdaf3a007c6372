//! What logfilter's help and man page tell beside its options.

use logline::manual::Manual;

/// Headings, the short help, the man page's further sections, and answers to grep's options.
pub const MANUAL: Manual = Manual {
    groups: &[
        ("Patterns", &["regexp", "file", "fixed-strings", "ignore-case", "invert-match", "word-regexp", "line-regexp"]),
        ("Fields and time", &["where", "since", "until"]),
        ("Output", &["count", "max-count", "quiet"]),
    ],
    short: &["regexp", "fixed-strings", "ignore-case", "invert-match", "where", "since", "until", "count"],
    sections: SECTIONS,
    hints: &[
        ("-o", "use grep -o behind it"),
        ("--only-matching", "use grep -o behind it"),
        ("-n", "lines have positions, see logtail --tag"),
        ("--line-number", "lines have positions, see logtail --tag"),
        ("-b", "lines have positions, see logtail --tag"),
        ("-H", "use logtail -v, or _file in a record"),
        ("--with-filename", "use logtail -v, or _file in a record"),
        ("-r", "use logtail -n +1 'DIR/**/*'"),
        ("-R", "use logtail -n +1 'DIR/**/*'"),
        ("--recursive", "use logtail -n +1 'DIR/**/*'"),
        ("--include", "use a glob of logtail"),
        ("--exclude", "use logtail --exclude"),
        ("-l", "use grep -l"),
        ("--files-with-matches", "use grep -l"),
        ("-L", "use grep -L"),
        ("-A", "use grep -A"),
        ("--after-context", "use grep -A"),
        ("-B", "use grep -B"),
        ("--before-context", "use grep -B"),
        ("-C", "use grep -C"),
        ("--context", "use grep -C"),
        ("-P", "patterns have the syntax of the regex crate, without look-around"),
        ("--perl-regexp", "patterns have the syntax of the regex crate, without look-around"),
        ("-G", "patterns are extended: ( ) { } | + ? stand without a backslash"),
        ("--basic-regexp", "patterns are extended: ( ) { } | + ? stand without a backslash"),
        ("-s", "there are no files to be silent about"),
        ("-z", "use grep -z"),
        ("--null-data", "use grep -z"),
        ("--color", "use grep --color behind it"),
        ("--colour", "use grep --color behind it"),
    ],
};

const SECTIONS: &str = "\
Environment:
  TZ  the zone of times that name none; else UTC

Signals:
  TERM  nothing the first time, for the end of the input follows; the second time the end
  INT   the end
  USR1  say the counters
  HUP   nothing";

//! What logparse's help and man page tell beside its options.

use logline::manual::Manual;

/// Headings, the short help, the man page's further sections, and answers to other tools' options.
pub const MANUAL: Manual = Manual {
    groups: &[
        (
            "Formats of your own",
            &["log-format", "log-format-file", "nginx-conf", "format-name", "variable", "regex", "grok", "no-unescape"],
        ),
        ("Records", &["field", "keep-message", "only", "drop", "tz", "status-level", "pretty"]),
        ("Events of several lines", &["join", "join-start", "join-next", "join-lines", "join-bytes", "join-idle"]),
        ("Lines that cannot be read", &["on-error", "strict"]),
    ],
    short: &["log-format", "nginx-conf", "regex", "join", "only", "drop", "tz", "pretty"],
    sections: SECTIONS,
    hints: &[],
};

const SECTIONS: &str = "\
Environment:
  LOGPARSE_LOG_FORMAT  nginx's log_format, where no option gives it
  TZ                   the zone of times that name none, where --tz is not given; else UTC
  NO_COLOR             --pretty writes no colours

Signals:
  TERM  nothing the first time, for the end of the input follows; the second time the end
  INT   the end
  USR1  say the counters
  HUP   nothing";

//! What logpost's help and man page tell beside its options.

use logline::manual::Manual;

/// Headings, the short help, the man page's further sections, and answers to curl's options.
pub const MANUAL: Manual = Manual {
    groups: &[
        ("Where to", &["to", "index", "no-id", "label", "label-from", "retention"]),
        ("Records", &["add", "dead-letter", "state"]),
        (
            "Connection and secrets",
            &[
                "header",
                "user",
                "token-file",
                "token-scheme",
                "cacert",
                "cert",
                "key",
                "insecure",
                "proxy",
                "compress",
                "connect-timeout",
                "max-time",
            ],
        ),
        ("Pace", &["batch-bytes", "linger", "in-flight", "retry-for", "drain"]),
        ("Seeing what it does", &["metrics", "check", "max-age", "dry-run", "verbose"]),
    ],
    short: &["to", "index", "state", "add", "label", "user", "token-file", "metrics", "check", "dry-run", "verbose"],
    sections: SECTIONS,
    hints: &[
        ("-d", "records are read from standard input"),
        ("-X", "requests are always POST"),
        ("-L", "redirects are never followed with records"),
        ("-o", "answers are read, not written"),
        ("-s", "there is nothing to silence, see -v"),
        ("--data", "records are read from standard input"),
        ("--request", "requests are always POST"),
        ("--silent", "there is nothing to silence, see -v"),
        ("-f", "answers of 400 and above are told from each other and never taken for a success"),
        ("es", "did you mean elasticsearch"),
        ("elastic", "did you mean elasticsearch"),
        ("vl", "did you mean victorialogs"),
        ("otel", "did you mean otlp"),
        ("http", "did you mean ndjson"),
        ("json", "did you mean ndjson"),
    ],
};

const SECTIONS: &str = "\
Environment:
  LOGPIPE_STATE  the directory of --state, where that is not given
  LOGPOST_USER   name and password, as --user takes them
  LOGPOST_TOKEN  the token, where no --token-file is given
  SSL_CERT_FILE  the certificates to trust, where --cacert is not given
  HTTPS_PROXY    the proxy of https URLs, where --proxy is not given
  NO_PROXY       hosts that are reached without a proxy, parted by commas

Files:
  DIR/acks                    what has been delivered: one line of JSON for each file, readable with cat
  DIR/acks.old, acks.synced   the copy before, and the last one that was put to disk
  DIR/acks.lock               held by the logpost that writes

Signals:
  TERM  the members before it come to their end: deliver what they send, for --drain at most
  INT   end at once, with what is under way
  USR1  say the counters
  HUP   nothing";

//! The keys under which applications write what the suite calls `time`, `level` and `message`. logparse keeps the
//! application's own; whoever reads a canonical key reads these in its place, the first that is there. A name with a dot
//! is a nested key or a key with that dot.

/// For the time of the event; RFC 3339 or an epoch.
pub const TIMES: [&str; 8] = ["time", "ts", "timestamp", "@timestamp", "_time", "datetime", "date", "asctime"];
/// For the level, a word or a number.
pub const LEVELS: [&str; 8] =
    ["level", "lvl", "severity", "severity_text", "log.level", "loglevel", "levelname", "PRIORITY"];
/// For the text.
pub const MESSAGES: [&str; 7] = ["message", "msg", "log", "MESSAGE", "body", "short_message", "event"];

//! The formats: each reads one line into a record, or says why it cannot. None of them holds anything back; lines that
//! belong together are put together before, by [`crate::join`].

use std::borrow::Cow;
use std::cell::Cell;

use crate::clock::Clock;
use crate::record::Record;

pub mod apache;
pub mod apache_error;
pub mod cri;
pub mod csv;
pub mod docker;
pub mod front;
pub mod json;
pub mod klog;
pub mod logfmt;
pub mod mysql_slow;
pub mod nginx;
pub mod nginx_error;
pub mod pattern;
pub mod postgres;
pub mod scanner;
pub mod strftime;
pub mod syslog;
pub mod text;
pub mod value;
pub mod variable;

/// The names that a user may give, wrappers included.
pub const NAMES: [&str; 14] = [
    "nginx",
    "apache",
    "ingress-nginx",
    "json",
    "logfmt",
    "syslog",
    "cri",
    "docker",
    "klog",
    "text",
    "auto",
    "postgres",
    "mysql-slow",
    "csv",
];

/// A format that reads what is inside a line.
#[derive(Debug)]
pub enum Format {
    /// nginx, by a `log_format` or by shape.
    Nginx(nginx::Nginx),
    /// The ingress controller's preset.
    Ingress(nginx::Nginx),
    /// Apache httpd.
    Apache(apache::Apache),
    /// JSON objects.
    Json,
    /// Pairs.
    Logfmt,
    /// RFC 5424 and 3164.
    Syslog,
    /// Kubernetes' components.
    Klog,
    /// PostgreSQL's stderr.
    Postgres,
    /// The slow query log of MySQL and MariaDB.
    MysqlSlow,
    /// Values parted by commas.
    Csv(csv::Csv),
    /// Anything.
    Text(text::Text),
    /// Whatever the line looks like.
    Auto(Auto),
    /// A regular expression with named groups, from `--regex` or `--grok`.
    Pattern(pattern::Pattern),
}

/// Tells each line by its shape.
#[derive(Debug)]
pub struct Auto {
    nginx: nginx::Nginx,
    /// What reads lines of no other shape.
    text: text::Text,
    apache: apache::Apache,
    /// The last line with a shape that takes a search to see was logfmt: it is looked for first.
    was_logfmt: Cell<bool>,
}

impl Auto {
    /// The usual formats of web servers among the others.
    pub fn new(nginx: nginx::Nginx, apache: apache::Apache, text: text::Text) -> Self {
        Self { nginx, apache, text, was_logfmt: Cell::new(false) }
    }

    /// The cheapest signs first. No line has two of these shapes, but that one may quote another behind its own.
    fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        match line.first() {
            Some(b'{') => return json::parse(line, record),
            // Indented.
            Some(b' ' | b'\t') if line.trim_ascii_start().first() == Some(&b'{') => return json::parse(line, record),
            _ if nginx_error::is_shape(line) => return self.nginx.parse(line, record, clock),
            _ if klog::is_shape(line) => return klog::parse(line, record, clock),
            _ if apache_error::is_shape(line) => return apache_error::parse(line, record, clock),
            _ if syslog::is_shape(line) || syslog::is_file_shape(line, clock) => {
                return syslog::parse(line, record, clock);
            }
            _ => {}
        }
        if self.was_logfmt.get() && logfmt::is_shape(line, clock.reader()) {
            return logfmt::parse(line, record, clock);
        }
        let is_access = is_access(line);
        let is_logfmt = !is_access && !self.was_logfmt.get() && logfmt::is_shape(line, clock.reader());
        if is_access || is_logfmt {
            self.was_logfmt.set(is_logfmt);
        }
        match (is_access, is_logfmt) {
            (true, _) => self.parse_access(line, record, clock),
            (_, true) => logfmt::parse(line, record, clock),
            _ => match json::behind_prefix(line) {
                Some((prefix, object)) => {
                    json::parse_behind(prefix, object, record);
                    Ok(())
                }
                None => Err("no known shape".into()),
            },
        }
    }
}

impl Auto {
    /// A quote behind a backslash is Apache's, gunicorn's or morgan's; nginx writes `\x22`. A line that nginx's formats do
    /// not fit may be `common`.
    fn parse_access<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        let is_plain = value::is_plain(line);
        let is_read = if is_plain {
            record.put_plain(self.nginx.room(line), |pen| self.nginx.parse_plain(line, pen, clock))
        } else {
            scanner::find(line, b"\\\"").is_some() && self.apache.parse(line, record, clock).is_ok()
        };
        if is_read {
            return Ok(());
        }
        record.reset_layer();
        self.nginx.parse(line, record, clock).or_else(|why| {
            record.reset_layer();
            self.apache.parse(line, record, clock).map_err(|_| why)
        })
    }
}

impl Format {
    /// What it is called in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nginx(_) => "nginx",
            Self::Ingress(_) => "ingress-nginx",
            Self::Apache(_) => "apache",
            Self::Json => "json",
            Self::Logfmt => "logfmt",
            Self::Syslog => "syslog",
            Self::Klog => "klog",
            Self::Postgres => "postgres",
            Self::MysqlSlow => "mysql-slow",
            Self::Csv(_) => "csv",
            Self::Text(_) => "text",
            Self::Auto(_) => "auto",
            Self::Pattern(_) => "regex",
        }
    }

    /// The format, if lines that hold nothing unusual can be written without a record.
    pub fn plain(&self) -> Option<&nginx::Nginx> {
        match self {
            Self::Nginx(nginx) | Self::Ingress(nginx) => Some(nginx),
            _ => None,
        }
    }

    /// Parts an event of several lines into what this format reads and the plain stack trace behind it. Formats whose
    /// message is the rest of a line read all of it.
    pub fn split_event<'a>(&self, content: &'a [u8], clock: &Clock) -> (&'a [u8], Option<&'a [u8]>) {
        let Some(end) = memchr::memchr(b'\n', content) else { return (content, None) };
        let is_object =
            |text: &[u8]| text.trim_ascii_start().first() == Some(&b'{') && logline::json::is_valid_object(text);
        let head = &content[..end];
        let reads_objects = !matches!(self, Self::Logfmt);
        let reads_pairs = match self {
            // A quote that is still open goes on in the next line.
            Self::Logfmt => memchr::memchr_iter(b'"', head).count().is_multiple_of(2),
            Self::Auto(_) => logfmt::is_shape(head, clock.reader()),
            _ => false,
        };
        if reads_pairs || (reads_objects && is_object(head)) {
            return (head, Some(&content[end + 1..]));
        }
        // An object over several lines may have a trace behind it too.
        let object = logline::json::value_length(content).filter(|_| reads_objects && content.first() == Some(&b'{'));
        match object.and_then(|end| Some((&content[..end], content[end..].strip_prefix(b"\n")?))) {
            Some((object, stack)) => (object, Some(stack)),
            None => (content, None),
        }
    }

    /// Reads a line, which has no LF, into `record`.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        match self {
            Self::Nginx(nginx) | Self::Ingress(nginx) => nginx.parse(line, record, clock),
            Self::Apache(apache) => apache.parse(line, record, clock),
            Self::Json => json::parse(line, record),
            Self::Logfmt => logfmt::parse(line, record, clock),
            Self::Syslog => syslog::parse(line, record, clock),
            Self::Klog => klog::parse(line, record, clock),
            Self::Postgres => postgres::parse(line, record, clock),
            Self::MysqlSlow => mysql_slow::parse(line, record, clock),
            Self::Csv(csv) => csv.parse(line, record, clock),
            Self::Text(text) => {
                text.parse(line, record, clock);
                Ok(())
            }
            Self::Auto(auto) => {
                if auto.parse(line, record, clock).is_err() {
                    record.reset_layer();
                    auto.text.parse(line, record, clock);
                }
                Ok(())
            }
            Self::Pattern(pattern) => pattern.parse(line, record, clock),
        }
    }
}

/// ` [dd/Mon/yyyy:` with a quote behind it. An address or a user may stand in brackets before it.
fn is_access(line: &[u8]) -> bool {
    let mut rest = line;
    for _ in 0..3 {
        let Some(at) = scanner::find(rest, b" [") else { return false };
        rest = &rest[at + 2..];
        let is_stamp = rest.len() > 28
            && rest[2] == b'/'
            && rest[6] == b'/'
            && rest[11] == b':'
            && rest[26..].starts_with(b"] \"");
        if is_stamp {
            return true;
        }
    }
    false
}

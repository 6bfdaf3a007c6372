//! Grok patterns: `%{NAME:field:int}` stands for an expression with a name. The names are Logstash's usual ones, written in
//! the syntax of the regex crate from what they are documented to match. Where they name fields, these are the suite's:
//! `remote_addr`, `status`, `time`.

use logline::spelling::nearest;

/// The most steps into patterns of patterns.
const DEEPEST: usize = 16;

const PATTERNS: &[(&str, &str)] = &[
    ("USERNAME", r"[a-zA-Z0-9._-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILLOCALPART", r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]+"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("INT", r"[+-]?[0-9]+"),
    ("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("NUMBER", "%{BASE10NUM}"),
    ("BASE16NUM", r"[+-]?(?:0x)?[0-9A-Fa-f]+"),
    ("POSINT", r"\b[1-9][0-9]*\b"),
    ("NONNEGINT", r"\b[0-9]+\b"),
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", r".*?"),
    ("GREEDYDATA", r".*"),
    ("QUOTEDSTRING", r#"(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*')"#),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}"),
    ("MAC", r"(?:[A-Fa-f0-9]{2}[:-]){5}[A-Fa-f0-9]{2}"),
    ("IPV4", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b"),
    ("IPV6", r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?"),
    ("IP", "(?:%{IPV6}|%{IPV4})"),
    ("HOSTNAME", r"\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?"),
    ("IPORHOST", "(?:%{IP}|%{HOSTNAME})"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("HOST", "%{HOSTNAME}"),
    ("PATH", "(?:%{UNIXPATH}|%{WINPATH})"),
    ("UNIXPATH", r"(?:/[^/\s]*)+"),
    ("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]+"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT})?"),
    ("URIPATH", r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_-]*)+"),
    ("URIPARAM", r"\?\S*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", "%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
    ("MONTH", r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b"),
    ("MONTHNUM", r"(?:0?[1-9]|1[0-2])"),
    ("MONTHNUM2", r"(?:0[1-9]|1[0-2])"),
    ("MONTHDAY", r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"),
    ("DAY", r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"),
    ("YEAR", r"(?:[0-9]{2}){1,2}"),
    ("HOUR", r"(?:2[0-3]|[01]?[0-9])"),
    ("MINUTE", r"[0-5][0-9]"),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", "%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    ("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", "(?:%{DATE_US}|%{DATE_EU})"),
    ("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    ("ISO8601_TIMEZONE", r"(?:Z|[+-]%{HOUR}:?%{MINUTE})"),
    ("TIMESTAMP_ISO8601", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?"),
    ("TZ", r"(?:[APMCE][SD]T|UTC)"),
    ("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("PROG", r"[\x21-\x5a\x5c\x5e-\x7e]+"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid}\])?"),
    ("SYSLOGHOST", "%{IPORHOST}"),
    ("SYSLOGFACILITY", "<%{NONNEGINT:facility}.%{NONNEGINT:priority}>"),
    ("SYSLOGBASE", "%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:"),
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("HTTPDUSER", "(?:%{EMAILADDRESS}|%{USER}|-)"),
    (
        "LOGLEVEL",
        r"(?i:trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?|alert)",
    ),
    ("JAVACLASS", r"(?:[a-zA-Z$_][a-zA-Z$_0-9]*\.)*[a-zA-Z$_][a-zA-Z$_0-9]*"),
    ("JAVAFILE", r"[A-Za-z0-9_. -]+"),
    ("JAVAMETHOD", r"(?:<(?:cl)?init>|[a-zA-Z$_][a-zA-Z$_0-9]*)"),
    // Apache httpd.
    ("HTTPDERROR_DATE", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}"),
    ("HTTPDERRORDATE", "%{HTTPDERROR_DATE}"),
    (
        "HTTPD_COMMONLOG",
        r#"%{IPORHOST:remote_addr} (?:-|%{HTTPDUSER:ident}) (?:-|%{DATA:remote_user}) \[%{HTTPDATE:time}\] "(?:-|%{REQUESTLINE}|%{QUOTED:request})" (?:-|%{INT:status:int}) (?:-|%{INT:body_bytes_sent:int})"#,
    ),
    ("HTTPD_COMBINEDLOG", r#"%{HTTPD_COMMONLOG} "(?:-|%{QUOTED:http_referer})" "(?:-|%{QUOTED:http_user_agent})""#),
    ("COMMONAPACHELOG", "%{HTTPD_COMMONLOG}"),
    ("COMBINEDAPACHELOG", "%{HTTPD_COMBINEDLOG}"),
    ("REQUESTLINE", r"%{WORD:request_method} %{NOTSPACE:request_uri}(?: %{HTTPVERSION:server_protocol})?"),
    ("HTTPVERSION", r"HTTP/[0-9](?:\.[0-9])?"),
    ("QUOTED", r#"(?:\\.|[^\\"])*"#),
    (
        "HTTPD20_ERRORLOG",
        r"\[%{HTTPDERROR_DATE:time}\] \[%{LOGLEVEL:level}\] (?:\[client %{IPORHOST:client}\] )?%{GREEDYDATA:message}",
    ),
    (
        "HTTPD24_ERRORLOG",
        r"\[%{HTTPDERROR_DATE:time}\] \[(?:%{WORD:module})?:%{HTTPDLEVEL:level}\] \[pid %{POSINT:pid:int}(?::tid %{INT:tid:int})?\](?: \(%{POSINT:proxy_errorcode:int}\)%{DATA:proxy_message}:)?(?: \[client %{IPORHOST:client}:%{POSINT:port:int}\])?(?: %{HTTPDCODE:errorcode}:)? %{GREEDYDATA:message}",
    ),
    ("HTTPDLEVEL", "(?:%{LOGLEVEL}|trace[1-8])"),
    ("HTTPDCODE", r"[A-Z]{1,3}[0-9]{3,7}"),
    ("HTTPD_ERRORLOG", "(?:%{HTTPD24_ERRORLOG}|%{HTTPD20_ERRORLOG})"),
    // nginx.
    ("NGUSERNAME", r"[a-zA-Z.@+_%-]+"),
    ("NGUSER", "%{NGUSERNAME}"),
    ("NGINXACCESS", r#"%{HTTPD_COMBINEDLOG}(?: "(?:-|%{QUOTED:http_x_forwarded_for})")?"#),
    ("NGINXTIME", r"%{YEAR}/%{MONTHNUM2}/%{MONTHDAY} %{TIME}"),
    (
        "NGINXERROR",
        r#"%{NGINXTIME:time} \[%{LOGLEVEL:level}\] %{POSINT:pid:int}#%{INT:tid:int}: (?:\*%{INT:cid:int} )?%{DATA:message}(?:, client: %{IPORHOST:client})?(?:, server: %{NOTSPACE:server})?(?:, request: "(?:%{REQUESTLINE}|%{QUOTED:request})")?(?:, upstream: "%{DATA:upstream}")?(?:, host: "%{DATA:host}")?(?:, referrer: "%{DATA:referrer}")?$"#,
    ),
    ("NGINX_ACCESS", "%{NGINXACCESS}"),
    ("NGINX_ERROR", "%{NGINXERROR}"),
    // syslog: RFC 3164 as files have it, RFC 5424, cron and PAM.
    ("SYSLOGLINE", "%{SYSLOGBASE2} %{GREEDYDATA:message}"),
    (
        "SYSLOGBASE2",
        r"(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp}) (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource}(?: %{SYSLOGPROG}:|)",
    ),
    ("SYSLOG5424PRINTASCII", "[!-~]+"),
    ("SYSLOG5424PRI", "<%{NONNEGINT:syslog5424_pri:int}>"),
    ("SYSLOG5424SD", r#"(?:\[[^\]\s]+(?: [^=\s]+="(?:\\.|[^"\\])*")*\])+"#),
    (
        "SYSLOG5424BASE",
        r"%{SYSLOG5424PRI}%{NONNEGINT:syslog5424_ver:int} +(?:-|%{TIMESTAMP_ISO8601:timestamp}) +(?:-|%{IPORHOST:syslog5424_host}) +(?:-|%{SYSLOG5424PRINTASCII:syslog5424_app}) +(?:-|%{SYSLOG5424PRINTASCII:syslog5424_proc}) +(?:-|%{SYSLOG5424PRINTASCII:syslog5424_msgid}) +(?:-|%{SYSLOG5424SD:syslog5424_sd})",
    ),
    ("SYSLOG5424LINE", "%{SYSLOG5424BASE}(?: +%{GREEDYDATA:message})?"),
    (
        "SYSLOGPAMSESSION",
        r"%{SYSLOGBASE} (?:%{DATA:message}: )?%{WORD:pam_module}\(%{DATA:pam_caller}\): session %{WORD:pam_session_state} for user %{USERNAME:username}(?: by %{GREEDYDATA:pam_by})?",
    ),
    ("CRON_ACTION", "[A-Z ]+"),
    ("CRONLOG", r"%{SYSLOGBASE} \(%{USER:user}\) %{CRON_ACTION:action} \(%{DATA:message}\)"),
];

/// A field of a pattern: what one of its groups captures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its key in the record.
    pub name: String,
    /// It is written as a number where it is one.
    pub convert: Convert,
}

/// What becomes of the text of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Convert {
    /// It stays text.
    Text,
    /// `:int`: the digits before the point.
    Integer,
    /// `:float`: all of them.
    Float,
}

impl Convert {
    /// By the word behind the name of a field, which may be missing.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "" | "string" => Some(Self::Text),
            "int" | "long" | "integer" => Some(Self::Integer),
            "float" | "double" | "number" => Some(Self::Float),
            _ => None,
        }
    }
}

/// The regular expression that `pattern` stands for, with groups named `g0`, `g1` and so on, and the field that each of them
/// captures: the names of the fields may be any, and one may occur several times. The error says what was expected.
pub fn expand(pattern: &str) -> Result<(String, Vec<Field>), String> {
    let mut fields = Vec::new();
    let regex = expand_into(pattern, &mut fields, 0)?;
    Ok((regex, fields))
}

/// The same for a regular expression that is no grok pattern.
pub fn name_groups(regex: &str) -> (String, Vec<Field>) {
    let mut fields = Vec::new();
    (rename_groups(regex, &mut fields), fields)
}

fn expand_into(pattern: &str, fields: &mut Vec<Field>, depth: usize) -> Result<String, String> {
    if depth > DEEPEST {
        return Err("patterns of patterns without end".to_owned());
    }
    let mut regex = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find("%{") {
        regex.push_str(&rename_groups(&rest[..at], fields));
        let inner = &rest[at + 2..];
        let end = inner.find('}').ok_or("a %{ without its }")?;
        rest = &inner[end + 1..];
        let mut parts = inner[..end].splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let Some((_, text)) = PATTERNS.iter().find(|(known, _)| *known == name) else {
            let meant = match nearest(name, PATTERNS.iter().map(|(name, _)| *name), 3) {
                Some(nearest) => format!("did you mean %{{{nearest}}}"),
                None => "expected a usual name like %{NUMBER}, or (?<name>…) with the expression itself".to_owned(),
            };
            return Err(format!("%{{{name}}}: unknown pattern, {meant}"));
        };
        let Some(field) = parts.next().filter(|field| !field.is_empty()) else {
            regex.extend(["(?:", &expand_into(text, fields, depth + 1)?, ")"]);
            continue;
        };
        let kind = parts.next().unwrap_or_default();
        let Some(convert) = Convert::parse(kind) else {
            return Err(format!("%{{{}}}: expected int or float instead of {kind}", &inner[..end]));
        };
        let group = enter(fields, field, convert);
        regex.extend([&group, &expand_into(text, fields, depth + 1)?, ")"]);
    }
    regex.push_str(&rename_groups(rest, fields));
    Ok(regex)
}

/// The beginning of the group for a field; Logstash's `[source][address]` is `source.address`.
fn enter(fields: &mut Vec<Field>, name: &str, convert: Convert) -> String {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).replace("][", ".");
    fields.push(Field { name, convert });
    format!("(?P<g{}>", fields.len() - 1)
}

/// The expression with the names of its groups taken out.
fn rename_groups(regex: &str, fields: &mut Vec<Field>) -> String {
    let mut renamed = String::new();
    let mut rest = regex;
    let mut in_class = false;
    while let Some(letter) = rest.chars().next() {
        let head = ["(?P<", "(?<"].into_iter().find(|head| !in_class && rest.starts_with(head));
        let name = head.and_then(|head| Some(&rest[head.len()..head.len() + rest[head.len()..].find('>')?]));
        if let (Some(head), Some(name)) = (head, name)
            && !name.is_empty()
            && !name.starts_with(['=', '!'])
        {
            renamed.push_str(&enter(fields, name, Convert::Text));
            rest = &rest[head.len() + name.len() + 1..];
            continue;
        }
        let length = match letter {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            letter => letter.len_utf8(),
        };
        in_class = match letter {
            '[' => true,
            ']' => false,
            _ => in_class,
        };
        renamed.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    renamed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for (name, _) in PATTERNS {
            let (regex, _) = expand(&format!("%{{{name}:x}}")).unwrap();
            assert!(regex::bytes::Regex::new(&regex).is_ok(), "{name}");
            assert_eq!(PATTERNS.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_said() {
        assert!(expand("%{NUMBRE:x}").unwrap_err().ends_with("unknown pattern, did you mean %{NUMBER}"));
        assert!(expand("%{QQQQQQQQ:x}").unwrap_err().contains("unknown pattern, expected a usual name"));
        assert!(expand("%{INT:x:date}").unwrap_err().ends_with("expected int or float instead of date"));
    }

    #[test]
    fn names_of_any_kind_become_fields() {
        let (regex, fields) = expand(r"%{INT:@a-b.c:int} (?<d>\(?<x>[(?<y>]) (?P<[e][f]>.) (?<=g)").unwrap();
        assert_eq!(regex, r"(?P<g0>[+-]?[0-9]+) (?P<g1>\(?<x>[(?<y>]) (?P<g2>.) (?<=g)");
        let names: Vec<_> = fields.iter().map(|field| &*field.name).collect();
        assert_eq!(names, ["@a-b.c", "d", "e.f"]);
        assert_eq!(fields[0].convert, Convert::Integer);
    }
}

//! Grok patterns: `%{NAME:field:int}` stands for an expression with a name. The names are Logstash's usual ones, written in
//! the syntax of the regex crate.

/// The most steps into patterns of patterns.
const DEEPEST: usize = 16;

const PATTERNS: [(&str, &str); 66] = [
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
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:remote_addr} %{HTTPDUSER} %{HTTPDUSER:remote_user} \[%{HTTPDATE:time}\] "(?:%{WORD:request_method} %{NOTSPACE:request_uri}(?: %{NOTSPACE:server_protocol})?|%{DATA:request})" %{NUMBER:status:int} (?:%{NUMBER:body_bytes_sent:int}|-)"#,
    ),
    ("COMBINEDAPACHELOG", r"%{COMMONAPACHELOG} %{QS:http_referer} %{QS:http_user_agent}"),
];

/// The regular expression that `pattern` stands for, and the names of its groups that are numbers. The error says what was
/// expected.
pub fn expand(pattern: &str) -> Result<(String, Vec<String>), String> {
    let mut numbers = Vec::new();
    let regex = expand_into(pattern, &mut numbers, 0)?;
    Ok((regex, numbers))
}

fn expand_into(pattern: &str, numbers: &mut Vec<String>, depth: usize) -> Result<String, String> {
    if depth > DEEPEST {
        return Err("patterns of patterns without end".to_owned());
    }
    let mut regex = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find("%{") {
        regex.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find('}').ok_or("a %{ without its }")?;
        rest = &inner[end + 1..];
        let mut parts = inner[..end].splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let Some((_, text)) = PATTERNS.iter().find(|(known, _)| *known == name) else {
            return Err(format!("%{{{name}}}: unknown pattern"));
        };
        let text = expand_into(text, numbers, depth + 1)?;
        match parts.next().filter(|field| !field.is_empty()) {
            Some(field) => {
                let field = field.trim_matches(['[', ']']).replace("][", ".");
                if let Some("int" | "float" | "long" | "double") = parts.next() {
                    numbers.push(field.clone());
                }
                regex.extend(["(?P<", &field, ">", &text, ")"]);
            }
            None => regex.extend(["(?:", &text, ")"]),
        }
    }
    regex.push_str(rest);
    Ok(regex)
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
        }
    }

    #[test]
    fn an_unknown_name_is_said() {
        assert_eq!(expand("%{NOPE:x}").unwrap_err(), "%{NOPE}: unknown pattern");
    }
}

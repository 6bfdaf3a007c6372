//! The URL as the user gave it, parted from what must not be printed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use logline::ending::Trouble;
use ureq::Proxy;
use ureq::http::{HeaderName, HeaderValue, Uri};

use crate::args::{Args, Compression};
use crate::connection::{self, Connecting, MaxTime};
use crate::destinations::Destination;
use crate::tls::{self, Stamp, Trust};

/// Where requests go, and with what.
#[derive(Debug)]
pub struct Target {
    /// The servers, of which one is used while it works. There is at least one.
    pub places: Vec<Place>,
    current: AtomicUsize,
    /// Every request has them.
    pub headers: Vec<(String, String)>,
    /// Bodies go as gzip.
    pub is_compressed: bool,
    token: Option<Token>,
    /// What may not be printed. What is short is left out, for it may be anything.
    secrets: Vec<String>,
}

/// One of the servers.
#[derive(Debug)]
pub struct Place {
    /// Without name and password.
    pub url: String,
    /// The same without what the user's query says: a key, it may be.
    pub shown: String,
    /// What it is reached through.
    pub proxy: Option<Proxy>,
}

/// A shorter secret is not masked.
const SHORTEST_SECRET: usize = 6;

impl Target {
    /// The number of the server that the next request goes to.
    pub fn place(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// The server with this number has failed: the next one is used, if it is not already.
    pub fn leave(&self, place: usize) {
        let next = (place + 1) % self.places.len();
        let _ = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How the server with this number is called where there are several.
    pub fn name_of(&self, place: usize) -> Option<&str> {
        let shown = self.places[place].shown.as_str();
        let authority = shown.split("://").nth(1).and_then(|rest| rest.split('/').next());
        authority.filter(|_| self.places.len() > 1)
    }

    /// How all of them are called in messages.
    pub fn server(&self) -> String {
        let first = self.places[0].url.split('?').next().unwrap_or_default();
        match self.places.len() {
            1 => first.to_owned(),
            count => format!("{first} or {} more", count - 1),
        }
    }

    /// The text with our secrets masked.
    pub fn masked(&self, text: String) -> String {
        let token = self.token().and_then(|(_, header)| header.rsplit(' ').next().map(str::to_owned));
        let found = |text: &str, secret: &str| secret.len() >= SHORTEST_SECRET && text.contains(secret);
        self.secrets
            .iter()
            .chain(&token)
            .fold(text, |text, secret| if found(&text, secret) { text.replace(secret.as_str(), "***") } else { text })
    }

    /// The name and the value of the header that carries its token. The file of the token is read when it has changed; one
    /// that has none, for it is just being written, leaves the token as it was.
    pub fn token(&self) -> Option<(&'static str, String)> {
        let token = self.token.as_ref()?;
        let mut read = token.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &token.path {
            let now = Stamp::of(path);
            if read.seen != now
                && let Ok(header) = token_header(path, token.word)
            {
                *read = ReadToken { header, seen: now };
            }
        }
        Some((token.name, read.header.clone()))
    }

    /// The token was not accepted: its file is read before the next request, whether it seems to have changed or not.
    pub fn read_token_again(&self) {
        if let Some(token) = &self.token {
            token.read.lock().unwrap_or_else(PoisonError::into_inner).seen = None;
        }
    }
}

/// A token, and the file that it is read from again.
#[derive(Debug)]
struct Token {
    path: Option<PathBuf>,
    /// The name of the header.
    name: &'static str,
    /// What stands before the token in it, if anything does.
    word: &'static str,
    read: Mutex<ReadToken>,
}

/// What was read of a token's file.
#[derive(Debug)]
struct ReadToken {
    /// The value of the header.
    header: String,
    /// What the file looked like. `None` asks to read it in any case.
    seen: Option<Stamp>,
}

fn token_header(path: &Path, word: &str) -> Result<String, Trouble> {
    let text = std::fs::read_to_string(path).map_err(|error| Trouble::io(path.display(), &error))?;
    header_of(&text, word).ok_or_else(|| Trouble::new(path.display(), "no token in it, expected one line of text"))
}

fn header_of(token: &str, word: &str) -> Option<String> {
    let token = token.trim();
    let header = if word.is_empty() { token.to_owned() } else { format!("{word} {token}") };
    (!token.is_empty() && HeaderValue::from_str(&header).is_ok()).then_some(header)
}

/// The path of the URLs, which all have the same.
pub fn path(args: &Args) -> Result<String, Trouble> {
    Ok(urls(args)?[0].uri.path().to_owned())
}

/// How the connections to it are made.
pub fn connecting(args: &Args) -> Result<Connecting, Trouble> {
    let is_tls = urls(args)?.iter().any(Url::is_tls);
    let of_tls = [("--cacert", args.cacert.is_some()), ("--cert", args.cert.is_some()), ("-k", args.insecure)];
    if let Some((option, _)) = of_tls.into_iter().find(|(_, is_given)| *is_given && !is_tls) {
        return Err(Trouble::new(option, "nothing is encrypted to an http URL, expected https://host:port/path"));
    }
    let files = tls::Files {
        cacert: args.cacert.clone(),
        cert: args.cert.clone(),
        key: args.key.clone(),
        insecure: args.insecure,
    };
    // As in curl, 0 is no limit.
    let limit = |time: Duration| Some(time).filter(|time| !time.is_zero());
    Ok(Connecting {
        connect_timeout: limit(args.connect_timeout),
        max_time: match args.max_time {
            None => MaxTime::OfSilence,
            Some(time) => limit(time).map_or(MaxTime::Unlimited, MaxTime::Fixed),
        },
        max_age: limit(args.max_connection_age),
        trust: if is_tls { Some(Arc::new(Trust::new(files)?)) } else { None },
    })
}

/// Where requests go. Name and password or a token, from the options, the URL or the environment, become a header.
pub fn target(args: &Args, destination: &dyn Destination) -> Result<Target, Trouble> {
    let urls = urls(args)?;
    let user_in_url = urls.iter().find_map(|url| url.user.clone());
    let mut headers = vec![("content-type".to_owned(), destination.content_type().to_owned())];
    for header in &args.header {
        // The value may be a secret and is not repeated.
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Trouble::new("-H", "a header without a colon, expected 'Name: value'"))?;
        let name = name.trim().to_ascii_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value.trim()).is_err() {
            return Err(Trouble::new("-H", "characters that no header may have, expected 'Name: value'"));
        }
        if ["content-length", "transfer-encoding", "content-encoding"].contains(&name.as_str()) {
            return Err(Trouble::new(format_args!("-H: {name}"), "comes from the body, see --compress"));
        }
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value.trim().to_owned()));
    }
    for (name, value) in destination.headers() {
        if headers.iter().all(|(known, _)| known != name) {
            headers.push((name.to_owned(), value));
        }
    }
    let (mut token, mut password) = (None, None);
    let (name, word) = destination.token_header();
    if headers.iter().all(|(known, _)| known != name) {
        match secret(args, user_in_url, name, word.unwrap_or(args.token_scheme.word()))? {
            Some(Secret::User(user)) => {
                password = user.split_once(':').map(|(_, password)| password.to_owned());
                let value = format!("Basic {}", BASE64_STANDARD.encode(user));
                headers.insert(headers.len().min(1), ("authorization".to_owned(), value));
            }
            Some(Secret::Token(found)) => token = Some(found),
            None => {}
        }
    }
    let mut secrets: Vec<String> = headers.iter().filter(|(name, _)| name != "content-type").flat_map(parts).collect();
    for pair in urls.iter().filter_map(|url| url.uri.query()).flat_map(|query| query.split('&')) {
        secrets.extend(pair.split_once('=').map(|(_, value)| value.to_owned()));
    }
    secrets.extend(password);
    let places: Result<Vec<Place>, Trouble> = urls.iter().map(|url| url.place(args, destination)).collect();
    Ok(Target {
        places: places?,
        current: AtomicUsize::new(0),
        headers,
        is_compressed: args.compress == Some(Compression::Gzip),
        token,
        secrets,
    })
}

/// The value of a header, and what stands behind a word such as Basic in it.
fn parts((_, value): &(String, String)) -> Vec<String> {
    let inner = value.split_once(' ').map(|(_, inner)| inner.to_owned());
    std::iter::once(value.clone()).chain(inner).collect()
}

/// A URL of the command line.
struct Url {
    uri: Uri,
    user: Option<String>,
}

impl Url {
    fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    fn place(&self, args: &Args, destination: &dyn Destination) -> Result<Place, Trouble> {
        let uri = &self.uri;
        let authority = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or("http");
        let path = destination.path(uri.path());
        let base = format!("{scheme}://{authority}{path}");
        let with = |query: &str| format!("{base}{}{query}", if path.contains('?') { '&' } else { '?' });
        let url = uri.query().map_or_else(|| base.clone(), with);
        let shown = uri.query().map_or_else(|| base.clone(), |query| with(&masked(query)));
        let port = uri.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 });
        let host = uri.host().unwrap_or_default();
        Ok(Place { url, shown, proxy: connection::proxy(args.proxy.as_deref(), host, port, self.is_tls())? })
    }
}

/// The URLs of the command line: one, or the servers of one cluster.
fn urls(args: &Args) -> Result<Vec<Url>, Trouble> {
    let mut urls: Vec<Url> = Vec::new();
    for text in &args.url {
        // Records are read from standard input anyhow.
        if !urls.is_empty() && text == "-" {
            continue;
        }
        if !urls.is_empty() && !text.contains("://") {
            return Err(Trouble::new(text, "records are read from standard input: logpost URL < FILE"));
        }
        let (uri, user) = parse(text)?;
        if urls.first().is_some_and(|first| first.uri.path() != uri.path()) {
            return Err(Trouble::new("URL", "two paths, expected the same for all servers of a cluster"));
        }
        urls.push(Url { uri, user });
    }
    if urls.is_empty() { parse("").map(|_| urls) } else { Ok(urls) }
}

/// The name and password that a URL has, if it is one.
pub fn user_in(url: &str) -> Option<String> {
    parse(url).ok().and_then(|(_, user)| user)
}

enum Secret {
    User(String),
    Token(Token),
}

/// What an option names goes before what the URL has, and that before the environment.
fn secret(
    args: &Args,
    user_in_url: Option<String>,
    name: &'static str,
    word: &'static str,
) -> Result<Option<Secret>, Trouble> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let with_password = |option, user: String| {
        // What has none may be a token and is not repeated.
        let cause = "no password in it, expected NAME:PASSWORD";
        if user.contains(':') { Ok(Some(Secret::User(user))) } else { Err(Trouble::new(option, cause)) }
    };
    if let Some(user) = &args.user {
        return with_password("-u", user.clone());
    }
    if let Some(path) = &args.token_file {
        let seen = Stamp::of(path);
        let read = Mutex::new(ReadToken { header: token_header(path, word)?, seen });
        return Ok(Some(Secret::Token(Token { path: Some(path.clone()), name, word, read })));
    }
    if user_in_url.is_some() {
        return Ok(user_in_url.map(Secret::User));
    }
    if let Some(user) = variable("LOGPOST_USER") {
        return with_password("$LOGPOST_USER", user);
    }
    let Some(token) = variable("LOGPOST_TOKEN") else { return Ok(None) };
    let header = header_of(&token, word)
        .ok_or_else(|| Trouble::new("$LOGPOST_TOKEN", "no token in it, expected one line of text"))?;
    Ok(Some(Secret::Token(Token { path: None, name, word, read: Mutex::new(ReadToken { header, seen: None }) })))
}

/// The URL, and the `user:password` that was in it.
fn parse(url: &str) -> Result<(Uri, Option<String>), Trouble> {
    // What stands before an @, or follows a question mark, may be a secret.
    let shown = if url.contains('@') { "URL" } else { url.split('?').next().unwrap_or_default() };
    let expected = |cause: &str| Trouble::new(shown, format!("{cause}, expected http://host:port/path"));
    if std::path::Path::new(url).is_file() {
        return Err(Trouble::new(
            url,
            "a file, expected a URL; records are read from standard input: logpost URL < FILE",
        ));
    }
    let uri: Uri = url.parse().map_err(|_| expected("not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(expected("neither http nor https"));
    }
    let authority = uri.authority().ok_or_else(|| expected("no host"))?;
    let port = authority.as_str().rsplit(['@', ']']).next().and_then(|host| host.split_once(':'));
    if port.is_some_and(|(_, port)| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err(expected("no port from 1 to 65535"));
    }
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| percent_decoded(user));
    // There an empty password may be left out.
    let user = user.map(|user| if user.contains(':') { user } else { user + ":" });
    Ok((uri, user))
}

/// A query without its values.
fn masked(query: &str) -> String {
    let mask = |pair: &str| pair.split_once('=').map_or_else(|| "***".to_owned(), |(name, _)| format!("{name}=***"));
    query.split('&').map(mask).collect::<Vec<_>>().join("&")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::destinations::chosen::destination;
    use clap::Parser as _;

    fn to(arguments: &[&str]) -> Result<Target, Trouble> {
        let args = Args::try_parse_from(std::iter::once(&"logpost").chain(arguments)).unwrap();
        target(&args, destination(&args, &path(&args)?)?.as_ref())
    }

    #[test]
    fn a_password_in_the_url_becomes_a_header_and_is_never_in_the_url() {
        let target = to(&["http://me:s%40cret@h:9200/nginx", "--to", "elasticsearch"]).unwrap();
        assert!(target.places[0].url.starts_with("http://h:9200/nginx/_bulk?"), "{:?}", target.places);
        assert!(target.headers.contains(&("authorization".to_owned(), "Basic bWU6c0BjcmV0".to_owned())));
    }

    #[test]
    fn the_query_of_the_url_is_kept() {
        assert_eq!(to(&["http://h/in?key=1"]).unwrap().places[0].url, "http://h/in?key=1");
        let target = to(&["http://h/?AccountID=1", "--to", "victorialogs"]).unwrap();
        let url = &target.places[0].url;
        assert!(url.starts_with("http://h/insert/jsonline?"), "{url}");
        assert!(url.ends_with("&AccountID=1"), "{url}");
    }

    #[test]
    fn of_several_servers_the_next_is_used_after_a_failure_and_kept() {
        let target = to(&["http://a:9200", "http://b:9200", "-", "--to", "elasticsearch"]).unwrap();
        assert_eq!((target.place(), target.name_of(0)), (0, Some("a:9200")));
        target.leave(0);
        target.leave(0);
        assert_eq!((target.place(), target.name_of(1)), (1, Some("b:9200")), "two requests failed at the first");
        target.leave(1);
        assert_eq!(target.place(), 0);
        assert_eq!(to(&["http://a:9200"]).unwrap().name_of(0), None);
        let said = |urls: &[&str]| to(urls).unwrap_err().to_string();
        assert!(said(&["http://a/x", "http://b/y"]).contains("expected the same"));
        assert_eq!(said(&["http://a/x", "log"]), "log: records are read from standard input: logpost URL < FILE");
    }

    #[test]
    fn our_secrets_are_masked_where_a_server_repeats_them() {
        let target =
            to(&["http://me:hunter22@h/?key=K3YK3Y", "-H", "X-Token: tok-123456", "-H", "X-Short: ab"]).unwrap();
        let said = "no such user me:hunter22 (Basic bWU6aHVudGVyMjI=), key=K3YK3Y, tok-123456, ab, text";
        assert_eq!(target.masked(said.to_owned()), "no such user me:*** (***), key=***, ***, ab, text");
    }

    #[test]
    fn a_header_of_ours_is_replaced_and_not_doubled() {
        let target = to(&["http://h/", "-H", "Content-Type: application/json"]).unwrap();
        assert_eq!(target.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    }

    #[test]
    fn mistakes_say_what_was_expected_and_no_secret() {
        for arguments in [
            &["nowhere"][..],
            &["ftp://h/"],
            &["http://"],
            &["http://h:0/"],
            &["http://[::1]:99999/"],
            &["http://h/", "-H", "secret"],
            &["http://h/", "-H", "a: \u{1}secret"],
        ] {
            let said = to(arguments).unwrap_err().to_string();
            assert!(said.contains("expected") && !said.contains("secret"), "{said}");
        }
    }
}

//! The URL as the user gave it, parted from what must not be printed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use logline::ending::Trouble;
use ureq::http::{HeaderName, HeaderValue, Uri};

use crate::args::{Args, Compression};
use crate::connection::{self, Connecting};
use crate::destinations::Destination;
use crate::setup;

/// Where requests go, and with what.
#[derive(Debug)]
pub struct Target {
    /// Without name and password.
    pub url: String,
    /// The same without what the user's query says: a key, it may be.
    pub shown: String,
    /// Every request has them.
    pub headers: Vec<(String, String)>,
    /// Bodies go as gzip.
    pub is_compressed: bool,
    token: Option<Token>,
}

impl Target {
    /// The name and the value of the header that carries its token.
    pub fn token(&self) -> Option<(&'static str, String)> {
        let token = self.token.as_ref()?;
        Some((token.name, token.header.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    /// It was not accepted: its file may have another by now. A file that cannot be read leaves the old one.
    pub fn read_token_again(&self) {
        if let Some(token) = &self.token
            && let Some(path) = &token.path
            && let Ok(header) = token_header(path, token.word)
        {
            *token.header.lock().unwrap_or_else(PoisonError::into_inner) = header;
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
    header: Mutex<String>,
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

/// The destination that the options name.
pub fn destination(args: &Args) -> Result<Box<dyn Destination>, Trouble> {
    let (uri, _) = parse(&args.url)?;
    setup::destination(args, uri.path())
}

/// How the connections to it are made.
pub fn connecting(args: &Args) -> Result<Connecting<'_>, Trouble> {
    let (uri, _) = parse(&args.url)?;
    let is_tls = uri.scheme_str() == Some("https");
    let of_tls = [("--cacert", args.cacert.is_some()), ("--cert", args.cert.is_some()), ("-k", args.insecure)];
    if let Some((option, _)) = of_tls.into_iter().find(|(_, is_given)| *is_given && !is_tls) {
        return Err(Trouble::new(option, "nothing is encrypted to an http URL, expected https://host:port/path"));
    }
    Ok(Connecting {
        connect_timeout: args.connect_timeout,
        max_time: args.max_time,
        is_tls,
        cacert: args.cacert.as_deref(),
        cert: args.cert.as_deref(),
        key: args.key.as_deref(),
        insecure: args.insecure,
        proxy: connection::proxy(args.proxy.as_deref(), uri.host().unwrap_or_default(), is_tls)?,
    })
}

/// Where requests go. Name and password or a token, from the options, the URL or the environment, become a header.
pub fn target(args: &Args, destination: &dyn Destination) -> Result<Target, Trouble> {
    let (uri, user_in_url) = parse(&args.url)?;
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
    let mut token = None;
    let (name, word) = destination.token_header();
    if headers.iter().all(|(known, _)| known != name) {
        match secret(args, user_in_url, name, word.unwrap_or(args.token_scheme.word()))? {
            Some(Secret::User(user)) => {
                let value = format!("Basic {}", BASE64_STANDARD.encode(user));
                headers.insert(headers.len().min(1), ("authorization".to_owned(), value));
            }
            Some(Secret::Token(found)) => token = Some(found),
            None => {}
        }
    }
    let authority = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or("http");
    let path = destination.path(uri.path());
    let base = format!("{scheme}://{authority}{path}");
    let with = |query: &str| format!("{base}{}{query}", if path.contains('?') { '&' } else { '?' });
    let url = uri.query().map_or_else(|| base.clone(), with);
    let shown = uri.query().map_or_else(|| base.clone(), |query| with(&masked(query)));
    Ok(Target { url, shown, headers, is_compressed: args.compress == Some(Compression::Gzip), token })
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
        let header = Mutex::new(token_header(path, word)?);
        return Ok(Some(Secret::Token(Token { path: Some(path.clone()), name, word, header })));
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
    Ok(Some(Secret::Token(Token { path: None, name, word, header: Mutex::new(header) })))
}

/// The URL, and the `user:password` that was in it.
fn parse(url: &str) -> Result<(Uri, Option<String>), Trouble> {
    let expected = |cause: &str| Trouble::new("URL", format!("{cause}, expected http://host:port/path"));
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
    use clap::Parser as _;

    fn to(arguments: &[&str]) -> Result<Target, Trouble> {
        let args = Args::try_parse_from(std::iter::once(&"logpost").chain(arguments)).unwrap();
        target(&args, destination(&args)?.as_ref())
    }

    #[test]
    fn a_password_in_the_url_becomes_a_header_and_is_never_in_the_url() {
        let target = to(&["http://me:s%40cret@h:9200/nginx", "--to", "elasticsearch"]).unwrap();
        assert!(target.url.starts_with("http://h:9200/nginx/_bulk?"), "{}", target.url);
        assert!(target.headers.contains(&("authorization".to_owned(), "Basic bWU6c0BjcmV0".to_owned())));
    }

    #[test]
    fn the_query_of_the_url_is_kept() {
        assert_eq!(to(&["http://h/in?key=1"]).unwrap().url, "http://h/in?key=1");
        let target = to(&["http://h/?AccountID=1", "--to", "victorialogs"]).unwrap();
        assert!(target.url.starts_with("http://h/insert/jsonline?"), "{}", target.url);
        assert!(target.url.ends_with("&AccountID=1"), "{}", target.url);
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

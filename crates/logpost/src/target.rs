//! The URL as the user gave it, parted from what must not be printed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use logline::ending::Trouble;
use ureq::http::Uri;

use crate::args::Args;
use crate::deliver::Target;
use crate::kinds::{self, Kind};

/// The kind of server that the options name.
pub fn kind(args: &Args) -> Result<Box<dyn Kind>, Trouble> {
    let (uri, _) = parse(&args.url)?;
    kinds::kind(args, uri.path())
}

/// Where requests go. Name and password in the URL, the option or the environment become a header.
pub fn target(args: &Args, kind: &dyn Kind) -> Result<Target, Trouble> {
    let (uri, user_in_url) = parse(&args.url)?;
    let from_environment = || std::env::var("LOGPOST_USER").ok().filter(|user| !user.is_empty());
    let mut headers = vec![("content-type".to_owned(), kind.content_type().to_owned())];
    if let Some(user) = args.user.clone().or(user_in_url).or_else(from_environment) {
        headers.push(("authorization".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(user))));
    }
    for header in &args.header {
        // The value may be a secret and is not repeated.
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Trouble::new("-H", "a header without a colon, expected 'Name: value'"))?;
        let name = name.trim().to_ascii_lowercase();
        let is_name = ureq::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !is_name || ureq::http::HeaderValue::from_str(value.trim()).is_err() {
            return Err(Trouble::new("-H", "characters that no header may have, expected 'Name: value'"));
        }
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value.trim().to_owned()));
    }
    let authority = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or("http");
    let path = kind.path(uri.path());
    let query = uri.query().map(|query| format!("{}{query}", if path.contains('?') { '&' } else { '?' }));
    Ok(Target { url: format!("{scheme}://{authority}{path}{}", query.unwrap_or_default()), headers })
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
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| percent_decoded(user));
    Ok((uri, user))
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
        target(&args, kind(&args)?.as_ref())
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
            &["http://h/", "-H", "secret"],
            &["http://h/", "-H", "a: \u{1}secret"],
        ] {
            let said = to(arguments).unwrap_err().to_string();
            assert!(said.contains("expected") && !said.contains("secret"), "{said}");
        }
    }
}

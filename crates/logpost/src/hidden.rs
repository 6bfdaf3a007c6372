//! Takes names and passwords off the command line, which everybody on the machine can read: logpost starts itself anew with
//! the secret in `$LOGPOST_USER`, which only the same user can read, and the same process goes on under the same number.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use logline::ending::say;

use crate::PROG;
use crate::args::Args;
use crate::target::user_in;

/// Starts logpost anew without the secrets of its command line, if it has any. Returns where there are none, or where that
/// cannot be done, which is said.
pub fn hide(args: &Args) {
    let in_urls = args.url.iter().find_map(|url| user_in(url));
    let Some(secret) = args.user.clone().or_else(|| in_urls.clone()) else { return };
    let mut given = std::env::args_os();
    let name = given.next().unwrap_or_default();
    let given: Vec<OsString> = given.collect();
    let kept = without_secrets(&given, args.user.as_deref());
    let is_hidden = kept.len() <= given.len() && kept != given;
    if is_hidden {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(name).args(kept);
        // A token's file goes before what a URL has.
        if args.user.is_some() || args.token_file.is_none() {
            command.env("LOGPOST_USER", secret);
        }
        // Comes back only where it has failed.
        let _ = command.exec();
    }
    let option = if args.user.is_some() { "-u" } else { "URL" };
    say(PROG, format_args!("{option}: everybody on this machine can read the password, expected it in $LOGPOST_USER"));
}

/// The arguments without the option `-u` and its value, and without what stands before the @ of a URL.
fn without_secrets(given: &[OsString], user: Option<&str>) -> Vec<OsString> {
    let mut kept: Vec<OsString> = Vec::new();
    for argument in given {
        let bytes = argument.as_bytes();
        let is_option = bytes.starts_with(b"-");
        match user.and_then(|user| bytes.strip_suffix(user.as_bytes())) {
            // The value of the option before it, which may be the last of several in one word.
            Some(b"") if kept.last().is_some_and(|last| is_user_option(last)) => {
                let last = kept.pop().unwrap_or_default().into_vec();
                kept.extend(without_u(&last));
            }
            Some(b"--user=") => {}
            Some(before) if is_option && !before.starts_with(b"--") && before.ends_with(b"u") => {
                kept.extend(without_u(before));
            }
            _ => kept.push(argument.to_str().map_or_else(|| argument.clone(), |text| without_user(text).into())),
        }
    }
    kept
}

fn is_user_option(argument: &OsStr) -> bool {
    let bytes = argument.as_bytes();
    bytes == b"--user" || (bytes.starts_with(b"-") && !bytes.starts_with(b"--") && bytes.ends_with(b"u"))
}

/// `-vu` is `-v`, and `-u` nothing.
fn without_u(option: &[u8]) -> Option<OsString> {
    let kept = option.strip_suffix(b"u").filter(|kept| !option.starts_with(b"--") && kept.len() > 1)?;
    Some(OsString::from_vec(kept.to_vec()))
}

/// A URL without what stands before its @.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return text.to_owned();
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    authority.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{scheme}://{host}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_left_in_the_arguments() {
        for (given, user, kept) in [
            (&["-u", "me:pw", "http://h/"][..], Some("me:pw"), &["http://h/"][..]),
            (&["--user", "me:pw", "http://h/"], Some("me:pw"), &["http://h/"]),
            (&["--user=me:pw", "http://h/"], Some("me:pw"), &["http://h/"]),
            (&["-ume:pw", "http://h/"], Some("me:pw"), &["http://h/"]),
            (&["-vume:pw", "http://h/"], Some("me:pw"), &["-v", "http://h/"]),
            (&["-vu", "me:pw", "http://h/"], Some("me:pw"), &["-v", "http://h/"]),
            (&["-v", "http://me:p@w@h:1/a@b?c=d@e", "x"], None, &["-v", "http://h:1/a@b?c=d@e", "x"]),
            (&["--add", "mail=http://a@b", "http://h/"], None, &["--add", "mail=http://a@b", "http://h/"]),
        ] {
            let given: Vec<OsString> = given.iter().map(OsString::from).collect();
            assert_eq!(without_secrets(&given, user), kept, "{given:?}");
        }
    }
}

//! What logpost keeps to itself: passwords, tokens and records, on the command line, in messages and towards strangers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use logpipe_tests::front::{Front, read_request};
use logpipe_tests::receiver::{Behaviour, Receiver};
use logpipe_tests::running::{Ended, Running};
use logpipe_tests::tools::{Scratch, await_that};

fn behaviour(status: u16) -> Behaviour {
    Behaviour { status: Some(status), ..Behaviour::default() }
}

/// Runs logpost to its end over this input.
fn post(arguments: &[&str], input: &[u8]) -> Ended {
    let mut logpost = Running::start(arguments, &[]);
    logpost.write(input);
    logpost.end()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[test]
fn a_user_comes_from_the_option_the_url_or_the_environment_and_is_never_said() {
    // me:s3cret
    let basic = "Basic bWU6czNjcmV0";
    let bearer = "Bearer s3cret";
    let scratch = Scratch::new("token");
    let file = scratch.path().join("token");
    fs::write(&file, "s3cret\n").unwrap();
    let file = file.to_str().unwrap();
    let receiver = Receiver::start();
    let address = receiver.address();
    let (plain, with_user) = (format!("http://{address}/"), format!("http://me:s3cret@{address}/"));
    for (arguments, variables, expected) in [
        (vec!["-u", "me:s3cret", &plain], vec![], basic),
        (vec![with_user.as_str()], vec![], basic),
        (vec![plain.as_str()], vec![("LOGPOST_USER", "me:s3cret")], basic),
        (vec![plain.as_str()], vec![("LOGPOST_TOKEN", "s3cret")], bearer),
        (vec!["--token-file", file, &plain], vec![], bearer),
        (vec!["--token-file", file, "--token-scheme", "ApiKey", &plain], vec![], "ApiKey s3cret"),
        (vec!["-H", "Authorization: Splunk s3cret", &plain], vec![("LOGPOST_TOKEN", "x")], "Splunk s3cret"),
    ] {
        receiver.script([behaviour(403)]);
        let mut logpost = Running::start(&[&["-v"], &arguments[..]].concat(), &variables);
        logpost.write(b"{\"a\":1}\n");
        let ended = logpost.end();
        assert_eq!(ended.status, 0, "{:?}", ended.said);
        assert!(!ended.said.iter().any(|line| line.contains("s3cret")), "{:?}", ended.said);
        let head = receiver.heads().pop().unwrap();
        let sent: Vec<_> = head.iter().filter(|line| line.starts_with("authorization:")).collect();
        assert_eq!(sent, [&format!("authorization: {expected}")]);
    }
}

#[test]
fn a_token_is_read_again_when_it_is_not_accepted() {
    let scratch = Scratch::new("again");
    let file = scratch.path().join("token");
    fs::write(&file, "old").unwrap();
    let receiver = Receiver::start();
    receiver.demand("Bearer new");
    let mut logpost = Running::start(&["--linger=0", "--token-file", file.to_str().unwrap(), &receiver.url()], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("401");
    fs::write(&file, "new").unwrap();
    logpost.hear("recovered");
    assert_eq!((logpost.end().status, receiver.documents().len()), (0, 1));
}

#[test]
fn what_secrets_and_certificates_are_read_from_is_named_when_it_is_not_there() {
    let scratch = Scratch::new("missing");
    let empty = scratch.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (arguments, words) in [
        (vec!["--token-file", "/no/such/token", "http://h/"], "/no/such/token: no such file or directory"),
        (vec!["--token-file", empty, "http://h/"], "no token in it, expected one line of text"),
        (vec!["--cacert", "/no/such/ca", "https://h/"], "/no/such/ca: no such file or directory"),
        (vec!["--cacert", empty, "https://h/"], "no certificate in it, expected PEM"),
        (vec!["-k", "--cert", empty, "https://h/"], "no certificate in it, expected PEM"),
        (vec!["-x", "socks5://me:s3cret@h:1", "http://h/"], "proxy: not a URL of one, expected http://host:port"),
        (vec!["-H", "Content-Length: 5", "http://h/"], "-H: content-length: comes from the body"),
        (vec!["-u", "a:b", "--token-file", empty, "http://h/"], "--token-file"),
        (vec!["--compress", "zip", "http://h/"], "zip"),
    ] {
        let ended = Running::start(&arguments, &[]).end();
        assert_eq!(ended.status, 2, "{arguments:?}");
        assert!(ended.said.last().unwrap().contains(words), "{:?}", ended.said);
        assert!(!ended.said.iter().any(|line| line.contains("s3cret")), "{:?}", ended.said);
    }
}

#[test]
fn a_body_is_read_by_nobody_but_the_server_that_was_named() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = elsewhere.local_addr().unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), move |number, stream| {
        if number > 0 {
            return Ok(true);
        }
        read_request(stream)?;
        stream.write_all(
            format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{place}/\r\nContent-Length: 0\r\n\r\n")
                .as_bytes(),
        )?;
        stream.read_exact(&mut [0]).map(|()| false)
    });
    let ended = post(&["-u", "me:s3cret", &url(front.address())], b"{\"a\":1}\n");
    assert_eq!((ended.status, receiver.documents().len()), (0, 1));
    assert!(elsewhere.accept().is_err());
}

#[test]
fn a_password_leaves_the_command_line_and_is_used_all_the_same() {
    let receiver = Receiver::start();
    let address = receiver.address();
    let (plain, with_user) = (format!("http://{address}/"), format!("http://me:s3cretpw@{address}/"));
    for arguments in [
        &["-u", "me:s3cretpw", &plain][..],
        &["-vu", "me:s3cretpw", &plain],
        &["--user=me:s3cretpw", &plain],
        &[&with_user],
    ] {
        let mut logpost = Running::start(arguments, &[]);
        let line = format!("/proc/{}/cmdline", logpost.id());
        let has = |text: &str| String::from_utf8_lossy(&fs::read(&line).unwrap_or_default()).contains(text);
        await_that("the command line has no password", || has("http://") && !has("s3cretpw"));
        logpost.write(b"{\"a\":1}\n");
        let ended = logpost.end();
        assert_eq!(ended.status, 0, "{:?}", ended.said);
        let head = receiver.heads().pop().unwrap();
        assert!(head.contains(&"authorization: Basic bWU6czNjcmV0cHc=".to_owned()), "{head:?}");
    }
}

#[test]
fn a_secret_is_masked_where_the_server_repeats_it() {
    let receiver = Receiver::start();
    let text = "no user me:s3cretpw (Basic bWU6czNjcmV0cHc=), key T0PSECRET";
    let refusing = |status| Behaviour { text: Some(text.to_owned()), ..behaviour(status) };
    receiver.script([refusing(403)]);
    let url = format!("{}/?key=T0PSECRET", receiver.url());
    let mut logpost = Running::start(&["--linger=0", "-u", "me:s3cretpw", &url], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("403 no user me:*** (***), key ***, trying again");
    logpost.hear("recovered");
    // And in what is written out of refused records.
    receiver.script([refusing(400), refusing(400)]);
    logpost.write(b"{\"a\":2}\n{\"a\":3}\n");
    let ended = logpost.end();
    let told = ended.said.join(" ") + &ended.stdout;
    assert!(!told.contains("s3cretpw") && !told.contains("bWU6") && !told.contains("T0PSECRET"), "{told}");
}

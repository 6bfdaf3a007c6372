//! Sends requests to a web server, good and bad, and counts those that were answered.
//!
//! Each request carries its number, so that a line of the server's log tells which it was.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use logpipe_tests::tools::free_port;

const USAGE: &str = "load: usage: load ADDRESS FIRST COUNT | load --free-port";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "load: {cause}"));
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--free-port"] => writeln!(io::stdout(), "{}", free_port()?),
        [address, first, count] => {
            let first: u64 = first.parse().map_err(io::Error::other)?;
            let count: u64 = count.parse().map_err(io::Error::other)?;
            writeln!(io::stdout(), "{}", send(address, first..first + count)?)
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

/// Sends the requests of these numbers one after the other; tells how many were answered.
fn send(address: &str, numbers: std::ops::Range<u64>) -> io::Result<u64> {
    let mut answered = 0;
    let mut connection = None;
    for number in numbers {
        let stream = match connection.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(address)?),
        };
        let (again, status) = exchange(stream, &request(number))?;
        connection = again;
        if status > 0 {
            answered += 1;
        }
    }
    Ok(answered)
}

/// What people and scanners send.
fn request(number: u64) -> String {
    let (line, agent) = match number % 20 {
        0 => (format!("GET /missing/{number} HTTP/1.1"), "Mozilla/5.0"),
        1 => (format!("GET /broken?n={number} HTTP/1.1"), "curl/8.5"),
        2 => (format!("GET /upstream?n={number} HTTP/1.1"), "Mozilla/5.0"),
        3 => (format!("GET /denied?n={number} HTTP/1.1"), "\"quoted\" \\ agent"),
        4 => (format!("GARBAGE-{number}"), ""),
        5 => (format!("GET /caf%C3%A9?n={number}&q=a+b HTTP/1.1"), "zażółć/1.0"),
        _ => (format!("GET /?n={number} HTTP/1.1"), "Mozilla/5.0 (X11; Linux x86_64)"),
    };
    format!("{line}\r\nHost: localhost\r\nUser-Agent: {agent}\r\n\r\n")
}

type Stream = BufReader<TcpStream>;

/// Sends one request and reads its answer: the connection if it stays open, and the status.
fn exchange(mut stream: Stream, request: &str) -> io::Result<(Option<Stream>, u16)> {
    stream.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let (mut length, mut close) = (0, false);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().map_err(io::Error::other)?;
        }
        close |= header == "connection: close";
    }
    io::copy(&mut Read::by_ref(&mut stream).take(length), &mut io::sink())?;
    Ok(((!close).then_some(stream), status))
}

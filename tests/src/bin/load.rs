//! Sends requests to a web server, good and bad, and counts those that were answered.
//!
//! Each request carries its number, so that a line of the server's log tells which it was. `load ADDRESS FIRST COUNT
//! LENGTH RATE` makes the lines of the log longer by LENGTH bytes, and sends at most RATE requests a second.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::tools::free_port;

const USAGE: &str = "load: usage: load ADDRESS FIRST COUNT [LENGTH RATE] | load --free-port";

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
        [address, first, count, rest @ ..] if matches!(rest.len(), 0 | 2) => {
            let number = |word: &str| word.parse::<u64>().map_err(io::Error::other);
            let (first, count) = (number(first)?, number(count)?);
            let (length, rate) = match rest {
                [length, rate] => (number(length)?, Some(number(rate)?)),
                _ => (0, None),
            };
            writeln!(io::stdout(), "{}", send(address, first..first + count, length, rate)?)
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

/// Sends the requests of these numbers one after the other, at most `rate` a second; tells how many were answered.
fn send(address: &str, numbers: std::ops::Range<u64>, length: u64, rate: Option<u64>) -> io::Result<u64> {
    let mut answered = 0;
    let mut connection = None;
    let (begin, first) = (Instant::now(), numbers.start);
    let filler = "x".repeat(usize::try_from(length).map_err(io::Error::other)?);
    for number in numbers {
        if let Some(rate) = rate {
            let due = begin + Duration::from_micros((number - first) * 1_000_000 / rate.max(1));
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let stream = match connection.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(address)?),
        };
        let (again, status) = exchange(stream, &request(number, &filler))?;
        connection = again;
        if status > 0 {
            answered += 1;
        }
    }
    Ok(answered)
}

/// What people and scanners send; the agent's name ends in `filler`.
fn request(number: u64, filler: &str) -> String {
    let (line, agent) = match number % 20 {
        0 => (format!("GET /missing/{number} HTTP/1.1"), "Mozilla/5.0"),
        1 => (format!("GET /broken?n={number} HTTP/1.1"), "curl/8.5"),
        2 => (format!("GET /upstream?n={number} HTTP/1.1"), "Mozilla/5.0"),
        3 => (format!("GET /denied?n={number} HTTP/1.1"), "\"quoted\" \\ agent"),
        4 => (format!("GARBAGE-{number}"), ""),
        5 => (format!("GET /caf%C3%A9?n={number}&q=a+b HTTP/1.1"), "zażółć/1.0"),
        _ => (format!("GET /?n={number} HTTP/1.1"), "Mozilla/5.0 (X11; Linux x86_64)"),
    };
    format!("{line}\r\nHost: localhost\r\nUser-Agent: {agent}{filler}\r\n\r\n")
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

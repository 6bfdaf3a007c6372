//! The receiver as a program, for the demo and for measurements.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use logpipe_tests::receiver::{Options, Receiver};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            complain(&cause);
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut options = Options::default();
    let mut until_eof = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => options.port = number(&word, words.next())?,
            "--chaos" => options.chaos = Some(number(&word, words.next())?),
            "--sink" => options.sink = true,
            "--until-eof" => until_eof = true,
            _ => return Err(format!("{word}: unknown option")),
        }
    }
    let receiver = Receiver::start_with(&options).map_err(|cause| cause.to_string())?;
    writeln!(io::stdout(), "listening on {}", receiver.url()).map_err(|cause| cause.to_string())?;
    if until_eof {
        drop(io::stdin().read_to_end(&mut Vec::new()));
        return Ok(());
    }
    // TERM ends the process as it ends any other: nothing is kept on disk.
    loop {
        thread::park();
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    value.and_then(|text| text.parse().ok()).ok_or_else(|| format!("{option}: a number is wanted"))
}

fn complain(cause: &str) {
    // Where the message cannot be written there is nobody to tell.
    drop(writeln!(io::stderr(), "receiver: {cause}"));
}

//! The requests as they would be sent, on stdout: one after another, each with its head, and nothing that is secret.

use std::fmt::Write as _;

use logline::ending::Stop;
use logline::output::Output;

use crate::target::Target;

/// Prints requests in the place of sending them.
#[derive(Debug)]
pub struct DryRun {
    head: Vec<u8>,
    output: Output,
}

impl DryRun {
    /// Of requests to `target`.
    pub fn new(target: &Target) -> Self {
        let mut head = format!("POST {}\n", target.places[0].shown);
        for (name, value) in &target.headers {
            // Which of the others is a secret only the user knows.
            let value = if name == "content-type" { value } else { "***" };
            // Writing to a string does not fail.
            let _ = writeln!(head, "{name}: {value}");
        }
        if let Some((name, _)) = target.token() {
            let _ = writeln!(head, "{name}: ***");
        }
        Self { head: head.into_bytes(), output: Output::stdout() }
    }

    /// Writes one request.
    pub fn write(&mut self, key: Option<&str>, body: &[u8]) -> Result<(), Stop> {
        self.output.write(&self.head)?;
        if let Some(key) = key {
            self.output.write(format!("idempotency-key: {key}\n").as_bytes())?;
        }
        self.output.write(b"\n")?;
        self.output.write(body)?;
        self.output.write(b"\n")?;
        self.output.flush()
    }
}

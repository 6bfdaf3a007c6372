//! The formats by their names, and what they have in common: a line goes in, fields of a record come out, or a reason why
//! the line is none of theirs.

pub mod json;
pub mod nginx;
pub mod nginx_access;
pub mod nginx_error;
pub mod text;

use crate::clock::Clock;
use crate::record::Record;

/// Why a line is not of the format: `nginx: no '"' after request`.
pub type Reason = String;

/// A format, ready to read lines.
#[derive(Debug)]
pub enum Format {
    /// Access and error log of nginx.
    Nginx(Box<nginx::Nginx>),
    /// One object a line.
    Json,
    /// Anything.
    Text,
}

impl Format {
    /// Writes the fields of `line` (without CR and LF) to `record`, or says why it cannot. What was written before a
    /// failure is to be forgotten.
    pub fn parse(&mut self, line: &[u8], clock: &mut Clock, record: &mut Record<'_>) -> Result<(), Reason> {
        match self {
            Self::Nginx(nginx) => nginx.parse(line, clock, record),
            Self::Json => json::parse(line, record).map_err(|cause| format!("json: {cause}")),
            Self::Text => {
                text::parse(line, clock, record);
                Ok(())
            }
        }
    }
}

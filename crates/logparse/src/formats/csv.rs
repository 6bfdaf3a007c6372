//! Values parted by commas (RFC 4180), whose names are given by `--columns`. A value in quotes may hold commas, quotes
//! written twice, and line breaks: such lines are put together before.
//!
//! A value that is empty and not quoted is unset; `""` is an empty text. A column `name:int` or `name:float` is a number
//! where its text is one. The column `time`, or else one of its other names, is the time of the record.

use std::borrow::Cow;

use crate::clock::Clock;
use crate::formats::pattern::{Value, values};
use crate::grok::{Convert, Field};
use crate::record::Record;

/// PostgreSQL's `log_destination = csvlog`: <https://www.postgresql.org/docs/current/runtime-config-logging.html>. Older
/// versions write fewer columns.
const POSTGRES: &str = "time,user_name,database_name,process_id:int,connection_from,session_id,session_line_num:int,command_tag,session_start_time,virtual_transaction_id,transaction_id:int,error_severity,sql_state_code,message,detail,hint,internal_query,internal_query_pos:int,context,query,query_pos:int,location,application_name,backend_type,leader_pid:int,query_id:int";

/// The columns, in their order.
#[derive(Debug)]
pub struct Csv {
    columns: Vec<Value>,
}

impl Csv {
    /// Takes the names as the user has given them, or `postgres` for those of its csvlog. The error says what was expected.
    pub fn new(columns: &[String]) -> Result<Self, String> {
        let names: Vec<&str> = match columns {
            [] => return Err("missing, expected the names of the columns, or postgres".to_owned()),
            [one] if one == "postgres" => POSTGRES.split(',').collect(),
            columns => columns.iter().map(String::as_str).collect(),
        };
        let column = |name: &&str| {
            let (name, kind) = name.split_once(':').unwrap_or((*name, ""));
            let convert =
                Convert::parse(kind).ok_or_else(|| format!("{name}:{kind}: expected int or float behind the colon"))?;
            Ok(Field { name: name.to_owned(), convert })
        };
        Ok(Self { columns: values(names.iter().map(column).collect::<Result<_, String>>()?) })
    }

    /// Reads a row; line breaks stand in quotes only.
    pub fn parse(&self, row: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
        let mut rest = Some(row);
        let mut at = 0;
        while let Some(text) = rest {
            let value;
            (value, rest) = next(text)?;
            if let Some(value) = value {
                let Some(column) = self.columns.get(at) else {
                    return Err(format!("more than the {} values that --columns names", self.columns.len()).into());
                };
                column.put(&value, record, clock);
            }
            at += 1;
        }
        Ok(())
    }
}

/// The value that `text` begins with, if it is set, and what follows its comma.
type Next<'a> = (Option<Cow<'a, [u8]>>, Option<&'a [u8]>);

fn next(text: &[u8]) -> Result<Next<'_>, Cow<'static, str>> {
    let Some(mut inner) = text.strip_prefix(b"\"") else {
        let end = memchr::memchr(b',', text).unwrap_or(text.len());
        let value = Some(&text[..end]).filter(|value| !value.is_empty()).map(Cow::Borrowed);
        return Ok((value, text.get(end + 1..)));
    };
    let mut value = Cow::Borrowed(&b""[..]);
    loop {
        let quote = memchr::memchr(b'"', inner).ok_or("a quote without its end")?;
        if value.is_empty() {
            value = Cow::Borrowed(&inner[..quote]);
        } else {
            value.to_mut().extend_from_slice(&inner[..quote]);
        }
        match &inner[quote + 1..] {
            [b'"', behind @ ..] => {
                value.to_mut().push(b'"');
                inner = behind;
            }
            [b',', behind @ ..] => return Ok((Some(value), Some(behind))),
            [] => return Ok((Some(value), None)),
            _ => return Err("neither a comma nor the end after a closing quote".into()),
        }
    }
}

//! What a server's administrator may have put in front of an access line: the name of the virtual host, the list of a
//! `X-Forwarded-For`, or both. `combined` and its relatives begin with the client's address and ` - `; a line with more
//! words there is taken apart here, so that a host never stands where the client's address belongs.
//!
//! | in front of ` - ` | fields |
//! |---|---|
//! | `www.example.test:80 192.0.2.1` | `server_name`, `server_port`, `remote_addr` |
//! | `192.0.2.1, 198.51.100.2` | `http_x_forwarded_for`; its first address is `remote_addr` |
//! | `192.0.2.1, 198.51.100.2 203.0.113.5` | `http_x_forwarded_for`, then `remote_addr` |
//! | `- 203.0.113.5` | an unset list, then `remote_addr` |
//!
//! Two lone addresses could be either way round: such a line is not read.

use std::net::{IpAddr, Ipv6Addr};

use memchr::memmem;

use crate::formats::value;
use crate::record::Record;

/// The words in front of an access line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Front<'a> {
    server_name: Option<&'a [u8]>,
    server_port: Option<&'a [u8]>,
    /// The whole list, as it stands in the line.
    forwarded: Option<&'a [u8]>,
    remote_addr: &'a [u8],
    /// The line from its last word before ` - ` on: what a format that begins with an address reads.
    pub rest: &'a [u8],
}

impl<'a> Front<'a> {
    /// Takes the front of an access line apart. `None` where the line begins with one word only, or where the words could
    /// mean more than one thing.
    pub fn split(line: &'a [u8]) -> Option<Self> {
        let head = memmem::find(line, b" [").map_or(line, |bracket| &line[..=bracket]);
        memmem::find_iter(head, b" - ").find_map(|end| Self::new(&head[..end], line))
    }

    fn new(words: &'a [u8], line: &'a [u8]) -> Option<Self> {
        let last = memchr::memrchr(b' ', words)? + 1;
        let mut front =
            Self { server_name: None, server_port: None, forwarded: None, remote_addr: b"", rest: &line[last..] };
        let mut items = items(words);
        if items.len() > 1 && front.take_host(items[0]) {
            items.remove(0);
        }
        let is_list = |item: &[u8]| item.contains(&b',');
        match *items {
            [one] if is_list(one) => {
                front.forwarded = Some(one);
                front.remote_addr = first_of(one);
            }
            [one] if front.server_name.is_some() => front.remote_addr = one,
            [b"-", address] | [address, b"-"] if !is_list(address) => front.remote_addr = address,
            [list, address] | [address, list] if is_list(list) && !is_list(address) => {
                front.forwarded = Some(list);
                front.remote_addr = address;
            }
            _ => return None,
        }
        is_address(front.remote_addr).then_some(front)
    }

    fn take_host(&mut self, word: &'a [u8]) -> bool {
        let (name, port) = match memchr::memrchr(b':', word) {
            Some(colon) => (&word[..colon], Some(&word[colon + 1..])),
            None => (word, None),
        };
        let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-*".contains(byte))
            && name.iter().any(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let has_port = port.is_none_or(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit));
        if !is_name || !has_port {
            return false;
        }
        (self.server_name, self.server_port) = (Some(name), port);
        true
    }

    /// Puts all but the client's address into a record.
    pub fn put(&self, record: &mut Record) {
        if let Some(name) = self.server_name {
            record.text("server_name", name);
        }
        if let Some(port) = self.server_port {
            value::number(record.field("server_port"), port);
        }
        if let Some(list) = self.forwarded {
            record.text("http_x_forwarded_for", list);
        }
    }

    /// Puts the client's address into a record that a format has filled from [`Front::rest`], where that begins with
    /// another.
    pub fn put_address(&self, record: &mut Record) {
        if !self.rest.starts_with(self.remote_addr) {
            record.may_repeat();
            record.text("remote_addr", self.remote_addr);
        }
    }
}

/// The words, those of a list taken together: a word that ends in a comma goes on.
fn items(words: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    let mut begin = 0;
    for space in memchr::memchr_iter(b' ', words).chain([words.len()]) {
        if space > begin && words[space - 1] != b',' {
            items.push(&words[begin..space]);
            begin = space + 1;
        }
    }
    items
}

/// The first address of a list.
pub fn first_of(list: &[u8]) -> &[u8] {
    list.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii()
}

/// Whether this is an IP address, perhaps with a port.
pub fn is_address(word: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(word) else { return false };
    let bracketed = || text.strip_prefix('[')?.split(']').next()?.parse::<Ipv6Addr>().ok();
    let with_port = || text.rsplit_once(':').and_then(|(address, _)| address.parse::<std::net::Ipv4Addr>().ok());
    text.parse::<IpAddr>().is_ok() || bracketed().is_some() || with_port().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str) -> Option<[String; 4]> {
        let line = format!("{words} - bob [05/Mar/2024:10:11:12 +0000] \"GET / HTTP/1.1\" 200 12");
        let front = Front::split(line.as_bytes())?;
        let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
        Some([text(front.server_name), text(front.server_port), text(front.forwarded), text(Some(front.remote_addr))])
    }

    #[test]
    fn hosts_and_lists_are_told_from_the_address() {
        for (words, name, port, forwarded, address) in [
            ("www.example.test:80 192.0.2.1", "www.example.test", "80", "", "192.0.2.1"),
            ("a.test 2001:db8::1", "a.test", "", "", "2001:db8::1"),
            ("_ 192.0.2.1", "_", "", "", "192.0.2.1"),
            ("192.0.2.1, 198.51.100.2", "", "", "192.0.2.1, 198.51.100.2", "192.0.2.1"),
            ("192.0.2.1,198.51.100.2 203.0.113.5", "", "", "192.0.2.1,198.51.100.2", "203.0.113.5"),
            ("203.0.113.5 192.0.2.1, 198.51.100.2", "", "", "192.0.2.1, 198.51.100.2", "203.0.113.5"),
            ("a.test 192.0.2.1, 198.51.100.2", "a.test", "", "192.0.2.1, 198.51.100.2", "192.0.2.1"),
            ("a.test:443 - 203.0.113.5", "a.test", "443", "", "203.0.113.5"),
        ] {
            assert_eq!(told(words), Some([name, port, forwarded, address].map(str::to_owned)), "{words}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_not_read() {
        for words in ["192.0.2.1", "192.0.2.1 198.51.100.2", "a.test b.test", "192.0.2.9:80 192.0.2.1", "a.test x y"] {
            assert_eq!(told(words), None, "{words}");
        }
    }
}

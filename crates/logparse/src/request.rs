//! The request line as a server logs it. Well formed it becomes its three parts, which say the same in fewer bytes;
//! otherwise it is kept whole, beside the parts that are certain.

use memchr::{memchr, memrchr};

use crate::escape::decoded;
use crate::record::Record;

/// Writes `request_method`, `request_uri`, `server_protocol`, and `request` where it is not just these three.
pub fn write_request(request: &[u8], record: &mut Record<'_>) {
    if let Some((method, uri, protocol)) = parts(request) {
        record.text("request_method", method);
        record.text("request_uri", &decoded(uri));
        record.text("server_protocol", protocol);
        return;
    }
    record.text("request", &decoded(request));
    let Some(space) = memchr(b' ', request) else { return };
    let (method, uri) = (&request[..space], &request[space + 1..]);
    if is_method(method) {
        record.text("request_method", method);
        // HTTP/0.9: a method and a path.
        if uri.starts_with(b"/") && memchr(b' ', uri).is_none() {
            record.text("request_uri", &decoded(uri));
        }
    }
}

/// Method, target and protocol of a well formed request.
fn parts(request: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = memchr(b' ', request)?;
    let last = memrchr(b' ', request)?;
    let (method, uri, protocol) = (&request[..first], request.get(first + 1..last)?, &request[last + 1..]);
    let is_protocol = matches!(protocol, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit());
    let is_whole = is_method(method) && is_protocol && !uri.is_empty() && memchr(b' ', uri).is_none();
    is_whole.then_some((method, uri, protocol))
}

fn is_method(method: &[u8]) -> bool {
    !method.is_empty() && method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
}

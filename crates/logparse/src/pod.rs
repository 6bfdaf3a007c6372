//! What the path of a container's log tells in Kubernetes:
//! `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log` and `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`.

use memchr::memmem;

use crate::record::Record;

/// Puts the keys `namespace`, `pod`, `container` and `pod_uid`, as far as the path tells them.
pub fn put(path: &[u8], record: &mut Record) {
    if let Some(rest) = behind(path, b"/var/log/pods/") {
        let mut parts = rest.split(|byte| *byte == b'/');
        let names: Vec<_> = parts.next().unwrap_or_default().split(|byte| *byte == b'_').collect();
        if let ([namespace, pod, uid], Some(container)) = (&*names, parts.next()) {
            record.text("namespace", namespace);
            record.text("pod", pod);
            record.text("container", container);
            record.text("pod_uid", uid);
        }
    } else if let Some(rest) = behind(path, b"/var/log/containers/") {
        let names: Vec<_> = rest.split(|byte| *byte == b'_').collect();
        if let [pod, namespace, last] = &*names
            && let Some(dash) = memchr::memrchr(b'-', last)
        {
            record.text("namespace", namespace);
            record.text("pod", pod);
            record.text("container", &last[..dash]);
        }
    }
}

/// What follows `directory`, wherever the host's root is mounted.
fn behind<'a>(path: &'a [u8], directory: &[u8]) -> Option<&'a [u8]> {
    memmem::find(path, directory).map(|at| &path[at + directory.len()..])
}

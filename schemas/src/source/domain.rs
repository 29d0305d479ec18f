//! The registrable domain of a host, by Mozilla's Public Suffix List: `www.shop.example.co.uk` is of `example.co.uk`.

use psl::{Psl, Type};

use crate::page::personal;

/// Longest name of a host and of one of its labels in bytes (RFC 1035, 2.3.4). The URL standard lets longer ones pass.
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// The registrable domain of a lower-case host name, as the URL standard gives it (IDN in its ASCII form).
///
/// `None` for what has no public name: IP addresses, names of an intranet (`wiki`, `nas.local`), onion services, public suffixes
/// themselves, and names below a hosting provider's suffix that look like an id (`3f2a9c81b2d4.example-tunnel.app`).
#[must_use]
pub fn registrable_domain(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    if host.len() > MAX_NAME_BYTES || host.split('.').any(|label| label.len() > MAX_LABEL_BYTES) {
        return None;
    }
    let domain = psl::List.domain(host.as_bytes())?;
    let suffix = domain.suffix();
    let text = std::str::from_utf8(domain.as_bytes()).ok()?;
    if !suffix.is_known() || suffix.as_bytes() == b"onion" || !text.bytes().all(is_of_name) {
        return None;
    }
    let is_machine = suffix.typ() == Some(Type::Private) && label(text).is_some_and(is_personal);
    (!is_machine).then_some(text)
}

/// The label and suffix of a name under a country's or a generic suffix, not under a hosting provider's: `google` and `co.uk`.
pub(super) fn brand(host: &str) -> Option<&str> {
    let domain = psl::List.domain(host.as_bytes())?;
    let is_public = domain.suffix().typ() == Some(Type::Icann);
    std::str::from_utf8(domain.as_bytes()).ok().filter(|_| is_public).and_then(label)
}

fn label(domain: &str) -> Option<&str> {
    domain.split('.').next()
}

fn is_personal(label: &str) -> bool {
    !label.starts_with("xn--") && personal(label).is_some()
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_')
}

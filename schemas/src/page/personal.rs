//! What looks personal, whatever the page: e-mail addresses, handles, telephone numbers, ids, addresses of machines, tokens.
//! The rules err on the side of masking; a site's patterns bring words back.

use std::net::Ipv6Addr;

use super::{digits, letters, mask::Mask};
use crate::source::registrable_domain;

/// Why this text must not be shown, if so. The text is decoded: one segment, one parameter's value, one name.
pub(crate) fn personal(text: &str) -> Option<Mask> {
    if is_harmless(text) {
        return None;
    }
    address(text)
        .or_else(|| spelt_out_address(text))
        .or_else(|| machine(text))
        .or_else(|| letters::mask(text))
        .or_else(|| digits::mask(text))
}

/// Short lower-case words, the most common segment: nothing to find there.
fn is_harmless(text: &str) -> bool {
    let mut run = 0;
    let are_short = text.bytes().all(|byte| {
        run = if byte.is_ascii_lowercase() { run + 1 } else { 0 };
        run < letters::MIN_GIBBERISH && matches!(byte, b'a'..=b'z' | b'-' | b'_' | b'.')
    });
    are_short && !text.contains("-at-") && !text.contains("_at_")
}

/// An e-mail address (`anna@example.com`, `anna[at]example.com`) or a handle (`@anna`, `~anna`).
fn address(text: &str) -> Option<Mask> {
    match text.split_once('@') {
        Some(("", handle)) if !handle.contains(['@', '.']) => return Some(Mask::Name),
        Some(_) => return Some(Mask::Email),
        None if text.starts_with('~') => return Some(Mask::Name),
        None => {}
    }
    let spelt_out = |bracketed: &str| text.to_ascii_lowercase().contains(bracketed);
    let may_be = text.contains(['(', '[', '{', '&']);
    (may_be && ["(at)", "[at]", "{at}", "&commat"].into_iter().any(spelt_out)).then_some(Mask::Email)
}

/// `anna_at_example.org`, `anna-at-example-dot-org`, `anna=40example.org` (quoted-printable).
fn spelt_out_address(text: &str) -> Option<Mask> {
    let may_be =
        text.contains("=40") || text.as_bytes().windows(2).any(|pair| pair.eq_ignore_ascii_case(b"at"));
    if !may_be {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let is_host = |rest: &str| {
        let host =
            ["-dot-", "_dot_", " dot "].iter().fold(rest.to_owned(), |host, dot| host.replace(dot, "."));
        // Endings of files that are those of domains too.
        let is_file =
            ["zip", "mov", "md", "sh", "py", "rs"].iter().any(|ending| host.ends_with(&format!(".{ending}")));
        host.contains('.') && !is_file && registrable_domain(&host).is_some()
    };
    let after = ["_at_", "-at-", " at "].iter().filter_map(|at| lower.split_once(at));
    let quoted =
        lower.split("=40").skip(1).any(|rest| rest.starts_with(|char: char| char.is_ascii_alphabetic()));
    (quoted || after.into_iter().any(|(_, rest)| is_host(rest))).then_some(Mask::Email)
}

/// An IPv6 address, with brackets or zone. IPv4 is a matter of digits.
fn machine(text: &str) -> Option<Mask> {
    if text.bytes().filter(|&byte| byte == b':').count() < 2 {
        return None;
    }
    let candidates = text.split(|char: char| !(char.is_ascii_hexdigit() || matches!(char, ':' | '.')));
    candidates
        .into_iter()
        .any(|candidate| candidate.len() > 2 && candidate.parse::<Ipv6Addr>().is_ok())
        .then_some(Mask::Ip)
}

//! Takes a path apart into plain segments: decoded, without empty ones, `.` and `..`, whatever the encoding tried to hide.

use std::borrow::Cow;

use super::MAX_SEGMENT_BYTES;

/// How many layers of percent-encoding are undone. What is then still encoded is masked.
const MAX_LAYERS: usize = 3;
/// How many segments are looked at; a page shows far fewer.
const MAX_SEGMENTS: usize = 64;

/// A segment as text, or why it cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Plain(Cow<'a, str>),
    Long,
    Encoded,
}

/// The segments of a URL's path. A `/` or `\` that was encoded parts segments too; an encoded `?` or `#` ends the path.
pub(super) fn segments(decoded: &[u8]) -> Vec<Segment<'_>> {
    let end = decoded.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(decoded.len());
    let path = decoded.get(..end).unwrap_or_default();
    let mut segments = Vec::with_capacity(12);
    for part in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        match plain(part) {
            Segment::Plain(text) if text.is_empty() || text == "." => {}
            Segment::Plain(text) if text == ".." => {
                segments.pop();
            }
            segment if segments.len() < MAX_SEGMENTS => segments.push(segment),
            _ => break,
        }
    }
    segments
}

/// Undoes percent-encoding, layer after layer.
pub(super) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..MAX_LAYERS {
        if !is_encoded(&decoded) {
            break;
        }
        decoded = Cow::Owned(decode_layer(&decoded));
    }
    decoded
}

fn decode_layer(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let (value, after) = escape(rest).unwrap_or((*byte, after));
        decoded.push(value);
        rest = after;
    }
    decoded
}

/// The byte that an escape `%XX` at the beginning stands for, and what follows it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? << 4 | digit(*low)?, after))
}

fn is_encoded(text: &[u8]) -> bool {
    text.contains(&b'%') && text.windows(3).any(|window| escape(window).is_some())
}

/// One segment or parameter value as text: trimmed, without `;parameters`, invisible characters taken out, full-width forms made ASCII.
pub(super) fn plain(part: &[u8]) -> Segment<'_> {
    if part.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')) {
        return std::str::from_utf8(part).map_or(Segment::Encoded, |text| sized(Cow::Borrowed(text)));
    }
    let Ok(text) = std::str::from_utf8(part) else { return Segment::Encoded };
    let text = if part.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(visible(text)) };
    if text.chars().any(is_forbidden) || is_encoded(text.as_bytes()) || is_escaped_otherwise(&text) {
        return Segment::Encoded;
    }
    sized(match text {
        Cow::Borrowed(text) => Cow::Borrowed(without_parameters(text)),
        Cow::Owned(text) => Cow::Owned(without_parameters(&text).to_owned()),
    })
}

/// `%u0040`, as `escape()` of old scripts writes it, or an HTML entity whose `#` or `;` has ended the segment.
fn is_escaped_otherwise(text: &str) -> bool {
    let shown = without_parameters(text);
    let is_entity = shown.ends_with('&') && shown.len() > 1;
    is_entity
        || text
            .split("%u")
            .skip(1)
            .any(|rest| rest.bytes().take(4).filter(u8::is_ascii_hexdigit).count() == 4)
}

fn sized(text: Cow<'_, str>) -> Segment<'_> {
    if text.len() > MAX_SEGMENT_BYTES { Segment::Long } else { Segment::Plain(text) }
}

/// Drops matrix parameters such as `;jsessionid=…` (RFC 3986, 3.3).
fn without_parameters(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// Control characters, and what means something in a URL (it can come here only through full-width forms or in a parameter's value).
fn is_forbidden(char: char) -> bool {
    char.is_control() || matches!(char, '/' | '\\' | '?' | '#' | char::REPLACEMENT_CHARACTER)
}

fn visible(text: &str) -> String {
    text.chars().filter(|&char| !is_invisible(char)).map(unfold).collect()
}

/// Full-width and small forms as ASCII, any white space as a space: what a person reads the same is judged the same.
fn unfold(char: char) -> char {
    match char {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(char) - 0xFEE0).unwrap_or(char),
        '\u{FE6B}' => '@',
        _ if char.is_whitespace() && !char.is_control() => ' ',
        _ => char,
    }
}

/// Format characters (Unicode category Cf) that could hide an address from the rules.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

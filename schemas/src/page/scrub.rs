//! Puts a page together: each segment by the site's pattern, by what was announced before it, by what it looks like.
//! Whatever comes out comes out the same when judged again; so what is decided about a segment rests on segments already shown.

use std::borrow::Cow;

use url::{Url, form_urlencoded};

use super::{
    MAX_DEPTH, MAX_PAGE_BYTES, MAX_SEGMENT_BYTES, REST,
    marker::{Marker, is_connector},
    mask::{Mask, Masked},
    path::{Segment, decode, plain, segments},
    personal::personal,
    rules::{PageRules, Piece},
};

/// Most query parameters that are looked at.
const MAX_PARAMETERS: usize = 100;

/// The scrubbed text of a URL's page.
pub(super) fn page(url: &Url, rules: &PageRules, masked: &mut Masked) -> String {
    let decoded = decode(url.path().as_bytes());
    let segments = segments(&decoded);
    let texts = texts(&segments, rules, masked);
    let mut page = join(&texts, masked);
    if let Some(query) = url.query() {
        append_parameters(&mut page, query, rules, masked);
    }
    page
}

/// What is shown of each segment.
fn texts<'a>(segments: &'a [Segment<'a>], rules: &'a PageRules, masked: &mut Masked) -> Vec<&'a str> {
    let mut texts = Vec::with_capacity(MAX_DEPTH + 1);
    if let Some(pattern) = rules.pattern(segments) {
        texts.extend(pattern.pieces().iter().map(Piece::as_str));
        masked
            .add_times(Mask::Pattern, pattern.pieces().iter().filter(|&piece| *piece == Piece::Any).count());
        if pattern.takes_rest() {
            masked.add(Mask::Pattern);
            texts.push("**");
            return texts;
        }
    }
    let mut announced = Announced::by(&texts);
    for segment in segments.iter().take(MAX_DEPTH).skip(texts.len()) {
        texts.push(announced.scrub(segment, masked));
    }
    if segments.len() > texts.len() {
        masked.add_times(Mask::Rest, segments.len() - texts.len());
        texts.push(REST);
    }
    texts
}

/// The path, ended by [`REST`] where it would grow too long.
fn join(texts: &[&str], masked: &mut Masked) -> String {
    let total: usize = texts.iter().map(|text| text.len() + 1).sum();
    let limit = if total <= MAX_PAGE_BYTES { MAX_PAGE_BYTES } else { MAX_PAGE_BYTES - REST.len() - 1 };
    let mut page = String::with_capacity(total.clamp(1, MAX_PAGE_BYTES));
    for (index, text) in texts.iter().enumerate() {
        page.push('/');
        if page.len() + text.len() > limit {
            masked.add_times(Mask::Rest, texts.len() - index);
            page.push_str(REST);
            break;
        }
        page.push_str(text);
    }
    if page.is_empty() {
        page.push('/');
    }
    page
}

/// Adds the allowed parameters in the order of the rules, as far as they fit.
fn append_parameters(page: &mut String, query: &str, rules: &PageRules, masked: &mut Masked) {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).take(MAX_PARAMETERS).collect();
    let is_allowed = |name: &str| rules.parameters().iter().any(|allowed| allowed == name);
    masked.add_times(Mask::Parameter, pairs.iter().filter(|(name, _)| !is_allowed(name)).count());
    let mut separator = '?';
    for allowed in rules.parameters() {
        let Some((_, value)) = pairs.iter().find(|(name, _)| name == allowed) else { continue };
        let value = parameter(allowed, value, masked);
        if value.is_empty() {
            continue;
        }
        if page.len() + allowed.len() + value.len() + 2 > MAX_PAGE_BYTES {
            masked.add(Mask::Rest);
            continue;
        }
        page.extend([&*String::from(separator), allowed, "=", &value]);
        separator = '&';
    }
}

/// The value of a parameter, judged like the segments of a path below its name.
fn parameter(name: &str, value: &str, masked: &mut Masked) -> String {
    let decoded = decode(value.as_bytes());
    let segments: Vec<_> = if decoded.iter().any(|byte| matches!(byte, b'&' | b'+' | b'%')) {
        vec![Segment::Encoded]
    } else {
        decoded.split(|byte| matches!(byte, b'/' | b'\\')).map(plain).collect()
    };
    let mut announced = Announced::by(&[name]);
    let texts: Vec<_> = segments.iter().map(|segment| announced.scrub(segment, masked)).collect();
    let value = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("/");
    if value.len() > MAX_SEGMENT_BYTES {
        masked.add(Mask::Long);
        return Mask::Long.as_str().to_owned();
    }
    value
}

/// What the segments before announced, and for how many more segments.
#[derive(Default)]
struct Announced {
    marker: Option<Marker>,
    reach: usize,
}

impl Announced {
    fn by(shown: &[&str]) -> Self {
        let mut announced = Self::default();
        shown.iter().for_each(|text| announced.follow(text));
        announced
    }

    /// What is shown of the next segment.
    fn scrub<'a>(&mut self, segment: &'a Segment<'a>, masked: &mut Masked) -> &'a str {
        let text = match segment {
            Segment::Plain(text) => self.mask(text).map_or(Ok(text), Err),
            Segment::Long => Err(Mask::Long),
            Segment::Encoded => Err(Mask::Encoded),
        };
        let text = text.map(Cow::as_ref).unwrap_or_else(|mask| {
            masked.add(mask);
            mask.as_str()
        });
        self.follow(text);
        text
    }

    fn mask(&self, text: &str) -> Option<Mask> {
        if is_placeholder(text) {
            return None;
        }
        let is_connector = self.marker == Some(Marker::Person) && is_connector(text);
        let announced = || self.marker.filter(|_| !is_connector).and_then(|marker| marker.mask(text));
        personal(text).or_else(announced).or_else(|| assigned(text))
    }

    fn follow(&mut self, shown: &str) {
        if let Some(marker) = Marker::of(shown) {
            *self = Self { marker: Some(marker), reach: marker.reach() };
        } else if self.marker != Some(Marker::Person) || !is_connector(shown) {
            self.reach = self.reach.saturating_sub(1);
            self.marker = self.marker.filter(|_| self.reach > 0);
        }
    }
}

/// `token=abc`, `a=1&user=anna` and `csv,sid=abc` inside a segment.
fn assigned(text: &str) -> Option<Mask> {
    if !text.contains('=') {
        return None;
    }
    let mut pairs = text.split(['&', ',', '!', ':']).filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| Marker::of_parameter(name)?.mask(value))
}

/// What this module itself put into a page.
fn is_placeholder(text: &str) -> bool {
    matches!(text, "*" | "**" | REST)
        || text.starts_with(':') && Mask::ALL.iter().any(|mask| mask.as_str() == text)
}

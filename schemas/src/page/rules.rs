//! What a site's owner says about its pages: patterns that group them, and query parameters that tell pages apart.

use std::{fmt, str::FromStr};

use super::{
    MAX_DEPTH, REST,
    marker::Marker,
    path::{Segment, plain},
    personal::personal,
};
use crate::configuration::goal::regex_literal;

/// Most patterns of a site: every page is compared with each.
const MAX_PATTERNS: usize = 200;
/// Most allowed parameters of a site.
const MAX_PARAMETERS: usize = 16;
/// Longest pattern in bytes, so that what it matches always fits into a page.
const MAX_PATTERN_BYTES: usize = 100;
/// Longest name of a parameter in bytes.
const MAX_PARAMETER_BYTES: usize = 40;

/// A site's own rules for its pages. The default has none: no parameters, and only the general rules for paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRules {
    groups: Vec<PagePattern>,
    parameters: Vec<String>,
}

impl PageRules {
    /// From configuration: patterns such as `/user/*`, the first that matches counts, and the names of the query parameters that
    /// are part of a page (`page`, `category`). Their values are scrubbed too.
    ///
    /// # Errors
    /// Names the pattern or parameter that cannot be used, and what to write instead.
    pub fn new(groups: &[impl AsRef<str>], parameters: &[impl AsRef<str>]) -> Result<Self, PageRuleError> {
        if groups.len() > MAX_PATTERNS {
            return Err(PageRuleError::TooManyPatterns(groups.len()));
        }
        if parameters.len() > MAX_PARAMETERS {
            return Err(PageRuleError::TooManyParameters(parameters.len()));
        }
        Ok(Self {
            groups: groups.iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>()?,
            parameters: parameters.iter().map(|name| parameter(name.as_ref())).collect::<Result<_, _>>()?,
        })
    }

    /// The first pattern that matches a path.
    pub(super) fn pattern(&self, segments: &[Segment<'_>]) -> Option<&PagePattern> {
        self.groups.iter().find(|pattern| pattern.matches(segments))
    }

    /// The allowed parameters, in the order in which a page shows them.
    pub(super) fn parameters(&self) -> &[String] {
        &self.parameters
    }
}

/// How pages of one kind begin: `/user/*`. `*` stands for any one segment and `**`, last, for all the rest; both are shown as
/// they are. Segments after the pattern go by the general rules; literal ones in it are shown even where those would mask them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePattern {
    pieces: Vec<Piece>,
    takes_rest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Any,
}

impl Piece {
    /// What stands in a page.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Literal(literal) => literal,
            Self::Any => "*",
        }
    }
}

impl PagePattern {
    fn matches(&self, segments: &[Segment<'_>]) -> bool {
        let is_deep_enough = segments.len() >= self.pieces.len() + usize::from(self.takes_rest);
        is_deep_enough
            && self.pieces.iter().zip(segments).all(|(piece, segment)| match (piece, segment) {
                (Piece::Any, _) => true,
                (Piece::Literal(literal), Segment::Plain(text)) => literal == text,
                (Piece::Literal(_), _) => false,
            })
    }

    /// A pattern of whole pages, not of how they begin; `/` is the home page then.
    ///
    /// # Errors
    /// As for parsing it.
    pub fn of_whole_pages(text: &str) -> Result<Self, PageRuleError> {
        if text == "/" { Ok(Self { pieces: Vec::new(), takes_rest: false }) } else { text.parse() }
    }

    /// Whether it stands for the whole of a page as it is counted, not only for its beginning; its parameters do not matter.
    pub fn covers(&self, page: &str) -> bool {
        let path = page.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let is_deep_enough = if self.takes_rest {
            segments.len() > self.pieces.len()
        } else {
            segments.len() == self.pieces.len()
        };
        let is_of = |(piece, segment): (&Piece, &&str)| *piece == Piece::Any || piece.as_str() == *segment;
        path.starts_with('/') && is_deep_enough && self.pieces.iter().zip(&segments).all(is_of)
    }

    /// What [`PagePattern::covers`] says, as a regular expression (RE2).
    pub fn regular_expression(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(literal) => format!("/{}", regex_literal(literal)),
            Piece::Any => "/[^/?]+".to_owned(),
        };
        let pieces: String = self.pieces.iter().map(piece).collect();
        let end = match self.pieces.as_slice() {
            _ if self.takes_rest => "/[^/?].*",
            [] => r"/(\?.*)?",
            _ => r"(\?.*)?",
        };
        format!("^{pieces}{end}$")
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(super) const fn takes_rest(&self) -> bool {
        self.takes_rest
    }
}

impl FromStr for PagePattern {
    type Err = PageRuleError;

    fn from_str(text: &str) -> Result<Self, PageRuleError> {
        let Some(path) = text.strip_prefix('/').filter(|path| !path.is_empty()) else {
            return Err(PageRuleError::NoSlash(text.to_owned()));
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let (path, takes_rest) = match path.strip_suffix("**") {
            Some("") => ("", true),
            Some(before) if before.ends_with('/') => (before.trim_end_matches('/'), true),
            _ => (path, false),
        };
        let parts: Vec<&str> = path.split('/').filter(|_| !path.is_empty()).collect();
        if parts.len() > MAX_DEPTH || text.len() > MAX_PATTERN_BYTES {
            return Err(PageRuleError::TooLong(text.to_owned()));
        }
        let pieces = parts.into_iter().map(|part| piece(part, text)).collect::<Result<_, _>>()?;
        Ok(Self { pieces, takes_rest })
    }
}

impl fmt::Display for PagePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            write!(out, "/{}", piece.as_str())?;
        }
        out.write_str(match self.pieces.as_slice() {
            _ if self.takes_rest => "/**",
            [] => "/",
            _ => "",
        })
    }
}

fn piece(part: &str, pattern: &str) -> Result<Piece, PageRuleError> {
    if part == "*" {
        return Ok(Piece::Any);
    }
    if part.contains('*') {
        return Err(PageRuleError::PartlyWild(pattern.to_owned()));
    }
    let is_plain = matches!(plain(part.as_bytes()), Segment::Plain(text) if text == part);
    if !is_plain || matches!(part, "" | "." | ".." | REST) || part.starts_with(':') {
        return Err(PageRuleError::NotPlain(pattern.to_owned(), part.to_owned()));
    }
    if personal(part).is_some() {
        return Err(PageRuleError::Personal(pattern.to_owned(), part.to_owned()));
    }
    Ok(Piece::Literal(part.to_owned()))
}

fn parameter(name: &str) -> Result<String, PageRuleError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    if name.is_empty() || name.len() > MAX_PARAMETER_BYTES || !name.bytes().all(is_name) {
        return Err(PageRuleError::ParameterName(name.to_owned()));
    }
    if matches!(Marker::of_parameter(name), Some(Marker::Person | Marker::Secret)) {
        return Err(PageRuleError::ParameterPersonal(name.to_owned()));
    }
    Ok(name.to_owned())
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageRuleError {
    /// It does not begin with `/`, or is nothing else.
    #[error("page pattern \"{0}\": write a path that begins with / such as \"/user/*\"")]
    NoSlash(String),
    /// Longer or deeper than a page.
    #[error(
        "page pattern \"{0}\": at most {MAX_DEPTH} segments and {MAX_PATTERN_BYTES} bytes; end it with /** for the rest"
    )]
    TooLong(String),
    /// `*` is only a part of a segment.
    #[error(
        "page pattern \"{0}\": * stands for a whole segment and ** for all the rest at the end, such as \"/user/*\" or \"/shop/**\""
    )]
    PartlyWild(String),
    /// A segment that no page can have.
    #[error(
        "page pattern \"{0}\": \"{1}\" is never part of a page; write the path decoded, without query, empty or : segments"
    )]
    NotPlain(String, String),
    /// A literal that is personal itself.
    #[error(
        "page pattern \"{0}\": \"{1}\" looks like an address, a number or a token of one person; write * in its place"
    )]
    Personal(String, String),
    /// Too many patterns.
    #[error("{0} page patterns: at most {MAX_PATTERNS} for a site; join some with *")]
    TooManyPatterns(usize),
    /// Too many parameters.
    #[error("{0} page parameters: at most {MAX_PARAMETERS} for a site; keep those that make another page")]
    TooManyParameters(usize),
    /// Not the name of a parameter.
    #[error(
        "page parameter \"{0}\": write a name of letters, digits, _ - . [ ] and at most {MAX_PARAMETER_BYTES} bytes"
    )]
    ParameterName(String),
    /// A parameter whose values are personal by its name.
    #[error(
        "page parameter \"{0}\" carries personal information or secrets by its name; it cannot be part of a page"
    )]
    ParameterPersonal(String),
}

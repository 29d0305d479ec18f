//! The page a hit was on, scrubbed of everything personal: `/user/:name`, `/reset/:token`, `/blog/2015/05/17/hello-world.html`.
//! A raw URL is personal information and stays with the collector and the raw topic; a [`Page`] is what may be counted.
//! Reading order: `path` takes the URL apart, `scrub` judges each segment, `personal` knows what looks personal.

mod digits;
mod letters;
mod marker;
mod mask;
mod path;
mod personal;
mod rules;
mod scrub;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use url::Url;

pub use mask::{Mask, Masked};
pub(crate) use personal::personal;
pub use rules::{PagePattern, PageRuleError, PageRules};

/// Longest URL that is looked at, in bytes. Browsers and servers stop at about 8 kB.
pub const MAX_URL_BYTES: usize = 8 * 1024;
/// Longest page, in bytes.
pub const MAX_PAGE_BYTES: usize = 160;
/// Longest segment of a page, in bytes after decoding; a longer one becomes `:long`.
pub const MAX_SEGMENT_BYTES: usize = 80;
/// Most segments of a page; the rest becomes one [`REST`].
pub const MAX_DEPTH: usize = 8;
/// Stands for the segments that were too many or too long together.
pub const REST: &str = "…";

/// A path without anything personal, as it is counted. At most [`MAX_PAGE_BYTES`], begins with `/`, has no trailing slash, keeps its
/// case, and is decoded: `/projekte/größe`. Scrubbing a page again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Page(String);

impl Page {
    /// The page of a raw URL, and what was masked in it.
    ///
    /// User, password, port and fragment are dropped; so is every query parameter that `rules` do not allow.
    ///
    /// # Errors
    /// When the URL is longer than [`MAX_URL_BYTES`], cannot be read, or is not an `http` or `https` URL.
    pub fn from_url(url: &str, rules: &PageRules) -> Result<(Self, Masked), PageError> {
        Ok(Self::from_parsed(&parse(url)?, rules))
    }

    /// As [`Page::from_url`], of a URL that [`parse`] has read already.
    #[must_use]
    pub fn from_parsed(url: &Url, rules: &PageRules) -> (Self, Masked) {
        let mut masked = Masked::default();
        let text = scrub::page(url, rules, &mut masked);
        (Self(text), masked)
    }

    /// A page that came back from where this program put it (the visit cookie, the wire). `None` if it cannot be one.
    #[must_use]
    pub fn restore(text: String) -> Option<Self> {
        (text.starts_with('/') && text.len() <= MAX_PAGE_BYTES && !text.contains('@')).then_some(Self(text))
    }

    /// The page as it is counted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Page> for String {
    fn from(page: Page) -> Self {
        page.0
    }
}

impl fmt::Display for Page {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Reads a page's URL by the WHATWG URL standard.
///
/// # Errors
/// See [`Page::from_url`].
pub fn parse(url: &str) -> Result<Url, PageError> {
    if url.len() > MAX_URL_BYTES {
        return Err(PageError::TooLong);
    }
    let url = Url::parse(url).map_err(|_| PageError::NotAUrl)?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(PageError::Scheme),
    }
}

/// Why a URL has no page. Says nothing of the URL itself, which is personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// More than [`MAX_URL_BYTES`].
    #[error(
        "the URL is longer than {MAX_URL_BYTES} bytes; send the page's own address without generated parameters"
    )]
    TooLong,
    /// The URL standard cannot read it.
    #[error("the URL cannot be read; send a full one such as https://www.example.com/page")]
    NotAUrl,
    /// Neither `http` nor `https`.
    #[error("the URL is not of a web page; it must begin with http:// or https://")]
    Scheme,
}

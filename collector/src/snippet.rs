//! The lines that a website embeds to be counted, pinned to the tag of this very version (Subresource Integrity).

use base64::prelude::{BASE64_STANDARD as STANDARD, Engine as _};
use ring::digest::{SHA384, digest};

use schemas::configuration::Configuration;
use thiserror::Error;

use crate::cli::Embedding;
use crate::endpoints::TAG_TEXT;

/// Why there is nothing to embed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SnippetError {
    /// No such site.
    #[error("no site is named {0:?} in the configuration")]
    UnknownSite(String),
    /// Nobody said where the collector is.
    #[error("name the collector's address with --url, or as public_url in [collector]")]
    NoAddress,
}

/// What `tag --site` prints.
///
/// # Errors
/// When the site or the collector's address is not known.
pub fn embed(configuration: &Configuration, embedding: &Embedding) -> Result<String, SnippetError> {
    let Embedding { site, url } = embedding;
    configuration.sites.by_name(site).ok_or_else(|| SnippetError::UnknownSite(site.clone()))?;
    let url = url.as_ref().or(configuration.collector.public_url.as_ref()).ok_or(SnippetError::NoAddress)?;
    Ok(snippet(url.trim_end_matches('/'), site))
}

/// The tag's element for the pages of `site`. `collector` is the address under which visitors reach the collector, without
/// a slash at its end.
fn snippet(collector: &str, site: &str) -> String {
    let integrity = STANDARD.encode(digest(&SHA384, TAG_TEXT.as_bytes()));
    // Browsers keep the tag for an hour: another one has another address.
    let version = crc32c::crc32c(TAG_TEXT.as_bytes());
    let (collector, site) = (attribute(collector), attribute(site));
    format!(
        "<!-- Print it anew with each upgrade of Footfall: browsers refuse a tag that does not match. -->\n\
         <script defer src=\"{collector}/tag.js?{version:08x}\" data-site=\"{site}\"\n        \
         integrity=\"sha384-{integrity}\" crossorigin=\"anonymous\"></script>"
    )
}

/// Text as it may stand in a quoted HTML attribute.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_and_address_must_be_known() {
        let text = "[[site]]\nname='example.com'\n[collector]\npublic_url='https://stats.example.com'";
        let configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        let of = |configuration, site: &str, url: Option<&str>| {
            embed(configuration, &Embedding { site: site.to_owned(), url: url.map(str::to_owned) })
        };
        let src = |text: Result<String, _>| {
            text.map(|text| text.contains("src=\"https://stats.example.com/tag.js?"))
        };
        assert_eq!(src(of(&configuration, "example.com", None)), Ok(true));
        assert_eq!(src(of(&configuration, "example.com", Some("https://example.com/stats/"))), Ok(false));
        let unknown = SnippetError::UnknownSite("other".to_owned());
        assert_eq!(of(&configuration, "other", None), Err(unknown));
        let nowhere = Configuration::parse("", "test", std::iter::empty()).unwrap();
        assert_eq!(of(&nowhere, "localhost", None), Err(SnippetError::NoAddress));
    }

    #[test]
    fn it_names_collector_site_and_integrity() {
        let text = snippet("https://stats.example.com/a", "example.com");
        assert!(text.contains(r#"src="https://stats.example.com/a/tag.js?"#));
        assert!(text.contains(r#"" data-site="example.com""#));
        let integrity = text.split("sha384-").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(integrity.len(), 64);
        assert!(!snippet("https://a", r#""><script>"#).contains(r#"""><script>"#));
    }
}

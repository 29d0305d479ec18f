//! The mail that tells customers of a new revision of the policy. Pure: it is printed, and sent by whoever has their addresses.

use schemas::configuration::{Configuration, Policy, Site};
use schemas::texts::Language;

use crate::texts::{fill, mail};

/// Nothing to write about.
#[derive(Debug, thiserror::Error)]
pub enum PolicyMailError {
    /// No such revision.
    #[error("no [[policy]] has revision {0}; add it to footfall.toml, with its date and a summary")]
    UnknownRevision(u32),
    /// No such site.
    #[error("no [[site]] is named {0:?}")]
    UnknownSite(String),
}

/// The revision and the site that a mail is about; the first site if none is named.
///
/// # Errors
/// When one of them is not configured.
pub fn subject<'a>(
    configuration: &'a Configuration,
    revision: u32,
    site: Option<&str>,
) -> Result<(&'a Policy, &'a Site), PolicyMailError> {
    let policy = configuration.policies.iter().find(|policy| policy.revision == revision);
    let policy = policy.ok_or(PolicyMailError::UnknownRevision(revision))?;
    let mut sites = configuration.sites.iter();
    let found = sites.find(|known| site.is_none_or(|name| name == known.name));
    Ok((policy, found.ok_or_else(|| PolicyMailError::UnknownSite(site.unwrap_or_default().to_owned()))?))
}

/// The mail about one revision to one site's customers: subject, an empty line, the body.
pub fn policy_mail(
    configuration: &Configuration,
    site: &Site,
    policy: &Policy,
    language: Language,
) -> String {
    let (date, revision) = (policy.date.to_string(), policy.revision.to_string());
    let words = [("date", date.as_str()), ("revision", revision.as_str()), ("site", site.name.as_str())];
    let text = |key| fill(mail(language, key), &words);
    let effect = if policy.material { "material" } else { "not_material" };
    let summary = policy.summary.in_language(language);
    let place = where_to_choose(configuration, site);
    [
        format!("Subject: {}", text("subject")),
        text("greeting"),
        text("body"),
        summary.to_owned(),
        text(effect),
        format!("{}\n{place}", text("choose")),
    ]
    .iter()
    .filter(|part| !part.is_empty())
    .map(String::as_str)
    .collect::<Vec<_>>()
    .join("\n\n")
}

/// The collector's page where its address is known, else the site itself.
fn where_to_choose(configuration: &Configuration, site: &Site) -> String {
    match (&configuration.collector.public_url, site.hosts.first()) {
        (Some(address), _) => format!("{address}/privacy?site={}", site.name),
        (None, Some(host)) => format!("https://{host}/"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = "[collector]\npublic_url = 'https://stats.example.com'\n[[site]]\nname = 'example.com'\n[[policy]]\n\
                                 revision = 2\ndate = '2027-01-01'\nmaterial = true\nsummary.de = 'Neu ist X.'\nsummary.en = 'X is new.'";

    fn written(text: &str, language: Language) -> String {
        let configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        let (policy, site) = subject(&configuration, 2, None).unwrap();
        policy_mail(&configuration, site, policy, language)
    }

    #[test]
    fn what_is_not_configured_is_named() {
        let configuration = Configuration::parse(CONFIGURATION, "test", std::iter::empty()).unwrap();
        let error = |revision, site| subject(&configuration, revision, site).unwrap_err().to_string();
        assert!(error(3, None).contains("revision 3"));
        assert!(error(2, Some("example.org")).contains("example.org"));
        assert!(subject(&configuration, 2, Some("example.com")).is_ok());
    }

    #[test]
    fn a_mail_says_when_what_and_where() {
        let english = written(CONFIGURATION, Language::En);
        assert!(english.starts_with("Subject: Our privacy policy changes on 2027-01-01\n\nDear customer,\n"));
        for part in
            ["revision 2", "X is new.", "asked again", "https://stats.example.com/privacy?site=example.com"]
        {
            assert!(english.contains(part), "{part} is not in {english}");
        }
        let german = written(CONFIGURATION, Language::De);
        assert!(german.contains("Neu ist X.") && german.contains("neu gefragt"), "{german}");
    }

    #[test]
    fn where_the_collectors_address_is_not_known_the_site_is_named() {
        let text =
            CONFIGURATION.replace("public_url = 'https://stats.example.com'", "").replace("true", "false");
        let mail = written(&text, Language::Fr);
        assert!(mail.ends_with("\nhttps://example.com/") && mail.contains("reste le même"), "{mail}");
        for language in Language::ALL {
            assert!(!written(&text, language).contains(['{', '}']), "{language:?}");
        }
    }
}

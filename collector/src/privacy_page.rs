//! The privacy page, pure from what a request says to HTML: what would be recorded about it (`record`), the visitor's choice
//! (`choice`), how he is forgotten (`erase`) and the policy's revisions (`history`). It shows personal information to the person it is of, and to nobody else: nothing of
//! it is logged or kept, and whatever comes from the request is escaped (`html`).

mod choice;
mod erase;
mod history;
mod html;
mod record;
#[cfg(test)]
mod tests;

use schemas::configuration::{Policy, Site};
use schemas::texts::Language;

use crate::browser::Browser;
use crate::consent::{Decision, Signals};
use crate::ip_databases::Network;
use crate::question::PolicyState;
use crate::request::Sender;
use crate::texts::{self, fill};
use html::Html;

const TEMPLATE: &str = include_str!("../assets/privacy.html");

/// What the page is about.
#[derive(Debug)]
pub struct View<'a> {
    /// The site.
    pub site: &'a Site,
    /// Who asks.
    pub sender: &'a Sender<'a>,
    /// The page's language.
    pub language: Language,
    /// The recognised browser.
    pub browser: Browser,
    /// Country and provider of the address.
    pub network: Network,
    /// Whether a hit like this request would be recorded.
    pub decision: Decision,
    /// What the request says about consent.
    pub signals: Signals,
    /// The policy as far as choices depend on it.
    pub policy: PolicyState,
    /// Its revisions, those announced among them.
    pub policies: &'a [Policy],
    /// The page answers the visitor's order to be forgotten.
    pub erased: bool,
}

impl View<'_> {
    /// A text of the page; `{site}` is filled in.
    fn text(&self, key: &str) -> Html {
        self.text_with(key, &[])
    }

    /// A text with words in its places.
    fn text_with(&self, key: &str, words: &[(&str, &str)]) -> Html {
        let text = fill(texts::page(self.language, key), &[("site", &self.site.name)]);
        Html::text(&fill(&text, words))
    }

    /// A paragraph of the page.
    fn paragraph(&self, key: &str) -> Html {
        Html::element("p", &self.text(key))
    }
}

/// The whole page.
pub fn render(view: &View<'_>) -> String {
    html::fill(TEMPLATE, |name| match name {
        "language" => Html::text(view.language.code()),
        "direction" => Html::text(view.language.direction()),
        "title" => view.text("title"),
        "intro" => view.text("intro"),
        "languages_label" => view.text("languages"),
        "languages" => languages(view),
        "choice" => choice::section(view),
        "record" => record::section(view),
        "erase" => erase::section(view),
        "history" => history::section(view),
        _ => Html::default(),
    })
}

/// A link to the page in every other language, each in its own words.
fn languages(view: &View<'_>) -> Html {
    let site = Html::text(&view.site.name);
    let link = |language: Language| {
        let (code, name) = (language.code(), language.own_name());
        let current = if language == view.language { " aria-current=\"page\"" } else { "" };
        Html::raw(format!(
            "<li><a href=\"?site={site}&amp;language={code}\" hreflang=\"{code}\" lang=\"{code}\"{current}>{name}</a></li>"
        ))
    };
    Language::ALL.into_iter().map(link).collect()
}

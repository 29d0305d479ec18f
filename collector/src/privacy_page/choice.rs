//! The visitor's choice in words, and the forms that change it: three buttons of one look, one click each.

use schemas::choice::{Reading, site_key};
use schemas::configuration::{BeforeConsent, Mode};
use schemas::texts::BannerKey;

use super::View;
use super::html::Html;
use crate::consent::is_void;
use crate::request::is_same_site;
use crate::texts;
use crate::visit_cookie;

pub(super) fn section(view: &View<'_>) -> Html {
    let standing = standing(view);
    let state = Html::raw(format!("<p role=\"status\"><strong>{}</strong></p>", view.text(standing)));
    let is_open = matches!(standing, "state_none" | "state_outdated");
    let by_default =
        (is_open && !view.signals.gpc && !view.signals.dnt).then(|| view.paragraph(by_default(view)));
    let had_accepted = matches!(view.signals.choice, Reading::Made(choice) if choice.statistics);
    let withdraw = had_accepted.then(|| choices(vec![form(view, "withdraw", ["refuse", "refuse"])]));
    let elsewhere = is_elsewhere(view).then(|| view.paragraph("elsewhere"));
    let parts = [
        Some(state),
        by_default,
        signals(view),
        withdraw,
        Some(purposes(view)),
        Some(view.paragraph("choose")),
    ];
    let parts: Html = parts.into_iter().flatten().collect();
    Html::raw(format!(
        "<section aria-labelledby=\"choice\">\n<h2 id=\"choice\">{heading}</h2>\n{parts}\n{forms}\n{cookie}{visit}{elsewhere}\n</section>",
        heading = view.text("choice_heading"),
        forms = choices(vec![
            form(view, "accept_all", ["accept", "accept"]),
            form(view, "statistics_only", ["accept", "refuse"]),
            form(view, "refuse_all", ["refuse", "refuse"]),
        ]),
        cookie = view.paragraph("cookie"),
        visit = visit_cookie(view).unwrap_or_default(),
        elsewhere = elsewhere.unwrap_or_default(),
    ))
}

/// The other cookie, where a site lets browsers hold the state of their visits.
fn visit_cookie(view: &View<'_>) -> Option<Html> {
    let name = visit_cookie::name(&site_key(&view.site.name));
    let is_used = view.site.mode != Mode::Cookieless;
    is_used.then(|| Html::element("p", &view.text_with("cookie_visit", &[("name", &name)])))
}

fn standing(view: &View<'_>) -> &'static str {
    match view.signals.choice {
        Reading::None => "state_none",
        Reading::Malformed => "state_malformed",
        Reading::Made(choice) if is_void(&choice, view.policy.material) => "state_outdated",
        Reading::Made(choice) => match (choice.statistics, choice.marketing) {
            (false, _) => "state_refused",
            (true, false) => "state_statistics",
            (true, true) => "state_everything",
        },
    }
}

fn by_default(view: &View<'_>) -> &'static str {
    match (view.site.mode, view.site.before_consent) {
        (Mode::OptOut, _) => "default_counted",
        (Mode::Cookieless, _) | (Mode::OptIn, BeforeConsent::Memory) => "default_memory",
        (Mode::OptIn, BeforeConsent::Nothing) => "default_nothing",
    }
}

/// The browser's signals by their names.
fn signals(view: &View<'_>) -> Option<Html> {
    let names = [("Global Privacy Control", view.signals.gpc), ("Do Not Track", view.signals.dnt)];
    let sent: Vec<&str> = names.into_iter().filter(|(_, sent)| *sent).map(|(name, _)| name).collect();
    (!sent.is_empty()).then(|| Html::element("p", &view.text_with("signal", &[("signal", &sent.join(", "))])))
}

/// What can be accepted or refused, in the banner's words.
fn purposes(view: &View<'_>) -> Html {
    let words = texts::banner(view.site, view.language);
    let word = |key| Html::text(words.get(&key).copied().unwrap_or_default());
    let purpose = |(name, detail)| {
        let (name, detail) = (Html::element("dt", &word(name)), Html::element("dd", &word(detail)));
        [name, detail].into_iter().collect::<Html>()
    };
    let purposes = [
        (BannerKey::Statistics, BannerKey::StatisticsDetail),
        (BannerKey::Marketing, BannerKey::MarketingDetail),
    ];
    Html::element("dl", &purposes.into_iter().map(purpose).collect())
}

fn choices(forms: Vec<Html>) -> Html {
    Html::raw(format!("<div class=\"choices\">{}</div>", forms.into_iter().collect::<Html>()))
}

/// A form of one button; `[statistics, marketing]`.
fn form(view: &View<'_>, button: &str, [statistics, marketing]: [&str; 2]) -> Html {
    let (site, language) = (Html::text(&view.site.name), view.language.code());
    let hidden = [("site", site.to_string()), ("language", language.to_owned())];
    let hidden = hidden
        .into_iter()
        .chain([("statistics", statistics.to_owned()), ("marketing", marketing.to_owned())]);
    let fields: String = hidden
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
        .collect();
    let button = view.text(button);
    Html::raw(format!("<form method=\"post\" action=\"consent\">{fields}<button>{button}</button></form>"))
}

/// The collector is on another site than some page: browsers may keep their cookies apart.
pub(super) fn is_elsewhere(view: &View<'_>) -> bool {
    let host = view.sender.host();
    host.is_some_and(|host| view.site.hosts.iter().any(|own| !is_same_site(&host, own)))
}

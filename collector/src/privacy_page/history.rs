//! The policy's revisions, the newest first: when, what changed, and where the proof is.

use jiff::tz::TimeZone;
use schemas::configuration::Policy;

use super::View;
use super::html::Html;

pub(super) fn section(view: &View<'_>) -> Html {
    let revisions: Html = view.policies.iter().rev().map(|policy| revision(view, policy)).collect();
    let revisions = if view.policies.is_empty() {
        view.paragraph("history_none")
    } else {
        Html::element("dl", &revisions)
    };
    Html::raw(format!(
        "<section aria-labelledby=\"history\">\n<h2 id=\"history\">{heading}</h2>\n{revisions}\n\
         <p><a href=\"policy/notices.json?site={site}\">{proof}</a></p>\n</section>",
        heading = view.text("history_heading"),
        site = Html::text(&view.site.name),
        proof = view.text("proof"),
    ))
}

fn revision(view: &View<'_>, policy: &Policy) -> Html {
    let today = view.sender.now.to_zoned(TimeZone::UTC).date();
    let heading = if policy.date <= today { "revision_in_force" } else { "revision_announced" };
    let words = [("revision", policy.revision.to_string()), ("date", policy.date.to_string())];
    let words = words.each_ref().map(|(name, word)| (*name, word.as_str()));
    let summary = policy.summary.in_language(view.language);
    let summary = (!summary.is_empty()).then(|| Html::element("dd", &Html::text(summary)));
    let material = policy.material.then(|| Html::element("dd", &view.text("material")));
    let heading = Html::element("dt", &view.text_with(heading, &words));
    [Some(heading), summary, material].into_iter().flatten().collect()
}

//! The button that has a visitor forgotten, and what that can reach and what it cannot.

use schemas::choice::Reading;

use super::View;
use super::choice::is_elsewhere;
use super::html::Html;

pub(super) fn section(view: &View<'_>) -> Html {
    let status = is_done(view).then(|| view.text("erased")).map(|text| Html::element("strong", &text));
    let copy = if is_elsewhere(view) { "erase_elsewhere" } else { "erase_copy" };
    let texts = ["erase_what", "erase_whom", "erase_held", "erase_stays", copy];
    Html::raw(format!(
        "<section aria-labelledby=\"erase\">\n<h2 id=\"erase\">{heading}</h2>\n<p role=\"status\">{status}</p>\n{texts}\n\
         <div class=\"choices\">{form}</div>\n</section>",
        heading = view.text("erase_heading"),
        status = status.unwrap_or_default(),
        texts = texts.map(|key| view.paragraph(key)).into_iter().collect::<Html>(),
        form = form(view),
    ))
}

/// The page that answers the button, seen by whoever pressed it: the refusal came with it. Anybody may write a link to that page.
fn is_done(view: &View<'_>) -> bool {
    view.erased && matches!(view.signals.choice, Reading::Made(choice) if !choice.statistics)
}

fn form(view: &View<'_>) -> Html {
    let (site, language) = (Html::text(&view.site.name), view.language.code());
    Html::raw(format!(
        "<form method=\"post\" action=\"erase\"><input type=\"hidden\" name=\"site\" value=\"{site}\">\
         <input type=\"hidden\" name=\"language\" value=\"{language}\"><button>{button}</button></form>",
        button = view.text("erase_button"),
    ))
}

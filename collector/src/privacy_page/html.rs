//! Text that is safe in a page: plain text becomes it by escaping, and only markup of this program's own is taken as it is.

use std::fmt;

/// HTML, ready to be put into a page's text or into an attribute between double quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Escapes plain text (HTML standard, section 13.3). Control characters, which no page may hold, become U+FFFD.
    pub(super) fn text(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                control if control.is_control() => safe.push('\u{fffd}'),
                other => safe.push(other),
            }
        }
        Self(safe)
    }

    /// What a request says: its direction must not spill into the text around it.
    pub(super) fn value(text: &str) -> Self {
        Self::element("bdi", &Self::text(text))
    }

    /// Markup that is put together from this program's own and from other `Html`.
    pub(super) fn raw(markup: String) -> Self {
        Self(markup)
    }

    /// An element without attributes.
    pub(super) fn element(name: &str, content: &Self) -> Self {
        Self(format!("<{name}>{content}</{name}>"))
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(parts: I) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }
}

/// Fills the places `{{name}}` of a template in one pass: what is filled in is never looked at again.
pub(super) fn fill(template: &str, word: impl Fn(&str) -> Html) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        if let Some((name, after)) = piece.split_once("}}") {
            page.push_str(&word(name).0);
            page.push_str(after);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_harmless() {
        let text = Html::text("<script>alert('1 & \"2\"')</script>\u{0}\u{1b}");
        assert_eq!(
            text.to_string(),
            "&lt;script&gt;alert(&#39;1 &amp; &quot;2&quot;&#39;)&lt;/script&gt;\u{fffd}\u{fffd}"
        );
        assert_eq!(Html::value("a<").to_string(), "<bdi>a&lt;</bdi>");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let page = fill("<a>{{one}}</a>{{two}}{{none}}.", |name| match name {
            "one" => Html::text("{{two}}"),
            "two" => Html::text("2"),
            _ => Html::default(),
        });
        assert_eq!(page, "<a>{{two}}</a>2.");
    }
}

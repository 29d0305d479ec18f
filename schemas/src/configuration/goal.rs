//! What a site wants its visitors to do: an event, a page, or a link followed to another site.

use serde::Deserialize;

use super::Site;
use crate::names::{event_name, outbound_domain};
use crate::page::{Page, PagePattern, PageRules};
use crate::source::OTHER;

/// Most goals of a site: a report compares every page and event with each.
const GOALS_MAX: usize = 100;
/// Longest name in bytes.
const NAME_BYTES_MAX: usize = 60;

/// One goal of a site.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Goal {
    /// Its name in reports.
    pub name: String,
    /// What reaches it.
    pub reached_by: Reached,
}

/// What reaches a goal.
#[derive(Debug, Clone, PartialEq)]
pub enum Reached {
    /// An event of that name.
    Event(String),
    /// A view of a page that the pattern covers.
    Page(PagePattern),
    /// A link followed to that registrable domain; counted by name only for visitors who permit marketing.
    Outbound(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: String,
    event: Option<String>,
    page: Option<String>,
    outbound: Option<String>,
}

impl Goal {
    /// The kind of what reaches it, and the names that do: a regular expression (RE2) over events, pages or domains.
    pub fn rule(&self) -> (&'static str, String) {
        match &self.reached_by {
            Reached::Event(name) => ("event", format!("^{}$", regex_literal(name))),
            Reached::Page(pattern) => ("page", pattern.regular_expression()),
            Reached::Outbound(domain) => ("outbound", format!("^{}$", regex_literal(domain))),
        }
    }
}

impl TryFrom<Fields> for Goal {
    type Error = String;

    fn try_from(Fields { name, event, page, outbound }: Fields) -> Result<Self, String> {
        if name.trim() != name
            || name.is_empty()
            || name.len() > NAME_BYTES_MAX
            || name.contains(char::is_control)
        {
            return Err(format!(
                "goal name {name:?}: write 1 to {NAME_BYTES_MAX} bytes of text without control characters or spaces around it"
            ));
        }
        let reached_by = match (event, page, outbound) {
            (Some(event), None, None) => Reached::Event(plain_event(event)?),
            (None, Some(page), None) => Reached::Page(
                PagePattern::of_whole_pages(&page).map_err(|error| format!("goal {name:?}: {error}"))?,
            ),
            (None, None, Some(domain)) => Reached::Outbound(registrable(domain)?),
            _ => {
                return Err(format!(
                    "goal {name:?}: name what reaches it by one of event = \"order\", page = \"/thanks/*\" or outbound = \"partner.org\""
                ));
            }
        };
        Ok(Self { name, reached_by })
    }
}

fn plain_event(event: String) -> Result<String, String> {
    if event_name(&event) == event && event != OTHER {
        return Ok(event);
    }
    Err(format!(
        "goal event {event:?}: events of that name are counted as (other); use up to 40 letters, digits, spaces, _ . : or -, a \
         letter first and nothing that looks personal"
    ))
}

fn registrable(domain: String) -> Result<String, String> {
    let counted = outbound_domain(&format!("https://{domain}/"));
    match counted.as_str() {
        OTHER => Err(format!("goal outbound {domain:?}: write a public domain such as \"partner.org\"")),
        _ if counted == domain => Ok(domain),
        _ => Err(format!(
            "goal outbound {domain:?}: links out are counted by registrable domain; write {counted:?}"
        )),
    }
}

/// What is wrong with a site's goals, and what to write instead.
pub(super) fn mistake(site: &Site) -> Option<String> {
    if site.goals.len() > GOALS_MAX {
        return Some(format!("{} [[site.goal]]: at most {GOALS_MAX} for a site", site.goals.len()));
    }
    let twice = site.goals.iter().enumerate().find_map(|(position, goal)| {
        site.goals.iter().skip(position + 1).any(|other| other.name == goal.name).then_some(&goal.name)
    });
    if let Some(name) = twice {
        return Some(format!("two [[site.goal]] are named {name:?}"));
    }
    site.goals.iter().find_map(|goal| unreachable(goal, site))
}

/// A page goal that no view can reach, because such pages are recorded under another name.
fn unreachable(goal: &Goal, site: &Site) -> Option<String> {
    let Reached::Page(pattern) = &goal.reached_by else { return None };
    // Rules that are none are the processor's to refuse.
    let rules = PageRules::new(&site.group_pages, &site.page_parameters).unwrap_or_default();
    let example = pattern.to_string().replace("**", "a").replace('*', "a");
    let (page, _) = Page::from_url(&format!("https://localhost{example}"), &rules).ok()?;
    (!pattern.covers(page.as_str())).then(|| {
        format!(
            "goal {:?}: pages such as {example:?} are recorded as {page:?}, which its page {:?} does not cover; write * for what is masked or grouped",
            goal.name,
            pattern.to_string(),
            page = page.as_str(),
        )
    })
}

/// Text as a regular expression that matches just it.
pub(crate) fn regex_literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if r"\.+*?()|[]{}^$".contains(char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::configuration::Configuration;

    fn parse(goals: &str) -> Result<Configuration, String> {
        let text = format!("[[site]]\nname = 'a'\ngroup_pages = ['/team/*', '/user/imprint']\n{goals}");
        Configuration::parse(&text, "footfall.toml", std::iter::empty()).map_err(|error| error.to_string())
    }

    fn goal(reached_by: &str) -> String {
        format!("[[site.goal]]\nname = 'Order'\n{reached_by}\n")
    }

    #[test]
    fn a_goal_is_reached_by_one_thing() {
        let rule = |reached_by: &str| {
            let configuration = parse(&goal(reached_by)).unwrap();
            let (kind, pattern) = configuration.sites.by_name("a").unwrap().goals[0].rule();
            format!("{kind} {pattern}")
        };
        assert_eq!(rule("event = 'order.paid'"), r"event ^order\.paid$");
        assert_eq!(rule("page = '/thanks/*'"), r"page ^/thanks/[^/?]+(\?.*)?$");
        assert_eq!(rule("page = '/c++/**'"), r"page ^/c\+\+/[^/?].*$");
        assert_eq!(rule("page = '/'"), r"page ^/(\?.*)?$");
        assert_eq!(rule("outbound = 'partner.co.uk'"), r"outbound ^partner\.co\.uk$");
    }

    #[test]
    fn what_is_wrong_says_what_to_write() {
        for (wrong, advice) in [
            (goal(""), "one of event = "),
            (goal("event = 'order'\npage = '/thanks'"), "one of event = "),
            (goal("event = '1st'"), "a letter first"),
            (goal("event = 'anna@example.org'"), "counted as (other)"),
            (goal("event = '(other)'"), "counted as (other)"),
            (goal("outbound = '(other)'"), "a public domain"),
            (goal("page = 'thanks'"), "write a path that begins with /"),
            (goal("page = '/thank*'"), "a whole segment"),
            (goal("page = '/user/anna/orders'"), "recorded as \"/user/:name/orders\""),
            (goal("page = '/user/anna/*'"), "recorded as \"/user/:name/a\""),
            (goal("page = '/team/sales'"), "recorded as \"/team/*\""),
            (goal("outbound = 'www.partner.org'"), "write \"partner.org\""),
            (goal("outbound = 'localhost'"), "a public domain"),
            (goal("outbound = 'partner.org/x'"), "partner.org"),
            (goal("evnt = 'order'"), "evnt"),
            (goal("event = 'order'").repeat(2), "two [[site.goal]] are named \"Order\""),
            (goal("event = 'order'").replace("Order", ""), "1 to 60 bytes"),
            (
                (0..101).map(|n| goal("event = 'order'").replace("Order", &n.to_string())).collect(),
                "at most 100",
            ),
        ] {
            let error = parse(&wrong).unwrap_err();
            assert!(error.contains(advice), "{advice:?} is not in {error}");
        }
        let error = parse(&goal("event = '1st'")).unwrap_err();
        assert!(error.contains("line 4"), "{error}");
    }

    #[test]
    fn pages_that_are_masked_or_grouped_are_reached_by_a_star() {
        for page in [
            "/",
            "/**",
            "/user/*/orders",
            "/team/*",
            "/user/imprint",
            "/thanks",
            "/order/*",
            "/shop/**",
            "/größe/x",
        ] {
            assert!(parse(&goal(&format!("page = '{page}'"))).is_ok(), "{page}");
        }
    }
}

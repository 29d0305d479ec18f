//! The visit cookie as it comes and as it is set. Whatever is not exactly one that this program made is read as none.

use schemas::keys::VisitKeys;
use schemas::site_rules::SiteRules;
use schemas::visit_state::VisitCookie;

use crate::host_cookie::set_cookie;
use crate::request::Sender;

/// The name of the visit cookie of the site with this key.
pub(crate) fn name(key: &str) -> String {
    format!("__Host-visit-{key}")
}

/// Whether a cookie of that name came, whatever it is.
pub(crate) fn is_there(rules: &SiteRules, sender: &Sender<'_>) -> bool {
    sender.has_cookies() && sender.cookies(&name(&rules.key)).next().is_some()
}

/// Reads a site's visit cookie. Of several none is believed.
pub(crate) fn read(rules: &SiteRules, keys: &VisitKeys, sender: &Sender<'_>) -> Option<VisitCookie> {
    if !sender.has_cookies() {
        return None;
    }
    let name = name(&rules.key);
    let mut values = sender.cookies(&name);
    let (value, other) = (values.next()?, values.next());
    let content = keys.open(&name, value).filter(|_| other.is_none())?;
    VisitCookie::open(&content, &rules.key, sender.now)
}

/// The values of `Set-Cookie` that keep the state, and remove all others of its name if there are several; none when it cannot be sealed.
pub(crate) fn keep(
    cookie: &VisitCookie,
    rules: &SiteRules,
    keys: &VisitKeys,
    sender: &Sender<'_>,
) -> Vec<String> {
    let name = name(&rules.key);
    let Some(value) = keys.seal(&name, &cookie.to_bytes(), rand::random(), sender.now) else {
        return Vec::new();
    };
    let several = sender.cookies(&name).nth(1).is_some();
    let mut cookies = if several { expire(rules, sender) } else { Vec::new() };
    let seconds = cookie.expires().duration_since(sender.now).as_secs().max(0);
    cookies.push(set_cookie((name, value), seconds, (&rules.site, sender), sender.is_embedded_elsewhere()));
    cookies
}

/// The values of `Set-Cookie` that remove the state. Where it was kept apart for the page's site there may be another one that was not.
pub(crate) fn expire(rules: &SiteRules, sender: &Sender<'_>) -> Vec<String> {
    let removed =
        |partitioned| set_cookie((name(&rules.key), String::new()), 0, (&rules.site, sender), partitioned);
    match sender.is_embedded_elsewhere() {
        true => vec![removed(true), removed(false)],
        false => vec![removed(false)],
    }
}

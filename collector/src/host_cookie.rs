//! What all cookies of this program have in common: they are on the collector's own host only, out of scripts' reach.

use cookie::{Cookie, CookieBuilder, SameSite, time::Duration};
use schemas::configuration::Site;

use crate::request::{Sender, is_same_site};

/// The value of `Set-Cookie` for a cookie that lives `seconds`; 0 removes it.
///
/// A collector on another site than the page needs `SameSite=None` to be sent it, and `partitioned` where the page's own script or image
/// asked.
pub(crate) fn set_cookie(
    (name, value): (String, String),
    seconds: i64,
    (site, sender): (&Site, &Sender<'_>),
    partitioned: bool,
) -> String {
    let same_site = sender.host().is_none_or(|host| site.hosts.iter().all(|own| is_same_site(&host, own)));
    let mut cookie: CookieBuilder<'_> = Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .max_age(Duration::seconds(seconds))
        .same_site(if same_site { SameSite::Lax } else { SameSite::None });
    if partitioned {
        cookie = cookie.partitioned(true);
    }
    cookie.build().to_string()
}

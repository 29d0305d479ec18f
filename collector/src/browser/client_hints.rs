//! The low-entropy client hints, which browsers send unasked over secure connections.
//!
//! <https://wicg.github.io/ua-client-hints/>: `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.

use super::major;

/// A brand list has three or four brands; more are not read.
const BRANDS: usize = 16;
/// Longer values are no browser's and are ignored.
const HINT_BYTES_MAX: usize = 256;

/// The three hints as they stand in the request, `None` where one is missing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ClientHints<'a> {
    /// `Sec-CH-UA`, such as `"Chromium";v="130", "Brave";v="130", "Not?A_Brand";v="99"`.
    pub brands: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub mobile: Option<&'a str>,
    /// `Sec-CH-UA-Platform`, such as `"Windows"`.
    pub platform: Option<&'a str>,
}

impl<'a> ClientHints<'a> {
    /// The same hints without those that are too long to be true.
    pub(crate) fn within_limits(&self) -> ClientHints<'a> {
        let short = |hint: Option<&'a str>| hint.filter(|value| value.len() <= HINT_BYTES_MAX);
        ClientHints { brands: short(self.brands), mobile: short(self.mobile), platform: short(self.platform) }
    }

    /// Each brand with its major version: every other quoted text of the list, wrong ones made up by the browser
    /// (GREASE) included.
    pub(crate) fn brands(&self) -> impl Iterator<Item = (&'a str, Option<u16>)> {
        let mut quoted = self.brands.unwrap_or_default().split('"').skip(1).step_by(2);
        std::iter::from_fn(move || Some((quoted.next()?, major(quoted.next()?)))).take(BRANDS)
    }

    pub(super) fn is_mobile(&self) -> Option<bool> {
        match self.mobile?.trim() {
            "?1" => Some(true),
            "?0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn platform(&self) -> Option<&'a str> {
        self.platform.map(|platform| platform.trim().trim_matches('"'))
    }
}

//! Which family of operating system a browser runs on.

use super::ClientHints;
use schemas::closed_lists;

/// Tokens of systems that woothee does not know or takes for another; the first that occurs decides.
const TOKENS: [(&str, &str); 31] = [
    ("windows phone", "Windows Phone"),
    ("xbox", "Xbox"),
    ("playstation", "PlayStation"),
    ("nintendo", "Nintendo"),
    ("tizen", "Tizen"),
    ("web0s", "webOS"),
    ("webos", "webOS"),
    ("hpwos", "webOS"),
    ("roku", "Roku OS"),
    ("appletv", "tvOS"),
    ("apple tv", "tvOS"),
    ("kaios", "KaiOS"),
    ("harmonyos", "HarmonyOS"),
    ("openharmony", "HarmonyOS"),
    ("fuchsia", "Fuchsia"),
    ("cros ", "Chrome OS"),
    ("freebsd", "BSD"),
    ("netbsd", "BSD"),
    ("openbsd", "BSD"),
    ("symbian", "Symbian"),
    ("blackberry", "BlackBerry"),
    ("bb10", "BlackBerry"),
    ("playbook", "BlackBerry"),
    // Apps and Opera Mini name the system in their own ways.
    ("fbdv/iphone", "iOS"),
    ("fbdv/ipad", "iOS"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("ipod", "iOS"),
    ("darwin/", "macOS"),
    ("android", "Android"),
    ("oculusbrowser", "Android"),
];

/// The system of `schemas::closed_lists`: a token of the User-Agent, then the hint, then what woothee saw.
///
/// The hint comes second because browsers in "desktop site" mode change both, while televisions and consoles
/// send `"Linux"` as a hint.
pub(super) fn recognise(lower: &str, seen: &str, hints: &ClientHints<'_>) -> &'static str {
    let by_token = TOKENS.iter().find(|(token, _)| lower.contains(token)).map(|(_, name)| *name);
    let name = by_token
        .or_else(|| hints.platform().and_then(by_hint))
        .or_else(|| by_woothee(seen))
        .unwrap_or(if lower.contains("linux") { "Linux" } else { closed_lists::OTHER });
    closed_lists::operating_system(name)
}

fn by_hint(platform: &str) -> Option<&'static str> {
    match platform {
        "Android" => Some("Android"),
        "Chrome OS" | "Chromium OS" => Some("Chrome OS"),
        "Fuchsia" => Some("Fuchsia"),
        "Linux" => Some("Linux"),
        "Windows" => Some("Windows"),
        "iOS" => Some("iOS"),
        "macOS" => Some("macOS"),
        _ => None,
    }
}

fn by_woothee(seen: &str) -> Option<&'static str> {
    match seen {
        "Mac OSX" | "Mac OS Classic" => Some("macOS"),
        "iPhone" | "iPad" | "iPod" | "iOS" => Some("iOS"),
        "ChromeOS" => Some("Chrome OS"),
        "Android" => Some("Android"),
        "Linux" => Some("Linux"),
        "BSD" => Some("BSD"),
        "Firefox OS" => Some("Firefox OS"),
        "Windows Phone OS" | "Windows CE" => Some("Windows Phone"),
        windows if windows.starts_with("Windows") => Some("Windows"),
        _ => None,
    }
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOKENS.iter().map(|(_, name)| *name)
}

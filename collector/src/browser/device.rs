//! Which class of device a browser runs on.

use super::ClientHints;

/// Class of device, as wide as marketing needs it and no finer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// Desktop or laptop computer.
    Desktop,
    /// Phone.
    Mobile,
    /// Tablet or e-book reader.
    Tablet,
    /// Television, console, headset, or unknown.
    Other,
}

impl Device {
    /// The name on `schemas::closed_lists::DEVICES`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Device::Desktop => "Desktop",
            Device::Mobile => "Mobile",
            Device::Tablet => "Tablet",
            Device::Other => "Other",
        }
    }
}

/// Televisions, set-top boxes, headsets: they call themselves Linux, Android or Windows too.
const OTHER: [&str; 18] = [
    "smart-tv",
    "smarttv",
    "smart tv",
    "googletv",
    "google tv",
    "android tv",
    "androidtv",
    "tv safari",
    "hbbtv",
    "netcast",
    "bravia",
    "viera",
    "crkey",
    "; aft",
    "mibox",
    "shield android",
    "oculusbrowser",
    "web0s",
];
const TABLETS: [&str; 8] =
    ["ipad", "tablet;", "tablet ", "kindle", "playbook", " silk/", "sm-t", "lenovo tb"];
const PHONES: [&str; 8] =
    ["mobile", "iphone", "ipod", "phone", "opera mini", "midp", "blackberry", "symbian"];

/// The class: what the User-Agent says of itself, then the hint `Sec-CH-UA-Mobile`, then what the system runs on.
pub(super) fn recognise(lower: &str, os: &str, hints: &ClientHints<'_>) -> Device {
    let says = |tokens: &[&str]| tokens.iter().any(|token| lower.contains(token));
    let phone = says(&PHONES);
    match os {
        "PlayStation" | "Nintendo" | "Xbox" | "Roku OS" | "tvOS" => Device::Other,
        _ if says(&OTHER) => Device::Other,
        // "Tablet PC" in the User-Agent of Internet Explorer is a laptop with handwriting.
        _ if says(&TABLETS) && !lower.contains("tablet pc") => Device::Tablet,
        _ if phone || hints.is_mobile() == Some(true) => Device::Mobile,
        "Android" | "HarmonyOS" => Device::Tablet,
        "Windows" | "macOS" | "Linux" | "Chrome OS" | "BSD" => Device::Desktop,
        "iOS" | "Windows Phone" | "KaiOS" | "Firefox OS" => Device::Mobile,
        _ => Device::Other,
    }
}

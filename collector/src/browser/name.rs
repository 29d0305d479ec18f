//! Which browser, or which app showing a page inside itself, made a request.

use super::{ClientHints, major};
use schemas::closed_lists;
use woothee::parser::WootheeResult;

/// Tokens of apps and of browsers built on another's engine, each followed by its version. The first that occurs
/// decides, so what is built on something stands before it.
#[rustfmt::skip]
const TOKENS: [(&str, &str); 75] = [
    ("fbav/", "Facebook"), ("fban/", "Facebook"), ("fb_iab/", "Facebook"), ("facebookcanvas", "Facebook"),
    ("instagram ", "Instagram"), ("linkedinapp]/", "LinkedIn"), ("[linkedinapp]", "LinkedIn"),
    ("[pinterest/", "Pinterest"), ("snapchat/", "Snapchat"), ("snapchat ", "Snapchat"),
    ("musical_ly_", "TikTok"), ("tiktok ", "TikTok"), ("bytedancewebview/", "TikTok"), ("trill_", "TikTok"),
    ("micromessenger/", "WeChat"), (" line/", "LINE"), ("kakaotalk ", "KakaoTalk"), ("kakaotalk/", "KakaoTalk"),
    ("twitter for iphone/", "X"), ("twitter for iphone", "X"), ("twitterandroid", "X"),
    ("naver(inapp", "NAVER app"), (" gsa/", "Google app"),
    ("opera mini/", "Opera Mini"), ("opios/", "Opera Mini"), (" oprgx/", "Opera GX"), (" opx/", "Opera GX"),
    (" opr/", "Opera"), (" opt/", "Opera"),
    (" edg/", "Edge"), ("edge/", "Edge"), ("edgios/", "Edge"), ("edga/", "Edge"), ("edgw/", "Edge"),
    (" brave/", "Brave"), (" ddg/", "DuckDuckGo"), ("duckduckgo/", "DuckDuckGo"), ("ecosia ios@", "Ecosia"),
    ("ecosia android@", "Ecosia"), ("vivaldi/", "Vivaldi"), (" whale/", "Whale"), ("yabrowser/", "Yandex Browser"),
    ("yasearchbrowser/", "Yandex Browser"), ("coc_coc_browser/", "Coc Coc"), ("samsungbrowser/", "Samsung Internet"),
    ("ucbrowser/", "UC Browser"), ("ucweb/", "UC Browser"), ("mqqbrowser/", "QQ Browser"), ("qqbrowser/", "QQ Browser"),
    ("miuibrowser/", "Mi Browser"), ("huaweibrowser/", "Huawei Browser"), ("heytapbrowser/", "Oppo Browser"),
    ("vivobrowser/", "Vivo Browser"), (" silk/", "Amazon Silk"), ("oculusbrowser/", "Meta Quest Browser"),
    (" avast/", "Avast Secure Browser"), (" avg/", "AVG Secure Browser"), (" ccleaner/", "CCleaner Browser"),
    ("metasr ", "Sogou Explorer"), ("qihu 360", "360 Browser"), ("360se", "360 Browser"), ("puffin/", "Puffin"),
    ("maxthon/", "Maxthon"), ("sleipnir/", "Sleipnir"), (" focus/", "Firefox Focus"), (" klar/", "Firefox Focus"),
    ("seamonkey/", "SeaMonkey"), ("palemoon/", "Pale Moon"), ("epiphany/", "Epiphany"), ("konqueror/", "Konqueror"),
    ("falkon/", "Falkon"), ("netfront/", "NetFront"), ("lynx/", "Lynx"), ("nintendobrowser/", "Nintendo Browser"),
    ("chromium/", "Chromium"),
];

/// Brands of `Sec-CH-UA` that Chrome's own User-Agent hides.
const BRANDS: [(&str, &str); 18] = [
    ("Brave", "Brave"),
    ("Brave Browser", "Brave"),
    ("Microsoft Edge", "Edge"),
    ("Opera GX", "Opera GX"),
    ("Opera", "Opera"),
    ("OperaMobile", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("Samsung Internet", "Samsung Internet"),
    ("YaBrowser", "Yandex Browser"),
    ("Yandex", "Yandex Browser"),
    ("Whale", "Whale"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ecosia", "Ecosia"),
    ("Avast Secure Browser", "Avast Secure Browser"),
    ("AVG Secure Browser", "AVG Secure Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Android WebView", "Android WebView"),
    ("Google Chrome", "Chrome"),
];

/// Name and major version.
pub(super) fn recognise(
    lower: &str,
    parsed: &WootheeResult<'_>,
    hints: &ClientHints<'_>,
) -> (&'static str, Option<u16>) {
    let (name, version) = by_token(lower).unwrap_or_else(|| by_engine(lower, parsed, hints));
    (closed_lists::browser(name), version)
}

pub(super) fn by_token(lower: &str) -> Option<(&'static str, Option<u16>)> {
    TOKENS
        .iter()
        .find_map(|(token, name)| lower.contains(token).then(|| (*name, version_after(lower, token))))
}

/// What woothee saw, told apart further by the hints and the system.
fn by_engine(
    lower: &str,
    parsed: &WootheeResult<'_>,
    hints: &ClientHints<'_>,
) -> (&'static str, Option<u16>) {
    let version = major(parsed.version);
    match parsed.name {
        "Chrome" => by_brand(hints).unwrap_or(("Chrome", version)),
        _ if lower.contains("blackberry") || lower.contains("(bb10;") => {
            ("BlackBerry Browser", version_after(lower, "version/"))
        }
        "Safari" if lower.contains("android") => ("Android Browser", version),
        "Webview" if lower.contains("android") => {
            ("Android WebView", version_after(lower, "chrome/").or(version))
        }
        "Webview" => ("iOS WebView", version),
        console if console.starts_with("PlayStation") => ("PlayStation Browser", None),
        console if console.starts_with("Nintendo") => ("Nintendo Browser", None),
        _ if lower.contains("playstation") => ("PlayStation Browser", None),
        other => (closed_lists::browser(other), version),
    }
}

/// The brand that is neither made up nor the engine's; with only the engine's it is Chromium itself.
fn by_brand(hints: &ClientHints<'_>) -> Option<(&'static str, Option<u16>)> {
    let known = |(brand, name): &(&str, &'static str)| {
        hints.brands().find(|(said, _)| said == brand).map(|(_, version)| (*name, version))
    };
    BRANDS.iter().find_map(known).or_else(|| {
        hints.brands().find(|(said, _)| *said == "Chromium").map(|(_, version)| ("Chromium", version))
    })
}

fn version_after(lower: &str, token: &str) -> Option<u16> {
    major(lower.split_once(token)?.1)
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOKENS.iter().chain(&BRANDS).map(|(_, name)| *name)
}

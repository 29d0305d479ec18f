//! The names that browser, operating system, device and bot may take, and nothing else.
//!
//! A value from outside could identify somebody by being rare or by being text that a visitor chose.
//! These lists are what both programs allow; everything else is [`OTHER`].

/// What stands for every name that is not on its list.
pub const OTHER: &str = "(other)";
/// What stands for a value that the visitor did not send.
pub const NONE: &str = "(none)";
/// A bot that is recognised as one but is not among [`BOTS`].
pub const OTHER_BOT: &str = "(other bot)";
/// A request without a User-Agent, which no browser makes.
pub const NO_USER_AGENT: &str = "(no user agent)";

/// The browser of this name, or [`OTHER`].
#[must_use]
pub fn browser(name: &str) -> &'static str {
    listed(&BROWSERS, name).unwrap_or(OTHER)
}

/// The operating system of this name, or [`OTHER`].
#[must_use]
pub fn operating_system(name: &str) -> &'static str {
    listed(&OPERATING_SYSTEMS, name).unwrap_or(OTHER)
}

/// The device class of this name, or [`OTHER`].
#[must_use]
pub fn device(name: &str) -> &'static str {
    listed(&DEVICES, name).unwrap_or(OTHER)
}

/// The bot of this name, or [`OTHER_BOT`].
#[must_use]
pub fn bot(name: &str) -> &'static str {
    listed(&BOTS, name).unwrap_or(OTHER_BOT)
}

fn listed(sorted: &[&'static str], name: &str) -> Option<&'static str> {
    let position = sorted.binary_search(&name).ok()?;
    sorted.get(position).copied()
}

/// Classes of device. A television, a console or a headset is `Other`.
pub const DEVICES: [&str; 4] = ["Desktop", "Mobile", "Other", "Tablet"];

/// Operating systems by family, without version.
#[rustfmt::skip]
pub const OPERATING_SYSTEMS: [&str; 21] = [
    "Android", "BSD", "BlackBerry", "Chrome OS", "Firefox OS", "Fuchsia", "HarmonyOS", "KaiOS", "Linux",
    "Nintendo", "PlayStation", "Roku OS", "Symbian", "Tizen", "Windows", "Windows Phone", "Xbox", "iOS",
    "macOS", "tvOS", "webOS",
];

/// Browsers and the apps that show web pages inside themselves, by the name their makers sell them under.
#[rustfmt::skip]
pub const BROWSERS: [&str; 60] = [
    "360 Browser", "AVG Secure Browser", "Amazon Silk", "Android Browser", "Android WebView",
    "Avast Secure Browser", "BlackBerry Browser", "Brave", "CCleaner Browser", "Chrome", "Chromium",
    "Coc Coc", "DuckDuckGo", "Ecosia", "Edge", "Epiphany", "Facebook", "Falkon", "Firefox", "Firefox Focus",
    "Google app", "Huawei Browser", "Instagram", "Internet Explorer", "KakaoTalk", "Konqueror", "LG Browser",
    "LINE", "LinkedIn", "Lynx", "Maxthon", "Meta Quest Browser", "Mi Browser", "NAVER app", "NetFront",
    "Nintendo Browser", "Opera", "Opera GX", "Opera Mini", "Oppo Browser", "Pale Moon", "Pinterest",
    "PlayStation Browser", "Puffin", "QQ Browser", "Safari", "Samsung Internet", "SeaMonkey", "Sleipnir",
    "Snapchat", "Sogou Explorer", "TikTok", "UC Browser", "Vivaldi", "Vivo Browser", "WeChat", "Whale", "X",
    "Yandex Browser", "iOS WebView",
];

/// Programs that fetch pages by themselves: search engines, AI crawlers, link previews, monitors, scanners, tools.
#[rustfmt::skip]
pub const BOTS: [&str; 200] = [
    NO_USER_AGENT, OTHER_BOT, "360Spider", "AI2Bot", "Ahrefs Site Audit", "AhrefsBot", "Amazon Route 53",
    "Amazonbot", "Apache HttpClient", "Apache Nutch", "ApacheBench", "Applebot", "AwarioBot", "BLEXBot",
    "Baiduspider", "Barkrowler", "Better Stack", "Bing Preview", "Bingbot", "Bluesky", "Botify", "Bravebot",
    "Bytespider", "CCBot", "Censys", "ChatGPT-User", "Checkly", "Claude-SearchBot", "Claude-User",
    "ClaudeBot", "Coc Coc Bot", "Cohere", "Cypress", "Dareboost", "Dart", "DataForSeoBot", "Datadog", "Daum",
    "DeepSeekBot", "Diffbot", "Discordbot", "DotBot", "DuckAssistBot", "DuckDuckBot", "Dynatrace",
    "Elastic Load Balancer", "Embedly", "Exabot", "Facebook Preview", "FacebookBot", "Feed reader",
    "FeedBurner", "Feedbin", "Feedly", "FreshRSS", "GPTBot", "GTmetrix", "Go-http-client", "Gobuster",
    "Google APIs", "Google AdSense", "Google AdsBot", "Google App Engine", "Google Cloud Monitoring",
    "Google Favicon", "Google Feedfetcher", "Google Health Check", "Google Image Proxy",
    "Google Inspection Tool", "Google NotebookLM", "Google Page Renderer", "Google Read Aloud",
    "Google Safety", "Google Site Verification", "Google Storebot", "Google Vertex AI", "Google Web Preview",
    "GoogleOther", "Googlebot", "Guzzle", "HTTP library", "HTTPie", "Headless Chrome", "Heritrix",
    "HetrixTools", "Iframely", "ImagesiftBot", "Inoreader", "Insomnia", "Internet Archive",
    "Internet Measurement", "JMeter", "Java", "Kagibot", "Kubernetes", "Lighthouse", "LinerBot",
    "LinkedInBot", "Lumar", "MJ12bot", "Manus-User", "Marginalia", "Mastodon", "Meta-ExternalAgent",
    "Meta-ExternalFetcher", "Meta-WebIndexer", "Microsoft Ads", "Miniflux", "MistralAI-User", "MojeekBot",
    "Nagios", "Naver Yeti", "Netcraft", "New Relic", "NewsBlur", "Nikto", "Nmap", "Nuclei", "OAI-AdsBot",
    "OAI-SearchBot", "OnCrawl", "PHP", "Palo Alto Expanse", "PanguBot", "Perplexity-User", "PerplexityBot",
    "PetalBot", "PhantomJS", "PhindBot", "Pingdom", "Pinterestbot", "Playwright", "Pleroma", "Postman",
    "PowerShell", "Prometheus", "Puppeteer", "Python-urllib", "Qwantbot", "Redditbot", "Rogerbot", "Ruby",
    "SEOkicks", "SISTRIX", "Scrapy", "Screaming Frog", "Selenium", "SemrushBot", "SerpstatBot", "SeznamBot",
    "Shodan", "Siege", "Site24x7", "Siteimprove", "Skype Preview", "Slackbot", "Snapchat Preview",
    "Sogou Spider", "StatusCake", "TelegramBot", "TikTokSpider", "Timpibot", "Tiny Tiny RSS", "Turnitin",
    "Twitterbot", "Uptime Kuma", "UptimeRobot", "VK Share", "Velen", "Viber Preview", "VirusTotal",
    "W3C Validator", "WPScan", "WebPageTest", "Webz.io", "Wget", "WhatsApp Preview", "WordPress",
    "Yahoo Slurp", "YandexBot", "YouBot", "ZGrab", "Zabbix", "aiohttp", "axios", "curl", "got", "k6",
    "libwww-perl", "masscan", "node", "node-fetch", "okhttp", "python-httpx", "python-requests", "reqwest",
    "sqlmap", "undici", "updown.io", "wrk",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_for_the_binary_search() {
        for list in [&BROWSERS[..], &OPERATING_SYSTEMS, &DEVICES, &BOTS] {
            assert!(list.is_sorted(), "{list:?}");
        }
    }

    #[test]
    fn known_names_are_kept_and_others_folded() {
        assert_eq!(browser("Samsung Internet"), "Samsung Internet");
        assert_eq!(browser("chrome"), OTHER);
        assert_eq!(operating_system("macOS"), "macOS");
        assert_eq!(operating_system("Windows 11; user=anna"), OTHER);
        assert_eq!(device("Tablet"), "Tablet");
        assert_eq!(device(""), OTHER);
        assert_eq!(bot("GPTBot"), "GPTBot");
        assert_eq!(bot("My private bot"), OTHER_BOT);
        assert_eq!(bot(NO_USER_AGENT), NO_USER_AGENT);
    }
}

//! Which program, if any, stands behind a User-Agent, by a name from a closed list.
//!
//! Four sources in turn: our table (it knows the names), woothee's crawler category and the `isbot` list (they know that it is
//! one), and the form of a User-Agent, which every browser copies from its forebears and few programs do. Hits of bots are recorded
//! like others, but never as visitors.

use std::borrow::Cow;

use crate::browser::{ClientHints, is_browser_name};
use isbot::Bots;
use schemas::closed_lists::{self, NO_USER_AGENT, OTHER_BOT};
use std::sync::LazyLock;
use woothee::parser::WootheeResult;

/// The maintained patterns of the isbot library, compiled into one regular expression.
static PATTERNS: LazyLock<Bots> = LazyLock::new(Bots::default);

/// The bot's name, one of `schemas::closed_lists::BOTS`; nothing for a browser that a person uses.
///
/// `lower` is the User-Agent in lower case, `parsed` what woothee saw in it.
pub(crate) fn name(lower: &str, parsed: &WootheeResult<'_>, hints: &ClientHints<'_>) -> Option<&'static str> {
    if ["", "-"].contains(&lower.trim()) {
        return Some(NO_USER_AGENT);
    }
    let name = by_token(lower).or_else(|| by_hint(hints)).or_else(|| by_library(lower, parsed))?;
    Some(closed_lists::bot(name))
}

fn by_token(lower: &str) -> Option<&'static str> {
    let contained = TOKENS.iter().find(|(token, _)| lower.contains(token));
    contained.or_else(|| PREFIXES.iter().find(|(prefix, _)| lower.starts_with(prefix))).map(|(_, name)| *name)
}

/// Chrome without a window says so in its brands even where the User-Agent was changed.
fn by_hint(hints: &ClientHints<'_>) -> Option<&'static str> {
    hints.brands().any(|(brand, _)| brand == "HeadlessChrome").then_some("Headless Chrome")
}

fn by_library(lower: &str, parsed: &WootheeResult<'_>) -> Option<&'static str> {
    match (parsed.category, parsed.name) {
        ("misc", "HTTP Library") => Some("HTTP library"),
        ("misc", reader) if reader.contains("RSS") => Some("Feed reader"),
        ("crawler", _) => Some(OTHER_BOT),
        _ => (PATTERNS.is_bot(&without_model(lower)) || !has_form_of_browser(lower, parsed))
            .then_some(OTHER_BOT),
    }
}

/// A phone's model is its maker's choice: some are called Cubot, Robot or Spider. What a crawler says stands behind it.
fn without_model(lower: &str) -> Cow<'_, str> {
    let parts =
        lower.split_once("android ").and_then(|(before, rest)| Some((before, rest.split_once(')')?.1)));
    match parts {
        Some((before, after)) => Cow::Owned(format!("{before}android){after}")),
        None => Cow::Borrowed(lower),
    }
}

/// Browsers call themselves Mozilla and name their engine, or are known by name; the boxes under televisions are no programs either.
fn has_form_of_browser(lower: &str, parsed: &WootheeResult<'_>) -> bool {
    let names_engine = ["gecko", "applewebkit", "trident", "msie ", "presto", "khtml"]
        .iter()
        .any(|engine| lower.contains(engine));
    let is_known =
        !matches!(parsed.name, "" | "UNKNOWN") && parsed.category != "misc" || is_browser_name(lower);
    let is_television = ["roku/", "appletv"].iter().any(|name| lower.starts_with(name));
    lower.starts_with("mozilla/") && names_engine || is_known || is_television
}

/// What bots write into their User-Agent, in lower case. The first that occurs decides, so that what is special
/// stands before what is general.
#[rustfmt::skip]
const TOKENS: [(&str, &str); 217] = [
    // Search engines and their helpers; specific before general.
    ("google-inspectiontool", "Google Inspection Tool"), ("googleother", "GoogleOther"),
    ("adsbot-google", "Google AdsBot"), ("mediapartners-google", "Google AdSense"),
    ("storebot-google", "Google Storebot"), ("feedfetcher-google;", "Google Feedfetcher"),
    ("google-read-aloud", "Google Read Aloud"), ("google-site-verification", "Google Site Verification"),
    ("google-notebooklm", "Google NotebookLM"), ("google-cloudvertexbot", "Google Vertex AI"),
    ("google favicon", "Google Favicon"), ("googleimageproxy", "Google Image Proxy"),
    ("google web preview", "Google Web Preview"), ("apis-google", "Google APIs"),
    ("appengine-google", "Google App Engine"), ("chrome-lighthouse", "Lighthouse"),
    ("google page speed insight", "Lighthouse"), ("googlehc", "Google Health Check"),
    ("googlestackdrivermonitoring", "Google Cloud Monitoring"), ("google-safety", "Google Safety"),
    ("googlebot", "Googlebot"), ("adidxbot", "Microsoft Ads"), ("bingpreview", "Bing Preview"),
    ("bingbot", "Bingbot"), ("msnbot", "Bingbot"), ("applebot", "Applebot"), ("baiduspider", "Baiduspider"),
    ("yandex.com/bots", "YandexBot"), ("yandexbot", "YandexBot"), ("duckassistbot", "DuckAssistBot"),
    ("duckduckbot", "DuckDuckBot"), ("duckduckgo-favicons", "DuckDuckBot"), ("yahoo! slurp", "Yahoo Slurp"),
    ("sogou web spider", "Sogou Spider"), ("360spider", "360Spider"), ("naver.me/", "Naver Yeti"),
    ("yeti/", "Naver Yeti"), ("daumoa", "Daum"), ("seznambot", "SeznamBot"), ("qwantbot", "Qwantbot"),
    ("qwantify", "Qwantbot"), ("mojeekbot", "MojeekBot"), ("petalbot", "PetalBot"),
    ("coccocbot", "Coc Coc Bot"), ("exabot", "Exabot"), ("bravebot", "Bravebot"), ("kagibot", "Kagibot"),
    ("marginalia", "Marginalia"),
    // AI crawlers and assistants.
    ("gptbot", "GPTBot"), ("oai-searchbot", "OAI-SearchBot"), ("oai-adsbot", "OAI-AdsBot"),
    ("chatgpt-user", "ChatGPT-User"), ("claude-searchbot", "Claude-SearchBot"),
    ("claude-user", "Claude-User"), ("claude-web", "ClaudeBot"), ("claudebot", "ClaudeBot"),
    ("anthropic-ai", "ClaudeBot"), ("perplexitybot", "PerplexityBot"), ("perplexity-user", "Perplexity-User"),
    ("bytespider", "Bytespider"), ("tiktokspider", "TikTokSpider"), ("ccbot", "CCBot"),
    ("amazonbot", "Amazonbot"), ("amzn-searchbot", "Amazonbot"), ("amzn-user", "Amazonbot"),
    ("meta-externalagent", "Meta-ExternalAgent"), ("meta-externalfetcher", "Meta-ExternalFetcher"),
    ("meta-webindexer", "Meta-WebIndexer"), ("facebookbot", "FacebookBot"), ("cohere-ai", "Cohere"),
    ("diffbot", "Diffbot"), ("youbot", "YouBot"), ("mistralai-user", "MistralAI-User"),
    ("deepseekbot", "DeepSeekBot"), ("ai2bot", "AI2Bot"), ("timpibot", "Timpibot"),
    ("imagesiftbot", "ImagesiftBot"), ("phindbot", "PhindBot"), ("linerbot", "LinerBot"),
    ("manus-user", "Manus-User"), ("pangubot", "PanguBot"), ("omgili", "Webz.io"), ("webzio", "Webz.io"),
    // Search optimisation.
    ("ahrefssiteaudit", "Ahrefs Site Audit"), ("ahrefsbot", "AhrefsBot"), ("semrushbot", "SemrushBot"),
    ("siteauditbot", "SemrushBot"), ("mj12bot", "MJ12bot"), ("dotbot", "DotBot"), ("rogerbot", "Rogerbot"),
    ("screaming frog", "Screaming Frog"), ("blexbot", "BLEXBot"), ("dataforseobot", "DataForSeoBot"),
    ("serpstatbot", "SerpstatBot"), ("barkrowler", "Barkrowler"), ("sistrix", "SISTRIX"),
    ("seokicks", "SEOkicks"), ("siteimprove", "Siteimprove"), ("botify", "Botify"), ("oncrawl", "OnCrawl"),
    ("deepcrawl", "Lumar"), ("awariobot", "AwarioBot"), ("velenpublicwebcrawler", "Velen"),
    // Link previews.
    ("facebookexternalhit", "Facebook Preview"), ("facebookcatalog", "Facebook Preview"),
    ("linkedinbot", "LinkedInBot"), ("pinterestbot", "Pinterestbot"), ("pinterest/0", "Pinterestbot"),
    ("slackbot", "Slackbot"), ("slack-imgproxy", "Slackbot"), ("discordbot", "Discordbot"),
    ("telegrambot", "TelegramBot"), ("twitterbot", "Twitterbot"), ("skypeuripreview", "Skype Preview"),
    ("redditbot", "Redditbot"), ("mastodon", "Mastodon"), ("pleroma", "Pleroma"),
    ("bluesky cardyb", "Bluesky"), ("snap url preview", "Snapchat Preview"), ("embedly", "Embedly"),
    ("iframely", "Iframely"), ("vkshare", "VK Share"), ("google-pagerenderer", "Google Page Renderer"),
    // Monitors and health checks.
    ("uptimerobot", "UptimeRobot"), ("pingdom", "Pingdom"), ("statuscake", "StatusCake"),
    ("site24x7", "Site24x7"), ("datadog", "Datadog"), ("newrelic", "New Relic"), ("checkly", "Checkly"),
    ("gtmetrix", "GTmetrix"), ("ptst/", "WebPageTest"), ("better uptime bot", "Better Stack"),
    ("betterstack", "Better Stack"), ("uptime-kuma", "Uptime Kuma"), ("updown.io", "updown.io"),
    ("hetrixtools", "HetrixTools"), ("route53-health-check", "Amazon Route 53"),
    ("elb-healthchecker", "Elastic Load Balancer"), ("kube-probe", "Kubernetes"), ("check_http", "Nagios"),
    ("blackbox exporter", "Prometheus"), ("zabbix", "Zabbix"), ("dynatrace", "Dynatrace"),
    ("ruxitsynthetic", "Dynatrace"), ("dareboost", "Dareboost"),
    // Feed readers.
    ("feedly", "Feedly"), ("inoreader", "Inoreader"), ("newsblur", "NewsBlur"), ("feedbin", "Feedbin"),
    ("miniflux", "Miniflux"), ("freshrss", "FreshRSS"), ("tiny tiny rss", "Tiny Tiny RSS"),
    ("feedburner", "FeedBurner"),
    // Archives and research.
    ("archive.org_bot", "Internet Archive"), ("ia_archiver", "Internet Archive"), ("heritrix", "Heritrix"),
    ("nutch", "Apache Nutch"), ("turnitin", "Turnitin"), ("w3c_validator", "W3C Validator"),
    ("w3c-checklink", "W3C Validator"), ("validator.nu", "W3C Validator"),
    // Security scanners.
    ("censysinspect", "Censys"), ("shodan", "Shodan"), ("expanse", "Palo Alto Expanse"),
    ("cortex-xpanse", "Palo Alto Expanse"), ("internet-measurement", "Internet Measurement"),
    ("internetmeasurement", "Internet Measurement"), ("netcraft", "Netcraft"), ("zgrab", "ZGrab"),
    ("nmap scripting engine", "Nmap"), ("masscan", "masscan"), ("nuclei", "Nuclei"), ("nikto", "Nikto"),
    ("sqlmap", "sqlmap"), ("wpscan", "WPScan"), ("gobuster", "Gobuster"), ("virustotal", "VirusTotal"),
    // Crawlers with the engine of a browser write so, after Google's example.
    ("khtml, like gecko; compatible;", OTHER_BOT),
    // Browsers driven by programs.
    ("headlesschrome", "Headless Chrome"), ("phantomjs", "PhantomJS"), ("puppeteer", "Puppeteer"),
    ("playwright", "Playwright"), ("selenium", "Selenium"), ("cypress", "Cypress"),
    ("wkhtmltopdf", OTHER_BOT), ("slimerjs/", OTHER_BOT), ("safari/538.15 splash", OTHER_BOT),
    // Programs and libraries; woothee or isbot know most of them without telling which.
    ("python-requests", "python-requests"), ("python-urllib", "Python-urllib"),
    ("python-httpx", "python-httpx"), ("aiohttp", "aiohttp"), ("scrapy", "Scrapy"), ("curl/", "curl"),
    ("libcurl", "curl"), ("pycurl", "curl"), ("wget", "Wget"), ("go-http-client", "Go-http-client"),
    ("go-resty", "Go-http-client"), ("apache-httpclient", "Apache HttpClient"),
    ("jakarta commons-httpclient", "Apache HttpClient"), ("okhttp", "okhttp"), ("node-fetch", "node-fetch"),
    ("undici", "undici"), ("axios", "axios"), ("got (http", "got"), ("libwww-perl", "libwww-perl"),
    ("lwp::simple", "libwww-perl"), ("guzzlehttp", "Guzzle"), ("powershell", "PowerShell"),
    ("postmanruntime", "Postman"), ("insomnia/", "Insomnia"), ("httpie", "HTTPie"),
    ("apachebench", "ApacheBench"), ("apache-jmeter", "JMeter"), ("grafanak6", "k6"), ("reqwest", "reqwest"),
];

/// What bots begin their User-Agent with, where the word may occur elsewhere in a person's.
const PREFIXES: [(&str, &str); 12] = [
    ("whatsapp/", "WhatsApp Preview"),
    ("viber", "Viber Preview"),
    ("java/", "Java"),
    ("php", "PHP"),
    ("ruby", "Ruby"),
    ("dart/", "Dart"),
    ("node", "node"),
    ("wrk/", "wrk"),
    ("mozilla/5.0 (compatible; siege", "Siege"),
    ("k6/", "k6"),
    ("wordpress/", "WordPress"),
    ("curl", "curl"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_on_the_closed_list() {
        for (token, name) in TOKENS.iter().chain(&PREFIXES) {
            assert_eq!(closed_lists::bot(name), *name);
            assert_eq!(*token, token.to_ascii_lowercase());
        }
    }

    #[test]
    fn no_token_is_hidden_by_an_earlier_one_of_another_name() {
        for (position, (token, name)) in TOKENS.iter().enumerate() {
            let first = TOKENS.iter().position(|(earlier, other)| token.contains(earlier) && other != name);
            assert!(first.is_none_or(|first| first > position), "{token} is never reached");
        }
    }
}

use super::*;

fn origin(page: &str, referrer: &str, marketing: bool) -> Origin {
    let hosts = SiteHosts::new(&["shop.example", "*.shop.example"]).with_spam(&["annoying.org"]);
    classify(&Url::parse(page).unwrap(), Some(referrer), &hosts, marketing)
}

fn by_referrer(referrer: &str) -> (String, &'static str) {
    let origin = origin("https://shop.example/", referrer, true);
    (origin.source, origin.channel.as_str())
}

fn by_query(query: &str, referrer: &str) -> (String, &'static str) {
    let origin = origin(&format!("https://shop.example/?{query}"), referrer, true);
    (origin.source, origin.channel.as_str())
}

#[test]
fn the_referrer_names_source_and_channel() {
    let table = [
        ("", "(direct)", "direct"),
        ("-", "(direct)", "direct"),
        ("about:blank", "(direct)", "direct"),
        ("https://shop.example/user/anna", "(internal)", "internal"),
        ("http://www.shop.example:8080/", "(internal)", "internal"),
        ("https://blog.shop.example/", "(internal)", "internal"),
        ("https://www.google.com/search?q=anna", "google", "search"),
        ("https://www.google.co.uk/", "google", "search"),
        ("https://google.de", "google", "search"),
        ("https://docs.google.com/document/d/1x", "google.com", "referral"),
        ("https://mail.google.com/mail/u/0/", "gmail", "email"),
        ("https://gemini.google.com/app", "gemini", "ai_assistant"),
        ("https://google.blogspot.com/", "google.blogspot.com", "referral"),
        ("https://www.bing.com/", "bing", "search"),
        ("https://de.search.yahoo.com/search", "yahoo", "search"),
        ("https://news.yahoo.com/", "yahoo.com", "referral"),
        ("https://duckduckgo.com/", "duckduckgo", "search"),
        ("https://html.duckduckgo.com/", "duckduckgo", "search"),
        ("https://yandex.ru/", "yandex", "search"),
        ("https://t.co/AbC", "x", "social"),
        ("https://m.facebook.com/", "facebook", "social"),
        ("https://l.instagram.com/?u=x", "instagram", "social"),
        ("https://out.reddit.com/", "reddit", "social"),
        ("https://news.ycombinator.com/item?id=1", "hacker-news", "social"),
        ("https://pinterest.de/pin/1", "pinterest", "social"),
        ("https://chatgpt.com/c/1", "chatgpt", "ai_assistant"),
        ("https://www.perplexity.ai/search", "perplexity", "ai_assistant"),
        ("android-app://com.google.android.gm/", "gmail", "email"),
        ("android-app://com.google.android.googlequicksearchbox/https/www.google.com", "google", "search"),
        ("android-app://com.anna.private/", "(other)", "referral"),
        ("https://www.blog.example.co.uk/anna?x=1#y", "example.co.uk", "referral"),
        ("https://anna:geheim@example.org/", "example.org", "referral"),
        ("https://EXAMPLE.ORG./", "example.org", "referral"),
        ("https://größe.de/", "xn--gre-6ka8i.de", "referral"),
        ("https://alice.github.io/", "alice.github.io", "referral"),
        ("https://3f2a9c81b2d4.ngrok.app/", "(other)", "referral"),
        ("https://github.io/", "(other)", "referral"),
        ("http://192.168.0.7/wiki", "(other)", "referral"),
        ("http://[2001:db8::1]/", "(other)", "referral"),
        ("http://intranet/anna", "(other)", "referral"),
        ("http://nas.local/", "(other)", "referral"),
        ("http://duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion/", "(other)", "referral"),
        ("chrome-extension://abcdefgh/", "(other)", "referral"),
        ("anna@example.org", "(other)", "referral"),
        ("https://semalt.com/crawler", "semalt.com", "spam"),
        ("https://forum.topic1.darodar.com/", "darodar.com", "spam"),
        ("https://www.annoying.org/", "annoying.org", "spam"),
    ];
    for (referrer, source, channel) in table {
        assert_eq!(by_referrer(referrer), (source.to_owned(), channel), "{referrer}");
    }
}

#[test]
fn tags_go_before_the_referrer() {
    let google = "https://www.google.com/";
    let table = [
        ("utm_source=newsletter&utm_medium=email&utm_campaign=spring", google, "newsletter", "email"),
        ("utm_source=google&utm_medium=cpc", google, "google", "paid"),
        ("utm_source=Facebook&utm_medium=paid_social", "", "facebook", "paid"),
        ("utm_source=fb", "", "facebook", "social"),
        ("utm_source=facebook.com&utm_medium=referral", "", "facebook", "social"),
        ("utm_source=chatgpt.com", "", "chatgpt", "ai_assistant"),
        ("utm_source=flyer&utm_medium=qr", "", "flyer", "campaign"),
        ("utm_source=partner&utm_medium=affiliate", google, "partner", "campaign"),
        ("utm_source=partner.example&utm_medium=referral", "", "partner.example", "referral"),
        ("utm_campaign=spring", "", "(direct)", "campaign"),
        ("utm_campaign=spring", google, "google", "search"),
        ("utm_source=anna%40example.org", google, "(other)", "campaign"),
        ("ref=producthunt", "", "product-hunt", "social"),
        ("ref=anna", "", "(direct)", "direct"),
        ("gclid=abc", "", "google", "paid"),
        ("gclid=abc", google, "google", "paid"),
        ("gclid=", google, "google", "search"),
        ("msclkid=abc", "https://example.org/", "example.org", "paid"),
        ("fbclid=abc", "https://l.facebook.com/", "facebook", "social"),
        ("fbclid=abc", "", "(direct)", "direct"),
        ("gclid=abc", "https://semalt.com/", "semalt.com", "spam"),
    ];
    for (query, referrer, source, channel) in table {
        assert_eq!(by_query(query, referrer), (source.to_owned(), channel), "{query} from {referrer:?}");
    }
}

#[test]
fn without_permission_for_marketing_no_tag_is_read() {
    let page = "https://shop.example/?utm_source=newsletter&utm_medium=email&gclid=abc&ref=producthunt";
    let origin = origin(page, "https://www.google.com/", false);
    assert_eq!(origin, Origin::new("google", Channel::Search));
    assert!(!origin.paid_click && origin.campaign.is_empty());
}

#[test]
fn every_click_id_is_paid_with_permission_for_marketing_only() {
    for (id, advertiser) in campaign::CLICK_IDS {
        let page = format!("https://shop.example/?{}=abc", id.to_uppercase());
        let permitted = origin(&page, "", true);
        assert_eq!((permitted.source.as_str(), permitted.channel), (advertiser, Channel::Paid), "{id}");
        assert_eq!(origin(&page, "", false), Origin::new("(direct)", Channel::Direct), "{id}");
    }
    for unpaid in ["fbclid", "igshid", "srsltid", "epik"] {
        assert_eq!(by_query(&format!("{unpaid}=abc"), ""), ("(direct)".to_owned(), "direct"));
    }
}

#[test]
fn what_the_comparison_brought_is_known() {
    for (referrer, source, channel) in [
        ("https://suche.freenet.de/suche?query=anna", "freenet", "search"),
        ("https://webmail.freenet.de/", "freenet-mail", "email"),
        ("https://www.freenet.de/nachrichten", "freenet.de", "referral"),
        ("https://t.umblr.com/redirect?z=x", "tumblr", "social"),
        ("https://mail.rambler.ru/", "rambler-mail", "email"),
        ("https://www.cnn.com/", "cnn.com", "referral"),
    ] {
        assert_eq!(by_referrer(referrer), (source.to_owned(), channel), "{referrer}");
    }
}

#[test]
fn a_click_id_is_a_fact_only() {
    let origin = origin("https://shop.example/?gclid=EAIaIQobChMI", "", true);
    assert!(origin.paid_click);
    assert!(!format!("{origin:?}").contains("EAIaIQobChMI"));
}

#[test]
fn words_of_a_campaign_are_plain_or_other() {
    let name = |value: &str| Campaign::new("", "", value).name().to_owned();
    assert_eq!(name("Spring_Sale-2024"), "spring_sale-2024");
    assert_eq!(name(" Spring Sale "), "spring-sale");
    assert_eq!(name(""), "");
    for personal in [
        "anna@example.org",
        "anna%40example.org",
        "12345678901",
        "-x",
        "frühling",
        "a/b",
        "dQw4w9WgXcQ",
        "+4930901820",
    ] {
        assert_eq!(name(personal), OTHER, "{personal}");
    }
    assert_eq!(name(&"a-".repeat(20)), "a-".repeat(20));
    assert_eq!(name(&"a-".repeat(21)), OTHER);
    assert_eq!(Campaign::new("newsletter", "email", "").label(), "newsletter / email / -");
    assert_eq!(Campaign::default().label(), "");
}

#[test]
fn channels_have_the_names_of_the_table() {
    for channel in Channel::ALL {
        assert_eq!(Channel::from_name(channel.as_str()), Some(channel));
    }
    assert_eq!(Channel::from_name("other"), None);
}

proptest::proptest! {
    #[test]
    fn any_referrer_and_query_give_plain_words(referrer in ".{0,60}", host in "[a-z0-9.@:%-]{1,30}", query in "[a-z_=&%0-9@.+ -]{0,80}") {
        let page = format!("https://shop.example/?utm_source={query}");
        for referrer in [referrer, format!("https://{host}/anna")] {
            let origin = origin(&page, &referrer, true);
            let words = [&*origin.source, origin.campaign.source(), origin.campaign.medium(), origin.campaign.name()];
            proptest::prop_assert!(words.iter().all(|word| word.len() <= 255 && !word.contains(['@', '/', '%'])), "{:?}", origin);
        }
    }
}

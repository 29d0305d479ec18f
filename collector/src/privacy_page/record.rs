//! What would be recorded about the request: what the browser sent, what of it is recorded, what of that stays.

use jiff::Timestamp;
use schemas::choice::site_key;
use schemas::language::primary_language;
use schemas::local_time::{Hour, LocalDay};
use schemas::outcome::Outcome;
use schemas::page::{Page, PageRules};
use schemas::source::{SiteHosts, classify};
use url::Url;

use super::View;
use super::html::Html;
use crate::client_address::Evidence;
use crate::consent::Decision;
use crate::request::host_of;
use crate::visit_cookie;

/// A row of the table; its cells are HTML.
struct Row {
    name: &'static str,
    sent: Html,
    recorded: Html,
    stays: Html,
}

const COLUMNS: [&str; 4] = ["column_information", "column_sent", "column_recorded", "column_stays"];

pub(super) fn section(view: &View<'_>) -> Html {
    let verdict = match view.decision {
        Decision::Permitted(_) => "recorded",
        Decision::Refused(Outcome::Internal) => "not_recorded_internal",
        Decision::Refused(_) => "not_recorded",
    };
    let bot = view.browser.bot.map(|bot| Html::element("p", &view.text_with("bot", &[("bot", bot)])));
    let [information, sent, recorded, stays] = COLUMNS.map(|column| view.text(column));
    let head = [&information, &sent, &recorded, &stays]
        .map(|column| Html::raw(format!("<th scope=\"col\" role=\"columnheader\">{column}</th>")));
    let rows: Html = rows(view).iter().map(|row| table_row(view, row, [&sent, &recorded, &stays])).collect();
    Html::raw(format!(
        "<section aria-labelledby=\"record\">\n<h2 id=\"record\">{caption}</h2>\n<p><strong>{verdict}</strong></p>{bot}\n\
         <table role=\"table\" aria-labelledby=\"record\"><thead role=\"rowgroup\"><tr role=\"row\">{head}</tr></thead>\n\
         <tbody role=\"rowgroup\">{rows}</tbody></table>\n{tag}\n</section>",
        caption = view.text("caption"),
        verdict = view.text(verdict),
        bot = bot.unwrap_or_default(),
        head = head.into_iter().collect::<Html>(),
        tag = view.paragraph("tag"),
    ))
}

/// Roles are named because some browsers forget them when narrow screens show the table as blocks.
fn table_row(view: &View<'_>, row: &Row, columns: [&Html; 3]) -> Html {
    let cells = columns.into_iter().zip([&row.sent, &row.recorded, &row.stays]);
    let cells: Html = cells
        .map(|(column, cell)| Html::raw(format!("<td role=\"cell\" data-column=\"{column}\">{cell}</td>")))
        .collect();
    let name = view.text(row.name);
    Html::raw(format!("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">{name}</th>{cells}</tr>\n"))
}

fn rows(view: &View<'_>) -> Vec<Row> {
    let [browser, os, device] = browser(view);
    let revision = Html::text(&view.policy.revision.to_string());
    let policy =
        Row { name: "row_policy", sent: view.text("nothing"), recorded: revision.clone(), stays: revision };
    let [page, referrer] = pages(view);
    let (network, language, time) = (network(view), language(view), time(view));
    let visit = visit(view);
    vec![
        address(view),
        network,
        browser,
        os,
        device,
        language,
        page,
        referrer,
        visit,
        time,
        policy,
        marketing(view),
    ]
}

/// What the visitor's choice and signals permit is recorded with the hit, so that nobody makes more of it later.
fn marketing(view: &View<'_>) -> Row {
    let is_permitted = matches!(view.decision, Decision::Permitted(permit) if permit.marketing());
    let recorded = view.text(if is_permitted { "yes" } else { "no" });
    Row { name: "row_marketing", sent: view.text("nothing"), recorded, stays: view.text("nothing") }
}

fn address(view: &View<'_>) -> Row {
    let evidence = match view.sender.evidence {
        Evidence::Connection => view.text("address_connection"),
        Evidence::Header(header) => view.text_with("address_header", &[("header", header)]),
    };
    let recorded = Html::value(&view.sender.client.expose().to_string());
    Row { name: "row_address", sent: evidence, recorded, stays: view.text("nothing") }
}

/// The record holds the address; the same databases tell the processor what it counts.
fn network(view: &View<'_>) -> Row {
    let network = &view.network;
    let stays = format!("{}, {}", Html::value(&network.country), Html::value(&network.isp));
    Row {
        name: "row_network",
        sent: view.text("nothing"),
        recorded: view.text("network_later"),
        stays: Html::raw(stays),
    }
}

/// The User-Agent and the hints go no further than these three.
fn browser(view: &View<'_>) -> [Row; 3] {
    let (browser, hints) = (&view.browser, view.sender.client_hints());
    let agent = Some(view.sender.user_agent()).filter(|agent| !agent.is_empty());
    let version = browser.version.map_or_else(String::new, |version| format!(" {version}"));
    let row = |name, sent, recorded: &str, stays: &str| Row {
        name,
        sent,
        recorded: Html::value(recorded),
        stays: Html::value(stays),
    };
    let hints = [
        ("Sec-CH-UA", hints.brands),
        ("Sec-CH-UA-Platform", hints.platform),
        ("Sec-CH-UA-Mobile", hints.mobile),
    ];
    let [by_brand, by_platform, by_mobile] = hints.map(|hint| headers(view, &[("User-Agent", agent), hint]));
    let full = format!("{}{version}", browser.name);
    let class = browser.device.as_str();
    [
        row("row_browser", by_brand, &full, browser.bot.unwrap_or(browser.name)),
        row("row_os", by_platform, browser.os, browser.os),
        row("row_device", by_mobile, class, class),
    ]
}

fn language(view: &View<'_>) -> Row {
    let header = view.sender.accept_language();
    let language = Html::value(primary_language(header));
    let sent = headers(view, &[("Accept-Language", Some(header).filter(|header| !header.is_empty()))]);
    Row { name: "row_language", sent, recorded: language.clone(), stays: language }
}

/// The page that led here is one of the site's, or it is where the visitor came from. The collector's own pages are neither.
fn pages(view: &View<'_>) -> [Row; 2] {
    let referer = view.sender.referer().and_then(|address| Some((address, host_of(address)?)));
    let own = referer.as_ref().filter(|(_, host)| view.site.has_host(host)).map(|(address, _)| *address);
    let is_elsewhere = |host: &str| !view.site.has_host(host) && view.sender.host().as_deref() != Some(host);
    let other = referer.as_ref().filter(|(_, host)| is_elsewhere(host)).map(|(address, _)| *address);
    let row = |name, address: Option<&str>, unknown, stays: Option<String>| Row {
        name,
        sent: headers(view, &[("Referer", address)]),
        recorded: address.map_or_else(|| view.text(unknown), Html::value),
        stays: stays.map_or_else(|| view.text("nothing"), |text| Html::value(&text)),
    };
    let page = own.and_then(|address| scrubbed(view, address));
    let source = other.and_then(|address| source(view, address));
    [row("row_page", own, "page_unknown", page), row("row_referrer", other, "referrer_unknown", source)]
}

/// As the processor scrubs it; it is the processor that refuses to start with rules that are none.
fn scrubbed(view: &View<'_>, address: &str) -> Option<String> {
    let rules = PageRules::new(&view.site.group_pages, &view.site.page_parameters).unwrap_or_default();
    Page::from_url(address, &rules).ok().map(|(page, _)| page.into())
}

fn source(view: &View<'_>, referrer: &str) -> Option<String> {
    let page = Url::parse(&format!("https://{}/", view.site.hosts.first()?)).ok()?;
    Some(classify(&page, Some(referrer), &SiteHosts::new(&view.site.hosts), false).source)
}

/// What the browser itself holds of the visit; without that, nothing of it is recorded.
fn visit(view: &View<'_>) -> Row {
    let name = visit_cookie::name(&site_key(&view.site.name));
    let is_sent = view.sender.cookies(&name).next().is_some();
    let recorded = view.text(if is_sent { "visit_recorded" } else { "nothing" });
    let sent = headers(view, &[("Cookie", is_sent.then_some(name.as_str()))]);
    Row { name: "row_visit", sent, recorded, stays: view.text("visit_stays") }
}

fn time(view: &View<'_>) -> Row {
    let exact = Timestamp::from_millisecond(view.sender.now.as_millisecond()).unwrap_or(view.sender.now);
    let hour = Hour::of(view.sender.now).start();
    let day = LocalDay::of(view.sender.now, &view.site.time_zone);
    let stays = Html::raw(format!(
        "{}, {}",
        moment(&hour.strftime("%Y-%m-%dT%H:%MZ").to_string()),
        moment(&day.to_string())
    ));
    Row { name: "row_time", sent: view.text("nothing"), recorded: moment(&exact.to_string()), stays }
}

fn moment(text: &str) -> Html {
    Html::raw(format!("<time dir=\"ltr\">{}</time>", Html::text(text)))
}

/// The headers that are there, by name; else that there is nothing.
fn headers(view: &View<'_>, headers: &[(&str, Option<&str>)]) -> Html {
    let there = headers.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let lines: Vec<String> = there
        .map(|(name, value)| format!("<bdi dir=\"ltr\"><code>{name}</code>: {}</bdi>", Html::value(value)))
        .collect();
    if lines.is_empty() { view.text("nothing") } else { Html::raw(lines.join("<br>")) }
}

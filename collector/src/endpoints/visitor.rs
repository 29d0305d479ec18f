//! Who a request comes from, as far as one visitor is told from another: for hits, and for orders to forget him.

use schemas::event::Visit;
use schemas::language::primary_language;

use super::Collector;
use crate::request::Sender;

/// A visit with its visitor and nothing else filled in.
pub(super) fn visitor(collector: &Collector, sender: &Sender<'_>) -> Visit {
    let browser = collector.browsers.recognise(sender.user_agent(), &sender.client_hints());
    Visit {
        address: Visit::address_bytes(*sender.client.expose()),
        browser: browser.name.to_owned(),
        browser_version: browser.version.map_or(0, u32::from),
        os: browser.os.to_owned(),
        device: browser.device.as_str().to_owned(),
        language: primary_language(sender.accept_language()).to_owned(),
        bot: browser.bot.unwrap_or_default().to_owned(),
        ..Visit::default()
    }
}

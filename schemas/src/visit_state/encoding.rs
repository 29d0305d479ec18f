//! A visit state as bytes: one byte of version, then a protobuf message. Evolves by protobuf's rules; fields that a later
//! version adds are skipped.

use prost::Message;

use super::{
    CAMPAIGN_BYTES_MAX, CHANNEL_BYTES_MAX, DayFilter, Entry, LATER_PAGE, PAGE_BYTES_MAX, SOURCE_BYTES_MAX,
    cookie::{SITE_KEY_BYTES_MAX, VisitCookie},
    seen::{Seen, Visit},
};
use crate::local_time::LocalDay;

/// The most bytes of an encoded state: encrypted (28 more) and in Base64, still under 1,000.
pub const STATE_BYTES_MAX: usize = 700;

/// Changes when readers of the old version must not read the new one.
const VERSION: u8 = 1;

/// Tags are in the order of their writing, frequent ones first. A tag once used keeps its meaning.
#[derive(Clone, PartialEq, Message)]
struct CookieRecord {
    #[prost(fixed64, tag = "1")]
    number: u64,
    #[prost(string, tag = "2")]
    site: String,
    #[prost(uint32, tag = "3")]
    lane: u32,
    /// Days since 1970, UTC.
    #[prost(uint32, tag = "4")]
    created_day: u32,
    #[prost(fixed32, tag = "5")]
    last_hit_s: u32,
    /// Days since 1970 of the week's Monday.
    #[prost(uint32, tag = "6")]
    first_week: u32,
    #[prost(bytes = "vec", tag = "7")]
    pages_today: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    names_today: Vec<u8>,
    #[prost(bool, tag = "9")]
    only_counted_in_memory: bool,
    #[prost(bool, tag = "10")]
    begun_in_memory: bool,
    #[prost(uint32, tag = "11")]
    page_number: u32,
    #[prost(string, optional, tag = "12")]
    page: Option<String>,
    /// Absent if it is the page viewed last.
    #[prost(string, optional, tag = "13")]
    entry_page: Option<String>,
    #[prost(string, tag = "14")]
    source: String,
    #[prost(string, tag = "15")]
    channel: String,
    #[prost(string, tag = "16")]
    campaign: String,
}

impl VisitCookie {
    /// The cookie's content, at most [`STATE_BYTES_MAX`] bytes; to be encrypted.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.record().encode_to_vec());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [VERSION, message @ ..] if bytes.len() <= STATE_BYTES_MAX => {
                CookieRecord::decode(message).ok()?.cookie()
            }
            _ => None,
        }
    }

    fn record(&self) -> CookieRecord {
        let Seen { visit: Visit { entry, page, .. }, .. } = &self.seen;
        let entry_is_last = page.as_deref() == Some(&*entry.page);
        CookieRecord {
            number: self.number,
            site: self.site.to_string(),
            lane: self.lane.into(),
            created_day: self.created.clickhouse_date().into(),
            last_hit_s: self.seen.last_hit_s,
            first_week: self.seen.first_week.clickhouse_date().into(),
            pages_today: self.seen.pages_today.to_bytes(),
            names_today: self.seen.names_today.to_bytes(),
            only_counted_in_memory: self.seen.only_counted_in_memory,
            begun_in_memory: self.seen.visit.begun_in_memory,
            page_number: self.seen.visit.page_number.into(),
            page: page.as_deref().map(str::to_owned),
            entry_page: (!entry_is_last).then(|| entry.page.to_string()),
            source: entry.source.to_string(),
            channel: entry.channel.to_string(),
            campaign: entry.campaign.to_string(),
        }
    }
}

impl CookieRecord {
    fn cookie(self) -> Option<VisitCookie> {
        Some(VisitCookie {
            number: self.number,
            lane: self.lane.try_into().ok()?,
            site: within(self.site.clone(), SITE_KEY_BYTES_MAX)?.into(),
            created: LocalDay::from_clickhouse_date(self.created_day.try_into().ok()?),
            seen: self.seen()?,
        })
    }

    fn seen(self) -> Option<Seen> {
        let first_week = LocalDay::from_clickhouse_date(self.first_week.try_into().ok()?);
        Some(Seen {
            last_hit_s: self.last_hit_s,
            first_week: (first_week == first_week.week()).then_some(first_week)?,
            pages_today: DayFilter::from_bytes(&self.pages_today)?,
            names_today: DayFilter::from_bytes(&self.names_today)?,
            only_counted_in_memory: self.only_counted_in_memory,
            visit: self.visit()?,
        })
    }

    fn visit(self) -> Option<Visit> {
        let page_number = u8::try_from(self.page_number).ok().filter(|&number| number <= LATER_PAGE)?;
        if self.page.is_some() != (page_number > 0) {
            return None;
        }
        let entry = Entry {
            source: within(self.source, SOURCE_BYTES_MAX)?.into(),
            channel: within(self.channel, CHANNEL_BYTES_MAX)?.into(),
            campaign: within(self.campaign, CAMPAIGN_BYTES_MAX)?.into(),
            page: within(self.entry_page.or_else(|| self.page.clone())?, PAGE_BYTES_MAX)?.into(),
        };
        let page = match self.page {
            Some(page) => Some(within(page, PAGE_BYTES_MAX)?.into()),
            None => None,
        };
        Some(Visit { entry: entry.into(), page, page_number, begun_in_memory: self.begun_in_memory })
    }
}

fn within(text: String, bytes_max: usize) -> Option<String> {
    (text.len() <= bytes_max).then_some(text)
}

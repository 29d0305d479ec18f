//! A line of an access log, read character by character.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Endings of files that are part of a page, or data, but not a page.
const PARTS: &str = "css js mjs map json xml rss atom txt csv pdf \
    png jpg jpeg gif svg ico webp avif bmp woff woff2 ttf otf eot \
    mp3 mp4 mpg ogg wav webm avi mov flv swf zip gz tgz bz2 7z rar tar jar iso exe deb rpm";

/// What is used of a line.
pub(super) struct Line {
    pub(super) address: Option<IpAddr>,
    pub(super) time: Timestamp,
    method: String,
    pub(super) target: String,
    status: u16,
    pub(super) referrer: String,
    pub(super) user_agent: String,
}

/// Whether a line is a view, and what it is otherwise.
pub(super) enum Verdict {
    View,
    Method,
    Status,
    Asset,
}

/// A part of a line.
#[derive(Clone)]
enum Field {
    Bare(String),
    Bracketed(String),
    Quoted(String),
    /// Quoted, but the line ends before the quote does.
    Cut(String),
}

impl Line {
    /// Nothing when it is no line of a log.
    pub(super) fn read(text: &str) -> Option<Self> {
        let fields = fields(text);
        let place = fields.iter().position(|field| matches!(field, Field::Bracketed(_)))?;
        let (Some(Field::Bare(host)), Some(Field::Bracketed(time))) = (fields.first(), fields.get(place))
        else {
            return None;
        };
        let (Some(Field::Quoted(request)), Some(Field::Bare(status))) =
            (fields.get(place + 1), fields.get(place + 2))
        else {
            return None;
        };
        let words: Vec<&str> = request.split(' ').collect();
        let quoted = |number: usize| match fields.get(number) {
            Some(Field::Quoted(text)) if text != "-" => text.clone(),
            // Half a browser's name still tells bots from browsers.
            Some(Field::Cut(text)) if number == place + 5 => text.clone(),
            _ => String::new(),
        };
        Some(Self {
            address: host.parse().ok(),
            time: time_of(time)?,
            method: (*words.first()?).to_owned(),
            target: words.get(1).filter(|target| !target.is_empty()).map(|&target| target.to_owned())?,
            status: status.parse().ok()?,
            referrer: quoted(place + 4),
            user_agent: quoted(place + 5),
        })
    }

    pub(super) fn verdict(&self) -> Verdict {
        let sent = (200..300).contains(&self.status) || self.status == 304;
        let path = self.target.split('?').next().unwrap_or_default();
        let path = path.split('#').next().unwrap_or_default();
        let file = path.split('/').next_back().unwrap_or_default().to_lowercase();
        let is_part = PARTS.split_whitespace().any(|ending| file.ends_with(&format!(".{ending}")));
        match (self.method.as_str(), sent, is_part) {
            ("GET", true, false) => Verdict::View,
            ("GET", true, true) => Verdict::Asset,
            ("GET", false, _) => Verdict::Status,
            _ => Verdict::Method,
        }
    }
}

fn fields(text: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        let mut inside = String::new();
        match first {
            ' ' => continue,
            '[' => {
                inside.extend(characters.by_ref().take_while(|character| *character != ']'));
                fields.push(Field::Bracketed(inside));
            }
            '"' => {
                let mut is_closed = false;
                while let Some(character) = characters.next() {
                    match (character, characters.peek()) {
                        ('"', _) => is_closed = true,
                        ('\\', Some('"' | '\\')) => inside.extend(characters.next()),
                        _ => inside.push(character),
                    }
                    if is_closed {
                        break;
                    }
                }
                fields.push(if is_closed { Field::Quoted(inside) } else { Field::Cut(inside) });
            }
            first => {
                inside.push(first);
                inside.extend(characters.by_ref().take_while(|character| *character != ' '));
                fields.push(Field::Bare(inside));
            }
        }
    }
    fields
}

/// `17/May/2015:10:05:03 +0200`.
fn time_of(text: &str) -> Option<Timestamp> {
    let (civil, offset) = text.split_once(' ')?;
    let parts: Vec<&str> = civil.split(['/', ':']).collect();
    let [day, month, year, hour, minute, second] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let day = Date::new(year.parse().ok()?, i8::try_from(month).ok()?, day.parse().ok()?).ok()?;
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()?;
    let minutes: i32 = offset.parse::<i32>().ok().map(|number| number / 100 * 60 + number % 100)?;
    let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).ok()?);
    Some(day.to_datetime(time).to_zoned(zone).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_line_is_read() {
        let text = r#"::1 - - [01/Jan/2026:00:30:00 +0130] "GET /a HTTP/1.1" 200 1 "-" "A \"b\" \\ \x41""#;
        let line = Line::read(text).unwrap();
        assert_eq!(line.time, date(2025, 12, 31).at(23, 0, 0, 0).in_tz("UTC").unwrap().timestamp());
        assert_eq!((line.referrer.as_str(), line.user_agent.as_str()), ("", r#"A "b" \ \x41"#));
    }
}

//! A hit as the tag sends it: JSON is read leniently (unknown fields are ignored), its values strictly.

use schemas::event::Kind;
use schemas::measure::event_value;
use serde::Deserialize;
use serde::de::Error as _;
use url::Url;

use crate::refusal::Refusal;

/// Hits in one request.
pub const HITS_MAX: usize = 20;
/// Longest URL or referrer in bytes; what is longer is cut by no browser, but by attackers.
const URL_BYTES_MAX: usize = 8 * 1024;
/// Longest event name in bytes.
const NAME_BYTES_MAX: usize = 200;
/// Longest id in bytes.
const ID_BYTES_MAX: usize = 64;
/// A page open for a day is a page forgotten.
const ENGAGED_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// One hit whose values are within their limits.
#[derive(Clone, PartialEq)]
pub struct Hit {
    /// The site's name.
    pub site: String,
    /// What happened.
    pub kind: Kind,
    /// Absolute address of the page, or a path that the site's first host completes.
    pub url: String,
    /// Where the visitor came from; empty when unknown.
    pub referrer: String,
    /// Event name, outbound or download address; empty for views.
    pub name: String,
    /// Thousandths of the event's value.
    pub value_thousandths: i64,
    /// Milliseconds for which the page was visible and in use.
    pub engaged_ms: u32,
    /// How far the page was scrolled, 0 to 100.
    pub scroll_percent: u32,
    /// The client's own random id; empty when it sends none.
    pub id: String,
    /// False when the page knows that its visitor refused marketing: the cookie that says so may not reach the collector.
    pub marketing: bool,
}

/// The fields as they come; an address in a payload is not among them.
#[derive(Deserialize)]
#[serde(expecting = "a hit, which is an object")]
struct Fields {
    site: String,
    #[serde(default)]
    kind: Option<String>,
    url: String,
    #[serde(default)]
    referrer: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    engaged_ms: Option<f64>,
    #[serde(default)]
    scroll: Option<f64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    marketing: Option<bool>,
}

/// One hit or an array of at most [`HITS_MAX`]; all or nothing.
///
/// # Errors
/// [`Refusal::BadJson`], [`Refusal::BadField`] naming the field, or [`Refusal::TooManyHits`].
pub fn parse(body: &[u8]) -> Result<Vec<Hit>, Refusal> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let fields: Vec<Fields> = if is_array { read::<Hits>(body)?.0 } else { vec![read(body)?] };
    match fields.len() {
        0 => Err(Refusal::BadJson("the array is empty".into())),
        1..=HITS_MAX => fields.into_iter().map(Hit::check).collect(),
        _ => Err(Refusal::TooManyHits { max: HITS_MAX }),
    }
}

/// An array that is not read beyond what may be in it.
struct Hits(Vec<Fields>);

impl<'de> Deserialize<'de> for Hits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Hits;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of hits")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut array: A) -> Result<Hits, A::Error> {
                let mut hits = Vec::new();
                while let Some(hit) = array.next_element()? {
                    if hits.len() <= HITS_MAX {
                        hits.push(hit);
                    } else {
                        return Err(A::Error::custom("too many hits"));
                    }
                }
                Ok(Hits(hits))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

/// Reads JSON, remembering on the way in which field it is.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        bad_json(&path, error.inner())
    })?;
    json.end().map_err(|error| bad_json(".", &error))?;
    Ok(value)
}

/// serde's message quotes values of a wrong kind, which may be personal: it is put together anew without them.
fn bad_json(path: &str, error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    if text.starts_with("too many hits") {
        return Refusal::TooManyHits { max: HITS_MAX };
    }
    let place = format!("line {} column {}", error.line(), error.column());
    for problem in ["missing field", "duplicate field"] {
        let field = text.strip_prefix(problem).and_then(|rest| rest.split('`').nth(1));
        if let Some(field) = field {
            return Refusal::BadJson(format!("{problem} {field} at {place}"));
        }
    }
    let expected = text.split(", expected ").nth(1).and_then(|rest| rest.split(" at line").next());
    match expected {
        Some(expected) if error.is_data() => {
            let field = path.rsplit('.').next().filter(|field| !field.is_empty()).unwrap_or("(body)");
            Refusal::BadJson(format!("field {field}: expected {expected} at {place}"))
        }
        _ => Refusal::BadJson(format!("syntax error at {place}")),
    }
}

impl Hit {
    fn check(fields: Fields) -> Result<Self, Refusal> {
        let kind = kind_of(fields.kind.as_deref())?;
        let name =
            within("name", fields.name, if kind == Kind::Event { NAME_BYTES_MAX } else { URL_BYTES_MAX })?;
        if name.is_empty() && matches!(kind, Kind::Event | Kind::Outbound | Kind::Download) {
            return Err(Refusal::BadField {
                field: "name",
                problem: "an event, outbound or download needs one",
            });
        }
        Ok(Self {
            site: fields.site,
            kind,
            url: page_address(fields.url)?,
            referrer: within("referrer", fields.referrer, URL_BYTES_MAX)?,
            name,
            value_thousandths: value_thousandths(fields.value)?,
            engaged_ms: number("engaged_ms", fields.engaged_ms, ENGAGED_MS_MAX)?,
            scroll_percent: number("scroll", fields.scroll, 100)?,
            id: within("id", fields.id, ID_BYTES_MAX)?,
            marketing: fields.marketing.unwrap_or(true),
        })
    }

    /// A view that came as an image request.
    ///
    /// # Errors
    /// [`Refusal::BadField`] naming the parameter.
    pub fn view(
        site: String,
        url: String,
        referrer: Option<String>,
        id: Option<String>,
    ) -> Result<Self, Refusal> {
        Self::check(Fields {
            site,
            kind: None,
            url,
            referrer,
            name: None,
            value: None,
            engaged_ms: None,
            scroll: None,
            id,
            marketing: None,
        })
    }
}

fn kind_of(kind: Option<&str>) -> Result<Kind, Refusal> {
    match kind {
        None | Some("view") => Ok(Kind::View),
        Some("leave") => Ok(Kind::Leave),
        Some("event") => Ok(Kind::Event),
        Some("outbound") => Ok(Kind::Outbound),
        Some("download") => Ok(Kind::Download),
        Some(_) => {
            Err(Refusal::BadField { field: "kind", problem: "use view, leave, event, outbound or download" })
        }
    }
}

fn within(field: &'static str, text: Option<String>, bytes_max: usize) -> Result<String, Refusal> {
    match text {
        Some(text) if text.len() > bytes_max => Err(Refusal::BadField { field, problem: "too long" }),
        text => Ok(text.unwrap_or_default()),
    }
}

/// A page's address must be http or https; a bare path is completed by the site's host later.
fn page_address(url: String) -> Result<String, Refusal> {
    let refuse = |problem| Err(Refusal::BadField { field: "url", problem });
    if url.len() > URL_BYTES_MAX {
        return refuse("too long");
    }
    if url.starts_with('/') {
        return Ok(url);
    }
    match Url::parse(&url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(routed(&parsed).unwrap_or(url)),
        Ok(_) => refuse("must be an http or https address"),
        Err(_) => refuse("is no address"),
    }
}

/// Where a site tells its pages apart behind `#`, the route is a part of the path: `/app#/users?tab=2` is
/// `/app/users?tab=2`. Other fragments mean nothing; they are dropped where the page is read.
fn routed(url: &Url) -> Option<String> {
    let fragment = url.fragment()?;
    let route = fragment.strip_prefix('!').unwrap_or(fragment);
    let (path, query) = route.split_once('?').unwrap_or((route, ""));
    let path = format!("{}{}", url.path().trim_end_matches('/'), path.strip_prefix('/').map(|_| path)?);
    let queries = [url.query().unwrap_or_default(), query];
    let query = queries.into_iter().filter(|query| !query.is_empty()).collect::<Vec<_>>().join("&");
    let mut page = url.clone();
    page.set_path(&path);
    page.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    page.set_fragment(None);
    Some(page.into())
}

fn number(field: &'static str, number: Option<f64>, max: u64) -> Result<u32, Refusal> {
    match number {
        None => Ok(0),
        Some(number) if number >= 0.0 && number.is_finite() => Ok((number as u64).min(max) as u32),
        Some(_) => Err(Refusal::BadField { field, problem: "must be a number of 0 or more" }),
    }
}

fn value_thousandths(value: Option<f64>) -> Result<i64, Refusal> {
    let problem = "must be a number within ±1000000000";
    value.map_or(Some(0), event_value).ok_or(Refusal::BadField { field: "value", problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(body: &str) -> String {
        parse(body.as_bytes()).err().map(|refusal| refusal.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_page_may_say_that_marketing_was_refused_and_nothing_else_of_consent() {
        let marketing = |more: &str| {
            let body = format!(r#"{{"site":"a","url":"https://a/"{more}}}"#);
            parse(body.as_bytes()).map(|hits| hits[0].marketing)
        };
        assert_eq!(marketing(""), Ok(true));
        assert_eq!(marketing(r#","marketing":false"#), Ok(false));
        assert!(marketing(r#","marketing":"no""#).is_err());
    }

    #[test]
    fn one_hit_and_an_array_are_read_and_unknown_fields_ignored() {
        let hit = r#"{"site":"a","url":"https://a/x","ip":"192.0.2.9","referrer":null,"scroll":55.5}"#;
        let one = parse(hit.as_bytes()).unwrap();
        assert_eq!(
            (one[0].kind, one[0].scroll_percent, one[0].url.as_str()),
            (Kind::View, 55, "https://a/x")
        );
        assert_eq!(parse(format!(" [{hit},{hit}]").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_route_behind_the_hash_belongs_to_the_path() {
        for (url, expected) in [
            ("https://a/#/users", "https://a/users"),
            ("https://a/app/#!/users/?tab=2", "https://a/app/users/?tab=2"),
            ("https://a/app?utm_source=x#/users?tab=2", "https://a/app/users?utm_source=x&tab=2"),
            ("https://a/app#section", "https://a/app#section"),
            ("https://a/app?x=1", "https://a/app?x=1"),
        ] {
            let body = format!(r#"{{"site":"a","url":"{url}"}}"#);
            assert_eq!(parse(body.as_bytes()).unwrap()[0].url, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, expected) in [
            ("", "syntax error"),
            ("{", "syntax error at line 1 column 1"),
            ("[]", "array is empty"),
            (r#"{"url":"https://a/"}"#, "missing field site"),
            (r#"{"site":"a"}"#, "missing field url"),
            (r#"{"site":1,"url":"https://a/"}"#, "field site: expected a string at line 1 column 9"),
            (r#"[{"site":"a","url":5}]"#, "field url: expected a string"),
            (r#"{"site":"a","site":"b","url":"https://a/"}"#, "duplicate field site"),
            (r#"{"site":"a","url":"https://a/"} x"#, "syntax error"),
            (r#""text""#, "field (body): expected a hit"),
            (r#"{"site":"a","url":"https://a/","kind":"look"}"#, "field kind: use view"),
            (r#"{"site":"a","url":"javascript:1"}"#, "field url: must be an http"),
            (r#"{"site":"a","url":"nonsense"}"#, "field url: is no address"),
            (r#"{"site":"a","url":"https://a/","kind":"event"}"#, "field name"),
            (r#"{"site":"a","url":"https://a/","engaged_ms":-1}"#, "field engaged_ms"),
            (r#"{"site":"a","url":"https://a/","kind":"event","name":"n","value":1e10}"#, "field value"),
        ] {
            let text = refusal(body);
            assert!(text.contains(expected), "{body} gave {text:?}");
        }
    }

    #[test]
    fn values_of_a_wrong_kind_are_not_repeated() {
        let text = refusal(r#"{"site":"a","url":"https://a/","value":"alice@example.com"}"#);
        assert!(text.contains("field value: expected f64") && !text.contains("alice"), "{text}");
    }

    #[test]
    fn more_hits_than_allowed_are_refused_whole() {
        let hit = r#"{"site":"a","url":"https://a/"}"#;
        let array = |count: usize| format!("[{}]", vec![hit; count].join(","));
        assert_eq!(parse(array(HITS_MAX).as_bytes()).unwrap().len(), HITS_MAX);
        for count in [HITS_MAX + 1, 500] {
            assert_eq!(parse(array(count).as_bytes()).err(), Some(Refusal::TooManyHits { max: HITS_MAX }));
        }
    }

    proptest! {
        #[test]
        fn hostile_bodies_do_no_harm(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(hits) = parse(&body) {
                prop_assert!(hits.len() <= HITS_MAX);
            }
        }
    }
}

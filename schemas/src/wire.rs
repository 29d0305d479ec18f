//! A record as it lies in the journal and in Kafka: a clear, authenticated header and an encrypted event.
//!
//! ```text
//! version 1 | collector 16 | sequence 8 | hour of writing 4 | lane 1 | site length 1 | site | key id 16 | nonce 12 | AES-256-GCM(event)
//! ```
//! Numbers are big-endian. The header is clear so that a record whose key is gone still has its row, its
//! partition and its site; all before the nonce is authenticated (NIST SP 800-38D, additional data), so that
//! nobody can move an event to another site or sequence.

use std::fmt;

use crate::keys::{DayKey, KeyId, Keys};

/// The only version so far.
const VERSION: u8 = 1;
/// Bytes up to and including the site's length.
const FIXED_BYTES: usize = 1 + 16 + 8 + 4 + 1 + 1;
/// Length of an AES-GCM nonce in bytes.
pub const NONCE_BYTES: usize = 12;
/// Longest name of a site in bytes; configuration refuses longer ones.
pub const SITE_BYTES_MAX: usize = 100;

/// Who numbered a record: a random id, fresh at each start of a collector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CollectorId(pub [u8; 16]);

impl fmt::Display for CollectorId {
    /// As ClickHouse prints a UUID.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CollectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a record tells without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Who numbered the record.
    pub collector: CollectorId,
    /// 1, 2, 3, … without holes for each collector.
    pub sequence: u64,
    /// The site's name; empty for control records that concern no site.
    pub site: String,
    /// UTC hour of writing, in hours since the Unix epoch.
    pub written_hour: u32,
    /// 8 bits of a hash of the visitor tuple; the partition is lane mod partitions.
    pub lane: u8,
}

/// Appends a record: `header`, and `event` encrypted with the key of the day of writing.
///
/// `nonce` must be random: with one key, 2^32 records stay within NIST SP 800-38D's bound.
pub fn seal(header: &Header, key: &DayKey, nonce: [u8; NONCE_BYTES], event: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(VERSION);
    out.extend_from_slice(&header.collector.0);
    out.extend_from_slice(&header.sequence.to_be_bytes());
    out.extend_from_slice(&header.written_hour.to_be_bytes());
    out.push(header.lane);
    let site = header.site.as_bytes().get(..SITE_BYTES_MAX).unwrap_or(header.site.as_bytes());
    out.push(site.len() as u8);
    out.extend_from_slice(site);
    out.extend_from_slice(&key.id().0);
    let authenticated = start..out.len();
    out.extend_from_slice(&nonce);
    let clear_text = out.len();
    out.extend_from_slice(event);
    let (head, body) = out.split_at_mut(clear_text);
    let tag = key.seal_in_place(nonce, &head[authenticated], body);
    out.extend_from_slice(&tag);
}

/// Reads the clear header of a record.
///
/// # Errors
/// [`Unreadable::Malformed`] when it is cut, of another version, or its site is no text.
pub fn header(record: &[u8]) -> Result<Header, Unreadable> {
    parse(record).map(|parsed| parsed.header)
}

/// Which key a record needs, and the UTC hour of its writing; nothing when it is malformed.
pub fn key_needed(record: &[u8]) -> Option<(KeyId, u32)> {
    let fixed = record.get(..FIXED_BYTES)?;
    let site_end = FIXED_BYTES + usize::from(*fixed.last()?);
    let written_hour = u32::from_be_bytes(fixed.get(25..29)?.try_into().ok()?);
    Some((KeyId(record.get(site_end..site_end + 16)?.try_into().ok()?), written_hour))
}

/// Decrypts a record.
///
/// # Errors
/// Says why there is no event to be had; the header may still be readable by [`header`].
pub fn open(record: &[u8], keys: &Keys) -> Result<(Header, Vec<u8>), Unreadable> {
    let parsed = parse(record)?;
    let key = keys.by_id(parsed.key).ok_or(Unreadable::KeyGone)?;
    let mut body = parsed.sealed.to_vec();
    let length =
        key.open_in_place(parsed.nonce, parsed.authenticated, &mut body).ok_or(Unreadable::NotAuthentic)?;
    body.truncate(length);
    Ok((parsed.header, body))
}

/// Why a record gives no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Cut short, or of a version this program does not know.
    #[error("the record is malformed or of a newer version")]
    Malformed,
    /// Its day's key was destroyed, or never reached this machine.
    #[error(
        "the record's key is gone; if it is younger than a day, share the key directory with this program"
    )]
    KeyGone,
    /// Its bytes were changed after they were written.
    #[error("the record is not authentic")]
    NotAuthentic,
}

struct Parsed<'a> {
    header: Header,
    key: KeyId,
    nonce: [u8; NONCE_BYTES],
    authenticated: &'a [u8],
    sealed: &'a [u8],
}

fn parse(record: &[u8]) -> Result<Parsed<'_>, Unreadable> {
    parse_option(record).ok_or(Unreadable::Malformed)
}

fn parse_option(record: &[u8]) -> Option<Parsed<'_>> {
    let fixed = record.get(..FIXED_BYTES)?;
    let site_bytes = usize::from(fixed[30]);
    if fixed[0] != VERSION || site_bytes > SITE_BYTES_MAX {
        return None;
    }
    let site_end = FIXED_BYTES + site_bytes;
    let key_end = site_end + 16;
    let nonce_end = key_end + NONCE_BYTES;
    Some(Parsed {
        header: Header {
            collector: CollectorId(fixed[1..17].try_into().ok()?),
            sequence: u64::from_be_bytes(fixed[17..25].try_into().ok()?),
            written_hour: u32::from_be_bytes(fixed[25..29].try_into().ok()?),
            lane: fixed[29],
            site: String::from_utf8(record.get(FIXED_BYTES..site_end)?.to_vec()).ok()?,
        },
        key: KeyId(record.get(site_end..key_end)?.try_into().ok()?),
        nonce: record.get(key_end..nonce_end)?.try_into().ok()?,
        authenticated: record.get(..key_end)?,
        sealed: record.get(nonce_end..)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Header, DayKey) {
        let header = Header {
            collector: CollectorId([7; 16]),
            sequence: 42,
            site: "example.com".into(),
            written_hour: 498_000,
            lane: 200,
        };
        (header, DayKey::new(KeyId([9; 16]), [1; 32]))
    }

    fn sealed() -> (Header, Vec<u8>, Keys) {
        let (header, key) = example();
        let mut record = Vec::new();
        seal(&header, &key, [3; NONCE_BYTES], b"an event", &mut record);
        (header, record, Keys::from_iter([key]))
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_of_it_is_clear() {
        let (expected, record, keys) = sealed();
        assert_eq!(open(&record, &keys), Ok((expected, b"an event".to_vec())));
        assert!(!record.windows(8).any(|bytes| bytes == b"an event"));
    }

    #[test]
    fn the_bytes_of_version_1_are_still_read() {
        let committed = include_bytes!("../events/record_v1.bin");
        let (expected, record, keys) = sealed();
        assert_eq!(record, committed, "the encoding of a released version must not change");
        assert_eq!(open(committed, &keys), Ok((expected, b"an event".to_vec())));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (_, record, keys) = sealed();
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped, &keys).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_cut_record_is_malformed_or_not_authentic() {
        let (_, record, keys) = sealed();
        for length in 0..record.len() {
            assert!(open(&record[..length], &keys).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn without_its_key_a_record_still_has_its_header() {
        let (expected, record, _) = sealed();
        assert_eq!(open(&record, &Keys::default()), Err(Unreadable::KeyGone));
        assert_eq!(header(&record), Ok(expected));
    }

    #[test]
    fn the_key_that_is_needed_is_known_without_it() {
        let (header, record, _) = sealed();
        assert_eq!(key_needed(&record), Some((KeyId([9; 16]), header.written_hour)));
        assert_eq!(key_needed(&record[..40]), None);
    }
}

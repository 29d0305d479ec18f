//! A segment's header, and its name in the directory.
//!
//! Header: `magic(8) | format version u32 | collector(16) | first sequence u64 | previous end u64 | CRC32C u32`, integers LE.
//! It is written and synced before the file gets its name, so a segment is never seen without one.

use super::CollectorId;
use std::path::{Path, PathBuf};
use std::{fs, io};

const MAGIC: [u8; 8] = *b"footjrnl";
const VERSION: u32 = 1;
const SUFFIX: &str = ".segment";
const CHECKED_BYTES: usize = HEADER_BYTES - 4;

/// Where the first frame stands.
pub const HEADER_BYTES: usize = 48;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Who wrote all of its records.
    pub collector: CollectorId,
    /// The sequence number of its first record.
    pub first_sequence: u64,
    /// Where the segment numbered one less ends. What stands there after it was never confirmed, and those who sent it were told so.
    /// 0 when there is none.
    pub previous_end: u64,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// Too short, another magic, or a wrong CRC.
    Damaged,
    /// Whole, but of this format version, which is not known here.
    Version(u32),
}

impl Header {
    /// The header as it stands at the start of the file.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let fields: [&[u8]; 5] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &self.collector.0,
            &self.first_sequence.to_le_bytes(),
            &self.previous_end.to_le_bytes(),
        ];
        let (checked, checksum) = bytes.split_at_mut(CHECKED_BYTES);
        checked.iter_mut().zip(fields.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
        checksum.copy_from_slice(&crc32c::crc32c(checked).to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Damaged`], or [`HeaderError::Version`] of a newer program's journal.
    pub fn decode(bytes: &[u8]) -> Result<Header, HeaderError> {
        let (checked, rest) = bytes.split_first_chunk::<CHECKED_BYTES>().ok_or(HeaderError::Damaged)?;
        let checksum = rest.first_chunk::<4>().ok_or(HeaderError::Damaged)?;
        let mut fields = checked.as_slice();
        if take(&mut fields) != Some(MAGIC) || crc32c::crc32c(checked).to_le_bytes() != *checksum {
            return Err(HeaderError::Damaged);
        }
        Header::decode_fields(fields).unwrap_or(Err(HeaderError::Damaged))
    }

    fn decode_fields(mut fields: &[u8]) -> Option<Result<Header, HeaderError>> {
        let version = u32::from_le_bytes(take(&mut fields)?);
        if version != VERSION {
            return Some(Err(HeaderError::Version(version)));
        }
        Some(Ok(Header {
            collector: CollectorId(take(&mut fields)?),
            first_sequence: u64::from_le_bytes(take(&mut fields)?),
            previous_end: u64::from_le_bytes(take(&mut fields)?),
        }))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// The path of segment `number`: twenty digits, so that names sort as numbers do.
#[must_use]
pub fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}{SUFFIX}"))
}

/// The numbers of all segments of a directory, rising. Other files are passed over.
///
/// # Errors
/// When the directory can't be listed.
pub fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { collector: CollectorId([7; 16]), first_sequence: 41, previous_end: 4096 };

    #[test]
    fn reads_back_its_own_bytes() {
        assert_eq!(Header::decode(&HEADER.encode()), Ok(HEADER));
    }

    #[test]
    fn every_flipped_bit_and_cut_is_noticed() {
        let bytes = HEADER.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&flipped), Err(HeaderError::Damaged), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Header::decode(&bytes[..length]), Err(HeaderError::Damaged), "cut at {length}");
        }
    }

    #[test]
    fn a_newer_version_is_not_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let checksum = crc32c::crc32c(&bytes[..CHECKED_BYTES]).to_le_bytes();
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum);
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Version(2)));
    }

    #[test]
    fn lists_segments_by_number_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        for number in [10, 9, 1] {
            fs::write(path(directory.path(), number), "").unwrap();
        }
        for other in ["lock", "next.prepared", "1.segment", "0000000000000000000x.segment"] {
            fs::write(directory.path().join(other), "").unwrap();
        }
        assert_eq!(numbers(directory.path()).unwrap(), [1, 9, 10]);
        assert!(path(directory.path(), 1).ends_with("00000000000000000001.segment"));
    }
}

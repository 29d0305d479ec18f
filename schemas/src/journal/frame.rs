//! A frame is one record as it lies in a segment: `length u32 LE | CRC32C u32 LE | payload`.
//!
//! The CRC covers the length and the payload, so that a flipped length is noticed too. A length of zero is the end of the data:
//! segments are preallocated with zeros.

/// Bytes before the payload: length and CRC.
pub const HEAD_BYTES: usize = 8;
/// The largest payload. It bounds what a reader holds and how far a broken length can reach.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// The largest frame.
pub const BYTES_MAX: usize = HEAD_BYTES + PAYLOAD_BYTES_MAX;

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame, its CRC right; it takes `HEAD_BYTES` more bytes than its payload.
    Frame(&'a [u8]),
    /// A length of zero, or no byte at all.
    Zero,
    /// Anything else.
    Broken,
}

/// Reads the frame at the start of `bytes`.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return if bytes.iter().all(|byte| *byte == 0) { Decoded::Zero } else { Decoded::Broken };
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = [l0, l1, l2, l3];
    let payload_bytes = u32::from_le_bytes(length) as usize;
    if payload_bytes == 0 {
        return Decoded::Zero;
    }
    match rest.get(..payload_bytes) {
        Some(payload)
            if payload_bytes <= PAYLOAD_BYTES_MAX
                && checksum(length, payload) == u32::from_le_bytes([c0, c1, c2, c3]) =>
        {
            Decoded::Frame(payload)
        }
        _ => Decoded::Broken,
    }
}

/// A payload that no frame can hold: empty, or above [`PAYLOAD_BYTES_MAX`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a record has {payload_bytes} bytes; the journal takes 1 to {PAYLOAD_BYTES_MAX}")]
pub struct FrameSizeError {
    /// The payload's length.
    pub payload_bytes: usize,
}

/// Appends a frame to `out`; `write` appends its payload. After an error `out` is as it was before.
///
/// # Errors
/// What `write` says, or [`FrameSizeError`].
pub fn encode<E: From<FrameSizeError>>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    let written = write(out).and_then(|()| seal(out.get_mut(start..).unwrap_or_default()).map_err(E::from));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Fills in length and CRC of a frame whose payload is written.
fn seal(frame: &mut [u8]) -> Result<(), FrameSizeError> {
    let Some((head, payload)) = frame.split_first_chunk_mut::<HEAD_BYTES>() else {
        return Err(FrameSizeError { payload_bytes: 0 });
    };
    let length = match u32::try_from(payload.len()) {
        Ok(length) if length > 0 && payload.len() <= PAYLOAD_BYTES_MAX => length.to_le_bytes(),
        _ => return Err(FrameSizeError { payload_bytes: payload.len() }),
    };
    let [l0, l1, l2, l3] = length;
    let [c0, c1, c2, c3] = checksum(length, payload).to_le_bytes();
    *head = [l0, l1, l2, l3, c0, c1, c2, c3];
    Ok(())
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode::<FrameSizeError>(&mut out, |out| {
            out.extend_from_slice(payload);
            Ok(())
        })
        .unwrap();
        out
    }

    #[test]
    fn layout_is_length_checksum_payload() {
        let bytes = frame(b"123456789");
        assert_eq!(bytes[..4], [9, 0, 0, 0]);
        assert_eq!(bytes[4..8], crc32c::crc32c(b"\x09\0\0\x00123456789").to_le_bytes());
        assert_eq!(&bytes[8..], b"123456789");
    }

    #[test]
    fn reads_what_it_wrote_and_nothing_after_it() {
        let mut bytes = frame(b"one");
        bytes.extend(frame(b"two"));
        assert_eq!(decode(&bytes), Decoded::Frame(b"one"));
        assert_eq!(decode(&bytes[HEAD_BYTES + 3..]), Decoded::Frame(b"two"));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = frame(b"record");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(decode(&flipped), Decoded::Frame(_)), "bit {bit}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = frame(b"record");
        assert_eq!(decode(&[]), Decoded::Zero);
        for length in 1..bytes.len() {
            assert_eq!(decode(&bytes[..length]), Decoded::Broken, "cut at {length}");
        }
    }

    #[test]
    fn refuses_empty_and_oversized_payloads_and_leaves_no_trace() {
        for payload_bytes in [0, PAYLOAD_BYTES_MAX + 1] {
            let mut out = b"before".to_vec();
            let error = encode(&mut out, |out| {
                out.resize(out.len() + payload_bytes, 1);
                Ok::<(), FrameSizeError>(())
            });
            assert_eq!(error, Err(FrameSizeError { payload_bytes }));
            assert_eq!(out, b"before");
        }
        assert_eq!(frame(&[7; PAYLOAD_BYTES_MAX]).len(), BYTES_MAX);
    }
}

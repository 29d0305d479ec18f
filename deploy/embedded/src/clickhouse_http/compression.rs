//! ClickHouse's own compression (blocks with a CityHash checksum, `compress=1` and `decompress=1`) and the
//! content encodings of answers.

use std::io::{self, Write};

use bytes::{Buf, Bytes, BytesMut};

use crate::engine::Exception;

const CHECKSUM_BYTES: usize = 16;
/// Method (1), compressed size with this header (4), size (4); both sizes little-endian.
const HEADER_BYTES: usize = 9;
/// ClickHouse writes blocks of about 1 MiB; one row with a huge value may be larger.
const BLOCK_MOST_BYTES: usize = 64 << 20;
/// Size of the blocks we write.
const BLOCK_BYTES: usize = 1 << 20;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const NONE: u8 = 0x02;

/// Compresses data into blocks (`src/Compression/CompressedWriteBuffer.cpp`).
pub(super) fn compress_blocks(data: &[u8]) -> Vec<u8> {
    data.chunks(BLOCK_BYTES).flat_map(compress_block).collect()
}

fn compress_block(data: &[u8]) -> Vec<u8> {
    let compressed = lz4_flex::block::compress(data);
    let mut block = Vec::with_capacity(HEADER_BYTES + compressed.len());
    block.push(LZ4);
    block.extend_from_slice(&((compressed.len() + HEADER_BYTES) as u32).to_le_bytes());
    block.extend_from_slice(&(data.len() as u32).to_le_bytes());
    block.extend_from_slice(&compressed);
    [checksum(&block).as_slice(), &block].concat()
}

/// CityHash 1.0.2, its halves in ClickHouse's order.
fn checksum(block: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_rs::cityhash_102_128(block).rotate_right(64).to_le_bytes()
}

/// Takes compressed blocks in pieces of any size.
#[derive(Default)]
pub(super) struct BlockDecoder {
    pending: BytesMut,
}

impl BlockDecoder {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.pending.extend_from_slice(piece);
    }

    /// The data of the next complete block; `None` until there is one.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Exception> {
        let Some(header) = self.pending.get(CHECKSUM_BYTES..CHECKSUM_BYTES + HEADER_BYTES) else {
            return Ok(None);
        };
        let mut sizes = header.get(1..).unwrap_or_default();
        let (block_bytes, data_bytes) = (sizes.get_u32_le() as usize, sizes.get_u32_le() as usize);
        if !(HEADER_BYTES..=BLOCK_MOST_BYTES).contains(&block_bytes) || data_bytes > BLOCK_MOST_BYTES {
            return Err(Exception::coded(
                39,
                "TOO_LARGE_SIZE_COMPRESSED",
                "a compressed block is larger than 64 MiB, or no block",
            ));
        }
        if self.pending.len() < CHECKSUM_BYTES + block_bytes {
            return Ok(None);
        }
        let expected = self.pending.split_to(CHECKSUM_BYTES);
        let block = self.pending.split_to(block_bytes);
        if checksum(&block).as_slice() != expected {
            return Err(Exception::coded(
                40,
                "CHECKSUM_DOESNT_MATCH",
                "Checksum doesn't match: corrupted data",
            ));
        }
        decompress(&block, data_bytes).map(Some)
    }

    /// Checks that no piece of a block is left.
    pub(super) fn end(&self) -> Result<(), Exception> {
        if self.pending.is_empty() {
            return Ok(());
        }
        Err(Exception::coded(33, "CANNOT_READ_ALL_DATA", "the body ends within a compressed block"))
    }
}

fn decompress(block: &[u8], data_bytes: usize) -> Result<Vec<u8>, Exception> {
    let (method, compressed) = (block.first(), block.get(HEADER_BYTES..).unwrap_or_default());
    let data = match method {
        Some(&LZ4) => lz4_flex::block::decompress(compressed, data_bytes).ok(),
        Some(&ZSTD) => zstd::bulk::decompress(compressed, data_bytes).ok(),
        Some(&NONE) => Some(compressed.to_vec()),
        _ => {
            return Err(Exception::coded(
                432,
                "UNKNOWN_CODEC",
                "unknown compression method; use LZ4, ZSTD or NONE",
            ));
        }
    };
    data.filter(|data| data.len() == data_bytes)
        .ok_or_else(|| Exception::coded(271, "CANNOT_DECOMPRESS", "a compressed block can't be decompressed"))
}

/// How an answer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    /// `Content-Encoding: lz4`, the LZ4 frame format.
    Lz4,
    /// `Content-Encoding: zstd` (RFC 8878).
    Zstd,
    /// ClickHouse's blocks, without a content encoding (`compress=1`).
    Blocks,
}

impl Encoding {
    /// The first one in an `Accept-Encoding` header that is not weighted 0.
    pub(super) fn accepted(header: &str) -> Self {
        let allowed = header.split(',').filter_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let weight = weight.trim().trim_start_matches("q=").parse::<f32>().unwrap_or(1.0);
            (weight > 0.0).then(|| name.trim())
        });
        let known = |name| match name {
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        };
        allowed.filter_map(known).next().unwrap_or(Self::Identity)
    }

    /// The value of `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Lz4 => Some("lz4"),
            Self::Zstd => Some("zstd"),
            Self::Identity | Self::Blocks => None,
        }
    }
}

/// Compresses an answer piece by piece; every piece can be read as soon as it is there.
pub(super) enum Encoder {
    Identity,
    Lz4(lz4_flex::frame::FrameEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Blocks,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Lz4 => Self::Lz4(lz4_flex::frame::FrameEncoder::new(Vec::new())),
            Encoding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Encoding::Blocks => Self::Blocks,
        })
    }

    pub(super) fn piece(&mut self, data: Bytes) -> io::Result<Bytes> {
        match self {
            Self::Identity => Ok(data),
            Self::Blocks => Ok(compress_blocks(&data).into()),
            Self::Lz4(encoder) => {
                encoder.write_all(&data)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(&data)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
        }
    }

    /// What ends the encoding.
    pub(super) fn end(self) -> io::Result<Bytes> {
        match self {
            Self::Identity | Self::Blocks => Ok(Bytes::new()),
            Self::Lz4(encoder) => Ok(encoder.finish().map_err(io::Error::other)?.into()),
            Self::Zstd(encoder) => Ok(encoder.finish()?.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with a right checksum around any content.
    fn block(method: u8, data_bytes: u32, compressed: &[u8]) -> Vec<u8> {
        let mut block = vec![method];
        block.extend_from_slice(&((compressed.len() + HEADER_BYTES) as u32).to_le_bytes());
        block.extend_from_slice(&data_bytes.to_le_bytes());
        block.extend_from_slice(compressed);
        [checksum(&block).as_slice(), &block].concat()
    }

    fn decode(bytes: &[u8], piece_bytes: usize) -> Result<Vec<u8>, u32> {
        let (mut decoder, mut data) = (BlockDecoder::default(), vec![]);
        for piece in bytes.chunks(piece_bytes) {
            decoder.push(piece);
            while let Some(block) = decoder.next().map_err(|exception| exception.code)? {
                data.extend(block);
            }
        }
        decoder.end().map_err(|exception| exception.code)?;
        Ok(data)
    }

    #[test]
    fn blocks_round_trip_in_any_pieces() {
        let data: Vec<u8> = (0..2_500_000u32).map(|n| (n / 7) as u8).collect();
        for piece_bytes in [1000, 1 << 20, usize::MAX] {
            assert_eq!(decode(&compress_blocks(&data), piece_bytes).unwrap(), data);
        }
    }

    #[test]
    fn reads_zstd_and_uncompressed_blocks() {
        let zstd = zstd::bulk::compress(b"hello", 1).unwrap();
        let blocks = [block(ZSTD, 5, &zstd), block(NONE, 6, b" world")].concat();
        assert_eq!(decode(&blocks, 7).unwrap(), b"hello world");
    }

    #[test]
    fn bad_blocks_are_refused() {
        let good = compress_block(b"hello hello hello");
        let mut flipped = good.clone();
        flipped[CHECKSUM_BYTES + HEADER_BYTES + 2] ^= 1;
        assert_eq!(decode(&flipped, usize::MAX), Err(40));
        assert_eq!(decode(&good[..good.len() - 1], usize::MAX), Err(33));
        assert_eq!(decode(&good[..10], usize::MAX), Err(33));
        assert_eq!(decode(&block(0x99, 5, b"hello"), usize::MAX), Err(432));
        assert_eq!(decode(&block(LZ4, 5, b"\xff\xff"), usize::MAX), Err(271));
        assert_eq!(decode(&block(NONE, 9, b"hello"), usize::MAX), Err(271));
        assert_eq!(decode(&block(LZ4, u32::MAX, b"hello"), usize::MAX), Err(39));
        let zstd_bomb = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
        assert_eq!(decode(&block(ZSTD, 10, &zstd_bomb), usize::MAX), Err(271));
    }

    #[test]
    fn a_size_below_the_header_is_refused() {
        let bytes = [&[0; CHECKSUM_BYTES][..], &[LZ4, 8, 0, 0, 0, 1, 0, 0, 0]].concat();
        assert_eq!(decode(&bytes, usize::MAX), Err(39));
    }

    #[test]
    fn chooses_an_accepted_encoding() {
        for (header, expected) in [
            ("", Encoding::Identity),
            ("gzip, deflate", Encoding::Identity),
            ("gzip, zstd", Encoding::Zstd),
            ("lz4;q=0, zstd;q=0.5", Encoding::Zstd),
            ("lz4", Encoding::Lz4),
        ] {
            assert_eq!(Encoding::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn encoded_pieces_join_to_one_stream() {
        let encode = |encoding| {
            let mut encoder = Encoder::new(encoding).unwrap();
            let mut bytes = encoder.piece("first ".into()).unwrap().to_vec();
            bytes.extend(encoder.piece("second".into()).unwrap());
            bytes.extend(encoder.end().unwrap());
            bytes
        };
        assert_eq!(encode(Encoding::Identity), b"first second");
        assert_eq!(zstd::decode_all(encode(Encoding::Zstd).as_slice()).unwrap(), b"first second");
        assert_eq!(decode(&encode(Encoding::Blocks), usize::MAX).unwrap(), b"first second");
        let frames = encode(Encoding::Lz4);
        let lz4 = io::read_to_string(lz4_flex::frame::FrameDecoder::new(frames.as_slice())).unwrap();
        assert_eq!(lz4, "first second");
    }
}

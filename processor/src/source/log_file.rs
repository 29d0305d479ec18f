//! An access log as a source: Apache's combined format, which nginx and others write too. A file is a collector,
//! a line number its sequence, so that a repeated import gives each line the same row.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ring::digest;
use schemas::wire::CollectorId;

/// At most so many first bytes name a file.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest line that is read; a longer one counts as one that does not parse.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log file {path}: {error}")]
pub struct LogFileError {
    path: PathBuf,
    error: io::Error,
}

/// An open log, plain, gzip or zstd.
pub struct LogFile {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
}

/// A line with its number, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedLine {
    /// Its number.
    pub number: u64,
    /// Its bytes without the line's end.
    pub bytes: Vec<u8>,
    /// Whether a newline ends it: the last line of a growing file may not be whole yet.
    pub is_whole: bool,
    /// Whether it was too long to be kept.
    pub is_cut: bool,
}

impl LogFile {
    /// Opens a file and finds out how it is compressed.
    ///
    /// # Errors
    /// The system's, with the file's name.
    pub fn open(path: &Path) -> Result<Self, LogFileError> {
        let refuse = |error| LogFileError { path: path.to_owned(), error };
        let mut plain = BufReader::with_capacity(1 << 20, File::open(path).map_err(refuse)?);
        let magic: Vec<u8> = plain.fill_buf().map_err(refuse)?.iter().take(4).copied().collect();
        let reader: Box<dyn BufRead + Send> = match magic.as_slice() {
            [0x1f, 0x8b, ..] => {
                Box::new(BufReader::with_capacity(1 << 20, flate2::bufread::MultiGzDecoder::new(plain)))
            }
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let decoder = zstd::stream::read::Decoder::with_buffer(plain).map_err(refuse)?;
                Box::new(BufReader::with_capacity(1 << 20, decoder))
            }
            _ => Box::new(plain),
        };
        Ok(Self { path: path.to_owned(), reader })
    }

    /// The first bytes, at most `bytes_max`.
    ///
    /// # Errors
    /// The system's, with the file's name.
    pub fn head(path: &Path, bytes_max: usize) -> Result<Vec<u8>, LogFileError> {
        let mut head = Vec::new();
        let file = Self::open(path)?;
        let read = file.reader.take(bytes_max as u64).read_to_end(&mut head);
        read.map_err(|error| LogFileError { path: path.to_owned(), error })?;
        Ok(head)
    }

    /// The lines, one after the other.
    pub fn lines(mut self) -> impl Iterator<Item = Result<NumberedLine, LogFileError>> {
        let mut number = 0;
        std::iter::from_fn(move || {
            number += 1;
            let line = read_line(&mut self.reader, number);
            line.map_err(|error| LogFileError { path: self.path.clone(), error }).transpose()
        })
    }
}

/// The collector id of a file: nobody else's first bytes are the same under this site.
pub fn collector_of(site: &str, head: &[u8]) -> CollectorId {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"footfall log file");
    hash.update(&(site.len() as u64).to_be_bytes());
    hash.update(site.as_bytes());
    hash.update(head);
    let mut id = [0; 16];
    id.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
    CollectorId(id)
}

fn read_line(reader: &mut impl BufRead, number: u64) -> io::Result<Option<NumberedLine>> {
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let mut line = NumberedLine { number, is_whole: bytes.last() == Some(&b'\n'), is_cut: false, bytes };
    if !line.is_whole && read == LINE_BYTES_MAX {
        line.is_cut = true;
        line.is_whole = skip_line(reader)?;
    }
    while matches!(line.bytes.last(), Some(b'\n' | b'\r')) {
        line.bytes.pop();
    }
    Ok(Some(line))
}

/// Skips the rest of a line without keeping it; whether a newline ended it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                reader.consume(end + 1);
                return Ok(true);
            }
            None => {
                let length = buffer.len();
                reader.consume(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn lines(bytes: &[u8]) -> Vec<(u64, usize, bool, bool)> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let lines = LogFile::open(file.path()).unwrap().lines();
        lines
            .map(|line| line.map(|line| (line.number, line.bytes.len(), line.is_whole, line.is_cut)).unwrap())
            .collect()
    }

    #[test]
    fn lines_are_numbered_and_the_last_one_may_be_unfinished() {
        assert_eq!(lines(b"one\r\n\ntwo"), [(1, 3, true, false), (2, 0, true, false), (3, 3, false, false)]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut bytes = vec![b'x'; 3 * LINE_BYTES_MAX];
        bytes.extend_from_slice(b"\nnext\n");
        assert_eq!(lines(&bytes), [(1, LINE_BYTES_MAX, true, true), (2, 4, true, false)]);
    }

    #[test]
    fn compressed_logs_are_read_as_they_are() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(lines(&gzip.finish().unwrap()).len(), 2);
        assert_eq!(lines(&zstd::encode_all(&b"one\ntwo\n"[..], 1).unwrap()).len(), 2);
    }

    #[test]
    fn a_file_has_an_id_of_its_own_under_each_site() {
        let ids =
            [("a", "x"), ("a", "y"), ("b", "x")].map(|(site, head)| collector_of(site, head.as_bytes()));
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        assert_eq!(ids[0], collector_of("a", b"x"));
    }
}

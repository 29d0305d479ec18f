//! The Native format for drivers that name a protocol revision (`client_protocol_version`; clickhouse-go, so
//! Grafana). The engine writes revision 0; later ones add a block info before each block and a flag before each
//! column's data, so that the data must be walked through. (ClickHouse's `docs/en/interfaces/specs/NativeProtocol.md`.)

use bytes::Bytes;

use crate::engine::Exception;

/// `DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION`: from here on a flag precedes each column's data.
const REVISION_WITH_FLAGS: u64 = 54_454;
/// Field 1, `is_overflows`: no. Field 2, `bucket_num`: -1. End.
const BLOCK_INFO: [u8; 8] = [1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];
/// Types within types; ClickHouse itself allows hardly more.
const DEPTH_MOST: u32 = 32;
/// Bits of the number that begins LowCardinality data (`SerializationLowCardinality.cpp`).
const INDEX_TYPE: u64 = 0xff;
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;

/// Rewrites blocks of revision 0 for a reader of `revision`.
///
/// # Errors
/// A column's type is one whose data can't be walked through (JSON, Dynamic, Variant, AggregateFunction).
pub(super) fn with_revision(blocks: Bytes, revision: u64) -> Result<Bytes, Exception> {
    if revision == 0 || blocks.is_empty() {
        return Ok(blocks);
    }
    let mut written = Vec::with_capacity(blocks.len() + 64);
    let mut reader = Reader { rest: &blocks };
    while !reader.rest.is_empty() {
        rewrite_block(&mut reader, &mut written, revision >= REVISION_WITH_FLAGS)?;
    }
    Ok(written.into())
}

fn rewrite_block(reader: &mut Reader<'_>, written: &mut Vec<u8>, flags: bool) -> Result<(), Exception> {
    written.extend_from_slice(&BLOCK_INFO);
    let start = reader.rest;
    let columns = reader.variable()?;
    let rows = reader.variable()?;
    written.extend_from_slice(reader.since(start));
    for _ in 0..columns {
        let start = reader.rest;
        reader.text()?;
        let kind = Type::parse(reader.text()?)?;
        written.extend_from_slice(reader.since(start));
        if flags {
            written.push(0);
        }
        let start = reader.rest;
        if rows > 0 {
            reader.skip_prefix(&kind)?;
            reader.skip_data(&kind, rows)?;
        }
        written.extend_from_slice(reader.since(start));
    }
    Ok(())
}

/// How a type's values lie in the Native format.
#[derive(Debug, PartialEq, Eq)]
enum Type {
    /// Bytes of a value.
    Fixed(usize),
    /// Length and bytes.
    Text,
    /// A byte per row that says whether it is null, then values.
    Nullable(Box<Type>),
    /// The end of each row's values, then values. A Map is an Array of Tuples.
    Array(Box<Type>),
    /// One column after the other.
    Tuple(Vec<Type>),
    /// A dictionary of values, then numbers of values.
    LowCardinality(Box<Type>),
}

impl Type {
    fn parse(text: &[u8]) -> Result<Self, Exception> {
        let text = std::str::from_utf8(text).map_err(|_| malformed())?;
        Self::parse_nested(text, DEPTH_MOST)
    }

    fn parse_nested(text: &str, depth: u32) -> Result<Self, Exception> {
        let depth = depth.checked_sub(1).ok_or_else(|| unsupported(text))?;
        let (name, arguments) = text.split_once('(').unwrap_or((text, ""));
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        let nested = |text: &str| Self::parse_nested(text, depth);
        let number = || arguments.split(',').next().and_then(|number| number.parse().ok());
        Ok(match name {
            "String" => Self::Text,
            "FixedString" => Self::Fixed(number().ok_or_else(malformed)?),
            "Decimal" => Self::Fixed(decimal_bytes(number().ok_or_else(malformed)?)),
            "Nullable" => Self::Nullable(Box::new(nested(arguments)?)),
            "Array" => Self::Array(Box::new(nested(arguments)?)),
            "Map" => Self::Array(Box::new(tuple(arguments, depth)?)),
            "Tuple" => tuple(arguments, depth)?,
            "LowCardinality" => Self::LowCardinality(Box::new(nested(without_nullable(arguments))?)),
            "SimpleAggregateFunction" => nested(split(arguments).last().ok_or_else(malformed)?)?,
            name => Self::Fixed(fixed_bytes(name).ok_or_else(|| unsupported(text))?),
        })
    }
}

/// A dictionary's values are never null; its first one stands for null.
fn without_nullable(text: &str) -> &str {
    text.strip_prefix("Nullable(").and_then(|text| text.strip_suffix(')')).unwrap_or(text)
}

fn tuple(arguments: &str, depth: u32) -> Result<Type, Exception> {
    let elements = split(arguments).into_iter().filter(|element| !element.is_empty());
    let elements = elements.map(|element| Type::parse_nested(without_name(element), depth));
    elements.collect::<Result<_, _>>().map(Type::Tuple)
}

/// Tuples may name their elements: `Tuple(a UInt8, b DateTime64(3, 'UTC'))`.
fn without_name(element: &str) -> &str {
    let head_bytes = element.find('(').unwrap_or(element.len());
    let name_bytes = element.get(..head_bytes).and_then(|head| head.rfind(' '));
    name_bytes.and_then(|bytes| element.get(bytes + 1..)).unwrap_or(element)
}

/// Splits arguments at the commas that are in no parentheses and no quotes.
fn split(arguments: &str) -> Vec<&str> {
    let (mut depth, mut quote) = (0, None);
    let parts = arguments.split(move |character| {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ',') => return depth == 0,
            _ => {}
        }
        false
    });
    parts.map(str::trim).collect()
}

fn fixed_bytes(name: &str) -> Option<usize> {
    Some(match name {
        "UInt8" | "Int8" | "Bool" | "Enum8" | "Nothing" => 1,
        "UInt16" | "Int16" | "Date" | "Enum16" | "BFloat16" => 2,
        "UInt32" | "Int32" | "Float32" | "Date32" | "DateTime" | "IPv4" | "Time" => 4,
        "UInt64" | "Int64" | "Float64" | "DateTime64" | "Time64" => 8,
        "UInt128" | "Int128" | "UUID" | "IPv6" => 16,
        "UInt256" | "Int256" => 32,
        name if name.starts_with("Interval") => 8,
        _ => return None,
    })
}

fn decimal_bytes(precision: usize) -> usize {
    match precision {
        ..=9 => 4,
        10..=18 => 8,
        19..=38 => 16,
        _ => 32,
    }
}

/// Walks through Native data. Nothing in it is believed before it is there.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What was read since `start`, an earlier `rest`.
    fn since(&self, start: &'a [u8]) -> &'a [u8] {
        start.get(..start.len() - self.rest.len()).unwrap_or_default()
    }

    fn bytes(&mut self, bytes: usize) -> Result<&'a [u8], Exception> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// `count` values of `bytes` bytes.
    fn values(&mut self, count: usize, bytes: usize) -> Result<&'a [u8], Exception> {
        self.bytes(count.checked_mul(bytes).ok_or_else(malformed)?)
    }

    /// An unsigned number in LEB128.
    fn variable(&mut self) -> Result<usize, Exception> {
        let mut value = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.bytes(1)?.first().copied().unwrap_or_default();
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed())
    }

    fn text(&mut self) -> Result<&'a [u8], Exception> {
        let bytes = self.variable()?;
        self.bytes(bytes)
    }

    fn number(&mut self) -> Result<u64, Exception> {
        self.bytes(8).map(last_number)
    }

    /// The state before a column's data: the version of each LowCardinality in it.
    fn skip_prefix(&mut self, kind: &Type) -> Result<(), Exception> {
        match kind {
            Type::Fixed(_) | Type::Text => Ok(()),
            Type::Nullable(inner) | Type::Array(inner) => self.skip_prefix(inner),
            Type::Tuple(elements) => elements.iter().try_for_each(|element| self.skip_prefix(element)),
            Type::LowCardinality(_) => self.number().map(drop),
        }
    }

    fn skip_data(&mut self, kind: &Type, rows: usize) -> Result<(), Exception> {
        match kind {
            Type::Fixed(bytes) => self.values(rows, *bytes).map(drop),
            Type::Text => (0..rows).try_for_each(|_| self.text().map(drop)),
            Type::Nullable(inner) => {
                self.bytes(rows)?;
                self.skip_data(inner, rows)
            }
            Type::Array(inner) => {
                let ends = self.values(rows, 8)?;
                self.skip_data(inner, last_number(ends) as usize)
            }
            // An empty tuple is a byte per row.
            Type::Tuple(elements) if elements.is_empty() => self.bytes(rows).map(drop),
            Type::Tuple(elements) => elements.iter().try_for_each(|element| self.skip_data(element, rows)),
            Type::LowCardinality(inner) if rows > 0 => self.skip_dictionary(inner),
            Type::LowCardinality(_) => Ok(()),
        }
    }

    fn skip_dictionary(&mut self, inner: &Type) -> Result<(), Exception> {
        let kind = self.number()?;
        if kind & HAS_ADDITIONAL_KEYS != 0 {
            let keys = self.number()? as usize;
            self.skip_data(inner, keys)?;
        }
        let rows = self.number()? as usize;
        let index_bytes = 1usize.checked_shl((kind & INDEX_TYPE) as u32).ok_or_else(malformed)?;
        self.values(rows, index_bytes).map(drop)
    }
}

/// The last little-endian number of a list; 0 if there is none.
fn last_number(list: &[u8]) -> u64 {
    list.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn malformed() -> Exception {
    Exception::coded(117, "INCORRECT_DATA", "the engine's Native data could not be read")
}

fn unsupported(kind: &str) -> Exception {
    let text = format!(
        "type {kind} in FORMAT Native with client_protocol_version is not supported by the embedded ClickHouse; cast it, or use another format"
    );
    Exception::coded(48, "NOT_IMPLEMENTED", &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One block of two rows: a number and a text.
    const BLOCK: &[u8] = b"\x02\x02\x01n\x05UInt8\x07\x08\x01s\x06String\x01a\x00";

    #[test]
    fn adds_block_infos_and_flags() {
        let two = [BLOCK, BLOCK].concat();
        let written = with_revision(two.clone().into(), 54_460).unwrap();
        let block = [&BLOCK_INFO[..], b"\x02\x02\x01n\x05UInt8\0\x07\x08\x01s\x06String\0\x01a\x00"].concat();
        assert_eq!(written, [&block[..], &block].concat());
        let old = with_revision(BLOCK.into(), 54_000).unwrap();
        assert_eq!(old, [&BLOCK_INFO[..], BLOCK].concat());
        assert_eq!(with_revision(two.clone().into(), 0).unwrap(), two);
    }

    #[test]
    fn reads_types() {
        let parse = |text: &str| Type::parse(text.as_bytes()).unwrap();
        let fixed = |bytes| Box::new(Type::Fixed(bytes));
        for (text, expected) in [
            ("DateTime64(3, 'Europe/Vienna')", Type::Fixed(8)),
            ("Enum8('a(' = 1, 'b,' = 2)", Type::Fixed(1)),
            ("Decimal(38, 2)", Type::Fixed(16)),
            ("Array(Nullable(UUID))", Type::Array(Box::new(Type::Nullable(fixed(16))))),
            ("LowCardinality(Nullable(String))", Type::LowCardinality(Box::new(Type::Text))),
            ("Map(String, UInt64)", Type::Array(Box::new(Type::Tuple(vec![Type::Text, Type::Fixed(8)])))),
            (
                "Tuple(a UInt8, `b c` DateTime64(3, 'UTC'), Tuple(String, Date))",
                Type::Tuple(vec![
                    Type::Fixed(1),
                    Type::Fixed(8),
                    Type::Tuple(vec![Type::Text, Type::Fixed(2)]),
                ]),
            ),
            ("SimpleAggregateFunction(sum, UInt64)", Type::Fixed(8)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_an_error() {
        let code = |block: &[u8]| with_revision(Bytes::copy_from_slice(block), 54_460).unwrap_err().code;
        assert_eq!(code(b"\x01\x01\x01j\x04JSON"), 48);
        assert_eq!(code(&BLOCK[..BLOCK.len() - 1]), 117);
        assert_eq!(code(b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01n\x06UInt64"), 117);
        assert_eq!(code(b"\x01\xff\xff\xff\xff\x0f\x01n\x05Array"), 48);
        let deep = format!("{}UInt8{}", "Array(".repeat(40), ")".repeat(40));
        assert_eq!(code(&[b"\x01\x01\x01d\xf5\x01", deep.as_bytes()].concat()), 48);
    }
}

//! A block of rows in ClickHouse's Native format (columns, each with name and type): 4 to 6 times cheaper for the
//! server than rows of RowBinary, and encoded once for all tries of its insert.

/// A column's type, as far as this program writes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `String`; the server turns it into `LowCardinality(String)` where the table says so.
    String,
    /// `UInt8`.
    UInt8,
    /// `Int8`.
    Int8,
    /// `UInt32`.
    UInt32,
    /// `UInt64`.
    UInt64,
    /// `Int64`.
    Int64,
    /// `Date`: days since 1970-01-01, 16 bits.
    Date,
    /// `DateTime('UTC')`: seconds since 1970-01-01, 32 bits.
    DateTime,
    /// `UUID`: two little-endian halves, the first one first.
    Uuid,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::UInt8 => "UInt8",
            Self::Int8 => "Int8",
            Self::UInt32 => "UInt32",
            Self::UInt64 => "UInt64",
            Self::Int64 => "Int64",
            Self::Date => "Date",
            Self::DateTime => "DateTime('UTC')",
            Self::Uuid => "UUID",
        }
    }
}

/// Columns under construction.
#[derive(Debug)]
pub struct Block {
    columns: Vec<Column>,
    rows: usize,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    kind: Type,
    bytes: Vec<u8>,
}

impl Block {
    /// An empty block of these columns.
    pub fn new(columns: &[(&'static str, Type)]) -> Self {
        let column = |&(name, kind): &(&'static str, Type)| Column { name, kind, bytes: Vec::new() };
        Self { columns: columns.iter().map(column).collect(), rows: 0 }
    }

    /// Begins a row; its values follow in the columns' order.
    pub fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { columns: self.columns.iter_mut() }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Drops its rows; the room they took is kept.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(|column| column.bytes.clear());
        self.rows = 0;
    }

    /// The encoded block; the columns start anew.
    pub fn take(&mut self) -> Vec<u8> {
        let size: usize = self.columns.iter().map(|column| column.bytes.len() + 64).sum();
        let mut out = Vec::with_capacity(size + 16);
        unsigned(self.columns.len() as u64, &mut out);
        unsigned(self.rows as u64, &mut out);
        for column in &mut self.columns {
            text(column.name, &mut out);
            text(column.kind.name(), &mut out);
            out.append(&mut column.bytes);
        }
        self.rows = 0;
        out
    }
}

/// One row's values, column by column.
#[derive(Debug)]
pub struct Row<'a> {
    columns: std::slice::IterMut<'a, Column>,
}

impl Row<'_> {
    /// A string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.put(&[Type::String], |bytes| text(value, bytes))
    }

    /// A number, cut to the column's width.
    pub fn number(&mut self, value: i64) -> &mut Self {
        let Some(column) = self.columns.next() else { return self };
        let width = match column.kind {
            Type::UInt8 | Type::Int8 => 1,
            Type::Date => 2,
            Type::UInt32 | Type::DateTime => 4,
            Type::UInt64 | Type::Int64 => 8,
            Type::String | Type::Uuid => 0,
        };
        debug_assert!(width > 0, "{} is no number", column.name);
        column.bytes.extend_from_slice(value.to_le_bytes().get(..width).unwrap_or_default());
        self
    }

    /// 16 bytes in the order in which a UUID is written.
    pub fn uuid(&mut self, value: [u8; 16]) -> &mut Self {
        let (high, low) = (u128::from_be_bytes(value) >> 64, u128::from_be_bytes(value));
        self.put(&[Type::Uuid], |bytes| {
            bytes.extend_from_slice(&(high as u64).to_le_bytes());
            bytes.extend_from_slice(&(low as u64).to_le_bytes());
        })
    }

    fn put(&mut self, kinds: &[Type], write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        if let Some(column) = self.columns.next() {
            debug_assert!(kinds.contains(&column.kind), "{} has another type", column.name);
            write(&mut column.bytes);
        }
        self
    }
}

fn text(value: &str, out: &mut Vec<u8>) {
    unsigned(value.len() as u64, out);
    out.extend_from_slice(value.as_bytes());
}

/// LEB128.
fn unsigned(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let mut block = Block::new(&[("s", Type::String), ("n", Type::Int8), ("d", Type::Date)]);
        block.row().text("ab").number(-1).number(20_000);
        block.row().text("").number(1).number(1);
        assert_eq!(block.rows(), 2);
        let expected = b"\x03\x02\x01s\x06String\x02ab\x00\x01n\x04Int8\xff\x01\x01d\x04Date\x20\x4e\x01\x00";
        assert_eq!(block.take(), expected);
        assert_eq!((block.rows(), block.take().len()), (0, 25), "names and types stay, values go");
        block.row().text("ab").number(-1).number(20_000);
        block.clear();
        assert_eq!((block.rows(), block.take().len()), (0, 25));
    }

    #[test]
    fn a_uuid_is_two_little_endian_halves() {
        let mut block = Block::new(&[("u", Type::Uuid)]);
        block.row().uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let bytes = block.take();
        assert!(bytes.ends_with(&[7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]));
    }
}

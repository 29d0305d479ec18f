//! A place in a journal.

use std::fmt;
use std::str::FromStr;

/// A byte of a segment; as text `segment:offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The segment's number; numbers rise through the whole directory, from 1.
    pub segment: u64,
    /// Bytes from the start of the segment's file.
    pub offset: u64,
}

impl Position {
    /// Before the first segment there is, whatever its number.
    pub const START: Position = Position { segment: 0, offset: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.offset)
    }
}

/// A text that is no position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a journal position is written segment:offset, such as 17:4096")]
pub struct PositionParseError;

impl FromStr for Position {
    type Err = PositionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (segment, offset) = text.split_once(':').ok_or(PositionParseError)?;
        let number = |digits: &str| digits.parse().map_err(|_| PositionParseError);
        Ok(Position { segment: number(segment)?, offset: number(offset)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_its_own_text() {
        let position = Position { segment: 17, offset: 4096 };
        assert_eq!(position.to_string(), "17:4096");
        assert_eq!("17:4096".parse(), Ok(position));
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "17", "17:", ":1", "1:2:3", "-1:2", "1:99999999999999999999"] {
            assert_eq!(text.parse::<Position>(), Err(PositionParseError), "{text}");
        }
    }

    #[test]
    fn orders_by_segment_then_offset() {
        let at = |segment, offset| Position { segment, offset };
        assert!(at(1, 900) < at(2, 48) && at(2, 48) < at(2, 49) && Position::START < at(1, 0));
    }
}

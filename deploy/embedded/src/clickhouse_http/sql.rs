//! As much of ClickHouse's lexer as it takes to find where a statement's data begin and which format it asks
//! for. What a statement *does* is judged by the engine's own parser.

use std::ops::Range;

/// A lexical element; its bytes are `sql[token.range]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
    /// Open parentheses, brackets and braces around it.
    pub(super) depth: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, an identifier or a number.
    Word,
    /// `'text'`
    Text,
    /// `"name"` or `` `name` ``
    Name,
    /// Any other character.
    Symbol(u8),
}

/// Walks through a text. White space and comments are skipped; what is not closed reaches to the end.
pub(super) struct Tokens<'a> {
    sql: &'a [u8],
    position: usize,
    depth: u32,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(sql: &'a [u8]) -> Self {
        Self { sql, position: 0, depth: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.get(self.position..).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        while let bytes @ 1.. = blank(self.rest()) {
            self.position += bytes;
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let rest = self.rest();
        let (kind, bytes) = match *rest.first()? {
            b'\'' => (Kind::Text, quoted(rest)),
            b'"' | b'`' => (Kind::Name, quoted(rest)),
            byte if is_word(byte) => (Kind::Word, rest.iter().take_while(|byte| is_word(**byte)).count()),
            byte => (Kind::Symbol(byte), 1),
        };
        if matches!(kind, Kind::Symbol(b')' | b']' | b'}')) {
            self.depth = self.depth.saturating_sub(1);
        }
        let token = Token { kind, range: self.position..self.position + bytes, depth: self.depth };
        if matches!(kind, Kind::Symbol(b'(' | b'[' | b'{')) {
            self.depth += 1;
        }
        self.position += bytes;
        Some(token)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Length of the white space or comment at the start of a text; 0 if there is none.
fn blank(text: &[u8]) -> usize {
    let until = |end: &[u8]| {
        let found = text.windows(end.len()).skip(2).position(|window| window == end);
        found.map_or(text.len(), |position| position + 2 + end.len())
    };
    match text {
        [b'-', b'-', ..] | [b'#', b' ' | b'!', ..] => until(b"\n"),
        [b'/', b'*', ..] => until(b"*/"),
        _ => text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0b).count(),
    }
}

/// Length of a quoted text with backslash escapes; a doubled quote simply starts the next one.
fn quoted(text: &[u8]) -> usize {
    let quote = text.first().copied().unwrap_or_default();
    let mut position = 1;
    while let Some(byte) = text.get(position) {
        position += if *byte == b'\\' { 2 } else { 1 };
        if *byte == quote {
            return position;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<&str> {
        Tokens::new(sql.as_bytes()).map(|token| sql.get(token.range).unwrap()).collect()
    }

    #[test]
    fn skips_comments_and_keeps_quoted_texts_whole() {
        let sql = "-- SELECT\n/* a ' */ SELECT 'it''s -- \\' so', \"a`b\", `c` # tail";
        assert_eq!(words(sql), ["SELECT", "'it'", "'s -- \\' so'", ",", "\"a`b\"", ",", "`c`"]);
    }

    #[test]
    fn counts_depth() {
        let depths: Vec<u32> = Tokens::new(b"a(b[c])d").map(|token| token.depth).collect();
        assert_eq!(depths, [0, 0, 1, 1, 2, 1, 0, 0]);
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end() {
        assert_eq!(words("a 'b"), ["a", "'b"]);
        assert_eq!(words("a 'b\\"), ["a", "'b\\"]);
        assert_eq!(words("a /* b"), ["a"]);
        assert_eq!(words("a --"), ["a"]);
    }
}

//! The shape of a statement: where an INSERT's data begin, the format of an answer, whether it can be
//! streamed.

use super::sql::{Kind, Token, Tokens};

/// Formats whose pieces can be put behind each other, with the number of lists (names, types) in the header
/// that every piece repeats.
const STREAMED: [(&str, usize); 12] = [
    ("TabSeparated", 0),
    ("TSV", 0),
    ("TabSeparatedRaw", 0),
    ("TSVRaw", 0),
    ("CSV", 0),
    ("JSONEachRow", 0),
    ("JSONLines", 0),
    ("NDJSON", 0),
    ("Native", 0),
    ("RowBinary", 0),
    ("RowBinaryWithNames", 1),
    ("RowBinaryWithNamesAndTypes", 2),
];

/// An INSERT whose data stand behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InsertWithData<'a> {
    /// `INSERT INTO … (…) SETTINGS …`, without `FORMAT` or `VALUES`.
    pub(super) head: &'a [u8],
    /// The format of the data.
    pub(super) format: &'a str,
    /// What follows in the statement's own text.
    pub(super) data: &'a [u8],
}

/// Splits an INSERT from its data; `None` if the statement is none, or takes its rows from elsewhere.
pub(super) fn split_insert(sql: &[u8]) -> Option<InsertWithData<'_>> {
    let mut tokens = Tokens::new(sql).filter(|token| token.depth == 0);
    let mut previous = tokens.next().filter(|token| is(sql, token, "INSERT"))?;
    while let Some(token) = tokens.next() {
        let is_name = names_follow(sql, &previous);
        if !is_name && ["SELECT", "WITH", "FROM"].iter().any(|word| is(sql, &token, word)) {
            return None;
        }
        if !is_name && is(sql, &token, "VALUES") {
            let (head, data) = (sql.get(..token.range.start)?, sql.get(token.range.end..)?);
            return Some(InsertWithData { head, format: "Values", data });
        }
        if !is_name && is(sql, &token, "FORMAT") {
            let name = tokens.next().filter(|name| name.kind == Kind::Word)?;
            let format = std::str::from_utf8(sql.get(name.range.clone())?).ok()?;
            let data = after_format(sql.get(name.range.end..)?);
            return Some(InsertWithData { head: sql.get(..token.range.start)?, format, data });
        }
        previous = token;
    }
    None
}

/// Whether a word behind `previous` is a name: a table may be called `format` or `values`.
fn names_follow(sql: &[u8], previous: &Token) -> bool {
    previous.kind == Kind::Symbol(b'.') || ["INTO", "TABLE"].iter().any(|word| is(sql, previous, word))
}

/// Data begin behind the line's end, or behind the blanks if they stand on the same line.
fn after_format(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    let text = text.get(blanks..).unwrap_or_default();
    let text = text.strip_prefix(b";").unwrap_or(text);
    text.strip_prefix(b"\r\n").or_else(|| text.strip_prefix(b"\n")).unwrap_or(text)
}

fn is(sql: &[u8], token: &Token, word: &str) -> bool {
    let text = sql.get(token.range.clone()).unwrap_or_default();
    token.kind == Kind::Word && text.eq_ignore_ascii_case(word.as_bytes())
}

/// Whether the statement reads or writes a file of this machine: `FROM INFILE 'path'`, `INTO OUTFILE 'path'`.
pub(super) fn names_local_file(sql: &[u8]) -> bool {
    let mut previous: Option<Token> = None;
    Tokens::new(sql).any(|token| {
        let is_file = |word: &Token| is(sql, word, "INFILE") || is(sql, word, "OUTFILE");
        let is_path = token.kind == Kind::Text && previous.as_ref().is_some_and(is_file);
        previous = Some(token);
        is_path
    })
}

/// Whether the statement begins with one of these words.
pub(super) fn begins_with(sql: &[u8], words: &[&str]) -> bool {
    let first = Tokens::new(sql).find(|token| token.kind != Kind::Symbol(b'('));
    first.is_some_and(|first| words.iter().any(|word| is(sql, &first, word)))
}

/// Whether the statement changes rows and writes no file. With `SETTINGS` behind it the engine's parser calls such a one a
/// control. The word that writes a file is looked for everywhere, so that no way of quoting hides it.
pub(super) fn changes_rows(sql: &[u8]) -> bool {
    const WRITES_FILE: &[u8] = b"OUTFILE";
    let writes_file = sql.windows(WRITES_FILE.len()).any(|word| word.eq_ignore_ascii_case(WRITES_FILE));
    begins_with(sql, &["ALTER", "DELETE"]) && !writes_file
}

/// The format that a `FORMAT` clause at the statement's end names.
pub(super) fn output_format(sql: &[u8]) -> Option<&str> {
    let tokens: Vec<Token> = Tokens::new(sql).filter(|token| token.depth == 0).collect();
    let clause = tokens.iter().rposition(|token| is(sql, token, "FORMAT"))?;
    let name = tokens.get(clause + 1).filter(|name| clause > 0 && name.kind == Kind::Word)?;
    let follows = tokens.get(clause + 2);
    let ends = follows.is_none_or(|next| next.kind == Kind::Symbol(b';') || is(sql, next, "SETTINGS"));
    let name = sql.get(name.range.clone()).filter(|_| ends)?;
    std::str::from_utf8(name).ok()
}

/// How an answer in `format` can be put together from pieces: the number of header lists to take off all but
/// the first. `None` if it must be fetched whole.
pub(super) fn streamed(sql: &[u8], format: &str) -> Option<usize> {
    let totals = Tokens::new(sql).any(|token| is(sql, &token, "TOTALS"));
    let selects = begins_with(sql, &["SELECT", "WITH"]) && !totals;
    let format = STREAMED.iter().find(|(name, _)| *name == format).filter(|_| selects);
    format.map(|(_, lists)| *lists)
}

/// Length of the header of `RowBinaryWithNames` (1 list) or `RowBinaryWithNamesAndTypes` (2 lists): the number
/// of columns, then each list's texts, all with LEB128 lengths.
pub(super) fn row_binary_header_bytes(piece: &[u8], lists: usize) -> usize {
    if lists == 0 {
        return 0;
    }
    let mut rest = piece;
    let columns = leb128(&mut rest);
    for _ in 0..columns.saturating_mul(lists) {
        let bytes = leb128(&mut rest);
        let Some(tail) = rest.get(bytes..).filter(|_| !rest.is_empty()) else { break };
        rest = tail;
    }
    piece.len() - rest.len()
}

fn leb128(rest: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let Some((byte, tail)) = rest.split_first() else { break };
        *rest = tail;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Option<(&str, &str, &str)> {
        let insert = split_insert(sql.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some((text(insert.head).trim_end(), insert.format, text(insert.data)))
    }

    #[test]
    fn splits_an_insert_from_its_data() {
        assert_eq!(
            split("INSERT INTO t(`a`, b) FORMAT CSV\n1,FORMAT x"),
            Some(("INSERT INTO t(`a`, b)", "CSV", "1,FORMAT x"))
        );
        assert_eq!(split("insert into t values (1)"), Some(("insert into t", "Values", " (1)")));
        assert_eq!(
            split("INSERT INTO t SETTINGS a = 'FORMAT' FORMAT RowBinary"),
            Some(("INSERT INTO t SETTINGS a = 'FORMAT'", "RowBinary", ""))
        );
        assert_eq!(
            split("/* x */ INSERT INTO TABLE d.format (values) FORMAT TSV 1"),
            Some(("/* x */ INSERT INTO TABLE d.format (values)", "TSV", "1"))
        );
    }

    #[test]
    fn a_change_of_rows_may_have_settings_but_no_file() {
        for (sql, expected) in [
            ("ALTER TABLE t DELETE WHERE a = 1 SETTINGS mutations_sync = 1", true),
            ("/* x */ delete from t where 1", true),
            ("ALTER TABLE t DELETE WHERE 1 INTO OUTFILE 'x' SETTINGS mutations_sync = 1", false),
            ("ALTER TABLE t DELETE WHERE 1 INTO/**/outfile $$x$$", false),
            ("SELECT 1 SETTINGS max_threads = 1", false),
        ] {
            assert_eq!(changes_rows(sql.as_bytes()), expected, "{sql}");
        }
    }

    #[test]
    fn an_insert_without_data_is_left_whole() {
        for sql in [
            "INSERT INTO t SELECT 1 FORMAT CSV",
            "INSERT INTO t WITH 1 AS x SELECT x",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
            "SELECT 1 FORMAT CSV",
            "INSERT INTO t",
            "INSERT INTO t FORMAT",
            "",
        ] {
            assert_eq!(split(sql), None, "{sql}");
        }
    }

    #[test]
    fn finds_files_but_not_names() {
        assert!(names_local_file(b"INSERT INTO t FROM INFILE /* */ '/etc/x' FORMAT CSV"));
        assert!(names_local_file(b"DROP TABLE t INTO OUTFILE'/etc/x' TRUNCATE"));
        assert!(!names_local_file(b"INSERT INTO infile VALUES ('infile', 'x')"));
    }

    #[test]
    fn finds_the_output_format() {
        for (sql, expected) in [
            ("SELECT 1 FORMAT JSON", Some("JSON")),
            ("SELECT 1 format JSON;", Some("JSON")),
            ("SELECT 1 FORMAT JSON SETTINGS a = 1", Some("JSON")),
            ("SELECT 'FORMAT JSON'", None),
            ("SELECT format FROM (SELECT 1 FORMAT CSV)", None),
            ("SELECT format", None),
        ] {
            assert_eq!(output_format(sql.as_bytes()), expected, "{sql}");
        }
    }

    #[test]
    fn streams_selects_in_formats_that_can_be_cut() {
        assert_eq!(streamed(b"SELECT 1", "RowBinaryWithNamesAndTypes"), Some(2));
        assert_eq!(streamed(b"(SELECT 1)", "Native"), Some(0));
        for (sql, format) in [
            ("SELECT 1", "JSON"),
            ("SHOW TABLES", "TSV"),
            ("SELECT a, sum(b) FROM t GROUP BY a WITH TOTALS", "TSV"),
        ] {
            assert_eq!(streamed(sql.as_bytes(), format), None, "{sql}");
        }
    }

    #[test]
    fn measures_row_binary_headers() {
        let piece = b"\x02\x01a\x02bc\x06UInt64\x05UInt8\x2a";
        assert_eq!(row_binary_header_bytes(piece, 2), piece.len() - 1);
        assert_eq!(row_binary_header_bytes(piece, 1), 6);
        assert_eq!(row_binary_header_bytes(piece, 0), 0);
        assert_eq!(row_binary_header_bytes(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 2), 10);
    }
}

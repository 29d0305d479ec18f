//! Runs one request's statement on a blocking thread: a connection, its settings, the statement, the answer.

use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Server;
use super::body::Body;
use super::compression::Encoder;
use super::exception;
use super::native;
use super::request::Query;
use super::response::{Answer, Outcome, Reply};
use super::session::SessionRequest;
use super::statement::{self, InsertWithData};
use crate::engine::{Connection, Effect, Exception, Select, Statement, Statistics};

/// How a statement may begin that the engine's parser calls a control: sessions, temporary tables, INSERT INTO
/// FUNCTION (which the engine's grants judge). A query that it calls so writes to a file.
const CONTROLS: [&str; 15] = [
    "USE", "SET", "SYSTEM", "KILL", "ATTACH", "DETACH", "BEGIN", "COMMIT", "ROLLBACK", "CREATE", "DROP",
    "ALTER", "TRUNCATE", "RENAME", "INSERT",
];

/// Runs a request and answers it.
pub(super) fn run(server: &Server, query: &Query, mut body: Body, mut reply: Reply) {
    let limit_bytes = server.limits.statement_bytes;
    let outcome = on_connection(server, query, |connection| {
        execute(Run { connection, query, reply: &mut reply }, &mut body, limit_bytes)
    });
    // Only now, with the session back in its place: the client's next request may follow at once.
    reply.finish(outcome);
}

fn on_connection(
    server: &Server,
    query: &Query,
    work: impl FnOnce(&mut Connection) -> Result<Outcome, Exception>,
) -> Result<Outcome, Exception> {
    let Some(session) = &query.session else {
        let mut connection = connect(server)?;
        prepare(&mut connection, query)?;
        return work(&mut connection);
    };
    in_session(server, query, session, work)
}

fn in_session(
    server: &Server,
    query: &Query,
    session: &SessionRequest,
    work: impl FnOnce(&mut Connection) -> Result<Outcome, Exception>,
) -> Result<Outcome, Exception> {
    let (lease, kept) = server.sessions.take(session, Instant::now())?;
    let mut connection = kept.map_or_else(|| connect(server), Ok)?;
    let outcome = prepare(&mut connection, query).and_then(|()| work(&mut connection));
    if !session.close && restore(&mut connection, query).is_ok() {
        lease.keep(connection, Instant::now() + session.timeout);
    }
    outcome
}

fn connect(server: &Server) -> Result<Connection, Exception> {
    server.engine.connect().map_err(|error| Exception::new(&error.to_string()))
}

fn command(connection: &mut Connection, sql: &str) -> Result<(), Exception> {
    connection.query(Statement { sql: sql.as_bytes(), format: "Null", parameters: &[] }).map(drop)
}

fn prepare(connection: &mut Connection, query: &Query) -> Result<(), Exception> {
    if let Some(database) = &query.database {
        command(connection, &format!("USE `{}`", escape(database, '`')))?;
    }
    let settings = query.settings.iter().map(|(name, value)| format!("{name} = '{}'", escape(value, '\'')));
    set(connection, &settings.collect::<Vec<_>>())
}

/// Settings of a URL last for one request, even in a session.
fn restore(connection: &mut Connection, query: &Query) -> Result<(), Exception> {
    let settings = query.settings.iter().map(|(name, _)| format!("{name} = DEFAULT"));
    set(connection, &settings.collect::<Vec<_>>())
}

fn set(connection: &mut Connection, settings: &[String]) -> Result<(), Exception> {
    if settings.is_empty() {
        return Ok(());
    }
    command(connection, &format!("SET {}", settings.join(", ")))
}

fn escape(text: &str, quote: char) -> String {
    text.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"))
}

/// One statement being run.
struct Run<'a> {
    connection: &'a mut Connection,
    query: &'a Query,
    reply: &'a mut Reply,
}

fn execute(run: Run<'_>, body: &mut Body, limit_bytes: usize) -> Result<Outcome, Exception> {
    let mut text = run.query.sql.clone();
    let ended = read_statement(&mut text, body, limit_bytes)?;
    let insert = statement::split_insert(&text).filter(|insert| !ended || insert.format != "Values");
    match insert {
        Some(insert) => run.insert(&insert, body),
        None if !ended => Err(exception::too_large(limit_bytes)),
        None => run.whole_or_streamed(&text),
    }
}

/// Completes the statement from the body, unless it is an INSERT whose data are the body. Returns whether the
/// body has ended. `VALUES` of ordinary length count as part of the statement, since they may hold
/// expressions and parameters.
fn read_statement(text: &mut Vec<u8>, body: &mut Body, limit_bytes: usize) -> Result<bool, Exception> {
    if statement::split_insert(text).is_some_and(|insert| insert.format != "Values") {
        return Ok(false);
    }
    if !text.is_empty() {
        text.push(b'\n');
    }
    body.read_into(text, limit_bytes)
}

impl Run<'_> {
    /// Refuses what this interface must not do, by the judgement of the engine's own parser.
    fn check(&mut self, sql: &[u8]) -> Result<(), Exception> {
        let analysis = self.connection.analyse(sql);
        if analysis.statements > 1 {
            return Err(exception::syntax("Multi-statements are not allowed"));
        }
        if self.query.only_reads && analysis.statements > 0 && analysis.effect != Effect::Reads {
            let text = "Cannot execute query in readonly mode. GET only reads; use POST to change anything";
            return Err(Exception::coded(164, "READONLY", text));
        }
        let is_known = statement::begins_with(sql, &CONTROLS) || statement::changes_rows(sql);
        let writes_file = analysis.effect == Effect::Controls && !is_known;
        if writes_file || statement::names_local_file(sql) {
            let text = "reading and writing files of the server's machine in SQL is switched off";
            return Err(Exception::coded(344, "SUPPORT_IS_DISABLED", text));
        }
        Ok(())
    }

    fn insert(mut self, insert: &InsertWithData<'_>, body: &mut Body) -> Result<Outcome, Exception> {
        self.check(&[insert.head, b" FORMAT ", insert.format.as_bytes()].concat())?;
        let mut writing = self.connection.insert(statement(self.query, insert.head, insert.format))?;
        if !insert.data.is_empty() {
            writing.append(insert.data)?;
        }
        // On any error `writing` is dropped, which cancels the INSERT.
        while let Some(data) = body.next()? {
            writing.append(&data)?;
        }
        let statistics = writing.finish()?;
        Ok(Outcome::Whole(Answer::new(self.query, &self.query.default_format, statistics)))
    }

    fn whole_or_streamed(mut self, sql: &[u8]) -> Result<Outcome, Exception> {
        if sql.trim_ascii().is_empty() {
            return Err(exception::syntax("Empty query"));
        }
        self.check(sql)?;
        let format = statement::output_format(sql).unwrap_or(&self.query.default_format);
        match statement::streamed(sql, format) {
            Some(lists) => self.stream(sql, format, lists),
            None => self.whole(sql, format),
        }
    }

    fn whole(self, sql: &[u8], format: &str) -> Result<Outcome, Exception> {
        let chunk = self.connection.query(statement(self.query, sql, format))?;
        let mut answer = Answer::new(self.query, format, chunk.statistics());
        answer.body = encode_whole(self.query, written_for(self.query, format, Bytes::from_owner(chunk))?)?;
        Ok(Outcome::Whole(answer))
    }

    fn stream(self, sql: &[u8], format: &str, lists: usize) -> Result<Outcome, Exception> {
        let mut select = self.connection.select(statement(self.query, sql, format))?;
        let Some(first) = select.fetch()? else {
            drop(select);
            return self.empty(sql, format, lists);
        };
        let statistics = first.statistics();
        let mut piece = written_for(self.query, format, Bytes::from_owner(first))?;
        let header_bytes = statement::row_binary_header_bytes(&piece, lists);
        let mut encoder = Encoder::new(self.query.encoding).map_err(cannot_compress)?;
        let pieces = self.reply.start(Answer::new(self.query, format, statistics));
        let ended = loop {
            if !pieces.send(encoder.piece(piece).map_err(cannot_compress)?) {
                return Ok(Outcome::Abandoned);
            }
            piece = match next_piece(&mut select, self.query, format) {
                Ok(Some(next)) => next,
                Ok(None) => break Ok(()),
                Err(exception) => break Err(exception),
            };
            piece.advance(header_bytes.min(piece.len()));
        };
        if let Err(exception) = ended {
            pieces.send(encoder.piece(pieces.exception_text(&exception)).map_err(cannot_compress)?);
        }
        let last = encoder.end().map_err(cannot_compress)?;
        Ok(Outcome::Streamed { pieces, last })
    }

    /// A stream without rows lacks the header that its format begins with.
    fn empty(self, sql: &[u8], format: &str, lists: usize) -> Result<Outcome, Exception> {
        if lists > 0 {
            return self.whole(sql, format);
        }
        Ok(Outcome::Whole(Answer::new(self.query, format, Statistics::default())))
    }
}

fn statement<'a>(query: &'a Query, sql: &'a [u8], format: &'a str) -> Statement<'a> {
    Statement { sql, format, parameters: &query.parameters }
}

fn next_piece(select: &mut Select<'_>, query: &Query, format: &str) -> Result<Option<Bytes>, Exception> {
    let chunk = select.fetch()?;
    chunk.map(|chunk| written_for(query, format, Bytes::from_owner(chunk))).transpose()
}

/// The data as the client's protocol revision wants them.
fn written_for(query: &Query, format: &str, data: Bytes) -> Result<Bytes, Exception> {
    if format == "Native" { native::with_revision(data, query.native_revision) } else { Ok(data) }
}

fn encode_whole(query: &Query, data: Bytes) -> Result<Bytes, Exception> {
    if data.is_empty() {
        return Ok(data);
    }
    let mut encoder = Encoder::new(query.encoding).map_err(cannot_compress)?;
    let piece = encoder.piece(data).map_err(cannot_compress)?;
    let end = encoder.end().map_err(cannot_compress)?;
    Ok(if end.is_empty() { piece } else { [piece, end].concat().into() })
}

fn cannot_compress(error: std::io::Error) -> Exception {
    Exception::coded(270, "CANNOT_COMPRESS", &error.to_string())
}

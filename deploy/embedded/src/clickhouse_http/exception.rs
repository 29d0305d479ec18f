//! From ClickHouse's error codes to status codes, and the exceptions that this server makes itself.

use hyper::StatusCode;

use crate::engine::Exception;

/// The status that ClickHouse's own HTTP handler gives (`src/Server/HTTP/exceptionCodeToHTTPStatus.cpp`,
/// codes from `src/Common/ErrorCodes.cpp`).
pub(super) fn status(code: u32) -> StatusCode {
    match code {
        // REQUIRED_PASSWORD
        194 => StatusCode::UNAUTHORIZED,
        // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, SET_NON_GRANTED_ROLE, AUTHENTICATION_FAILED
        192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
        // CANNOT_PARSE_…, THERE_IS_NO_COLUMN, DUPLICATE_COLUMN, BAD_ARGUMENTS, UNKNOWN_ELEMENT_IN_AST,
        // ILLEGAL_COLUMN, TYPE_MISMATCH, SYNTAX_ERROR, INCORRECT_DATA, UNKNOWN_TYPE_OF_AST_NODE, TOO_DEEP_AST,
        // TOO_BIG_AST, UNEXPECTED_AST_STRUCTURE, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, CANNOT_COMPILE_REGEXP
        6
        | 8
        | 15
        | 25..=27
        | 36..=38
        | 41
        | 44
        | 53
        | 62
        | 72
        | 117
        | 123
        | 167
        | 168
        | 223
        | 321
        | 376
        | 427
        | 441
        | 675
        | 676 => StatusCode::BAD_REQUEST,
        // EMPTY_QUERY is a SYNTAX_ERROR there.
        211 => StatusCode::BAD_REQUEST,
        // UNKNOWN_FUNCTION, …_IDENTIFIER, …_TYPE, …_STORAGE, …_TABLE, …_AGGREGATE_FUNCTION, …_FORMAT,
        // …_TYPE_OF_QUERY, …_DATABASE, …_SETTING, …_DIRECTION_OF_SORTING, …_DATABASE_ENGINE, …_ROLE
        46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => StatusCode::NOT_FOUND,
        // QUERY_IS_TOO_LARGE
        229 => StatusCode::PAYLOAD_TOO_LARGE,
        // NOT_IMPLEMENTED
        48 => StatusCode::NOT_IMPLEMENTED,
        // TIMEOUT_EXCEEDED
        159 => StatusCode::REQUEST_TIMEOUT,
        // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK. And TOO_MANY_SIMULTANEOUS_QUERIES, a plain 500
        // in ClickHouse: 503 tells clients to try again.
        76 | 202 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn too_large(limit_bytes: usize) -> Exception {
    let text = format!("the statement is longer than {limit_bytes} bytes; send long data as INSERT … FORMAT");
    Exception::coded(229, "QUERY_IS_TOO_LARGE", &text)
}

pub(super) fn syntax(text: &str) -> Exception {
    Exception::coded(62, "SYNTAX_ERROR", &format!("Syntax error: {text}"))
}

pub(super) fn bad_argument(text: &str) -> Exception {
    Exception::coded(36, "BAD_ARGUMENTS", text)
}

pub(super) fn access_denied(text: &str) -> Exception {
    Exception::coded(497, "ACCESS_DENIED", text)
}

pub(super) fn network(text: &str) -> Exception {
    Exception::coded(210, "NETWORK_ERROR", text)
}

pub(super) fn busy() -> Exception {
    Exception::coded(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_clickhouses_statuses() {
        for (code, expected) in
            [(62, 400), (60, 404), (497, 403), (229, 413), (159, 408), (395, 500), (16, 500)]
        {
            assert_eq!(status(code).as_u16(), expected, "{code}");
        }
    }

    #[test]
    fn own_exceptions_read_like_clickhouses() {
        let exception = too_large(10);
        assert_eq!(exception.code, 229);
        assert_eq!(Exception::from(exception.message.clone()), exception);
    }
}

//! ClickHouse's exceptions: a number and a text that begins `Code: N. DB::Exception: `.

/// An exception of ClickHouse, or one of ours in its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Exception {
    /// ClickHouse's error code (`src/Common/ErrorCodes.cpp`).
    pub code: u32,
    /// `Code: N. DB::Exception: … (NAME)`, without a newline at its end.
    pub message: String,
}

/// `STD_EXCEPTION`: whatever has no code of its own.
const UNCODED: u32 = 1001;

impl Exception {
    /// An exception without a code of its own.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::coded(UNCODED, "STD_EXCEPTION", text)
    }

    /// An exception with one of ClickHouse's codes and its name.
    #[must_use]
    pub fn coded(code: u32, name: &str, text: &str) -> Self {
        Self { code, message: format!("Code: {code}. DB::Exception: {text}. ({name})") }
    }
}

impl From<String> for Exception {
    /// Reads the code from the engine's text.
    fn from(text: String) -> Self {
        let text = text.trim_end();
        let code = text.split_once("Code: ").and_then(|(_, rest)| rest.split('.').next()?.parse().ok());
        code.map_or_else(|| Self::new(text), |code| Self { code, message: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_code() {
        let text = "Code: 60. DB::Exception: Unknown table expression identifier 'nope'. (UNKNOWN_TABLE)\n";
        let exception = Exception::from(text.to_owned());
        assert_eq!((exception.code, exception.message.as_str()), (60, text.trim_end()));
    }

    #[test]
    fn gives_a_text_without_code_the_general_one() {
        let exception = Exception::from("Invalid or closed connection".to_owned());
        assert_eq!(exception.code, UNCODED);
        assert!(exception.message.starts_with("Code: 1001. DB::Exception: Invalid or closed"));
    }
}

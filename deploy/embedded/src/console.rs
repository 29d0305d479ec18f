//! What the program says to the person who started it: results on standard output, everything else on standard error.

use std::io::{self, Write as _};

/// A line on standard output. A reader that went away (`| head`) is no error.
pub fn say(text: impl std::fmt::Display) {
    writeln!(io::stdout(), "{text}").ok();
}

/// Bytes on standard output, as they are.
pub fn show(bytes: &[u8]) {
    io::stdout().write_all(bytes).ok();
}

/// A line on standard error.
pub fn complain(text: impl std::fmt::Display) {
    writeln!(io::stderr(), "{text}").ok();
}

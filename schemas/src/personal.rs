//! Personal information is marked by its type and silent by default: it cannot reach a log, an error text
//! or a panic message by accident, and `expose` shows in review every place that reads it.

use std::fmt;

/// A value that says something about a person (GDPR, article 4(1)).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks `value` as personal information.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The one way to read it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The one way to take it out.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl<T> fmt::Display for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_tells_the_value() {
        let address = Personal::new("203.0.113.7");
        assert_eq!(format!("{address} {address:?} {:#?}", Some(&address)).matches("203").count(), 0);
        assert_eq!(*address.expose(), "203.0.113.7");
    }
}

//! The oracle of people: what weeks of traffic must come to, when every person is known.

pub mod expected;
pub mod people;
pub mod played;

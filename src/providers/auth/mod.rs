//! Ways to be let in that are more than a header. Pure: key and clock in, header out.

pub mod google_jwt;
pub mod sigv4;

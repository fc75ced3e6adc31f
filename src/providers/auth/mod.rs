//! Ways to be let in that are more than a header. Pure: key and clock in, header out.

pub mod sigv4;

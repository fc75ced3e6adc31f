//! Credentials that have to be made before they can be shown: key and clock in, header out.

pub mod google_jwt;

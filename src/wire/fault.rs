//! A failed answer of any provider, read into an `Error`.

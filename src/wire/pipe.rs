//! How an answer travels to the caller.

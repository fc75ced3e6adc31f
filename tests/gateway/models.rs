//! What can be used, in the shape of each dialect.

//! The cheap look at a body, and edits of its top level.

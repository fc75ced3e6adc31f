//! Forms with files: <https://www.rfc-editor.org/rfc/rfc7578>
//!
//! Surprises
//! - Fields come in any order; those that say what is to be done may follow the file.
//! - A piece of the stream may end anywhere, within a boundary too.
//! - Servers differ in what they make of a field that comes twice, of escapes in its name, or of a file by the name
//!   of a field. What was checked must be what arrives: a watched field is sent once, and what could be read in two
//!   ways is refused.

mod editor;
mod form;
mod head;
mod parts;

pub use editor::{Editor, HEAD_BYTES};
pub use form::Form;
pub use parts::{Part, parts};

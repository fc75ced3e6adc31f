//! Forms with files: <https://www.rfc-editor.org/rfc/rfc7578>

mod form;

pub use form::Form;

//! What a provider serves and at which path of its API.

use crate::wire::Dialect;

/// A dialect, and where it is spoken. The first that fits a request is taken, one in the caller's own dialect before
/// any other.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    pub dialect: Dialect,
    /// Only models whose names hold this.
    pub models: &'static str,
    /// Only where this setting is known.
    pub given: &'static str,
    /// What follows the base; `{words}` in it are filled in.
    pub path: &'static str,
    /// The path of streams, where it is another.
    pub stream: Option<&'static str>,
    /// Fields that the body carries there.
    pub fields: &'static [(&'static str, &'static str)],
}

pub const fn talk(dialect: Dialect, path: &'static str) -> Service {
    Service { dialect, models: "", given: "", path, stream: None, fields: &[] }
}

impl Service {
    pub const fn streamed(self, path: &'static str) -> Self {
        Self { stream: Some(path), ..self }
    }

    pub const fn of(self, models: &'static str) -> Self {
        Self { models, ..self }
    }

    pub const fn given(self, setting: &'static str) -> Self {
        Self { given: setting, ..self }
    }

    pub const fn with(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }

    /// Whether the model goes into the path, and so not into the body.
    pub fn names_model(&self) -> bool {
        self.path.contains("{model}")
    }
}

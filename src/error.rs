//! What can go wrong with a call, as data. A dialect turns it into its own shape; nobody matches on text.

use std::borrow::Cow;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Caller,
    Gateway,
    Upstream,
}

/// What it is. Each dialect has a word for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed or asks for what cannot be done.
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    RateLimited,
    /// Out of money or quota: waiting does not help.
    Exhausted,
    /// The upstream is there but cannot serve now.
    Overloaded,
    Unreachable,
    TimedOut,
    /// The caller left before the answer was complete.
    Abandoned,
    /// Any other failure of whoever `origin` names.
    Failed,
}

/// Whether the same request may succeed if it is sent again, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Another target may do better.
    Elsewhere,
    /// The same target may do better, after this many milliseconds if it said so.
    Here {
        after_ms: Option<u64>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub origin: Origin,
    pub kind: Kind,
    pub status: u16,
    /// Tells the caller what is wrong and what to change.
    pub message: String,
    /// The machine-readable words of the upstream or of ours, where there are any.
    pub code: Option<Cow<'static, str>>,
    /// The upstream's own type word, kept when it is already in the caller's dialect.
    pub type_word: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    pub retry: Retry,
    /// The upstream's own body as JSON text, where its shape was not understood whole.
    pub upstream: Option<Box<str>>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The caller sent what cannot be served; `message` says what to change.
    pub fn caller(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Origin::Caller, kind, kind.status(), message)
    }

    /// A malformed or unsupported request.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::caller(Kind::Invalid, message)
    }

    pub fn upstream(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Origin::Upstream, kind, kind.status(), message)
    }

    /// A stream that broke off.
    pub fn unfinished() -> Self {
        Self::upstream(Kind::Failed, "The provider's stream ended before the answer was complete.")
    }

    pub fn gateway(message: impl Into<String>) -> Self {
        Self::new(Origin::Gateway, Kind::Failed, 500, message)
    }

    pub fn new(origin: Origin, kind: Kind, status: u16, message: impl Into<String>) -> Self {
        let retry = match (origin, kind) {
            (Origin::Upstream, Kind::RateLimited | Kind::Overloaded | Kind::Unreachable | Kind::TimedOut | Kind::Failed) => {
                Retry::Here { after_ms: None }
            }
            (Origin::Upstream, _) => Retry::Elsewhere,
            _ => Retry::Never,
        };
        Self { origin, kind, status, message: message.into(), code: None, type_word: None, param: None, retry, upstream: None }
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }
}

impl Kind {
    /// The status of an error that no upstream gave one.
    pub const fn status(self) -> u16 {
        match self {
            Kind::Invalid => 400,
            Kind::Unauthenticated => 401,
            Kind::Forbidden => 403,
            Kind::NotFound => 404,
            Kind::MethodNotAllowed => 405,
            Kind::Conflict => 409,
            Kind::TooLarge => 413,
            Kind::RateLimited | Kind::Exhausted => 429,
            Kind::Abandoned => 499,
            Kind::Failed | Kind::Unreachable => 502,
            Kind::Overloaded => 503,
            Kind::TimedOut => 504,
        }
    }

    /// What a status means when nothing else tells.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Kind::Unauthenticated,
            402 => Kind::Exhausted,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            405 => Kind::MethodNotAllowed,
            408 | 504 => Kind::TimedOut,
            409 => Kind::Conflict,
            413 => Kind::TooLarge,
            429 => Kind::RateLimited,
            503 | 529 => Kind::Overloaded,
            400..=499 => Kind::Invalid,
            _ => Kind::Failed,
        }
    }
}

//! The one form in which dialects meet: requests and responses made of parts, streams made of block events.
//!
//! It knows no vendor and no wire format. JSON that nobody here needs to understand (schemas, foreign blocks)
//! stays as the bytes it came in.

mod event;
mod request;
mod response;

pub use event::{Block, Delta, Event, Fold, Grammar};
pub use request::{Effort, Format, Reasoning, Request, Tool, ToolChoice, Turn};
pub use response::{Finish, Reason, Response, Usage};

use serde_json::value::RawValue;

/// JSON text kept as it came.
pub type Raw = Box<RawValue>;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

/// A piece of content.
#[derive(Clone, Debug)]
pub enum Part {
    Text(Text),
    Media(Media),
    Thinking(Thinking),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    /// The model's words for not answering.
    Refusal(String),
    /// A block that only its own dialect knows (a server tool's call, a search result). It travels between
    /// calls and targets of that dialect and is an error on the way to another's request.
    Native(Native),
}

#[derive(Clone, Debug, Default)]
pub struct Text {
    pub text: String,
    pub citations: Vec<Citation>,
    /// A prompt-cache mark (`cache_control`), as it came.
    pub cache: Option<Raw>,
}

/// Where a statement comes from.
#[derive(Clone, Debug, Default)]
pub struct Citation {
    pub url: Option<String>,
    pub title: Option<String>,
    pub quote: Option<String>,
    /// Range of characters in the answer that it supports.
    pub range: Option<(u64, u64)>,
    /// The whole of it in its own dialect.
    pub raw: Option<Raw>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Document,
    Audio,
}

#[derive(Clone, Debug)]
pub struct Media {
    pub kind: MediaKind,
    pub source: Source,
    /// File name or title.
    pub name: Option<String>,
    /// `low`, `high`, `auto`: how closely an image is to be looked at.
    pub detail: Option<String>,
    pub cache: Option<Raw>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Base64 text and its media type (`image/png`).
    Inline {
        media_type: String,
        data: String,
    },
    Url(String),
    /// The provider's id of an uploaded file.
    File(String),
    /// A plain-text document.
    Text(String),
}

/// What the model thought before it answered.
#[derive(Clone, Debug, Default)]
pub struct Thinking {
    pub text: String,
    /// Proof of authorship that must come back unchanged with the next turn; whose it is, `wire::proof` tells.
    /// Where thinking has a proof but no text, it is the proof of the part that follows (a tool call), or of the
    /// text before it.
    pub signature: Option<String>,
    /// Thinking that its provider sent encrypted, in place of text.
    pub redacted: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON text of the arguments; empty when there are none.
    pub arguments: String,
    pub cache: Option<Raw>,
}

#[derive(Clone, Debug)]
pub struct ToolResult {
    pub call_id: String,
    /// Text, media, or native parts.
    pub parts: Vec<Part>,
    pub is_error: bool,
    pub cache: Option<Raw>,
}

#[derive(Clone, Debug)]
pub struct Native {
    /// The block's `type`.
    pub kind: String,
    pub raw: Raw,
}

/// Top-level fields of one dialect that the form has no place for, in their order.
pub type Extras = Vec<(String, Raw)>;

/// The knobs that a target could not take, by the name the caller used. Content is never among them: what
/// cannot be carried there is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<String>);

impl Losses {
    pub fn drop(&mut self, knob: impl Into<String>) {
        let knob = knob.into();
        if !self.0.contains(&knob) {
            self.0.push(knob);
        }
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Thinking {
    /// Nothing but a proof, which says nothing to anyone but whose it is.
    pub fn is_bare_proof(&self) -> bool {
        self.text.is_empty() && self.redacted.is_none()
    }
}

impl Media {
    /// As Markdown, for answers of a dialect that has no place for media.
    pub fn link(&self) -> String {
        let name = self.name.as_deref().unwrap_or("media");
        match &self.source {
            Source::Inline { media_type, data } => format!("![{name}](data:{media_type};base64,{data})"),
            Source::Url(place) | Source::File(place) => format!("![{name}]({place})"),
            Source::Text(text) => text.clone(),
        }
    }
}

impl Source {
    /// A data URL holds the bytes; any other is an address. What should stand there instead, if it is neither.
    pub fn of_url(url: String) -> Result<Self, &'static str> {
        let Some(rest) = url.strip_prefix("data:") else { return Ok(Source::Url(url)) };
        let (head, data) = rest.split_once(',').ok_or("a data URL with its data after a comma")?;
        let media_type = head.strip_suffix(";base64").ok_or("a data URL in base64")?;
        Ok(Source::Inline { media_type: media_type.to_owned(), data: data.to_owned() })
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        Part::Text(Text { text: text.into(), ..Text::default() })
    }

    /// Length of its text in bytes. A medium counts as much as models commonly make of one.
    pub fn length(&self) -> usize {
        const OF_A_MEDIUM: usize = 4_000;
        match self {
            Part::Text(text) => text.text.len(),
            Part::Thinking(thinking) => thinking.text.len(),
            Part::Refusal(text) => text.len(),
            Part::ToolCall(call) => call.name.len() + call.arguments.len(),
            Part::ToolResult(result) => result.parts.iter().map(Part::length).sum(),
            Part::Media(Media { source: Source::Text(text), .. }) => text.len(),
            Part::Media(_) => OF_A_MEDIUM,
            Part::Native(native) => native.raw.get().len(),
        }
    }

    /// Whether it is, or holds, an image that is to be looked at in a certain detail.
    pub fn has_detail(&self) -> bool {
        match self {
            Part::Media(media) => media.detail.as_deref().is_some_and(|detail| detail != "auto"),
            Part::ToolResult(result) => result.parts.iter().any(Part::has_detail),
            _ => false,
        }
    }

    /// How an error message calls it.
    pub fn noun(&self) -> &str {
        match self {
            Part::Text(_) => "text",
            Part::Media(media) => match media.kind {
                MediaKind::Image => "image",
                MediaKind::Document => "file",
                MediaKind::Audio => "audio",
            },
            Part::Thinking(_) => "thinking",
            Part::ToolCall(_) => "tool call",
            Part::ToolResult(_) => "tool result",
            Part::Refusal(_) => "refusal",
            Part::Native(native) => &native.kind,
        }
    }
}

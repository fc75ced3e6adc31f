//! What whole answers and the chunks of streams have in common, as providers really send it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::ir::{Citation, Finish, Reason, Thinking, Usage};
use crate::wire::family::{Counts, fault_of};

/// A string, borrowed unless it is written with escapes.
#[derive(Debug, Deserialize)]
pub struct Str<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An answer, or a chunk of one.
#[derive(Deserialize)]
pub struct Answer<'a> {
    #[serde(borrow, default)]
    pub id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub model: Option<Str<'a>>,
    #[serde(default)]
    pub created: Option<f64>,
    #[serde(borrow, default)]
    pub choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    pub usage: Option<Counts>,
    #[serde(default)]
    pub x_groq: Option<Groq>,
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub citations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub search_results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub system_fingerprint: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub provider: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Groq {
    #[serde(default)]
    pub usage: Option<Counts>,
}

#[derive(Deserialize)]
pub struct Choice<'a> {
    #[serde(default)]
    pub index: Option<u64>,
    #[serde(borrow, default)]
    pub message: Option<Said<'a>>,
    #[serde(borrow, default)]
    pub delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    pub finish_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
}

/// A message, or what a chunk adds to it.
#[derive(Default, Deserialize)]
pub struct Said<'a> {
    #[serde(borrow, default)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub refusal: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "list")]
    pub tool_calls: Vec<Call<'a>>,
    #[serde(borrow, default)]
    pub function_call: Option<Function<'a>>,
    #[serde(borrow, default)]
    pub annotations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Call<'a> {
    #[serde(default)]
    pub index: Option<u64>,
    #[serde(borrow, default)]
    pub id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub function: Option<Function<'a>>,
    #[serde(borrow, default)]
    pub custom: Option<Function<'a>>,
}

#[derive(Deserialize)]
pub struct Function<'a> {
    #[serde(borrow, default)]
    pub name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
    /// What a custom tool has for arguments.
    #[serde(borrow, default)]
    pub input: Option<&'a RawValue>,
}

/// `null` counts as an empty list.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The text of a JSON string; of anything else nothing.
pub fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?.get();
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// Arguments as JSON text: most send a string, some the object itself.
pub fn arguments<'a>(function: &Function<'a>) -> Cow<'a, str> {
    let raw = function.arguments.or(function.input);
    match raw.map(RawValue::get) {
        None | Some("null") => Cow::Borrowed(""),
        Some(json) if json.starts_with('"') => text(raw).unwrap_or_default(),
        Some(json) => Cow::Borrowed(json),
    }
}

/// Content taken apart: thinking, and text.
#[derive(Default)]
pub struct Content {
    pub thinking: String,
    pub text: String,
}

/// Content is a string, a list of parts, or (where a schema was asked for) the very object.
pub fn content(raw: Option<&RawValue>) -> Content {
    #[derive(Deserialize)]
    struct Piece<'a> {
        #[serde(borrow, default)]
        text: Option<&'a RawValue>,
        #[serde(borrow, default)]
        thinking: Option<&'a RawValue>,
    }
    let json = raw.map(RawValue::get).unwrap_or("null");
    match json.as_bytes().first() {
        Some(b'"') => Content { text: text(raw).unwrap_or_default().into_owned(), ..Content::default() },
        Some(b'{') => Content { text: json.to_owned(), ..Content::default() },
        Some(b'[') => {
            let mut all = Content::default();
            for piece in serde_json::from_str::<Vec<Piece<'_>>>(json).unwrap_or_default() {
                all.text.push_str(&text(piece.text).unwrap_or_default());
                let thinking = content(piece.thinking);
                all.thinking.push_str(&thinking.text);
            }
            all
        }
        _ => Content::default(),
    }
}

impl<'a> Said<'a> {
    /// Thinking told as plain text.
    pub fn reasoning_text(&self) -> Option<Cow<'a, str>> {
        text(self.reasoning_content).or_else(|| text(self.reasoning)).filter(|text| !text.is_empty())
    }

    /// Thinking told with its proof.
    pub fn reasoning_parts(&self) -> Vec<Thinking> {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(rename = "type", default)]
            kind: Option<String>,
            #[serde(default)]
            text: Option<String>,
            #[serde(default)]
            summary: Option<String>,
            #[serde(default)]
            signature: Option<String>,
            #[serde(default)]
            data: Option<String>,
        }
        let details = self.reasoning_details.and_then(|raw| serde_json::from_str::<Vec<Detail>>(raw.get()).ok()).unwrap_or_default();
        let part = |detail: Detail| Thinking {
            text: detail.text.or(detail.summary).unwrap_or_default(),
            signature: detail.signature.filter(|signature| !signature.is_empty()),
            redacted: if detail.kind.as_deref() == Some("reasoning.encrypted") { detail.data } else { None },
        };
        details.into_iter().map(part).collect()
    }

    pub fn citations(&self) -> Vec<Citation> {
        #[derive(Deserialize)]
        struct Annotation<'a> {
            #[serde(borrow, default)]
            url_citation: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct UrlCitation {
            #[serde(default)]
            url: Option<String>,
            #[serde(default)]
            title: Option<String>,
            #[serde(default)]
            content: Option<String>,
            #[serde(default)]
            start_index: Option<u64>,
            #[serde(default)]
            end_index: Option<u64>,
        }
        let list = self.annotations.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok()).unwrap_or_default();
        let cited = |raw: &RawValue| {
            let annotation: Annotation<'_> = serde_json::from_str(raw.get()).ok()?;
            let told: UrlCitation = serde_json::from_str(annotation.url_citation?.get()).ok()?;
            let range = told.start_index.zip(told.end_index);
            Some(Citation { url: told.url, title: told.title, quote: told.content, range, raw: Some(raw.to_owned()) })
        };
        list.into_iter().filter_map(cited).collect()
    }
}

impl Answer<'_> {
    /// Perplexity's sources: results with titles, or bare addresses.
    pub fn sources(&self) -> Vec<Citation> {
        #[derive(Deserialize)]
        struct Source {
            #[serde(default)]
            url: Option<String>,
            #[serde(default)]
            title: Option<String>,
        }
        if let Some(results) = self.search_results.and_then(|raw| serde_json::from_str::<Vec<Source>>(raw.get()).ok()) {
            return results.into_iter().map(|source| Citation { url: source.url, title: source.title, ..Citation::default() }).collect();
        }
        let urls = self.citations.and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok()).unwrap_or_default();
        urls.into_iter().map(|url| Citation { url: Some(url), ..Citation::default() }).collect()
    }

    pub fn counted(&self) -> Option<Usage> {
        self.usage.as_ref().or(self.x_groq.as_ref().and_then(|groq| groq.usage.as_ref())).map(Counts::usage)
    }

    /// The error that stands in place of an answer.
    pub fn fault(&self) -> Option<Error> {
        let choice_error = || self.choices.as_ref()?.iter().find_map(|choice| choice.error);
        let raw = self.error.or_else(choice_error).filter(|raw| raw.get() != "null")?;
        Some(fault_of(raw))
    }

    pub fn extras(&self) -> crate::ir::Extras {
        let known = [("system_fingerprint", self.system_fingerprint), ("service_tier", self.service_tier), ("provider", self.provider)];
        known.into_iter().filter_map(|(name, raw)| Some((name.to_owned(), raw?.to_owned()))).collect()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a sensible time")]
    pub fn created(&self) -> Option<u64> {
        self.created.filter(|at| (0.0..1e11).contains(at)).map(|at| at as u64)
    }
}

/// The provider's word for why it ended. `Err` when the word is that it failed.
pub fn finish(word: &str, called: bool, refused: bool) -> Result<Finish, Error> {
    let reason = match word {
        "length" | "model_length" | "max_tokens" => Reason::Length,
        "content_filter" => Reason::Filtered,
        "error" => return Err(Error::upstream(Kind::Failed, "The provider failed while it answered.")),
        _ if called => Reason::ToolCalls,
        _ if refused => Reason::Refusal,
        _ => Reason::Stop,
    };
    Ok(Finish { reason, raw: Some(word.to_owned()), stop_sequence: None })
}

/// This dialect's word.
pub fn finish_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Stop | Reason::Pause => "stop",
        Reason::Length => "length",
        Reason::ToolCalls => "tool_calls",
        Reason::Filtered | Reason::Refusal => "content_filter",
    }
}

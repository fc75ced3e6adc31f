//! What whole answers and the chunks of streams have in common, as providers really send it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::ir::{Citation, Extras, Media, MediaKind, Raw, Source, Thinking, Usage};
use crate::wire::family::{Counts, fault_of};
use crate::wire::lean;
use crate::wire::loose::{self, Str, items};
use crate::wire::proof;

/// An answer, or a chunk of one.
#[derive(Deserialize)]
pub struct Answer<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub object: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub id: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub model: Option<Str<'a>>,
    #[serde(default, deserialize_with = "loose::number")]
    pub created: Option<f64>,
    #[serde(borrow, default)]
    pub choices: Option<Vec<Choice<'a>>>,
    #[serde(default, deserialize_with = "loose::maybe")]
    pub usage: Option<Counts>,
    #[serde(default, deserialize_with = "loose::maybe")]
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
    #[serde(default, deserialize_with = "loose::maybe")]
    pub usage: Option<Counts>,
}

#[derive(Deserialize)]
pub struct Choice<'a> {
    #[serde(default, deserialize_with = "loose::index")]
    pub index: Option<u64>,
    #[serde(borrow, default)]
    pub message: Option<Said<'a>>,
    #[serde(borrow, default)]
    pub delta: Option<Said<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub finish_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub logprobs: Option<&'a RawValue>,
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
    #[serde(borrow, default, deserialize_with = "loose::list")]
    pub tool_calls: Vec<Call<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    pub function_call: Option<Function<'a>>,
    #[serde(borrow, default)]
    pub annotations: Option<&'a RawValue>,
    /// Pictures that the model made, where it can.
    #[serde(borrow, default)]
    pub images: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Call<'a> {
    #[serde(default, deserialize_with = "loose::index")]
    pub index: Option<u64>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub function: Option<Function<'a>>,
    #[serde(borrow, default)]
    pub custom: Option<Function<'a>>,
    /// Google's place for a proof.
    #[serde(borrow, default)]
    pub extra_content: Option<&'a RawValue>,
}

/// What is called; some fill the place of a call with one that has no name.
pub fn called<'c, 'a>(call: &'c Call<'a>) -> Option<&'c Function<'a>> {
    let function = call.function.as_ref().or(call.custom.as_ref());
    function.filter(|function| function.name.as_ref().is_some_and(|name| !name.0.is_empty()))
}

#[derive(Deserialize)]
pub struct Function<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
    /// What a custom tool has for arguments.
    #[serde(borrow, default)]
    pub input: Option<&'a RawValue>,
}

/// The text of a JSON string; of anything else nothing.
pub fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?.get();
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { loose::text(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
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
            for raw in raw.map(items::<&RawValue>).unwrap_or_default() {
                let Ok(piece) = lean::from_str::<Piece<'_>>(raw.get()) else {
                    all.text.push_str(&text(Some(raw)).unwrap_or_default());
                    continue;
                };
                all.text.push_str(&text(piece.text).unwrap_or_default());
                all.thinking.push_str(&content(piece.thinking).text);
            }
            all
        }
        _ => Content::default(),
    }
}

/// A data URL holds the bytes; any other is an address.
fn source(url: String) -> Source {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((media_type, data)) => Source::Inline { media_type: media_type.to_owned(), data: data.to_owned() },
        None => Source::Url(url),
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
            #[serde(default)]
            format: Option<String>,
        }
        let details = self.reasoning_details.map(items::<Detail>).unwrap_or_default();
        let part = |detail: Detail| {
            let sealed = detail.kind.as_deref() == Some("reasoning.encrypted");
            let marked = |proof: String| if proof.is_empty() { None } else { Some(marked(detail.format.as_deref(), proof)) };
            Thinking {
                text: detail.text.or(detail.summary).unwrap_or_default(),
                signature: detail.signature.and_then(marked),
                redacted: detail.data.filter(|_| sealed).and_then(marked),
            }
        };
        details.into_iter().map(part).filter(|part| !part.text.is_empty() || part.signature.is_some() || part.redacted.is_some()).collect()
    }

    pub fn pictures(&self) -> Vec<Media> {
        #[derive(Deserialize)]
        struct Picture {
            image_url: Address,
        }
        #[derive(Deserialize)]
        struct Address {
            url: String,
        }
        let pictures = self.images.map(items::<Picture>).unwrap_or_default();
        let media = |picture: Picture| Media {
            kind: MediaKind::Image,
            source: source(picture.image_url.url),
            name: None,
            detail: None,
            cache: None,
        };
        pictures.into_iter().map(media).collect()
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
        let list = self.annotations.map(items::<&RawValue>).unwrap_or_default();
        let cited = |raw: &RawValue| {
            let annotation: Annotation<'_> = lean::from_str(raw.get()).ok()?;
            let told: UrlCitation = lean::from_str(annotation.url_citation?.get()).ok()?;
            let range = told.start_index.zip(told.end_index);
            Some(Citation { url: told.url, title: told.title, quote: told.content, range, raw: Some(raw.to_owned()) })
        };
        list.into_iter().filter_map(cited).collect()
    }
}

impl Choice<'_> {
    /// How likely its tokens were: some send the form of it with nothing in it.
    pub fn odds(&self) -> Option<Raw> {
        self.logprobs.filter(|raw| raw.get().starts_with('{') && raw.get().contains("\"token")).map(RawValue::to_owned)
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
        let results = self.search_results.map(items::<Source>).unwrap_or_default();
        if !results.is_empty() {
            return results.into_iter().map(|source| Citation { url: source.url, title: source.title, ..Citation::default() }).collect();
        }
        let urls = self.citations.map(items::<String>).unwrap_or_default();
        urls.into_iter().map(|url| Citation { url: Some(url), ..Citation::default() }).collect()
    }

    pub fn counted(&self) -> Option<Usage> {
        let aside = || self.x_groq.as_ref()?.usage.as_ref()?.usage();
        self.usage.as_ref().and_then(Counts::usage).or_else(aside)
    }

    /// The error that stands in place of an answer; `whole` is all of it, which some send as the error itself.
    pub fn fault(&self, whole: &[u8]) -> Option<Error> {
        let choice_error = || self.choices.as_ref()?.iter().find_map(|choice| choice.error.filter(full));
        if let Some(raw) = self.error.filter(full).or_else(choice_error) {
            return Some(fault_of(raw));
        }
        let flat = self.object.as_ref().is_some_and(|object| object.0 == "error");
        if flat { crate::wire::json::read(whole).ok().map(fault_of) } else { None }
    }

    pub fn extras(&self) -> Extras {
        let known = [("system_fingerprint", self.system_fingerprint), ("service_tier", self.service_tier), ("provider", self.provider)];
        let told = known.into_iter().filter_map(|(name, raw)| Some((name, raw.filter(full)?)));
        told.map(|(name, raw)| (name.to_owned(), raw.to_owned())).collect()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a sensible time")]
    pub fn created(&self) -> Option<u64> {
        self.created.filter(|at| (0.0..1e11).contains(at)).map(|at| at as u64)
    }
}

fn full(raw: &&RawValue) -> bool {
    tells(raw.get())
}

/// Whether there is anything in it: some send an empty error with every chunk.
pub fn tells(raw: &str) -> bool {
    !matches!(raw, "null" | "{}" | "[]" | "\"\"" | "false")
}

/// Whose proofs are told apart here; see `wire::proof`.
pub const TAG: &str = "chat";

/// A proof with whose it is: this dialect hands on those of several makers. Without a word it is Anthropic's.
fn marked(format: Option<&str>, proof: String) -> String {
    match format {
        Some(format) if !format.starts_with("anthropic") => proof::tagged(TAG, &format!("{format}:{proof}")),
        _ => proof,
    }
}

/// A proof as its maker gave it, and the word for its maker.
pub fn unmarked(proof: &str) -> (Option<&str>, &str) {
    match proof::of(TAG, proof).and_then(|marked| marked.split_once(':')) {
        Some((format, proof)) => (Some(format), proof),
        None => (None, proof),
    }
}

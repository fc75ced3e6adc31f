//! An answer as it comes: whole, or a piece of a stream, which has the same shape.

use super::usage::Counts;
use super::words::{blocked, finish, upstream_error};
use crate::error::Error;
use crate::ir::{Finish, Media, MediaKind, Native, Source, Usage};
use crate::wire::Glance;
use crate::wire::fields::Fields;
use crate::wire::lean;
use crate::wire::loose::{self, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub model_version: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub response_id: Option<Str<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow)]
    block_reason: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    pub finish_reason: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "loose::index")]
    index: Option<u64>,
    #[serde(borrow)]
    pub grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub citation_metadata: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Piece<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub text: Option<Str<'a>>,
    pub thought: Option<bool>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub thought_signature: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    pub function_call: Option<Call<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    file_data: Option<Stored<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub id: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub args: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    mime_type: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    data: Option<Str<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    mime_type: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::word")]
    file_uri: Option<Str<'a>>,
}

/// One chunk, or an array of them.
pub(super) fn chunks(data: &[u8]) -> serde_json::Result<Vec<Chunk<'_>>> {
    if data.trim_ascii_start().starts_with(b"[") { crate::wire::json::read(data) } else { Ok(vec![crate::wire::json::read(data)?]) }
}

impl<'a> Chunk<'a> {
    pub fn fault(&self) -> Option<Error> {
        self.error.map(upstream_error)
    }

    /// The answer of this number. Without numbers they are in order.
    pub fn candidate(&self, number: u32) -> Option<&Candidate<'a>> {
        let numbered = (0..).zip(self.candidates.as_ref()?);
        numbered
            .into_iter()
            .find(|(place, candidate)| candidate.index.unwrap_or(*place) == u64::from(number))
            .map(|(_, candidate)| candidate)
    }

    /// Whether, and why, the prompt was not answered at all.
    pub fn blocked(&self) -> Option<Finish> {
        blocked(self.prompt_feedback.as_ref()?.block_reason?)
    }

    pub fn usage(&self) -> Option<Usage> {
        lean::from_str::<Counts>(self.usage_metadata?.get()).ok()?.usage()
    }

    /// Adds what it tells.
    pub fn glance(&self, glance: &mut Glance) {
        glance.usage = self.usage().or(glance.usage);
        glance.failed |= self.error.is_some();
        let candidate = self.candidate(0);
        let reason = candidate.and_then(|candidate| finish(candidate.finish_reason?, false));
        glance.finished |= reason.or_else(|| self.blocked()).is_some();
        let parts = candidate.into_iter().flat_map(Candidate::parts);
        let pieces = parts.filter_map(|raw| lean::from_str::<Piece<'_>>(raw.get()).ok());
        glance.produced += pieces.map(|piece| piece.length()).sum::<usize>();
    }

    /// Whether it is an answer of this dialect at all, be it an empty one.
    pub fn answers(&self) -> bool {
        self.candidates.is_some() || self.prompt_feedback.is_some() || self.usage_metadata.is_some()
    }
}

impl<'a> Candidate<'a> {
    pub fn parts(&self) -> impl Iterator<Item = &'a RawValue> {
        self.content.iter().flat_map(|content| content.parts.iter().flatten().copied())
    }
}

impl Piece<'_> {
    fn length(&self) -> usize {
        let args = self.function_call.as_ref().and_then(|call| call.args);
        self.text.as_ref().map_or(0, |text| text.0.len()) + args.map_or(0, |raw| raw.get().len())
    }

    /// What a picture or a sound is made of.
    pub fn media(&self) -> Option<Media> {
        let owned = |text: &Option<Str<'_>>| text.as_ref().map(|text| text.0.to_string()).unwrap_or_default();
        let (media_type, source) = match (&self.inline_data, &self.file_data) {
            (Some(blob), _) => {
                let media_type = owned(&blob.mime_type);
                (media_type.clone(), Source::Inline { media_type, data: owned(&blob.data) })
            }
            (None, Some(stored)) => (owned(&stored.mime_type), Source::Url(owned(&stored.file_uri))),
            (None, None) => return None,
        };
        Some(Media { kind: media_kind(&media_type), source, name: None, detail: None, cache: None })
    }
}

pub(super) fn media_kind(media_type: &str) -> MediaKind {
    match media_type.split_once('/') {
        Some(("image", _)) => MediaKind::Image,
        Some(("audio", _)) => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// A part that only this dialect knows (code that was run, a search), by the name of its field.
pub(super) fn native(raw: &RawValue) -> Option<Native> {
    let beside = ["text", "thought", "thoughtSignature", "thought_signature", "partMetadata", "videoMetadata", "mediaResolution"];
    let fields = Fields::of(raw, String::new()).ok()?.rest();
    let (kind, _) = fields.into_iter().find(|(name, _)| !beside.contains(&name.as_str()))?;
    Some(Native { kind, raw: raw.to_owned() })
}

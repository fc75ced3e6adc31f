//! Where the statements of an answer come from.

use crate::ir::Citation;
use crate::wire::json::{Array, Object};
use crate::wire::lean;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grounding<'a> {
    #[serde(borrow)]
    grounding_chunks: Option<Vec<Place<'a>>>,
    grounding_supports: Option<Vec<Support>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(borrow)]
    web: Option<Found<'a>>,
    #[serde(borrow)]
    retrieved_context: Option<Found<'a>>,
    #[serde(borrow)]
    maps: Option<Found<'a>>,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Support {
    segment: Option<Segment>,
    grounding_chunk_indices: Option<Vec<usize>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    start_index: Option<usize>,
    end_index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recited<'a> {
    #[serde(borrow, alias = "citationSources")]
    citations: Option<Vec<Source<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    start_index: Option<usize>,
    end_index: Option<usize>,
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
}

/// The text so far that citations point into.
pub(super) struct Cited<'t> {
    pub text: &'t str,
    /// Characters of the answer before it.
    pub before: u64,
}

impl Cited<'_> {
    fn range(&self, start: Option<usize>, end: Option<usize>) -> Option<(u64, u64)> {
        let letters = |bytes: usize| u64::try_from(self.text.get(..bytes)?.chars().count()).ok();
        let (start, end) = (letters(start.unwrap_or(0))?, letters(end?)?);
        Some((self.before.saturating_add(start), self.before.saturating_add(end)))
    }
}

/// What `groundingMetadata` says of a text: each place for each stretch it supports, or just the places.
pub(super) fn grounded(raw: &RawValue, cited: &Cited<'_>) -> Vec<Citation> {
    let grounding: Grounding<'_> = lean::from_str(raw.get()).unwrap_or_default();
    let places = grounding.grounding_chunks.unwrap_or_default();
    let supports = grounding.grounding_supports.unwrap_or_default();
    if supports.is_empty() {
        return places.iter().filter_map(|place| place.citation(None)).collect();
    }
    let of_support = |support: Support| {
        let segment = support.segment.unwrap_or_default();
        let range = cited.range(segment.start_index, segment.end_index);
        let indices = support.grounding_chunk_indices.unwrap_or_default();
        indices.into_iter().filter_map(|index| places.get(index)?.citation(range)).collect::<Vec<_>>()
    };
    supports.into_iter().flat_map(of_support).collect()
}

/// What `citationMetadata` says: texts that the model repeats.
pub(super) fn recited(raw: &RawValue, cited: &Cited<'_>) -> Vec<Citation> {
    let sources = lean::from_str::<Recited<'_>>(raw.get()).ok().and_then(|recited| recited.citations).unwrap_or_default();
    let citation = |source: Source<'_>| {
        let url = Some(source.uri?.into_owned());
        let range = cited.range(source.start_index, source.end_index);
        Some(Citation { url, title: source.title.map(Cow::into_owned), range, ..Citation::default() })
    };
    sources.into_iter().filter_map(citation).collect()
}

impl Place<'_> {
    fn citation(&self, range: Option<(u64, u64)>) -> Option<Citation> {
        let found = self.web.as_ref().or(self.retrieved_context.as_ref()).or(self.maps.as_ref())?;
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Some(Citation { url: owned(&found.uri), title: owned(&found.title), quote: owned(&found.text), range, raw: None })
    }
}

/// Citations as `groundingMetadata` of the whole text.
pub(super) fn write_grounding(out: &mut Vec<u8>, citations: &[Citation], text: &str) {
    let mut places: Vec<&Citation> = Vec::new();
    let mut supports = Vec::new();
    let mut written = Array::open(&mut supports);
    for citation in citations {
        let same = |place: &&Citation| (&place.url, &place.title) == (&citation.url, &citation.title);
        let index = places.iter().position(same).unwrap_or_else(|| {
            places.push(citation);
            places.len() - 1
        });
        if let Some((start, end)) = citation.range.and_then(|(start, end)| Some((bytes(text, start)?, bytes(text, end)?))) {
            let mut support = Object::open(written.slot());
            let segment = Object::open(support.slot("segment")).with("startIndex", &start).with("endIndex", &end);
            segment.with("text", text.get(start..end).unwrap_or_default()).close();
            support.with("groundingChunkIndices", &[index]).close();
        }
    }
    written.close();
    let mut object = Object::open(out);
    let mut chunks = Array::open(object.slot("groundingChunks"));
    for place in places {
        let mut chunk = Object::open(chunks.slot());
        let kind = if place.quote.is_some() { "retrievedContext" } else { "web" };
        let found = Object::open(chunk.slot(kind)).maybe("uri", place.url.as_ref()).maybe("title", place.title.as_ref());
        found.maybe("text", place.quote.as_ref()).close();
        chunk.close();
    }
    chunks.close();
    object.slot("groundingSupports").append(&mut supports);
    object.close();
}

/// How many bytes so many characters are.
fn bytes(text: &str, letters: u64) -> Option<usize> {
    let letters = usize::try_from(letters).ok()?;
    text.char_indices().map(|(place, _)| place).chain([text.len()]).nth(letters)
}

//! The items of an answer, as providers really send them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::text;
use crate::ir::{Citation, Native, Part, Text, Thinking, ToolCall};
use crate::wire::lean;
use crate::wire::proof;

/// Whose proofs these are; see `wire::proof`.
pub(super) const TAG: &str = "responses";

/// How the ids of reasoning items begin that show a proof of another provider, so that it is known again.
pub(super) const FOREIGN_SIGNED: &str = "rs_signed_";
pub(super) const FOREIGN_REDACTED: &str = "rs_redacted_";

#[derive(Default, Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    call_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Piece<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

/// What an item of an answer says.
pub(super) fn parts(raw: &RawValue) -> Vec<Part> {
    let item = Item::of(raw);
    match &*item.kind() {
        "message" => item.said(),
        "function_call" => vec![Part::ToolCall(item.call())],
        "reasoning" => item.thought().map(Part::Thinking).into_iter().collect(),
        kind => vec![Part::Native(Native { kind: kind.to_owned(), raw: raw.to_owned() })],
    }
}

impl<'a> Item<'a> {
    pub fn of(raw: &'a RawValue) -> Self {
        lean::from_str(raw.get()).unwrap_or_default()
    }

    pub fn kind(&self) -> Cow<'a, str> {
        text(self.kind)
    }

    pub fn id(&self) -> Cow<'a, str> {
        text(self.id)
    }

    pub fn call(&self) -> ToolCall {
        let id = Some(text(self.call_id)).filter(|id| !id.is_empty()).unwrap_or_else(|| self.id());
        ToolCall { id: id.into_owned(), name: text(self.name).into_owned(), arguments: self.arguments().into_owned(), cache: None }
    }

    /// JSON text; some send the object itself.
    fn arguments(&self) -> Cow<'a, str> {
        match self.arguments {
            Some(raw) if raw.get().starts_with('{') => Cow::Borrowed(raw.get()),
            told => text(told),
        }
    }

    fn said(&self) -> Vec<Part> {
        if let Some(raw) = self.content.filter(|raw| raw.get().starts_with('"')) {
            return vec![Part::text(text(Some(raw)))];
        }
        list(self.content).into_iter().filter_map(said).collect()
    }

    /// Thinking with its proof; none when the item shows neither.
    pub fn thought(&self) -> Option<Thinking> {
        let pieces = list(self.summary).into_iter().chain(list(self.content)).filter_map(|raw| lean::from_str::<Piece<'_>>(raw.get()).ok());
        let told: Vec<_> = pieces.map(|piece| text(piece.text)).filter(|told| !told.is_empty()).collect();
        let thinking = thinking(&self.id(), &text(self.encrypted_content), told.join("\n\n"));
        (!thinking.text.is_empty() || thinking.redacted.is_some() || thinking.signature.is_some()).then_some(thinking)
    }

    pub fn citations(&self) -> Vec<Citation> {
        let pieces = list(self.content).into_iter().filter_map(|raw| lean::from_str::<Piece<'_>>(raw.get()).ok());
        pieces.flat_map(|piece| citations(piece.annotations)).collect()
    }
}

/// Encrypted content as the one form has it, bound to its item; nothing for nothing.
fn proof_of(id: &str, encrypted: &str) -> Option<String> {
    let foreign = id.starts_with(FOREIGN_SIGNED) || id.starts_with(FOREIGN_REDACTED);
    match encrypted {
        "" => None,
        whole if foreign => Some(whole.to_owned()),
        whole if proof::untagged(whole).is_none() => Some(whole.to_owned()),
        own => Some(proof::tagged(TAG, &format!("{id}:{own}"))),
    }
}

/// A proof of this dialect taken apart into the item's id and its encrypted content.
pub(super) fn own_proof(told: &str) -> Option<(&str, &str)> {
    proof::of(TAG, told)?.split_once(':')
}

/// What a reasoning item thinks. A proof beside text is its signature, one without is thinking that nobody may read;
/// of a foreign one the id says which.
pub(super) fn thinking(id: &str, encrypted: &str, text: String) -> Thinking {
    let proof = proof_of(id, encrypted);
    let signs = id.starts_with(FOREIGN_SIGNED) || !id.starts_with(FOREIGN_REDACTED) && !text.is_empty();
    let (signature, redacted) = if signs { (proof, None) } else { (None, proof) };
    Thinking { text, signature, redacted }
}

fn list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(|raw| lean::from_str(raw.get()).ok()).unwrap_or_default()
}

fn said(raw: &RawValue) -> Option<Part> {
    let piece: Piece<'_> = lean::from_str(raw.get()).ok()?;
    match &*text(piece.kind) {
        "output_text" | "text" | "" => {
            let (text, citations) = (text(piece.text).into_owned(), citations(piece.annotations));
            (!text.is_empty() || !citations.is_empty()).then_some(Part::Text(Text { text, citations, cache: None }))
        }
        "refusal" => Some(Part::Refusal(text(piece.refusal).into_owned())),
        kind => Some(Part::Native(Native { kind: kind.to_owned(), raw: raw.to_owned() })),
    }
}

fn citations(annotations: Option<&RawValue>) -> Vec<Citation> {
    list(annotations).into_iter().filter_map(citation).collect()
}

/// Sources with an address; places in files of the provider's own mean nothing elsewhere, but are kept whole.
pub(super) fn citation(raw: &RawValue) -> Option<Citation> {
    #[derive(Deserialize)]
    struct Annotation<'a> {
        #[serde(borrow, default)]
        url: Option<&'a RawValue>,
        #[serde(borrow, default)]
        title: Option<&'a RawValue>,
        #[serde(borrow, default)]
        filename: Option<&'a RawValue>,
        #[serde(default)]
        start_index: Option<u64>,
        #[serde(default)]
        end_index: Option<u64>,
    }
    let told: Annotation<'_> = lean::from_str(raw.get()).ok()?;
    let word = |raw| Some(text(raw).into_owned()).filter(|word| !word.is_empty());
    Some(Citation {
        url: word(told.url),
        title: word(told.title).or_else(|| word(told.filename)),
        quote: None,
        range: told.start_index.zip(told.end_index),
        raw: Some(raw.to_owned()),
    })
}

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::answer::{Answer, Choice, Said, arguments, called, content, text, unmarked};
use super::beside::{self, Place, beside, beside_calls};
use super::ending::{failure, finish, finish_word};
use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Extras, Finish, Part, Reason, Response, Text, Thinking, ToolCall};
use crate::wire::Echo;
use crate::wire::answer::CallIds;
use crate::wire::family::usage_object;
use crate::wire::json::{Array, Object};

pub fn decode_response(body: &[u8]) -> Result<Response> {
    let answer = answer(body)?;
    let choice = first(&answer).ok_or_else(no_choice)?;
    let said = choice.message.as_ref().or(choice.delta.as_ref()).ok_or_else(no_choice)?;
    let (parts, finish) = told(choice, said, &answer);
    let mut rest: Vec<&Choice<'_>> =
        answer.choices.iter().flatten().filter(|other| !std::ptr::eq(*other, choice)).take(MOST_OTHERS).collect();
    crate::order::sort(&mut rest, |one, other| one.index < other.index);
    let others = rest.into_iter().filter_map(|other| Some(told(other, other.message.as_ref()?, &answer))).collect();
    let odds = choice.odds().map(|raw| (ODDS.to_owned(), raw));
    Ok(Response {
        id: answer.id.as_ref().map(|id| id.0.to_string()).unwrap_or_default(),
        model: answer.model.as_ref().map(|model| model.0.to_string()).unwrap_or_default(),
        created: answer.created(),
        parts,
        finish,
        others,
        usage: answer.counted(),
        extras: answer.extras().into_iter().chain(odds).chain(beside(body)).chain(beside_calls(&said.tool_calls)).collect(),
    })
}

/// The name among the extras of how likely the tokens were.
const ODDS: &str = "logprobs";

pub(super) fn answer(body: &[u8]) -> Result<Answer<'_>> {
    let answer: Answer<'_> = crate::wire::json::read(body)
        .map_err(|_| Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for."))?;
    let fault = answer.fault(body).or_else(|| failure(&first(&answer)?.finish_reason.as_ref()?.0));
    match fault {
        Some(error) => Err(error),
        None if answer.choices.as_ref().is_none_or(Vec::is_empty) => Err(no_choice()),
        None => Ok(answer),
    }
}

fn first<'c, 'a>(answer: &'c Answer<'a>) -> Option<&'c Choice<'a>> {
    answer.choices.iter().flatten().min_by_key(|choice| choice.index.unwrap_or(0))
}

fn no_choice() -> Error {
    Error::upstream(Kind::Failed, "The provider's answer has no choices.")
}

/// As many choices as may be asked for, less the first.
const MOST_OTHERS: usize = 127;

/// What a choice says, and why it ended.
fn told(choice: &Choice<'_>, said: &Said<'_>, answer: &Answer<'_>) -> (Vec<Part>, Finish) {
    let parts = parts(said, answer);
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let finish = finish(choice.finish_reason.as_ref().map(|word| &*word.0), called, refused);
    (parts, finish)
}

fn parts(said: &Said<'_>, answer: &Answer<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let content = content(said.content);
    let details = said.reasoning_parts();
    if details.iter().any(|part| part.signature.is_some() || part.redacted.is_some()) {
        // Where the proofs bring no words, these stand beside them.
        let words = said.reasoning_text().filter(|_| details.iter().all(|part| part.text.is_empty()));
        parts.extend(words.map(|text| Part::Thinking(Thinking { text: text.into_owned(), ..Thinking::default() })));
        parts.extend(details.into_iter().map(Part::Thinking));
    } else if let Some(text) = said.reasoning_text().map(Cow::into_owned).or(Some(content.thinking).filter(|text| !text.is_empty())) {
        parts.push(Part::Thinking(Thinking { text, ..Thinking::default() }));
    } else {
        parts.extend(details.into_iter().filter(|part| !part.text.is_empty()).map(Part::Thinking));
    }
    if !content.text.is_empty() {
        let citations = said.citations().into_iter().chain(answer.sources()).collect();
        parts.push(Part::Text(Text { text: content.text, citations, cache: None }));
    }
    parts.extend(said.pictures().into_iter().map(Part::Media));
    if let Some(refusal) = text(said.refusal).filter(|refusal| !refusal.is_empty()) {
        parts.push(Part::Refusal(refusal.into_owned()));
    }
    let calls = said.tool_calls.iter().filter_map(|call| Some((call.id.as_ref(), called(call)?)));
    let older = said.function_call.iter().filter(|function| function.name.as_ref().is_some_and(|name| !name.0.is_empty()));
    for (id, function) in calls.chain(older.map(|function| (None, function))) {
        parts.push(Part::ToolCall(ToolCall {
            id: id.map(|id| id.0.to_string()).unwrap_or_default(),
            name: function.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default(),
            arguments: arguments(function).into_owned(),
            cache: None,
        }));
    }
    parts
}

pub fn encode_response(response: &Response, echo: &Echo) -> Vec<u8> {
    let mut body = Vec::with_capacity(1_024);
    let mut object = head(&mut body, "chat.completion", &response.id, &response.model, response.created, echo);
    let mut choices = Array::open(object.slot("choices"));
    write_choice(choices.slot(), 0, &response.parts, response.finish.reason, &response.extras, echo);
    for (at, (parts, finish)) in response.others.iter().enumerate() {
        write_choice(choices.slot(), at.saturating_add(1), parts, finish.reason, &Extras::new(), echo);
    }
    choices.close();
    if let Some(usage) = &response.usage {
        beside::write(usage_object(object.slot("usage"), usage), &response.extras, Place::Usage).close();
    }
    for (name, raw) in own_extras(&response.extras) {
        object = object.with(name, raw);
    }
    beside::write(object, &response.extras, Place::Answer).close();
    body
}

fn write_choice(out: &mut Vec<u8>, index: usize, parts: &[Part], reason: Reason, extras: &Extras, echo: &Echo) {
    let mut choice = Object::open(out).with("index", &index);
    write_message(choice.slot("message"), parts, extras, echo);
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let odds = extras.iter().find(|(name, _)| name == ODDS).map(|(_, raw)| raw);
    let choice = choice.with("logprobs", &odds).with("finish_reason", finish_word(reason, called, refused));
    beside::write(choice, extras, Place::Choice).close();
}

/// The fields that open an answer, streamed or whole.
pub(super) fn head<'o>(out: &'o mut Vec<u8>, kind: &str, id: &str, model: &str, created: Option<u64>, echo: &Echo) -> Object<'o> {
    let id = if id.is_empty() { Cow::Owned(format!("chatcmpl-{}", echo.nonce)) } else { Cow::Borrowed(id) };
    let model = if model.is_empty() { &echo.model } else { model };
    Object::open(out).with("id", &id).with("object", kind).with("created", &created.unwrap_or(echo.now)).with("model", model)
}

/// The extras that are of this dialect, and in its words: clients know no other tiers.
pub(super) fn own_extras(extras: &Extras) -> impl Iterator<Item = (&str, &RawValue)> {
    const TIERS: [&str; 6] = ["\"auto\"", "\"default\"", "\"flex\"", "\"scale\"", "\"priority\"", "\"fast\""];
    let own = |(name, raw): &&(String, Box<RawValue>)| match name.as_str() {
        "service_tier" => TIERS.contains(&raw.get()),
        "system_fingerprint" | "provider" => raw.get().starts_with('"'),
        _ => false,
    };
    extras.iter().filter(own).map(|(name, raw)| (name.as_str(), &**raw))
}

fn write_message(out: &mut Vec<u8>, parts: &[Part], extras: &Extras, echo: &Echo) {
    let mut text = String::new();
    let mut citations: Vec<(Citation, (u64, u64))> = Vec::new();
    let mut refusal: Option<String> = None;
    for part in parts {
        match part {
            Part::Text(part) => {
                let start = length(&text);
                text.push_str(&part.text);
                let range = (start, length(&text));
                citations.extend(part.citations.iter().map(|citation| (citation.clone(), citation.range.unwrap_or(range))));
            }
            Part::Media(media) => text.push_str(&media.link()),
            Part::Refusal(words) => refusal.get_or_insert_default().push_str(words),
            _ => {}
        }
    }
    let thoughts: Vec<&Thinking> =
        parts.iter().filter_map(|part| if let Part::Thinking(part) = part { Some(part) } else { None }).collect();
    let calls: Vec<&ToolCall> = parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None }).collect();
    let mut message =
        Object::open(out).with("role", "assistant").with("content", &(!text.is_empty()).then_some(&text)).with("refusal", &refusal);
    let thought: String = thoughts.iter().map(|thinking| thinking.text.as_str()).collect();
    if !thought.is_empty() {
        message = message.with("reasoning_content", &thought);
    }
    if thoughts.iter().any(|thinking| thinking.signature.is_some() || thinking.redacted.is_some()) {
        let mut details = Array::open(message.slot("reasoning_details"));
        for (index, thinking) in thoughts.iter().enumerate() {
            write_detail(details.slot(), thinking, index);
        }
        details.close();
    }
    if !calls.is_empty() {
        let mut list = Array::open(message.slot("tool_calls"));
        let mut ids = CallIds::new("call", echo);
        for (at, call) in calls.iter().enumerate() {
            let call = call_object(list.slot(), call, &mut ids);
            beside::write(call, extras, Place::Call(at)).close();
        }
        list.close();
    }
    let cited: Vec<_> = citations.iter().filter(|(citation, _)| citation.url.is_some()).collect();
    if !cited.is_empty() {
        let mut list = Array::open(message.slot("annotations"));
        cited.iter().for_each(|(citation, range)| write_annotation(list.slot(), citation, *range));
        list.close();
    }
    beside::write(message, extras, Place::Message).close();
}

pub(super) fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// Thinking with its proof, in the words of those who have a place for it; sent back, it keeps a tool loop whole.
pub(super) fn write_detail(out: &mut Vec<u8>, thinking: &Thinking, index: usize) {
    match &thinking.redacted {
        Some(data) => {
            let (format, data) = unmarked(data);
            Object::typed(out, "reasoning.encrypted").with("data", data).maybe("format", format).with("index", &index).close();
        }
        None => {
            let (format, signature) = thinking.signature.as_deref().map(unmarked).unzip();
            let detail = Object::typed(out, "reasoning.text").with("text", &thinking.text).with("signature", &signature);
            detail.maybe("format", format.flatten()).with("index", &index).close();
        }
    }
}

fn call_object<'o>(out: &'o mut Vec<u8>, call: &ToolCall, ids: &mut CallIds) -> Object<'o> {
    let mut object = Object::open(out).with("id", &ids.unique(&call.id)).with("type", "function");
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    Object::open(object.slot("function")).with("name", &call.name).with("arguments", arguments).close();
    object
}

pub(super) fn write_annotation(out: &mut Vec<u8>, citation: &Citation, (start, end): (u64, u64)) {
    let mut object = Object::typed(out, "url_citation");
    Object::open(object.slot("url_citation"))
        .with("start_index", &start)
        .with("end_index", &end)
        .with("url", citation.url.as_deref().unwrap_or_default())
        .with("title", citation.title.as_deref().unwrap_or_default())
        .close();
    object.close();
}

//! OpenAI's legacy text completions: <https://platform.openai.com/docs/api-reference/completions>
//!
//! Relayed to providers that have it. For the others, which only hold conversations, the prompt becomes a turn of
//! the user and the answer's text the completion.
//!
//! Surprises
//! - `prompt` is a string, a list of strings, a list of token ids, or a list of such lists. Only one text can be a
//!   turn; tokens are numbers of one model and mean nothing to another.
//! - A model that holds conversations answers the prompt, it does not go on writing it.
//! - `max_tokens` is 16 when it is not given; models that hold conversations are not cut off there.
//! - `logprobs` is a number here, and a flag in chat.
//! - A stream has no opening chunk; usage comes, if asked for, in a last chunk without choices.
//! - Thinking has no place in this form and stays behind; a refusal's words are the text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::family::{Counts, write_usage};
pub use super::family::{encode_error, is_own_error};
use super::fields::{Fields, is_string, items, plain};
use super::frame::sse;
use super::json::{Array, Object};
use super::{Echo, Glance, Inbound, Writer};
use crate::error::{Error, Kind, Result};
use crate::ir::{Block, Delta, Event, Losses, Part, Reason, Request, Response, Role, Turn};

pub const INBOUND: Inbound = Inbound {
    decode_request,
    encode_response,
    writer: |echo| Box::new(StreamWriter::new(echo)),
    encode_error: |error, _| encode_error(error),
    is_own_error,
    glance_frame,
    glance_response,
};

/// The request as a conversation of one turn, for a target that has no text completions.
pub fn decode_request(body: &[u8], losses: &mut Losses) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let prompt = fields.take("prompt");
    let prompt = prompt_text(fields.required("prompt", prompt)?)?;
    refuse_what_only_completions_do(&mut fields)?;
    if fields.count("best_of")?.is_some_and(|best_of| best_of > 1) {
        losses.drop("best_of");
    }
    if fields.count("logprobs")?.is_some() {
        losses.drop("logprobs");
    }
    let options = fields.object("stream_options")?;
    let stream_usage = options.map(|mut options| options.flag("include_usage")).transpose()?.flatten().unwrap_or(false);
    let mut request = Request {
        model: fields.text("model")?.unwrap_or_default(),
        turns: vec![Turn { role: Role::User, parts: vec![Part::text(prompt)], name: None }],
        max_tokens: fields.count("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.plain("seed", "an integer")?,
        stop: stop(&mut fields)?,
        user: fields.text("user")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        stream_usage,
        ..Request::default()
    };
    request.extras = fields.rest();
    Ok(request)
}

fn prompt_text(raw: &RawValue) -> Result<String> {
    let text = if is_string(raw) { plain(raw, "prompt", "a string")? } else { only_prompt(raw)? };
    if text.is_empty() { Err(refusal("prompt", "it is empty; send the text to be answered")) } else { Ok(text) }
}

fn only_prompt(raw: &RawValue) -> Result<String> {
    let prompts = items(raw, "prompt").map_err(|_| super::fields::wrong("prompt", "a string or an array with one string"))?;
    match prompts.as_slice() {
        [] => Err(refusal("prompt", "the list is empty; send one prompt")),
        [only] if is_string(only) => plain(only, "prompt.0", "a string"),
        [first, ..] if is_string(first) => Err(refusal("prompt", "this model takes one prompt per request; send each on its own")),
        _ => Err(refusal("prompt", "token ids mean nothing to this model; send the prompt as text")),
    }
}

fn refuse_what_only_completions_do(fields: &mut Fields<'_>) -> Result<()> {
    if fields.text("suffix")?.is_some_and(|suffix| !suffix.is_empty()) {
        return Err(refusal("suffix", "this model cannot insert text before a suffix; put both into the prompt"));
    }
    if fields.flag("echo")? == Some(true) {
        return Err(refusal("echo", "this model does not repeat the prompt; put it before the answer yourself"));
    }
    match fields.count("n")? {
        Some(0) => Err(refusal("n", "expected 1 or more")),
        Some(n) if n > 1 => Err(refusal("n", "this model gives one answer per request; send n=1 or call it n times")),
        _ => Ok(()),
    }
}

fn refusal(param: &str, words: &str) -> Error {
    Error::invalid(format!("{param}: {words}")).with_param(param)
}

fn stop(fields: &mut Fields<'_>) -> Result<Vec<String>> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(raw) if is_string(raw) => Ok(vec![plain(raw, "stop", "a string")?]),
        Some(raw) => plain(raw, "stop", "a string or an array of strings"),
    }
}

pub fn encode_response(response: &Response, echo: &Echo) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    let mut object = head(&mut body, &response.id, &response.model, response.created, echo);
    let text: String = response.parts.iter().filter_map(text_of).collect();
    write_choices(object.slot("choices"), &text, Some(finish_word(response.finish.reason)));
    if let Some(usage) = &response.usage {
        write_usage(object.slot("usage"), usage);
    }
    object.close();
    body
}

fn text_of(part: &Part) -> Option<Cow<'_, str>> {
    match part {
        Part::Text(text) => Some(Cow::Borrowed(text.text.as_str())),
        Part::Refusal(words) => Some(Cow::Borrowed(words.as_str())),
        Part::Media(media) => Some(Cow::Owned(media.link())),
        _ => None,
    }
}

/// The fields that open an answer, streamed or whole.
fn head<'o>(out: &'o mut Vec<u8>, id: &str, model: &str, created: Option<u64>, echo: &Echo) -> Object<'o> {
    let id = if id.is_empty() { Cow::Owned(format!("cmpl-{}", echo.nonce)) } else { Cow::Borrowed(id) };
    let model = if model.is_empty() { &echo.model } else { model };
    Object::open(out).with("id", &id).with("object", "text_completion").with("created", &created.unwrap_or(echo.now)).with("model", model)
}

fn write_choices(out: &mut Vec<u8>, text: &str, finish: Option<&str>) {
    let mut choices = Array::open(out);
    Object::open(choices.slot()).with("text", text).with("index", &0).with("logprobs", &()).with("finish_reason", &finish).close();
    choices.close();
}

fn finish_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Stop | Reason::Pause | Reason::ToolCalls => "stop",
        Reason::Length => "length",
        Reason::Filtered | Reason::Refusal => "content_filter",
    }
}

/// Events to chunks of text.
#[derive(Debug)]
pub struct StreamWriter {
    echo: Echo,
    /// What every chunk begins with, up to its choices.
    prefix: Vec<u8>,
    /// The open block is one whose text is part of the completion.
    speaking: bool,
}

impl StreamWriter {
    pub fn new(echo: Echo) -> Self {
        Self { echo, prefix: Vec::new(), speaking: false }
    }

    fn chunk(&self, text: &str, finish: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"choices\":");
        write_choices(out, text, finish);
        out.extend_from_slice(if self.echo.stream_usage { b",\"usage\":null}\n\n".as_slice() } else { b"}\n\n" });
    }
}

const DONE: &[u8] = b"data: [DONE]\n\n";

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, created, .. } => {
                self.prefix.extend_from_slice(b"data: ");
                // The object stays open: each chunk goes on from here.
                let _ = head(&mut self.prefix, id, model, *created, &self.echo);
                self.prefix.push(b',');
            }
            Event::Start { block, .. } => {
                self.speaking = matches!(block, Block::Text | Block::Refusal);
                if let Block::Media(media) = block {
                    self.chunk(&media.link(), None, out);
                }
            }
            Event::Delta(Delta::Text(text)) if self.speaking => self.chunk(text, None, out),
            Event::Delta(_) | Event::End => {}
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Finish { finish, usage, .. } => {
                self.chunk("", Some(finish_word(finish.reason)), out);
                if let (true, Some(usage)) = (self.echo.stream_usage, usage) {
                    out.extend_from_slice(&self.prefix);
                    out.extend_from_slice(b"\"choices\":[],\"usage\":");
                    write_usage(out, usage);
                    out.extend_from_slice(b"}\n\n");
                }
                out.extend_from_slice(DONE);
            }
            Event::Error(error) => {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&encode_error(error));
                out.extend_from_slice(b"\n\n");
                out.extend_from_slice(DONE);
            }
        }
    }
}

/// What of a passing answer or chunk must be known.
#[derive(Deserialize)]
struct Passing<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

impl Passing<'_> {
    fn produced(&self) -> usize {
        self.choices.iter().flatten().filter_map(|choice| choice.text).map(|text| text.get().len().saturating_sub(2)).sum()
    }
}

/// Adds what a passing chunk tells.
pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    glance.failed |= frame.event == Some("error");
    let Ok(chunk) = crate::wire::json::read::<Passing<'_>>(frame.data) else { return };
    glance.failed |= chunk.error.is_some();
    glance.usage = chunk.usage.as_ref().and_then(Counts::usage).or(glance.usage);
    glance.produced = glance.produced.saturating_add(chunk.produced());
    glance.finished |= chunk.choices.iter().flatten().any(|choice| choice.finish_reason.is_some());
}

/// What a whole passing answer tells; an error when it is none.
pub fn glance_response(body: &[u8]) -> Result<Glance> {
    let answer: Passing<'_> = crate::wire::json::read(body)
        .map_err(|_| Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for."))?;
    if let Some(raw) = answer.error {
        return Err(super::family::fault_of(raw));
    }
    if answer.choices.as_ref().is_none_or(Vec::is_empty) {
        return Err(Error::upstream(Kind::Failed, "The provider's answer has no choices."));
    }
    Ok(Glance { usage: answer.usage.as_ref().and_then(Counts::usage), produced: answer.produced(), finished: true, failed: false })
}

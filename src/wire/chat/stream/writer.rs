use crate::ir::{Block, Citation, Delta, Event, Extras, Finish, Raw, Thinking, Usage};
use crate::wire::answer::CallIds;
use crate::wire::chat::beside::{self, Place};
use crate::wire::chat::ending::finish_word;
use crate::wire::chat::response::{head, length, own_extras, write_annotation, write_detail};
use crate::wire::family::{encode_error, usage_object};
use crate::wire::json::{Object, value};
use crate::wire::pipe::LONGEST_REPEATED;
use crate::wire::{Echo, Writer};
use serde_json::value::RawValue;

/// Events to chunks.
pub struct StreamWriter {
    echo: Echo,
    /// What every chunk begins with, up to its choices.
    prefix: Vec<u8>,
    open: Option<Open>,
    calls: usize,
    refused: bool,
    thoughts: usize,
    ids: CallIds,
    /// How likely the tokens of the next piece of text were.
    odds: Option<Raw>,
    /// Characters of text so far, for the ranges of citations.
    said: u64,
    /// What was told beside the answer at its beginning, for places that come later.
    extras: Extras,
}

enum Open {
    Text {
        start: u64,
    },
    /// What was thought so far, which its proof is shown with.
    Thinking {
        text: String,
    },
    Refusal,
    Call {
        silent: bool,
    },
    Nothing,
}

impl StreamWriter {
    pub fn new(echo: Echo) -> Self {
        let ids = CallIds::new("call", &echo);
        Self {
            echo,
            prefix: Vec::new(),
            open: None,
            calls: 0,
            refused: false,
            thoughts: 0,
            ids,
            odds: None,
            said: 0,
            extras: Extras::new(),
        }
    }

    /// A chunk whose delta has this one field.
    fn chunk(&self, out: &mut Vec<u8>, field: &str, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"choices\":[{\"index\":0,\"delta\":{\"");
        out.extend_from_slice(field.as_bytes());
        out.extend_from_slice(b"\":");
        write(out);
        out.extend_from_slice(b"},\"logprobs\":");
        value(out, &self.odds);
        out.extend_from_slice(b",\"finish_reason\":null}]");
        self.end(out);
    }

    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.echo.stream_usage { b",\"usage\":null}\n\n".as_slice() } else { b"}\n\n" });
    }

    fn call(&self, out: &mut Vec<u8>, write: impl FnOnce(Object<'_>)) {
        let index = self.calls.saturating_sub(1);
        self.chunk(out, "tool_calls", |out| {
            out.push(b'[');
            write(Object::open(out).with("index", &index));
            out.push(b']');
        });
    }

    fn arguments(&self, text: &str, out: &mut Vec<u8>) {
        self.call(out, |mut call| {
            Object::open(call.slot("function")).with("arguments", text).close();
            call.close();
        });
    }

    fn start(&mut self, block: &Block, out: &mut Vec<u8>) {
        self.open = Some(match block {
            Block::Text => Open::Text { start: self.said },
            Block::Thinking => Open::Thinking { text: String::new() },
            Block::Refusal => {
                self.refused = true;
                Open::Refusal
            }
            Block::Media(media) => {
                self.say(&media.link(), out);
                Open::Nothing
            }
            Block::Native(_) => Open::Nothing,
            Block::Redacted(data) => {
                self.detail(&Thinking { redacted: Some(data.clone()), ..Thinking::default() }, out);
                Open::Nothing
            }
            Block::ToolCall { id, name } => {
                self.calls = self.calls.saturating_add(1);
                let id = self.ids.unique(id);
                let place = Place::Call(self.calls.saturating_sub(1));
                self.call(out, |call| {
                    let mut call = call.with("id", &id).with("type", "function");
                    Object::open(call.slot("function")).with("name", name).with("arguments", "").close();
                    beside::write(call, &self.extras, place).close();
                });
                Open::Call { silent: true }
            }
        });
    }

    fn detail(&mut self, thinking: &Thinking, out: &mut Vec<u8>) {
        let index = self.thoughts;
        self.thoughts = self.thoughts.saturating_add(1);
        self.chunk(out, "reasoning_details", |out| {
            out.push(b'[');
            write_detail(out, thinking, index);
            out.push(b']');
        });
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        if let Delta::Odds(odds) = delta {
            self.odds = Some(odds.clone());
            return;
        }
        match (delta, &mut self.open) {
            (Delta::Extra(name, raw), Some(Open::Call { .. })) => {
                let (place, extras) = (Place::Call(self.calls.saturating_sub(1)), vec![(name.clone(), raw.clone())]);
                self.call(out, |call| beside::write(call, &extras, place).close());
            }
            (Delta::Text(text), Some(Open::Text { .. })) => self.say(text, out),
            (Delta::Text(more), Some(Open::Thinking { text })) => {
                text.push_str(more);
                self.chunk(out, "reasoning_content", |out| value(out, more));
            }
            (Delta::Text(text), Some(Open::Refusal)) => self.chunk(out, "refusal", |out| value(out, text)),
            (Delta::Arguments(text), Some(Open::Call { silent })) => {
                *silent &= text.trim().is_empty();
                self.arguments(text, out);
            }
            (Delta::Signature(signature), Some(Open::Thinking { text })) if !signature.is_empty() => {
                let text = std::mem::take(text);
                self.detail(&Thinking { text, signature: Some(signature.clone()), redacted: None }, out);
            }
            (Delta::Citation(citation), Some(Open::Text { start })) => {
                let range = citation.range.unwrap_or((*start, self.said));
                self.cite(citation, range, out);
            }
            _ => {}
        }
        self.odds = None;
    }

    fn say(&mut self, text: &str, out: &mut Vec<u8>) {
        self.said = self.said.saturating_add(length(text));
        self.chunk(out, "content", |out| value(out, text));
    }

    fn cite(&self, citation: &Citation, range: (u64, u64), out: &mut Vec<u8>) {
        if citation.url.is_some() {
            self.chunk(out, "annotations", |out| {
                out.push(b'[');
                write_annotation(out, citation, range);
                out.push(b']');
            });
        }
    }

    fn finish(&self, finish: &Finish, usage: Option<&Usage>, extras: &Extras, out: &mut Vec<u8>) {
        let last = |place| if extras.iter().any(|(name, _)| beside::is_in(name, place)) { extras } else { &self.extras };
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"choices\":[");
        let mut choice = Object::open(out).with("index", &0);
        beside::write(Object::open(choice.slot("delta")), extras, Place::Message).close();
        let word = finish_word(finish.reason, self.calls > 0, self.refused);
        let choice = choice.with("logprobs", &()).with("finish_reason", word);
        beside::write(choice, last(Place::Choice), Place::Choice).close();
        out.push(b']');
        write_each(out, own_extras(extras).chain(beside::in_place(extras, Place::Answer)));
        self.end(out);
        if let (true, Some(usage)) = (self.echo.stream_usage, usage) {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(b"\"choices\":[],\"usage\":");
            beside::write(usage_object(out, usage), last(Place::Usage), Place::Usage).close();
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(DONE);
    }
}

/// Adds fields to an object that is written by hand.
fn write_each<'e>(out: &mut Vec<u8>, fields: impl Iterator<Item = (&'e str, &'e RawValue)>) {
    for (name, raw) in fields {
        out.push(b',');
        value(out, name);
        out.push(b':');
        value(out, raw);
    }
}

const DONE: &[u8] = b"data: [DONE]\n\n";

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, created, extras, .. } => {
                self.prefix.extend_from_slice(b"data: ");
                let mut object = head(&mut self.prefix, "chat.completion.chunk", id, model, *created, &self.echo);
                for (name, raw) in own_extras(extras).filter(|(_, raw)| raw.get().len() <= LONGEST_REPEATED) {
                    object = object.with(name, raw);
                }
                // The object stays open: each chunk goes on from here.
                let _ = object;
                self.prefix.push(b',');
                out.extend_from_slice(&self.prefix);
                out.extend_from_slice(b"\"choices\":[{\"index\":0,\"delta\":");
                let delta = Object::open(out).with("role", "assistant").with("content", "").with("refusal", &());
                beside::write(delta, extras, Place::Message).close();
                out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]");
                write_each(out, beside::in_place(extras, Place::Answer));
                self.end(out);
                self.extras.clone_from(extras);
            }
            Event::Start { block, .. } => self.start(block, out),
            Event::Delta(delta) => self.delta(delta, out),
            Event::End => {
                if let Some(Open::Call { silent: true }) = self.open.take() {
                    self.arguments("{}", out);
                }
            }
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Finish { finish, usage, extras } => self.finish(finish, usage.as_ref(), extras, out),
            // Nothing follows it, so that no client takes the answer for whole.
            Event::Error(error) => {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&encode_error(error));
                out.extend_from_slice(b"\n\n");
            }
        }
    }
}

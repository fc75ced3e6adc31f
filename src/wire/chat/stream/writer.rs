use crate::ir::{Block, Citation, Delta, Event, Finish, Raw, Thinking, Usage};
use crate::wire::answer::CallIds;
use crate::wire::chat::ending::finish_word;
use crate::wire::chat::response::{head, length, own_extras, write_annotation, write_detail};
use crate::wire::family::{encode_error, write_usage};
use crate::wire::json::{Object, value};
use crate::wire::{Echo, Writer};

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
        Self { echo, prefix: Vec::new(), open: None, calls: 0, refused: false, thoughts: 0, ids, odds: None, said: 0 }
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
                self.call(out, |call| {
                    let mut call = call.with("id", &id).with("type", "function");
                    Object::open(call.slot("function")).with("name", name).with("arguments", "").close();
                    call.close();
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

    fn finish(&self, finish: &Finish, usage: Option<&Usage>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"");
        out.extend_from_slice(finish_word(finish.reason, self.calls > 0, self.refused).as_bytes());
        out.extend_from_slice(b"\"}]");
        self.end(out);
        if let (true, Some(usage)) = (self.echo.stream_usage, usage) {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(b"\"choices\":[],\"usage\":");
            write_usage(out, usage);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(DONE);
    }
}

const DONE: &[u8] = b"data: [DONE]\n\n";

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, created, extras, .. } => {
                self.prefix.extend_from_slice(b"data: ");
                let mut object = head(&mut self.prefix, "chat.completion.chunk", id, model, *created, &self.echo);
                for (name, raw) in own_extras(extras) {
                    object = object.with(name, raw);
                }
                // The object stays open: each chunk goes on from here.
                let _ = object;
                self.prefix.push(b',');
                out.extend_from_slice(&self.prefix);
                out.extend_from_slice(b"\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]");
                self.end(out);
            }
            Event::Start { block, .. } => self.start(block, out),
            Event::Delta(delta) => self.delta(delta, out),
            Event::End => {
                if let Some(Open::Call { silent: true }) = self.open.take() {
                    self.arguments("{}", out);
                }
            }
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Finish { finish, usage, .. } => self.finish(finish, usage.as_ref(), out),
            // Nothing follows it, so that no client takes the answer for whole.
            Event::Error(error) => {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&encode_error(error));
                out.extend_from_slice(b"\n\n");
            }
        }
    }
}

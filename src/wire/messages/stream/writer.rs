use super::super::response::{encode_error, is_own, own_extras, write_citation, write_head};
use super::super::usage::{write_delta_usage, write_usage};
use super::super::words::stop_reason;
use crate::ir::{Block, Delta, Event, Extras, Finish, Usage};
use crate::wire::answer::CallIds;
use crate::wire::json::{Object, value};
use crate::wire::{Echo, Writer};

#[derive(Debug)]
pub struct StreamWriter {
    echo: Echo,
    ids: CallIds,
    /// Of the block that is open, or the next.
    index: u32,
    /// The open block is one that clients would not know.
    hidden: bool,
    /// What the provider told at the start, for a finish that tells nothing.
    usage: Option<Usage>,
    calls: bool,
    /// The open block is thinking.
    thinking: bool,
    /// And it has been signed, as clients insist.
    signed: bool,
}

impl StreamWriter {
    pub fn new(echo: Echo) -> Self {
        let ids = CallIds::new("toolu", &echo);
        Self { echo, ids, index: 0, hidden: false, usage: None, calls: false, thinking: false, signed: false }
    }
}

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, usage, .. } => self.begin(id, model, usage.as_ref(), out),
            Event::Start { block, .. } => self.start(block, out),
            Event::Delta(delta) => self.delta(delta, out),
            Event::End => self.end(out),
            Event::Ping => out.extend_from_slice(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
            Event::Finish { finish, usage, extras } => self.finish(finish, usage.or(self.usage).as_ref(), extras, out),
            Event::Error(error) => {
                out.extend_from_slice(b"event: error\ndata: ");
                out.append(&mut encode_error(error, ""));
                out.extend_from_slice(b"\n\n");
            }
        }
    }
}

impl StreamWriter {
    fn begin(&mut self, id: &str, model: &str, usage: Option<&Usage>, out: &mut Vec<u8>) {
        self.usage = usage.copied();
        out.extend_from_slice(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
        let mut message = write_head(out, id, model, &self.echo);
        message.slot("content").extend_from_slice(b"[]");
        message = message.with("stop_reason", &None::<&str>).with("stop_sequence", &None::<&str>);
        write_usage(message.slot("usage"), usage);
        message.close();
        out.extend_from_slice(b"}\n\n");
    }

    fn start(&mut self, block: &Block, out: &mut Vec<u8>) {
        self.hidden = matches!(block, Block::Native(native) if !is_own(native));
        if self.hidden {
            return;
        }
        self.thinking = matches!(block, Block::Thinking);
        self.signed = false;
        out.extend_from_slice(b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
        value(out, &self.index);
        out.extend_from_slice(b",\"content_block\":");
        match block {
            Block::Text | Block::Refusal => out.extend_from_slice(br#"{"type":"text","text":""}"#),
            Block::Thinking => out.extend_from_slice(br#"{"type":"thinking","thinking":"","signature":""}"#),
            Block::Redacted(data) => Object::typed(out, "redacted_thinking").with("data", data).close(),
            Block::ToolCall { id, name } => {
                self.calls = true;
                let mut call = Object::typed(out, "tool_use").with("id", &self.ids.unique(id)).with("name", name);
                call.slot("input").extend_from_slice(b"{}");
                call.close();
            }
            Block::Media(media) => Object::typed(out, "text").with("text", &media.link()).close(),
            Block::Native(native) => value(out, &native.raw),
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let (head, text): (&[u8], &str) = match delta {
            Delta::Text(text) if self.thinking => (b"\"thinking_delta\",\"thinking\":", text),
            Delta::Text(text) => (b"\"text_delta\",\"text\":", text),
            Delta::Arguments(text) => (b"\"input_json_delta\",\"partial_json\":", text),
            Delta::Signature(text) => {
                self.signed = true;
                (b"\"signature_delta\",\"signature\":", text)
            }
            Delta::Odds(_) | Delta::Extra(..) => return,
            Delta::Citation(citation) => {
                self.open_delta(b"\"citations_delta\",\"citation\":", out);
                write_citation(out, citation);
                return out.extend_from_slice(b"}}\n\n");
            }
        };
        self.open_delta(head, out);
        value(out, text);
        out.extend_from_slice(b"}}\n\n");
    }

    fn open_delta(&self, head: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        value(out, &self.index);
        out.extend_from_slice(b",\"delta\":{\"type\":");
        out.extend_from_slice(head);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.hidden) {
            return;
        }
        if self.thinking && !self.signed {
            self.delta(&Delta::Signature(String::new()), out);
        }
        out.extend_from_slice(b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
        value(out, &self.index);
        out.extend_from_slice(b"}\n\n");
        self.index = self.index.saturating_add(1);
    }

    fn finish(&mut self, finish: &Finish, usage: Option<&Usage>, extras: &Extras, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: message_delta\ndata: ");
        let mut event = Object::typed(out, "message_delta");
        let mut delta = Object::open(event.slot("delta"))
            .with("stop_reason", stop_reason(finish, self.calls))
            .with("stop_sequence", &finish.stop_sequence);
        delta = own_extras(extras).filter(|(name, _)| in_delta(name)).fold(delta, |delta, (name, raw)| delta.with(name, raw));
        delta.close();
        write_delta_usage(event.slot("usage"), usage);
        event = own_extras(extras).filter(|(name, _)| !in_delta(name)).fold(event, |event, (name, raw)| event.with(name, raw));
        event.close();
        out.extend_from_slice(b"\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}

/// Which of the extras stand beside the stop reason.
fn in_delta(name: &str) -> bool {
    matches!(name, "container" | "stop_details")
}

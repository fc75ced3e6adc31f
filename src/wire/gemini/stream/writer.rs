use super::super::answer::{End, Head, own, write_call, write_media, write_redacted, write_text, write_thought};
use super::super::response::encode_error;
use crate::ir::{Block, Citation, Delta, Event, Finish, Usage};
use crate::wire::answer::CallIds;
use crate::wire::json::{Array, Object, value};
use crate::wire::{Echo, Writer};

/// Events to chunks, each of which is an answer of its own.
#[derive(Debug)]
pub struct StreamWriter {
    echo: Echo,
    head: Head,
    ids: CallIds,
    open: Open,
    /// A proof that came without a thought: the call that may follow carries it.
    proof: Option<String>,
    /// What the provider told at the start, for a finish that tells nothing.
    usage: Option<Usage>,
    /// The whole text, which the citations point into.
    text: String,
    citations: Vec<Citation>,
}

#[derive(Debug)]
enum Open {
    Nothing,
    Text,
    Thinking { said: bool },
    Call { id: String, name: String, arguments: String },
}

impl StreamWriter {
    pub fn new(echo: Echo) -> Self {
        let (head, ids) = (Head::new("", "", &echo), CallIds::new("call", &echo));
        let (text, citations) = (String::new(), Vec::new());
        Self { echo, head, ids, open: Open::Nothing, proof: None, usage: None, text, citations }
    }
}

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, usage, .. } => {
                self.head = Head::new(id, model, &self.echo);
                self.usage = *usage;
            }
            Event::Start { block, .. } => self.start(block, out),
            Event::Delta(delta) => self.delta(delta, out),
            Event::End => self.end(out),
            // This dialect has none.
            Event::Ping => {}
            Event::Finish { finish, usage, .. } => self.finish(finish, usage.or(self.usage).as_ref(), out),
            Event::Error(error) => {
                out.extend_from_slice(b"data: ");
                out.append(&mut encode_error(error));
                out.extend_from_slice(b"\r\n\r\n");
            }
        }
    }
}

impl StreamWriter {
    fn start(&mut self, block: &Block, out: &mut Vec<u8>) {
        if !matches!(block, Block::ToolCall { .. }) {
            self.tell_proof(out);
        }
        self.open = match block {
            Block::Text | Block::Refusal => Open::Text,
            Block::Thinking => Open::Thinking { said: false },
            Block::ToolCall { id, name } => Open::Call { id: self.ids.unique(id), name: name.clone(), arguments: String::new() },
            Block::Redacted(data) => {
                self.chunk(out, |part| write_redacted(part, data));
                Open::Nothing
            }
            Block::Media(media) => {
                self.chunk(out, |part| write_media(part, media));
                Open::Nothing
            }
            Block::Native(native) => {
                if let Some(raw) = own(native) {
                    self.chunk(out, |part| value(part, raw));
                }
                Open::Nothing
            }
        };
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (&mut self.open, delta) {
            (_, Delta::Text(text)) if text.is_empty() => {}
            (Open::Text, Delta::Text(text)) => {
                self.text.push_str(text);
                self.chunk(out, |part| write_text(part, text));
            }
            (Open::Thinking { said }, Delta::Text(text)) => {
                *said = true;
                self.chunk(out, |part| write_thought(part, text, None));
            }
            (Open::Thinking { said: true }, Delta::Signature(proof)) => self.chunk(out, |part| write_thought(part, "", Some(proof))),
            (Open::Thinking { said: false }, Delta::Signature(proof)) => self.proof = Some(proof.clone()),
            (Open::Call { arguments, .. }, Delta::Arguments(more)) => arguments.push_str(more),
            (_, Delta::Citation(citation)) => self.citations.push(citation.clone()),
            _ => {}
        }
    }

    /// A call is written whole.
    fn end(&mut self, out: &mut Vec<u8>) {
        if let Open::Call { id, name, arguments } = std::mem::replace(&mut self.open, Open::Nothing) {
            let proof = self.proof.take();
            self.chunk(out, |part| write_call(part, &id, &name, &arguments, proof.as_deref()));
        }
    }

    fn tell_proof(&mut self, out: &mut Vec<u8>) {
        if let Some(proof) = self.proof.take() {
            self.chunk(out, |part| write_thought(part, "", Some(&proof)));
        }
    }

    fn finish(&mut self, finish: &Finish, usage: Option<&Usage>, out: &mut Vec<u8>) {
        self.tell_proof(out);
        let end = End { finish, usage, citations: &self.citations, text: &self.text };
        self.answer(out, |part| write_text(part, ""), Some(&end));
    }

    fn chunk(&self, out: &mut Vec<u8>, part: impl FnOnce(&mut Vec<u8>)) {
        self.answer(out, part, None);
    }

    fn answer(&self, out: &mut Vec<u8>, part: impl FnOnce(&mut Vec<u8>), end: Option<&End<'_>>) {
        out.extend_from_slice(b"data: ");
        let mut answer = Object::open(out);
        let mut candidates = Array::open(answer.slot("candidates"));
        let mut candidate = Object::open(candidates.slot());
        let mut content = Object::open(candidate.slot("content"));
        let mut parts = Array::open(content.slot("parts"));
        part(parts.slot());
        parts.close();
        content.with("role", "model").close();
        match end {
            Some(end) => end.write(candidate),
            None => candidate.with("index", &0).close(),
        }
        candidates.close();
        if let Some(end) = end {
            end.write_usage(&mut answer);
        }
        self.head.write(answer);
        out.extend_from_slice(b"\r\n\r\n");
    }
}

use crate::error::Error;
use crate::ir::{Block, Citation, Delta, Event, Extras, Finish, Usage};
use crate::wire::answer::CallIds;
use crate::wire::json::{Object, value};
use crate::wire::responses::write::{
    Call, Head, Ids, Standing, State, arguments, ending, incomplete, is_own_item, length, separate, settled, shown, write_annotation,
    write_call, write_message, write_reasoning, write_refusal, write_response, write_summary, write_text,
};
use crate::wire::{Echo, Writer};

/// Block events to typed events.
#[derive(Debug)]
pub struct StreamWriter {
    echo: Echo,
    ids: Ids,
    calls: CallIds,
    head: Head,
    begun: bool,
    /// Number of the next event.
    number: u64,
    /// The items that are done, for the last event.
    items: Vec<u8>,
    /// Number of the item that is open, or the next to open.
    index: u64,
    /// What is said in a row is one message, which stays open between its parts.
    message: Option<Message>,
    open: Open,
    refused: bool,
    /// What the provider told at the start, for a finish that tells nothing.
    usage: Option<Usage>,
}

#[derive(Debug)]
struct Message {
    id: String,
    content: Vec<u8>,
    parts: u64,
}

#[derive(Debug)]
enum Open {
    Nothing,
    Text { text: String, annotations: Vec<u8>, cited: u64 },
    Refusal { text: String },
    Thinking { id: String, text: String, proof: Option<String> },
    Call { id: String, call_id: String, name: String, arguments: String },
}

const NO_LOGPROBS: &[(); 0] = &[];

impl StreamWriter {
    pub fn new(echo: Echo) -> Self {
        Self {
            ids: Ids::new(&echo),
            calls: CallIds::new("call", &echo),
            echo,
            head: Head::default(),
            begun: false,
            number: 0,
            items: Vec::new(),
            index: 0,
            message: None,
            open: Open::Nothing,
            refused: false,
            usage: None,
        }
    }
}

impl Writer for StreamWriter {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model, created, usage, .. } => {
                self.usage = *usage;
                self.begin(id, model, *created, out);
            }
            Event::Start { block, .. } => self.start(block, out),
            Event::Delta(Delta::Text(text)) => self.grow(text, out),
            Event::Delta(Delta::Arguments(text)) => self.argue(text, out),
            Event::Delta(Delta::Citation(citation)) => self.cite(citation, out),
            Event::Delta(Delta::Signature(signature)) => {
                if let Open::Thinking { proof, .. } = &mut self.open {
                    *proof = Some(signature.clone()).filter(|signature| !signature.is_empty());
                }
            }
            Event::Delta(Delta::Odds(_) | Delta::Extra(..)) => {}
            Event::End => self.end(out),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Finish { finish, usage, extras } => self.finish(finish, usage.or(self.usage).as_ref(), extras, out),
            Event::Error(error) => self.fail(error, out),
        }
    }
}

impl StreamWriter {
    fn frame(&mut self, kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(Object<'_>)) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        fill(Object::typed(out, kind).with("sequence_number", &self.number));
        out.extend_from_slice(b"\n\n");
        self.number = self.number.saturating_add(1);
    }

    /// An event about the item that is open.
    fn about(&mut self, kind: &str, id: &str, out: &mut Vec<u8>, fill: impl FnOnce(Object<'_>)) {
        let index = self.index;
        self.frame(kind, out, |event| fill(event.with("item_id", id).with("output_index", &index)));
    }

    fn whole(&mut self, kind: &str, state: State<'_>, out: &mut Vec<u8>) {
        let (head, items) = (std::mem::take(&mut self.head), std::mem::take(&mut self.items));
        self.frame(kind, out, |mut event| {
            write_response(event.slot("response"), &head, state, &items);
            event.close();
        });
        (self.head, self.items) = (head, items);
    }

    fn begin(&mut self, id: &str, model: &str, created: Option<u64>, out: &mut Vec<u8>) {
        self.begun = true;
        self.head = Head::new(id, model, created, &self.echo);
        self.whole("response.created", State::InProgress, out);
        self.whole("response.in_progress", State::InProgress, out);
    }

    fn start(&mut self, block: &Block, out: &mut Vec<u8>) {
        match block {
            Block::Text => self.start_text(out),
            Block::Refusal => {
                self.refused = true;
                self.open = Open::Refusal { text: String::new() };
                self.add_part(out, |out| write_refusal(out, ""));
            }
            Block::Media(media) => {
                self.start_text(out);
                self.grow(&media.link(), out);
            }
            Block::Thinking => {
                let id = self.ids.make(Standing::Signature.prefix());
                self.add_item(out, |out| write_reasoning(out, &id, "", None));
                self.open = Open::Thinking { id, text: String::new(), proof: None };
            }
            Block::Redacted(proof) => {
                let (id, encrypted) = shown(proof, Standing::Redacted, &mut self.ids);
                self.add_item(out, |out| write_reasoning(out, &id, "", None));
                self.item_done(out, |out| write_reasoning(out, &id, "", Some(encrypted)));
            }
            Block::ToolCall { id, name } => {
                let (id, call_id) = (self.ids.make("fc_"), self.calls.unique(id));
                let call = Call { id: &id, call_id: &call_id, name, arguments: "", status: "in_progress" };
                self.add_item(out, |out| write_call(out, &call));
                self.open = Open::Call { id, call_id, name: name.clone(), arguments: String::new() };
            }
            Block::Native(native) if is_own_item(native) => {
                self.add_item(out, |out| value(out, &native.raw));
                self.item_done(out, |out| value(out, &native.raw));
            }
            Block::Native(_) => {}
        }
    }

    fn start_text(&mut self, out: &mut Vec<u8>) {
        self.open = Open::Text { text: String::new(), annotations: Vec::new(), cited: 0 };
        self.add_part(out, |out| write_text(out, "", &[]));
    }

    /// Begins an item other than a message, which ends the message before it.
    fn add_item(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.close_message("completed", out);
        self.item_added(out, write);
    }

    fn item_added(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let index = self.index;
        self.frame("response.output_item.added", out, |event| {
            let mut event = event.with("output_index", &index);
            write(event.slot("item"));
            event.close();
        });
    }

    fn item_done(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut item = Vec::new();
        write(&mut item);
        let index = self.index;
        self.frame("response.output_item.done", out, |event| {
            let mut event = event.with("output_index", &index);
            event.slot("item").extend_from_slice(&item);
            event.close();
        });
        separate(&mut self.items);
        self.items.append(&mut item);
        self.index = self.index.saturating_add(1);
    }

    fn add_part(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.message.is_none() {
            let id = self.ids.make("msg_");
            self.item_added(out, |out| write_message(out, &id, "in_progress", &[]));
            self.message = Some(Message { id, content: Vec::new(), parts: 0 });
        }
        self.in_message("response.content_part.added", out, |mut event| {
            write(event.slot("part"));
            event.close();
        });
    }

    /// An event about the part that is open.
    fn in_message(&mut self, kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(Object<'_>)) {
        if let Some(message) = self.message.take() {
            self.about(kind, &message.id, out, |event| fill(event.with("content_index", &message.parts)));
            self.message = Some(message);
        }
    }

    fn grow(&mut self, more: &str, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Text { mut text, annotations, cited } => {
                text.push_str(more);
                self.open = Open::Text { text, annotations, cited };
                self.in_message("response.output_text.delta", out, |event| event.with("delta", more).with("logprobs", NO_LOGPROBS).close());
            }
            Open::Refusal { mut text } => {
                text.push_str(more);
                self.open = Open::Refusal { text };
                self.in_message("response.refusal.delta", out, |event| event.with("delta", more).close());
            }
            Open::Thinking { id, mut text, proof } => {
                if text.is_empty() {
                    self.about("response.reasoning_summary_part.added", &id, out, |event| write_summary_part(event, ""));
                }
                text.push_str(more);
                let fill = |event: Object<'_>| event.with("summary_index", &0).with("delta", more).close();
                self.about("response.reasoning_summary_text.delta", &id, out, fill);
                self.open = Open::Thinking { id, text, proof };
            }
            other => self.open = other,
        }
    }

    fn argue(&mut self, more: &str, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        if let Open::Call { id, call_id, name, mut arguments } = std::mem::replace(&mut self.open, Open::Nothing) {
            arguments.push_str(more);
            self.about("response.function_call_arguments.delta", &id, out, |event| event.with("delta", more).close());
            self.open = Open::Call { id, call_id, name, arguments };
        }
    }

    fn cite(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        let Open::Text { text, annotations, cited } = &mut self.open else { return };
        let mut annotation = Vec::new();
        if !write_annotation(&mut annotation, citation, (0, length(text))) {
            return;
        }
        separate(annotations);
        annotations.extend_from_slice(&annotation);
        let number = *cited;
        *cited = cited.saturating_add(1);
        self.in_message("response.output_text.annotation.added", out, |event| {
            let mut event = event.with("annotation_index", &number);
            event.slot("annotation").append(&mut annotation);
            event.close();
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Text { text, annotations, .. } => {
                self.in_message("response.output_text.done", out, |event| event.with("text", &text).with("logprobs", NO_LOGPROBS).close());
                self.part_done(out, |out| write_text(out, &text, &annotations));
            }
            Open::Refusal { text } => {
                self.in_message("response.refusal.done", out, |event| event.with("refusal", &text).close());
                self.part_done(out, |out| write_refusal(out, &text));
            }
            Open::Thinking { id, text, proof } => self.end_thinking(&id, &text, proof.as_deref(), out),
            Open::Call { id, call_id, name, arguments: told } => {
                let arguments = arguments(&told);
                if told.trim().is_empty() {
                    self.about("response.function_call_arguments.delta", &id, out, |event| event.with("delta", arguments).close());
                }
                let fill = |event: Object<'_>| event.with("arguments", arguments).close();
                self.about("response.function_call_arguments.done", &id, out, fill);
                let call = Call { id: &id, call_id: &call_id, name: &name, arguments, status: "completed" };
                self.item_done(out, |out| write_call(out, &call));
            }
        }
    }

    /// The id has been told before the proof was known, so a proof that is bound to another id is shown whole.
    fn end_thinking(&mut self, id: &str, text: &str, proof: Option<&str>, out: &mut Vec<u8>) {
        if !text.is_empty() {
            let fill = |event: Object<'_>| event.with("summary_index", &0).with("text", text).close();
            self.about("response.reasoning_summary_text.done", id, out, fill);
            self.about("response.reasoning_summary_part.done", id, out, |event| write_summary_part(event, text));
        }
        self.item_done(out, |out| write_reasoning(out, id, text, proof));
    }

    fn part_done(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut part = Vec::new();
        write(&mut part);
        self.in_message("response.content_part.done", out, |mut event| {
            event.slot("part").extend_from_slice(&part);
            event.close();
        });
        if let Some(message) = &mut self.message {
            separate(&mut message.content);
            message.content.append(&mut part);
            message.parts = message.parts.saturating_add(1);
        }
    }

    fn close_message(&mut self, status: &str, out: &mut Vec<u8>) {
        if let Some(message) = self.message.take() {
            self.item_done(out, |out| write_message(out, &message.id, status, &message.content));
        }
    }

    fn finish(&mut self, finish: &Finish, usage: Option<&Usage>, extras: &Extras, out: &mut Vec<u8>) {
        let reason = settled(finish, self.refused);
        self.close_message(ending(reason), out);
        let kind = if incomplete(reason).is_some() { "response.incomplete" } else { "response.completed" };
        self.whole(kind, State::Ended { reason, usage, extras }, out);
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if !self.begun {
            self.head = Head::new("", "", None, &self.echo);
        }
        self.frame("error", out, |event| {
            event.with("code", &error.code).with("message", &error.message).with("param", &error.param).close();
        });
        self.whole("response.failed", State::Failed(error), out);
    }
}

fn write_summary_part(event: Object<'_>, text: &str) {
    let mut event = event.with("summary_index", &0);
    write_summary(event.slot("part"), text);
    event.close();
}

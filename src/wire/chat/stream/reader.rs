use std::borrow::Cow;

use super::calls::{Calls, Piece};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Finish, Thinking, Usage};
use crate::wire::Reader;
use crate::wire::chat::answer::{Answer, Choice, Said, arguments, content, finish, text};
use crate::wire::frame::sse;

/// Chunks to events.
#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    open: Option<Open>,
    /// Number of the next block.
    next: u32,
    calls: Calls,
    refused: bool,
    /// Why it ended, once told; the usage may come later.
    finish: Option<Finish>,
    usage: Option<Usage>,
    /// Sources that come beside the text are told once.
    sourced: bool,
    /// Thinking comes with its proof, so its plain text is not taken twice.
    detailed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Refusal,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            return self.close(None, events);
        }
        match serde_json::from_slice::<Answer<'_>>(data) {
            Ok(answer) => match answer.fault() {
                Some(error) => self.fail(error, events),
                None => self.take(&answer, events),
            },
            Err(_) => {
                let words = if frame.event == Some("error") { "The provider sent an error inside the stream." } else { BROKEN };
                self.fail(Error::upstream(Kind::Failed, words), events);
            }
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if !self.over {
            self.close(fault, events);
        }
    }
}

const BROKEN: &str = "The provider sent a broken piece of its answer.";

impl StreamReader {
    fn take(&mut self, answer: &Answer<'_>, events: &mut Vec<Event>) {
        if !self.begun {
            // A chunk that only tells about the prompt's filters has neither id nor model yet.
            if answer.choices.as_ref().is_none_or(Vec::is_empty) && answer.usage.is_none() {
                return;
            }
            self.begun = true;
            events.push(Event::Begin {
                id: answer.id.as_ref().map(|id| id.0.to_string()).unwrap_or_default(),
                model: answer.model.as_ref().map(|model| model.0.to_string()).unwrap_or_default(),
                created: answer.created(),
                usage: None,
                extras: answer.extras(),
            });
        }
        self.usage = answer.counted().or(self.usage);
        let first = |choice: &&Choice<'_>| choice.index.unwrap_or(0) == 0;
        for choice in answer.choices.iter().flatten().filter(first) {
            if let Some(said) = &choice.delta {
                self.hear(said, events);
            }
            self.cite(answer, events);
            if let Some(word) = &choice.finish_reason {
                // A second, emptier word does not undo the first.
                match finish(&word.0, self.calls.any(), self.refused) {
                    Ok(_) if self.finish.is_some() && word.0.is_empty() => {}
                    Ok(finish) => self.finish = Some(finish),
                    Err(error) => return self.fail(error, events),
                }
            }
        }
    }

    fn hear(&mut self, said: &Said<'_>, events: &mut Vec<Event>) {
        let content = content(said.content);
        let details = said.reasoning_parts();
        self.detailed |= details.iter().any(|part| part.signature.is_some() || part.redacted.is_some());
        if let Some(text) = said.reasoning_text().map(Cow::into_owned).or(Some(content.thinking).filter(|text| !text.is_empty())) {
            self.say(Open::Thinking, Delta::Text(text), events);
            self.prove(details, events);
        } else {
            for detail in details {
                if !detail.text.is_empty() {
                    self.say(Open::Thinking, Delta::Text(detail.text.clone()), events);
                }
                self.prove(vec![detail], events);
            }
        }
        if !content.text.is_empty() {
            self.say(Open::Text, Delta::Text(content.text), events);
        }
        for citation in said.citations() {
            self.say(Open::Text, Delta::Citation(citation), events);
        }
        if let Some(refusal) = text(said.refusal).filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.say(Open::Refusal, Delta::Text(refusal.into_owned()), events);
        }
        for call in &said.tool_calls {
            let Some(function) = call.function.as_ref().or(call.custom.as_ref()) else { continue };
            let id = call.id.as_ref().map_or("", |id| &id.0);
            let name = function.name.as_ref().map_or("", |name| &name.0);
            self.call(&Piece { index: call.index, id, name, arguments: &arguments(function) }, events);
        }
        if let Some(function) = &said.function_call {
            let name = function.name.as_ref().map_or("", |name| &name.0);
            self.call(&Piece { index: Some(0), id: "", name, arguments: &arguments(function) }, events);
        }
    }

    /// Signatures go to the thinking block that is open; what is encrypted is a block of its own.
    fn prove(&mut self, details: Vec<Thinking>, events: &mut Vec<Event>) {
        for detail in details {
            if let Some(signature) = detail.signature {
                self.say(Open::Thinking, Delta::Signature(signature), events);
                self.shut(events);
            }
            if let Some(data) = detail.redacted {
                self.shut(events);
                events.push(Event::Start { index: self.number(), block: Block::Redacted(data) });
                events.push(Event::End);
            }
        }
    }

    fn call(&mut self, piece: &Piece<'_>, events: &mut Vec<Event>) {
        // Some fill the place of a call with one that has no name.
        if piece.name.is_empty() && !self.calls.any() {
            return;
        }
        if self.open.take().is_some() {
            events.push(Event::End);
        }
        self.calls.push(piece, &mut self.next, events);
    }

    fn say(&mut self, kind: Open, delta: Delta, events: &mut Vec<Event>) {
        if self.open != Some(kind) {
            self.shut(events);
            let block = match kind {
                Open::Text => Block::Text,
                Open::Thinking => Block::Thinking,
                Open::Refusal => Block::Refusal,
            };
            events.push(Event::Start { index: self.number(), block });
            self.open = Some(kind);
        }
        events.push(Event::Delta(delta));
    }

    fn cite(&mut self, answer: &Answer<'_>, events: &mut Vec<Event>) {
        if self.sourced || self.open != Some(Open::Text) {
            return;
        }
        for source in answer.sources() {
            self.sourced = true;
            events.push(Event::Delta(Delta::Citation(source)));
        }
    }

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }

    /// Ends whatever block is open.
    fn shut(&mut self, events: &mut Vec<Event>) {
        if self.open.take().is_some() {
            events.push(Event::End);
        }
        if self.calls.open() {
            self.calls.flush(&mut self.next, events);
        }
    }

    fn close(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        match self.finish.take() {
            Some(finish) => {
                self.over = true;
                self.shut(events);
                events.push(Event::Finish { finish, usage: self.usage, extras: Vec::new() });
            }
            None => self.fail(fault.unwrap_or_else(Error::unfinished), events),
        }
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

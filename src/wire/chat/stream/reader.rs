use std::borrow::Cow;

use super::calls::{Calls, Piece};
use crate::error::{Error, Kind};
use crate::ir::{Block, Citation, Delta, Event, Extras, Media, Raw, Thinking, Usage};
use crate::wire::Reader;
use crate::wire::chat::answer::{Answer, Choice, Function, Said, arguments, content, text};
use crate::wire::chat::beside::beside;
use crate::wire::chat::ending::{failure, fault_in, finish};
use crate::wire::frame::sse;
use serde_json::value::RawValue;

/// Chunks to events.
#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    open: Option<Open>,
    /// Number of the next block.
    next: u32,
    calls: Calls,
    /// What was said between the pieces of a call, to be told after it.
    held: Vec<(Open, Delta)>,
    refused: bool,
    /// What was thought since the last proof: some tell it once more beside the proof.
    thought: String,
    /// The word for why it ended, once told; the usage may come later.
    word: Option<String>,
    usage: Option<Usage>,
    /// What came beside the answer until it was begun, and what did so since.
    extras: Extras,
    later: Extras,
    /// Sources that come beside the text, on every chunk with some: told at its end.
    sources: Vec<Citation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Refusal,
    /// Thinking that came encrypted: a block that is whole at once.
    Sealed,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            return self.done(events);
        }
        let failed = frame.event == Some("error");
        match crate::wire::json::read::<Answer<'_>>(data) {
            Ok(answer) => match answer.fault(data) {
                Some(error) => self.fail(error, events),
                None if failed => self.fail(fault_in(data), events),
                None => self.take(&answer, data, events),
            },
            Err(_) if failed => self.fail(fault_in(data), events),
            Err(_) => self.fail(Error::upstream(Kind::Failed, BROKEN), events),
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        match fault {
            _ if self.over => {}
            _ if self.word.is_some() => self.close(events),
            fault => self.fail(fault.unwrap_or_else(Error::unfinished), events),
        }
    }
}

/// More than any answer has beside it.
const MOST_NOTED: usize = 64;

const BROKEN: &str = "The provider sent a broken piece of its answer.";

impl StreamReader {
    fn take(&mut self, answer: &Answer<'_>, data: &[u8], events: &mut Vec<Event>) {
        self.note(answer, data);
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
                extras: self.extras.clone(),
            });
        }
        self.usage = answer.counted().or(self.usage);
        let first = |choice: &&Choice<'_>| choice.index.unwrap_or(0) == 0;
        for choice in answer.choices.iter().flatten().filter(first) {
            if let Some(said) = &choice.delta {
                self.hear(said, choice.odds(), events);
            }
            if self.sources.is_empty() || choice.finish_reason.is_some() {
                let sources = answer.sources();
                if !sources.is_empty() {
                    self.sources = sources;
                }
            }
            let Some(word) = choice.finish_reason.as_ref().filter(|word| !word.0.is_empty()) else { continue };
            if let Some(error) = failure(&word.0) {
                return self.fail(error, events);
            }
            self.word = Some(word.0.to_string());
        }
    }

    /// What is told beside the dialect is looked for where it is: in the first chunk, and in those that end the answer.
    fn note(&mut self, answer: &Answer<'_>, data: &[u8]) {
        let ends = |choice: &Choice<'_>| choice.finish_reason.is_some();
        let choices = answer.choices.as_deref().unwrap_or_default();
        let tells = !self.begun || choices.is_empty() || choices.iter().any(ends);
        let told = answer.extras().into_iter().filter(|(name, _)| !self.extras.iter().any(|(known, _)| known == name)).collect::<Vec<_>>();
        let beside = if tells { beside(data) } else { Extras::new() };
        let noted = if self.begun { &mut self.later } else { &mut self.extras };
        for (name, raw) in told.into_iter().chain(beside) {
            noted.retain(|(known, _)| *known != name);
            noted.push((name, raw));
            noted.truncate(MOST_NOTED);
        }
    }

    fn hear(&mut self, said: &Said<'_>, mut odds: Option<Raw>, events: &mut Vec<Event>) {
        let content = content(said.content);
        let details = said.reasoning_parts();
        if let Some(text) = said.reasoning_text().map(Cow::into_owned).or(Some(content.thinking).filter(|text| !text.is_empty())) {
            odds.take().into_iter().for_each(|odds| self.say(Open::Thinking, Delta::Odds(odds), events));
            self.say(Open::Thinking, Delta::Text(text), events);
            self.prove(details, events);
        } else {
            for detail in details {
                if !detail.text.is_empty() && (detail.signature.is_none() || detail.text != self.thought) {
                    self.say(Open::Thinking, Delta::Text(detail.text.clone()), events);
                }
                self.prove(vec![detail], events);
            }
        }
        if !content.text.is_empty() {
            odds.take().into_iter().for_each(|odds| self.say(Open::Text, Delta::Odds(odds), events));
            self.say(Open::Text, Delta::Text(content.text), events);
        }
        for citation in said.citations() {
            self.say(Open::Text, Delta::Citation(citation), events);
        }
        for picture in said.pictures() {
            self.show(picture, events);
        }
        if let Some(refusal) = text(said.refusal).filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.say(Open::Refusal, Delta::Text(refusal.into_owned()), events);
        }
        for call in &said.tool_calls {
            let id = call.id.as_ref().map_or("", |id| &id.0);
            self.call(call.index, id, call.function.as_ref().or(call.custom.as_ref()), call.extra_content, events);
        }
        if let Some(function) = &said.function_call {
            self.call(Some(0), "", Some(function), None, events);
        }
    }

    /// Signatures go to the thinking block that is open; what is encrypted is a block of its own.
    fn prove(&mut self, details: Vec<Thinking>, events: &mut Vec<Event>) {
        for detail in details {
            if let Some(signature) = detail.signature {
                self.say(Open::Thinking, Delta::Signature(signature), events);
            }
            if let Some(data) = detail.redacted {
                self.say(Open::Sealed, Delta::Text(data), events);
            }
        }
    }

    fn call(&mut self, index: Option<u64>, id: &str, function: Option<&Function<'_>>, extra: Option<&RawValue>, events: &mut Vec<Event>) {
        let name = function.and_then(|function| function.name.as_ref()).map_or("", |name| &name.0);
        let arguments = function.map(arguments).unwrap_or_default();
        let piece = Piece { index, id, name, arguments: &arguments, extra };
        if !self.calls.heeds(&piece) {
            return;
        }
        self.end(events);
        self.calls.push(&piece, &mut self.next, events);
    }

    /// What comes between the pieces of a call waits until the call is whole.
    fn say(&mut self, kind: Open, delta: Delta, events: &mut Vec<Event>) {
        match (kind, &delta) {
            (Open::Thinking, Delta::Text(more)) => self.thought.push_str(more),
            _ => self.thought.clear(),
        }
        if self.calls.pending() {
            return self.held.push((kind, delta));
        }
        self.release(events);
        self.tell(kind, delta, events);
    }

    fn release(&mut self, events: &mut Vec<Event>) {
        for (kind, delta) in std::mem::take(&mut self.held) {
            self.tell(kind, delta, events);
        }
    }

    fn tell(&mut self, kind: Open, delta: Delta, events: &mut Vec<Event>) {
        if self.open != Some(kind) {
            self.shut(events);
            let block = match (kind, &delta) {
                (Open::Sealed, Delta::Text(data)) => Block::Redacted(data.clone()),
                (Open::Thinking | Open::Sealed, _) => Block::Thinking,
                (Open::Text, _) => Block::Text,
                (Open::Refusal, _) => Block::Refusal,
            };
            events.push(Event::Start { index: self.next, block });
            self.next = self.next.saturating_add(1);
            self.open = Some(kind);
        }
        let ended = kind == Open::Sealed || matches!(delta, Delta::Signature(_));
        if kind != Open::Sealed {
            events.push(Event::Delta(delta));
        }
        if ended {
            self.shut(events);
        }
    }

    /// A picture is whole at once.
    fn show(&mut self, picture: Media, events: &mut Vec<Event>) {
        self.shut(events);
        events.push(Event::Start { index: self.next, block: Block::Media(picture) });
        self.next = self.next.saturating_add(1);
        events.push(Event::End);
    }

    /// Ends whatever block is open.
    fn shut(&mut self, events: &mut Vec<Event>) {
        self.end(events);
        self.calls.flush(&mut self.next, events);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Some(kind) = self.open.take() else { return };
        if kind == Open::Text {
            events.extend(std::mem::take(&mut self.sources).into_iter().map(|source| Event::Delta(Delta::Citation(source))));
        }
        events.push(Event::End);
    }

    /// Some never say why they ended; that they did, they say here. A call that is not whole was cut all the same.
    fn done(&mut self, events: &mut Vec<Event>) {
        if self.word.is_some() || (self.begun && !self.calls.cut()) {
            self.close(events);
        } else {
            self.fail(Error::unfinished(), events);
        }
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        self.over = true;
        self.shut(events);
        self.release(events);
        self.shut(events);
        let finish = finish(self.word.as_deref(), self.calls.any(), self.refused);
        events.push(Event::Finish { finish, usage: self.usage, extras: std::mem::take(&mut self.later) });
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

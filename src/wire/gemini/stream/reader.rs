use super::super::chunk::{Call, Candidate, Chunk, Piece, chunks, native};
use super::super::citation::{Cited, grounded, recited};
use super::super::signature::{Received, received};
use super::super::words::finish;
use crate::error::{Error, Kind};
use crate::ir::{Block, Citation, Delta, Event, Extras, Finish, Usage};
use crate::wire::Reader;
use crate::wire::frame::sse;
use crate::wire::lean;
use crate::wire::loose::Str;
use serde_json::value::RawValue;

/// Chunks to events.
#[derive(Debug, Default)]
pub struct StreamReader {
    /// Which of several answers is read.
    number: u32,
    begun: bool,
    over: bool,
    /// The last frame was no JSON. If no more follow, the connection was cut inside it.
    unreadable: bool,
    open: Option<Open>,
    next: u32,
    /// The proof of the text that is open; told after it, because more text and its sources may come.
    proof: Option<String>,
    /// The text that is open, for the citations that point into it.
    text: String,
    /// Characters of the texts before.
    before: u64,
    /// What was cited, as the sources may be told again with every chunk.
    cited: Vec<(Option<String>, Option<(u64, u64)>)>,
    calls: bool,
    /// Why it ended, once told; the usage may come later.
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() || data == b"[DONE]" {
            return;
        }
        match chunks(data) {
            _ if self.unreadable => self.fail(Error::upstream(Kind::Failed, "The provider sent a broken piece of its answer."), events),
            Ok(chunks) => chunks.iter().for_each(|chunk| self.take(chunk, events)),
            Err(_) => self.unreadable = true,
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        match self.finish.take() {
            Some(finish) => self.complete(finish, events),
            None => self.fail(fault.unwrap_or_else(Error::unfinished), events),
        }
    }
}

impl StreamReader {
    pub(in crate::wire::gemini) fn of(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    pub(in crate::wire::gemini) fn take(&mut self, chunk: &Chunk<'_>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        if let Some(error) = chunk.fault() {
            return self.fail(error, events);
        }
        self.begin(chunk, events);
        self.usage = chunk.usage().or(self.usage);
        if let Some(candidate) = chunk.candidate(self.number) {
            candidate.parts().for_each(|raw| self.hear(raw, events));
            self.cite(candidate, events);
            self.finish = candidate.finish_reason.and_then(|raw| finish(raw, self.calls)).or(self.finish.take());
        } else {
            self.finish = chunk.blocked().or(self.finish.take());
        }
    }

    /// The end of an answer that came whole: that it is there is word enough that it is complete.
    pub(in crate::wire::gemini) fn conclude(&mut self, events: &mut Vec<Event>) {
        self.finish.get_or_insert_default();
        Reader::finish(self, None, events);
    }

    fn begin(&mut self, chunk: &Chunk<'_>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let owned = |text: &Option<Str<'_>>| text.as_ref().map(|text| text.0.to_string()).unwrap_or_default();
        let (id, model) = (owned(&chunk.response_id), owned(&chunk.model_version));
        events.push(Event::Begin { id, model, created: None, usage: chunk.usage(), extras: Extras::new() });
    }

    /// A part that cannot be read is no reason to lose the rest.
    fn hear(&mut self, raw: &RawValue, events: &mut Vec<Event>) {
        let Ok(piece) = lean::from_str::<Piece<'_>>(raw.get()) else { return };
        let proof = match piece.thought_signature.as_ref().map(|proof| received(&proof.0)) {
            Some(Received::Proof(proof)) => Some(proof),
            Some(Received::Redacted(data)) => {
                self.start(Block::Redacted(data), events);
                return events.push(Event::End);
            }
            Some(Received::Nothing) | None => None,
        };
        let thought = piece.thought == Some(true);
        match piece.text.as_ref().map(|text| &*text.0) {
            Some(text) if thought => return self.think(text, proof, events),
            Some(text) if !text.is_empty() => {
                self.say(Open::Text, text, events);
                self.proof = proof.or(self.proof.take());
                return;
            }
            _ => {}
        }
        if let Some(call) = piece.function_call {
            return self.call(call, proof, events);
        }
        let block = match piece.media() {
            // Sketches of a picture that is still thought about.
            Some(_) if thought => return,
            Some(media) => Some(Block::Media(media)),
            None => native(raw).map(Block::Native),
        };
        if let Some(block) = block {
            self.start(block, events);
            events.push(Event::End);
        }
        self.prove(proof, events);
    }

    fn think(&mut self, text: &str, proof: Option<String>, events: &mut Vec<Event>) {
        if !text.is_empty() {
            self.say(Open::Thinking, text, events);
        }
        match proof {
            Some(proof) if self.open == Some(Open::Thinking) => {
                events.push(Event::Delta(Delta::Signature(proof)));
                self.shut(events);
            }
            proof => self.prove(proof, events),
        }
    }

    fn call(&mut self, call: Call<'_>, proof: Option<String>, events: &mut Vec<Event>) {
        self.shut(events);
        self.prove(proof, events);
        let owned = |text: Option<Str<'_>>| text.map(|text| text.0.into_owned()).unwrap_or_default();
        self.calls = true;
        self.start(Block::ToolCall { id: owned(call.id), name: owned(call.name) }, events);
        if let Some(args) = call.args {
            events.push(Event::Delta(Delta::Arguments(args.get().to_owned())));
        }
        events.push(Event::End);
    }

    /// A proof of the text that is open waits for its end; any other stands by itself.
    fn prove(&mut self, proof: Option<String>, events: &mut Vec<Event>) {
        let Some(proof) = proof else { return };
        if self.open == Some(Open::Text) {
            self.proof = Some(proof);
            return;
        }
        self.start(Block::Thinking, events);
        events.extend([Event::Delta(Delta::Signature(proof)), Event::End]);
    }

    fn say(&mut self, kind: Open, text: &str, events: &mut Vec<Event>) {
        if self.open != Some(kind) {
            self.start(if kind == Open::Text { Block::Text } else { Block::Thinking }, events);
            self.open = Some(kind);
        }
        if kind == Open::Text {
            self.text.push_str(text);
        }
        events.push(Event::Delta(Delta::Text(text.to_owned())));
    }

    fn cite(&mut self, candidate: &Candidate<'_>, events: &mut Vec<Event>) {
        if self.open != Some(Open::Text) {
            return;
        }
        let cited = Cited { text: &self.text, before: self.before };
        let grounded = candidate.grounding_metadata.map(|raw| grounded(raw, &cited));
        let recited = candidate.citation_metadata.map(|raw| recited(raw, &cited));
        for citation in grounded.into_iter().chain(recited).flatten() {
            self.cite_once(citation, events);
        }
    }

    fn cite_once(&mut self, citation: Citation, events: &mut Vec<Event>) {
        let mark = (citation.url.clone().or(citation.quote.clone()), citation.range);
        if !self.cited.contains(&mark) {
            self.cited.push(mark);
            events.push(Event::Delta(Delta::Citation(citation)));
        }
    }

    fn start(&mut self, block: Block, events: &mut Vec<Event>) {
        self.shut(events);
        events.push(Event::Start { index: self.next, block });
        self.next = self.next.saturating_add(1);
    }

    /// Ends the block that is open, if any, and tells the proof that waited for it.
    fn shut(&mut self, events: &mut Vec<Event>) {
        if self.open.take().is_none() {
            return;
        }
        events.push(Event::End);
        let letters = u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX);
        self.before = self.before.saturating_add(letters);
        self.text.clear();
        let proof = self.proof.take();
        self.prove(proof, events);
    }

    fn complete(&mut self, mut finish: Finish, events: &mut Vec<Event>) {
        self.over = true;
        self.shut(events);
        // Some say why it ended before they tell the calls.
        if self.calls && finish.reason == crate::ir::Reason::Stop {
            finish.reason = crate::ir::Reason::ToolCalls;
        }
        events.push(Event::Finish { finish, usage: self.usage, extras: Extras::new() });
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

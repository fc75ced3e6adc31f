//! The conversation as Gemini takes it: system text apart, neighbours of one role merged, results before anything
//! else and in the order of their calls, proofs on the parts that they prove.

use super::super::signature::UNPROVEN;
use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Request, Role, Text};
use crate::wire::{Abilities, ThinkingStyle, proof};
use std::collections::VecDeque;

pub(super) struct Conversation<'r> {
    /// Texts.
    pub system: Vec<&'r Part>,
    pub contents: Vec<Content<'r>>,
}

pub(super) struct Content<'r> {
    pub model: bool,
    pub pieces: Vec<Piece<'r>>,
}

#[derive(Clone, Copy)]
pub(super) struct Piece<'r> {
    pub part: &'r Part,
    pub proof: Option<&'r str>,
    /// Of a result: which of the conversation's calls it answers, and that call's name.
    pub answers: Option<(usize, &'r str)>,
}

pub(super) fn arrange<'r>(request: &'r Request, abilities: &Abilities, losses: &mut Losses) -> Result<Conversation<'r>> {
    let mut conversation = Conversation { system: Vec::new(), contents: Vec::new() };
    let mut calls: Vec<(&str, &str)> = Vec::new();
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.drop("name");
        }
        match turn.role {
            Role::System | Role::Developer => add_system(&mut conversation.system, &turn.parts)?,
            Role::User | Role::Assistant => {
                let model = turn.role == Role::Assistant;
                let pieces = turn.parts.iter().map(|part| piece(part, model, &mut calls)).collect::<Result<Vec<_>>>()?;
                add_content(&mut conversation.contents, model, pieces);
            }
        }
    }
    conversation.settle();
    if conversation.contents.is_empty() && !conversation.system.is_empty() {
        // Here instructions alone are no conversation; elsewhere they are answered.
        let pieces = conversation.system.drain(..).map(|part| Piece { part, proof: None, answers: None }).collect();
        conversation.contents.push(Content { model: false, pieces });
    }
    if conversation.contents.is_empty() {
        return Err(invalid("messages: at least one message with content is required"));
    }
    if abilities.thinking == ThinkingStyle::Effort {
        conversation.excuse_unproven_calls();
    }
    Ok(conversation)
}

fn add_system<'r>(system: &mut Vec<&'r Part>, parts: &'r [Part]) -> Result<()> {
    for part in parts {
        match part {
            Part::Text(Text { text, .. }) if text.is_empty() => {}
            Part::Text(_) => system.push(part),
            other => return Err(invalid(format!("messages: a system message takes text only at this provider, not {}", other.noun()))),
        }
    }
    Ok(())
}

fn piece<'r>(part: &'r Part, model: bool, calls: &mut Vec<(&'r str, &'r str)>) -> Result<Piece<'r>> {
    let mut answers = None;
    match part {
        Part::ToolCall(_) | Part::Thinking(_) if !model => {
            return Err(invalid(format!("messages: a user message cannot hold a {}", part.noun())));
        }
        Part::ToolResult(_) if model => return Err(invalid("messages: an assistant message cannot hold a tool result")),
        Part::ToolCall(call) => calls.push((&call.id, &call.name)),
        Part::ToolResult(result) => {
            let place = calls.iter().rposition(|(id, _)| *id == result.call_id);
            answers = place.and_then(|place| Some((place, calls.get(place)?.1)));
            if answers.is_none() {
                let message = format!("messages: a tool result answers the call \"{}\", which no message before it makes", result.call_id);
                return Err(invalid(message));
            }
        }
        _ => {}
    }
    Ok(Piece { part, proof: None, answers })
}

fn add_content<'r>(contents: &mut Vec<Content<'r>>, model: bool, mut pieces: Vec<Piece<'r>>) {
    match contents.last_mut() {
        Some(last) if last.model == model => last.pieces.append(&mut pieces),
        _ => contents.push(Content { model, pieces }),
    }
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_param("messages")
}

impl<'r> Content<'r> {
    fn settle(&mut self) {
        if self.model {
            self.prove();
        } else {
            self.pieces.sort_by_key(|piece| piece.answers.map_or(usize::MAX, |(place, _)| place));
        }
        self.pieces.retain(|piece| piece.proof.is_some() || !piece.is_empty());
    }

    /// Takes thinking away and puts its proofs where they belong: on the call that follows, or else on what was
    /// said before. Some dialects tell all thinking first; there the first of several proofs is the text's.
    fn prove(&mut self) {
        let mut waiting: VecDeque<&'r str> = VecDeque::new();
        let mut proven: Vec<Piece<'r>> = Vec::with_capacity(self.pieces.len());
        for mut piece in self.pieces.drain(..) {
            match piece.part {
                Part::Thinking(thinking) => {
                    waiting.extend(thinking.signature.as_deref().and_then(|signature| proof::of("gemini", signature)));
                    continue;
                }
                Part::ToolCall(_) => {
                    if waiting.len() > 1 {
                        prove_last(&mut proven, &mut waiting);
                    }
                    piece.proof = waiting.pop_front();
                }
                _ => {}
            }
            proven.push(piece);
        }
        prove_last(&mut proven, &mut waiting);
        self.pieces = proven;
    }

    fn answers_calls(&self) -> bool {
        self.pieces.iter().any(|piece| piece.answers.is_some())
    }
}

/// Gives the first proof that waits to the last part that was said and has none.
fn prove_last<'r>(pieces: &mut [Piece<'r>], waiting: &mut VecDeque<&'r str>) {
    let said = |piece: &&mut Piece<'r>| piece.proof.is_none() && matches!(piece.part, Part::Text(_) | Part::Media(_));
    if !waiting.is_empty()
        && let Some(last) = pieces.iter_mut().rev().find(said)
    {
        last.proof = waiting.pop_front();
    }
}

impl Piece<'_> {
    /// Gemini refuses a text part without text.
    fn is_empty(&self) -> bool {
        matches!(self.part, Part::Text(Text { text, .. }) | Part::Refusal(text) if text.is_empty())
    }
}

impl Conversation<'_> {
    /// A turn of which nothing is left stands between its neighbours no more.
    fn settle(&mut self) {
        let mut contents = Vec::with_capacity(self.contents.len());
        for mut content in self.contents.drain(..) {
            content.settle();
            if !content.pieces.is_empty() {
                add_content(&mut contents, content.model, content.pieces);
            }
        }
        self.contents = contents;
    }

    /// In the tool loop that goes on, the first call of each turn must have a proof.
    fn excuse_unproven_calls(&mut self) {
        let begin = self.contents.iter().rposition(|content| !content.model && !content.answers_calls());
        for content in self.contents.iter_mut().skip(begin.unwrap_or(0)) {
            let first = content.pieces.iter_mut().find(|piece| matches!(piece.part, Part::ToolCall(_)));
            if let Some(first) = first {
                first.proof = first.proof.or(Some(UNPROVEN));
            }
        }
    }
}

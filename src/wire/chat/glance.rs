//! What an answer that passes, whole or in chunks, tells by the way: found without decoding it.

use super::answer::tells;
use super::ending::failure;
use super::response::answer;
use crate::error::Result;
use crate::ir::Usage;
use crate::wire::Glance;
use crate::wire::family::Counts;
use crate::wire::frame::sse;
use crate::wire::skim::{Skim, inner};

/// Adds what a passing chunk tells.
pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    if frame.data.trim_ascii() == b"[DONE]" {
        // Some never say why they ended.
        glance.finished |= glance.produced > 0 || glance.usage.is_some();
        return;
    }
    glance.failed |= frame.event == Some("error");
    let Some(told) = Told::of(frame.data, "delta") else { return };
    glance.usage = told.usage.or(told.aside).or(glance.usage);
    glance.failed |= told.failed;
    glance.finished |= told.finished;
    glance.produced = glance.produced.saturating_add(told.produced);
}

/// What a whole passing answer tells; an error when it is none.
pub fn glance_response(body: &[u8]) -> Result<Glance> {
    let told = Told::of(body, "message");
    // What may be none is read closely: that finds the words for it.
    if told.as_ref().is_none_or(|told| told.failed || told.choices == 0) {
        answer(body)?;
    }
    let told = told.unwrap_or_default();
    Ok(Glance { usage: told.usage.or(told.aside), produced: told.produced, finished: true, failed: false })
}

#[derive(Default)]
struct Told {
    choices: usize,
    produced: usize,
    usage: Option<Usage>,
    /// The usage in Groq's place for it.
    aside: Option<Usage>,
    finished: bool,
    failed: bool,
}

impl Told {
    /// Of an answer, or a chunk, in which what is said has this name.
    fn of(body: &[u8], said: &str) -> Option<Self> {
        let mut told = Self::default();
        Skim::body(body, |skim| skim.object(|name, skim| told.take(name, skim, said)))?;
        Some(told)
    }

    fn take(&mut self, name: &str, skim: &mut Skim<'_>, said: &str) -> Option<()> {
        match name {
            "choices" => return skim.list(|skim| self.choice(skim, said)),
            "usage" => self.usage = Counts::read(skim)?.usage(),
            "x_groq" => {
                return skim.object(|name, skim| {
                    match name {
                        "usage" => self.aside = Counts::read(skim)?.usage(),
                        _ => skim.pass()?,
                    }
                    Some(())
                });
            }
            "error" => self.failed |= tells(skim.raw()?),
            "object" => self.failed |= skim.raw()? == "\"error\"",
            _ => skim.pass()?,
        }
        Some(())
    }

    fn choice(&mut self, skim: &mut Skim<'_>, said: &str) -> Option<()> {
        self.choices += 1;
        skim.object(|name, skim| {
            match name {
                "finish_reason" => {
                    let raw = skim.raw()?;
                    let word = inner(raw).unwrap_or_default();
                    self.finished |= !word.is_empty() || raw.starts_with(|first: char| first.is_ascii_digit());
                    self.failed |= failure(word).is_some();
                }
                "error" => self.failed |= tells(skim.raw()?),
                _ if name == said => self.said(skim)?,
                _ => skim.pass()?,
            }
            Some(())
        })
    }

    /// Counts what was said; a thought that is told under two names counts once.
    fn said(&mut self, skim: &mut Skim<'_>) -> Option<()> {
        let mut thought = 0;
        skim.object(|name, skim| {
            match name {
                "content" | "refusal" => self.produced += length(skim.raw()?),
                "reasoning_content" | "reasoning" => thought = length(skim.raw()?).max(thought),
                "tool_calls" => skim.list(|skim| skim.object(|name, skim| self.call(name, skim)))?,
                "function_call" => self.call("function", skim)?,
                _ => skim.pass()?,
            }
            Some(())
        })?;
        self.produced += thought;
        Some(())
    }

    fn call(&mut self, name: &str, skim: &mut Skim<'_>) -> Option<()> {
        if !matches!(name, "function" | "custom") {
            return skim.pass();
        }
        skim.object(|name, skim| {
            match name {
                "arguments" | "input" => self.produced += length(skim.raw()?),
                _ => skim.pass()?,
            }
            Some(())
        })
    }
}

/// Length of what was said, quotes and escapes not counted exactly: it is an estimate's ground.
fn length(raw: &str) -> usize {
    if raw == "null" { 0 } else { raw.len().saturating_sub(2) }
}

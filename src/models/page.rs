//! A part of the list, where the dialect takes it in parts.

use super::gather::Listed;
use crate::error::{Error, Result};
use crate::http::Call;

/// The most that a page holds, and what Anthropic and Google put on one unasked.
const MOST: usize = 1_000;
const OF_MESSAGES: usize = 20;
const OF_GEMINI: usize = 50;

pub struct Page<'m> {
    pub models: &'m [Listed],
    /// There are others in the direction that was asked for.
    pub more: bool,
}

impl<'m> Page<'m> {
    /// `limit`, and `after_id` or `before_id`: <https://docs.anthropic.com/en/api/models-list>.
    pub fn of_messages(models: &'m [Listed], call: &Call) -> Result<Self> {
        let size = size(call, "limit")?.unwrap_or(OF_MESSAGES);
        match (call.asked("after_id"), call.asked("before_id")) {
            (Some(_), Some(_)) => Err(Error::invalid("Send `after_id` or `before_id`, not both.").with_param("before_id")),
            (Some(id), None) => Ok(Self::from(models, place(models, "after_id", &id)?.saturating_add(1), size)),
            (None, Some(id)) => {
                let end = place(models, "before_id", &id)?;
                let start = end.saturating_sub(size);
                Ok(Self { models: models.get(start..end).unwrap_or_default(), more: start > 0 })
            }
            (None, None) => Ok(Self::from(models, 0, size)),
        }
    }

    /// `pageSize` and `pageToken`, which is the last model of the page before:
    /// <https://ai.google.dev/api/models#method:-models.list>.
    pub fn of_gemini(models: &'m [Listed], call: &Call) -> Result<Self> {
        let size = size(call, "pageSize")?.unwrap_or(OF_GEMINI);
        let start = call.asked("pageToken").map(|id| place(models, "pageToken", &id)).transpose()?;
        Ok(Self::from(models, start.map_or(0, |start| start.saturating_add(1)), size))
    }

    fn from(models: &'m [Listed], start: usize, size: usize) -> Self {
        let rest = models.get(start..).unwrap_or_default();
        Self { models: rest.get(..size).unwrap_or(rest), more: rest.len() > size }
    }
}

/// A larger page than the largest is the largest.
fn size(call: &Call, name: &'static str) -> Result<Option<usize>> {
    let Some(text) = call.asked(name) else { return Ok(None) };
    match text.parse() {
        Ok(size) if size > 0 => Ok(Some(MOST.min(size))),
        _ => Err(Error::invalid(format!("`{name}` must be a number from 1 to {MOST}.")).with_param(name)),
    }
}

fn place(models: &[Listed], name: &'static str, id: &str) -> Result<usize> {
    let shown: String = id.chars().take(128).collect();
    let gone = || Error::invalid(format!("`{name}` names `{shown}`, which is not in the list; begin without it.")).with_param(name);
    models.iter().position(|model| model.id() == id).ok_or_else(gone)
}

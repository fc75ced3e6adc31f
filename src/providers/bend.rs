//! Makes a chat body fit a provider's quirks, whether it came from a caller or from a translation.

use super::{Provider, StreamUsage, models};
use crate::error::Result;
use crate::ir::{Effort, Losses};
use crate::wire::chat::{self, Choices};
use crate::wire::envelope::Envelope;

/// Tells a schema where none is taken.
const BY_SCHEMA: &str = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n";

impl Provider {
    /// Makes a request fit, naming what is lost by it. `own` says that it is the caller's own body.
    pub fn bend(&self, envelope: &mut Envelope<'_>, model: &str, own: bool, losses: &mut Losses) -> Result<()> {
        self.bend_knobs(envelope, model, losses);
        self.bend_effort(envelope, model, losses);
        self.bend_tools(envelope, losses)?;
        self.bend_format(envelope, losses);
        self.bend_usage(envelope, own);
        let messages = envelope.raw("messages").map(|messages| chat::adapt(messages, &self.quirks.messages, own, losses)).transpose()?;
        if let Some(messages) = messages.flatten() {
            envelope.set("messages", messages);
        }
        if let Some(messages) = envelope.raw("messages").and_then(|messages| chat::arrange(messages, self.quirks.order)) {
            envelope.set("messages", messages);
        }
        Ok(())
    }

    /// The same of a body in the Responses dialect.
    pub fn bend_responses(&self, envelope: &mut Envelope<'_>, losses: &mut Losses) {
        for name in self.quirks.not_in_responses {
            let told = envelope.raw(name).is_some_and(|value| !is_idle(name, value));
            envelope.remove(name);
            if told {
                losses.drop(*name);
            }
        }
    }

    fn bend_knobs(&self, envelope: &mut Envelope<'_>, model: &str, losses: &mut Losses) {
        for (from, to) in self.quirks.rename {
            envelope.rename(from, to);
        }
        // What counts thinking too goes by its newer name alone.
        if models::wants_completion_bound(model) {
            envelope.rename("max_tokens", "max_completion_tokens");
        }
        for name in self.quirks.drop.iter().chain(models::refused(self.slug, model)) {
            let told = envelope.raw(name).is_some_and(|value| !is_idle(name, value));
            envelope.remove(name);
            if told {
                losses.drop(*name);
            }
        }
        for (name, low, high) in self.quirks.clamp {
            let Some(value) = envelope.raw(name).and_then(|raw| raw.parse::<f64>().ok()) else { continue };
            if !(*low..=*high).contains(&value) {
                envelope.set(name, value.clamp(*low, *high).to_string());
                losses.drop(format!("{name}={value}"));
            }
        }
        if self.quirks.stop_list
            && let Some(stop) = envelope.raw("stop").filter(|stop| stop.starts_with('"')).map(|stop| format!("[{stop}]"))
        {
            envelope.set("stop", stop);
        }
        if self.quirks.counted_logprobs {
            let count = match (envelope.raw("logprobs"), envelope.raw("top_logprobs")) {
                (Some("true"), count) => Some(count.filter(|count| *count != "0").unwrap_or("1").to_owned()),
                _ => None,
            };
            envelope.remove("top_logprobs");
            match count {
                Some(count) => envelope.set("logprobs", count),
                None if envelope.raw("logprobs") == Some("false") => _ = envelope.remove("logprobs"),
                None => {}
            }
        }
    }

    /// The nearest effort that the provider knows.
    fn bend_effort(&self, envelope: &mut Envelope<'_>, model: &str, losses: &mut Losses) {
        let known = models::efforts(self.slug, model).unwrap_or(self.quirks.efforts);
        let Some(word) = envelope.text("reasoning_effort").ok().flatten().map(std::borrow::Cow::into_owned) else { return };
        let Some(asked) = Effort::from_word(&word) else { return };
        if let (Effort::None, Some((name, value))) = (asked, self.quirks.still) {
            envelope.remove("reasoning_effort");
            return envelope.set(name, value.to_owned());
        }
        if known.is_empty() || known.contains(&asked) {
            return;
        }
        losses.drop(format!("reasoning_effort={word}"));
        let thinks = || known.iter().copied().filter(|effort| *effort != Effort::None);
        let below = thinks().filter(|effort| *effort < asked).max();
        match below.or_else(|| thinks().min()).filter(|_| asked != Effort::None) {
            Some(effort) => envelope.set("reasoning_effort", format!("\"{}\"", effort.word())),
            None => _ = envelope.remove("reasoning_effort"),
        }
    }

    fn bend_tools(&self, envelope: &mut Envelope<'_>, losses: &mut Losses) -> Result<()> {
        if self.quirks.choices != Choices::All
            && let (Some(tools), Some(choice)) = (envelope.raw("tools"), envelope.raw("tool_choice"))
            && let Some((tools, word)) = chat::narrow(tools, choice, self.quirks.choices)?
        {
            envelope.set("tools", tools);
            envelope.set("tool_choice", format!("\"{word}\""));
        }
        let strict = envelope.raw("tools").filter(|tools| !self.quirks.strict_tools && tools.contains("\"strict\""));
        if let Some(strict) = strict {
            let demanded = strict.split("\"strict\"").skip(1).any(|rest| rest.trim_start_matches([':', ' ']).starts_with("true"));
            if let Some(tools) = chat::loosen(strict)? {
                envelope.set("tools", tools);
            }
            if demanded {
                losses.drop("tools.strict");
            }
        }
        Ok(())
    }

    fn bend_format(&self, envelope: &mut Envelope<'_>, losses: &mut Losses) {
        let Some(format) = envelope.raw("response_format") else { return };
        match chat::format_of(format) {
            Some(chat::Asked::Object) if !self.quirks.json_object => {
                let any = r#"{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"}}}"#;
                envelope.set("response_format", any.to_owned());
            }
            Some(chat::Asked::Schema(schema)) if !self.quirks.json_schema => {
                let words = format!("{BY_SCHEMA}{schema}");
                envelope.set("response_format", r#"{"type":"json_object"}"#.to_owned());
                losses.drop("response_format.json_schema");
                if let Some(messages) = envelope.raw("messages").and_then(|messages| chat::instructed(messages, &words)) {
                    envelope.set("messages", messages);
                }
            }
            _ => {}
        }
    }

    /// Who tells the usage unasked is not asked, unless it is the caller who asks for it in its usual place.
    fn bend_usage(&self, envelope: &mut Envelope<'_>, own: bool) {
        let unasked = match self.quirks.stream_usage {
            StreamUsage::Asked => false,
            StreamUsage::Volunteered => true,
            StreamUsage::Aside => !own,
        };
        if unasked {
            envelope.remove("stream_options");
        }
    }
}

/// What asks for no more than is done anyway.
fn is_idle(name: &str, value: &str) -> bool {
    matches!(
        (name, value),
        ("store", "false")
            | ("service_tier", "\"auto\"" | "\"default\"")
            | ("modalities", "[\"text\"]")
            | ("n", "1")
            | ("logprobs", "false")
            | ("parallel_tool_calls", "true")
            | ("truncation", "\"disabled\"")
            | ("include", "[\"reasoning.encrypted_content\"]" | "[]")
    )
}

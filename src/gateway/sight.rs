//! What a plan may see of a request and of its targets.

use serde_json::Value;

use super::admission;
use super::life::Life;
use super::route::Asked;
use super::worst::{LIKELY_OUTPUT, bound};
use crate::catalog::{Capability, Kind, Money};
use crate::cost::{Cost, Tally};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::ir::Usage;
use crate::providers;
use crate::routing::condition::Fact;
use crate::routing::config::{Breaker, Node};
use crate::routing::pick;
use crate::routing::plan::{Standing, View};
use crate::target;
use crate::wire::envelope::Envelope;
use crate::wire::estimate_tokens;
use crate::wire::lean;

/// A target by which it is remembered: whoever uses another key may fare otherwise there.
pub fn key<H: Host>(life: &Life<'_, H>, asked: &Asked<'_>, leaf: &Node) -> u64 {
    let caller = life.caller.under(&leaf.terms, true);
    let word = |name: &str| caller.named(name).unwrap_or_default();
    let model = leaf.terms.model();
    let model = model.as_deref().unwrap_or(&asked.model);
    pick::hash(&[
        leaf.terms.credential.as_deref().unwrap_or(word("virtual-key")),
        "\n",
        word("provider"),
        "\n",
        word("custom-host"),
        "\n",
        caller.own_key.unwrap_or_default(),
        "\n",
        model,
    ])
}

/// What a plan may see of a request.
pub struct Sight<'a, 'b, H> {
    pub life: &'a Life<'b, H>,
    pub asked: &'a Asked<'a>,
}

impl<H: Host> View for Sight<'_, '_, H> {
    fn now(&self) -> u64 {
        self.life.host.now()
    }

    fn random(&self) -> u64 {
        self.life.host.random()
    }

    fn fact(&self, field: &str) -> Option<Fact> {
        let Self { life, asked } = self;
        let text = |text: &str| Some(Fact::Text(text.to_owned()));
        let (place, name) = field.split_once('.').unwrap_or((field, ""));
        match place {
            "model" => text(&asked.model),
            "provider" => text(life.caller.named("provider")?),
            "url" => text(&life.call.path),
            "headers" => text(life.call.headers.find(&name.to_ascii_lowercase())?),
            "geo" => life.host.country().or_else(|| life.call.headers.find("cf-ipcountry").map(str::to_owned)).map(Fact::Text),
            "metadata" => text(admission::metadata(life, life.member.as_ref()).ok()?.get(name)?),
            "key" => {
                let member = life.member.as_ref()?;
                match name {
                    "id" => text(&member.key.id),
                    "name" => text(&member.key.name),
                    "team" => text(member.key.team.as_deref()?),
                    _ => text(member.key.metadata.default.get(name.trim_start_matches("metadata."))?),
                }
            }
            "params" => {
                let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
                let value: Value = lean::from_str(asked.envelope.raw(first)?).ok()?;
                let within = rest.into_iter().flat_map(|rest| rest.split('.'));
                Fact::of(within.fold(&value, |value, name| value.get(name).unwrap_or(&Value::Null)))
            }
            _ => None,
        }
    }

    fn caller(&self) -> String {
        self.life.tenant()
    }

    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing {
        let (life, now) = (self.life, self.now());
        let track = life.settings.memory.regard(key(life, self.asked, leaf));
        let open_until = breaker.and_then(|breaker| track.open_until(breaker, now));
        Standing { open_until, latency_ms: track.latency_ms(), score: track.score() }
    }

    fn cost(&self, leaf: &Node) -> Option<Money> {
        let (envelope, model) = self.asked.under(Some(&leaf.terms), false);
        let bound = bound(&envelope);
        let input = estimate_tokens(envelope.bytes().len());
        let usage = Usage { input, output: bound.unwrap_or(LIKELY_OUTPUT), ..Usage::default() };
        let caller = self.life.caller.under(&leaf.terms, true);
        let named = caller.named("provider").and_then(providers::find);
        let (provider, model) = match named {
            Some(provider) => (provider, model.as_str()),
            None => target::provider_of_model(self.life.settings, &caller, &model).ok()?,
        };
        match self.life.settings.known(provider.slug, model).cost(&usage, &Tally::default()) {
            Cost::Usd(money) => Some(money),
            Cost::Unpriced => None,
        }
    }
}

/// Refuses a request that the model is known not to serve, where another target may.
pub fn fits<H: Host>(life: &Life<'_, H>, envelope: &Envelope<'_>, provider: &'static str, model: &str) -> Result<()> {
    if !life.turn.elsewhere {
        return Ok(());
    }
    let known = life.settings.model(provider, model).filter(|model| model.kind == Kind::Chat);
    let Some(known) = known else { return Ok(()) };
    if let Some((_, what)) = needs(envelope).find(|(capability, _)| known.capabilities.lacks(*capability)) {
        return Err(Error::invalid(format!("{provider}/{model} takes no {what}.")));
    }
    let tokens = length(envelope);
    match known.context {
        Some(window) if tokens > window => {
            Err(Error::invalid(format!("The request has some {tokens} tokens, and {provider}/{model} takes {window}.")))
        }
        _ => Ok(()),
    }
}

/// What a body asks of a model, whatever its dialect, by the marks that such things have in it.
fn needs(envelope: &Envelope<'_>) -> impl Iterator<Item = (Capability, &'static str)> {
    const PICTURES: &[&str] = &["\"image_url\"", "\"input_image\"", "\"type\":\"image\"", "\"type\": \"image\""];
    const SCHEMAS: &[&str] = &["responseSchema\"", "responseJsonSchema\"", "response_schema\"", "response_json_schema\""];
    let holds = |names: &[&str], marks: &[&str]| {
        names.iter().filter_map(|name| envelope.raw(name)).any(|raw| marks.iter().any(|mark| stands(raw, mark)))
    };
    let wanted = [
        (holds(&["messages", "input"], PICTURES) || holds(&["contents"], &["\"image/"]), Capability::Vision, "pictures"),
        (holds(&["tools", "functions"], &["{"]), Capability::Tools, "tools"),
        (
            holds(&["response_format", "text", "output_config", "output_format"], &["\"json_schema\""])
                || holds(&["generationConfig", "generation_config"], SCHEMAS),
            Capability::JsonSchema,
            "JSON schema",
        ),
    ];
    wanted.into_iter().filter(|(wanted, ..)| *wanted).map(|(_, capability, what)| (capability, what))
}

/// Whether JSON holds this, and not only within a text.
fn stands(raw: &str, mark: &str) -> bool {
    raw.match_indices(mark).any(|(at, _)| !raw.get(..at).is_some_and(|before| before.ends_with('\\')))
}

/// The tokens of a body, about; of one with files in it nobody knows.
fn length(envelope: &Envelope<'_>) -> u64 {
    let content = ["messages", "input", "contents", "prompt", "system", "instructions", "systemInstruction", "system_instruction", "tools"];
    let texts = content.iter().filter_map(|name| envelope.raw(name)).filter(|raw| !raw.contains(";base64,") && !raw.contains("\"data\""));
    estimate_tokens(texts.map(str::len).sum())
}

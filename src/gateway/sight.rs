//! What a plan may see of a request and of its targets.

use serde_json::Value;

use super::admission;
use super::lease;
use super::life::Life;
use super::route::Asked;
use crate::catalog::{self, Capability, Money};
use crate::cost::{self, Cost, Tally};
use crate::errand;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::ir::Usage;
use crate::lease::Bill;
use crate::providers;
use crate::providers::service::Errand;
use crate::routing::condition::Fact;
use crate::routing::config::{Breaker, Node};
use crate::routing::pick;
use crate::routing::plan::{Standing, View};
use crate::target;
use crate::wire::envelope::Envelope;
use crate::wire::pipe::estimate_tokens;

/// What an answer is reckoned with where its length is left open.
const LIKELY_OUTPUT: u64 = 500;

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
                let value: Value = serde_json::from_str(asked.envelope.raw(first)?).ok()?;
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
        let own = self.life.settings.own_prices().find(provider.slug, model).cloned();
        match cost::of(own.as_ref(), provider.slug, model, &usage, &Tally::default()) {
            Cost::Usd(money) => Some(money),
            Cost::Unpriced => None,
        }
    }
}

/// Refuses a request that the model is known not to serve, where another target may.
pub fn fits<H: Host>(life: &Life<'_, H>, envelope: &Envelope<'_>, provider: &str, model: &str) -> Result<()> {
    if !life.turn.elsewhere {
        return Ok(());
    }
    let Some(known) = catalog::find(provider, model).filter(|model| model.kind == catalog::Kind::Chat) else { return Ok(()) };
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

/// What a conversation may use at the most: its prompt, and the longest answer that it allows or the model gives.
pub fn worst_of_talk<H: Host>(life: &Life<'_, H>, provider: &str, model: &str, envelope: &Envelope<'_>) -> Bill {
    if !lease::counts(life) {
        return Bill::default();
    }
    let known = catalog::find(provider, model);
    let (likely, most) = prompt(envelope);
    let most = known.as_ref().and_then(|model| model.context).map_or(most, |window| most.min(window)).max(likely);
    let bound = bound(envelope);
    let longest = known.as_ref().and_then(|model| model.max_output.or(model.context)).unwrap_or(LONGEST_OUTPUT);
    let choices = envelope.raw("n").and_then(|n| n.parse::<u64>().ok()).unwrap_or(1).clamp(1, 128);
    let output = bound.unwrap_or(longest).saturating_mul(choices);
    let likely_output = bound.map_or(LIKELY_OUTPUT.min(longest), |bound| bound.min(longest.max(LIKELY_OUTPUT))).saturating_mul(choices);
    let usage = Usage { input: most, output, ..Usage::default() };
    let own = life.settings.own_prices().find(provider, model).cloned();
    let cost = cost::of(own.as_ref(), provider, model, &usage, &Tally::default());
    Bill::of(likely.saturating_add(likely_output), most.saturating_add(output), cost)
}

/// The same of what is no conversation.
pub fn worst_of_errand<H: Host>(life: &Life<'_, H>, errand: Errand, asked: &[u8]) -> Bill {
    if !lease::counts(life) {
        return Bill::default();
    }
    let (_, tally) = errand::used(errand, asked, &[]);
    let record = &life.ledger.record;
    let input = estimate_tokens(asked.len());
    let usage = Usage { input: tokens_at_most(asked.len()), ..Usage::default() };
    let own = life.settings.own_prices().find(record.provider, &record.model).cloned();
    Bill::of(input, usage.input, cost::of(own.as_ref(), record.provider, &record.model, &usage, &tally))
}

/// The same of a form, of whose files only the length is known.
pub fn worst_of_form<H: Host>(life: &Life<'_, H>, errand: Errand) -> Bill {
    if !lease::counts(life) {
        return Bill::default();
    }
    let (_, mut tally) = errand::used(errand, b"{}", &[]);
    let told = life.call.headers.find("content-length").and_then(|length| length.parse::<u64>().ok());
    match errand {
        Errand::Transcription | Errand::Translation => {
            // Sixteen kilobits a second are the least in which anybody can be understood.
            tally.units.input_ms = told.unwrap_or(LARGEST_FORM) / 2;
            tally.uncounted = false;
        }
        _ => tally.units.images = MOST_IMAGES,
    }
    let record = &life.ledger.record;
    let own = life.settings.own_prices().find(record.provider, &record.model).cloned();
    Bill::of(0, 0, cost::of(own.as_ref(), record.provider, &record.model, &Usage::default(), &tally))
}

/// Where the length of a form is not told.
const LARGEST_FORM: u64 = 25 << 20;
/// So many an image model gives at once.
const MOST_IMAGES: u64 = 10;
/// The longest answer where nobody tells.
const LONGEST_OUTPUT: u64 = 32_768;
/// What a picture or a page takes, whatever its size.
const LEAST_OF_FILE: u64 = 2_000;
/// From here on a string without a space is a file.
const FILE_BYTES: usize = 2_048;

/// The length of the answer that a body allows, in whichever dialect.
fn bound(envelope: &Envelope<'_>) -> Option<u64> {
    let top = ["max_completion_tokens", "max_tokens", "max_output_tokens"].into_iter().find_map(|name| envelope.raw(name)?.parse().ok());
    let within = || {
        let settings: Value = serde_json::from_str(envelope.raw("generationConfig").or(envelope.raw("generation_config"))?).ok()?;
        settings.get("maxOutputTokens").or(settings.get("max_output_tokens"))?.as_u64()
    };
    top.or_else(within)
}

/// The tokens of a prompt: most likely, and at the most.
fn prompt(envelope: &Envelope<'_>) -> (u64, u64) {
    let (mut text, mut files) = (0_usize, 0_u64);
    for raw in envelope.values() {
        for string in raw.split('"') {
            let is_file = string.len() > FILE_BYTES && !string.bytes().any(|byte| byte == b' ');
            if is_file {
                files = files.saturating_add(LEAST_OF_FILE.max(u64::try_from(string.len() / 32).unwrap_or(u64::MAX)));
            } else {
                text = text.saturating_add(string.len());
            }
        }
    }
    (estimate_tokens(text).saturating_add(files), tokens_at_most(text).saturating_add(files))
}

/// What so many bytes of text take in the worst of scripts.
fn tokens_at_most(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(2)).unwrap_or(u64::MAX)
}

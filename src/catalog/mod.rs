//! Models and what they cost.
//!
//! `models.txt` is made by `scripts/models` out of the price lists of litellm and genai-prices (see NOTICE). It lies in
//! the binary as the sorted text it is, some 50 KB gzipped, and is searched as it lies: a start reads nothing of it, a
//! look-up reads one line ([`line`] says how). Text and not tables, because it is smaller and a change of a price is a line
//! of a diff.
//!
//! A model that nobody has put a price on is unpriced (`None`), which is not the same as free.

mod decimal;
mod line;
mod money;
mod names;
mod overrides;
mod price;
mod search;

use search::Text;
use serde::Serialize;

pub use money::Money;
pub use overrides::{Override, Overrides};
pub use price::{Prices, Rate, Rates, Tier, Units, cost, cost_with};

const MODELS: &str = include_str!("models.txt");
/// What answers without any provider has prices too, so that money can be tried.
const SANDBOX: &str = "cut sandbox cT - - - i1 o2\necho sandbox cT - - - i1 o2\nlorem sandbox cT - - - i1 o2\nslow sandbox cT - - - i1 o2\nstatus sandbox cT - - - i1 o2\n";
static TEXTS: [Text; 2] = [
    Text { lines: MODELS, starts: &search::starts::<{ search::blocks(MODELS) }>(MODELS) },
    Text { lines: SANDBOX, starts: &search::starts::<{ search::blocks(SANDBOX) }>(SANDBOX) },
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// As the provider's own API knows it.
    pub id: &'static str,
    /// A provider's slug.
    pub provider: &'static str,
    pub kind: Kind,
    pub capabilities: Capabilities,
    /// The most tokens it reads.
    pub context: Option<u64>,
    /// The most tokens it writes.
    pub max_output: Option<u64>,
    /// The day it goes, or went: `2026-11-30`.
    pub deprecation: Option<&'static str>,
    pub prices: Option<Prices>,
    sizes: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Chat,
    /// Text is carried on, without turns.
    Completion,
    Embedding,
    Image,
    Speech,
    Transcription,
    Rerank,
    Moderation,
    Video,
    /// Audio both ways over a socket.
    Realtime,
    /// Reads pages.
    Ocr,
}

impl Kind {
    const fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'c' => Self::Chat,
            'p' => Self::Completion,
            'e' => Self::Embedding,
            'i' => Self::Image,
            's' => Self::Speech,
            't' => Self::Transcription,
            'r' => Self::Rerank,
            'm' => Self::Moderation,
            'v' => Self::Video,
            'l' => Self::Realtime,
            'o' => Self::Ocr,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    Vision,
    Tools,
    ParallelTools,
    JsonSchema,
    Reasoning,
    AudioIn,
    AudioOut,
    ImageOut,
    VideoIn,
    Pdf,
    PromptCache,
    WebSearch,
    ComputerUse,
    /// Carries on an answer that the caller began.
    Prefill,
    /// Is only there for OpenAI's Responses.
    ResponsesOnly,
}

/// With the letter of each in `models.txt`.
const CAPABILITIES: [(Capability, char); 15] = [
    (Capability::Vision, 'V'),
    (Capability::Tools, 'T'),
    (Capability::ParallelTools, 'P'),
    (Capability::JsonSchema, 'J'),
    (Capability::Reasoning, 'R'),
    (Capability::AudioIn, 'A'),
    (Capability::AudioOut, 'B'),
    (Capability::ImageOut, 'I'),
    (Capability::VideoIn, 'Y'),
    (Capability::Pdf, 'D'),
    (Capability::PromptCache, 'C'),
    (Capability::WebSearch, 'W'),
    (Capability::ComputerUse, 'U'),
    (Capability::Prefill, 'F'),
    (Capability::ResponsesOnly, 'X'),
];

/// What requests are seen to need, and of which a model's line tells all or nothing.
const NEEDED: [Capability; 3] = [Capability::Vision, Capability::Tools, Capability::JsonSchema];

/// What is known that a model can do. What is not in it may only be untold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    known: u16,
    /// Told of the model elsewhere.
    likely: u16,
}

impl Capabilities {
    fn of(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::default(), |all, letter| {
            let (capability, own) = CAPABILITIES.into_iter().find(|(_, own)| own.eq_ignore_ascii_case(&letter))?;
            let bit = bit(capability);
            Some(if own == letter { Self { known: all.known | bit, ..all } } else { Self { likely: all.likely | bit, ..all } })
        })
    }

    pub const fn has(self, capability: Capability) -> bool {
        self.known & bit(capability) != 0
    }

    /// Whether it is known to lack something: others are told of it, and this one by nobody.
    pub fn lacks(self, capability: Capability) -> bool {
        let told = NEEDED.into_iter().any(|needed| self.has(needed));
        told && NEEDED.contains(&capability) && (self.known | self.likely) & bit(capability) == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Capability> {
        CAPABILITIES.into_iter().map(|(capability, _)| capability).filter(move |capability| self.has(*capability))
    }
}

const fn bit(capability: Capability) -> u16 {
    1 << capability as u16
}

impl Model {
    /// The sizes that have prices of their own, as [`Model::sized`] takes them.
    pub fn sizes(&self) -> impl Iterator<Item = (&'static str, Rate)> {
        line::sizes(self.sizes)
    }

    /// The prices of an image of this quality and size, `hd/1024x1792` or `1024x1024`, or of video of this resolution,
    /// `1080p`, where they differ by it.
    pub fn sized(&self, size: &str) -> Option<Prices> {
        let rate = Some(line::size(self.sizes, size)?);
        let base = self.prices.clone().unwrap_or_default();
        Some(match self.kind {
            Kind::Video => Prices { output_hour: rate, ..base },
            _ => Prices { image: rate, ..base },
        })
    }
}

/// The model of this name at this provider: as it is written, else without what says which version or region of it,
/// else the newest of its versions. A fine-tuned model is the one it was made from, and unpriced unless its own price
/// is listed.
pub fn find(provider: &str, model: &str) -> Option<Model> {
    TEXTS.iter().find_map(|text| find_in(text, provider, model)).or_else(|| made_up(provider, model))
}

/// A model of the sandbox whose name says what it does: `slow-20`.
fn made_up(provider: &str, model: &str) -> Option<Model> {
    let (stem, _) = model.split_once('-')?;
    TEXTS.last()?.find(stem, provider).and_then(line::read)
}

fn find_in(text: &Text, provider: &str, model: &str) -> Option<Model> {
    if let Some((tuned, base)) = names::fine_tuned(model) {
        let unpriced = |found| Model { prices: None, sizes: "", ..found };
        return near(text, provider, tuned).or_else(|| near(text, provider, base).map(unpriced));
    }
    near(text, provider, model)
}

fn near(text: &Text, provider: &str, model: &str) -> Option<Model> {
    names::shorter(model)
        .find_map(|name| text.find(name, provider))
        .or_else(|| names::shorter(model).find_map(|name| newest(text, provider, name)))
        .and_then(line::read)
}

/// Among `gpt-4o-2024-05-13`, `gpt-4o-2024-08-06` and so on.
fn newest(text: &Text, provider: &str, stem: &str) -> Option<&'static str> {
    let version = |line: &&str| {
        let (id, of) = line::key(line);
        let bare = id.split_once('@').map_or(id, |(bare, _)| bare);
        let bare = names::without_revision(bare).unwrap_or(bare);
        of == provider && (bare == stem || names::without_date(bare).or_else(|| bare.strip_suffix("-latest")) == Some(stem))
    };
    text.beginning(stem).filter(version).last()
}

/// Whoever has a model of just this name, in the order of their slugs.
pub fn find_any(model: &str) -> impl Iterator<Item = Model> {
    let own = move |line: &&str| line::key(line).0 == model;
    TEXTS.iter().flat_map(move |text| text.beginning(model).take_while(own)).filter_map(line::read)
}

/// The whole catalog, by name and provider.
pub fn all() -> impl Iterator<Item = Model> {
    MODELS.lines().filter_map(line::read)
}

/// What a provider has.
pub fn of_provider(provider: &str) -> impl Iterator<Item = Model> {
    of_providers(move |slug| slug == provider)
}

/// What the wanted providers have, in one pass: what is not wanted is not read.
pub fn of_providers(wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = Model> {
    TEXTS.iter().flat_map(|text| text.lines.lines()).filter(move |line| wanted(line::key(line).1)).filter_map(line::read)
}

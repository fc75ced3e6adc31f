//! What a call costs. All arithmetic is in integers and exact; only where a price is for a third of something finer
//! than a pico-dollar, the sum is rounded, once and at the end.

use super::{Money, decimal};
use crate::ir::Usage;

/// Femto-dollars for one of something: a token, an image, an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

/// Ten to the places of a femto-dollar.
const PLACES: u32 = 15;
const FEMTO_IN_PICO: u128 = 1_000;
const MS_IN_HOUR: u128 = 3_600_000;

impl Rate {
    pub const FREE: Self = Self(0);

    /// From dollars for a million, as price lists have it. `None` if it is no decimal or finer than is kept.
    pub fn per_million(dollars: &str) -> Option<Self> {
        Self::scaled(dollars, PLACES - 6)
    }

    /// From dollars for one.
    pub fn each(dollars: &str) -> Option<Self> {
        Self::scaled(dollars, PLACES)
    }

    fn scaled(dollars: &str, places: u32) -> Option<Self> {
        decimal::scaled(dollars, places).and_then(|femto| u64::try_from(femto).ok()).map(Self)
    }

    /// What a million of them cost.
    pub fn of_million(self) -> Money {
        Money::from_pico(u128::from(self.0) * 1_000_000 / FEMTO_IN_PICO)
    }

    /// What one costs.
    pub fn of_one(self) -> Money {
        Money::from_pico(u128::from(self.0) / FEMTO_IN_PICO)
    }

    /// In femto-dollars; two 64-bit factors always fit.
    fn times(self, count: u64) -> u128 {
        u128::from(self.0) * u128::from(count)
    }
}

/// Prices of tokens. What has none costs what the more general one costs: reasoning as output, a cached token as one
/// that is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub input: Option<Rate>,
    pub output: Option<Rate>,
    pub cache_read: Option<Rate>,
    pub cache_write: Option<Rate>,
    /// Written to stay for an hour.
    pub cache_write_1h: Option<Rate>,
    pub reasoning: Option<Rate>,
    pub input_audio: Option<Rate>,
    pub output_audio: Option<Rate>,
    /// Tokens that images became.
    pub input_image: Option<Rate>,
    pub output_image: Option<Rate>,
}

/// Beyond `above` input tokens, cached ones among them, every token of the call costs what `rates` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    pub above: u64,
    pub rates: Rates,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub tokens: Rates,
    /// Rising.
    pub tiers: Vec<Tier>,
    /// One character of input.
    pub character: Option<Rate>,
    /// One image of input.
    pub input_image: Option<Rate>,
    /// One image made.
    pub image: Option<Rate>,
    /// One hour of audio heard.
    pub input_hour: Option<Rate>,
    /// One hour of audio or video made.
    pub output_hour: Option<Rate>,
    pub page: Option<Rate>,
    /// One call, or one query of a search; on top of tokens.
    pub query: Option<Rate>,
    /// One search of the web that the model made; on top of tokens.
    pub search: Option<Rate>,
}

/// What is counted besides the tokens of [`Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    pub characters: u64,
    pub input_images: u64,
    pub images: u64,
    pub input_ms: u64,
    pub output_ms: u64,
    pub pages: u64,
    /// Queries of a rerank or search; a call is at least one.
    pub queries: u64,
    pub searches: u64,
    /// Of the tokens of the usage, those that images became.
    pub input_image_tokens: u64,
    pub output_image_tokens: u64,
}

/// What the tokens cost. `None` where tokens were used that have no price: that is unpriced, not free.
pub fn cost(prices: &Prices, usage: &Usage) -> Option<Money> {
    cost_with(prices, usage, &Units::default())
}

/// What tokens and units cost. A model that has prices of tokens and of units (an image, an hour) is billed by tokens
/// where they were counted, by units where not; queries and searches come on top.
pub fn cost_with(prices: &Prices, usage: &Usage, units: &Units) -> Option<Money> {
    let by_tokens = prices.price_tokens() && usage.total() > 0;
    let base = if by_tokens { of_tokens(&prices.at(usage.input), usage, units)? } else { of_units(prices, usage, units)? };
    let extra = of(prices.query, units.queries.max(1)).saturating_add(of(prices.search, units.searches));
    Some(Money::from_pico(rounded(base.saturating_add(extra), FEMTO_IN_PICO)))
}

impl Rates {
    /// What a million tokens cost, by the names that an override gives them.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Money)> {
        let rates = [
            ("input", self.input),
            ("output", self.output),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("cache_write_1h", self.cache_write_1h),
            ("reasoning", self.reasoning),
            ("input_audio", self.input_audio),
            ("output_audio", self.output_audio),
            ("input_image_tokens", self.input_image),
            ("output_image_tokens", self.output_image),
        ];
        rates.into_iter().filter_map(|(name, rate)| Some((name, rate?.of_million())))
    }
}

impl Prices {
    /// What a million characters and one of anything else that is counted cost, likewise.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Money)> {
        let units = [
            ("input_image", self.input_image),
            ("image", self.image),
            ("input_hour", self.input_hour),
            ("output_hour", self.output_hour),
            ("page", self.page),
            ("query", self.query),
            ("search", self.search),
        ];
        let characters = self.character.map(|rate| ("character", rate.of_million()));
        characters.into_iter().chain(units.into_iter().filter_map(|(name, rate)| Some((name, rate?.of_one()))))
    }

    fn price_tokens(&self) -> bool {
        [self.tokens.input, self.tokens.output, self.tokens.input_audio, self.tokens.output_audio, self.tokens.output_image]
            .into_iter()
            .flatten()
            .any(|rate| rate > Rate::FREE)
    }

    fn price_units(&self) -> bool {
        [self.character, self.input_image, self.image, self.input_hour, self.output_hour, self.page, self.query].iter().any(Option::is_some)
    }

    /// Nothing has a price.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rates of a call with so much input.
    pub fn at(&self, input: u64) -> Rates {
        let tier = self.tiers.iter().rfind(|tier| input > tier.above);
        tier.map_or(self.tokens, |tier| tier.rates.over(&self.tokens))
    }
}

impl Rates {
    /// These, and `base` where they say nothing.
    fn over(&self, base: &Self) -> Self {
        Self {
            input: self.input.or(base.input),
            output: self.output.or(base.output),
            cache_read: self.cache_read.or(base.cache_read),
            cache_write: self.cache_write.or(base.cache_write),
            cache_write_1h: self.cache_write_1h.or(base.cache_write_1h),
            reasoning: self.reasoning.or(base.reasoning),
            input_audio: self.input_audio.or(base.input_audio),
            output_audio: self.output_audio.or(base.output_audio),
            input_image: self.input_image.or(base.input_image),
            output_image: self.output_image.or(base.output_image),
        }
    }
}

/// Femto-dollars. A detail never counts more than what is left of the whole that it is a part of.
fn of_tokens(rates: &Rates, usage: &Usage, units: &Units) -> Option<u128> {
    let mut input = Left(usage.input);
    let read = input.take(usage.cache_read);
    let write = input.take(usage.cache_write.or(usage.cache_write_1h));
    let hour = write.min(usage.cache_write_1h.unwrap_or(0));
    let audio = input.take(usage.input_audio);
    let image = input.take(Some(units.input_image_tokens));
    let mut output = Left(usage.output);
    let spoken = output.take(usage.output_audio);
    let drawn = output.take(Some(units.output_image_tokens));
    let thought = output.take(usage.reasoning);
    let write_rate = rates.cache_write.or(rates.input);
    sum([
        (read, rates.cache_read.or(rates.input)),
        (hour, rates.cache_write_1h.or(write_rate)),
        (write.saturating_sub(hour), write_rate),
        (audio, rates.input_audio.or(rates.input)),
        (image, rates.input_image.or(rates.input)),
        (input.0, rates.input.or(rates.input_audio)),
        (spoken, rates.output_audio.or(rates.output)),
        (drawn, rates.output_image.or(rates.output)),
        (thought, rates.reasoning.or(rates.output)),
        (output.0, rates.output.or(rates.output_image).or(rates.output_audio)),
    ])
}

/// Tokens that are not yet priced.
struct Left(u64);

impl Left {
    fn take(&mut self, count: Option<u64>) -> u64 {
        let taken = count.unwrap_or(0).min(self.0);
        self.0 = self.0.saturating_sub(taken);
        taken
    }
}

/// `None` if there is something that nobody has put a price on.
fn sum<const N: usize>(parts: [(u64, Option<Rate>); N]) -> Option<u128> {
    parts.into_iter().try_fold(0_u128, |total, (count, rate)| match (count, rate) {
        (0, _) => Some(total),
        (_, None) => None,
        (count, Some(rate)) => Some(total.saturating_add(rate.times(count))),
    })
}

/// Femto-dollars of what is counted otherwise. `None` if nothing was counted by a measure that has a price.
fn of_units(prices: &Prices, usage: &Usage, units: &Units) -> Option<u128> {
    let measures = [
        (units.characters, prices.character, 1),
        (units.input_images, prices.input_image, 1),
        (units.images, prices.image, 1),
        (units.pages, prices.page, 1),
        (units.input_ms, prices.input_hour, MS_IN_HOUR),
        (units.output_ms, prices.output_hour, MS_IN_HOUR),
    ];
    let priced = || measures.iter().filter_map(|(count, rate, parts)| Some((*count, (*rate)?, *parts)));
    let total = priced().fold(0_u128, |total, (count, rate, parts)| total.saturating_add(rounded(rate.times(count), parts)));
    let counted = priced().any(|(count, ..)| count > 0) || prices.query.is_some();
    // Free of charge, or no use of it at all.
    let nothing = !prices.price_units() && !prices.is_empty() && free(prices, usage);
    (counted || nothing).then_some(total)
}

fn free(prices: &Prices, usage: &Usage) -> bool {
    (usage.input == 0 || prices.tokens.input.is_some()) && (usage.output == 0 || prices.tokens.output.is_some())
}

fn of(rate: Option<Rate>, count: u64) -> u128 {
    rate.map_or(0, |rate| rate.times(count))
}

/// A half goes up.
fn rounded(amount: u128, parts: u128) -> u128 {
    let whole = amount.checked_div(parts).unwrap_or(0);
    let rest = amount.checked_rem(parts).unwrap_or(0);
    if rest.saturating_mul(2) >= parts { whole.saturating_add(1) } else { whole }
}

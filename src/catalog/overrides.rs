//! Prices of one's own: negotiated ones, and those of models that no list knows. They win over the catalog.
//!
//! ```json
//! {"provider": "openai", "model": "gpt-4o", "input": "1.80", "output": 7.2, "cache_read": "0.9",
//!  "tiers": [{"above": 200000, "input": "3.6"}], "image": "0.04", "query": "0.002"}
//! ```
//!
//! Tokens and characters are priced by the million, images, pages, queries, searches and hours by the piece, in US
//! dollars. An override is the whole price of its model: what it does not name is not taken from the catalog.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::price::{Prices, Rate, Rates, Tier};
use super::{find, names};
use crate::error::{Error, Result};
use crate::order;
use crate::wire::lean;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub provider: String,
    pub model: String,
    pub prices: Prices,
}

/// Overrides by provider and model; of several for one model the last counts.
#[derive(Clone, Debug, Default)]
pub struct Overrides(BTreeMap<(String, String), Prices>);

const NAMES: &str = "input, output, cache_read, cache_write, cache_write_1h, reasoning, input_audio, output_audio, input_image_tokens, \
     output_image_tokens, character, input_image, image, input_hour, output_hour, page, query, search, tiers";

impl Override {
    pub fn parse(json: &[u8]) -> Result<Self> {
        let fields: Fields = crate::wire::json::read(json).map_err(|error| Error::invalid(format!("A price is a JSON object: {error}")))?;
        let mut prices = Prices::default();
        let (mut provider, mut model) = (None, None);
        for (name, value) in &fields {
            match name.as_str() {
                "provider" => provider = Some(text(name, value)?),
                "model" => model = Some(text(name, value)?),
                "tiers" => prices.tiers = tiers(value)?,
                _ => *slot(&mut prices, name)? = Some(rate(name, name, value)?),
            }
        }
        if prices.is_empty() {
            return Err(wrong("input", "Name at least one price, such as `input` and `output` in US dollars for a million tokens."));
        }
        let missing = |field: &str| wrong(field, format!("`{field}` is missing."));
        Ok(Self { provider: provider.ok_or_else(|| missing("provider"))?, model: model.ok_or_else(|| missing("model"))?, prices })
    }
}

impl Overrides {
    /// From the list that is kept of them. One that cannot be read was refused when it was to be saved; whatever wrote
    /// it in spite of that does not take the others along.
    pub fn parse(json: &[u8]) -> Self {
        let list: Vec<&RawValue> = crate::wire::json::read(json).unwrap_or_default();
        list.into_iter().filter_map(|one| Override::parse(one.get().as_bytes()).ok()).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Prices)> {
        self.0.iter().map(|((provider, model), prices)| (provider.as_str(), model.as_str(), prices))
    }

    /// What the provider's model costs: by an override, else by the catalog. `None` is unpriced.
    pub fn price(&self, provider: &str, model: &str) -> Option<Prices> {
        self.find(provider, model).cloned().or_else(|| find(provider, model)?.prices)
    }

    /// An override of the model as it is written, else of the model that it is a version of.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Prices> {
        if self.0.is_empty() {
            return None;
        }
        names::shorter(model).find_map(|name| self.0.get(&(provider.to_owned(), name.to_owned())))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Override> for Overrides {
    fn from_iter<I: IntoIterator<Item = Override>>(overrides: I) -> Self {
        let mut known = Self::default();
        known.0.extend(overrides.into_iter().map(|one| ((one.provider, one.model), one.prices)));
        known
    }
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn text(name: &str, value: &RawValue) -> Result<String> {
    lean::from_str(value.get()).map_err(|_| wrong(name, format!("`{name}` must be a string.")))
}

fn tiers(value: &RawValue) -> Result<Vec<Tier>> {
    let told: Vec<Fields> = lean::from_str(value.get())
        .map_err(|_| wrong("tiers", "`tiers` must be a list of objects such as {\"above\": 200000, \"input\": \"6\"}."))?;
    let mut tiers = (0..).zip(&told).map(|(index, fields)| tier(index, fields)).collect::<Result<Vec<_>>>()?;
    order::sort(&mut tiers, |one, other| one.above < other.above);
    Ok(tiers)
}

fn tier(index: usize, fields: &Fields) -> Result<Tier> {
    let path = |name: &str| format!("tiers[{index}].{name}");
    let above = fields.get("above").and_then(|value| value.get().parse().ok());
    let above = above.ok_or_else(|| wrong(path("above"), format!("`{}` must be a number of input tokens.", path("above"))))?;
    let mut rates = Rates::default();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "above") {
        let slot = token_slot(&mut rates, name)
            .ok_or_else(|| wrong(path(name), format!("`{}` is not a price of tokens: a tier changes those only.", path(name))))?;
        *slot = Some(rate(name, &path(name), value)?);
    }
    Ok(Tier { above, rates })
}

fn slot<'p>(prices: &'p mut Prices, name: &str) -> Result<&'p mut Option<Rate>> {
    Ok(match name {
        "character" => &mut prices.character,
        "input_image" => &mut prices.input_image,
        "image" => &mut prices.image,
        "input_hour" => &mut prices.input_hour,
        "output_hour" => &mut prices.output_hour,
        "page" => &mut prices.page,
        "query" => &mut prices.query,
        "search" => &mut prices.search,
        _ => {
            let unknown = || wrong(name, format!("`{name}` is not a price. The prices are {NAMES}."));
            return token_slot(&mut prices.tokens, name).ok_or_else(unknown);
        }
    })
}

fn token_slot<'r>(rates: &'r mut Rates, name: &str) -> Option<&'r mut Option<Rate>> {
    Some(match name {
        "input" => &mut rates.input,
        "output" => &mut rates.output,
        "cache_read" => &mut rates.cache_read,
        "cache_write" => &mut rates.cache_write,
        "cache_write_1h" => &mut rates.cache_write_1h,
        "reasoning" => &mut rates.reasoning,
        "input_audio" => &mut rates.input_audio,
        "output_audio" => &mut rates.output_audio,
        "input_image_tokens" => &mut rates.input_image,
        "output_image_tokens" => &mut rates.output_image,
        _ => return None,
    })
}

/// The number is read from its text, so that it stays the decimal that was written.
fn rate(name: &str, path: &str, value: &RawValue) -> Result<Rate> {
    let quoted = value.get().starts_with('"');
    let amount = if quoted { text(path, value)? } else { value.get().to_owned() };
    let piece = ["input_image", "image", "input_hour", "output_hour", "page", "query", "search"].contains(&name);
    let read = if piece { Rate::each(&amount) } else { Rate::per_million(&amount) };
    let unit = if piece { "one" } else { "a million" };
    read.ok_or_else(|| {
        wrong(
            path,
            format!(
                "`{path}` must be US dollars for {unit}, as a decimal such as \"2.50\" that is not negative and has at most nine places."
            ),
        )
    })
}

fn wrong(path: impl Into<String>, message: impl Into<String>) -> Error {
    Error::invalid(message).with_param(path)
}

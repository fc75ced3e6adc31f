//! What a request costs: what it used, at the prices of the model that answered.

use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};

use crate::catalog::{Kind, Model, Money, Prices, Rates, Units, cost_with};
use crate::ir::Usage;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// US dollars.
    Usd(Money),
    /// Something was used that nobody has put a price on, which is not the same as free.
    Unpriced,
}

/// What was used besides the tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub units: Units,
    /// Of the images that were asked for: `1024x1024`.
    pub size: Option<String>,
    /// Likewise: `hd`.
    pub quality: Option<String>,
    /// An answer that nobody can count by the length of the request: images, sound. If its tokens were not told,
    /// only the units are priced.
    pub opaque: bool,
    /// Nobody told how much was used.
    pub uncounted: bool,
}

/// What is known of a provider's model.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Prices that win over the catalog's.
    pub own: Option<Prices>,
    /// As the catalog has it.
    pub model: Option<Rc<Model>>,
}

impl Known {
    pub fn prices(&self) -> Option<&Prices> {
        self.own.as_ref().or_else(|| self.model.as_ref()?.prices.as_ref())
    }

    /// What so much use of it costs.
    pub fn cost(&self, usage: &Usage, tally: &Tally) -> Cost {
        if tally.uncounted {
            return Cost::Unpriced;
        }
        let prices = self.own.clone().or_else(|| listed(self.model.as_ref()?, tally));
        let money = prices.and_then(|prices| {
            let counted = !(tally.opaque && usage.estimated);
            let prices = if counted { prices } else { by_the_piece(prices) };
            cost_with(&prices, usage, &tally.units)
        });
        money.map_or(Cost::Unpriced, Cost::Usd)
    }
}

/// The model's prices, those of the size of its images where they differ by it.
fn listed(model: &Model, tally: &Tally) -> Option<Prices> {
    if model.kind != Kind::Image {
        return model.prices.clone();
    }
    let size = tally.size.as_deref().unwrap_or("1024x1024");
    let sized = match tally.quality.as_deref() {
        Some(quality) => model.sized(&format!("{quality}/{size}")).or_else(|| model.sized(size)),
        // Models billed by tokens choose the quality themselves.
        None if by_tokens(model) => None,
        None => model.sized(size).or_else(|| model.sized(&format!("standard/{size}"))),
    };
    sized.or_else(|| model.prices.clone())
}

fn by_tokens(model: &Model) -> bool {
    model.prices.as_ref().is_some_and(|prices| prices.tokens != Rates::default())
}

/// Less the prices of tokens, where there are any to pay.
fn by_the_piece(prices: Prices) -> Prices {
    let free = cost_with(&prices, &Usage { input: 1, output: 1, ..Usage::default() }, &Units::default()) == Some(Money::ZERO);
    if free { prices } else { Prices { tokens: Rates::default(), tiers: Vec::new(), ..prices } }
}

impl Cost {
    pub const NOTHING: Self = Self::Usd(Money::ZERO);
}

/// The decimal, or `unpriced`.
impl fmt::Display for Cost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cost::Usd(money) => money.fmt(out),
            Cost::Unpriced => out.write_str("unpriced"),
        }
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

//! Money is whole pico-dollars, millionths of a millionth: exact where a float would lose, and still small enough
//! that a 64-bit column holds nine million dollars.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal;

const PLACES: u32 = 12;
const PICO: u128 = 1_000_000_000_000;

/// US dollars, never less than none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u128);

impl Money {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(u128::MAX);

    pub const fn from_pico(pico: u128) -> Self {
        Self(pico)
    }

    pub const fn pico(self) -> u128 {
        self.0
    }

    /// From a decimal as callers and configs write it: `"12.5"`. `None` if it is none, is negative, or is finer than a
    /// pico-dollar.
    pub fn parse(text: &str) -> Option<Self> {
        decimal::scaled(text, PLACES).map(Self)
    }

    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other`; none where there was less.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

/// The shortest decimal that says it whole: `0.000012345`, `3`, `0`.
impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut rest, mut places) = (self.0 / PICO, self.0 % PICO, PLACES as usize);
        if rest == 0 {
            return write!(out, "{whole}");
        }
        while rest % 10 == 0 {
            rest /= 10;
            places -= 1;
        }
        write!(out, "{whole}.{rest:0places$}")
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an amount in US dollars as a decimal string such as \"12.50\""))
    }
}

//! A line of the catalog: `id provider kind+capabilities context max_output deprecation prices...`, `-` for what
//! nobody tells. A capability in lower case is told of the model elsewhere, not of this provider's.
//!
//! Prices are dollars for a million tokens: `i` input, `o` output, `r` cache read, `w` cache write, `h` cache write for
//! an hour, `t` reasoning, `a` `A` audio in and out, `m` `M` images in and out. Dollars for a million: `x` characters.
//! Dollars for one: `p` `P` images in and out, `s` `S` hours in and out, `q` query, `g` page, `f` search of the web.
//! `>200000` begins the prices beyond so many input tokens; `@hd/1024x1792=.12` is the image (or hour of video) of
//! that quality and size.

use super::price::{Prices, Rate, Rates, Tier};
use super::{Capabilities, Kind, Model};

/// What a line is found by; lines are sorted by it.
pub(super) fn key(line: &str) -> (&str, &str) {
    let (id, rest) = line.split_once(' ').unwrap_or((line, ""));
    (id, rest.split_once(' ').map_or(rest, |(provider, _)| provider))
}

/// `None` if it is no line, which the tests rule out.
pub(super) fn read(line: &'static str) -> Option<Model> {
    let mut words = line.splitn(7, ' ');
    let (id, provider) = (words.next()?, words.next()?);
    let flags = words.next()?;
    let kind = Kind::of(flags.chars().next()?)?;
    let capabilities = Capabilities::of(flags.get(1..)?)?;
    let (context, max_output) = (count(words.next()?)?, count(words.next()?)?);
    let deprecation = Some(words.next()?).filter(|date| *date != "-");
    let rest = words.next().unwrap_or_default();
    let (prices, sizes) = rest.find('@').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let prices = Some(prices_of(prices)?).filter(|prices| !prices.is_empty());
    Some(Model { id, provider, kind, capabilities, context, max_output, deprecation, prices, sizes })
}

fn count(word: &str) -> Option<Option<u64>> {
    if word == "-" { Some(None) } else { word.parse().ok().map(Some) }
}

fn prices_of(words: &str) -> Option<Prices> {
    let mut prices = Prices::default();
    for word in words.split_ascii_whitespace() {
        let (letter, amount) = word.split_at_checked(1)?;
        if letter == ">" {
            prices.tiers.push(Tier { above: amount.parse().ok()?, rates: Rates::default() });
            continue;
        }
        let (slot, rate) = slot(&mut prices, letter, amount)?;
        *slot = Some(rate);
    }
    Some(prices)
}

/// Where a price belongs, and the price.
fn slot<'p>(prices: &'p mut Prices, letter: &str, amount: &str) -> Option<(&'p mut Option<Rate>, Rate)> {
    let unit = match letter {
        "x" => return Some((&mut prices.character, Rate::per_million(amount)?)),
        "p" => Some(&mut prices.input_image),
        "P" => Some(&mut prices.image),
        "s" => Some(&mut prices.input_hour),
        "S" => Some(&mut prices.output_hour),
        "q" => Some(&mut prices.query),
        "g" => Some(&mut prices.page),
        "f" => Some(&mut prices.search),
        _ => None,
    };
    if let Some(unit) = unit {
        return Some((unit, Rate::each(amount)?));
    }
    let rates = prices.tiers.last_mut().map_or(&mut prices.tokens, |tier| &mut tier.rates);
    let token = match letter {
        "i" => &mut rates.input,
        "o" => &mut rates.output,
        "r" => &mut rates.cache_read,
        "w" => &mut rates.cache_write,
        "h" => &mut rates.cache_write_1h,
        "t" => &mut rates.reasoning,
        "a" => &mut rates.input_audio,
        "A" => &mut rates.output_audio,
        "m" => &mut rates.input_image,
        "M" => &mut rates.output_image,
        _ => return None,
    };
    Some((token, Rate::per_million(amount)?))
}

/// The price of one size among `@hd/1024x1792=.12 @...`.
pub(super) fn size(text: &str, wanted: &str) -> Option<Rate> {
    sizes(text).find(|(size, _)| *size == wanted).map(|(_, rate)| rate)
}

pub(super) fn sizes(text: &str) -> impl Iterator<Item = (&str, Rate)> {
    text.split_ascii_whitespace().filter_map(|word| {
        let (size, amount) = word.strip_prefix('@')?.split_once('=')?;
        Some((size, Rate::each(amount)?))
    })
}

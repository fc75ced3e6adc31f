//! Prices that win over the catalog's.

use super::desk::Desk;
use super::record::Record;
use super::resource::Form::{Count, Name, Of, Text, Time};
use super::resource::{Copy, Field, Id, Resource, Reveal, fixed, free, note, unguarded};
use crate::catalog::Override;
use crate::error::{Error, Result};
use crate::{providers, spelling};

pub const PRICES: Resource = Resource {
    path: "prices",
    noun: "price",
    // One of each model.
    id: Id::Of(&["provider", "model"]),
    fields: FIELDS,
    filters: &["provider", "model"],
    most: 10_000,
    longest: 4_096,
    has_meter: false,
    copy: Copy::List,
    has_history: false,
    actions: &[],
    prepare,
    guard: unguarded,
};

const FIELDS: &[Field] = &[
    note("id", Text),
    fixed("provider", Name),
    fixed("model", Name),
    free("input", Of("rate")),
    free("output", Of("rate")),
    free("cache_read", Of("rate")),
    free("cache_write", Of("rate")),
    free("cache_write_1h", Of("rate")),
    free("reasoning", Of("rate")),
    free("input_audio", Of("rate")),
    free("output_audio", Of("rate")),
    free("input_image_tokens", Of("rate")),
    free("output_image_tokens", Of("rate")),
    free("character", Of("rate")),
    free("input_image", Of("rate")),
    free("image", Of("rate")),
    free("input_hour", Of("rate")),
    free("output_hour", Of("rate")),
    free("page", Of("rate")),
    free("query", Of("rate")),
    free("search", Of("rate")),
    free("tiers", Of("tiers")),
    note("version", Count),
    note("created_at", Time),
    note("updated_at", Time),
];

fn prepare(_: &mut Desk<'_>, record: &mut Record, _: Option<&Record>) -> Result<Option<Reveal>> {
    let price = Override::parse(record.definition(&PRICES).as_bytes())?;
    if providers::find(&price.provider).is_none() {
        let hint = spelling::hint(&price.provider, providers::all().iter().map(|provider| provider.slug));
        return Err(Error::invalid(format!("provider: there is no provider `{}`.{hint}", price.provider)).with_param("provider"));
    }
    if price.model.is_empty() || price.model.len() > 256 {
        return Err(Error::invalid("model: expected a name of 1 to 256 bytes.").with_param("model"));
    }
    Ok(None)
}

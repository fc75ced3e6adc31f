//! Prices that win over the catalog's.

use super::desk::Desk;
use super::record::Record;
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
    note("id"),
    fixed("provider"),
    fixed("model"),
    free("input"),
    free("output"),
    free("cache_read"),
    free("cache_write"),
    free("cache_write_1h"),
    free("reasoning"),
    free("input_audio"),
    free("output_audio"),
    free("input_image_tokens"),
    free("output_image_tokens"),
    free("character"),
    free("input_image"),
    free("image"),
    free("input_hour"),
    free("output_hour"),
    free("page"),
    free("query"),
    free("search"),
    free("tiers"),
    note("version"),
    note("created_at"),
    note("updated_at"),
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

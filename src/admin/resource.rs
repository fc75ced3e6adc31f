//! What a kind of thing is made of, as data.

use super::desk::Desk;
use super::record::Record;
use super::{configs, credentials, keys, prices, teams};
use crate::error::{Error, Result};

pub struct Resource {
    /// Its place below `/admin/v1`.
    pub path: &'static str,
    /// One of them, as people say and as its meter's name begins.
    pub noun: &'static str,
    pub id: Id,
    /// In the order in which they are shown.
    pub fields: &'static [Field],
    /// Fields by whose text a list may be narrowed.
    pub filters: &'static [&'static str],
    /// More than this there cannot be.
    pub most: usize,
    /// The longest of them, in bytes.
    pub longest: usize,
    /// Has a meter that knows its definition.
    pub has_meter: bool,
    /// Where requests read it.
    pub copy: Copy,
    /// Its earlier versions are kept.
    pub has_history: bool,
    /// Words below its path that are no ids.
    pub actions: &'static [&'static str],
    /// Looks at what is to be stored, with what was stored before, and completes it. What it comes back with is shown
    /// in this answer and never again.
    pub prepare: Prepare,
    /// Whether this actor may change it, or have it go.
    pub guard: Guard,
}

pub type Prepare = fn(&mut Desk<'_>, &mut Record, Option<&Record>) -> Result<Option<Reveal>>;
pub type Guard = fn(&Desk<'_>, &Record, Act) -> Result<()>;

/// What is shown once: a name and a text.
pub type Reveal = (&'static str, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Change,
    Delete,
}

/// By what one of them is known.
#[derive(Clone, Copy)]
pub enum Id {
    /// Letters that are made up, in the field `id`.
    Made,
    /// A word of its creator, in the field `slug`.
    Slug,
    /// These fields together, of which there is one with the same; in the field `id` as letters.
    Of(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// One value each, `noun:id`.
    Each,
    /// One list of all, under the path.
    List,
}

#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub form: Form,
    pub sent: Sent,
    pub shown: bool,
    pub published: bool,
}

/// What a field holds, as the description of the API has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    /// Of at most 256 letters.
    Name,
    Slug,
    Count,
    Time,
    /// Never said or shown.
    Any,
    /// What `schemas.json` has under this name.
    Of(&'static str),
}

/// Whether people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Freely,
    /// As one value, which is replaced and never merged.
    Whole,
    /// By its creator, and never changed.
    Once,
    Never,
}

const fn field(name: &'static str, form: Form, sent: Sent, shown: bool, published: bool) -> Field {
    Field { name, form, sent, shown, published }
}

pub const fn free(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Freely, true, true)
}

pub const fn whole(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Whole, true, true)
}

pub const fn fixed(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Once, true, true)
}

/// Sent, and never shown again.
pub const fn secret(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Whole, false, true)
}

/// Made here.
pub const fn made(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Never, true, true)
}

/// Made here, for people alone.
pub const fn note(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Never, true, false)
}

/// Made here, for requests alone.
pub const fn hidden(name: &'static str, form: Form) -> Field {
    field(name, form, Sent::Never, false, true)
}

pub const RESOURCES: &[&Resource] = &[&keys::KEYS, &teams::TEAMS, &credentials::CREDENTIALS, &configs::CONFIGS, &prices::PRICES];

pub fn find(path: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.path == path).copied()
}

impl Resource {
    pub fn row(&self, id: &str) -> String {
        format!("{}/{id}", self.path)
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that holds the id.
    pub fn id_field(&self) -> &'static str {
        if matches!(self.id, Id::Slug) { "slug" } else { "id" }
    }

    pub fn id_of(&self, record: &Record) -> String {
        record.text(self.id_field()).unwrap_or_default()
    }
}

/// Anybody who may change anything may change this.
pub fn unguarded(_: &Desk<'_>, _: &Record, _: Act) -> Result<()> {
    Ok(())
}

/// An error of a parser, which begins its paths with the noun; in a body that is the top.
pub fn in_body(noun: &str, error: Error) -> Error {
    let prefix = format!("{noun}.");
    let bare = |text: &str| text.strip_prefix(&prefix).unwrap_or(text).to_owned();
    Error { message: bare(&error.message), param: error.param.as_deref().map(bare), ..error }
}

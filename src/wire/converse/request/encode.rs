use std::borrow::Cow;

use serde_json::value::RawValue;

use super::settings::Settings;
use super::tools::write_tools;
use super::turns::Conversation;
use crate::error::Result;
use crate::ir::{Extras, Format, Losses, Raw, Request};
use crate::wire::Abilities;
use crate::wire::family::refuse_or_name;
use crate::wire::fields::Fields;
use crate::wire::json::{Object, value};

/// Stands in for a JSON mode, which this dialect lacks.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

/// Fields of this dialect that callers of others may send along with theirs.
const OWN: [&str; 4] = ["guardrailConfig", "performanceConfig", "promptVariables", "requestMetadata"];
/// The field that holds what only one model knows.
const OF_THE_MODEL: &str = "additionalModelRequestFields";

pub fn encode_request(request: &Request, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let conversation = Conversation::of(request, losses)?;
    let settings = Settings::of(request, conversation.loops_without_thinking(), abilities, losses);
    let mut body = Vec::with_capacity(1_024);
    let mut object = Object::open(&mut body);
    conversation.write_messages(object.slot("messages"))?;
    conversation.write_system(&mut object, closing(request, abilities).as_deref());
    settings.write(&mut object, request.stream);
    write_tools(&mut object, request, &conversation, &settings, abilities, losses)?;
    write_format(&mut object, request, abilities, losses);
    let mut extras = Vec::new();
    for (name, raw) in &request.extras {
        match name.as_str() {
            name if OWN.contains(&name) => value(object.slot(name), raw),
            OF_THE_MODEL => extras = Fields::of(raw, name.clone())?.rest(),
            "service_tier" if tier(raw).is_some() => Object::typed(object.slot("serviceTier"), tier(raw).unwrap_or_default()).close(),
            _ => refuse_or_name(name, raw, losses)?,
        }
    }
    write_own_words(&mut object, &settings, &extras);
    name_knobs(request, losses);
    object.close();
    Ok(body)
}

/// One more system text, where the answer's form cannot be told otherwise.
fn closing<'r>(request: &'r Request, abilities: &Abilities) -> Option<Cow<'r, str>> {
    match &request.format {
        Format::JsonSchema { schema, .. } if !abilities.json_schema => {
            Some(Cow::Owned(format!("{JSON_ONLY} It must be valid by this JSON schema:\n{}", schema.get())))
        }
        Format::JsonObject => Some(Cow::Borrowed(JSON_ONLY)),
        Format::Text | Format::JsonSchema { .. } => None,
    }
}

fn write_format(object: &mut Object<'_>, request: &Request, abilities: &Abilities, losses: &mut Losses) {
    let Format::JsonSchema { name, description, schema, .. } = &request.format else { return };
    if !abilities.json_schema {
        return losses.drop("response_format");
    }
    let mut config = Object::open(object.slot("outputConfig"));
    let mut format = Object::typed(config.slot("textFormat"), "json_schema");
    let mut structure = Object::open(format.slot("structure"));
    let named = Object::open(structure.slot("jsonSchema")).with("name", name.as_deref().unwrap_or("answer"));
    named.maybe("description", description.as_ref()).with("schema", schema.get()).close();
    structure.close();
    format.close();
    config.close();
}

/// What the caller says in the model's own words goes before what we would say.
fn write_own_words(object: &mut Object<'_>, settings: &Settings, extras: &Extras) {
    if !settings.has_own_words() && extras.is_empty() {
        return;
    }
    let mut ours = Vec::new();
    let mut fields = Object::open(&mut ours);
    settings.write_own_words(&mut fields);
    fields.close();
    let ours = crate::wire::json::read::<&RawValue>(&ours).ok().and_then(|raw| Fields::of(raw, String::new()).ok());
    let ours = ours.map(Fields::rest).unwrap_or_default();
    let said = |name: &str| extras.iter().any(|(known, _)| known == name);
    let fields = ours.iter().filter(|(name, _)| !said(name)).chain(extras);
    fields.fold(Object::open(object.slot(OF_THE_MODEL)), |object, (name, raw)| object.with(name, raw)).close();
}

fn tier(raw: &Raw) -> Option<&'static str> {
    ["flex", "priority", "reserved"].into_iter().find(|word| raw.get().trim_matches('"') == *word)
}

fn name_knobs(request: &Request, losses: &mut Losses) {
    let knobs = [
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("user", request.user.is_some()),
        ("detail", request.has_detail()),
    ];
    knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
}

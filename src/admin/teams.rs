//! Teams, from which keys inherit.

use super::desk::Desk;
use super::record::Record;
use super::resource::Form::{Count, Name, Of, Slug, Time};
use super::resource::{Act, Copy, Id, Resource, Reveal, fixed, free, in_body, made, note};
use super::{configs, store};
use crate::error::{Error, Kind, Result};
use crate::policy::holder::Team;

pub const TEAMS: Resource = Resource {
    path: "teams",
    noun: "team",
    id: Id::Slug,
    fields: &[
        fixed("slug", Slug),
        free("name", Name),
        free("default_config", Name),
        free("limits", Of("limits")),
        free("budgets", Of("budgets")),
        free("members", Of("names")),
        made("version", Count),
        note("created_at", Time),
        note("updated_at", Time),
    ],
    filters: &[],
    most: 10_000,
    longest: 65_536,
    has_meter: true,
    copy: Copy::Each,
    has_history: false,
    actions: &[],
    prepare,
    guard,
};

fn prepare(desk: &mut Desk<'_>, record: &mut Record, _: Option<&Record>) -> Result<Option<Reveal>> {
    let team = Team::parse(&record.definition(&TEAMS)).map_err(|error| in_body(TEAMS.noun, error))?;
    configs::exists(desk, team.default_config.as_deref(), "default_config")?;
    Ok(None)
}

fn guard(desk: &Desk<'_>, record: &Record, act: Act) -> Result<()> {
    let slug = TEAMS.id_of(record);
    let rows = if act == Act::Delete { store::all(desk.store, "keys/") } else { Vec::new() };
    let of_team = |(_, row): &&(String, String)| Record::parse(row).and_then(|key| key.text("team")).is_some_and(|team| team == slug);
    match rows.iter().filter(of_team).count() {
        0 => Ok(()),
        count => {
            let message = format!("The team `{slug}` has keys ({count}): delete them or give them another team first.");
            Err(Error::caller(Kind::Conflict, message).with_code("team_has_keys"))
        }
    }
}

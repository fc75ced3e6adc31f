//! What a request may use is reserved with the meters of its holders before it runs: of the caller's key, its team,
//! the credential, and the values of the metadata that are counted. All of them are asked at once.

use std::borrow::Cow;
use std::rc::Rc;

use futures_util::future::join;
use serde_json::value::RawValue;

use super::admission::{self, unauthenticated};
use super::life::Life;
use super::shelf::{Shelf, look};
use super::vaulted::PATIENCE_MS;
use crate::cache::{Cached, Entry};
use crate::error::{Error, Kind, Result, Retry};
use crate::host::{Host, Note, Verb};
use crate::lease::{Bill, give_back};
use crate::policy::ask::{Ask, Broken, Left, Refused, Verdict};
use crate::policy::holder::{Credential, Key, Scope, Team};
use crate::policy::roster::Member;
use crate::policy::rules::Rules;
use crate::policy::secret;
use crate::wire::lean;

/// Metadata told to each meter for its account: so many fields, of so many letters.
const MOST_FIELDS: usize = 8;
const LONGEST_VALUE: usize = 128;

/// Whose meter is asked, and how it knows what to go by.
struct Party {
    holder: Holder,
    meter: String,
    /// How people call the holder.
    whose: String,
    version: Option<u64>,
    rules: Option<Box<RawValue>>,
}

/// What is asked of one meter.
struct Stake {
    meter: String,
    lease: String,
    whose: String,
    holder: Holder,
    more: Bill,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    Key,
    Team,
    Credential(String),
    /// A value of the metadata, as one of the others counts it.
    Value {
        of_target: bool,
    },
}

impl Holder {
    fn is_of_target(&self) -> bool {
        matches!(self, Holder::Credential(_) | Holder::Value { of_target: true })
    }
}

/// Whether anything of the request is counted in tokens or money, so that it is worth reckoning what it may use.
pub fn counts<H: Host>(life: &Life<'_, H>) -> bool {
    let credential = credential(life);
    let member = life.member.iter().flat_map(|member| member.team.iter().map(|team| &team.rules).chain([&member.key.rules]));
    member.chain(credential.iter().map(|credential| &credential.rules)).any(|rules| !rules.is_empty())
}

/// Looks for what was answered before, and meanwhile reserves what the request may use at the target at hand.
pub async fn secure<H: Host>(life: &mut Life<'_, H>, shelf: Option<&mut Shelf>, worst: Bill) -> Result<Option<Entry>> {
    life.ledger.tally.uncounted |= worst.uncounted;
    let stakes = stakes(life, worst)?;
    if stakes.is_empty() {
        return Ok(look(life, shelf).await);
    }
    let (stakes, notes): (Vec<Stake>, Vec<Note>) = stakes.into_iter().unzip();
    let host = life.host;
    let (entry, answers) = join(look(life, shelf), host.ask_meters(&notes, PATIENCE_MS)).await;
    match granted(life, stakes, &answers) {
        // What is given again costs nothing.
        Err(error) if error.kind == Kind::Exhausted && life.ledger.record.cache == Cached::Hit => Ok(entry),
        Err(error) => Err(error),
        Ok(()) => Ok(entry),
    }
}

/// The credential of the vault with which the target at hand is asked.
pub fn credential<H: Host>(life: &Life<'_, H>) -> Option<Rc<Credential>> {
    let terms = life.caller.terms.filter(|terms| terms.vaulted)?;
    life.settings.roster.credential(terms.credential.as_deref()?)
}

/// What is to be asked: a share of its own for every holder, or what the one that is held lacks.
fn stakes<H: Host>(life: &mut Life<'_, H>, worst: Bill) -> Result<Vec<(Stake, Note)>> {
    let (member, credential) = (life.member.clone(), credential(life));
    let metadata = admission::metadata(life, member.as_ref())?;
    if life.ledger.lease.count == 0 {
        let short = metadata.iter().filter(|(name, value)| name.len() + value.len() <= LONGEST_VALUE).take(MOST_FIELDS);
        life.ledger.lease.metadata = short.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    let mut stakes = Vec::new();
    for (party, rules) in parties(member.as_ref(), credential.as_deref()) {
        for field in rules.fields() {
            if let Some(value) = metadata.get(field) {
                stakes.extend(stake(life, party.of_value(field, value, rules), worst));
            }
        }
        stakes.extend(stake(life, party, worst));
    }
    Ok(stakes)
}

/// Whose limits and budgets apply.
fn parties<'r>(member: Option<&'r Member>, credential: Option<&'r Credential>) -> Vec<(Party, &'r Rules)> {
    let mut parties = Vec::with_capacity(3);
    let mut add = |holder: Holder, noun: &str, id: &str, name: &str, version: u64, rules: &'r Rules| {
        let (meter, whose) = (format!("{noun}:{id}"), format!("{noun} `{name}`"));
        parties.push((Party { holder, meter, whose, version: Some(version), rules: None }, rules));
    };
    if let Some(Member { key, team }) = member {
        add(Holder::Key, "key", &key.id, &key.name, key.version, &key.rules);
        if let Some(team) = team {
            add(Holder::Team, "team", &team.slug, &team.slug, team.version, &team.rules);
        }
    }
    if let Some(Credential { slug, version, rules, .. }) = credential {
        add(Holder::Credential(slug.clone()), "credential", slug, slug, *version, rules);
    }
    parties
}

impl Party {
    /// The counters of one value of a field, which go by the rules that come along.
    fn of_value(&self, field: &str, value: &str, rules: &Rules) -> Self {
        Self {
            holder: Holder::Value { of_target: self.holder.is_of_target() },
            meter: counter(&self.meter, field, value),
            whose: format!("`{field}` `{}` of the {}", clipped(value), self.whose),
            version: None,
            rules: RawValue::from_string(rules.of(Some(field)).json()).ok(),
        }
    }
}

/// Nothing where enough is held already.
fn stake<H: Host>(life: &mut Life<'_, H>, party: Party, worst: Bill) -> Option<(Stake, Note)> {
    let Party { holder, meter, whose, version, rules } = party;
    let lease = &mut life.ledger.lease;
    let wanted = if holder.is_of_target() { worst } else { worst.plus(lease.billed) };
    let share = lease.share(&meter);
    let more = share.map_or(wanted, |share| wanted.beyond(share.held));
    if share.is_some() && more.is_nothing() {
        return None;
    }
    let requests = u64::from(share.is_none());
    let id = share.map(|share| share.lease.clone()).unwrap_or_else(|| {
        lease.count += 1;
        format!("{}.{}", life.ledger.record.request_id, lease.count)
    });
    let Bill { tokens, most, usd, unpriced, uncounted } = more;
    let ask = Ask { lease: id, version, rules, requests, tokens, most, usd, unpriced, uncounted, lasts_ms: None };
    let note = Note { meter: meter.clone(), verb: Verb::Ask, body: serde_json::to_string(&ask).unwrap_or_default() };
    Some((Stake { meter, lease: ask.lease, whose, holder, more }, note))
}

/// The counters of one value of a field.
fn counter(holder: &str, field: &str, value: &str) -> String {
    let field: String = field.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
    format!("{holder}/{field}/{}", secret::hash(value).get(..32).unwrap_or_default())
}

fn clipped(value: &str) -> Cow<'_, str> {
    if value.chars().count() <= 64 { Cow::Borrowed(value) } else { value.chars().take(64).chain(['…']).collect::<String>().into() }
}

/// Takes what all have granted. If one has not, the others get their share back.
fn granted<H: Host>(life: &mut Life<'_, H>, stakes: Vec<Stake>, answers: &[String]) -> Result<()> {
    let mut refusal: Option<(Error, bool)> = None;
    let mut taken = Vec::new();
    // A meter that was not heard of in time may have granted its share.
    let mut unheard = Vec::new();
    for (stake, answer) in stakes.into_iter().zip(answers) {
        let error = match lean::from_str(answer) {
            Ok(Verdict::Granted(left)) => {
                life.left.extend(left);
                taken.push(stake);
                continue;
            }
            Ok(Verdict::Refused(refused)) => {
                life.left.extend(&refused.left);
                refusal_of(&stake.whose, &refused)
            }
            Ok(Verdict::Stale(definition)) => {
                life.again = true;
                renewed(life, &stake.holder, definition.get())?
            }
            Ok(Verdict::Gone) => gone(life, &stake),
            Err(_) => {
                let message = format!("The limits of the {} could not be checked; try again.", stake.whose);
                unheard.push(give_back(stake.lease.clone(), stake.meter.clone()));
                Error::gateway(message).with_status(503)
            }
        };
        // What holds wherever the request goes is told before what holds for this target alone.
        let is_final = !stake.holder.is_of_target();
        if refusal.as_ref().is_none_or(|(_, known)| is_final && !known) {
            refusal = Some((error, is_final));
        }
    }
    let Some((error, is_final)) = refusal else {
        for Stake { meter, lease, more, holder, .. } in taken {
            life.ledger.lease.add(meter, lease, more, holder.is_of_target());
        }
        return Ok(());
    };
    let lease = &life.ledger.lease;
    // What came on top of a share goes when that is settled.
    let fresh = taken.into_iter().filter(|stake| lease.share(&stake.meter).is_none());
    let notes: Vec<Note> = fresh.map(|stake| give_back(stake.lease, stake.meter)).chain(unheard).collect();
    if !notes.is_empty() {
        life.host.tell_meters(&notes);
    }
    life.stop |= is_final && !life.again;
    Err(error)
}

/// What is known of a holder was old: the request is weighed anew by what is so now.
fn renewed<H: Host>(life: &mut Life<'_, H>, holder: &Holder, definition: &str) -> Result<Error> {
    let roster = &life.settings.roster;
    match (holder, &mut life.member) {
        (Holder::Key, Some(member)) => {
            let key = Key::parse(definition)?;
            let shown = life.caller.shown.and_then(secret::read);
            let is = shown.is_some_and(|shown| key.is(&shown, life.host.now()));
            let other_team = key.team != member.key.team;
            member.key = roster.keep_key(key);
            if other_team {
                member.team = None;
            }
            let member = member.clone();
            if !is || other_team {
                life.again = false;
                life.stop = true;
                return Ok(if is { unauthenticated("This key was changed just now; try again.") } else { unauthenticated(REVOKED) });
            }
            admission::admit(life, &member, Scope::Inference)?;
        }
        (Holder::Team, Some(member)) => member.team = Some(roster.keep_team(Team::parse(definition)?)),
        (Holder::Credential(_), _) => roster.keep_credential(Credential::parse(definition)?),
        _ => {}
    }
    Ok(Error::gateway("What this request goes by is being changed; try again.").with_status(503))
}

const REVOKED: &str = "This key was revoked: ask whoever runs this gateway for a new one.";

fn gone<H: Host>(life: &Life<'_, H>, stake: &Stake) -> Error {
    let roster = &life.settings.roster;
    match &stake.holder {
        Holder::Credential(slug) => {
            roster.forget_credential(slug);
            Error::invalid(format!("The {} was deleted.", stake.whose)).with_param("virtual-key")
        }
        Holder::Team => {
            roster.forget_team(stake.meter.trim_start_matches("team:"));
            Error::caller(Kind::Forbidden, format!("The {} is gone.", stake.whose))
        }
        _ => {
            roster.forget_key(stake.meter.trim_start_matches("key:"));
            unauthenticated(REVOKED)
        }
    }
}

fn refusal_of(whose: &str, refused: &Refused) -> Error {
    let when = match refused.retry_ms {
        Some(ms) => format!("try again in {} s", ms.div_ceil(1_000)),
        None => "waiting does not help".to_owned(),
    };
    let (kind, code, message) = match &refused.by {
        Broken::Limit { what, per, max, asked } if asked > max => {
            let message = format!(
                "This request takes {asked} {}, and the {whose} has {max} per {}: ask for less, with a smaller `max_tokens` or a shorter prompt.",
                what.word(),
                per.word()
            );
            (Kind::RateLimited, "rate_limit_exceeded", message)
        }
        Broken::Limit { what, per, max, .. } => (
            Kind::RateLimited,
            "rate_limit_exceeded",
            format!("The {whose} has reached its limit of {max} {} per {}; {when}.", what.word(), per.word()),
        ),
        Broken::Usd { per, max, spent, asked } => {
            let message = format!(
                "The budget of {max} USD ({}) of the {whose} does not suffice: {spent} USD are spent or reserved, and this request may cost {asked} USD. A smaller `max_tokens` lowers that; {when}.",
                per.word()
            );
            (Kind::Exhausted, "insufficient_quota", message)
        }
        Broken::Tokens { per, max, spent, asked } => {
            let message = format!(
                "The budget of {max} tokens ({}) of the {whose} does not suffice: {spent} are spent or reserved, and this request may take {asked}. A smaller `max_tokens` lowers that; {when}.",
                per.word()
            );
            (Kind::Exhausted, "insufficient_quota", message)
        }
        Broken::Unpriced => {
            let message = format!(
                "Nobody has put a price on this model, and the {whose} has a budget: set a price with POST /admin/v1/prices, or allow it with `\"unpriced\": \"allow\"` in the budget."
            );
            (Kind::Exhausted, "insufficient_quota", message)
        }
        Broken::Uncounted => {
            let message = format!(
                "Nobody here hears how many tokens this takes, and the {whose} has a budget of them: allow it with `\"unpriced\": \"allow\"` in the budget."
            );
            (Kind::Exhausted, "insufficient_quota", message)
        }
    };
    let retry = refused.retry_ms.map_or(Retry::Never, |ms| Retry::Here { after_ms: Some(ms) });
    Error { retry, ..Error::caller(kind, message).with_status(429).with_code(code) }
}

/// Of several limits of a kind the one that is nearest to its end.
pub fn tightest(left: &[Left], what: crate::policy::rules::What) -> Option<Left> {
    left.iter().filter(|left| left.what == what).min_by_key(|left| left.left).copied()
}

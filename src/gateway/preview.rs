//! Where a request would go, and why, without going there. The way is walked with the plan that requests walk with;
//! each target at hand is weighed as if it were to be asked, and then taken to fail.

use std::cell::Cell;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::admission;
use super::config;
use super::life::{Life, ONLY, Turn};
use super::route::Asked;
use super::sight::{Sight, fits};
use super::talk::named;
use super::vaulted;
use crate::admin::Answer;
use crate::admin::resource::in_body;
use crate::catalog::Money;
use crate::door::{self, Door, Talk};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::{Call, Headers, Method};
use crate::policy::holder::Scope;
use crate::routing::condition::Fact;
use crate::routing::config::{Breaker, Node};
use crate::routing::explain::Choice;
use crate::routing::plan::{Outcome, Plan, Standing, Step, View};
use crate::section::{Section, wrong};
use crate::target::Wish;
use crate::wire::Dialect;
use crate::wire::envelope::Envelope;
use crate::wire::lean;

/// How each target is taken to fail.
const FAILS: Outcome = Outcome::Failed { status: 503, after_ms: None };
const MOST_STEPS: usize = 100;

/// A request as it is described.
struct Described {
    call: Call,
    body: Vec<u8>,
    key: Option<String>,
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Preview<'c> {
    /// The target that the request would be sent to first.
    target: Option<&'c Stop>,
    /// All that would be tried, if each failed with 503, those that are passed over among them.
    order: &'c [Stop],
    /// What the strategies on the way to the first of them chose among, the outermost first.
    choices: &'c [Choice<'c>],
    /// What the request would be answered with in place of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

#[derive(Serialize)]
struct Stop {
    /// Its place in the config.
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    chosen_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// How often it is asked again before the next.
    retries: u32,
    /// Why it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<String>,
}

#[derive(Serialize)]
struct Refused {
    status: u16,
    message: String,
}

impl Refused {
    fn by(error: Error) -> Self {
        Self { status: error.status, message: error.message }
    }
}

/// The sight of a request, with chance as a seed has it.
struct Seeded<'s, 'a, 'b, H> {
    sight: Sight<'a, 'b, H>,
    seed: &'s Cell<Option<u64>>,
}

impl<H: Host> View for Seeded<'_, '_, '_, H> {
    fn now(&self) -> u64 {
        self.sight.now()
    }

    fn random(&self) -> u64 {
        let Some(seed) = self.seed.get() else { return self.sight.random() };
        let next = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed.set(Some(next));
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fact(&self, field: &str) -> Option<Fact> {
        self.sight.fact(field)
    }

    fn caller(&self) -> String {
        self.sight.caller()
    }

    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing {
        self.sight.standing(leaf, breaker)
    }

    fn cost(&self, leaf: &Node) -> Option<Money> {
        self.sight.cost(leaf)
    }
}

pub async fn dry_run<H: Host>(life: &Life<'_, H>, body: &str) -> Result<Answer> {
    let described = described(body).map_err(|error| in_body("body", error))?;
    let mut life = Life::begin(life.host, life.settings, &described.call);
    let (talk, wish) = match door::door(&described.call) {
        Ok(Door::Talk(talk)) => (Some(talk.clone()), Wish::Talk(talk.dialect)),
        Ok(Door::Errand(errand)) => (None, Wish::Errand(errand)),
        _ => return Err(wrong("request.path", "the path of a conversation, or of another request that a config routes")),
    };
    life.dialect = talk.as_ref().map_or(Dialect::Chat, |talk| talk.dialect);
    let in_path = talk.as_ref().and_then(|talk| talk.model.as_deref());
    let asked = Asked::by(Envelope::look(&described.body)?, in_path)?;
    life.member = admission::impersonate(&life, described.key.as_deref()).await?;
    if let Some(error) = life.member.as_ref().and_then(|member| admission::admit(&life, member, Scope::Inference).err()) {
        let preview = Preview { target: None, order: &[], choices: &[], refused: Some(Refused::by(error)) };
        return Ok(written(&preview));
    }
    let config = config::of(&life, &asked.model).await?;
    let seed = Cell::new(described.seed);
    let mut plan = Plan::new(&config.root, &Seeded { sight: Sight { life: &life, asked: &asked }, seed: &seed });
    let choices = plan.choices(&Seeded { sight: Sight { life: &life, asked: &asked }, seed: &seed });
    let (mut order, mut last) = (Vec::new(), None);
    while let Some(leaf) = plan.leaf().filter(|_| order.len() < MOST_STEPS) {
        let chosen = plan.chosen_by();
        let turn = Turn { path: &leaf.path, chosen, goes_on: plan.may_go_on(), elsewhere: plan.has_more(), ..ONLY };
        let weighed = weigh(&mut life, &asked, talk.as_ref(), wish, (leaf, config.providers > 1), turn).await;
        let outcome = if weighed.is_ok() { FAILS } else { Outcome::Skipped };
        let (aim, passed_over) = match weighed {
            Ok(aim) => (Some(aim), None),
            Err(error) => {
                let told = error.message.clone();
                last = last.or(Some(error));
                (None, Some(told))
            }
        };
        let (provider, model, credential) = aim.map_or((None, None, None), |(provider, model, own)| (Some(provider), Some(model), own));
        let retries = leaf.terms.retry.as_ref().filter(|_| passed_over.is_none()).map_or(0, |retry| retry.attempts);
        order.push(Stop {
            target: leaf.path.clone(),
            name: leaf.name.clone(),
            chosen_by: chosen,
            provider,
            model,
            credential,
            retries,
            passed_over,
        });
        let view = Seeded { sight: Sight { life: &life, asked: &asked }, seed: &seed };
        while let Step::Wait { .. } = plan.after(outcome, &view) {}
    }
    let target = order.iter().find(|stop| stop.passed_over.is_none());
    let unmet = || Error::invalid("No condition of the config holds for this request, and it has no default.");
    let refused = if target.is_some() { None } else { Some(Refused::by(last.unwrap_or_else(unmet))) };
    Ok(written(&Preview { target, order: &order, choices: &choices, refused }))
}

/// The provider, its model and the credential of the vault with which it would be asked.
type Aim = (&'static str, String, Option<String>);

/// Whether the target at hand could be asked, by all that is looked at before one is.
async fn weigh<H: Host>(
    life: &mut Life<'_, H>,
    asked: &Asked<'_>,
    talk: Option<&Talk>,
    wish: Wish,
    (leaf, several): (&Node, bool),
    turn: Turn<'_>,
) -> Result<Aim> {
    let vaulted = vaulted::terms(life, asked, &leaf.terms, several).await?;
    let mut turned = life.under(vaulted.as_ref().unwrap_or(&leaf.terms), several, turn);
    let aimed = aim(&mut turned, asked, talk, wish);
    life.back(turned);
    let credential = vaulted.and_then(|terms| terms.credential);
    aimed.map(|(provider, model)| (provider, model, credential))
}

fn aim<H: Host>(life: &mut Life<'_, H>, asked: &Asked<'_>, talk: Option<&Talk>, wish: Wish) -> Result<(&'static str, String)> {
    let (envelope, model) = asked.under(life.caller.terms, talk.is_some_and(|talk| talk.model.is_some()));
    let target = life.aim(wish, &named(model)?)?;
    if talk.is_some() {
        fits(life, &envelope, target.provider.slug, &target.model)?;
    }
    Ok((target.provider.slug, target.model))
}

fn described(body: &str) -> Result<Described> {
    let mut section = Section::parse(body, "body")?;
    let (config, slug) = (section.take("config"), section.text("slug")?);
    let (key, seed) = (section.text("key")?, section.count("seed", 0, 1 << 53)?);
    let mut request = section.section("request")?.ok_or_else(|| wrong("request", "an object with `path` and `body`"))?;
    section.end()?;
    let path = request.text("path")?.unwrap_or_else(|| "/v1/chat/completions".to_owned());
    let (named, place) = (request.object("headers")?, request.path_of("headers"));
    let metadata = request.take("metadata");
    let body = request.take("body").map_or("{}", RawValue::get).as_bytes().to_vec();
    request.end()?;
    let mut headers = Headers::default();
    match (config, &slug) {
        (Some(_), Some(_)) => return Err(wrong("slug", "either `config` or `slug`")),
        (Some(config), None) => add(&mut headers, "x-causeway-config", &one_line(config, "config")?, "config")?,
        (None, Some(slug)) => add(&mut headers, "x-causeway-config", slug, "slug")?,
        (None, None) => {}
    }
    if let Some(metadata) = metadata {
        add(&mut headers, "x-causeway-metadata", &one_line(metadata, "request.metadata")?, "request.metadata")?;
    }
    for (name, raw) in named {
        let text: String = lean::from_str(&raw).map_err(|_| wrong(&format!("{place}.{name}"), "a string"))?;
        add(&mut headers, &name, &text, &format!("{place}.{name}"))?;
    }
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let call = Call { method: Method::Post, path: path.to_owned(), query: query.to_owned(), headers };
    Ok(Described { call, body, key, seed })
}

/// An object as a header has it.
fn one_line(raw: &RawValue, path: &str) -> Result<String> {
    let value: Value = lean::from_str(raw.get()).map_err(|_| wrong(path, "an object"))?;
    if value.is_object() { Ok(value.to_string()) } else { Err(wrong(path, "an object")) }
}

fn add(headers: &mut Headers, name: &str, value: &str, path: &str) -> Result<()> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain || value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(wrong(path, "the name and the one line of a header"));
    }
    headers.add(&name.to_ascii_lowercase(), value);
    Ok(())
}

fn written(preview: &Preview<'_>) -> Answer {
    Answer::of(200, serde_json::to_string(preview).unwrap_or_default())
}

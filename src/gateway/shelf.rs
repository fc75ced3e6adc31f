//! What was answered before: where the answer to a request is kept, and how it becomes a reply.

use super::life::Life;
use super::talk::as_stream;
use crate::cache::{self, Cached, Deposit, Entry, Filling, Locker, Question};
use crate::errand;
use crate::host::{Host, Line, apart};
use crate::http::{Headers, Reply};
use crate::providers::service::Errand;
use crate::record::Attempt;
use crate::target::Target;
use crate::wire::envelope::Envelope;
use crate::wire::{Dialect, Echo};

/// The place of a request's answer.
pub struct Shelf {
    locker: Locker,
    max_age_s: u64,
    /// Who asks the same at this moment waits.
    coalesce: bool,
    /// And this is whom they wait for.
    leads: bool,
}

impl Shelf {
    /// Where the target's terms ask for a cache, and there can be one.
    fn of<H: Host>(life: &Life<'_, H>, target: &Target<'_>, kind: &str, body: &Envelope<'_>) -> Option<Self> {
        let cache = life.caller.terms?.cache.as_ref()?;
        let question = Question {
            secret: life.settings.var("MASTER_KEY").unwrap_or_default(),
            tenant: &life.tenant(),
            namespace: life.caller.named("cache-namespace").unwrap_or_default(),
            kind,
            provider: target.provider.slug,
            model: &target.model,
            url: &target.url(false).ok()?,
            headers: &target.headers(life.call),
            credential: &target.credential_words(),
            body: &body.bytes(),
        };
        Some(Self { locker: question.locker()?, max_age_s: cache.max_age_s, coalesce: cache.coalesce, leads: false })
    }

    /// The same of a conversation. What the provider keeps in mind between requests has no answer of its own.
    pub fn of_talk<H: Host>(life: &Life<'_, H>, target: &Target<'_>, body: &Envelope<'_>) -> Option<Self> {
        life.caller.terms?.cache.as_ref()?;
        let told = |name: &str| body.raw(name).is_some_and(|value| value != "false");
        (!told("background") && !told("conversation")).then(|| Self::of(life, target, life.dialect.slug(), body))?
    }

    /// The same of an errand. What passes unread cannot be kept, and the addresses of pictures do not last.
    pub fn of_errand<H: Host>(life: &Life<'_, H>, target: &Target<'_>, errand: Errand, body: &Envelope<'_>) -> Option<Self> {
        let lasts = !errand::passes(target.service.serves) && errand != Errand::Images;
        lasts.then(|| Self::of(life, target, errand.noun(), body))?
    }

    fn opened(&self, sealed: Vec<u8>, now: u64) -> Option<Entry> {
        Entry::open(sealed, &self.locker).filter(|entry| entry.is_fresh(self.max_age_s, now))
    }

    pub fn keep<H: Host>(self, life: &Life<'_, H>, content_type: &str, body: &[u8]) -> Option<Deposit> {
        let Self { locker, max_age_s, leads, .. } = self;
        (body.len() <= cache::LONGEST)
            .then(|| Deposit::whole(locker, max_age_s, content_type, life.losses.names(), body.to_vec()).awaited(leads))
    }

    /// Keeps the whole answer of a conversation, if that is what it is.
    pub fn keep_talk<H: Host>(self, life: &Life<'_, H>, body: &[u8]) -> Option<Deposit> {
        (body.len() <= cache::LONGEST && cache::is_complete(life.dialect, body)).then(|| self.keep(life, JSON, body))?
    }

    pub fn keep_stream<H: Host>(self, life: &Life<'_, H>, from: Dialect, echo: &Echo) -> Deposit {
        let filling = Filling::new(from, life.dialect, echo.clone());
        Deposit::stream(self.locker, self.max_age_s, life.losses.names(), filling).awaited(self.leads)
    }
}

const JSON: &str = "application/json";

/// Looks for what was answered before. Storage that fails or is slow has nothing.
pub async fn look<H: Host>(life: &mut Life<'_, H>, shelf: Option<&mut Shelf>) -> Option<Entry> {
    let refresh = || life.caller.named("cache-force-refresh").is_some_and(|word| !word.eq_ignore_ascii_case("false"));
    let cached = match shelf {
        None => Cached::Disabled,
        Some(_) if refresh() => Cached::Refresh,
        Some(_) => Cached::Miss,
    };
    life.ledger.record.cache = cached;
    let shelf = shelf.filter(|_| cached == Cached::Miss)?;
    apart(found(life, shelf)).await
}

async fn found<H: Host>(life: &mut Life<'_, H>, shelf: &mut Shelf) -> Option<Entry> {
    let name = shelf.locker.name.clone();
    let within = |ms: u64| life.left_ms().map_or(ms, |left| left.min(ms));
    let stored = life.host.stored(&name, within(cache::PATIENCE_MS)).await.ok().flatten();
    if let Some(entry) = stored.and_then(|sealed| shelf.opened(sealed, life.host.now())) {
        return Some(entry);
    }
    if !shelf.coalesce {
        return None;
    }
    match life.host.line_up(&name, within(cache::LONGEST_WAIT_MS)).await {
        Line::Served(sealed) => shelf.opened(sealed, life.host.now()),
        Line::First => {
            shelf.leads = true;
            life.line = Some(name);
            None
        }
        Line::Alone => None,
    }
}

/// The reply to a conversation; nothing where the entry is no answer to this caller after all.
pub fn replay<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, stream: bool, echo: &Echo, entry: Entry) -> Option<Reply<H::Answer>> {
    let glance = (life.dialect.inbound().glance_response)(&entry.body).ok()?;
    let streamed = match stream {
        true => Some(as_stream(life, cache::whole_in_parts(life.dialect, &entry.body)?, echo)),
        false => None,
    };
    hit(life, target, &entry);
    life.close(&glance);
    Some(streamed.unwrap_or_else(|| Reply::json(200, entry.body)))
}

/// The reply to what is no conversation.
pub fn returned<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, errand: Errand, asked: &[u8], entry: Entry) -> Reply<H::Answer> {
    hit(life, target, &entry);
    life.close_errand(errand, asked, &entry.body);
    let headers = Headers::from_iter([("content-type", entry.content_type.as_str())]);
    Reply { headers, ..Reply::json(200, entry.body) }
}

/// Notes that nobody had to be asked.
fn hit<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, entry: &Entry) {
    entry.dropped.iter().for_each(|name| life.losses.drop(name.as_str()));
    life.ledger.record.cache = Cached::Hit;
    let left = Some("answered from the cache".to_owned());
    life.note(Attempt { provider: target.provider.slug, left, ..Attempt::default() });
}

//! Where a holder's meter is spoken to: reads what it keeps when it wakes, answers, and keeps what changed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::account::{self, Batch, Day, Tallies};
use super::ask::{Ask, Settlement, Used, Verdict};
use super::meter::Meter;
use super::outbox::{Delivery, Mail, Sender};
use super::rows::Rows;
use super::rules::Rules;
use super::standing::{self, Days, Stand, Standing, Sum, Usage};
use crate::catalog::Money;
use crate::error::{Error, Result};
use crate::section::Section;
use crate::wire::lean;

const NAME: &str = "name";
const DEFINITION: &str = "definition";
/// When the definition was told, or that there is none any more.
const TOLD: &str = "told";
/// Of a meter that has no definition.
const RULES: &str = "rules";
const COUNTERS: &str = "counters";
const LEASE: &str = "lease:";
const DAY: &str = "day:";
const MAIL: &str = "mail:";
/// So many days are kept of the account.
const DAYS: u64 = 92;
const MOST_MAILS: usize = 100;
const DAY_MS: u64 = 86_400_000;

pub struct Desk<R> {
    rows: R,
    /// The holder's, as the meter itself goes by.
    name: String,
    meter: Meter,
    definition: Option<Definition>,
    /// What came along with the last ask.
    loose: Option<(String, Rules)>,
    mails: Vec<Mail>,
    /// The account of the day at hand, and whether it is another than what is kept.
    today: Option<(String, Day)>,
    has_news: bool,
    /// When the meter wakes by itself.
    wakes_at: Option<u64>,
}

/// Who is counted for, as far as counting needs to know.
struct Definition {
    json: Box<RawValue>,
    version: u64,
    rules: Rules,
}

impl<R: Rows> Desk<R> {
    pub fn open(rows: R) -> Self {
        let leases = rows.all(LEASE).into_iter().map(|(name, json)| (name.get(LEASE.len()..).unwrap_or_default().to_owned(), json));
        let meter = Meter::read(rows.get(COUNTERS).as_deref(), leases);
        let definition = rows.get(DEFINITION).and_then(|json| Definition::read(&json).ok());
        let loose = rows.get(RULES).and_then(|json| Some((read_rules(&json).ok()?, json))).map(|(rules, json)| (json, rules));
        let mails = rows.all(MAIL).into_iter().filter_map(|(_, json)| lean::from_str(&json).ok()).collect();
        let name = rows.get(NAME).unwrap_or_default();
        Self { rows, name, meter, definition, loose, mails, today: None, has_news: false, wakes_at: None }
    }

    pub fn rows(&self) -> &R {
        &self.rows
    }

    /// What is said to the meter, and what it says: `define`, `ask`, `settle`, `recall`, `standing`, `tally`. `holder` is
    /// its own name; an object that an alarm has woken may not know it any more. Settlements may come along, a line each.
    pub fn say(&mut self, holder: &str, verb: &str, body: &str, now: u64) -> Result<String> {
        let (said, along) = if verb == "define" { (body, "") } else { body.split_once('\n').unwrap_or((body, "")) };
        for line in along.lines() {
            // One that cannot be read must not hold up what it came with.
            let _ = self.settle(line, now);
        }
        let said = match verb {
            "define" => self.define(holder, said),
            "ask" => self.ask(holder, said, now),
            "settle" => self.settle(said, now),
            "recall" => Ok(self.definition.as_ref().map_or("null", |definition| definition.json.get()).to_owned()),
            "standing" => self.standing(said, now),
            "tally" => self.tally(said, now),
            _ => Err(Error::invalid(format!("A meter knows no `{verb}`."))),
        }?;
        self.keep(now);
        Ok(said)
    }

    /// Before the definition there may be a line with the time when it was told: one that was on its way while a later
    /// one arrived is nothing any more.
    fn define(&mut self, holder: &str, said: &str) -> Result<String> {
        let timed = said.split_once('\n').and_then(|(at, json)| Some((at.parse::<u64>().ok()?, json)));
        let (told, json) = timed.map_or((None, said), |(at, json)| (Some(at), json));
        let known = || self.rows.get(TOLD).and_then(|at| at.parse().ok());
        if told.is_some_and(|told| known().is_some_and(|known: u64| told < known)) {
            return Ok("null".to_owned());
        }
        // A definition is told in one line; within strings there are none of these.
        let json = json.replace(['\n', '\r'], " ");
        if json.trim() == "null" {
            self.definition = None;
            self.meter.reset();
            self.rows.put(DEFINITION, None);
            self.rows.put(COUNTERS, None);
        } else {
            self.definition = Some(Definition::read(&json)?);
            self.remember(holder);
            self.rows.put(DEFINITION, Some(&json));
        }
        if let Some(told) = told {
            self.rows.put(TOLD, Some(&told.to_string()));
        }
        Ok("null".to_owned())
    }

    fn remember(&mut self, holder: &str) {
        if self.name != holder && !holder.is_empty() {
            holder.clone_into(&mut self.name);
            self.rows.put(NAME, Some(holder));
        }
    }

    fn ask(&mut self, holder: &str, body: &str, now: u64) -> Result<String> {
        let ask: Ask = read(body)?;
        if let Some(rules) = &ask.rules {
            self.learn(holder, rules.get())?;
        }
        let verdict = match (&self.definition, &self.loose) {
            (None, Some((_, rules))) if ask.rules.is_some() => self.meter.ask(rules, &ask, now),
            (None, _) => Verdict::Gone,
            (Some(definition), _) if ask.version != Some(definition.version) => Verdict::Stale(definition.json.clone()),
            (Some(definition), _) => self.meter.ask(&definition.rules, &ask, now),
        };
        written(&verdict)
    }

    /// Rules that came along.
    fn learn(&mut self, holder: &str, json: &str) -> Result<()> {
        if self.loose.as_ref().is_none_or(|(known, _)| known != json) {
            self.loose = Some((json.to_owned(), read_rules(json)?));
            self.rows.put(RULES, Some(json));
            self.remember(holder);
        }
        Ok(())
    }

    fn settle(&mut self, body: &str, now: u64) -> Result<String> {
        let settlement: Settlement = read(body)?;
        let settled = self.meter.settle(rules(&self.definition, &self.loose), &settlement, now);
        if let Some(used) = settlement.used.as_ref().filter(|_| settled.counts) {
            self.note(used, settlement.usd, now);
        }
        for (number, alert) in settled.alerts.iter().enumerate() {
            let by = settlement.used.as_ref().zip(alert.budget.by.as_ref());
            let value = by.and_then(|(used, by)| used.metadata.iter().find(|(field, _)| field == by)).map(|(_, value)| value.as_str());
            let Some(mail) = Mail::of(&self.name, value, alert, format!("{}-{number}", settlement.lease), now) else { continue };
            if self.mails.len() < MOST_MAILS {
                self.write_row(&format!("{MAIL}{}", mail.id), &mail);
                self.mails.push(mail);
            }
        }
        Ok("null".to_owned())
    }

    fn note(&mut self, used: &Used, usd: Money, now: u64) {
        let day = self.today(now);
        day.note(used, usd);
        let counted: Vec<_> = used.metadata.iter().filter(|(field, _)| day.counts(field)).collect();
        for (field, value) in counted {
            self.count_field(field, |tallies| account::note(tallies, value, used, usd));
        }
    }

    /// Adds what was counted elsewhere to the account.
    fn tally(&mut self, body: &str, now: u64) -> Result<String> {
        let batch: Batch = read(body)?;
        let day = self.today(now);
        day.take(&batch.day);
        let counted: Vec<_> = batch.fields.iter().filter(|(field, _)| day.counts(field)).collect();
        for (field, tallies) in counted {
            self.count_field(field, |own| account::take(own, tallies));
        }
        Ok("null".to_owned())
    }

    fn count_field(&self, field: &str, count: impl FnOnce(&mut Tallies)) {
        let Some((day, _)) = &self.today else { return };
        let name = format!("{day}/{field}");
        let mut tallies: Tallies = self.read_row(&name).unwrap_or_default();
        count(&mut tallies);
        self.write_row(&name, &tallies);
    }

    /// The day's account, to be written in. With a new one those that are too old go.
    fn today(&mut self, now: u64) -> &mut Day {
        let name = day_name(now);
        if self.today.as_ref().is_some_and(|(known, _)| *known != name) {
            self.keep_day();
            self.today = None;
        }
        self.has_news = true;
        let read = || {
            let day = self.rows.get(&name).and_then(|json| lean::from_str(&json).ok()).unwrap_or_else(|| {
                self.rows.forget(DAY, &day_name(now.saturating_sub((DAYS - 1) * DAY_MS)));
                Day::default()
            });
            (name, day)
        };
        &mut self.today.get_or_insert_with(read).1
    }

    fn keep_day(&mut self) {
        if let Some((name, day)) = self.today.as_ref().filter(|_| self.has_news) {
            self.write_row(name, day);
        }
        self.has_news = false;
    }

    /// Where things stand: limits, budgets, and the account of some days.
    fn standing(&mut self, query: &str, now: u64) -> Result<String> {
        self.keep_day();
        let rules = rules(&self.definition, &self.loose);
        let standing = Standing {
            limits: self.meter.left(rules, now),
            budgets: rules.budgets.iter().map(|budget| Stand::of(budget, &mut self.meter, now)).collect(),
            usage: self.usage(Days::asked(query, now, DAYS)?),
        };
        written(&standing)
    }

    fn usage(&self, days: Days) -> Usage {
        let mut sum = Sum::default();
        for date in days.dates() {
            let name = format!("{DAY}{date}");
            let Some(day) = self.read_row::<Day>(&name) else { continue };
            for field in &day.fields {
                let tallies: Tallies = self.read_row(&format!("{name}/{field}")).unwrap_or_default();
                sum.add_field(field, &tallies);
            }
            sum.add(date, &day);
        }
        sum.usage(days)
    }

    /// When an alarm rings: what is lost is let go, and these are to be sent. Each comes again, later and later, until
    /// it `arrived`.
    pub fn wake(&mut self, sender: &Sender<'_>, now: u64) -> Vec<Delivery> {
        self.wakes_at = None;
        let mut deliveries = Vec::new();
        for mut mail in std::mem::take(&mut self.mails) {
            let name = format!("{MAIL}{}", mail.id);
            if mail.due > now {
                self.mails.push(mail);
                continue;
            }
            let Some(delivery) = mail.post(sender, now) else {
                self.rows.put(&name, None);
                continue;
            };
            deliveries.push(delivery);
            self.write_row(&name, &mail);
            self.mails.push(mail);
        }
        self.keep(now);
        deliveries
    }

    pub fn arrived(&mut self, id: &str) {
        self.mails.retain(|mail| mail.id != id);
        self.rows.put(&format!("{MAIL}{id}"), None);
    }

    /// Writes what changed, and sees to it that what ends by itself does.
    fn keep(&mut self, now: u64) {
        let lost = self.meter.lost(now);
        if lost.leases > 0 {
            self.today(now).lose(lost);
        }
        self.keep_day();
        // Nothing is counted but with a lease, and what passes by itself need not be written: who was never defined keeps
        // nothing, and who is refused writes nothing.
        let changes = self.meter.changes();
        if !changes.is_empty() {
            self.rows.put(COUNTERS, Some(&self.meter.counters()));
        }
        for (id, lease) in changes {
            self.rows.put(&format!("{LEASE}{id}"), lease.as_deref());
        }
        let next = self.mails.iter().map(|mail| mail.due).chain(self.meter.next_end()).min();
        if let Some(next) = next.filter(|next| self.wakes_at.is_none_or(|at| *next < at)) {
            self.rows.wake_at(next);
            self.wakes_at = Some(next);
        }
    }

    fn read_row<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        lean::from_str(&self.rows.get(name)?).ok()
    }

    fn write_row<T: Serialize>(&self, name: &str, value: &T) {
        if let Ok(json) = serde_json::to_string(value) {
            self.rows.put(name, Some(&json));
        }
    }
}

/// What holds: the definition's, or else what came along with the last ask.
fn rules<'a>(definition: &'a Option<Definition>, loose: &'a Option<(String, Rules)>) -> &'a Rules {
    const NONE: &Rules = &Rules { limits: Vec::new(), budgets: Vec::new() };
    let loose = || loose.as_ref().map(|(_, rules)| rules);
    definition.as_ref().map(|definition| &definition.rules).or_else(loose).unwrap_or(NONE)
}

impl Definition {
    fn read(json: &str) -> Result<Self> {
        let mut section = Section::parse(json, "definition")?;
        let version = section.count("version", 0, u64::MAX)?.unwrap_or_default();
        let rules = Rules::read(&mut section)?.own();
        Ok(Self { json: read(json)?, version, rules })
    }
}

fn read_rules(json: &str) -> Result<Rules> {
    Rules::read(&mut Section::parse(json, "rules")?)
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    lean::from_str(json).map_err(|error| Error::invalid(format!("What a meter is told is not what it knows: {error}.")))
}

fn written<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::invalid(error.to_string()))
}

fn day_name(now: u64) -> String {
    format!("{DAY}{}", standing::date(now))
}

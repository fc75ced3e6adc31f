//! The meters of a deployment, as its Durable Objects keep them, in the memory of a test.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use causeway::host::{Note, Verb};
use causeway::policy::desk::Desk;
use causeway::policy::outbox::{Delivery, Sender};
use causeway::policy::rows::Rows;

/// What one object keeps; it outlives the desk.
#[derive(Clone, Default)]
pub struct Shelf {
    rows: Rc<RefCell<BTreeMap<String, String>>>,
    wakes_at: Rc<Cell<Option<u64>>>,
}

impl Shelf {
    pub fn names(&self) -> Vec<String> {
        self.rows.borrow().keys().cloned().collect()
    }

    pub fn size(&self, name: &str) -> usize {
        self.get(name).map_or(0, |row| row.len())
    }

    pub fn wakes_at(&self) -> Option<u64> {
        self.wakes_at.get()
    }

    /// The alarm rings.
    pub fn take_wake(&self) -> Option<u64> {
        self.wakes_at.take()
    }
}

impl Rows for Shelf {
    fn get(&self, name: &str) -> Option<String> {
        self.rows.borrow().get(name).cloned()
    }

    fn put(&self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.rows.borrow_mut().insert(name.to_owned(), value.to_owned()),
            None => self.rows.borrow_mut().remove(name),
        };
    }

    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let rows = self.rows.borrow();
        rows.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn forget(&self, from: &str, before: &str) {
        self.rows.borrow_mut().retain(|name, _| name.as_str() < from || before <= name.as_str());
    }

    fn wake_at(&self, ms: u64) {
        self.wakes_at.set(Some(ms));
    }
}

/// All of them, shared by whoever has a copy.
#[derive(Clone, Default)]
pub struct Meters {
    desks: Rc<RefCell<BTreeMap<String, Desk<Shelf>>>>,
    silent: Rc<Cell<bool>>,
    /// How often an answer was waited for: from all at once counts as once.
    pub rounds: Rc<Cell<u32>>,
    /// Who was spoken to, in which word, and what was said.
    pub heard: Rc<RefCell<Vec<Note>>>,
}

impl Meters {
    /// `key:ID`, `team:SLUG`, `credential:SLUG`; `null` for one that is no more.
    pub fn define(&self, holder: &str, json: &str) {
        self.say(holder, "define", json, 0);
    }

    /// From now on no answer comes in time.
    pub fn fall_silent(&self) {
        self.silent.set(true);
    }

    pub fn ask(&self, notes: &[Note], now: u64) -> Vec<String> {
        self.rounds.set(self.rounds.get() + 1);
        notes.iter().map(|note| if self.silent.get() { String::new() } else { self.hear(note, now) }).collect()
    }

    pub fn tell(&self, notes: &[Note], now: u64) {
        for note in notes {
            self.hear(note, now);
        }
    }

    pub fn standing(&self, holder: &str, now: u64) -> serde_json::Value {
        serde_json::from_str(&self.say(holder, "standing", "", now)).unwrap()
    }

    /// Its alarm rings.
    pub fn wake(&self, holder: &str, now: u64) -> Vec<Delivery> {
        let sender = Sender { masters: &["the master key of the tests"], trusted_hosts: &[] };
        self.desks.borrow_mut().get_mut(holder).map(|desk| desk.wake(&sender, now)).unwrap_or_default()
    }

    /// It is woken anew, and knows what it kept.
    pub fn restart(&self, holder: &str) {
        if let Some(desk) = self.desks.borrow_mut().get_mut(holder) {
            *desk = Desk::open(desk.rows().clone());
        }
    }

    fn hear(&self, note: &Note, now: u64) -> String {
        self.heard.borrow_mut().push(note.clone());
        self.say(&note.meter, note.verb.word(), &note.body, now)
    }

    fn say(&self, holder: &str, verb: &str, body: &str, now: u64) -> String {
        let mut desks = self.desks.borrow_mut();
        let desk = desks.entry(holder.to_owned()).or_insert_with(|| Desk::open(Shelf::default()));
        desk.say(holder, verb, body, now).unwrap_or_else(|error| panic!("{holder} {verb} {body}: {}", error.message))
    }
}

#[test]
fn the_meters_of_a_test_are_meters() {
    let (meters, now) = (Meters::default(), 1_795_219_200_000);
    meters.define(
        "team:a",
        r#"{"slug":"a","version":1,"budgets":[{"tokens":10,"per":"total","alerts":[1],"webhook":"https://example.com"}]}"#,
    );
    let note = |verb: Verb, body: &str| [Note { meter: "team:a".to_owned(), verb, body: body.to_owned() }];
    let asks = note(Verb::Ask, r#"{"lease":"l","version":1,"tokens":10}"#);
    assert_eq!(meters.ask(&asks, now), [r#"{"granted":[]}"#]);
    meters.restart("team:a");
    assert!(meters.ask(&asks, now)[0].starts_with(r#"{"refused":"#));
    meters.tell(&note(Verb::Settle, r#"{"lease":"l","tokens":10}"#), now);
    assert_eq!(meters.standing("team:a", now)["budgets"][0]["spent"], 10);
    assert_eq!(meters.wake("team:a", now).len(), 1);
    assert_eq!(meters.heard.borrow().len(), 3);
    let shelf = meters.desks.borrow().get("team:a").map(|desk| desk.rows().clone()).unwrap();
    assert_eq!((shelf.names().len(), shelf.size("nothing")), (4, 0));
    assert!(shelf.wakes_at().is_some() && shelf.take_wake().is_some() && shelf.wakes_at().is_none());
    meters.fall_silent();
    assert_eq!(meters.ask(&asks, now), [""]);
}

//! The meters as they are, over rows in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use causeway::host::Note;
use causeway::policy::desk::Desk;
use causeway::policy::rows::Rows;

/// The meters of a deployment, in one place for all its requests.
#[derive(Clone, Default)]
pub struct Meters {
    desks: Rc<RefCell<BTreeMap<String, Desk<Drawer>>>>,
    /// How often they were asked: all at once count as once.
    pub rounds: Rc<RefCell<usize>>,
    /// What was said.
    pub said: Rc<RefCell<Vec<Note>>>,
    /// They say nothing.
    pub silent: Rc<RefCell<bool>>,
}

#[derive(Default)]
struct Drawer(RefCell<BTreeMap<String, String>>);

impl Rows for Drawer {
    fn get(&self, name: &str) -> Option<String> {
        self.0.borrow().get(name).cloned()
    }

    fn put(&self, name: &str, value: Option<&str>) {
        let mut rows = self.0.borrow_mut();
        match value {
            Some(value) => drop(rows.insert(name.to_owned(), value.to_owned())),
            None => drop(rows.remove(name)),
        }
    }

    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let rows = self.0.borrow();
        rows.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn forget(&self, from: &str, before: &str) {
        self.0.borrow_mut().retain(|name, _| name.as_str() < from || name.as_str() >= before);
    }

    fn wake_at(&self, _ms: u64) {}
}

impl Meters {
    /// Says what a holder is from now on; `null` where it is no more.
    pub fn define(&self, meter: &str, definition: &str) {
        self.say(meter, "define", definition, 0);
    }

    pub fn say(&self, meter: &str, verb: &str, body: &str, now: u64) -> String {
        let mut desks = self.desks.borrow_mut();
        let desk = desks.entry(meter.to_owned()).or_insert_with(|| Desk::open(Drawer::default()));
        desk.say(meter, verb, body, now).unwrap()
    }

    pub fn ask(&self, notes: &[Note], now: u64) -> Vec<String> {
        *self.rounds.borrow_mut() += 1;
        if *self.silent.borrow() { notes.iter().map(|_| String::new()).collect() } else { self.tell(notes, now) }
    }

    pub fn tell(&self, notes: &[Note], now: u64) -> Vec<String> {
        self.said.borrow_mut().extend(notes.iter().cloned());
        notes.iter().map(|note| self.say(&note.meter, note.verb.word(), &note.body, now)).collect()
    }
}

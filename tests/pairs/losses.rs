//! The losses that are accepted, each with its reason: `fixtures/pairs/losses.txt`.

use std::cell::Cell;

use causeway::ir::Losses;
use causeway::wire::Dialect;

use super::facts::{Facts, OWN, keys, values};

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// From caller to provider.
    Request,
    /// From provider to caller.
    Answer,
    /// Back and forth.
    Loop,
}

impl Course {
    const ARROWS: [(&str, Course); 3] = [("<->", Course::Loop), ("->", Course::Request), ("<-", Course::Answer)];

    fn of(pair: &str) -> Option<(Self, &str, &str)> {
        Self::ARROWS.iter().find_map(|(arrow, course)| pair.split_once(arrow).map(|(caller, provider)| (*course, caller, provider)))
    }

    fn arrow(self) -> &'static str {
        Self::ARROWS.iter().find(|(_, course)| *course == self).map_or("", |(arrow, _)| arrow)
    }
}

/// One way through the house.
#[derive(Clone, Copy)]
pub struct Way<'w> {
    pub course: Course,
    /// None: what the provider's dialect cannot say in the first place.
    pub caller: Option<Dialect>,
    /// None: what the caller's dialect cannot say in the first place.
    pub provider: Option<Dialect>,
    /// Answers end in `whole` or `streamed`.
    pub case: &'w str,
}

impl std::fmt::Display for Way<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slug = |side: Option<Dialect>| side.map_or("", Dialect::slug);
        write!(out, "{} {} {} | {}", slug(self.caller), self.course.arrow(), slug(self.provider), self.case)
    }
}

/// One line: the pair (`*` is any), the case, the key of the facts that are lost (`own.*`: what only the caller's
/// dialect has), by what name the caller is told (`-`: without a word), and why.
struct Loss {
    course: Course,
    /// None is any.
    caller: Option<String>,
    provider: Option<String>,
    case: String,
    key: String,
    named: Option<String>,
    line: usize,
    /// Whether it happened, and where something came through that it says is lost.
    happened: Cell<bool>,
    survived: Cell<Option<&'static str>>,
}

/// The losses of one course, and what was found besides.
pub struct Ledger {
    losses: Vec<Loss>,
    complaints: Vec<String>,
}

impl Loss {
    fn read(line: usize, text: &str) -> Self {
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let [pair, case, key, named, reason] = cells.as_slice() else { panic!("losses.txt:{line}: five cells are needed: {text}") };
        assert!(reason.len() > 10, "losses.txt:{line}: the reason is missing");
        let (course, caller, provider) = Course::of(pair).unwrap_or_else(|| panic!("losses.txt:{line}: `{pair}` is no pair"));
        let side = |side: &str| Some(side.trim().to_owned()).filter(|side| side != "*");
        Loss {
            course,
            caller: side(caller),
            provider: side(provider),
            case: (*case).to_owned(),
            key: (*key).to_owned(),
            named: Some((*named).to_owned()).filter(|named| named != "-"),
            line,
            happened: Cell::new(false),
            survived: Cell::new(None),
        }
    }

    fn covers(&self, way: Way<'_>) -> bool {
        let fits = |listed: &Option<String>, side: Option<Dialect>| match listed {
            Some(slug) => slug == side.map_or("", Dialect::slug),
            None => side.is_some(),
        };
        let case = way.case.rsplit_once(' ').map_or(way.case, |(case, _)| case);
        fits(&self.caller, way.caller) && fits(&self.provider, way.provider) && ["*", way.case, case].contains(&self.case.as_str())
    }

    fn is_of(&self, key: &str) -> bool {
        self.key == key || self.key == "own.*" && key.starts_with(OWN)
    }

    /// By what name the caller must be told that this is lost.
    fn name_of<'k>(&'k self, key: &'k str) -> Option<&'k str> {
        if self.key == "own.*" { key.strip_prefix(OWN) } else { self.named.as_deref() }
    }
}

impl Ledger {
    pub fn of(course: Course) -> Self {
        let text = std::fs::read_to_string(super::fixtures("losses.txt")).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let losses = lines.map(|(at, line)| Loss::read(at + 1, line)).filter(|loss| loss.course == course).collect();
        Self { losses, complaints: Vec::new() }
    }

    /// Whether this way is listed as one that is refused; that it is, or is not, is noted.
    pub fn refusal(&mut self, way: Way<'_>, refused: Option<&str>) -> bool {
        let listed = self.losses.iter().find(|loss| loss.covers(way) && loss.is_of("refused"));
        match (listed, refused) {
            (Some(loss), Some(_)) => loss.happened.set(true),
            (Some(loss), None) => loss.survived.set(way.caller.map(Dialect::slug)),
            (None, Some(why)) => self.complaints.push(format!("{way} is refused: {why}")),
            (None, None) => {}
        }
        listed.is_some() || refused.is_some()
    }

    /// Of those that could say something, who does; that the others cannot must be listed.
    pub fn spoken(&mut self, ways: impl Iterator<Item = (Way<'static>, bool)>, case: &str) {
        for (way, said) in ways.map(|(way, said)| (Way { case, ..way }, said)) {
            match (self.losses.iter().find(|loss| loss.covers(way) && loss.is_of("unsaid")), said) {
                (Some(loss), false) => loss.happened.set(true),
                (Some(loss), true) => loss.survived.set(way.caller.or(way.provider).map(Dialect::slug)),
                (None, false) => self.complaints.push(format!("{way}: nobody says how it is said here")),
                (None, true) => {}
            }
        }
    }

    /// What was said before and after; each difference must be listed, and told to the caller by the name that is listed.
    pub fn compare(&mut self, way: Way<'_>, before: &Facts, after: &Facts, named: &Losses) {
        let covering: Vec<&Loss> = self.losses.iter().filter(|loss| loss.covers(way)).collect();
        let mut expected: Vec<&str> = Vec::new();
        for key in compared(way, before, after) {
            let lost = values(before, key) != values(after, key);
            let listed: Vec<&&Loss> = covering.iter().filter(|loss| loss.is_of(key)).collect();
            match (lost, listed.is_empty()) {
                (true, true) => self.complaints.push(format!("{way}: {key}: {:?} became {:?}", values(before, key), values(after, key))),
                (true, false) => listed.iter().for_each(|loss| loss.happened.set(true)),
                (false, _) => listed.iter().for_each(|loss| loss.survived.set(way.caller.or(way.provider).map(Dialect::slug))),
            }
            expected.extend(listed.iter().filter(|_| lost).filter_map(|loss| loss.name_of(key)));
        }
        let told: Vec<&str> = named.names().iter().map(String::as_str).collect();
        let silent = expected.iter().filter(|name| !told.contains(name));
        self.complaints.extend(silent.map(|name| format!("{way}: `{name}` is lost without a word; named are {told:?}")));
        let unlisted = told.iter().filter(|name| !expected.contains(name));
        self.complaints.extend(unlisted.map(|name| format!("{way}: says that `{name}` is lost")));
    }

    /// Where the same was told whole and streamed, the same must be heard but for what is listed for streams alone.
    pub fn compare_ways(&mut self, way: Way<'_>, told: [&Facts; 2], heard: [&Facts; 2]) {
        let [whole, streamed] = heard;
        for key in compared(way, whole, streamed) {
            let same = |[one, other]: [&Facts; 2]| values(one, key) == values(other, key);
            let listed = self.losses.iter().any(|loss| loss.case == way.case && loss.covers(way) && loss.is_of(key));
            if same(told) && !same(heard) && !listed {
                self.complaints.push(format!("{way}: {key}: {:?} whole, but {:?}", values(whole, key), values(streamed, key)));
            }
        }
    }

    /// Nothing else may be lost, and what is listed must be lost, or the list is out of date.
    pub fn close(mut self) {
        let stale = self.losses.iter().filter(|loss| !loss.happened.get() || loss.survived.get().is_some());
        self.complaints
            .extend(stale.map(|loss| format!("losses.txt:{}: `{}` is not lost (with {:?})", loss.line, loss.key, loss.survived.get())));
        self.complaints.sort_unstable();
        self.complaints.dedup();
        assert!(self.complaints.is_empty(), "{}", self.complaints.join("\n"));
    }
}

/// All that either side says, but for what a dialect has or demands besides, which no other can say.
fn compared<'f>(way: Way<'_>, before: &'f Facts, after: &'f Facts) -> Vec<&'f str> {
    let said = keys(before);
    let added = keys(after).into_iter().filter(|key| !said.contains(key) && !key.starts_with(OWN)).collect::<Vec<_>>();
    let all = said.into_iter().chain(added);
    all.filter(|key| way.provider.is_some() || !key.starts_with(OWN)).collect()
}

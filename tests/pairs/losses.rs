//! The losses that are accepted, each with its reason: `fixtures/pairs/losses.txt`.

use std::cell::Cell;

use causeway::wire::Dialect;

use super::meaning::OWN;

/// One line: the pair (`*` is any), the case, the key of the facts that are lost (`own.*`: what only the caller's
/// dialect has), by what name the caller is told (`-`: without a word), and why.
pub struct Loss {
    caller: Option<String>,
    provider: Option<String>,
    case: String,
    key: String,
    named: Option<String>,
    line: usize,
    /// Whether it happened, whether something came through that it says is lost.
    happened: Cell<bool>,
    survived: Cell<Option<&'static str>>,
}

/// One way through the house.
#[derive(Clone, Copy)]
pub struct Way<'w> {
    pub caller: Dialect,
    /// None: what the caller's dialect cannot say in the first place.
    pub provider: Option<Dialect>,
    pub case: &'w str,
}

pub fn read() -> Vec<Loss> {
    let path = super::fixtures("losses.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| loss(at + 1, line)).collect()
}

fn loss(line: usize, text: &str) -> Loss {
    let cells: Vec<&str> = text.split('|').map(str::trim).collect();
    let [pair, case, key, named, reason] = cells.as_slice() else { panic!("losses.txt:{line}: five cells are needed: {text}") };
    assert!(reason.len() > 10, "losses.txt:{line}: the reason is missing");
    let (caller, provider) = pair.split_once("->").unwrap_or_else(|| panic!("losses.txt:{line}: `caller -> provider` is needed"));
    let side = |side: &str| Some(side.trim().to_owned()).filter(|side| side != "*");
    Loss {
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

impl Loss {
    pub fn covers(&self, way: Way<'_>) -> bool {
        let provider = way.provider.map_or("", Dialect::slug);
        self.caller.as_deref().is_none_or(|caller| caller == way.caller.slug())
            && self.provider.as_deref().map_or(way.provider.is_some(), |known| known == provider)
            && (self.case == "*" || self.case == way.case)
    }

    pub fn is_of(&self, key: &str) -> bool {
        self.key == key || self.key == "own.*" && key.starts_with(OWN)
    }

    /// By what name the caller must be told that this is lost.
    pub fn name_of<'k>(&'k self, key: &'k str) -> Option<&'k str> {
        if self.key == "own.*" { key.strip_prefix(OWN) } else { self.named.as_deref() }
    }

    pub fn happens(&self) {
        self.happened.set(true);
    }

    pub fn survives(&self, way: Way<'_>) {
        self.survived.set(Some(way.caller.slug()));
    }
}

/// What is listed must happen, or the list is out of date.
pub fn check_all_happened(losses: &[Loss]) {
    let stale = losses.iter().filter(|loss| !loss.happened.get() || loss.survived.get().is_some());
    let lines: Vec<String> =
        stale.map(|loss| format!("losses.txt:{}: `{}` is not lost (from {:?})", loss.line, loss.key, loss.survived.get())).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

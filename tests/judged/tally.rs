//! Checks, counted by provider.

use std::collections::BTreeMap;

#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<String, (usize, usize)>,
    failures: Vec<String>,
}

impl Tally {
    pub fn check(&mut self, provider: &str, holds: bool, what: impl FnOnce() -> String) {
        let (passed, failed) = self.counts.entry(provider.to_owned()).or_default();
        if holds {
            *passed += 1;
        } else {
            *failed += 1;
            self.failures.push(what());
        }
    }

    /// Prints the table; fails where a check failed.
    pub fn close(self, subject: &str) {
        for (provider, (passed, failed)) in &self.counts {
            println!("{subject} {provider:<16} {passed:>6} passed {failed:>4} failed");
        }
        let shown = self.failures.iter().take(400).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.failures.is_empty(), "{} checks failed:\n{shown}", self.failures.len());
    }
}

//! Where rows are kept: text under names, in the order of the names' bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

pub trait Store {
    fn get(&self, name: &str) -> Option<String>;
    fn put(&mut self, name: &str, value: &str);
    fn delete(&mut self, name: &str);
    /// The first rows whose names begin so and come after another name.
    fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<(String, String)>;
}

impl Store for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn put(&mut self, name: &str, value: &str) {
        self.insert(name.to_owned(), value.to_owned());
    }

    fn delete(&mut self, name: &str) {
        self.remove(name);
    }

    fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<(String, String)> {
        let start = if after >= prefix { Bound::Excluded(after) } else { Bound::Included(prefix) };
        let rows = self.range::<str, _>((start, Bound::Unbounded)).take_while(|(name, _)| name.starts_with(prefix));
        rows.take(limit).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A number that grows by one each time it is asked for.
pub fn next(store: &mut dyn Store, name: &str) -> u64 {
    let row = format!("next/{name}");
    let number = count(store, &row) + 1;
    store.put(&row, &number.to_string());
    number
}

pub fn count(store: &dyn Store, row: &str) -> u64 {
    store.get(row).and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// A number as it stands in a name, so that the largest comes first.
pub fn latest_first(number: u64) -> String {
    format!("{:020}", u64::MAX - number)
}

/// All rows whose names begin so.
pub fn all(store: &dyn Store, prefix: &str) -> Vec<(String, String)> {
    store.list(prefix, "", usize::MAX)
}

//! Where a meter keeps what must not be forgotten: names and texts. What is written in one go is kept as one.

pub trait Rows {
    fn get(&self, name: &str) -> Option<String>;

    /// Nothing for a row that is no more.
    fn put(&self, name: &str, value: Option<&str>);

    /// The rows whose names begin so, in order.
    fn all(&self, prefix: &str) -> Vec<(String, String)>;

    /// Forgets the rows whose names are from this one on and before that one.
    fn forget(&self, from: &str, before: &str);

    /// Wakes the meter then, or at once where that is past; a wish made later counts in place of an earlier one.
    fn wake_at(&self, ms: u64);
}

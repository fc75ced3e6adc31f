//! What is said, as facts that can be compared: a key, and its values in their order.

/// How the keys begin of what only one dialect has.
pub const OWN: &str = "own.";

pub type Facts = Vec<(String, String)>;

pub fn say(facts: &mut Facts, key: &str, value: impl ToString) {
    facts.push((key.to_owned(), value.to_string()));
}

pub fn keys(facts: &Facts) -> Vec<&str> {
    let mut keys: Vec<&str> = facts.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

pub fn values<'f>(facts: &'f Facts, key: &str) -> Vec<&'f str> {
    facts.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str()).collect()
}

/// Facts as a fixture tells them: `key = value`, a line each.
pub fn read(text: &str) -> Facts {
    let fact = |line: &str| {
        let (key, value) = line.split_once(" = ").unwrap_or_else(|| panic!("`{line}` is no fact"));
        (key.to_owned(), value.replace("\\n", "\n"))
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(fact).collect()
}

/// JSON without the blanks between its tokens; the order of its keys is kept.
pub fn compact(json: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for letter in json.chars() {
        if !quoted && letter.is_whitespace() {
            continue;
        }
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        out.push(letter);
    }
    out
}

/// A proof as its maker gave it, without the mark that says whose it is.
pub fn unmarked(proof: &str) -> &str {
    proof.rsplit(':').next().unwrap_or(proof)
}

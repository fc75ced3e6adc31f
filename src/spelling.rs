//! Words: names that were meant, for names that are not known; bytes as letters.

/// The known name that a mistyped one is nearest to, if it is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(64).collect();
    let near = known.map(|known| (distance(&name, known), known)).min();
    near.filter(|(distance, known)| *distance <= known.len().div_ceil(3)).map(|(_, known)| known)
}

/// ` Did you mean ...?`, or nothing.
pub fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|known| format!(" Did you mean `{known}`?")).unwrap_or_default()
}

/// Edits that turn one word into the other.
pub fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (at, a) in left.chars().enumerate() {
        let mut before = at;
        let mut last = at + 1;
        let mut next = vec![last];
        for (b, above) in right.chars().zip(row.iter().skip(1)) {
            last = (before + usize::from(a != b)).min(above + 1).min(last + 1);
            before = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Bytes as digits to the base of sixteen.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
    text
}

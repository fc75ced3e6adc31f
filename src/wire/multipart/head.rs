//! What stands before the content: the boundary in the content type, the headers of a part.

use crate::error::{Error, Result};

/// The longest that the standard allows is 70.
const LONGEST_BOUNDARY: usize = 200;

const PLAIN_ENCODINGS: [&str; 3] = ["7bit", "8bit", "binary"];

/// What parts begin with, but for the line's end before it: `--` and the boundary.
pub(super) fn dashed_boundary(content_type: &str) -> Result<String> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Error::invalid("content-type: expected multipart/form-data, a form with the file in it"));
    }
    let boundary = parameters_of(parameters).into_iter().find(|(name, _)| name == "boundary").map(|(_, value)| value);
    match boundary.filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()) && !boundary.contains(['\r', '\n'])) {
        Some(boundary) => Ok(format!("--{boundary}")),
        None => Err(Error::invalid("content-type: the form has no boundary; let the client library write this header")),
    }
}

/// What the headers of a part say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub name: String,
    pub file_name: Option<String>,
    pub media_type: Option<String>,
    /// The name or the value could be read in more than one way.
    pub doubtful: bool,
}

impl Head {
    pub fn parse(lines: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(lines);
        let mut head = Self::default();
        let mut named = 0_usize;
        for (field, value) in text.split("\r\n").filter_map(|line| line.split_once(':')) {
            match field.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    let (_, parameters) = value.split_once(';').unwrap_or((value, ""));
                    for (name, value) in parameters_of(parameters) {
                        match name.as_str() {
                            "name" => {
                                named = named.saturating_add(1);
                                head.doubtful |= value.contains(['\\', '%', '"']);
                                head.name = value;
                            }
                            "filename" | "filename*" => head.file_name = Some(value),
                            "name*" => head.doubtful = true,
                            _ => {}
                        }
                    }
                }
                "content-type" => head.media_type = Some(value.trim().to_owned()),
                "content-transfer-encoding" => head.doubtful |= !PLAIN_ENCODINGS.contains(&value.trim().to_ascii_lowercase().as_str()),
                _ => {}
            }
        }
        if named == 0 {
            return Err(Error::invalid("The form has a part without a name."));
        }
        head.doubtful |= named > 1;
        Ok(head)
    }
}

/// `; name="value"; other=value`. Backslashes stay: only before a quote do they mean something.
fn parameters_of(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_start_matches([';', ' ', '\t']).trim().to_ascii_lowercase();
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_value(quoted),
            None => {
                let (value, left) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), left)
            }
        };
        parameters.push((name, value));
        rest = left;
    }
    parameters
}

fn quoted_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' if letters.as_str().starts_with('"') => value.extend(letters.next()),
            other => value.push(other),
        }
    }
    (value, letters.as_str())
}

/// Where `needle` begins, not before `from`.
pub(super) fn find(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    loop {
        at = at.checked_add(hay.get(at..)?.iter().position(|byte| *byte == first)?)?;
        if hay.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        at = at.checked_add(1)?;
    }
}

use super::head::{Head, dashed_boundary, find};
use crate::error::{Error, Result};

/// A field or a file of a whole form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: String,
    pub file_name: Option<String>,
    pub media_type: Option<String>,
    pub content: &'a [u8],
}

/// The parts of a form that is there as a whole.
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>> {
    let dashes = dashed_boundary(content_type)?;
    let delimiter = format!("\r\n{dashes}");
    let mut rest = match body.strip_prefix(dashes.as_bytes()) {
        Some(rest) => rest,
        None => after(body, delimiter.as_bytes()).ok_or_else(broken)?.1,
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let (_, lines) = after(rest, b"\r\n").ok_or_else(broken)?;
        // The last line of the headers and the blank one after it.
        let (head, content) = after(lines, b"\r\n\r\n").ok_or_else(broken)?;
        let (content, next) = after(content, delimiter.as_bytes()).ok_or_else(broken)?;
        let Head { name, file_name, media_type, .. } = Head::parse(head)?;
        parts.push(Part { name, file_name, media_type, content });
        rest = next;
    }
    Ok(parts)
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(bytes, mark, 0)?;
    Some((bytes.get(..at)?, bytes.get(at.checked_add(mark.len())?..)?))
}

fn broken() -> Error {
    Error::invalid("The form is broken: it ends before its last boundary.")
}

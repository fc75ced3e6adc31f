use super::Shape;
use crate::error::{Error, Result};
use crate::ir::Extras;
use crate::wire::fields::{Fields, wrong};

/// How the caller wants to have the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Url,
    Base64,
}

/// What the caller asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub model: String,
    pub prompt: String,
    pub n: Option<u64>,
    /// `1024x1024`, or a word; `auto` counts as not given.
    pub size: Option<String>,
    pub format: Option<Format>,
    pub stream: bool,
    /// All else, as it came: `quality`, `style`, `background`, `seed` and what only the provider knows.
    pub knobs: Extras,
}

/// More than this is asked for in several calls.
const MOST_IMAGES: u64 = 10;

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let prompt = fields.required_text("prompt")?;
    if prompt.trim().is_empty() {
        return Err(wrong("prompt", "the text of what is to be seen, not an empty string"));
    }
    let n = fields.count("n")?;
    if n.is_some_and(|n| !(1..=MOST_IMAGES).contains(&n)) {
        return Err(wrong("n", "a number from 1 to 10"));
    }
    let format = match fields.text("response_format")?.as_deref() {
        None => None,
        Some("url") => Some(Format::Url),
        Some("b64_json") => Some(Format::Base64),
        Some(_) => return Err(wrong("response_format", "url or b64_json")),
    };
    Ok(Request {
        model: fields.text("model")?.unwrap_or_default(),
        prompt,
        n,
        size: fields.text("size")?.filter(|size| size != "auto"),
        format,
        stream: fields.flag("stream")?.unwrap_or(false),
        knobs: fields.rest(),
    })
}

/// How many requests to the provider make the images that were asked for.
pub fn requests(shape: Shape, request: &Request) -> Result<u64> {
    let n = request.n.unwrap_or(1);
    match shape.most() {
        None => Ok(1),
        Some(1) => Ok(n),
        Some(most) if n <= most => Ok(1),
        Some(most) => {
            let words = format!("n: this model makes at most {most} images per request; ask for fewer and call it again");
            Err(Error::invalid(words).with_param("n"))
        }
    }
}

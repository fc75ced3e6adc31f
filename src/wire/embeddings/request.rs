use crate::error::{Error, Result};
use crate::ir::{Extras, Raw};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use serde_json::value::RawValue;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub model: String,
    pub input: Input,
    pub dimensions: Option<u64>,
    pub encoding: Encoding,
    pub user: Option<String>,
    /// What OpenAI's form does not name, in its order.
    pub extras: Extras,
}

#[derive(Clone, Debug)]
pub enum Input {
    Texts(Vec<String>),
    Tokens(Vec<Vec<u64>>),
    /// What only its provider knows (pictures, parts), as it came.
    Native(Vec<Raw>),
}

/// How the caller wants the vectors written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Float,
    /// Of little-endian 32-bit floats.
    Base64,
}

impl Input {
    pub fn len(&self) -> usize {
        match self {
            Input::Texts(texts) => texts.len(),
            Input::Tokens(lists) => lists.len(),
            Input::Native(items) => items.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let model = fields.required_text("model")?;
    let input = fields.take("input");
    let input = decode_input(fields.required("input", input)?)?;
    let encoding = match fields.text("encoding_format")?.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => return Err(wrong("encoding_format", "float or base64")),
    };
    let dimensions: Option<u64> = fields.plain("dimensions", "a positive integer")?;
    if dimensions == Some(0) {
        return Err(wrong("dimensions", "a positive integer"));
    }
    Ok(Request { model, input, dimensions, encoding, user: fields.text("user")?, extras: fields.rest() })
}

fn decode_input(raw: &RawValue) -> Result<Input> {
    const WHAT: &str = "a string, an array of strings, or an array of token ids";
    if is_string(raw) {
        return Ok(Input::Texts(vec![plain(raw, "input", WHAT)?]));
    }
    let list = items(raw, "input").map_err(|_| wrong("input", WHAT))?;
    let Some(first) = list.first() else {
        return Err(Error::invalid("input: expected at least one text").with_param("input"));
    };
    match first.get().as_bytes().first() {
        Some(b'"') => plain(raw, "input", WHAT).map(Input::Texts),
        Some(b'[') => plain(raw, "input", WHAT).map(Input::Tokens),
        Some(b'{') => Ok(Input::Native(list.into_iter().map(ToOwned::to_owned).collect())),
        _ => plain(raw, "input", WHAT).map(|tokens| Input::Tokens(vec![tokens])),
    }
}

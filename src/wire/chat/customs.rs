//! Messages as one of the dialect's providers takes them: each message is edited where it departs from the
//! provider's customs, and everything else of it stays as it came.

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::ir::{Losses, Raw};
use crate::wire::fields::{Fields, is_string, items, plain};
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use crate::wire::scan;

/// Where a provider departs from the dialect inside its messages.
#[derive(Clone, Copy, Debug)]
pub struct Customs {
    /// What departs from them holds one of these; messages without any are not looked at further.
    pub signs: &'static [&'static str],
    pub developer: bool,
    /// Speakers may have names.
    pub names: bool,
    /// A refusal of the model has a field of its own.
    pub refusals: bool,
    pub thoughts: Thoughts,
    /// Cache marks and the like, that vendors of models added.
    pub marks: bool,
    /// An image may say how closely it is to be looked at.
    pub detail: bool,
    pub images: bool,
    pub files: Files,
    pub sounds: Sounds,
    /// Content is a string wherever all of it is text.
    pub plain_text: bool,
    /// Ids of calls are nine letters or digits.
    pub short_ids: bool,
}

/// How the thinking of earlier turns comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoughts {
    /// Under whichever name it came.
    Kept,
    /// In this field.
    In(&'static str),
    Unwanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    Kept,
    /// As the URL of a document.
    Documents,
    /// As the URL of a file.
    Urls,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sounds {
    Kept,
    /// As the base64 alone.
    Bare,
    Refused,
}

/// Names under which providers tell what a model thought.
const THOUGHTS: [&str; 4] = ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"];

/// What a model's message holds that only tells of the answer it was.
const OF_THE_ANSWER: [&str; 2] = ["annotations", "provider_specific_fields"];

/// The messages by the customs; nothing where they are so already. Content that has no place there is refused, unless
/// it is the caller's own message in the provider's dialect: then the provider speaks for itself.
pub fn adapt(messages: &str, customs: &Customs, own: bool, losses: &mut Losses) -> Result<Option<String>> {
    if !shows(messages, customs.signs) {
        return Ok(None);
    }
    let Ok(raw) = lean::from_str::<&RawValue>(messages) else { return Ok(None) };
    let mut out = Vec::with_capacity(messages.len().saturating_add(64));
    let mut list = Array::open(&mut out);
    let mut editor = Editor { customs, own, losses };
    for (at, raw) in items(raw, "messages")?.into_iter().enumerate() {
        editor.message(list.slot(), raw, format!("messages.{at}"))?;
    }
    list.close();
    Ok(String::from_utf8(out).ok())
}

/// The longest name that a sign may be part of.
const LONGEST_NAME: usize = 48;

/// Whether a name in the text holds one of the signs, or is it where the sign is in quotes. The text is looked through
/// once, and what is too long for a name is passed over: prompts are long, and names are few.
fn shows(text: &str, signs: &[&str]) -> bool {
    let is = |word: &str, sign: &str| match sign.as_bytes() {
        [b'"', name @ .., b'"'] => name == word.as_bytes(),
        _ => word.len() >= sign.len() && word.contains(sign),
    };
    let mut rest = Some(text);
    let words = std::iter::from_fn(|| {
        let (word, after) = rest?.split_at_checked(scan::find(rest?.as_bytes(), b'"'))?;
        rest = after.strip_prefix('"');
        Some(word)
    });
    words.filter(|word| word.len() <= LONGEST_NAME).any(|word| signs.iter().any(|sign| is(word, sign)))
}

struct Editor<'e> {
    customs: &'e Customs,
    own: bool,
    losses: &'e mut Losses,
}

impl Editor<'_> {
    fn message(&mut self, out: &mut Vec<u8>, raw: &RawValue, path: String) -> Result<()> {
        let mut fields = Fields::of(raw, path.clone())?;
        let role = fields.text("role")?.unwrap_or_default();
        let refusal = if self.customs.refusals { None } else { fields.text("refusal")?.filter(|words| !words.is_empty()) };
        let thought = self.thought(&mut fields)?;
        let told = |name: &str, fields: &Fields<'_>| fields.has(name);
        let (said, called) = (told("content", &fields), told("tool_calls", &fields));
        let known = if role == "developer" && !self.customs.developer { "system" } else { &role };
        let mut message = Object::open(out).with("role", known);
        // Some want to be told that there is none.
        if role == "assistant" && !said {
            message = match &refusal {
                Some(words) => message.with("content", words),
                None if called => message.with("content", &()),
                None => message,
            };
        }
        for (name, raw) in fields.rest() {
            match name.as_str() {
                "content" => self.content(message.slot("content"), &raw, &format!("{path}.content"), refusal.as_deref())?,
                "name" if !self.customs.names && !matches!(role.as_str(), "tool" | "function") => self.losses.drop("name"),
                "cache_control" if !self.customs.marks => {}
                name if !self.customs.refusals && OF_THE_ANSWER.contains(&name) => {}
                "tool_call_id" => self.id(message.slot("tool_call_id"), &raw)?,
                "tool_calls" => self.calls(message.slot("tool_calls"), &raw, &format!("{path}.tool_calls"))?,
                name => message = message.with(name, &raw),
            }
        }
        if let (Some(text), Thoughts::In(name)) = (thought, self.customs.thoughts) {
            message = message.with(name, &text);
        }
        message.close();
        Ok(())
    }

    /// Takes what the model thought out of its message, where it is not to stay as it is.
    fn thought(&mut self, fields: &mut Fields<'_>) -> Result<Option<Raw>> {
        let wanted = match self.customs.thoughts {
            Thoughts::Kept => return Ok(None),
            Thoughts::In(_) => true,
            Thoughts::Unwanted => false,
        };
        let told: Vec<Raw> = THOUGHTS.iter().filter_map(|name| fields.take_raw(name)).collect();
        let text = told.iter().position(|raw| is_string(raw) && raw.get() != "\"\"").and_then(|at| told.get(at).cloned());
        if text.is_some() && !wanted {
            self.losses.drop("reasoning_content");
        }
        Ok(text.filter(|_| wanted))
    }

    fn content(&mut self, out: &mut Vec<u8>, raw: &RawValue, path: &str, refusal: Option<&str>) -> Result<()> {
        if !raw.get().starts_with('[') {
            match refusal.filter(|_| raw.get() == "\"\"") {
                Some(words) => value(out, words),
                None => value(out, raw),
            }
            return Ok(());
        }
        let parts = items(raw, path)?;
        if self.customs.plain_text
            && let Some(text) = plain_text(&parts)
        {
            value(out, &text);
            return Ok(());
        }
        let mut list = Array::open(out);
        for (at, raw) in parts.into_iter().enumerate() {
            self.part(list.slot(), raw, format!("{path}.{at}"))?;
        }
        list.close();
        Ok(())
    }

    fn part(&mut self, out: &mut Vec<u8>, raw: &RawValue, path: String) -> Result<()> {
        let mut fields = Fields::of(raw, path.clone())?;
        let kind = fields.text("type")?.unwrap_or_default();
        match kind.as_str() {
            "refusal" if !self.customs.refusals => {
                Object::typed(out, "text").with("text", &fields.required_text("refusal")?).close();
                return Ok(());
            }
            "image_url" if !self.customs.images && !self.own => return Err(refused(&path, "images; describe them in words instead")),
            "file" if self.customs.files != Files::Kept => return self.file(out, fields, raw, &path),
            "input_audio" if self.customs.sounds != Sounds::Kept && !self.own => return self.sound(out, fields, &path),
            _ => {}
        }
        let mut part = Object::typed(out, &kind);
        for (name, raw) in fields.rest() {
            match name.as_str() {
                "cache_control" if !self.customs.marks => {}
                "image_url" if !self.customs.detail && raw.get().starts_with('{') => {
                    let inner = Fields::of(&raw, format!("{path}.image_url"))?.rest();
                    let kept = inner.iter().filter(|(name, _)| name != "detail");
                    kept.fold(Object::open(part.slot("image_url")), |image, (name, raw)| image.with(name, raw)).close();
                }
                name => part = part.with(name, &raw),
            }
        }
        part.close();
        Ok(())
    }

    fn file(&mut self, out: &mut Vec<u8>, mut fields: Fields<'_>, raw: &RawValue, path: &str) -> Result<()> {
        let Some(mut file) = fields.object("file")? else {
            value(out, raw);
            return Ok(());
        };
        let (name, data, id) = (file.text("filename")?, file.text("file_data")?, file.text("file_id")?);
        match (self.customs.files, data, id) {
            (Files::Documents, Some(data), _) => {
                let url = if data.contains(':') { data } else { format!("data:application/pdf;base64,{data}") };
                Object::typed(out, "document_url").with("document_url", &url).maybe("document_name", name).close();
            }
            (Files::Documents, None, Some(id)) => Object::typed(out, "file").with("file_id", &id).close(),
            (Files::Urls, Some(data), _) => {
                // The bytes alone, without what says of which type they are.
                let url = data.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")).map_or(data.as_str(), |(_, bytes)| bytes);
                let mut part = Object::typed(out, "file_url");
                Object::open(part.slot("file_url")).with("url", url).close();
                part.maybe("file_name", name).close();
            }
            _ if self.own => value(out, raw),
            _ => return Err(refused(path, "a file; send its text instead")),
        }
        Ok(())
    }

    fn sound(&mut self, out: &mut Vec<u8>, mut fields: Fields<'_>, path: &str) -> Result<()> {
        let told = fields.take("input_audio");
        match told.filter(|_| self.customs.sounds == Sounds::Bare) {
            Some(raw) if is_string(raw) => Object::typed(out, "input_audio").with("input_audio", raw).close(),
            Some(raw) => {
                let data = Fields::of(raw, format!("{path}.input_audio"))?.required_text("data")?;
                Object::typed(out, "input_audio").with("input_audio", &data).close();
            }
            None => return Err(refused(path, "audio; send a transcript instead")),
        }
        Ok(())
    }

    fn calls(&mut self, out: &mut Vec<u8>, raw: &RawValue, path: &str) -> Result<()> {
        let mut list = Array::open(out);
        for (at, raw) in items(raw, path)?.into_iter().enumerate() {
            let mut call = Object::open(list.slot());
            for (name, raw) in Fields::of(raw, format!("{path}.{at}"))?.rest() {
                match name.as_str() {
                    "id" => self.id(call.slot("id"), &raw)?,
                    "extra_content" | "cache_control" if !self.customs.marks => {}
                    name => call = call.with(name, &raw),
                }
            }
            call.close();
        }
        list.close();
        Ok(())
    }

    fn id(&self, out: &mut Vec<u8>, raw: &RawValue) -> Result<()> {
        if !self.customs.short_ids {
            value(out, raw);
            return Ok(());
        }
        let id: String = plain(raw, "messages", "an id")?;
        value(out, &short_id(&id));
        Ok(())
    }
}

fn refused(path: &str, what: &str) -> Error {
    Error::invalid(format!("{path}: this provider does not take {what}")).with_param(path)
}

fn plain_text(parts: &[&RawValue]) -> Option<String> {
    let text = |raw: &&RawValue| {
        let mut fields = Fields::of(raw, String::new()).ok()?;
        let kind = fields.text("type").ok()??;
        if kind == "text" { fields.text("text").ok()? } else { None }
    };
    let texts: Option<Vec<String>> = parts.iter().map(text).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Nine letters and digits that stand for an id: always the same ones, and hardly ever those of another.
fn short_id(id: &str) -> String {
    const LENGTH: usize = 9;
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    // FNV-1a.
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut letters = String::with_capacity(LENGTH);
    while letters.len() < LENGTH {
        let place = usize::try_from(hash % 62).unwrap_or_default();
        letters.push(LETTERS.get(place).map_or('0', |letter| char::from(*letter)));
        hash = (hash / 62).wrapping_add(hash.rotate_left(29));
    }
    letters
}

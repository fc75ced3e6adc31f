//! The messages in an order that one of the dialect's providers takes. Those that stay where they are keep their bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ir::Raw;
use crate::wire::fields::{Fields, is_string, items, plain};
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;

/// What a provider demands of the order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub instructions: Instructions,
    /// User and assistant take turns.
    pub alternates: bool,
    /// What a tool gave is answered before the user says more.
    pub answers_tools: bool,
    /// An assistant's message at the end is to be marked as the beginning of the answer.
    pub marks_prefix: bool,
}

/// Where instructions may stand; those that stand elsewhere go to the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    Anywhere,
    /// Not right after the assistant or a tool.
    AfterUser,
    First,
}

impl Order {
    pub const ANY: Self = Self { instructions: Instructions::Anywhere, alternates: false, answers_tools: false, marks_prefix: false };
}

/// Stands for the answer to a tool that nobody wrote down.
const ANSWER: &str = "OK.";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prefix: Option<&'a RawValue>,
    #[serde(skip)]
    raw: Cow<'a, str>,
}

impl<'a> Message<'a> {
    fn of(raw: &'a RawValue) -> Option<Self> {
        let message: Self = lean::from_str(raw.get()).ok()?;
        Some(Self { raw: Cow::Borrowed(raw.get()), ..message })
    }

    fn instructs(&self) -> bool {
        matches!(&*self.role, "system" | "developer")
    }

    /// Plain words of the user or the assistant.
    fn talks(&self) -> bool {
        matches!(&*self.role, "user" | "assistant") && self.tool_calls.is_none()
    }
}

/// The messages in order; nothing where they are so already, or cannot be read.
pub fn arrange(messages: &str, order: Order) -> Option<String> {
    if order == Order::ANY {
        return None;
    }
    let raw: &RawValue = lean::from_str(messages).ok()?;
    let mut list: Vec<Message<'_>> = items(raw, "messages").ok()?.into_iter().map(Message::of).collect::<Option<_>>()?;
    let mut changed = lead(&mut list, order.instructions);
    let mut arranged: Vec<Message<'_>> = Vec::with_capacity(list.len().saturating_add(1));
    for message in list {
        let before = arranged.last_mut();
        match before {
            Some(before) if order.alternates && message.talks() && before.talks() && before.role == message.role => {
                before.raw = Cow::Owned(joined(&before.raw, &message.raw)?);
                changed = true;
                continue;
            }
            Some(before) if order.answers_tools && before.role == "tool" && message.role == "user" => {
                arranged.push(answer()?);
                changed = true;
            }
            _ => {}
        }
        arranged.push(message);
    }
    if let Some(last) = arranged.last_mut().filter(|last| order.marks_prefix && last.role == "assistant" && last.talks())
        && last.prefix.is_none()
    {
        last.raw = Cow::Owned(marked(&last.raw)?);
        changed = true;
    }
    changed.then(|| format!("[{}]", arranged.iter().map(|message| &*message.raw).collect::<Vec<_>>().join(",")))
}

/// Moves instructions that may not stand where they do to the beginning; says whether there were any.
fn lead(list: &mut Vec<Message<'_>>, place: Instructions) -> bool {
    let leading = list.iter().take_while(|message| message.instructs()).count();
    let mut before = "";
    let mut led = Vec::new();
    for (at, message) in list.iter().enumerate().skip(leading) {
        let stays = match place {
            Instructions::Anywhere => true,
            Instructions::AfterUser => before == "user",
            Instructions::First => false,
        };
        if message.instructs() && !stays {
            led.push(at);
        } else if !message.instructs() {
            before = &message.role;
        }
    }
    let moved = !led.is_empty();
    for (place, at) in (leading..).zip(led) {
        if let Some(message) = list.get_mut(place..=at) {
            message.rotate_right(1);
        }
    }
    moved
}

fn answer() -> Option<Message<'static>> {
    let mut out = Vec::new();
    Object::open(&mut out).with("role", "assistant").with("content", ANSWER).close();
    let raw = String::from_utf8(out).ok()?;
    Some(Message { role: Cow::Borrowed("assistant"), tool_calls: None, prefix: None, raw: Cow::Owned(raw) })
}

fn marked(message: &str) -> Option<String> {
    let fields = Fields::of(lean::from_str(message).ok()?, String::new()).ok()?.rest();
    let mut out = Vec::with_capacity(message.len().saturating_add(16));
    fields.iter().fold(Object::open(&mut out), |object, (name, raw)| object.with(name, raw)).with("prefix", &true).close();
    String::from_utf8(out).ok()
}

/// Two messages as one: the fields of the first, the content of both.
fn joined(first: &str, second: &str) -> Option<String> {
    let fields = |text| Fields::of(lean::from_str(text).ok()?, String::new()).ok();
    let (mut first, mut second) = (fields(first)?, fields(second)?);
    let content = both(first.take("content"), second.take("content"))?;
    let more: Vec<(String, Raw)> = second.rest().into_iter().filter(|(name, _)| !first.has(name)).collect();
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    for (name, raw) in first.rest().iter().chain(&more) {
        object = object.with(name, raw);
    }
    object.with("content", &content).close();
    String::from_utf8(out).ok()
}

fn both(first: Option<&RawValue>, second: Option<&RawValue>) -> Option<Raw> {
    let mut out = Vec::new();
    match (first, second) {
        (Some(first), Some(second)) if is_string(first) && is_string(second) => {
            let text = |raw| plain::<String>(raw, "messages", "a string").ok();
            value(&mut out, &format!("{}\n\n{}", text(first)?, text(second)?));
        }
        (Some(first), Some(second)) => {
            let mut list = Array::open(&mut out);
            for content in [first, second] {
                if is_string(content) {
                    Object::typed(list.slot(), "text").with("text", content).close();
                } else {
                    items(content, "messages").ok()?.into_iter().for_each(|part| value(list.slot(), part));
                }
            }
            list.close();
        }
        (first, second) => value(&mut out, first.or(second)?),
    }
    RawValue::from_string(String::from_utf8(out).ok()?).ok()
}

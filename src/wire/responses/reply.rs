use crate::ir::{Part, Response, Text, Thinking};
use crate::wire::Echo;
use crate::wire::answer::CallIds;
use crate::wire::json::value;

use super::write::{
    Call, Head, Ids, Standing, State, arguments, ending, is_own_item, length, separate, settled, shown, write_annotation, write_call,
    write_message, write_reasoning, write_refusal, write_response, write_text,
};

pub fn encode_response(response: &Response, echo: &Echo) -> Vec<u8> {
    let mut output =
        Output { items: Vec::with_capacity(1_024), content: Vec::new(), ids: Ids::new(echo), calls: CallIds::new("call", echo) };
    response.parts.iter().for_each(|part| output.add(part));
    let refused = response.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let reason = settled(&response.finish, refused);
    output.close_message(ending(reason));
    let head = Head::new(&response.id, &response.model, response.created, echo);
    let mut body = Vec::with_capacity(output.items.len().saturating_add(1_024));
    let state = State::Ended { reason, usage: response.usage.as_ref(), extras: &response.extras };
    write_response(&mut body, &head, state, &output.items);
    body
}

/// The items so far. What is said in a row is one message.
struct Output {
    items: Vec<u8>,
    /// The parts of the message that is open.
    content: Vec<u8>,
    ids: Ids,
    calls: CallIds,
}

impl Output {
    fn add(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.say(|out| write_cited(out, text)),
            Part::Media(media) => self.say(|out| write_text(out, &media.link(), &[])),
            Part::Refusal(text) => self.say(|out| write_refusal(out, text)),
            Part::Thinking(thinking) => self.think(thinking),
            Part::ToolCall(call) => {
                let (id, call_id) = (self.ids.make("fc_"), self.calls.unique(&call.id));
                let arguments = arguments(&call.arguments);
                let call = Call { id: &id, call_id: &call_id, name: &call.name, arguments, status: "completed" };
                self.item(|out| write_call(out, &call));
            }
            Part::Native(native) if is_own_item(native) => self.item(|out| value(out, &native.raw)),
            // An answer holds no results, and blocks of others mean nothing here.
            Part::Native(_) | Part::ToolResult(_) => {}
        }
    }

    fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        separate(&mut self.content);
        write(&mut self.content);
    }

    fn item(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.close_message("completed");
        separate(&mut self.items);
        write(&mut self.items);
    }

    fn close_message(&mut self, status: &str) {
        let content = std::mem::take(&mut self.content);
        if !content.is_empty() {
            let id = self.ids.make("msg_");
            separate(&mut self.items);
            write_message(&mut self.items, &id, status, &content);
        }
    }

    fn think(&mut self, thinking: &Thinking) {
        let standing = if thinking.redacted.is_some() { Standing::Redacted } else { Standing::Signature };
        let (id, encrypted) = match thinking.redacted.as_ref().or(thinking.signature.as_ref()) {
            Some(proof) => {
                let (id, encrypted) = shown(proof, standing, &mut self.ids);
                (id, Some(encrypted))
            }
            None => (self.ids.make("rs_"), None),
        };
        self.item(|out| write_reasoning(out, &id, &thinking.text, encrypted));
    }
}

fn write_cited(out: &mut Vec<u8>, text: &Text) {
    let mut annotations = Vec::new();
    for citation in &text.citations {
        let mut annotation = Vec::new();
        if write_annotation(&mut annotation, citation, (0, length(&text.text))) {
            separate(&mut annotations);
            annotations.append(&mut annotation);
        }
    }
    write_text(out, &text.text, &annotations);
}

//! What a client of each dialect of callers does in a tool loop: asks, keeps what it heard as it heard it, and answers
//! the calls. Written anew, so that nothing is heard by the ears of the code under test.

use causeway::wire::Dialect;
use serde_json::{Value, json};

pub struct Client {
    pub dialect: Dialect,
    pub body: Value,
}

pub struct Call {
    pub id: String,
    pub name: String,
}

impl Client {
    pub fn asking(dialect: Dialect, question: &str) -> Self {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let body = match dialect {
            Dialect::Chat => json!({"model": "m", "reasoning_effort": "high", "max_completion_tokens": 20000, "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": schema}},
                {"type": "function", "function": {"name": "time", "parameters": schema}}]}),
            Dialect::Responses => json!({"model": "m", "reasoning": {"effort": "high"}, "max_output_tokens": 20000, "store": false,
                "include": ["reasoning.encrypted_content"], "tools": [
                    {"type": "function", "name": "weather", "parameters": schema, "strict": false},
                    {"type": "function", "name": "time", "parameters": schema, "strict": false}]}),
            Dialect::Messages => {
                json!({"model": "m", "thinking": {"type": "enabled", "budget_tokens": 8192}, "max_tokens": 20000, "tools": [
                {"name": "weather", "input_schema": schema}, {"name": "time", "input_schema": schema}]})
            }
            Dialect::Gemini => {
                json!({"generationConfig": {"maxOutputTokens": 20000, "thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": true}},
                "tools": [{"functionDeclarations": [
                    {"name": "weather", "parametersJsonSchema": schema}, {"name": "time", "parametersJsonSchema": schema}]}]})
            }
            other => panic!("no caller speaks {}", other.slug()),
        };
        let mut client = Self { dialect, body };
        client.say(question);
        client
    }

    pub fn say(&mut self, text: &str) {
        self.keep(match self.dialect {
            Dialect::Gemini => json!({"role": "user", "parts": [{"text": text}]}),
            _ => json!({"role": "user", "content": text}),
        });
    }

    fn keep(&mut self, said: Value) {
        let place = match self.dialect {
            Dialect::Responses => "input",
            Dialect::Gemini => "contents",
            _ => "messages",
        };
        match &mut self.body[place] {
            Value::Array(list) => list.push(said),
            empty => *empty = json!([said]),
        }
    }

    /// Keeps a whole answer; the calls in it.
    pub fn hear(&mut self, body: &[u8]) -> Vec<Call> {
        let told: Value = serde_json::from_slice(body).unwrap();
        let said = match self.dialect {
            Dialect::Chat => vec![told["choices"][0]["message"].clone()],
            Dialect::Responses => told["output"].as_array().unwrap().clone(),
            Dialect::Messages => vec![json!({"role": "assistant", "content": told["content"]})],
            _ => vec![told["candidates"][0]["content"].clone()],
        };
        self.heard(said)
    }

    /// Keeps what was streamed; the calls in it.
    pub fn listen(&mut self, stream: &[u8]) -> Vec<Call> {
        let events = std::str::from_utf8(stream).unwrap().lines().filter_map(|line| line.strip_prefix("data: "));
        let events: Vec<Value> = events.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect();
        let said = match self.dialect {
            Dialect::Chat => vec![gathered_message(&events)],
            Dialect::Responses => {
                let done = events.iter().filter(|event| event["type"] == "response.output_item.done");
                done.map(|event| event["item"].clone()).collect()
            }
            Dialect::Messages => vec![json!({"role": "assistant", "content": gathered_blocks(&events)})],
            _ => {
                let parts = events.iter().flat_map(|event| event["candidates"][0]["content"]["parts"].as_array().unwrap());
                vec![json!({"role": "model", "parts": parts.collect::<Vec<_>>()})]
            }
        };
        self.heard(said)
    }

    fn heard(&mut self, said: Vec<Value>) -> Vec<Call> {
        let calls = said.iter().flat_map(|said| calls(self.dialect, said)).collect();
        said.into_iter().for_each(|said| self.keep(said));
        calls
    }

    /// Gives the results of calls, each a text.
    pub fn answer(&mut self, results: &[(&Call, String)]) {
        match self.dialect {
            Dialect::Chat => {
                results.iter().for_each(|(call, text)| self.keep(json!({"role": "tool", "tool_call_id": call.id, "content": text})));
            }
            Dialect::Responses => {
                results
                    .iter()
                    .for_each(|(call, text)| self.keep(json!({"type": "function_call_output", "call_id": call.id, "output": text})));
            }
            Dialect::Messages => {
                let blocks = results.iter().map(|(call, text)| json!({"type": "tool_result", "tool_use_id": call.id, "content": text}));
                self.keep(json!({"role": "user", "content": blocks.collect::<Vec<_>>()}));
            }
            _ => {
                let part = |(call, text): &(&Call, String)| json!({"functionResponse": {"id": call.id, "name": call.name, "response": {"result": text}}});
                self.keep(json!({"role": "user", "parts": results.iter().map(part).collect::<Vec<_>>()}));
            }
        }
    }
}

fn calls(dialect: Dialect, said: &Value) -> Vec<Call> {
    let call = |id: &Value, name: &Value| Call { id: id.as_str().unwrap().to_owned(), name: name.as_str().unwrap().to_owned() };
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    match dialect {
        Dialect::Chat => list(&said["tool_calls"]).iter().map(|told| call(&told["id"], &told["function"]["name"])).collect(),
        Dialect::Responses => Some(said)
            .filter(|said| said["type"] == "function_call")
            .map(|told| call(&told["call_id"], &told["name"]))
            .into_iter()
            .collect(),
        Dialect::Messages => {
            let content = list(&said["content"]);
            content.iter().filter(|block| block["type"] == "tool_use").map(|told| call(&told["id"], &told["name"])).collect()
        }
        _ => {
            let parts = list(&said["parts"]);
            parts
                .iter()
                .map(|part| &part["functionCall"])
                .filter(|told| told.is_object())
                .map(|told| call(&told["id"], &told["name"]))
                .collect()
        }
    }
}

fn append(place: &mut Value, more: &Value) {
    if let Some(more) = more.as_str() {
        *place = Value::String(format!("{}{more}", place.as_str().unwrap_or_default()));
    }
}

/// The message that chunks make.
fn gathered_message(chunks: &[Value]) -> Value {
    let mut message = json!({"role": "assistant", "content": null});
    for delta in chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]) {
        ["content", "reasoning_content"]
            .iter()
            .filter(|name| delta[**name].is_string())
            .for_each(|name| append(&mut message[*name], &delta[*name]));
        for name in ["reasoning_details", "tool_calls"] {
            for piece in delta[name].as_array().into_iter().flatten() {
                if !message[name].is_array() {
                    message[name] = json!([]);
                }
                let list = message[name].as_array_mut().unwrap();
                match list.iter_mut().find(|known| name == "tool_calls" && known["index"] == piece["index"]) {
                    Some(known) => append(&mut known["function"]["arguments"], &piece["function"]["arguments"]),
                    None => list.push(piece.clone()),
                }
            }
        }
    }
    message
}

/// The blocks that events make.
fn gathered_blocks(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut input = String::new();
    for event in events {
        let delta = &event["delta"];
        match event["type"].as_str().unwrap() {
            "content_block_start" => blocks.push(event["content_block"].clone()),
            "content_block_delta" => {
                let block = blocks.last_mut().unwrap();
                ["text", "thinking", "signature"].iter().for_each(|name| append(&mut block[*name], &delta[*name]));
                input.push_str(delta["partial_json"].as_str().unwrap_or_default());
                block.as_object_mut().unwrap().retain(|_, field| !field.is_null());
            }
            "content_block_stop" if !input.is_empty() => {
                blocks.last_mut().unwrap()["input"] = serde_json::from_str(&std::mem::take(&mut input)).unwrap();
            }
            _ => {}
        }
    }
    blocks
}

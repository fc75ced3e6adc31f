//! What a request means, in whichever dialect it is written.

use causeway::wire::base64;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub struct Meaning {
    pub system: String,
    /// Neighbours of one role are one turn.
    pub turns: Vec<(bool, Vec<Item>)>,
    pub tools: Vec<(String, Value)>,
    pub choice: Option<String>,
    pub max: Option<u64>,
    pub numbers: Vec<(&'static str, f64)>,
    pub stop: Vec<String>,
    pub format: Option<Value>,
    calls: Vec<(String, String)>,
    answered: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Text(String),
    Bytes(String, String),
    Link(String),
    Call(String, Value),
    /// By the number of the call in the conversation.
    Result(usize, String),
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// What is said, less how it is spaced: some dialects join texts.
fn words(text: &str) -> String {
    text.split_whitespace().collect()
}

fn arguments(told: &Value) -> Value {
    match told.as_str() {
        Some("") => json!({}),
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| panic!("arguments that are no JSON: {text}")),
        None => told.clone(),
    }
}

fn address(url: &str) -> Item {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((kind, data)) => bytes(kind, data),
        None => Item::Link(url.to_owned()),
    }
}

fn bytes(kind: &str, data: &str) -> Item {
    let data = data.replace('-', "+").replace('_', "/");
    match kind {
        "image/jpg" => Item::Bytes("image/jpeg".to_owned(), data),
        "audio/mp3" => Item::Bytes("audio/mpeg".to_owned(), data),
        "text/plain" | "application/txt" => Item::Text(words(&String::from_utf8(base64::decode(&data).unwrap()).unwrap())),
        kind => Item::Bytes(kind.to_owned(), data),
    }
}

/// Names that come in two spellings, in the one that most use.
fn in_camel_case(value: &Value) -> Value {
    const NAMES: [&str; 23] = [
        "systemInstruction",
        "generationConfig",
        "inlineData",
        "mimeType",
        "fileData",
        "fileUri",
        "functionCall",
        "functionResponse",
        "functionDeclarations",
        "toolConfig",
        "functionCallingConfig",
        "allowedFunctionNames",
        "maxOutputTokens",
        "topP",
        "topK",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "parametersJsonSchema",
        "thoughtSignature",
        "presencePenalty",
        "frequencyPenalty",
    ];
    let camel = |name: &String| {
        NAMES.iter().find(|known| known.to_lowercase() == name.replace('_', "")).map_or_else(|| name.clone(), |known| (*known).to_owned())
    };
    match value {
        Value::Object(fields) => Value::Object(fields.iter().map(|(name, inner)| (camel(name), in_camel_case(inner))).collect()),
        Value::Array(items) => Value::Array(items.iter().map(in_camel_case).collect()),
        other => other.clone(),
    }
}

impl Meaning {
    pub fn of(dialect: &str, body: &Value) -> Self {
        let mut meaning = Self::default();
        match dialect {
            "chat" => meaning.chat(body),
            "messages" => meaning.messages(body),
            "responses" => meaning.responses(body),
            "gemini" => meaning.gemini(body),
            "converse" => meaning.converse(body),
            "cohere" => meaning.cohere(body),
            other => panic!("no dialect {other}"),
        }
        for (_, items) in &mut meaning.turns {
            // Results may stand in the order of the calls or of the caller.
            items.sort_by_key(|item| if let Item::Result(place, _) = item { *place } else { usize::MAX });
        }
        meaning
    }

    fn say(&mut self, assistant: bool, items: Vec<Item>) {
        if self.turns.last().is_none_or(|(last, _)| *last != assistant) {
            self.turns.push((assistant, Vec::new()));
        }
        let (_, said) = self.turns.last_mut().unwrap();
        for item in items {
            match (said.last_mut(), item) {
                // Our own words before what a result's message has no place for.
                (_, Item::Text(more)) if more.is_empty() || more.starts_with("Whatthetoolcall") => {}
                (Some(Item::Text(text)), Item::Text(more)) => text.push_str(&more),
                (_, item) => said.push(item),
            }
        }
    }

    fn instruct(&mut self, told: &Value) {
        self.system += &words(&told.as_str().map_or_else(|| list(told).iter().map(|part| text(&part["text"])).collect(), str::to_owned));
    }

    fn call(&mut self, id: &str, name: &str, input: &Value) -> Item {
        self.calls.push((id.to_owned(), name.to_owned()));
        Item::Call(name.to_owned(), arguments(input))
    }

    fn result(&self, id: &str, said: String) -> Item {
        let place = self.calls.iter().position(|(known, _)| known == id);
        Item::Result(place.unwrap_or_else(|| panic!("a result of no call: {id} in {:?}", self.calls)), words(&said))
    }

    fn numbers(&mut self, body: &Value, names: &[(&'static str, &str)]) {
        for (known, name) in names {
            if let Some(number) = body[*name].as_f64() {
                self.numbers.push((known, number));
            }
        }
    }

    fn chat(&mut self, body: &Value) {
        let messages = list(&body["messages"]);
        for (at, message) in messages.iter().enumerate() {
            let content = &message["content"];
            let role = |at: Option<usize>| at.and_then(|at| messages.get(at)).and_then(|message| message["role"].as_str());
            // Stands between what a tool gave and the next question, where one must.
            if content == "OK." && role(at.checked_sub(1)) == Some("tool") && role(Some(at + 1)) == Some("user") {
                continue;
            }
            let mut items: Vec<Item> = match content.as_str() {
                Some(said) => vec![Item::Text(words(said))],
                None => list(content).iter().map(part_of_chat).collect(),
            };
            match message["role"].as_str().unwrap() {
                "system" | "developer" => self.instruct(content),
                "user" => self.say(false, items),
                "tool" => {
                    let said = items
                        .iter()
                        .map(|item| if let Item::Text(text) = item { text.clone() } else { panic!("{item:?} in a tool's message") })
                        .collect();
                    let result = self.result(message["tool_call_id"].as_str().unwrap(), said);
                    self.say(false, vec![result]);
                }
                "assistant" => {
                    items.push(Item::Text(words(&text(&message["refusal"]))));
                    for call in list(&message["tool_calls"]) {
                        assert_eq!(call["type"], "function");
                        items.push(self.call(
                            call["id"].as_str().unwrap(),
                            call["function"]["name"].as_str().unwrap(),
                            &call["function"]["arguments"],
                        ));
                    }
                    self.say(true, items);
                }
                other => panic!("no role {other}"),
            }
        }
        for tool in list(&body["tools"]) {
            self.tools.push((text(&tool["function"]["name"]), tool["function"]["parameters"].clone()));
        }
        self.choice = match &body["tool_choice"] {
            Value::Null => None,
            Value::String(word) => Some(if word == "any" { "required".to_owned() } else { word.clone() }),
            choice if choice["type"] == "allowed_tools" => {
                let allowed: Vec<_> = list(&choice["allowed_tools"]["tools"]).iter().map(|tool| text(&tool["function"]["name"])).collect();
                self.tools.retain(|(name, _)| allowed.contains(name));
                Some(text(&choice["allowed_tools"]["mode"]))
            }
            choice => Some(format!("named {}", choice["function"]["name"].as_str().unwrap())),
        };
        self.max = body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64());
        self.numbers(
            body,
            &[
                ("temperature", "temperature"),
                ("top_p", "top_p"),
                ("top_k", "top_k"),
                ("seed", "seed"),
                ("seed", "random_seed"),
                ("frequency_penalty", "frequency_penalty"),
                ("presence_penalty", "presence_penalty"),
            ],
        );
        self.stop = stops(&body["stop"]);
        self.format = match body["response_format"]["type"].as_str() {
            Some("json_object") => Some(json!("json")),
            Some("json_schema") => Some(body["response_format"]["json_schema"]["schema"].clone()),
            _ => None,
        };
    }

    fn messages(&mut self, body: &Value) {
        self.instruct(&body["system"]);
        for message in list(&body["messages"]) {
            let mut items = Vec::new();
            match message["content"].as_str() {
                Some(said) => items.push(Item::Text(words(said))),
                None => {
                    for block in list(&message["content"]) {
                        match block["type"].as_str().unwrap() {
                            "text" => items.push(Item::Text(words(&text(&block["text"])))),
                            "image" | "document" => items.push(source(&block["source"])),
                            "tool_use" => {
                                items.push(self.call(block["id"].as_str().unwrap(), block["name"].as_str().unwrap(), &block["input"]))
                            }
                            "tool_result" => {
                                let (said, media) = split(&block["content"], source_of_block);
                                items.push(self.result(block["tool_use_id"].as_str().unwrap(), failed(said, block["is_error"] == true)));
                                items.extend(media);
                            }
                            "thinking" | "redacted_thinking" => {}
                            other => panic!("no block {other}"),
                        }
                    }
                }
            }
            self.say(message["role"] == "assistant", items);
        }
        for tool in list(&body["tools"]) {
            self.tools.push((text(&tool["name"]), tool["input_schema"].clone()));
        }
        self.choice = match body["tool_choice"]["type"].as_str() {
            Some("any") => Some("required".to_owned()),
            Some("tool") => Some(format!("named {}", body["tool_choice"]["name"].as_str().unwrap())),
            word => word.map(str::to_owned),
        };
        self.max = body["max_tokens"].as_u64();
        self.numbers(body, &[("temperature", "temperature"), ("top_p", "top_p"), ("top_k", "top_k")]);
        self.stop = stops(&body["stop_sequences"]);
        self.format = Some(body["output_config"]["format"]["schema"].clone()).filter(|schema| !schema.is_null());
    }

    fn responses(&mut self, body: &Value) {
        self.instruct(&body["instructions"]);
        if let Some(input) = body["input"].as_str() {
            self.say(false, vec![Item::Text(words(input))]);
        }
        for item in list(&body["input"]) {
            let said = |content: &Value| match content.as_str() {
                Some(said) => vec![Item::Text(words(said))],
                None => list(content).iter().map(part_of_responses).collect(),
            };
            match item["type"].as_str().unwrap_or("message") {
                "message" => match item["role"].as_str().unwrap() {
                    "system" | "developer" => self.instruct(&item["content"]),
                    role => self.say(role == "assistant", said(&item["content"])),
                },
                "function_call" => {
                    let call = self.call(item["call_id"].as_str().unwrap(), item["name"].as_str().unwrap(), &item["arguments"]);
                    self.say(true, vec![call]);
                }
                "function_call_output" => {
                    let (texts, media): (Vec<Item>, Vec<Item>) =
                        said(&item["output"]).into_iter().partition(|item| matches!(item, Item::Text(_)));
                    let texts = texts.iter().map(|item| if let Item::Text(text) = item { text.as_str() } else { "" }).collect();
                    let mut items = vec![self.result(item["call_id"].as_str().unwrap(), texts)];
                    items.extend(media);
                    self.say(false, items);
                }
                "reasoning" => {}
                other => panic!("no item {other}"),
            }
        }
        for tool in list(&body["tools"]) {
            self.tools.push((text(&tool["name"]), tool["parameters"].clone()));
        }
        self.choice = match &body["tool_choice"] {
            Value::Object(choice) => Some(format!("named {}", choice["name"].as_str().unwrap())),
            word => word.as_str().map(str::to_owned),
        };
        self.max = body["max_output_tokens"].as_u64();
        self.numbers(body, &[("temperature", "temperature"), ("top_p", "top_p")]);
        self.format = match body["text"]["format"]["type"].as_str() {
            Some("json_object") => Some(json!("json")),
            Some("json_schema") => Some(body["text"]["format"]["schema"].clone()),
            _ => None,
        };
    }

    fn gemini(&mut self, body: &Value) {
        let body = &in_camel_case(body);
        self.instruct(&body["systemInstruction"]["parts"]);
        for content in list(&body["contents"]) {
            let mut items = Vec::new();
            for part in list(&content["parts"]) {
                let item =
                    if let Some(said) = part["text"].as_str() {
                        Item::Text(words(said))
                    } else if let Some(blob) = part.get("inlineData") {
                        bytes(blob["mimeType"].as_str().unwrap(), blob["data"].as_str().unwrap())
                    } else if let Some(file) = part.get("fileData") {
                        Item::Link(text(&file["fileUri"]))
                    } else if let Some(call) = part.get("functionCall") {
                        let id = format!("call {}", self.calls.len());
                        self.call(&id, call["name"].as_str().unwrap(), call.get("args").unwrap_or(&json!("")))
                    } else if let Some(result) = part.get("functionResponse") {
                        let name = result["name"].as_str().unwrap();
                        let taken = |place: usize| items.iter().any(|item| matches!(item, Item::Result(known, _) if *known == place));
                        let place = self
                            .calls
                            .iter()
                            .enumerate()
                            .find(|(place, (_, known))| known == name && !taken(*place) && !self.answered.contains(place))
                            .unwrap()
                            .0;
                        items.extend(list(&result["parts"]).iter().map(|part| {
                            bytes(part["inlineData"]["mimeType"].as_str().unwrap(), part["inlineData"]["data"].as_str().unwrap())
                        }));
                        self.answered.push(place);
                        Item::Result(place, words(&response(&result["response"])))
                    } else {
                        panic!("no part {part}")
                    };
                items.push(item);
            }
            self.say(content["role"] == "model", items);
        }
        for tool in list(&body["tools"]) {
            for function in list(&tool["functionDeclarations"]) {
                let schema = function.get("parametersJsonSchema").or(function.get("parameters")).cloned().unwrap_or_default();
                self.tools.push((text(&function["name"]), schema));
            }
        }
        let calling = &body["toolConfig"]["functionCallingConfig"];
        self.choice = match (calling["mode"].as_str(), calling["allowedFunctionNames"][0].as_str()) {
            (Some("ANY"), Some(name)) => Some(format!("named {name}")),
            (Some("ANY"), None) => Some("required".to_owned()),
            (mode, _) => mode.map(str::to_ascii_lowercase),
        };
        let config = &body["generationConfig"];
        self.max = config["maxOutputTokens"].as_u64();
        self.numbers(
            config,
            &[
                ("temperature", "temperature"),
                ("top_p", "topP"),
                ("top_k", "topK"),
                ("seed", "seed"),
                ("frequency_penalty", "frequencyPenalty"),
                ("presence_penalty", "presencePenalty"),
            ],
        );
        self.stop = stops(&config["stopSequences"]);
        let json = (config["responseMimeType"] == "application/json").then(|| json!("json"));
        self.format = config.get("responseJsonSchema").or(config.get("responseSchema")).cloned().or(json);
    }

    fn converse(&mut self, body: &Value) {
        let system: Vec<Value> = list(&body["system"]).into_iter().filter(|block| block.get("text").is_some()).collect();
        self.instruct(&json!(system));
        for message in list(&body["messages"]) {
            let mut items = Vec::new();
            for block in list(&message["content"]) {
                let (kind, inner) = block.as_object().unwrap().iter().next().unwrap();
                match kind.as_str() {
                    "text" => items.push(Item::Text(words(&text(inner)))),
                    "toolUse" => {
                        items.push(self.call(inner["toolUseId"].as_str().unwrap(), inner["name"].as_str().unwrap(), &inner["input"]))
                    }
                    "toolResult" => {
                        let (said, media) = split(&inner["content"], |block| {
                            block.as_object().and_then(|block| block.iter().next()).and_then(|(kind, inner)| medium(kind, inner))
                        });
                        items.push(self.result(inner["toolUseId"].as_str().unwrap(), failed(said, inner["status"] == "error")));
                        items.extend(media);
                    }
                    "cachePoint" | "reasoningContent" => {}
                    kind => items.push(medium(kind, inner).unwrap()),
                }
            }
            self.say(message["role"] == "assistant", items);
        }
        for tool in list(&body["toolConfig"]["tools"]).iter().filter(|tool| tool.get("toolSpec").is_some()) {
            self.tools.push((text(&tool["toolSpec"]["name"]), tool["toolSpec"]["inputSchema"]["json"].clone()));
        }
        let choice = body["toolConfig"]["toolChoice"].as_object().and_then(|choice| choice.iter().next());
        self.choice = choice.map(|(kind, inner)| match kind.as_str() {
            "any" => "required".to_owned(),
            "tool" => format!("named {}", inner["name"].as_str().unwrap()),
            kind => kind.to_owned(),
        });
        let config = &body["inferenceConfig"];
        self.max = config["maxTokens"].as_u64();
        self.numbers(config, &[("temperature", "temperature"), ("top_p", "topP")]);
        self.numbers(&body["additionalModelRequestFields"], &[("top_k", "top_k")]);
        self.numbers(&body["additionalModelRequestFields"]["inferenceConfig"], &[("top_k", "topK")]);
        self.stop = stops(&config["stopSequences"]);
        let schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str();
        self.format = schema.map(|schema| serde_json::from_str(schema).unwrap());
    }

    fn cohere(&mut self, body: &Value) {
        let mut as_chat = body.clone();
        let tool_choice = as_chat["tool_choice"].as_str().map(str::to_ascii_lowercase);
        as_chat["tool_choice"] = json!(tool_choice);
        self.chat(&as_chat);
        self.numbers(body, &[("top_p", "p"), ("top_k", "k")]);
        self.stop = stops(&body["stop_sequences"]);
        let format = &body["response_format"];
        self.format = (format["type"] == "json_object").then(|| format.get("json_schema").cloned().unwrap_or_else(|| json!("json")));
    }
}

fn part_of_chat(part: &Value) -> Item {
    match part["type"].as_str().unwrap() {
        "text" => Item::Text(words(&text(&part["text"]))),
        "refusal" => Item::Text(words(&text(&part["refusal"]))),
        "image_url" => address(part["image_url"]["url"].as_str().or(part["image_url"].as_str()).unwrap()),
        "document_url" => address(part["document_url"].as_str().unwrap()),
        "file_url" => bytes("application/pdf", part["file_url"]["url"].as_str().unwrap()),
        "file" => address(part["file"]["file_data"].as_str().unwrap()),
        "input_audio" => bytes(
            &format!("audio/{}", part["input_audio"]["format"].as_str().unwrap_or("wav")),
            part["input_audio"]["data"].as_str().or(part["input_audio"].as_str()).unwrap(),
        ),
        "thinking" => Item::Text(String::new()),
        other => panic!("no part {other}"),
    }
}

fn part_of_responses(part: &Value) -> Item {
    match part["type"].as_str().unwrap() {
        "input_text" | "output_text" => Item::Text(words(&text(&part["text"]))),
        "input_image" => address(part["image_url"].as_str().unwrap()),
        "input_file" => address(part["file_data"].as_str().or(part["file_url"].as_str()).unwrap()),
        other => panic!("no part {other}"),
    }
}

fn source(source: &Value) -> Item {
    match source["type"].as_str().unwrap() {
        "base64" => bytes(source["media_type"].as_str().unwrap(), source["data"].as_str().unwrap()),
        "url" => Item::Link(text(&source["url"])),
        "text" => Item::Text(words(&text(&source["data"]))),
        other => panic!("no source {other}"),
    }
}

fn source_of_block(block: &Value) -> Option<Item> {
    block.get("source").map(source)
}

fn medium(kind: &str, inner: &Value) -> Option<Item> {
    let format = inner["format"].as_str()?;
    if let Some(text) = inner["source"]["text"].as_str() {
        return Some(Item::Text(words(text)));
    }
    let media_type = match kind {
        "image" => format!("image/{format}"),
        "audio" => format!("audio/{format}"),
        _ => format!("application/{format}"),
    };
    Some(bytes(&media_type, inner["source"]["bytes"].as_str()?))
}

/// The texts of a result, and its media.
fn split(content: &Value, medium: impl Fn(&Value) -> Option<Item>) -> (String, Vec<Item>) {
    if let Some(said) = content.as_str() {
        return (said.to_owned(), Vec::new());
    }
    let blocks = list(content);
    (blocks.iter().map(|block| text(&block["text"])).collect(), blocks.iter().filter_map(medium).collect())
}

fn failed(said: String, failed: bool) -> String {
    if failed { format!("Error: {said}") } else { said }
}

/// Objects that only wrap a text are that text.
fn response(response: &Value) -> String {
    let fields = response.as_object().unwrap();
    match fields.iter().next() {
        Some((name, inner)) if fields.len() == 1 && ["output", "result", "error"].contains(&name.as_str()) => {
            failed(inner.as_str().map_or_else(|| inner.to_string(), str::to_owned), name == "error")
        }
        _ => response.to_string(),
    }
}

fn stops(told: &Value) -> Vec<String> {
    told.as_str().map_or_else(|| list(told).iter().map(text).collect(), |stop| vec![stop.to_owned()])
}

/// What neither says nor wants anything.
fn plain_schema(schema: &Value) -> Value {
    const TYPES: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];
    let word = |kind: &Value| match kind {
        Value::String(word) => json!(word.to_ascii_lowercase()),
        Value::Number(number) => json!(TYPES[usize::try_from(number.as_u64().unwrap()).unwrap()]),
        other => other.clone(),
    };
    match schema {
        Value::Null => json!({ "type": "object", "properties": {} }),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "propertyOrdering" | "property_ordering"));
            Value::Object(
                kept.map(|(name, inner)| (name.clone(), if name == "type" { word(inner) } else { plain_schema(inner) })).collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(plain_schema).collect()),
        other => other.clone(),
    }
}

impl Meaning {
    /// What `told` does not say as this does. Of knobs, those that are named as dropped may be missing or changed.
    pub fn differences(&self, told: &Meaning, dropped: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let is_dropped = |names: &[&str]| {
            names.iter().any(|name| dropped.split(", ").any(|word| word.split(['>', '<', '=', '.']).any(|word| word == *name)))
        };
        let instructed = is_dropped(&["response_format"]) && told.system.len() > self.system.len();
        // Instructions alone are no conversation to some.
        let alone = self.turns.is_empty();
        if alone && told.turns.len() == 1 {
            return wrong;
        }
        if !told.system.starts_with(&self.system) && !instructed {
            wrong.push(format!("system {:?} became {:?}", self.system, told.system));
        }
        let shown = |meaning: &Meaning| {
            meaning
                .turns
                .iter()
                .map(|(role, items)| format!("{role}: {}", items.iter().map(shown).collect::<Vec<_>>().join(", ")))
                .collect::<Vec<_>>()
        };
        if shown(self) != shown(told) {
            wrong.push(format!("turns {:?} became {:?}", shown(self), shown(told)));
        }
        let tools = |meaning: &Meaning| meaning.tools.iter().map(|(name, schema)| (name.clone(), plain_schema(schema))).collect::<Vec<_>>();
        let chosen = self.choice.as_deref().and_then(|choice| choice.strip_prefix("named ")).map(str::to_owned);
        let narrowed: Vec<_> = tools(self).into_iter().filter(|(name, _)| Some(name) == chosen.as_ref()).collect();
        let only_chosen = tools(told) == narrowed && told.choice.as_deref() == Some("required");
        let gone = self.choice.as_deref() == Some("none") && told.tools.is_empty();
        let stubs = self.tools.is_empty() && !self.calls.is_empty();
        if tools(self) != tools(told) && !only_chosen && !gone && !stubs && !is_dropped(&["tools"]) {
            wrong.push(format!("tools {:?} became {:?}", tools(self), tools(told)));
        }
        let choice = self.choice.clone().filter(|choice| choice != "auto");
        if choice != told.choice.clone().filter(|choice| choice != "auto") && !only_chosen && !gone && !is_dropped(&["tool_choice"]) {
            wrong.push(format!("choice {:?} became {:?}", self.choice, told.choice));
        }
        let default = self.max.is_none() && told.max.is_some_and(|max| max >= 4096);
        let least = self.max.is_some_and(|max| max < 16) && told.max == Some(16);
        if self.max != told.max && !default && !least {
            wrong.push(format!("max {:?} became {:?}", self.max, told.max));
        }
        for (name, number) in &self.numbers {
            if !told.numbers.contains(&(name, *number)) && !is_dropped(&[name]) {
                wrong.push(format!("{name} {number} became {:?}", told.numbers));
            }
        }
        for (name, number) in told.numbers.iter().filter(|(name, _)| !self.numbers.iter().any(|(known, _)| known == name)) {
            wrong.push(format!("{name} {number} came from nowhere"));
        }
        if self.stop != told.stop && !is_dropped(&["stop", "stop_sequences", "stopSequences"]) {
            wrong.push(format!("stop {:?} became {:?}", self.stop, told.stop));
        }
        // A JSON mode may be asked for in words.
        let in_words = self.format == Some(json!("json")) && told.system.len() > self.system.len();
        // Any object, where only schemas are known.
        let as_schema = self.format == Some(json!("json")) && told.format == Some(json!({ "type": "object" }));
        if self.format.as_ref().map(plain_schema) != told.format.as_ref().map(plain_schema)
            && !as_schema
            && !in_words
            && !is_dropped(&["response_format", "output_config", "generationConfig", "text"])
        {
            wrong.push(format!("format {:?} became {:?}", self.format, told.format));
        }
        wrong
    }
}

fn shown(item: &Item) -> String {
    match item {
        Item::Bytes(kind, data) => format!("{}:{data}", kind.rsplit('/').next().unwrap()),
        Item::Result(place, said) => format!("result {place}: {}", said.trim_start_matches("Error:")),
        other => format!("{other:?}"),
    }
}

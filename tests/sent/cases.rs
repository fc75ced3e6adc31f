//! What callers ask, each in its own dialect: one thing at a time, so that a failure tells which.

use serde_json::{Value, json};

/// A name, and the body less the model.
pub type Case = (&'static str, Value);

/// A picture of one pixel, and the beginnings of a file and a sound.
pub const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
pub const PDF: &str = "JVBERi0xLjQKJcOkw7zDtsOfCg==";
pub const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA";
const LINK: &str = "https://pictures.example/cat.jpg";

/// All that schemas are made of.
pub fn nested() -> Value {
    json!({
        "type": "object",
        "$defs": { "place": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false } },
        "properties": {
            "where": { "$ref": "#/$defs/place" },
            "unit": { "type": "string", "enum": ["c", "f"], "description": "Of the temperature" },
            "when": { "anyOf": [{ "type": "string", "format": "date" }, { "type": "null" }] },
            "days": { "type": "array", "items": { "type": "integer", "minimum": 1, "exclusiveMaximum": 8 }, "minItems": 1 },
            "kind": { "const": "weather" },
        },
        "required": ["where", "unit", "when", "days", "kind"],
        "additionalProperties": false,
    })
}

pub fn answer_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "age": { "type": ["integer", "null"] }, "tags": { "type": "array", "items": { "type": "string" } } },
        "required": ["name", "age", "tags"],
        "additionalProperties": false,
    })
}

fn flat() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

fn with(mut body: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub mod chat {
    use super::*;

    fn hi() -> Value {
        json!({ "messages": [{ "role": "user", "content": "Say hi to Zoë." }] })
    }

    fn tool(name: &str, parameters: Value) -> Value {
        json!({ "type": "function", "function": { "name": name, "description": "Tells it.", "parameters": parameters } })
    }

    fn tools() -> Value {
        json!([tool("weather", flat()), tool("time", flat())])
    }

    fn called() -> Value {
        json!({ "role": "assistant", "content": null, "tool_calls": [
            { "id": "call_abcDEF123", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Bern\"}" } },
            { "id": "call_xyz789", "type": "function", "function": { "name": "time", "arguments": "{\"city\":\"Rome\"}" } },
        ]})
    }

    fn loops(results: Value) -> Value {
        let mut messages = vec![json!({ "role": "user", "content": "Weather in Bern, time in Rome?" }), called()];
        messages.extend(results.as_array().unwrap().iter().cloned());
        json!({ "messages": messages, "tools": tools() })
    }

    fn shown(part: Value) -> Value {
        json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "What is this?" }, part] }] })
    }

    pub fn cases() -> Vec<Case> {
        let mut cases = vec![
            ("text", hi()),
            ("system", json!({ "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Hi" }] })),
            ("developer", json!({ "messages": [{ "role": "developer", "content": "Be kind." }, { "role": "user", "content": "Hi" }] })),
            (
                "system-parts",
                json!({ "messages": [{ "role": "system", "content": [{ "type": "text", "text": "One." }, { "type": "text", "text": "Two." }] }, { "role": "user", "content": [{ "type": "text", "text": "Hi" }] }] }),
            ),
            (
                "multi-turn",
                json!({ "messages": [
                { "role": "system", "content": "Be brief." }, { "role": "user", "content": "My name is Ada." },
                { "role": "assistant", "content": "Hello Ada." }, { "role": "user", "content": "What is my name?" }] }),
            ),
            ("two-users", json!({ "messages": [{ "role": "user", "content": "One" }, { "role": "user", "content": "Two" }] })),
            (
                "late-system",
                json!({ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hello" }, { "role": "system", "content": "Now in French." }, { "role": "user", "content": "Again" }] }),
            ),
            ("named", json!({ "messages": [{ "role": "user", "name": "ada", "content": "Hi" }] })),
            ("image-data", shown(json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PNG}") } }))),
            (
                "image-detail",
                shown(json!({ "type": "image_url", "image_url": { "url": format!("data:image/jpg;base64,{PNG}"), "detail": "high" } })),
            ),
            ("image-link", shown(json!({ "type": "image_url", "image_url": { "url": LINK, "detail": "low" } }))),
            (
                "file-pdf",
                shown(
                    json!({ "type": "file", "file": { "filename": "my.report_2.pdf", "file_data": format!("data:application/pdf;base64,{PDF}") } }),
                ),
            ),
            ("audio", shown(json!({ "type": "input_audio", "input_audio": { "data": WAV, "format": "wav" } }))),
            ("tools", with(hi(), json!({ "tools": [tool("weather", nested()), tool("time", flat())] }))),
            ("tool-bare", with(hi(), json!({ "tools": [{ "type": "function", "function": { "name": "now" } }] }))),
            ("tool-empty", with(hi(), json!({ "tools": [tool("now", json!({ "type": "object", "properties": {} }))] }))),
            (
                "tool-strict",
                with(
                    hi(),
                    json!({ "tools": [{ "type": "function", "function": { "name": "weather", "strict": true, "parameters": nested() } }] }),
                ),
            ),
            ("parallel-off", with(hi(), json!({ "tools": tools(), "parallel_tool_calls": false }))),
            ("parallel-on", with(hi(), json!({ "tools": tools(), "parallel_tool_calls": true }))),
            (
                "allowed-tools",
                with(
                    hi(),
                    json!({ "tools": tools(), "tool_choice": { "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [{ "type": "function", "function": { "name": "time" } }] } } }),
                ),
            ),
            (
                "results",
                loops(
                    json!([{ "role": "tool", "tool_call_id": "call_abcDEF123", "content": "{\"temp\":21}" }, { "role": "tool", "tool_call_id": "call_xyz789", "content": "noon" }]),
                ),
            ),
            (
                "results-swapped",
                loops(
                    json!([{ "role": "tool", "tool_call_id": "call_xyz789", "content": "noon" }, { "role": "tool", "tool_call_id": "call_abcDEF123", "content": [{ "type": "text", "text": "sunny" }] }]),
                ),
            ),
            (
                "results-said",
                loops(
                    json!([{ "role": "tool", "tool_call_id": "call_abcDEF123", "content": "" }, { "role": "tool", "tool_call_id": "call_xyz789", "content": "noon" }, { "role": "user", "content": "And now?" }]),
                ),
            ),
            (
                "results-answered",
                loops(
                    json!([{ "role": "tool", "tool_call_id": "call_abcDEF123", "content": "a" }, { "role": "tool", "tool_call_id": "call_xyz789", "content": "b" }, { "role": "assistant", "content": "Both." }, { "role": "user", "content": "Thanks" }]),
                ),
            ),
            (
                "call-no-arguments",
                json!({ "tools": tools(), "messages": [{ "role": "user", "content": "Go" },
                { "role": "assistant", "content": "Let me see.", "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "time", "arguments": "" } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "noon" }] }),
            ),
            (
                "history-without-tools",
                json!({ "messages": [{ "role": "user", "content": "Go" }, called(), { "role": "tool", "tool_call_id": "call_abcDEF123", "content": "a" }, { "role": "tool", "tool_call_id": "call_xyz789", "content": "b" }] }),
            ),
            (
                "history-choice-none",
                with(
                    loops(
                        json!([{ "role": "tool", "tool_call_id": "call_abcDEF123", "content": "a" }, { "role": "tool", "tool_call_id": "call_xyz789", "content": "b" }]),
                    ),
                    json!({ "tool_choice": "none" }),
                ),
            ),
            (
                "json-schema",
                with(
                    hi(),
                    json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "person", "strict": true, "schema": answer_schema() } } }),
                ),
            ),
            (
                "json-schema-loose",
                with(
                    hi(),
                    json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "person", "description": "One person", "schema": answer_schema() } } }),
                ),
            ),
            (
                "json-object",
                json!({ "messages": [{ "role": "user", "content": "Some JSON, please." }], "response_format": { "type": "json_object" } }),
            ),
            ("format-text", with(hi(), json!({ "response_format": { "type": "text" } }))),
            ("stop-word", with(hi(), json!({ "stop": "END" }))),
            ("stop-list", with(hi(), json!({ "stop": ["END", "\n\nUser:"] }))),
            ("max-tokens", with(hi(), json!({ "max_tokens": 50 }))),
            ("max-completion-tokens", with(hi(), json!({ "max_completion_tokens": 60 }))),
            ("max-tokens-few", with(hi(), json!({ "max_tokens": 5 }))),
            (
                "sampling",
                with(hi(), json!({ "temperature": 0.2, "top_p": 0.9, "seed": 7, "frequency_penalty": 0.5, "presence_penalty": 0.25 })),
            ),
            ("temperature", with(hi(), json!({ "temperature": 0 }))),
            ("temperature-high", with(hi(), json!({ "temperature": 1.8 }))),
            ("top-p", with(hi(), json!({ "top_p": 0.5 }))),
            ("penalties", with(hi(), json!({ "frequency_penalty": -0.5, "presence_penalty": 1.5 }))),
            ("logprobs", with(hi(), json!({ "logprobs": true, "top_logprobs": 2, "logit_bias": { "50256": -100 } }))),
            (
                "sdk-defaults",
                with(
                    hi(),
                    json!({ "n": 1, "user": "u-1", "store": false, "metadata": { "a": "b" }, "service_tier": "auto", "safety_identifier": "s", "prompt_cache_key": "k", "verbosity": "low", "modalities": ["text"] }),
                ),
            ),
            (
                "thought",
                json!({ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hello", "reasoning_content": "A greeting." }, { "role": "user", "content": "Again" }] }),
            ),
            (
                "thought-and-called",
                json!({ "tools": tools(), "messages": [{ "role": "user", "content": "Hi" },
                { "role": "assistant", "content": null, "reasoning_content": "I must look.", "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "time", "arguments": "{\"city\":\"Rome\"}" } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "noon" }] }),
            ),
            (
                "signed",
                json!({ "tools": tools(), "messages": [{ "role": "user", "content": "Hi" },
                { "role": "assistant", "content": null, "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "time", "arguments": "{\"city\":\"Rome\"}" }, "extra_content": { "google": { "thought_signature": "c2lnbmVk" } } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "noon" }] }),
            ),
            (
                "refused",
                json!({ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": null, "refusal": "I will not." }, { "role": "user", "content": "Please" }] }),
            ),
            (
                "cached",
                json!({ "messages": [{ "role": "system", "content": [{ "type": "text", "text": "Long.", "cache_control": { "type": "ephemeral" } }] }, { "role": "user", "content": "Hi" }] }),
            ),
            ("stream", with(hi(), json!({ "stream": true }))),
            ("stream-usage", with(hi(), json!({ "stream": true, "stream_options": { "include_usage": true } }))),
        ];
        for choice in ["auto", "none", "required"] {
            cases.push((word("choice", choice), with(hi(), json!({ "tools": tools(), "tool_choice": choice }))));
        }
        cases.push((
            "choice-named",
            with(hi(), json!({ "tools": tools(), "tool_choice": { "type": "function", "function": { "name": "time" } } })),
        ));
        for effort in ["none", "minimal", "low", "medium", "high", "xhigh", "max"] {
            cases.push((word("effort", effort), with(hi(), json!({ "reasoning_effort": effort }))));
        }
        cases.push(("effort-bounded", with(hi(), json!({ "reasoning_effort": "high", "max_completion_tokens": 3000 }))));
        cases
    }
}

/// Names live as long as the tests.
fn word(kind: &str, word: &str) -> &'static str {
    Box::leak(format!("{kind}-{word}").into_boxed_str())
}

pub mod messages {
    use super::*;

    fn hi() -> Value {
        json!({ "max_tokens": 300, "messages": [{ "role": "user", "content": "Say hi." }] })
    }

    fn shown(part: Value) -> Value {
        json!({ "max_tokens": 300, "messages": [{ "role": "user", "content": [part, { "type": "text", "text": "What is this?" }] }] })
    }

    fn tools() -> Value {
        json!([{ "name": "weather", "description": "Tells it.", "input_schema": flat() }, { "name": "time", "description": "Tells it.", "input_schema": flat() }])
    }

    fn loops(results: Value) -> Value {
        json!({ "max_tokens": 300, "tools": tools(), "messages": [{ "role": "user", "content": "Go" },
            { "role": "assistant", "content": [{ "type": "text", "text": "Looking." }, { "type": "tool_use", "id": "toolu_01A", "name": "weather", "input": { "city": "Bern" } }, { "type": "tool_use", "id": "toolu_01B", "name": "time", "input": { "city": "Rome" } }] },
            { "role": "user", "content": results }] })
    }

    pub fn cases() -> Vec<Case> {
        let mut cases = vec![
            ("text", hi()),
            ("system", with(hi(), json!({ "system": "Be brief." }))),
            (
                "system-blocks",
                with(
                    hi(),
                    json!({ "system": [{ "type": "text", "text": "One." }, { "type": "text", "text": "Two.", "cache_control": { "type": "ephemeral" } }] }),
                ),
            ),
            (
                "multi-turn",
                json!({ "max_tokens": 300, "messages": [{ "role": "user", "content": "I am Ada." }, { "role": "assistant", "content": "Hello Ada." }, { "role": "user", "content": [{ "type": "text", "text": "Who am I?" }] }] }),
            ),
            ("image-data", shown(json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } }))),
            ("image-link", shown(json!({ "type": "image", "source": { "type": "url", "url": LINK } }))),
            (
                "file-pdf",
                shown(
                    json!({ "type": "document", "title": "Report 1.0", "source": { "type": "base64", "media_type": "application/pdf", "data": PDF } }),
                ),
            ),
            (
                "file-text",
                shown(json!({ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "Plain words." } })),
            ),
            ("tools", with(hi(), json!({ "tools": [{ "name": "weather", "input_schema": nested() }] }))),
            (
                "results",
                loops(
                    json!([{ "type": "tool_result", "tool_use_id": "toolu_01A", "content": "sunny" }, { "type": "tool_result", "tool_use_id": "toolu_01B", "content": [{ "type": "text", "text": "noon" }] }]),
                ),
            ),
            (
                "results-swapped",
                loops(
                    json!([{ "type": "tool_result", "tool_use_id": "toolu_01B", "content": "noon" }, { "type": "tool_result", "tool_use_id": "toolu_01A", "content": "sunny" }, { "type": "text", "text": "So?" }]),
                ),
            ),
            (
                "results-failed",
                loops(
                    json!([{ "type": "tool_result", "tool_use_id": "toolu_01A", "is_error": true, "content": "no such city" }, { "type": "tool_result", "tool_use_id": "toolu_01B" }]),
                ),
            ),
            (
                "results-image",
                loops(
                    json!([{ "type": "tool_result", "tool_use_id": "toolu_01A", "content": [{ "type": "text", "text": "see" }, { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } }] }, { "type": "tool_result", "tool_use_id": "toolu_01B", "content": "noon" }]),
                ),
            ),
            ("choice-auto", with(hi(), json!({ "tools": tools(), "tool_choice": { "type": "auto" } }))),
            ("choice-any", with(hi(), json!({ "tools": tools(), "tool_choice": { "type": "any" } }))),
            ("choice-none", with(hi(), json!({ "tools": tools(), "tool_choice": { "type": "none" } }))),
            (
                "choice-tool",
                with(
                    hi(),
                    json!({ "tools": tools(), "tool_choice": { "type": "tool", "name": "time", "disable_parallel_tool_use": true } }),
                ),
            ),
            ("json-schema", with(hi(), json!({ "output_config": { "format": { "type": "json_schema", "schema": answer_schema() } } }))),
            ("stop", with(hi(), json!({ "stop_sequences": ["END", "STOP"] }))),
            ("sampling", with(hi(), json!({ "temperature": 0.3, "top_k": 40 }))),
            ("top-p", with(hi(), json!({ "top_p": 0.9 }))),
            (
                "budget",
                json!({ "max_tokens": 5000, "thinking": { "type": "enabled", "budget_tokens": 2048 }, "messages": [{ "role": "user", "content": "Think." }] }),
            ),
            (
                "adaptive",
                json!({ "max_tokens": 5000, "thinking": { "type": "adaptive" }, "output_config": { "effort": "high" }, "messages": [{ "role": "user", "content": "Think." }] }),
            ),
            ("unthinking", with(hi(), json!({ "thinking": { "type": "disabled" } }))),
            (
                "thought",
                json!({ "max_tokens": 5000, "tools": tools(), "thinking": { "type": "enabled", "budget_tokens": 1024 }, "messages": [{ "role": "user", "content": "Go" },
                { "role": "assistant", "content": [{ "type": "thinking", "thinking": "I look.", "signature": "c2lnbmF0dXJl" }, { "type": "redacted_thinking", "data": "b3BhcXVl" }, { "type": "tool_use", "id": "toolu_01A", "name": "time", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_01A", "content": "noon" }] }] }),
            ),
            ("metadata", with(hi(), json!({ "metadata": { "user_id": "u-1" } }))),
            (
                "cached",
                with(
                    loops(
                        json!([{ "type": "tool_result", "tool_use_id": "toolu_01A", "content": "a", "cache_control": { "type": "ephemeral" } }, { "type": "tool_result", "tool_use_id": "toolu_01B", "content": "b" }]),
                    ),
                    json!({ "system": [{ "type": "text", "text": "Long.", "cache_control": { "type": "ephemeral", "ttl": "1h" } }] }),
                ),
            ),
            ("stream", with(hi(), json!({ "stream": true }))),
        ];
        for effort in ["low", "medium", "high", "xhigh", "max"] {
            cases.push((word("effort", effort), with(hi(), json!({ "output_config": { "effort": effort } }))));
        }
        cases
    }
}

pub mod responses {
    use super::*;

    fn hi() -> Value {
        json!({ "input": "Say hi." })
    }

    fn shown(part: Value) -> Value {
        json!({ "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "What is this?" }, part] }] })
    }

    fn tools() -> Value {
        json!([{ "type": "function", "name": "weather", "description": "Tells it.", "parameters": flat(), "strict": false }, { "type": "function", "name": "time", "description": "Tells it.", "parameters": flat(), "strict": false }])
    }

    fn loops(outputs: Value) -> Value {
        let mut input = vec![
            json!({ "type": "message", "role": "user", "content": "Go" }),
            json!({ "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{ "type": "output_text", "text": "Looking.", "annotations": [] }] }),
            json!({ "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Bern\"}", "status": "completed" }),
            json!({ "type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "time", "arguments": "{\"city\":\"Rome\"}" }),
        ];
        input.extend(outputs.as_array().unwrap().iter().cloned());
        json!({ "tools": tools(), "input": input })
    }

    pub fn cases() -> Vec<Case> {
        vec![
            ("text", hi()),
            ("instructions", with(hi(), json!({ "instructions": "Be brief." }))),
            ("developer", json!({ "input": [{ "role": "developer", "content": "Be kind." }, { "role": "user", "content": "Hi" }] })),
            (
                "multi-turn",
                json!({ "input": [{ "role": "user", "content": "I am Ada." }, { "role": "assistant", "content": "Hello Ada." }, { "role": "user", "content": "Who am I?" }] }),
            ),
            ("image-data", shown(json!({ "type": "input_image", "detail": "auto", "image_url": format!("data:image/png;base64,{PNG}") }))),
            ("image-link", shown(json!({ "type": "input_image", "detail": "low", "image_url": LINK }))),
            (
                "file-pdf",
                shown(json!({ "type": "input_file", "filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{PDF}") })),
            ),
            ("tools", with(hi(), json!({ "tools": [{ "type": "function", "name": "weather", "parameters": nested(), "strict": true }] }))),
            (
                "results",
                loops(
                    json!([{ "type": "function_call_output", "call_id": "call_1", "output": "sunny" }, { "type": "function_call_output", "call_id": "call_2", "output": "noon" }]),
                ),
            ),
            (
                "results-swapped",
                loops(
                    json!([{ "type": "function_call_output", "call_id": "call_2", "output": "noon" }, { "type": "function_call_output", "call_id": "call_1", "output": [{ "type": "input_text", "text": "sunny" }] }, { "role": "user", "content": "So?" }]),
                ),
            ),
            ("choice-required", with(hi(), json!({ "tools": tools(), "tool_choice": "required", "parallel_tool_calls": false }))),
            ("choice-none", with(hi(), json!({ "tools": tools(), "tool_choice": "none" }))),
            ("choice-named", with(hi(), json!({ "tools": tools(), "tool_choice": { "type": "function", "name": "time" } }))),
            (
                "json-schema",
                with(
                    hi(),
                    json!({ "text": { "format": { "type": "json_schema", "name": "person", "strict": true, "schema": answer_schema() } } }),
                ),
            ),
            ("json-object", json!({ "input": "Some JSON", "text": { "format": { "type": "json_object" } } })),
            ("bounds", with(hi(), json!({ "max_output_tokens": 100, "temperature": 0.4 }))),
            ("effort-low", with(hi(), json!({ "reasoning": { "effort": "low", "summary": "auto" } }))),
            ("effort-high", with(hi(), json!({ "reasoning": { "effort": "high" } }))),
            ("effort-none", with(hi(), json!({ "reasoning": { "effort": "none" } }))),
            (
                "sdk-extras",
                with(
                    hi(),
                    json!({ "store": false, "include": ["reasoning.encrypted_content"], "truncation": "auto", "metadata": { "a": "b" }, "user": "u-1" }),
                ),
            ),
            (
                "thought",
                json!({ "tools": tools(), "input": [{ "role": "user", "content": "Go" }, { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "I look." }], "encrypted_content": "ZW5jcnlwdGVk" }, { "type": "function_call", "call_id": "call_1", "name": "time", "arguments": "{}" }, { "type": "function_call_output", "call_id": "call_1", "output": "noon" }] }),
            ),
            ("stream", with(hi(), json!({ "stream": true }))),
        ]
    }
}

pub mod gemini {
    use super::*;

    fn hi() -> Value {
        json!({ "contents": [{ "role": "user", "parts": [{ "text": "Say hi." }] }] })
    }

    fn shown(part: Value) -> Value {
        json!({ "contents": [{ "role": "user", "parts": [{ "text": "What is this?" }, part] }] })
    }

    fn tools() -> Value {
        json!([{ "functionDeclarations": [{ "name": "weather", "description": "Tells it.", "parameters": { "type": "OBJECT", "properties": { "city": { "type": "STRING" } }, "required": ["city"] } }, { "name": "time", "description": "Tells it.", "parametersJsonSchema": flat() }] }])
    }

    fn loops(results: Value) -> Value {
        json!({ "tools": tools(), "contents": [{ "role": "user", "parts": [{ "text": "Go" }] },
            { "role": "model", "parts": [{ "text": "Looking." }, { "functionCall": { "name": "weather", "args": { "city": "Bern" } }, "thoughtSignature": "c2lnbmVk" }, { "functionCall": { "name": "time", "args": { "city": "Rome" } } }] },
            { "role": "user", "parts": results }] })
    }

    fn choice(config: Value) -> Value {
        with(hi(), json!({ "tools": tools(), "toolConfig": { "functionCallingConfig": config } }))
    }

    pub fn cases() -> Vec<Case> {
        vec![
            ("text", hi()),
            ("system", with(hi(), json!({ "systemInstruction": { "parts": [{ "text": "Be brief." }] } }))),
            (
                "multi-turn",
                json!({ "contents": [{ "role": "user", "parts": [{ "text": "I am Ada." }] }, { "role": "model", "parts": [{ "text": "Hello Ada." }] }, { "role": "user", "parts": [{ "text": "Who am I?" }] }] }),
            ),
            ("image-data", shown(json!({ "inlineData": { "mimeType": "image/png", "data": PNG } }))),
            ("image-link", shown(json!({ "fileData": { "mimeType": "image/jpeg", "fileUri": LINK } }))),
            ("file-pdf", shown(json!({ "inlineData": { "mimeType": "application/pdf", "data": PDF } }))),
            ("audio", shown(json!({ "inlineData": { "mimeType": "audio/wav", "data": WAV } }))),
            (
                "tools",
                with(hi(), json!({ "tools": [{ "functionDeclarations": [{ "name": "weather", "parametersJsonSchema": nested() }] }] })),
            ),
            (
                "results",
                loops(
                    json!([{ "functionResponse": { "name": "weather", "response": { "result": "sunny" } } }, { "functionResponse": { "name": "time", "response": { "hour": 12 } } }]),
                ),
            ),
            (
                "results-swapped",
                loops(
                    json!([{ "functionResponse": { "name": "time", "response": { "output": "noon" } } }, { "functionResponse": { "name": "weather", "response": { "error": "no such city" } } }]),
                ),
            ),
            ("choice-auto", choice(json!({ "mode": "AUTO" }))),
            ("choice-any", choice(json!({ "mode": "ANY" }))),
            ("choice-none", choice(json!({ "mode": "NONE" }))),
            ("choice-named", choice(json!({ "mode": "ANY", "allowedFunctionNames": ["time"] }))),
            (
                "json-schema",
                with(
                    hi(),
                    json!({ "generationConfig": { "responseMimeType": "application/json", "responseJsonSchema": answer_schema() } }),
                ),
            ),
            ("json-object", with(hi(), json!({ "generationConfig": { "responseMimeType": "application/json" } }))),
            (
                "sampling",
                with(
                    hi(),
                    json!({ "generationConfig": { "temperature": 0.3, "topP": 0.9, "maxOutputTokens": 200, "seed": 7, "stopSequences": ["END"] } }),
                ),
            ),
            (
                "budget",
                with(hi(), json!({ "generationConfig": { "thinkingConfig": { "thinkingBudget": 2048, "includeThoughts": true } } })),
            ),
            ("level", with(hi(), json!({ "generationConfig": { "thinkingConfig": { "thinkingLevel": "low" } } }))),
        ]
    }
}

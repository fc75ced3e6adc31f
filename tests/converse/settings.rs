//! What the model is told beside the conversation: tools, bounds, formats, thinking.

use super::*;
use causeway::wire::ThinkingStyle;

const NOVA: &str = "us.amazon.nova-2-lite-v1:0";
const GPT: &str = "openai.gpt-oss-120b-1:0";

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "Does", "parameters": {"type": "object", "properties": {}}}})
}

fn spec(name: &str) -> Value {
    json!({"toolSpec": {"name": name, "description": "Does", "inputSchema": {"json": {"type": "object", "properties": {}}}}})
}

#[test]
fn schemas_keep_their_bytes() {
    let schema = r##"{"type":"object","properties":{"z":{"type":"number","minimum":1.0},"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{}},"required":["z"]}"##;
    let body = format!(
        r#"{{"model":"{CLAUDE}","messages":[{{"role":"user","content":"Hi"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
    );
    let request = chat::decode_request(body.as_bytes()).unwrap();
    let sent = encode_request(&request, &Abilities::default(), &mut Losses::default()).unwrap();
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains(&format!(r#"{{"name":"f","inputSchema":{{"json":{schema}}}}}"#)), "{sent}");
    assert!(!sent.contains("model"), "{sent}");
}

#[test]
fn every_choice_among_tools_has_its_word() {
    let named = json!({"type": "function", "function": {"name": "f"}});
    let table = [
        (Value::Null, None),
        (json!("auto"), Some(json!({"auto": {}}))),
        (json!("required"), Some(json!({"any": {}}))),
        (named, Some(json!({"tool": {"name": "f"}}))),
    ];
    for (choice, expected) in table {
        let body = sent(&chat_request(json!({"tools": [tool("f"), tool("g")], "tool_choice": choice})));
        assert_eq!(body["toolConfig"]["tools"], json!([spec("f"), spec("g")]));
        assert_eq!(body["toolConfig"].get("toolChoice"), expected.as_ref());
    }
}

#[test]
fn a_choice_of_none_takes_the_tools_away_unless_the_history_needs_them() {
    let history = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "old", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "Done"},
    ]);
    let (body, losses) = sent_with(&chat_request(json!({"tools": [tool("f")], "tool_choice": "none"})), Abilities::default());
    assert_eq!((body.get("toolConfig"), losses.len()), (None, 0));
    let asked = chat_request(json!({"messages": history, "tools": [tool("f")], "tool_choice": "none"}));
    let (body, losses) = sent_with(&asked, Abilities::default());
    assert_eq!(body["toolConfig"], json!({"tools": [spec("f")]}));
    assert_eq!(losses, ["tool_choice"]);
    // Without any tools, those of the history stand in.
    let (body, losses) = sent_with(&chat_request(json!({"messages": history})), Abilities::default());
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "old");
    assert_eq!((body["toolConfig"].get("toolChoice"), losses.len()), (None, 0));
}

#[test]
fn descriptions_are_never_blank_and_strictness_needs_a_model_that_knows_it() {
    let strict = json!({"tools": [{"type": "function", "function": {"name": "f", "description": " ", "strict": true}}]});
    let bare = json!({"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}});
    let (body, losses) = sent_with(&chat_request(strict.clone()), Abilities::default());
    let mut expected = bare.clone();
    expected["strict"] = json!(true);
    assert_eq!((&body["toolConfig"]["tools"][0]["toolSpec"], losses.len()), (&expected, 0));
    let (body, losses) = sent_with(&chat_request(strict), Abilities { json_schema: false, ..Abilities::default() });
    assert_eq!((&body["toolConfig"]["tools"][0]["toolSpec"], losses), (&bare, vec!["strict".to_owned()]));
}

#[test]
fn one_call_at_a_time_is_said_in_the_words_of_the_model_that_has_them() {
    let asked = |model: &str, choice: Value| {
        chat_request(json!({"model": model, "tools": [tool("f")], "tool_choice": choice, "parallel_tool_calls": false}))
    };
    for choice in [Value::Null, json!("auto")] {
        let (body, losses) = sent_with(&asked(CLAUDE, choice), Abilities::default());
        assert_eq!(body["additionalModelRequestFields"], json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}));
        // Both together are refused.
        assert_eq!((body["toolConfig"].get("toolChoice"), losses.len()), (None, 0));
    }
    for (model, choice) in [(NOVA, json!("auto")), (CLAUDE, json!("required"))] {
        let (body, losses) = sent_with(&asked(model, choice), Abilities::default());
        assert_eq!((body.get("additionalModelRequestFields"), losses), (None, vec!["parallel_tool_calls".to_owned()]), "{model}");
    }
}

#[test]
fn bounds_and_sampling_go_where_they_belong() {
    let knobs = json!({"max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "stop": ["END", "\n"]});
    let asked = |model: &str| {
        let mut body = knobs.clone();
        body["model"] = json!(model);
        chat_request(body)
    };
    let (body, losses) = sent_with(&asked(CLAUDE), Abilities::default());
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}));
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 20}));
    assert_eq!(body["additionalModelResponseFieldPaths"], json!(["/stop_sequence"]));
    assert_eq!(losses, ["stop"]);
    let (body, losses) = sent_with(&asked(NOVA), Abilities::default());
    assert_eq!(body["inferenceConfig"]["stopSequences"], json!(["END", "\n"]));
    assert_eq!(body["additionalModelRequestFields"], json!({"inferenceConfig": {"topK": 20}}));
    assert_eq!((body.get("additionalModelResponseFieldPaths"), losses.len()), (None, 0));
    let (_, losses) = sent_with(&asked(GPT), Abilities::default());
    assert_eq!(losses, ["top_k"]);
    let warm = chat_request(json!({"temperature": 1.6}));
    let (body, losses) = sent_with(&warm, Abilities::default());
    assert_eq!((&body["inferenceConfig"], losses), (&json!({"temperature": 1.0}), vec!["temperature>1".to_owned()]));
}

#[test]
fn thinking_is_asked_for_as_the_model_understands_it() {
    let style = |thinking| Abilities { thinking, ..Abilities::default() };
    let high = json!({"reasoning_effort": "high", "max_tokens": 40_000});
    let of = |model: &str| json!({"model": model, "reasoning_effort": "high"});
    let table = [
        (high.clone(), ThinkingStyle::Budget, json!({"thinking": {"type": "enabled", "budget_tokens": 16_384}})),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}, "max_tokens": 4_000}),
            ThinkingStyle::Budget,
            json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}}),
        ),
        (
            json!({"reasoning_effort": "high", "max_tokens": 2_000}),
            ThinkingStyle::Budget,
            json!({"thinking": {"type": "enabled", "budget_tokens": 1_500}}),
        ),
        (high.clone(), ThinkingStyle::Effort, json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})),
        (json!({"reasoning_effort": "none"}), ThinkingStyle::Effort, json!({"thinking": {"type": "disabled"}})),
        (json!({"reasoning_effort": "none"}), ThinkingStyle::Budget, Value::Null),
        (of(GPT), ThinkingStyle::Word, json!({"reasoning_effort": "high"})),
        (of(NOVA), ThinkingStyle::Word, json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}})),
        (json!({"model": NOVA, "reasoning_effort": "none"}), ThinkingStyle::Word, Value::Null),
        (
            json!({"reasoning_effort": "high", "tools": [tool("f")], "tool_choice": "required"}),
            ThinkingStyle::Effort,
            json!({"output_config": {"effort": "high"}}),
        ),
    ];
    for (asked, thinking, expected) in table {
        let (body, losses) = sent_with(&chat_request(asked.clone()), style(thinking));
        assert_eq!((&body["additionalModelRequestFields"], losses.len()), (&expected, 0), "{asked}");
    }
    let (body, _) = sent_with(&chat_request(json!({"reasoning_effort": "low"})), style(ThinkingStyle::Budget));
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 1_024 + 4_096}));
}

#[test]
fn thinking_that_cannot_be_had_is_named() {
    let unsigned = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "Done"},
    ]);
    let table = [
        (json!({"reasoning_effort": "high"}), ThinkingStyle::None),
        (json!({"reasoning_effort": "high", "max_tokens": 1_100}), ThinkingStyle::Budget),
        (json!({"reasoning_effort": "high", "tools": [tool("f")], "tool_choice": "required"}), ThinkingStyle::Budget),
        (json!({"reasoning_effort": "high", "tools": [tool("f")], "messages": unsigned}), ThinkingStyle::Budget),
    ];
    for (asked, thinking) in table {
        let (body, losses) = sent_with(&chat_request(asked.clone()), Abilities { thinking, ..Abilities::default() });
        assert_eq!((body.get("additionalModelRequestFields"), losses), (None, vec!["reasoning_effort".to_owned()]), "{asked}");
    }
    // It thinks its hardest only where nothing bounds it, so the caller's bound stays and the thinking is less.
    let nova = chat_request(json!({"model": NOVA, "reasoning_effort": "high", "max_tokens": 500}));
    let (body, losses) = sent_with(&nova, Abilities { thinking: ThinkingStyle::Word, ..Abilities::default() });
    assert_eq!(body["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"], "medium");
    assert_eq!((&body["inferenceConfig"], losses), (&json!({"maxTokens": 500}), vec!["reasoning_effort>medium".to_owned()]));
}

#[test]
fn sampling_gives_way_to_thinking() {
    let asked = chat_request(json!({"reasoning_effort": "high", "temperature": 0.2, "top_p": 0.5, "top_k": 5, "max_tokens": 20_000}));
    let (body, losses) = sent_with(&asked, Abilities { thinking: ThinkingStyle::Budget, ..Abilities::default() });
    assert_eq!(
        (&body["inferenceConfig"], losses),
        (&json!({"maxTokens": 20_000}), ["temperature", "top_p", "top_k"].map(str::to_owned).to_vec())
    );
}

#[test]
fn a_schema_for_the_answer_goes_as_a_string_or_else_in_words() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let asked =
        chat_request(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "out", "strict": true, "schema": schema}}}));
    let (body, losses) = sent_with(&asked, Abilities::default());
    let told = &body["outputConfig"]["textFormat"];
    assert_eq!((&told["type"], &told["structure"]["jsonSchema"]["name"]), (&json!("json_schema"), &json!("out")));
    let text = told["structure"]["jsonSchema"]["schema"].as_str().unwrap();
    assert_eq!((serde_json::from_str::<Value>(text).unwrap(), losses.len()), (schema.clone(), 0));
    let (body, losses) = sent_with(&asked, Abilities { json_schema: false, ..Abilities::default() });
    let words = body["system"][0]["text"].as_str().unwrap();
    assert!(words.contains("\"additionalProperties\":false"), "{words}");
    assert_eq!((body.get("outputConfig"), losses), (None, vec!["response_format".to_owned()]));
    let plain = sent(&chat_request(json!({"response_format": {"type": "json_object"}})));
    assert!(plain["system"][0]["text"].as_str().unwrap().contains("JSON"));
}

#[test]
fn knobs_that_are_lacking_are_named_and_several_answers_refused() {
    let knobs = json!({"seed": 1, "frequency_penalty": 0.1, "presence_penalty": 0.1, "user": "u", "logit_bias": {"1": 2}, "n": 1, "modalities": ["text"]});
    let (_, mut losses) = sent_with(&chat_request(knobs), Abilities::default());
    losses.sort();
    assert_eq!(losses, ["frequency_penalty", "logit_bias", "presence_penalty", "seed", "user"]);
    assert!(refused(&chat_request(json!({"n": 2}))).contains("one answer"));
    assert!(refused(&chat_request(json!({"modalities": ["text", "audio"]}))).contains("ask for text"));
}

#[test]
fn fields_of_the_dialect_pass_and_the_models_own_go_before_ours() {
    let (body, losses) = sent_with(
        &chat_request(json!({
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
            "service_tier": "flex",
            "top_k": 3,
            "additionalModelRequestFields": {"top_k": 7, "anthropic_beta": ["b"]},
        })),
        Abilities::default(),
    );
    assert_eq!(body["guardrailConfig"], json!({"guardrailIdentifier": "g", "guardrailVersion": "1"}));
    assert_eq!(body["serviceTier"], json!({"type": "flex"}));
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 7, "anthropic_beta": ["b"]}));
    assert!(losses.is_empty(), "{losses:?}");
}

//! Settings: how they are read, in what form they are sent, and which of them a target lacks.

use super::*;
use causeway::wire::ThinkingStyle;

/// A field of the body that a provider of the same dialect gets.
fn sent(fields: Value, name: &str) -> Value {
    let (sent, losses) = encoded(&decoded(&body(fields)), true, Abilities::default());
    assert!(losses.is_empty(), "{losses:?}");
    sent[name].clone()
}

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

fn custom(name: &str) -> Value {
    json!({"type": "custom", "custom": {"name": name}})
}

#[test]
fn every_form_of_answer_is_read_and_sent() {
    let schema = json!({"type": "object", "properties": {}});
    let named = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}});
    let unnamed = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
    let table = [
        (json!(null), json!(null)),
        (json!({"type": "text"}), json!(null)),
        (json!({"type": "json_object"}), json!({"type": "json_object"})),
        (named.clone(), named),
        (json!({"type": "json_schema", "json_schema": {"schema": schema}}), unnamed.clone()),
        (json!({"type": "json_schema", "schema": schema}), unnamed.clone()),
        (json!({"type": "json_object", "schema": schema}), unnamed),
    ];
    for (format, expected) in table {
        assert_eq!(sent(json!({"response_format": format}), "response_format"), expected, "{format}");
    }
}

#[test]
fn every_choice_of_tools_is_read_and_sent() {
    let tools = json!([function("f"), function("g"), custom("c")]);
    let table = [
        (json!(null), json!(null)),
        (json!("auto"), json!("auto")),
        (json!("none"), json!("none")),
        (json!("required"), json!("required")),
        (json!("any"), json!("required")),
        (function("g"), function("g")),
        (json!({"function": {"name": "g"}}), function("g")),
        (custom("c"), custom("c")),
    ];
    for (choice, expected) in table {
        assert_eq!(sent(json!({"tools": tools, "tool_choice": choice}), "tool_choice"), expected, "{choice}");
        assert_eq!(sent(json!({"tools": tools, "tool_choice": choice}), "tools"), tools);
    }
    // Without tools there is nothing to choose.
    assert_eq!(sent(json!({"tools": [], "tool_choice": "auto", "parallel_tool_calls": true}), "tool_choice"), json!(null));
}

#[test]
fn a_choice_among_some_tools_takes_the_others_away() {
    let tools = json!([function("f"), function("g"), custom("c"), custom("d")]);
    let table = [
        (json!({"mode": "auto", "tools": [function("g"), custom("c")]}), json!([function("g"), custom("c")]), "auto"),
        (json!({"mode": "required", "tools": [{"type": "function", "name": "f"}]}), json!([function("f")]), "required"),
        (json!({"tools": [custom("d")]}), json!([custom("d")]), "auto"),
    ];
    for (allowed, kept, mode) in table {
        let fields = json!({"tools": tools, "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}});
        assert_eq!((sent(fields.clone(), "tools"), sent(fields, "tool_choice")), (kept, json!(mode)), "{allowed}");
    }
}

#[test]
fn functions_of_old_become_tools() {
    let fields = |choice: Value| json!({"functions": [{"name": "f", "description": "d", "parameters": {"type": "object"}}], "function_call": choice});
    let tool = json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]);
    assert_eq!(sent(fields(json!(null)), "tools"), tool);
    for (choice, expected) in [(json!("auto"), json!("auto")), (json!("none"), json!("none")), (json!({"name": "f"}), function("f"))] {
        assert_eq!(sent(fields(choice), "tool_choice"), expected);
    }
}

#[test]
fn every_wish_for_thinking_is_understood() {
    let of = |effort, budget| Some(Reasoning { effort, budget });
    let table = [
        (json!({"reasoning_effort": "none"}), of(Some(Effort::None), None)),
        (json!({"reasoning_effort": "minimal"}), of(Some(Effort::Minimal), None)),
        (json!({"reasoning_effort": "low"}), of(Some(Effort::Low), None)),
        (json!({"reasoning_effort": "medium"}), of(Some(Effort::Medium), None)),
        (json!({"reasoning_effort": "high"}), of(Some(Effort::High), None)),
        (json!({"reasoning_effort": "xhigh"}), of(Some(Effort::XHigh), None)),
        (json!({"reasoning_effort": null}), None),
        (json!({"reasoning_effort": "default"}), None),
        (json!({"reasoning": {"effort": "low", "exclude": true}}), of(Some(Effort::Low), None)),
        (json!({"reasoning": {"max_tokens": 2000}}), of(None, Some(2_000))),
        (json!({"reasoning": {"enabled": false}}), of(Some(Effort::None), None)),
        (json!({"reasoning": {"enabled": true}}), of(None, None)),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}), of(None, Some(2_000))),
        (json!({"thinking": {"type": "disabled"}}), of(Some(Effort::None), None)),
    ];
    for (fields, expected) in table {
        assert_eq!(decoded(&body(fields.clone())).reasoning, expected, "{fields}");
    }
}

#[test]
fn a_wish_for_thinking_is_sent_in_the_words_it_came_in() {
    let table = [
        (json!({"reasoning_effort": "default"}), "reasoning_effort", json!("default")),
        (json!({"reasoning_effort": "max"}), "reasoning_effort", json!("max")),
        (json!({"reasoning": {"effort": "low"}}), "reasoning_effort", json!("low")),
        (json!({"reasoning": {"effort": "low", "exclude": true}}), "reasoning", json!({"effort": "low", "exclude": true})),
        (json!({"reasoning": {"max_tokens": 9, "summary": "auto"}}), "reasoning", json!({"max_tokens": 9, "summary": "auto"})),
        (
            json!({"thinking": {"type": "enabled", "clear_thinking": false}}),
            "thinking",
            json!({"type": "enabled", "clear_thinking": false}),
        ),
        (json!({"reasoning_effort": "high", "thinking": {"type": "enabled"}}), "thinking", json!({"type": "enabled"})),
    ];
    for (fields, name, expected) in table {
        assert_eq!(sent(fields.clone(), name), expected, "{fields}");
    }
}

#[test]
fn thinking_is_asked_for_as_the_model_understands_it() {
    let asked = |reasoning, thinking| {
        let request = Request { reasoning: Some(reasoning), ..decoded(&body(json!({}))) };
        let (body, losses) = encoded(&request, false, Abilities { thinking, ..Abilities::default() });
        (body["reasoning_effort"].clone(), losses.join(","))
    };
    let effort = |effort| Reasoning { effort: Some(effort), budget: None };
    let budget = |tokens| Reasoning { effort: None, budget: Some(tokens) };
    use ThinkingStyle::{Budget, Effort as Word, None as Never};
    let table = [
        (effort(Effort::Low), Word, json!("low"), ""),
        (effort(Effort::None), Word, json!("none"), ""),
        (effort(Effort::Max), Word, json!("xhigh"), ""),
        (budget(3_000), Word, json!("medium"), ""),
        (Reasoning::default(), Word, json!(null), ""),
        (effort(Effort::High), Never, json!(null), "thinking"),
        (effort(Effort::None), Never, json!(null), ""),
        (budget(0), Never, json!(null), ""),
        (budget(3_000), Budget, json!(null), "thinking"),
    ];
    for (reasoning, style, word, lost) in table {
        assert_eq!(asked(reasoning, style), (word, lost.to_owned()), "{reasoning:?} {style:?}");
    }
}

#[test]
fn knobs_that_a_target_lacks_are_named() {
    let every = json!({
        "temperature": 1.0, "top_p": 1.0, "top_k": 3, "frequency_penalty": 0.1, "presence_penalty": 0.1, "seed": 1,
        "stop": ["a", "b", "c", "d", "e"], "reasoning_effort": "high", "logit_bias": {}, "metadata": {},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    });
    let request = decoded(&body(every));
    let least = Abilities { thinking: ThinkingStyle::None, sampling: false, json_schema: false, ..Abilities::default() };
    let sampling = ["temperature", "top_p", "frequency_penalty", "presence_penalty"];
    let own = ["stop", "response_format.json_schema", "reasoning_effort"];
    let foreign = ["top_k", "stop_sequences", "response_format.json_schema", "thinking", "logit_bias", "metadata"];
    let table = [
        (true, Abilities::default(), vec!["stop"]),
        (true, least, [&sampling[..], &own[..]].concat()),
        (false, Abilities::default(), vec!["top_k", "stop_sequences", "logit_bias", "metadata"]),
        (false, least, [&sampling[..], &foreign[..]].concat()),
    ];
    for (same_dialect, abilities, expected) in table {
        let (body, losses) = encoded(&request, same_dialect, abilities);
        assert_eq!(losses, expected, "{same_dialect} {abilities:?}");
        for name in losses.iter().filter(|name| !["stop", "response_format.json_schema"].contains(&name.as_str())) {
            assert!(body.get(name).is_none(), "{name} is lost, yet sent");
        }
        assert_eq!((&body["stop"], &body["seed"]), (&json!(["a", "b", "c", "d"]), &json!(1)));
        let format = if abilities.json_schema { "json_schema" } else { "json_object" };
        assert_eq!(body["response_format"]["type"], format);
    }
}

#[test]
fn limits_and_roles_go_by_the_names_the_provider_knows() {
    let request = decoded(&body(json!({"max_tokens": 5, "messages": [{"role": "developer", "content": "x"}]})));
    for known in [true, false] {
        let (body, _) = encoded(&request, true, Abilities { completion_bound: known, developer_role: known, ..Abilities::default() });
        let (bound, other, role) =
            if known { ("max_completion_tokens", "max_tokens", "developer") } else { ("max_tokens", "max_completion_tokens", "system") };
        assert_eq!((&body[bound], body.get(other), &body["messages"][0]["role"]), (&json!(5), None, &json!(role)));
    }
    let both = decoded(&body(json!({"max_tokens": 5, "max_completion_tokens": 7})));
    assert_eq!(both.max_tokens, Some(7));
}

#[test]
fn a_stream_always_tells_its_usage_to_us() {
    let table = [
        (json!({"stream": true}), true, false, json!({"include_usage": true})),
        (json!({"stream": true, "stream_options": {"include_usage": false}}), true, false, json!({"include_usage": true})),
        (json!({"stream": true, "stream_options": {"include_usage": true}}), true, true, json!({"include_usage": true})),
        (json!({"stream": false}), false, false, json!(null)),
    ];
    for (fields, stream, seen, options) in table {
        let request = decoded(&body(fields));
        assert_eq!((request.stream, request.stream_usage), (stream, seen));
        assert_eq!(encoded(&request, true, Abilities::default()).0["stream_options"], options);
    }
}

#[test]
fn one_choice_is_what_there_is_anyway() {
    assert!(decoded(&body(json!({"n": 1}))).extras.is_empty());
    assert_eq!(sent(json!({"n": 3}), "n"), json!(3));
}

#[test]
fn a_foreign_conversation_is_arranged_as_the_provider_wants_it() {
    let result = |id: &str, parts: Vec<Part>, is_error| Part::ToolResult(ToolResult { call_id: id.into(), parts, is_error, cache: None });
    let source = Source::Inline { media_type: "image/png".into(), data: "AA==".into() };
    let picture = || Part::Media(Media { kind: MediaKind::Image, source: source.clone(), name: None, detail: None, cache: None });
    let mark = serde_json::value::to_raw_value(&json!({"type": "ephemeral"})).unwrap();
    let marked = Part::Text(Text { text: "marked".into(), citations: vec![], cache: Some(mark) });
    let thinking = Part::Thinking(Thinking { text: "hm".into(), signature: Some("s".into()), redacted: None });
    let request = Request {
        model: "m".into(),
        turns: vec![
            turn(Role::System, vec![marked]),
            turn(Role::Assistant, vec![thinking, call("c1", "f", ""), call("c2", "f", "{}")]),
            turn(Role::User, vec![Part::text("and?"), result("c1", vec![Part::text("a"), picture()], false), result("c2", vec![], true)]),
        ],
        ..Request::default()
    };
    let told = |abilities| {
        let (body, losses) = encoded(&request, false, abilities);
        (body["messages"].clone(), losses.join(","))
    };
    let arguments = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut expected = json!([
        {"role": "system", "content": "marked"},
        {"role": "assistant", "content": null, "tool_calls": [arguments("c1"), arguments("c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: "},
        {"role": "user", "content": [
            {"type": "text", "text": "and?"},
            {"type": "text", "text": "What the tool call c1 gave:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        ]}
    ]);
    assert_eq!(told(Abilities::default()), (expected.clone(), "thinking".to_owned()));
    expected[1]["reasoning_content"] = json!("hm");
    assert_eq!(told(Abilities { replay_thinking: true, ..Abilities::default() }), (expected, String::new()));
}

#[test]
fn what_the_provider_cannot_take_is_an_error_that_says_so() {
    let raw = serde_json::value::to_raw_value(&json!({})).unwrap();
    let media = |kind, source| Part::Media(Media { kind, source, name: None, detail: None, cache: None });
    let inline = |media_type: &str| Source::Inline { media_type: media_type.into(), data: "AA==".into() };
    let native = |kind: &str| Part::Native(Native { kind: kind.into(), raw: raw.clone() });
    let result = |part| Part::ToolResult(ToolResult { call_id: "c".into(), parts: vec![part], is_error: false, cache: None });
    let table = [
        (Role::User, native("search_result"), "`search_result`"),
        (Role::Assistant, native("server_tool_use"), "`server_tool_use`"),
        (Role::Assistant, native("audio"), "`audio`"),
        (Role::User, result(native("tool_reference")), "`tool_reference`"),
        (Role::User, media(MediaKind::Document, Source::Url("https://a.org".into())), "no file by URL"),
        (Role::User, media(MediaKind::Image, Source::File("f".into())), "no image by file id"),
        (Role::User, media(MediaKind::Audio, Source::Url("https://a.org".into())), "audio as bytes"),
        (Role::User, media(MediaKind::Audio, inline("audio/flac")), "not audio/flac"),
    ];
    for (role, part, words) in table {
        let request = Request { turns: vec![turn(role, vec![part])], ..Request::default() };
        let error = encode_request(&request, false, &Abilities::default(), &mut Losses::default()).unwrap_err();
        assert!(error.status == 400 && error.message.contains(words), "{}", error.message);
        assert_eq!(error.param.as_deref(), Some("messages"));
    }
    let request = Request { tools: vec![Tool::Native { kind: "web_search".into(), raw }], ..Request::default() };
    let error = encode_request(&request, false, &Abilities::default(), &mut Losses::default()).unwrap_err();
    assert_eq!((error.status, error.param.as_deref(), error.message.contains("`web_search`")), (400, Some("tools"), true));
}

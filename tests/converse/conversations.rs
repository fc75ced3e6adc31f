//! What the model is shown: turns, media, calls and their results.

use super::*;

fn user(content: Value) -> Value {
    sent(&chat_request(json!({"messages": [{"role": "user", "content": content}]})))["messages"][0]["content"].clone()
}

#[test]
fn texts_go_in_order_with_the_system_apart_and_neighbours_merged() {
    let body = sent(&chat_request(json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": "Two"}, {"type": "text", "text": "  "}]},
        {"role": "developer", "content": "Be kind."},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "Three"},
        {"role": "user", "content": "Four"},
    ]})));
    assert_eq!(
        body,
        json!({
            "messages": [
                {"role": "user", "content": [{"text": "One"}, {"text": "Two"}]},
                {"role": "assistant", "content": [{"text": "Three"}]},
                {"role": "user", "content": [{"text": "Four"}]},
            ],
            "system": [{"text": "Be brief."}, {"text": "Be kind."}],
        })
    );
}

#[test]
fn a_conversation_must_begin_with_the_user() {
    let table = [
        (json!([{"role": "assistant", "content": "Hi"}]), "first message must be from the user"),
        (json!([{"role": "system", "content": " "}]), "at least one message"),
        (json!([{"role": "user", "content": " "}]), "at least one message"),
    ];
    for (messages, words) in table {
        let message = refused(&chat_request(json!({"messages": messages})));
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn media_go_by_format_and_bytes() {
    let image = |media_type: &str| json!({"type": "image_url", "image_url": {"url": format!("data:{media_type};base64,QUJD")}});
    for (media_type, format) in
        [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/webp", "webp"), ("IMAGE/GIF", "gif")]
    {
        let content = user(json!([image(media_type), {"type": "text", "text": "What?"}]));
        assert_eq!(content, json!([{"image": {"format": format, "source": {"bytes": "QUJD"}}}, {"text": "What?"}]), "{media_type}");
    }
    // An image needs no text beside it, so none is made up.
    assert_eq!(user(json!([image("image/png")])), json!([{"image": {"format": "png", "source": {"bytes": "QUJD"}}}]));
    let file = |name: &str, media_type: &str| json!({"type": "file", "file": {"filename": name, "file_data": format!("data:{media_type};base64,QUJD")}});
    for (media_type, format) in [
        ("application/pdf", "pdf"),
        ("text/csv", "csv"),
        ("text/plain; charset=utf-8", "txt"),
        ("text/markdown", "md"),
        ("text/html", "html"),
        ("application/json", "txt"),
        ("text/x-rust", "txt"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.ms-excel", "xls"),
    ] {
        let content = user(json!([file("a.bin", media_type), {"type": "text", "text": "What?"}]));
        assert_eq!(content[0], json!({"document": {"format": format, "name": "a", "source": {"bytes": "QUJD"}}}), "{media_type}");
    }
    let content = user(json!([file("sheet.XLSX", "application/octet-stream"), {"type": "text", "text": "What?"}]));
    assert_eq!(content[0]["document"]["format"], "xlsx");
    let content = user(json!([file("clip.mp4", "video/mp4")]));
    assert_eq!(content, json!([{"video": {"format": "mp4", "source": {"bytes": "QUJD"}}}]));
}

#[test]
fn a_document_has_a_clean_name_of_its_own_and_a_text_beside_it() {
    let file = |name: &str| json!({"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,QUJD"}});
    let names = ["Q3_report.final.pdf", "a.pdf", "a.pdf", "a 2.pdf", "Größe  (1) [x]-y.pdf", "日本.pdf", ".pdf", "v1.2 of it"];
    let content = user(Value::Array(names.iter().map(|name| file(name)).collect()));
    let blocks = content.as_array().unwrap();
    let cleaned: Vec<&str> = blocks.iter().filter_map(|block| block["document"]["name"].as_str()).collect();
    assert_eq!(cleaned, ["Q3 report final", "a", "a 2", "a 2 2", "Gr e (1) [x]-y", "document", "pdf", "v1 2 of it"]);
    assert_eq!(blocks.last().unwrap(), &json!({"text": "See the attached document."}));
}

#[test]
fn what_lies_in_a_bucket_is_named_and_what_lies_elsewhere_is_refused() {
    let content = user(json!([{"type": "image_url", "image_url": {"url": "s3://bucket/a/cat.JPG"}}]));
    assert_eq!(content, json!([{"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a/cat.JPG"}}}}]));
    let refuse = |part: Value| refused(&chat_request(json!({"messages": [{"role": "user", "content": [part]}]})));
    let table = [
        (json!({"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}), "send the bytes in base64"),
        (json!({"type": "image_url", "image_url": {"url": "s3://bucket/cat"}}), "extension"),
        (json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,QUJD"}}), "no image of type `image/tiff`"),
        (json!({"type": "file", "file": {"file_id": "file-1"}}), "send the bytes in base64"),
        (
            json!({"type": "file", "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,QUJD"}}),
            "no file of type `application/zip`",
        ),
    ];
    for (part, words) in table {
        let message = refuse(part);
        assert!(message.contains(words), "{message}");
    }
}

fn tool_loop(id: &str) -> Value {
    json!([
        {"role": "user", "content": "Weather in Paris and Rome?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Paris\", \"n\": 1.10}"}},
            {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}},
        ]},
        {"role": "tool", "tool_call_id": id, "content": "Sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": ""},
        {"role": "user", "content": "And?"},
    ])
}

#[test]
fn calls_and_all_their_results_stand_in_two_neighbouring_messages() {
    let body =
        sent(&chat_request(json!({"messages": tool_loop("call_1"), "tools": [{"type": "function", "function": {"name": "weather"}}]})));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "Weather in Paris and Rome?"}]},
            {"role": "assistant", "content": [
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Paris", "n": 1.10}}},
                {"toolUse": {"toolUseId": "call_2", "name": "weather", "input": {}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"text": "Sunny"}], "status": "success"}},
                {"toolResult": {"toolUseId": "call_2", "content": [{"text": ""}], "status": "success"}},
                {"text": "And?"},
            ]},
        ])
    );
}

#[test]
fn ids_are_made_to_fit_alike_in_call_and_result() {
    let long = "x".repeat(80);
    let table = [("functions.weather:0", "functions_weather_0".to_owned()), (long.as_str(), "x".repeat(64)), ("ok-_9", "ok-_9".to_owned())];
    for (id, clean) in table {
        let body = sent(&chat_request(json!({"messages": tool_loop(id)})));
        assert_eq!(body["messages"][1]["content"][1]["toolUse"]["toolUseId"], clean);
        assert_eq!(body["messages"][2]["content"][0]["toolResult"]["toolUseId"], clean);
    }
}

#[test]
fn results_carry_errors_and_media_and_the_cache_marks_stand_behind() {
    let body = sent(&messages_request(json!({
        "system": [{"type": "text", "text": "Long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "Short"}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look", "cache_control": {"type": "ephemeral", "ttl": "5m"}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [
                {"type": "text", "text": " "},
                {"type": "text", "text": "Broken", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                {"type": "document", "title": "a", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}},
            ]}]},
        ],
    })));
    let mark = json!({"cachePoint": {"type": "default"}});
    assert_eq!(body["system"], json!([{"text": "Long"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "Short"}]));
    assert_eq!(body["toolConfig"]["tools"][1], mark);
    assert_eq!(body["messages"][0]["content"], json!([{"text": "Look"}, mark]));
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"toolResult": {"toolUseId": "t1", "content": [
                {"text": "Broken"},
                {"image": {"format": "png", "source": {"bytes": "QUJD"}}},
                {"document": {"format": "pdf", "name": "a", "source": {"bytes": "QUJD"}}},
            ], "status": "error"}},
            mark,
        ])
    );
}

#[test]
fn signed_thinking_goes_back_and_what_cannot_be_proved_is_named() {
    let turn = |block: Value| {
        json!({"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [block, {"type": "text", "text": "Ho"}]},
            {"role": "user", "content": "Hm"},
        ]})
    };
    let table = [
        (
            json!({"type": "thinking", "thinking": "So", "signature": "c2ln"}),
            Some(json!({"reasoningText": {"text": "So", "signature": "c2ln"}})),
        ),
        (json!({"type": "redacted_thinking", "data": "ZW5j"}), Some(json!({"redactedContent": "ZW5j"}))),
        (json!({"type": "thinking", "thinking": "So", "signature": ""}), None),
        (json!({"type": "thinking", "thinking": "So", "signature": "gemini:c2ln"}), None),
    ];
    for (block, expected) in table {
        let (body, losses) = sent_with(&messages_request(turn(block)), Abilities::default());
        let first = &body["messages"][1]["content"][0];
        match expected {
            Some(expected) => assert_eq!((first, losses.len()), (&json!({"reasoningContent": expected}), 0)),
            None => assert_eq!((first, losses), (&json!({"text": "Ho"}), vec!["reasoning_content".to_owned()])),
        }
    }
}

#[test]
fn content_that_cannot_be_carried_is_refused() {
    let call = |arguments: &str| {
        json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]},
        ])
    };
    for arguments in ["[1]", "{", "\"x\""] {
        let message = refused(&chat_request(json!({"messages": call(arguments)})));
        assert!(message.contains("not a JSON object"), "{message}");
    }
    let server = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]},
    ]});
    assert!(refused(&messages_request(server)).contains("\"server_tool_use\" cannot be sent"));
    let native = json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    assert!(refused(&messages_request(native)).contains("\"web_search_20250305\" cannot be sent"));
}

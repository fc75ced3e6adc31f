//! What passes unread: a provider's own API, what it keeps for its callers, forms with files, and counts of tokens.

use crate::scripted::Scene;
use serde_json::json;

const FORM: &str = "multipart/form-data; boundary=line";

/// A form of these fields and a file, in this order; a field is `name=value`.
fn form(fields: &[&str]) -> String {
    let mut body = String::new();
    for field in fields {
        let (name, value) = field.split_once('=').unwrap();
        let file = if name == "file" { "; filename=\"a.wav\"\r\nContent-Type: audio/wav" } else { "" };
        body.push_str(&format!("--line\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"));
    }
    body + "--line--\r\n"
}

fn transcription(fields: &[&str]) -> Scene {
    Scene::post("/v1/audio/transcriptions", form(fields)).header("content-type", FORM).header("authorization", "Bearer sk-caller")
}

#[test]
fn a_providers_own_api_is_reached_as_it_is() {
    for (path, header, expected) in [
        ("/v1/proxy/openai/files?limit=2", "", "https://api.openai.com/v1/files?limit=2"),
        ("/v1/proxy/openai/v1/models", "", "https://api.openai.com/v1/models"),
        ("/v1/proxy/cohere/v2/chat", "", "https://api.cohere.com/v2/chat"),
        (
            "/v1/proxy/gemini/v1beta/models/g:generateContent",
            "",
            "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent",
        ),
        ("/v1/files/file-1/content", "openai", "https://api.openai.com/v1/files/file-1/content"),
        ("/v1/batches", "groq", "https://api.groq.com/openai/v1/batches"),
        ("/v1/responses/resp_1", "openai", "https://api.openai.com/v1/responses/resp_1"),
        ("/v1/messages/batches", "anthropic", "https://api.anthropic.com/v1/messages/batches"),
    ] {
        let mut scene = Scene::get(path).header("authorization", "Bearer sk-caller").says("{\"a\":1}");
        if !header.is_empty() {
            scene = scene.header("x-causeway-provider", header);
        }
        let scenery = scene.play();
        assert_eq!((scenery.status, scenery.body.as_str(), scenery.native), (200, "{\"a\":1}", true), "{path}");
        let seen = &scenery.seen[0];
        assert_eq!((seen.method.as_str(), seen.url.as_str()), ("GET", expected));
    }
}

#[test]
fn whatever_the_method_and_the_status_they_pass() {
    for (method, status) in
        [(causeway::http::Method::Delete, 404), (causeway::http::Method::Put, 201), (causeway::http::Method::Patch, 500)]
    {
        let mut scene = Scene::post("/v1/proxy/openai/vector_stores/1", "{\"odd\":  true}");
        scene.method = method;
        let scene = scene.header("authorization", "Bearer k").header("content-type", "application/json");
        let scenery = scene.answers(status, vec![("content-type", "text/plain")], "as it is").play();
        assert_eq!((scenery.status, scenery.body.as_str()), (status, "as it is"));
        assert_eq!((scenery.seen[0].method.as_str(), scenery.seen[0].body.as_str()), (method.word(), "{\"odd\":  true}"));
    }
}

#[test]
fn only_the_providers_own_key_and_headers_go_along() {
    let scenery = Scene::get("/v1/proxy/anthropic/models")
        .var("ANTHROPIC_API_KEY", "sk-ours")
        .header("x-causeway-trace-id", "t")
        .header("x-portkey-metadata", "{}")
        .header("cookie", "c=1")
        .header("openai-organization", "org")
        .header("anthropic-beta", "files-api")
        .header("x-own", "kept")
        .says("{}")
        .play();
    let headers = &scenery.seen[0].headers;
    let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
    for expected in [("x-api-key", "sk-ours"), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "files-api"), ("x-own", "kept")] {
        assert_eq!(headers.find(expected.0), Some(expected.1), "{names:?}");
    }
    for foreign in ["x-causeway-trace-id", "x-portkey-metadata", "cookie", "openai-organization", "authorization"] {
        assert_eq!(headers.find(foreign), None, "{names:?}");
    }
}

#[test]
fn a_passage_to_nowhere_is_refused_with_words() {
    for (path, status, words) in [
        ("/v1/proxy/nobody/models", 400, "nobody"),
        ("/v1/proxy/openai/models", 401, "OPENAI_API_KEY"),
        ("/v1/proxy/openai", 404, "no route"),
        ("/v1/filesystem", 404, "no route"),
        ("/v1/proxy/sandbox/models", 400, "nothing but models"),
        ("/v1/files", 401, "OPENAI_API_KEY"),
    ] {
        let scenery = Scene::get(path).var("SANDBOX", "true").play();
        let message = scenery.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(scenery.status, status, "{path}: {message}");
        assert!(message.contains(words), "{path}: {message}");
        assert!(scenery.seen.is_empty());
    }
}

#[test]
fn a_config_says_where_to_but_never_lends_its_key_to_a_provider_of_the_path() {
    let config = r#"{"provider":"groq","api_key":"gsk-config","retry":{"attempts":3}}"#;
    let scene = |path: &str| Scene::get(path).header("x-causeway-config", config).var("OPENAI_API_KEY", "sk-ours").says("{}");
    let kept = scene("/v1/files").play();
    assert_eq!(kept.seen[0].url, "https://api.groq.com/openai/v1/files");
    assert_eq!(kept.seen[0].headers.find("authorization"), Some("Bearer gsk-config"));
    let named = scene("/v1/proxy/openai/files").play();
    assert_eq!(named.seen[0].headers.find("authorization"), Some("Bearer sk-ours"));
    let form = transcription(&["model=whisper-1", "file=RIFF"])
        .header("x-causeway-config", &config.replace("\"retry\"", "\"override_params\":{\"model\":\"whisper-large-v3\"},\"retry\""));
    let form = form.answers(503, vec![], "").play();
    assert_eq!((form.status, form.seen.len()), (503, 1), "what passes is sent once");
    assert!(form.seen[0].body.contains("whisper-large-v3"), "{}", form.seen[0].body);
}

#[test]
fn the_address_of_a_batchs_results_leads_back_to_the_gateway() {
    let told = |url: &str| format!(r#"{{"id":"b", "results_url" : "{url}","note":"\"results_url\":\"https://api.anthropic.com/v1/x\""}}"#);
    let theirs = "https://api.anthropic.com/v1/messages/batches/b/results";
    let (dashed, elsewhere) = ("https://api.anthropic.com/v1.evil.example/b", "https://example.com/v1/messages/batches/b/results");
    for (path, host, url, expected) in [
        ("/v1/messages/batches/b", "gate.example", theirs, "https://gate.example/v1/messages/batches/b/results"),
        ("/v1/messages/batches/b", "127.0.0.1:8787", theirs, "http://127.0.0.1:8787/v1/messages/batches/b/results"),
        ("/v1/messages/batches/b", "", theirs, "/v1/messages/batches/b/results"),
        (
            "/v1/proxy/anthropic/v1/messages/batches/b",
            "gate.example",
            theirs,
            "https://gate.example/v1/proxy/anthropic/messages/batches/b/results",
        ),
        ("/v1/messages/batches/b", "gate.example", elsewhere, elsewhere),
        ("/v1/messages/batches/b", "gate.example", dashed, dashed),
        ("/v1/proxy/anthropic/v1/models", "gate.example", theirs, theirs),
    ] {
        let ask = |path: &str| Scene::get(path).header("x-api-key", "k").header("host", host);
        let scenery = ask(path).says(told(url)).play();
        assert_eq!((scenery.status, scenery.body), (200, told(expected)), "{path}");
        let list = ask(path).says(format!(r#"{{"data":[{},{{"results_url":null}}]}}"#, told(url))).play();
        assert_eq!(list.body, format!(r#"{{"data":[{},{{"results_url":null}}]}}"#, told(expected)));
        if let Some(local) = expected.strip_prefix("https://gate.example") {
            assert_eq!(ask(local).says("{}").play().seen[0].url, theirs, "{local}");
        }
    }
}

#[test]
fn results_pass_as_they_come() {
    let line = r#"{"results_url":"https://api.anthropic.com/v1/x"}"#;
    let scene = Scene::get("/v1/messages/batches/b/results").header("x-api-key", "k").header("host", "gate.example");
    assert_eq!(scene.answers(200, vec![("content-type", "application/x-jsonl")], line).play().body, line);
}

#[test]
fn a_batch_told_too_slowly_is_an_error() {
    let scene = Scene::get("/v1/messages/batches/b").header("x-api-key", "k").header("x-causeway-request-timeout", "50");
    let scenery = scene.answers(200, vec![("content-type", "application/json"), ("x-stalls", "yes")], "{\"id\":").play();
    assert_eq!(scenery.status, 504, "{}", scenery.body);
}

#[test]
fn the_words_of_a_refusal_are_not_waited_for_longer_than_the_answer_would_be() {
    let body = r#"{"model":"tts-1","input":"hi","voice":"alloy"}"#;
    let scene = Scene::post("/v1/audio/speech", body).header("authorization", "Bearer k").header("x-causeway-request-timeout", "50");
    let scenery = scene.answers(429, vec![("content-type", "application/json"), ("x-stalls", "yes")], "{\"error\":").play();
    assert_eq!(scenery.status, 429, "{}", scenery.body);
    assert!(scenery.json()["error"]["message"].is_string(), "{}", scenery.body);
}

#[test]
fn the_cost_of_what_passes_unread_is_not_known() {
    let scenery = Scene::get("/v1/proxy/openai/files").header("authorization", "Bearer k").says("{}").play();
    assert_eq!(scenery.header("x-causeway-cost"), "unpriced");
    assert_eq!(scenery.records[0].provider, "openai");
}

#[test]
fn a_form_passes_with_the_name_of_its_model_as_the_provider_knows_it() {
    let plain = form(&["model=whisper-1", "file=RIFF"]);
    for fields in [["model=openai/whisper-1", "file=RIFF"], ["model=whisper-1", "file=RIFF"]] {
        let scenery = transcription(&fields).says("{\"text\":\"hi\"}").play();
        assert_eq!((scenery.status, scenery.body.as_str()), (200, "{\"text\":\"hi\"}"));
        let seen = &scenery.seen[0];
        assert_eq!((seen.url.as_str(), seen.body.as_str()), ("https://api.openai.com/v1/audio/transcriptions", plain.as_str()));
        assert_eq!(seen.headers.find("content-type"), Some(FORM));
        assert_eq!(scenery.records[0].model, "whisper-1");
    }
}

#[test]
fn a_model_after_a_large_file_needs_a_provider_by_name() {
    let file = format!("file={}", "x".repeat(100_000));
    let fields = [file.as_str(), "model=whisper-1"];
    let refused = transcription(&fields).play();
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("x-causeway-provider"), "{}", refused.body);
    let served = transcription(&fields).header("x-causeway-provider", "groq").says("{}").play();
    assert_eq!((served.status, served.seen[0].url.as_str()), (200, "https://api.groq.com/openai/v1/audio/transcriptions"));
    assert_eq!(served.seen[0].body, form(&fields));
}

#[test]
fn the_right_host_hears_each_model_of_fireworks() {
    for (model, host) in
        [("whisper-v3", "https://audio-prod.api.fireworks.ai"), ("whisper-v3-turbo", "https://audio-turbo.api.fireworks.ai")]
    {
        let field = format!("model={model}");
        let scenery = transcription(&[&field, "file=RIFF"]).header("x-causeway-provider", "fireworks").says("{}").play();
        assert_eq!(scenery.seen[0].url, format!("{host}/v1/audio/transcriptions"));
    }
}

#[test]
fn a_transcription_costs_what_the_provider_says_was_heard() {
    for (answer, model, cost) in [
        (r#"{"text":"hi","usage":{"type":"duration","seconds":60}}"#, "whisper-1", "0.006"),
        (r#"{"text":"hi","duration":"60.0"}"#, "whisper-1", "0.006"),
        (r#"{"text":"hi"}"#, "whisper-1", "unpriced"),
    ] {
        let scenery = transcription(&[&format!("model={model}"), "file=RIFF"]).says(answer).play();
        assert_eq!(scenery.header("x-causeway-cost"), cost, "{answer}");
    }
}

#[test]
fn a_refused_form_is_told_in_the_callers_dialect() {
    let scenery = transcription(&["model=whisper-1", "file=RIFF"])
        .header("x-causeway-provider", "groq")
        .answers(400, vec![("content-type", "text/plain")], "the file is no sound")
        .play();
    assert_eq!(scenery.status, 400);
    assert!(scenery.json()["error"]["message"].as_str().unwrap().contains("the file is no sound"), "{}", scenery.body);
}

#[test]
fn workers_ai_takes_no_form_so_it_gets_what_it_takes() {
    let scenery = transcription(&["model=@cf/openai/whisper-large-v3-turbo", "file=RIFF", "language=en"])
        .header("x-causeway-provider", "workers-ai")
        .header("x-causeway-workers-ai-account-id", "acc")
        .says(r#"{"result":{"text":"hi","word_count":1},"success":true}"#)
        .play();
    assert_eq!(scenery.status, 200, "{}", scenery.body);
    assert_eq!(scenery.json()["text"], "hi");
    assert_eq!(scenery.sent()["audio"], "UklGRg==");
}

const SHORT: &str = r#"{"model":"MODEL","messages":[{"role":"user","content":"How many tokens is this?"}]}"#;

#[test]
fn the_provider_counts_tokens_where_it_can() {
    let scenery = Scene::post("/v1/messages/count_tokens", SHORT.replace("MODEL", "anthropic/claude-sonnet-4-5"))
        .header("x-api-key", "sk-caller")
        .says("{\"input_tokens\":14}")
        .play();
    assert_eq!((scenery.status, scenery.body.as_str()), (200, "{\"input_tokens\":14}"));
    assert_eq!(scenery.seen[0].url, "https://api.anthropic.com/v1/messages/count_tokens");
    assert_eq!(scenery.sent()["model"], "claude-sonnet-4-5");
    let google = Scene::post("/v1beta/models/gemini-2.5-flash:countTokens", r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#)
        .header("x-goog-api-key", "k")
        .says("{\"totalTokens\":2}")
        .play();
    assert_eq!(google.body, "{\"totalTokens\":2}");
    assert_eq!(google.seen[0].url, "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:countTokens");
}

#[test]
fn elsewhere_tokens_are_estimated_and_marked_so() {
    for model in ["openai/gpt-4o", "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0"] {
        let scenery = Scene::post("/v1/messages/count_tokens", SHORT.replace("MODEL", model)).header("x-api-key", "k").play();
        assert_eq!(scenery.status, 200, "{}", scenery.body);
        let tokens = scenery.json()["input_tokens"].as_u64().unwrap();
        assert!((5..20).contains(&tokens), "{tokens}");
        assert_eq!(scenery.header("x-causeway-estimated"), "true");
        assert!(scenery.seen.is_empty());
    }
}

#[test]
fn a_provider_of_another_dialect_counts_the_conversation_in_its_own_words() {
    let tool = r#"{"name":"f","input_schema":{"type":"object"}}"#;
    let body = format!(
        r#"{{"model":"MODEL","max_tokens":9,"temperature":1,"system":"Be short.","tools":[{tool}],"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let ask = |model: &str, answer: &str| {
        let scene = Scene::post("/v1/messages/count_tokens", body.replace("MODEL", model)).header("x-api-key", "k");
        scene.header("x-causeway-aws-region", "us-east-1").header("x-causeway-vertex-project-id", "p").says(answer).play()
    };
    let aws = ask("bedrock/anthropic.claude-sonnet-4-20250514-v1:0", r#"{"inputTokens":19}"#);
    assert_eq!((aws.status, aws.body.as_str()), (200, r#"{"input_tokens":19}"#));
    assert!(aws.headers.find("x-causeway-estimated").is_none());
    assert!(aws.seen[0].url.ends_with("/model/anthropic.claude-sonnet-4-20250514-v1%3A0/count-tokens"), "{}", aws.seen[0].url);
    let asked = aws.sent()["input"]["converse"].clone();
    assert_eq!(asked["messages"], json!([{"role": "user", "content": [{"text": "hi"}]}]));
    assert_eq!(asked["system"], json!([{"text": "Be short."}]));
    assert_eq!(asked["toolConfig"]["tools"][0]["toolSpec"]["name"], "f");
    assert_eq!(asked.as_object().unwrap().len(), 3);

    let google = ask("gemini/gemini-2.5-flash", r#"{"totalTokens":7,"promptTokensDetails":[]}"#);
    assert_eq!(google.body, r#"{"input_tokens":7}"#);
    let whole = google.sent()["generateContentRequest"].clone();
    assert_eq!((&whole["model"], &whole["contents"][0]["parts"][0]["text"]), (&json!("models/gemini-2.5-flash"), &json!("hi")));
    assert!(whole["systemInstruction"].is_object() && whole["tools"].is_array() && whole.get("generationConfig").is_none());
    let vertex = ask("vertex-ai/gemini-2.5-flash", r#"{"totalTokens":7}"#);
    assert_eq!((vertex.body.as_str(), vertex.sent()["contents"][0]["role"].as_str()), (r#"{"input_tokens":7}"#, Some("user")));

    let refused = Scene::post("/v1/messages/count_tokens", SHORT.replace("MODEL", "bedrock/anthropic.claude-v9"))
        .header("x-api-key", "k")
        .header("x-causeway-aws-region", "us-east-1")
        .answers(400, vec![("content-type", "application/json")], r#"{"message":"no such model"}"#)
        .play();
    assert_eq!((refused.status, refused.json()["error"]["message"].as_str()), (400, Some("no such model")));

    let turned = Scene::post("/v1beta/models/anthropic%2Fclaude-sonnet-4-5:countTokens", r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#)
        .header("x-goog-api-key", "k")
        .says(r#"{"input_tokens":8}"#)
        .play();
    assert_eq!(turned.body, r#"{"totalTokens":8}"#);
    assert_eq!(turned.sent(), json!({"model": "claude-sonnet-4-5", "messages": turned.sent()["messages"]}));
}

#[test]
fn googles_question_may_hold_the_conversation_or_be_it() {
    for body in [
        r#"{"contents":[{"parts":[{"text":"hello"}]}]}"#,
        r#"{"generateContentRequest":{"model":"m","contents":[{"parts":[{"text":"hello"}]}]}}"#,
    ] {
        let scenery = Scene::post("/v1beta/models/openai%2Fgpt-4o:countTokens", body).header("x-goog-api-key", "k").play();
        assert_eq!((scenery.status, scenery.body.as_str()), (200, "{\"totalTokens\":2}"));
        assert_eq!(scenery.header("x-causeway-estimated"), "true");
    }
}

//! Caller and provider speak the same dialect.

use causeway::host::Fault;
use causeway::record::Outcome;

use crate::scripted::Scene;

const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hi","odd":{"kept":1}},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
const STREAM: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello there\"},\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\ndata: [DONE]\n\n";
const ASKED: &str =
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#;
const UNASKED: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

fn openai(body: &str) -> Scene {
    Scene::chat(body).header("authorization", "Bearer sk-caller").header("x-causeway-provider", "openai")
}

#[test]
fn a_body_and_its_answer_pass_untouched() {
    let body = r#" {"messages":[{"role":"user","content":"hi"}], "model":"gpt-4o","new_knob":[1, 2]}"#;
    let scene = openai(body).says(ANSWER).play();
    assert_eq!((scene.status, scene.body.as_str(), scene.native), (200, ANSWER, true));
    let sent = &scene.seen[0];
    assert_eq!(sent.body, body);
    assert_eq!(sent.url, "https://api.openai.com/v1/chat/completions");
    assert_eq!(sent.headers.find("authorization"), Some("Bearer sk-caller"));
    assert_eq!(scene.header("x-causeway-provider"), "openai");
    assert_eq!(scene.header("x-causeway-attempts"), "1");
    let record = &scene.records[0];
    let usage = record.usage.unwrap();
    assert_eq!((record.outcome, usage.input, usage.output, usage.estimated), (Outcome::Complete, 9, 2, false));
}

#[test]
fn a_prefix_names_the_provider_and_is_taken_off() {
    let body = r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"hi"}],"x":1}"#;
    let scene = Scene::chat(body).header("authorization", "Bearer sk").says(ANSWER).play();
    assert_eq!(scene.seen[0].body, body.replace("openai/gpt-4o", "gpt-4o"));
}

#[test]
fn of_two_models_in_one_body_the_checked_one_is_sent() {
    let body = r#"{"model":"cheap","model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
    let scene = openai(body).says(ANSWER).play();
    assert_eq!(scene.seen[0].body, r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#);
}

#[test]
fn a_stream_whose_caller_asked_for_usage_passes_by_itself() {
    let scene = openai(ASKED).streams(STREAM).play();
    assert!(scene.native);
    assert_eq!(scene.body, STREAM);
    assert_eq!(scene.seen[0].body, ASKED);
    let usage = scene.records[0].usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.estimated), (9, 2, false));
}

#[test]
fn usage_that_a_provider_volunteers_with_several_choices_is_not_shown_unasked() {
    let chunk = |index: u8, usage: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"hi\"}},\"finish_reason\":\"stop\"}}]{usage}}}\n\n"
        )
    };
    let stream = |usage: &str| format!("{}{}data: [DONE]\n\n", chunk(0, ""), chunk(1, usage));
    let told = stream(",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}");
    for (options, shown) in [("", false), (r#","stream_options":{"include_usage":true}"#, true)] {
        for piece in [1, 7, 4096] {
            let body = format!(r#"{{"model":"mistral/m","messages":[{{"role":"user","content":"hi"}}],"n":2,"stream":true{options}}}"#);
            let scene = Scene { piece, ..Scene::chat(body).header("authorization", "Bearer k").streams(told.clone()) }.play();
            assert_eq!(scene.body, if shown { told.clone() } else { stream("") }, "in pieces of {piece}");
            assert_eq!(scene.records[0].usage.unwrap().output, 2);
        }
    }
}

#[test]
fn usage_is_known_even_if_not_asked_for_and_the_caller_sees_no_empty_choices() {
    for piece in [1, 7, 100, 4096] {
        let mut scene = openai(UNASKED).streams(STREAM);
        scene.piece = piece;
        let scene = scene.play();
        assert_eq!(scene.sent()["stream_options"]["include_usage"], true);
        assert!(!scene.body.contains("\"choices\":[]"));
        assert!(scene.body.ends_with("data: [DONE]\n\n"));
        let usage = scene.records[0].usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.estimated), (9, 2, false), "in pieces of {piece}");
    }
}

#[test]
fn what_was_produced_is_counted_when_the_caller_leaves() {
    for body in [ASKED, UNASKED] {
        let mut scene = openai(body).streams(STREAM);
        scene.piece = STREAM.find("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{}").unwrap();
        scene.leaves_after = Some(1);
        let record = scene.play().records.remove(0);
        let usage = record.usage.unwrap();
        assert_eq!(record.outcome, Outcome::Abandoned);
        assert_eq!((usage.output, usage.estimated), (3, true));
        assert!(usage.input > 0);
    }
}

#[test]
fn a_cut_stream_never_looks_finished() {
    let cut = STREAM.find("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{}").unwrap();
    for body in [ASKED, UNASKED] {
        for breaks in [false, true] {
            let mut scene = openai(body).streams(STREAM.split_at(cut).0);
            scene.breaks = breaks;
            let scene = scene.play();
            assert!(!scene.body.contains("[DONE]"));
            assert!(!scene.body.contains("\"stop\""));
            assert_eq!(scene.records[0].outcome, Outcome::Failed);
        }
    }
}

#[test]
fn only_the_vendors_own_headers_go_to_it() {
    let scene = openai(ASKED)
        .header("openai-organization", "org-1")
        .header("anthropic-beta", "b")
        .header("x-causeway-openai-project", "proj-1")
        .header("x-causeway-metadata", "{}")
        .header("x-causeway-forward-headers", "x-mine, authorization, x-causeway-metadata, cookie")
        .header("x-mine", "1")
        .header("x-not-mine", "1")
        .header("cookie", "a=b")
        .streams(STREAM)
        .play();
    let headers = &scene.seen[0].headers;
    assert_eq!(headers.find("openai-organization"), Some("org-1"));
    assert_eq!(headers.find("openai-project"), Some("proj-1"));
    assert_eq!(headers.find("x-mine"), Some("1"));
    for name in ["anthropic-beta", "x-not-mine", "cookie", "x-causeway-metadata", "x-causeway-provider"] {
        assert_eq!(headers.find(name), None, "{name}");
    }
    assert_eq!(headers.find("authorization"), Some("Bearer sk-caller"));
}

#[test]
fn messages_pass_to_anthropic_with_its_headers() {
    let body = r#"{"model":"claude-opus-4-6","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-6","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":2,"cache_read_input_tokens":5}}"#;
    let scene = Scene::messages(body)
        .header("x-api-key", "sk-ant")
        .header("x-causeway-provider", "anthropic")
        .header("anthropic-version", "2026-10-21")
        .says(answer)
        .play();
    assert_eq!((scene.status, scene.body.as_str()), (200, answer));
    let sent = &scene.seen[0];
    assert_eq!(sent.url, "https://api.anthropic.com/v1/messages");
    assert_eq!(sent.headers.find("x-api-key"), Some("sk-ant"));
    assert_eq!(sent.headers.find("anthropic-version"), Some("2026-10-21"));
    let usage = scene.records[0].usage.unwrap();
    assert_eq!((usage.input, usage.output), (14, 2));
}

#[test]
fn a_broken_or_empty_answer_is_an_error() {
    for body in ["", "{", "{\"choices\":", "[]", "{\"error\":{\"message\":\"hidden\"}}"] {
        let scene = openai(&UNASKED.replace("true", "false")).says(body).play();
        assert_eq!(scene.status, 502, "{body}");
        assert!(scene.json()["error"]["message"].is_string());
        assert_eq!(scene.records[0].outcome, Outcome::Failed);
    }
}

#[test]
fn what_keeps_an_answer_from_coming_has_a_status_and_words() {
    for (fault, status, spelling) in [
        (Fault::Unreachable("x".to_owned()), 502, "causeway"),
        (Fault::TimedOut, 504, "causeway"),
        (Fault::TimedOut, 408, "portkey"),
        (Fault::TooLarge, 502, "causeway"),
    ] {
        let provider = format!("x-{spelling}-provider");
        let scene = Scene::chat(UNASKED).header("authorization", "Bearer sk").header(&provider, "openai").fails(fault).play();
        assert_eq!(scene.status, status);
        assert!(scene.json()["error"]["message"].as_str().unwrap().starts_with("openai"));
        assert_eq!(scene.header(&provider), "openai");
    }
}

#[test]
fn moderations_without_a_model_are_those_of_the_usual_one() {
    let scene = Scene::post("/v1/moderations", r#"{"input":"hi"}"#).header("authorization", "Bearer k").says("{}").play();
    assert_eq!(scene.status, 200, "{}", scene.body);
    assert_eq!(scene.sent()["model"], "omni-moderation-latest");
}

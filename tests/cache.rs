//! The exact cache's pure part: lockers, seals, ages, and what can be turned.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use causeway::cache::{Entry, Filling, LONGEST, Locker, Question, is_complete, turns};
use causeway::http::Headers;
use causeway::wire::envelope::Envelope;
use causeway::wire::{Dialect, Echo};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1}"#;

fn question<'a>(headers: &'a Headers, body: &'a str) -> Question<'a> {
    Question {
        secret: "",
        tenant: "own key",
        namespace: "",
        kind: "chat",
        provider: "openai",
        model: "m",
        url: "https://api.openai.com/v1/chat/completions",
        headers,
        credential: &["", "", ""],
        body: body.as_bytes(),
    }
}

fn headers(lines: &[(&str, &str)]) -> Headers {
    lines.iter().copied().collect()
}

fn of_body(body: &str) -> Option<Locker> {
    question(&headers(&[("authorization", "Bearer sk-1")]), body).locker()
}

fn locker() -> Locker {
    of_body(BODY).unwrap()
}

#[test]
fn requests_that_mean_the_same_share_a_locker() {
    for same in [
        r#"{ "temperature" : 1.0 , "messages":[ {"content":"hi","role":"user"} ], "model":"m" }"#,
        r#"{"model":"another name of it","messages":[{"role":"user","content":"hi"}],"temperature":1e0}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"\u0068i"}],"temperature":1}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":false,"seed":null}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"user":"u","metadata":{"user_id":"u"},"prompt_cache_key":"k"}"#,
    ] {
        assert_eq!(of_body(same), Some(locker()), "{same}");
    }
}

#[test]
fn requests_that_differ_in_what_the_model_sees_do_not() {
    for other in [
        r#"{"messages":[{"role":"user","content":"hi "}],"temperature":1}"#,
        r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":1}"#,
        r#"{"messages":[{"role":"system","content":"hi"}],"temperature":1}"#,
        r#"{"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1.1}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":"1"}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":true}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":0}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":false}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":""}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"tools":[]}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"tools":{}}"#,
        r#"{"messages":[{"role":"user","content":"hi","name":null}],"temperature":1}"#,
        r#"{"messages":[{"role":"user","content":"hi","user":"u"}],"temperature":1}"#,
        r#"{"messages":[{"role":"user","content":["hi"]}],"temperature":1}"#,
        r#"{"messages":[{"role":"user","content":"hi"},{"role":"user","content":"hi"}],"temperature":1}"#,
    ] {
        let found = of_body(other);
        assert!(found.is_some(), "{other}");
        assert_ne!(found, Some(locker()), "{other}");
    }
}

#[test]
fn what_cannot_be_told_from_others_has_no_locker() {
    for body in [
        "",
        "{",
        "{} x",
        r#"{"seed":18446744073709551617}"#,
        r#"{"seed":1e300}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        &format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500)),
    ] {
        assert_eq!(of_body(body), None, "{body}");
    }
}

#[test]
fn numbers_of_any_size_that_can_be_told_apart_are() {
    let of = |seed: &str| of_body(&format!("{{\"seed\":{seed}}}")).unwrap();
    let seeds = ["0", "-1", "1", "0.5", "-0.5", "9007199254740993", "9007199254740992", "18446744073709551615", "-9223372036854775808"];
    for (at, one) in seeds.iter().enumerate() {
        for other in seeds.iter().skip(at + 1) {
            assert_ne!(of(one), of(other), "{one} and {other}");
        }
    }
    assert_eq!(of("-0.0"), of("0"));
}

#[test]
fn nothing_that_makes_an_answer_what_it_is_is_left_out() {
    let bearer = headers(&[("authorization", "Bearer sk-1")]);
    let base = || question(&bearer, BODY);
    let (stranger, beta) =
        (headers(&[("authorization", "Bearer sk-2")]), headers(&[("authorization", "Bearer sk-1"), ("openai-beta", "x")]));
    let others = [
        ("secret", Question { secret: "master", ..base() }),
        ("tenant", Question { tenant: "deployment", ..base() }),
        ("namespace", Question { namespace: "n", ..base() }),
        ("kind", Question { kind: "messages", ..base() }),
        ("provider", Question { provider: "groq", ..base() }),
        ("model", Question { model: "m2", ..base() }),
        ("url", Question { url: "https://elsewhere.example/v1/chat/completions", ..base() }),
        ("key", Question { headers: &stranger, ..base() }),
        ("header", Question { headers: &beta, ..base() }),
        ("credential", Question { credential: &["AKIA", "secret", ""], ..base() }),
        // Words that only together read the same.
        ("shifted", Question { provider: "openaim", model: "", ..base() }),
        ("shifted credential", Question { credential: &["", "", "", ""], ..base() }),
    ];
    let mut seen = vec![base().locker().unwrap()];
    for (what, other) in others {
        let locker = other.locker().unwrap();
        assert!(!seen.contains(&locker), "{what}");
        assert!(seen.iter().all(|known| known.name != locker.name), "{what}");
        seen.push(locker);
    }
}

#[test]
fn the_order_of_headers_and_a_key_for_one_try_say_nothing() {
    let one = headers(&[("authorization", "Bearer sk-1"), ("openai-beta", "x"), ("idempotency-key", "1")]);
    let other = headers(&[("idempotency-key", "2"), ("openai-beta", "x"), ("authorization", "Bearer sk-1")]);
    assert_eq!(question(&one, BODY).locker(), question(&other, BODY).locker());
}

#[test]
fn a_lockers_name_tells_nothing_and_its_key_is_not_shown() {
    let locker = locker();
    assert_eq!(locker.name.len(), "cache:".len() + 32);
    assert_eq!(format!("{locker:?}"), locker.name);
}

fn entry() -> Entry {
    Entry {
        at: 1_000_000,
        max_age_s: 100,
        content_type: "application/json".to_owned(),
        dropped: vec!["seed".to_owned()],
        body: br#"{"secret":"words"}"#.to_vec(),
    }
}

#[test]
fn what_is_sealed_opens_with_its_own_key_alone() {
    let sealed = entry().seal(&locker(), [7; 12]).unwrap();
    assert_eq!(Entry::open(sealed.clone(), &locker()), Some(entry()));
    let other = of_body(r#"{"messages":[]}"#).unwrap();
    assert_eq!(Entry::open(sealed.clone(), &other), None);
    // Put under another name by whoever may write to the storage.
    let mut moved = locker();
    moved.name = other.name;
    assert_eq!(Entry::open(sealed.clone(), &moved), None);
    for word in [b"secret".as_slice(), b"words", b"application"] {
        assert!(!sealed.windows(word.len()).any(|window| window == word));
    }
    assert_ne!(entry().seal(&locker(), [8; 12]), Some(sealed));
}

#[test]
fn what_was_tampered_with_or_cut_does_not_open() {
    let sealed = entry().seal(&locker(), [7; 12]).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        *changed.get_mut(at).unwrap() ^= 1;
        assert_eq!(Entry::open(changed, &locker()), None, "byte {at}");
        assert_eq!(Entry::open(sealed.iter().copied().take(at).collect(), &locker()), None, "cut at {at}");
    }
    let mut longer = sealed;
    longer.push(0);
    assert_eq!(Entry::open(longer, &locker()), None);
}

#[test]
fn an_answer_that_is_too_long_is_not_sealed() {
    let of_length = |length| Entry { body: vec![b'x'; length], ..entry() }.seal(&locker(), [7; 12]);
    assert!(of_length(LONGEST).is_some());
    assert!(of_length(LONGEST + 1).is_none());
}

#[test]
fn an_entry_is_fresh_for_as_long_as_both_want() {
    for (own, wanted, after_ms, fresh) in [
        (100, 100, 0, true),
        (100, 100, 99_999, true),
        (100, 100, 100_000, false),
        (100, 5, 4_999, true),
        (100, 5, 5_000, false),
        (5, 100, 5_000, false),
        (90 * 86_400, 90 * 86_400, 90 * 86_400_000 - 1, true),
        (u64::MAX, u64::MAX, u64::MAX / 2, true),
    ] {
        let entry = Entry { max_age_s: own, ..entry() };
        assert_eq!(entry.is_fresh(wanted, entry.at + after_ms), fresh, "{own} {wanted} {after_ms}");
    }
    // The clock of who put it there goes before.
    assert!(entry().is_fresh(100, 0));
}

#[test]
fn what_a_fold_has_no_place_for_is_known() {
    for (dialect, body, expected) in [
        (Dialect::Chat, "{}", true),
        (Dialect::Chat, r#"{"n":1,"logprobs":false,"modalities":["text"],"tools":[{"type":"function"}]}"#, true),
        (Dialect::Chat, r#"{"n":2}"#, false),
        (Dialect::Chat, r#"{"logprobs":true}"#, false),
        (Dialect::Chat, r#"{"audio":{"voice":"x"}}"#, false),
        (Dialect::Chat, r#"{"functions":[{"name":"f"}]}"#, false),
        (Dialect::Chat, r#"{"tools":[{"type":"custom"}]}"#, false),
        (Dialect::Responses, r#"{"include":["reasoning.encrypted_content"]}"#, true),
        (Dialect::Responses, r#"{"include":["message.output_text.logprobs"]}"#, false),
        (Dialect::Gemini, r#"{"generationConfig":{"temperature":1}}"#, true),
        (Dialect::Gemini, r#"{"generationConfig":{"responseLogprobs":true}}"#, false),
        (Dialect::Gemini, r#"{"generation_config":{"candidate_count":2}}"#, false),
        (Dialect::Messages, "{}", true),
        (Dialect::Completions, "{}", false),
    ] {
        assert_eq!(turns(dialect, &Envelope::look(body.as_bytes()).unwrap()), expected, "{dialect:?} {body}");
    }
}

#[test]
fn only_an_answer_that_says_so_is_complete() {
    for (dialect, body, expected) in [
        (Dialect::Chat, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#, true),
        (Dialect::Chat, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"length"}]}"#, true),
        (Dialect::Chat, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":null}]}"#, false),
        (Dialect::Chat, r#"{"choices":[{"message":{"content":"hi"}}]}"#, false),
        (Dialect::Chat, r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#, false),
        (Dialect::Chat, r#"{"choices":[]}"#, false),
        (Dialect::Chat, r#"{"error":{"message":"no"}}"#, false),
        (Dialect::Chat, "", false),
        (Dialect::Messages, r#"{"type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#, true),
        (Dialect::Messages, r#"{"type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":null}"#, false),
        (
            Dialect::Responses,
            r#"{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#,
            true,
        ),
        (Dialect::Responses, r#"{"status":"queued","output":[]}"#, false),
        (
            Dialect::Responses,
            r#"{"status":"in_progress","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#,
            false,
        ),
        (Dialect::Gemini, r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}]}"#, true),
        (Dialect::Gemini, r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}"#, false),
    ] {
        assert_eq!(is_complete(dialect, body.as_bytes()), expected, "{dialect:?} {body}");
    }
}

const STREAM: &str = concat!(
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"h\u{fc}\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);

fn filled(stream: &str, size: usize) -> Option<serde_json::Value> {
    let mut filling = Filling::new(Dialect::Chat, Dialect::Chat, Echo::default());
    stream.as_bytes().chunks(size).for_each(|piece| filling.push(piece));
    filling.finish().map(|body| serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_stream_becomes_a_whole_answer_in_whatever_pieces_it_comes() {
    for size in [1, 7, 4096] {
        let answer = filled(STREAM, size).unwrap();
        assert_eq!(answer.pointer("/choices/0/message/content").unwrap(), "h\u{fc}!");
        assert_eq!(answer.pointer("/choices/0/finish_reason").unwrap(), "stop");
        assert_eq!(answer.pointer("/usage/prompt_tokens").unwrap(), 3);
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_before_its_reason_is_none() {
    let reason = STREAM.find("finish_reason").unwrap();
    for end in (0..reason).filter(|end| STREAM.is_char_boundary(*end)) {
        assert_eq!(filled(STREAM.split_at(end).0, 4096), None, "cut at {end}");
    }
    let failed = STREAM.replace("data: [DONE]", "data: {\"error\":{\"message\":\"no\"}}");
    let failed = failed.replace(",\"finish_reason\":\"stop\"", "");
    assert_eq!(filled(&failed, 4096), None);
}

#[test]
fn a_stream_that_is_too_long_is_let_go() {
    let more = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(1 << 16));
    let long = STREAM.replacen(
        "data: {\"choices\":[{\"index\":0,\"delta\":{},",
        &format!("{}data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},", more.repeat(17)),
        1,
    );
    assert_eq!(filled(&long, 4096), None);
}

//! Vertex AI: a service account's token is what lets a request in.

use causeway::host::Fault;
use causeway::wire::base64;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

const HELLO: &str = r#"{"model":"vertex-ai/gemini-2.5-flash","messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}"#;
const TOKEN: &str = r#"{"access_token":"ya29.one","expires_in":3599,"token_type":"Bearer"}"#;
const HOUR_MS: u64 = 3_600_000;

fn account(email: &str) -> Value {
    let key = base64::encode(&[0x30, 3, 2, 1, 0]);
    json!({
        "type": "service_account", "project_id": "own-project", "private_key_id": "kid-1", "client_email": email,
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"),
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn deployed() -> Scene {
    Scene::chat(HELLO).var("VERTEX_AI_SERVICE_ACCOUNT_JSON", &account("a@p.example").to_string())
}

fn brought(account: &Value) -> Scene {
    Scene::chat(HELLO).header("x-causeway-vertex-service-account-json", &account.to_string())
}

fn urls(scene: &Scenery) -> Vec<&str> {
    scene.seen.iter().map(|seen| seen.url.as_str()).collect()
}

#[test]
fn an_account_is_given_a_token_and_the_token_lets_the_request_in() {
    for scene in [deployed(), brought(&account("b@p.example"))] {
        let scene = scene.says(TOKEN).says(ANSWER).play();
        assert_eq!(scene.status, 200, "{}", scene.body);
        assert_eq!(
            urls(&scene),
            [
                "https://oauth2.googleapis.com/token",
                "https://us-central1-aiplatform.googleapis.com/v1/projects/own-project/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent",
            ]
        );
        let asked = &scene.seen[0];
        assert_eq!((asked.method.as_str(), asked.headers.find("content-type")), ("POST", Some("application/x-www-form-urlencoded")));
        let (key, message) = &scene.signed[0];
        assert_eq!(key, &[0x30, 3, 2, 1, 0]);
        let assertion = format!("{message}.{}", base64::encode_url(b"signed"));
        assert_eq!(asked.body, format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"));
        assert_eq!(scene.seen[1].headers.find("authorization"), Some("Bearer ya29.one"));
        assert!(!scene.seen[1].headers.block().contains("PRIVATE"));
        assert_eq!(scene.header("x-causeway-attempts"), "1");
    }
}

#[test]
fn a_token_is_kept_until_it_expires_and_only_for_the_account_that_signed_for_it() {
    let scene = deployed();
    let settings = scene.settings();
    let first = scene.clone().says(TOKEN).says(ANSWER).play_in(&settings, 0);
    assert_eq!((first.status, first.seen.len()), (200, 2));
    let second = scene.clone().says(ANSWER).play_in(&settings, HOUR_MS - 120_000);
    assert_eq!((second.status, second.signed.len()), (200, 0));
    assert_eq!(second.seen[0].headers.find("authorization"), Some("Bearer ya29.one"));
    let mut other = account("a@p.example");
    other["private_key"] = json!(account("x")["private_key"].as_str().unwrap().replace("MAMCAQA=", "MAMCAQE="));
    let refused = brought(&other).answers(401, vec![], r#"{"error":"invalid_grant"}"#).play_in(&settings, 1_000);
    assert_eq!((refused.status, refused.seen.len()), (401, 1));
    let late = scene.says(TOKEN.replace("one", "two")).says(ANSWER).play_in(&settings, HOUR_MS);
    assert_eq!(late.seen[1].headers.find("authorization"), Some("Bearer ya29.two"));
}

#[test]
fn a_refused_token_is_an_error_in_googles_words_and_nothing_is_asked_of_the_model() {
    let words = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
    for status in [400, 401] {
        let scene = deployed().answers(status, vec![("content-type", "application/json")], words).play();
        assert_eq!((scene.status, scene.seen.len()), (401, 1));
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains("Invalid JWT Signature."), "{}", scene.body);
    }
    for (fault, status) in [(Fault::TimedOut, 504), (Fault::Unreachable("dns".to_owned()), 502)] {
        let scene = deployed().fails(fault).play();
        assert_eq!((scene.status, scene.seen.len()), (status, 1));
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains("token"), "{}", scene.body);
    }
}

#[test]
fn an_account_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let mut abroad = account("a@p.example");
    abroad["token_uri"] = json!("https://evil.example/token");
    let mut unable = account("a@p.example");
    unable["private_key"] = json!(account("x")["private_key"].as_str().unwrap().replace("MAMCAQA=", "MAA="));
    for (account, words) in [(json!({}), "client_email"), (abroad, "token_uri"), (unable, "RSA")] {
        let scene = brought(&account).play();
        assert_eq!((scene.status, scene.seen.len()), (400, 0), "{}", scene.body);
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains(words), "{}", scene.body);
        assert_eq!(scene.json()["error"]["param"], "vertex-service-account-json");
    }
}

#[test]
fn a_project_that_is_named_goes_before_the_accounts_own() {
    for (scene, project) in [
        (deployed(), "own-project"),
        (deployed().var("VERTEX_AI_PROJECT_ID", "of-variable"), "of-variable"),
        (deployed().var("VERTEX_AI_PROJECT_ID", "of-variable").header("x-causeway-vertex-project-id", "of-header"), "of-header"),
    ] {
        let scene = scene.says(TOKEN).says(ANSWER).play();
        assert!(scene.seen[1].url.contains(&format!("/projects/{project}/")), "{}", scene.seen[1].url);
    }
}

#[test]
fn a_deployment_whose_only_key_is_an_account_serves_any_model_with_it() {
    let body = HELLO.replace("vertex-ai/", "");
    let scene = Scene { body, ..deployed() }.says(TOKEN).says(ANSWER).play();
    assert_eq!((scene.status, scene.header("x-causeway-provider")), (200, "vertex-ai"), "{}", scene.body);
}

#[test]
fn a_callers_own_token_is_used_as_it_is() {
    let scene = deployed().header("authorization", "Bearer ya29.mine").header("x-causeway-vertex-project-id", "p").says(ANSWER).play();
    assert_eq!((scene.status, scene.seen.len(), scene.signed.len()), (200, 1, 0), "{}", scene.body);
    assert_eq!(scene.seen[0].headers.find("authorization"), Some("Bearer ya29.mine"));
}

#[test]
fn the_deployments_account_signs_for_no_host_of_the_callers() {
    let scene = deployed().header("x-causeway-custom-host", "https://evil.example").play();
    assert_eq!((scene.status, scene.seen.len(), scene.signed.len()), (401, 0, 0), "{}", scene.body);
}

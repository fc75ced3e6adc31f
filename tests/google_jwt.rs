//! Tokens for Google's service accounts, up to the signature that only the host can make.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use causeway::providers::auth::google_jwt::*;
use causeway::wire::base64;
use serde_json::{Value, json};

const NOW_MS: u64 = 1_700_000_000_999;

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64::encode(der))
}

fn file() -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "kid-1", "private_key": pem(&[0x30, 1, 2]),
        "client_email": "a@p.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token"
    })
}

fn parsed(file: &Value) -> Result<ServiceAccount, causeway::error::Error> {
    ServiceAccount::parse(&file.to_string(), &["127.0.0.1:9000", "tokens.lan"])
}

fn with(name: &str, field: Value) -> Value {
    let mut file = file();
    file[name] = field;
    file
}

#[test]
fn a_claim_says_who_wants_what_from_whom_and_for_how_long() {
    let account = parsed(&file()).unwrap();
    assert_eq!(account.key_der().unwrap(), [0x30, 1, 2]);
    let claim = account.claim(NOW_MS);
    let assertion = claim.assertion(&[0xFB, 0xFF]);
    assert_eq!(assertion.as_bytes().strip_prefix(claim.signing_input()), Some(b".-_8".as_slice()));
    let parts: Vec<Value> =
        assertion.split('.').take(2).map(|part| serde_json::from_slice(&base64::decode(part).unwrap()).unwrap()).collect();
    assert_eq!(
        parts,
        [
            json!({"alg": "RS256", "typ": "JWT", "kid": "kid-1"}),
            json!({
                "iss": "a@p.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/cloud-platform",
                "aud": "https://oauth2.googleapis.com/token", "iat": 1_700_000_000, "exp": 1_700_003_600
            })
        ]
    );
    assert!(!assertion.contains(['=', '+', '/']));
    assert_eq!(token_body("a.b.c"), "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c");
}

#[test]
fn a_key_is_read_however_its_lines_end() {
    let bytes: Vec<u8> = [0x30].into_iter().chain(0..=255).collect();
    let text = base64::encode(&bytes);
    let (left, right) = text.split_at(64);
    for written in [
        pem(&bytes),
        format!("-----BEGIN PRIVATE KEY-----\r\n{left}\r\n{right}\r\n-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY-----\\n{left}\\n{right}\\n-----END PRIVATE KEY-----\\n"),
    ] {
        assert_eq!(parsed(&with("private_key", json!(written))).unwrap().key_der().unwrap(), bytes);
    }
}

#[test]
fn what_cannot_be_used_is_refused_without_telling_the_key() {
    for (file, words) in [
        (json!("x"), "JSON"),
        (json!({}), "client_email"),
        (with("type", json!("authorized_user")), "authorized_user"),
        (with("client_email", json!(" ")), "client_email"),
        (with("private_key", Value::Null), "private_key"),
        (with("private_key", json!("-----BEGIN RSA PRIVATE KEY-----\nMDEy\n-----END RSA PRIVATE KEY-----")), "PKCS#8"),
        (with("private_key", json!(pem(b"topsecret"))), "damaged"),
        (with("private_key", json!("-----BEGIN PRIVATE KEY-----\n!topsecret\n-----END PRIVATE KEY-----")), "damaged"),
    ] {
        let error = parsed(&file).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("vertex-service-account-json")));
        assert!(error.message.contains(words), "{}", error.message);
        assert!(!error.message.contains("topsecret"));
    }
    let shown = format!("{:?} {:?}", parsed(&file()).unwrap(), Token::decode(200, br#"{"access_token":"topsecret"}"#, 0).unwrap());
    assert!(!shown.contains("PRIVATE") && !shown.contains("topsecret"), "{shown}");
}

#[test]
fn statements_go_to_google_only() {
    for (uri, taken) in [
        ("https://oauth2.googleapis.com/token", true),
        ("https://sts.googleapis.com/v1/token", true),
        ("HTTPS://oauth2.googleapis.com/token", false),
        ("http://oauth2.googleapis.com/token", false),
        ("https://evil.example/token", false),
        ("https://googleapis.com.evil.example/token", false),
        ("https://evilgoogleapis.com/token", false),
        ("https://oauth2.googleapis.com@evil.example/token", false),
        ("https://evil.example\\.googleapis.com/token", false),
        ("https://evil.example?.googleapis.com/token", false),
        ("https://evil.example#.googleapis.com", false),
        ("https://oauth2.googleapis.com:8443/token", false),
        ("https://oauth2.googleapis.com/to ken", false),
        ("", false),
        // Hosts that the deployment trusts.
        ("http://127.0.0.1:9000/token", true),
        ("https://tokens.lan/a/token", true),
        ("http://127.0.0.1:9001/token", false),
        ("http://tokens.lan.evil.example/token", false),
        ("http://tokens.lan@evil.example/token", false),
        (" http://tokens.lan/token", false),
    ] {
        assert_eq!(parsed(&with("token_uri", json!(uri))).is_ok(), taken, "{uri}");
    }
    assert_eq!(parsed(&with("token_uri", Value::Null)).unwrap().token_uri, "https://oauth2.googleapis.com/token");
}

#[test]
fn a_token_is_used_until_a_minute_before_its_end() {
    let token = Token::decode(200, br#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#, NOW_MS).unwrap();
    assert_eq!(token.authorization(), "Bearer t");
    for (after_s, valid) in [(0, true), (3_538, true), (3_539, false), (3_599, false), (9_999, false)] {
        assert_eq!(token.valid(NOW_MS + after_s * 1_000), valid, "{after_s} s");
    }
    // An hour is the most there can be.
    let long = Token::decode(200, br#"{"access_token":"t","expires_in":1e12}"#, 0).unwrap();
    assert!(long.valid(3_539_999) && !long.valid(3_540_000));
}

#[test]
fn a_refused_token_says_why() {
    for (status, body, expected, words) in [
        (400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#, 401, "Invalid JWT Signature."),
        (401, r#"{"error":"unauthorized_client"}"#, 401, "unauthorized_client"),
        (200, r#"{"id_token":"x"}"#, 502, "status 200"),
        (503, "<html>", 503, "status 503"),
        (500, "", 502, "status 500"),
    ] {
        let error = Token::decode(status, body.as_bytes(), 0).unwrap_err();
        assert_eq!(error.status, expected, "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
    }
}
